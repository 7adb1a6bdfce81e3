"""Questions answered from passages: quality on XQuAD split by article, forgetting articles, and an index of 100,000.

python benchmarks/questions.py [quality] [forgetting] [cost] [index]

writes the tables of docs/questions.md; with names, only prints those.
"""

from __future__ import annotations

import gzip
import json
import re
import resource
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measure import DATA, duration, machine, middle, seconds, spent, table
from text import SIX, records

from expunge import PassageIndex, SpanReader
from expunge.text import answer_questions, exact_match, f1

PAGE = Path(__file__).resolve().parents[1] / "docs" / "questions.md"
BEGIN, END = "<!-- begin of what the command writes -->", "<!-- end of what the command writes -->"
FOLDS, FORGOTTEN, LEFT_OUT = 4, 12, 24  # parts of the articles; articles that are forgotten; retrains without another
PASSAGES, WORDS, ASKED, SINGLE = 100_000, 80, 200, 200  # of the large index; words of a passage
SENTENCE = re.compile(r"(?<=[.!?])\s+")


class Articles:
    """XQuAD: questions and passages, by article."""

    def __init__(self) -> None:
        with gzip.open(DATA / "xquad_en.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.X = np.array([[row["question"], row["context"]] for row in rows], dtype=object)
        self.y = np.array([row["answers"][0] for row in rows], dtype=object)
        self.of = np.array([row["title"] for row in rows], dtype=object)
        known = {row["context"]: row["title"] for row in rows}
        self.passages, self.article = np.array(list(known), dtype=object), np.array(list(known.values()), dtype=object)
        self.titles = np.random.default_rng(0).permutation(sorted(set(self.of))).tolist()

    def index(self, without: tuple[str, ...] = (), **given: Any) -> PassageIndex:
        """An index of the passages of all articles but these."""
        kept = np.flatnonzero(~np.isin(self.article, without))
        return PassageIndex(**given).fit(self.passages[kept], record_ids=kept, subject_ids=self.article[kept])

    def reader(self, without: tuple[str, ...] = ()) -> SpanReader:
        """A reader trained on the questions about all articles but these."""
        kept = np.flatnonzero(~np.isin(self.of, without))
        return SpanReader().fit(self.X[kept], self.y[kept], record_ids=kept, subject_ids=self.of[kept])


def scores(given: Any, wanted: Any) -> tuple[float, float]:
    """Exact match and F1."""
    pairs = list(zip(given, wanted, strict=True))
    return float(np.mean([exact_match(a, b) for a, b in pairs])), float(np.mean([f1(a, b) for a, b in pairs]))


def answers(index: Any, reader: Any, questions: Any) -> list[str]:
    return [one.text if one else "" for one in answer_questions(index, reader, list(questions))]


def best_sentence(question: str, passage: str) -> str:
    words = set(re.findall(r"\w+", question.lower()))
    return max(SENTENCE.split(passage), key=lambda one: len(words & set(re.findall(r"\w+", one.lower()))))


def quality() -> str:
    """Recall of the index; exact match and F1 of the reader on articles it never saw, beside the two sentences."""
    data = Articles()
    lines: list[list[Any]] = []
    for name, given in (("words", {}), ("words, without English stop words", {"stop_words": "english"})):
        hits = data.index(least_coverage=0.0, **given).search(data.X[:, 0])
        right = [[hit.text == passage for hit in found] for found, passage in zip(hits, data.X[:, 1], strict=True)]
        first, five = np.mean([r[:1] == [True] for r in right]), np.mean([any(r) for r in right])
        lines.append([f"index of {name}", f"recall@1 {first:.3f}", f"recall@5 {five:.3f}"])
    read, behind, index = np.empty_like(data.y), np.empty_like(data.y), data.index()
    for fold in range(FOLDS):
        held = tuple(data.titles[fold::FOLDS])
        test, reader = np.isin(data.of, held), data.reader(held)
        read[test], behind[test] = reader.predict(data.X[test]), answers(index, reader, data.X[test, 0])
    sentences = [SENTENCE.split(passage)[0] for passage in data.X[:, 1]]
    for name, given in (
        ("reader, given the passage", read), ("reader behind the index", behind),
        ("first sentence of the passage", sentences),
        ("sentence with most words of the question", [best_sentence(q, p) for q, p in data.X]),
    ):  # fmt: skip
        em, mean = scores(given, data.y)
        lines.append([name, f"exact match {em:.3f}", f"F1 {mean:.3f}"])
    note = f"{len(data.y):,} questions on {len(data.passages)} passages of {len(data.titles)} articles; {FOLDS} folds."
    return table("Quality", ["what", "", ""], lines, note)


def forgetting() -> str:
    """Articles forgotten in index and reader: their answers, and those of the others, against systems without them."""
    data = Articles()
    index, reader = data.index(), data.reader()
    before = np.array([f1(a, b) for a, b in zip(answers(index, reader, data.X[:, 0]), data.y, strict=True)])
    fresh: dict[str, Any] = {}
    lines: list[list[Any]] = []
    moves, equal = [], []
    for title in data.titles[:FORGOTTEN]:
        other_index, other_reader = data.index(), data.reader()
        other_index.forget(subjects=title)
        other_reader.forget(subjects=title)
        never = data.index((title,)), data.reader((title,))
        fresh[title] = never
        same = (other_index.digest(), other_reader.digest()) == tuple(model.digest() for model in never)
        about = data.of == title
        after = np.array(
            [f1(a, b) for a, b in zip(answers(other_index, other_reader, data.X[:, 0]), data.y, strict=True)]
        )
        without = np.array([f1(a, b) for a, b in zip(answers(*never, data.X[about, 0]), data.y[about], strict=True)])
        nothing = np.mean([one is None for one in answer_questions(other_index, other_reader, list(data.X[about, 0]))])
        moves.append(float(after[~about].mean() - before[~about].mean()))
        equal.append(same)
        lines.append([
            title.replace("_", " "), int(about.sum()), f"{before[about].mean():.3f}", f"{after[about].mean():.3f}",
            f"{without.mean():.3f}", f"{nothing:.0%}", f"{moves[-1]:+.4f}", "equal" if same else "DIFFERENT",
        ])  # fmt: skip
    spread = []
    for title in data.titles[FORGOTTEN : FORGOTTEN + LEFT_OUT]:
        kept = data.of != title
        found = answers(data.index((title,)), data.reader((title,)), data.X[kept, 0])
        mean = float(np.mean([f1(a, b) for a, b in zip(found, data.y[kept], strict=True)]))
        spread.append(mean - float(before[kept].mean()))
    head = [
        "article", "questions", "F1 before", "F1 after", "F1 of a system that never had it", "no passage",
        "F1 of the others moves by", "digests",
    ]  # fmt: skip
    note = (
        f"The others move by {min(moves):+.4f} to {max(moves):+.4f}. Retrains without one of {LEFT_OUT} other articles "
        f"move the others of theirs by {min(spread):+.4f} to {max(spread):+.4f}."
    )
    return table("Articles forgotten", head, lines, note)


def cost() -> str:
    """Forgetting a record, an article, 1 % and 5 %, against a refit."""
    data, rng = Articles(), np.random.default_rng(0)
    lines = []
    for name, model, n in (("index", data.index(), len(data.passages)), ("reader", data.reader(), len(data.y))):
        refit = statistics.median(seconds(getattr(data, name)) for _ in range(3))
        requests: list[tuple[str, dict[str, Any]]] = [
            (f"one {'passage' if name == 'index' else 'question'}", {"record_ids": [17]}),
            ("one article", {"subjects": data.titles[5]}),
        ]
        for share in (1, 5):
            requests.append((f"{share} %", {"share": share}))
        for what, given in requests:
            if "share" in given:
                left = model.record_ids_
                given = {"record_ids": rng.choice(left, n * given["share"] // 100, replace=False)}
            removals: list[Any] = []
            taken = seconds(lambda model=model, given=given, out=removals: out.append(model.forget(**given)))
            left = np.sort(model.record_ids_)
            rows = (
                (data.passages[left], None, data.article) if name == "index" else (data.X[left], data.y[left], data.of)
            )
            fresh = type(model)().fit(*rows[:2], record_ids=left, subject_ids=rows[2][left])
            same = "equal" if fresh.digest() == model.digest() else "DIFFERENT"
            lines.append([name, what, removals[0].n_forgotten, duration(taken), f"{refit / taken:,.0f} ×", same])
    return table("Cost", ["model", "forget", "records", "time", "refit ÷ that", "digest"], lines)


def index() -> str:
    """An index of 100,000 passages of the six text sets: questions, and passages forgotten one by one."""
    passages: list[str] = []
    for name in SIX:
        for row in records(name):
            words = row["text"].split(" ")
            passages += [" ".join(words[start : start + WORDS]) for start in range(0, len(words), WORDS)]
    passages = [passages[i] for i in np.random.default_rng(0).permutation(len(passages))[:PASSAGES]]
    questions = Articles().X[:ASKED, 0]
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = PassageIndex()
    (fit,) = spent([partial(model.fit, passages)])
    model.search(questions[:5])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asked = spent([partial(model.search, [question]) for question in questions])
    model.forget([0])  # the first one numbers the ids
    gone = np.arange(1, 1 + SINGLE)
    single = spent([partial(model.forget, [int(i)]) for i in gone])
    again = spent([partial(model.search, [question]) for question in questions])
    loaded = PassageIndex().fit(passages[1 + SINGLE :], record_ids=np.arange(1 + SINGLE, len(passages)))
    same = "equal" if loaded.digest() == model.digest() else "DIFFERENT"
    ninety = duration(float(np.quantile(single, 0.9)))
    lines = [
        ["fit", duration(fit)],
        ["a question (target 20 ms)", middle(asked)],
        ["a question after the forgetting", middle(again)],
        ["forget a passage (target 5 ms)", f"{middle(single)}; nine of ten within {ninety}"],
        ["refit ÷ forget", f"{fit / statistics.median(single):,.0f} ×"],
        ["digest", same],
        ["memory of fit and questions, beyond the texts", f"{(peak - held) / 1024:,.0f} MiB"],
    ]
    note = (
        f"{len(passages):,} passages of {WORDS} words; {ASKED} questions, {SINGLE} passages; processor time, on one "
        f"thread. Measured on {machine()}."
    )
    return table("An index of 100,000 passages", ["what", ""], lines, note)


def main(*names: str) -> str:
    if not DATA.exists():
        return "## Questions\n\nThe real data sets are not here.\n"
    parts = {"quality": quality, "forgetting": forgetting, "cost": cost, "index": index}
    text = "\n".join(make() for name, make in parts.items() if not names or name in names)
    if names:
        return text
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{text.replace('## ', '### ')}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return text


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
