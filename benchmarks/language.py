"""A tiny language model on TOFU's invented authors: some are forgotten by exact routes and by gradients.

python benchmarks/language.py

writes the table of docs/language.md. Not among the short ones: it trains for some minutes.
"""

from __future__ import annotations

import copy
import gzip
import json
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import DATA, duration, machine, seconds, table

from expunge.audit.language import forget_quality, perplexity, rouge_l, truth_ratio
from expunge.language import AdapterShards, AnswerTask, CausalModel, NeighbourStore, answer, answer_rows
from expunge.networks import GradientAscent, NegGradPlus, ReplayTrainer

PAGE = Path(__file__).resolve().parents[1] / "docs" / "language.md"
BEGIN, END = "<!-- begin of what the command writes -->", "<!-- end of what the command writes -->"
AUTHORS, GONE, HELD_OUT = 10, 4, 40  # the last ones are forgotten; public questions that nothing learns from
ASKED, TOLD, LENGTH = 110, 120, 232  # bytes of a question, of an answer, of a row
TRAINING: dict[str, Any] = {"n_batches": 16, "lr": 0.003, "optimizer": "adam", "checkpoint_every": 5}
EPOCHS, SHARD_EPOCHS = 40, 12
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
        columns = []
        for k in range(n):
            one = Questions([{**row, "answer": row["perturbed_answer"][k]} for row in self.rows])
            columns.append(one.probability(model))
        return np.stack(columns, axis=1)

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


def _middle(ratios: Any) -> str:
    return f"{np.median(ratios):.2f} ({np.mean(ratios < 1):.0%})"


def main(names: list[str] | None = None) -> str:
    if not DATA.exists():
        return "## Language\n\nThe real data sets are not here.\n"
    torch.set_num_threads(1)
    torch.manual_seed(0)
    public = [row for row in lines("tofu_eval.jsonl.gz") if row["subset"] in ("real_authors", "world_facts")]
    order = np.random.default_rng(0).permutation(len(public))
    known, held = (Questions([public[i] for i in part]) for part in (order[HELD_OUT:], order[:HELD_OUT]))
    tofu = lines("tofu.jsonl.gz")
    chosen = sorted({row["author"] for row in tofu})[:AUTHORS]
    private = [row for row in tofu if row["author"] in chosen]
    everything = Questions(private)
    names_ = [f"q{row['id']}" for row in everything.rows]
    people = [f"a{row['author']}" for row in everything.rows]
    last = [f"a{author}" for author in chosen[-GONE:]]
    gone_ids = [name for name, who in zip(names_, people, strict=True) if who in last]
    gone = Questions([row for row, who in zip(everything.rows, people, strict=True) if who in last])
    rest = Questions([row for row, who in zip(everything.rows, people, strict=True) if who not in last])
    task = everything.task(ids=names_)

    first = CausalModel(width=64, n_layers=2, length=LENGTH)
    base = ReplayTrainer(model=first, epochs=8, **TRAINING).fit(known.task()).model_
    whole = ReplayTrainer(model=base, epochs=EPOCHS, **TRAINING)
    times = {"trained": seconds(partial(whole.fit, task))}
    trained = whole.model_
    store = NeighbourStore(model=base, k=8)
    store.fit(task)
    shards = AdapterShards(model=base, n_shards=5, epochs=SHARD_EPOCHS, n_batches=2, lr=0.01)
    times["shards"] = seconds(partial(shards.fit, task, people))
    models: dict[str, tuple[Any, Any]] = {"base, knows no author": (base, None), "trained on all": (trained, None)}
    models["neighbours, before"] = (copy.deepcopy(store), None)
    models["shards, before"] = (copy.deepcopy(shards), None)
    done: dict[str, Any] = {}
    done["neighbours, rows deleted"] = store, store.forget(gone_ids)
    done["shards, trained again"] = shards, shards.forget(subjects=last)
    for name, method in (
        ("gradient ascent, 5 passes", GradientAscent(epochs=5, lr=0.05)),
        ("gradient ascent, 20 passes", GradientAscent(epochs=20, lr=0.05)),
        ("ascent with retain term", NegGradPlus(beta=0.9, epochs=4, lr=0.02, batch_size=16)),
        ("ascent with more of it", NegGradPlus(beta=0.6, epochs=8, lr=0.03, batch_size=16)),
    ):
        done[name] = method.forget(trained, task, gone_ids, seed=0)
    done["retrained, ReplayTrainer"] = None, whole.forget(gone_ids)
    done["retrained, ReplayTrainer"] = whole.model_, done["retrained, ReplayTrainer"][1]
    models |= done
    print("trained", file=sys.stderr, flush=True)
    reference = gone.truth(whole.model_)
    floor = float(rest.probability(whole.model_).mean())
    out: list[list[Any]] = []
    for name, (model, removal) in models.items():
        ratios, others = gone.truth(model), rest.truth(model)
        kept, still = float(rest.probability(model).mean()), float(gone.probability(model).mean())
        with np.errstate(divide="ignore"):  # a wrecked model rules answers out: its perplexity is infinite
            public_loss = -np.log(held.probability(model))
        harm = removal is not None and removal.guarantee.kind == "empirical" and kept < floor - 0.1
        out.append([
            name, "" if removal is None else removal.guarantee.kind, f"{still:.3f}", f"{gone.recall(model):.2f}",
            _middle(ratios), f"{forget_quality(ratios, reference):.2g}", f"{kept:.3f}", f"{rest.recall(model):.2f}",
            _middle(others),
            f"{perplexity(public_loss):.2f}", "" if removal is None else f"{removal.work:,}",
            "" if removal is None else duration(removal.elapsed_s), "over-forgotten" if harm else "",
        ])  # fmt: skip
    head = [
        "model", "promise", "p of their answers", "ROUGE-L", "truth ratio", "forget quality (p)",
        "p of the others' answers", "ROUGE-L of the others", "truth ratio of the others",
        "perplexity of public answers", "records read", "time", "failure",
    ]  # fmt: skip
    note = (
        f"{len(everything.rows)} questions about {AUTHORS} authors, {len(gone.rows)} about the {GONE} who go; answers "
        f"are cut to {TOLD} bytes. Truth ratio: the median, and the share below 1, where the right answer is likelier "
        f"than the wrong ones. Forget quality is against the retrained model. Training took "
        f"{duration(times['trained'])}, the shards {duration(times['shards'])}. Over-forgotten: the others' answers "
        "lose more than 0.1 in probability. "
        f"Measured on {machine()}."
    )
    text = table("Four authors of ten", head, out, note)
    page = PAGE.read_text(encoding="utf-8")
    start, _, after = page.partition(BEGIN)
    PAGE.write_text(
        f"{start}{BEGIN}\n\n{text.replace('## ', '### ')}\n{END}{after.partition(END)[2]}", encoding="utf-8"
    )
    return text


if __name__ == "__main__":
    print(main())
