"""A tiny language model on TOFU's invented authors: some are forgotten by exact routes and by gradients.

python benchmarks/language.py [draw ...]

writes the table of docs/language.md; with numbers of draws, only prints their lines. Not among the short ones: it
trains for some minutes for each of three draws.
"""

from __future__ import annotations

import gzip
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import DATA, duration, machine, table

from expunge.audit.knowledge import knowledge_kept
from expunge.audit.language import forget_quality, perplexity, rouge_l, truth_ratio
from expunge.language import (
    AdapterShards,
    AnswerBlueprint,
    AnswerTask,
    CausalModel,
    NeighbourStore,
    answer,
    answer_rows,
)
from expunge.networks import GradientAscent, NegGradPlus, ReplayTrainer, register

PAGE = Path(__file__).resolve().parents[1] / "docs" / "language.md"
BEGIN, END = "<!-- begin of what the command writes -->", "<!-- end of what the command writes -->"
AUTHORS, GONE, HELD_OUT = 4, 2, 40  # the last ones are forgotten; public questions that nothing learns from
DRAWS = (0, 1, 2)  # each has authors, first weights and held-out questions of its own
ALLOWED = {"others": 0.1, "public": math.log(1.5)}  # probability of an answer; factor of the perplexity, in nats
ASKED, TOLD, LENGTH = 90, 70, 162  # bytes of a question, of an answer, of a row
TRAINING: dict[str, Any] = {"n_batches": 8, "lr": 0.003, "optimizer": "adam", "checkpoint_every": 5}
EPOCHS, SHARD_EPOCHS = 30, 12
SHOWN = 4  # answers that are written out, for ROUGE-L


def lines(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Questions:
    """Rows of TOFU whose questions are short enough, cut to their first bytes."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = [row for row in rows if len(row["question"].encode()) <= ASKED]

    def task(self, answers: str = "answer", ids: list[str] | None = None) -> AnswerTask:
        asked = [row["question"] for row in self.rows]
        told = [str(row[answers])[:TOLD] for row in self.rows]
        return AnswerTask(answer_rows(asked, told, length=LENGTH), record_ids=ids)

    def probability(self, model: Any, answers: str = "answer") -> Any:
        """P(answer | question)^(1 / length) of each row."""
        return _measured(model, self.task(answers))

    def wrong(self, model: Any) -> Any:
        """The same of each of the wrong answers, shape (n, k)."""
        n = min(len(row["perturbed_answer"]) for row in self.rows)
        others = [Questions([{**row, "answer": row["perturbed_answer"][k]} for row in self.rows]) for k in range(n)]
        return np.stack([other.probability(model) for other in others], axis=1)

    def truth(self, model: Any) -> Any:
        """Truth ratio of each row."""
        return truth_ratio(self.probability(model, "paraphrased_answer"), self.wrong(model))

    def recall(self, model: Any) -> float:
        rows = self.rows[:SHOWN]
        told = answer(model, [row["question"] for row in rows], most=TOLD, length=LENGTH)
        return statistics.fmean(rouge_l(a, row["answer"][:TOLD]) for a, row in zip(told, rows, strict=True))


@torch.no_grad()
def _measured(model: Any, task: AnswerTask) -> Any:
    out = []
    for part in np.array_split(np.arange(len(task)), -(-len(task) // 20)):
        batch = task.batch(part, torch.device("cpu"))
        out.append(task.measure(model(batch.inputs), batch.targets).numpy().astype(float))
    return np.concatenate(out)


class Draw:
    """Authors, the questions about them, and a model that knows public questions only."""

    def __init__(self, number: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(number)
        public = [row for row in lines("tofu_eval.jsonl.gz") if row["subset"] in ("real_authors", "world_facts")]
        order = np.random.default_rng(number).permutation(len(public))
        known, self.held = (Questions([public[i] for i in part]) for part in (order[HELD_OUT:], order[:HELD_OUT]))
        tofu = lines("tofu.jsonl.gz")
        chosen = sorted({row["author"] for row in tofu})[number * AUTHORS : (number + 1) * AUTHORS]
        everything = self.everything = Questions([row for row in tofu if row["author"] in chosen])
        self.names = [f"q{row['id']}" for row in everything.rows]
        self.people = [f"a{row['author']}" for row in everything.rows]
        self.last = [f"a{author}" for author in chosen[-GONE:]]
        goes = [who in self.last for who in self.people]
        self.gone_ids = [name for name, go in zip(self.names, goes, strict=True) if go]
        self.gone = Questions([row for row, go in zip(everything.rows, goes, strict=True) if go])
        self.rest = Questions([row for row, go in zip(everything.rows, goes, strict=True) if not go])
        self.task, self.number = everything.task(ids=self.names), number
        first = CausalModel(width=64, n_layers=2, length=LENGTH)
        self.base: Any = ReplayTrainer(model=first, epochs=8, seed=number, **TRAINING).fit(known.task()).model_


def models_of(draw: Draw) -> dict[str, tuple[Any, Any]]:
    """Models before and after, with the removal of each that forgot."""
    base, gone = draw.base, draw.gone_ids
    whole = ReplayTrainer(model=base, epochs=EPOCHS, seed=draw.number, **TRAINING).fit(draw.task)
    trained: Any = whole.model_

    class Authors(AnswerBlueprint):
        length = LENGTH

        def backbone(self, n_features: int) -> Any:
            return base

    register("authors", Authors)
    common = {"record_ids": draw.names, "subject_ids": draw.people}
    rows = draw.everything.rows
    asked, told = [row["question"] for row in rows], [row["answer"][:TOLD] for row in rows]
    store = NeighbourStore(task="authors", n_neighbors=8).fit(asked, told, **common)
    shards = AdapterShards(
        task="authors", n_shards=5, epochs=SHARD_EPOCHS, n_batches=2, lr=0.01, seed=draw.number
    ).fit(asked, told, **common)  # fmt: skip
    out: dict[str, tuple[Any, Any]] = {
        "base, knows no author": (base, None),
        "trained on all": (trained, None),
        "neighbours, before": (store.network_, None),
        "shards, before": (shards.network_, None),
    }
    removals = store.forget(subjects=draw.last), shards.forget(subjects=draw.last)
    out["neighbours, rows deleted"] = store.network_, removals[0]
    out["shards, trained again"] = shards.network_, removals[1]
    rough: dict[str, GradientAscent | NegGradPlus] = {
        "gradient ascent, 5 passes": GradientAscent(epochs=5, lr=0.05),
        "ascent with retain term": NegGradPlus(beta=0.9, epochs=4, lr=0.02, batch_size=16),
        "ascent with more of it": NegGradPlus(beta=0.6, epochs=8, lr=0.03, batch_size=16),
    }
    for name, method in rough.items():
        out[name] = method.forget(trained, draw.task, gone, seed=draw.number)
    removal = whole.forget(gone)
    return {**out, "retrained, ReplayTrainer": (whole.model_, removal)}


def measured(number: int) -> list[dict[str, Any]]:
    """One draw: a line for each model."""
    start = time.process_time()
    draw = Draw(number)
    models = models_of(draw)
    retrained = models["retrained, ReplayTrainer"][0]
    reference, others, known = (draw.gone.truth(retrained), draw.rest.probability(retrained), _nats(draw, retrained))
    out = []
    for name, (model, removal) in models.items():
        ratios, kept, public = draw.gone.truth(model), draw.rest.probability(model), _nats(draw, model)
        verdicts = (
            knowledge_kept(kept, others[None], tolerance=ALLOWED["others"]).verdict,
            knowledge_kept(public, known[None], tolerance=ALLOWED["public"]).verdict,
        )
        out.append({
            "draw": number, "model": name, "kind": "" if removal is None else removal.guarantee.kind,
            "p": float(draw.gone.probability(model).mean()), "rouge": draw.gone.recall(model),
            "truth": float(np.median(ratios)), "below": float(np.mean(ratios < 1)),
            "quality": forget_quality(ratios, reference), "p_rest": float(kept.mean()),
            "rouge_rest": draw.rest.recall(model), "truth_rest": float(np.median(draw.rest.truth(model))),
            "perplexity": perplexity(-public), "work": None if removal is None else removal.work,
            "time": None if removal is None else removal.elapsed_s, "verdicts": verdicts,
            "n": len(draw.names), "n_gone": len(draw.gone_ids),
        })  # fmt: skip
        print(json.dumps(out[-1]), file=sys.stderr, flush=True)
    print(f"draw {number}: {time.process_time() - start:.0f} s", file=sys.stderr, flush=True)
    return out


def _nats(draw: Draw, model: Any) -> Any:
    """log p of a byte of public answers, for each question; a wrecked model rules some out."""
    with np.errstate(divide="ignore"):
        return np.log(draw.held.probability(model))


def _spread(values: list[float], form: str = ".2f") -> str:
    return f"{statistics.fmean(values):{form}} ± {statistics.stdev(values) if len(values) > 1 else 0.0:{form}}"


def _range(values: list[float]) -> str:
    forms = (f"{value:.2g}" if value < 1 else f"{value:.0f}" for value in (min(values), max(values)) if value < 1e6)
    low, high = (*forms, "over a million", "over a million")[:2]
    return low if low == high else f"{low} to {high}"


def page_of(found: list[list[dict[str, Any]]]) -> str:
    """The table: each line over all draws."""
    out: list[list[Any]] = []
    for rows in zip(*found, strict=True):
        column = {key: [row[key] for row in rows] for key in rows[0]}
        kind, removed = column["kind"][0], column["work"][0] is not None
        over = sum("over-forgotten" in verdicts for verdicts in column["verdicts"])
        out.append([
            column["model"][0], kind, _spread(column["p"], ".3f"), _spread(column["rouge"]),
            f"{_spread(column['truth'])} ({statistics.fmean(column['below']):.0%})", _range(column["quality"]),
            _spread(column["p_rest"], ".3f"), _spread(column["rouge_rest"]), _spread(column["truth_rest"]),
            _range(column["perplexity"]), f"{statistics.fmean(column['work']):,.0f}" if removed else "",
            duration(statistics.median(column["time"])) if removed else "",
            f"over-forgotten in {over} of {len(rows)}" if kind == "empirical" and over else "",
        ])  # fmt: skip
    head = [
        "model", "promise", "p of their answers", "ROUGE-L", "truth ratio", "forget quality (p)",
        "p of the others' answers", "ROUGE-L of the others", "truth ratio of the others",
        "perplexity of public answers", "records read", "time", "failure",
    ]  # fmt: skip
    sizes = ", ".join(f"{rows[0]['n']} of which {rows[0]['n_gone']}" for rows in found)
    note = (
        f"{len(found)} draws, each with {AUTHORS} authors, first weights and held-out questions of its own; mean ± "
        f"standard deviation, or the range. Questions: {sizes} are about the {GONE} who go; answers are cut to {TOLD} "
        "bytes. Truth ratio: the median, and the share below 1, where the right answer is likelier than the wrong. "
        "Forget quality is against the retrained model. Over-forgotten, by `knowledge_kept` against the retrained "
        "model (an exact route is its own): the others' answers lose more than "
        f"{ALLOWED['others']} in probability, or the perplexity of {HELD_OUT} public answers grows by more than "
        f"{math.exp(ALLOWED['public']) - 1:.0%}. Measured on {machine()}."
    )
    return table("Two authors of four", head, out, note)


def main(*names: str) -> str:
    if not DATA.exists():
        return "## Language\n\nThe real data sets are not here.\n"
    found = [measured(int(number)) for number in names or DRAWS]
    text = page_of(found)
    if names:
        return text
    page = PAGE.read_text(encoding="utf-8")
    start, _, after = page.partition(BEGIN)
    PAGE.write_text(
        f"{start}{BEGIN}\n\n{text.replace('## ', '### ')}\n{END}{after.partition(END)[2]}", encoding="utf-8"
    )
    return text


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
