"""Text classifiers that forget: quality and cost for a document, an author, 1 % and 5 %, and speed on six sets at once.

python benchmarks/text.py [quality] [speed] [linear] [memory] [audits]

writes the tables of docs/text.md; with one name, only prints that one.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measure import DATA, duration, each, in_turn, machine, middle, ratio, seconds, spent, table
from sklearn.base import clone
from sklearn.feature_extraction import text as told
from sklearn.linear_model import RidgeClassifier as ToldRidge
from sklearn.naive_bayes import MultinomialNB as ToldMultinomial
from sklearn.pipeline import make_pipeline as told_pipeline

import expunge
from expunge.lab import Cell, run_cells
from expunge.lab.results import read_run

PAGE = Path(__file__).resolve().parents[1] / "docs" / "text.md"
BEGIN, END = "<!-- begin of what the command writes -->", "<!-- end of what the command writes -->"
SIX = ("sst2", "rt_polarity", "imdb_10k", "newsgroups20", "ag_news_test", "sms_spam")
#: Vectorisers of ours beside scikit-learn's, and how much faster than a refit one document is to be forgotten.
VECTORS: dict[str, tuple[Any, Any, int]] = {
    "counts": (expunge.CountVectorizer(), told.CountVectorizer(), 1000),
    "tf-idf, no norm": (expunge.TfidfVectorizer(norm=None), told.TfidfVectorizer(norm=None), 1000),
    "tf-idf, l2": (expunge.TfidfVectorizer(), told.TfidfVectorizer(), 100),
}
#: Tasks and models of the laboratory that are audited, the requests, and what stands beside forgetting.
AUDITED = {
    "sentences": ("bayes",), "sentiment": ("bayes",), "films": ("bayes",), "topics": ("bayes",), "news": ("bayes",),
    "messages": ("bayes", "words-ridge"),
}  # fmt: skip
ASKED = {"record@8": "8 documents", "subject@5": "5 authors", "random@0.01": "1 %", "random@0.05": "5 %"}
PERSONS = {"topics": "5 authors", "films": "5 films"}  # the sets that say whose a text is
WAYS = {"forget": "forgotten", "do-nothing": "nothing"}
REPEATS = 3  # of fits on the six sets
SINGLE = 25  # documents that are forgotten one by one


class Texts(NamedTuple):
    """Texts with labels, some for training, and the author (or the film) of each where that is known."""

    texts: list[str]
    y: Any
    is_train: Any
    authors: Any = None
    whose: str = ""


def records(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def texts_of(name: str) -> Texts:
    rows = records(name)
    texts, y = [row["text"] for row in rows], np.array([row["label"] for row in rows])
    if "split" in rows[0]:
        is_train = np.array([row["split"] == "train" for row in rows])
    else:  # no official split: every fourth is for the test
        is_train = np.arange(len(rows)) % 4 > 0
    whose = next((column for column in ("author", "movie") if column in rows[0]), None)
    authors = np.array([row[whose] for row in rows], dtype=object) if whose else None
    return Texts(texts, y, is_train, authors, "film" if whose == "movie" else "author")


def six() -> tuple[list[str], Any]:
    """All six sets as one, whose labels say the set, too."""
    texts: list[str] = []
    labels: list[str] = []
    for name in SIX:
        rows = records(name)
        texts += [row["text"] for row in rows]
        labels += [f"{name} {row['label']}" for row in rows]
    return texts, np.array(labels, dtype=object)


def ours(vectors: Any) -> Any:
    return expunge.make_pipeline(clone(vectors), expunge.MultinomialNB(alpha=0.1))


def theirs(vectors: Any) -> Any:
    return told_pipeline(clone(vectors), ToldMultinomial(alpha=0.1))


def quality() -> str:
    """Accuracy before, after and retrained; digests; cost against scikit-learn's refit on what is left."""
    lines: list[list[Any]] = []
    for name in SIX:
        data = texts_of(name)
        at = np.flatnonzero(data.is_train)
        test = np.flatnonzero(~data.is_train)
        asked, wanted = [data.texts[i] for i in test], data.y[test]
        for kind, (vectors, twin, _) in VECTORS.items():
            model = ours(vectors).fit([data.texts[i] for i in at], data.y[at], record_ids=at)
            before, left = model.score(asked, wanted), at
            for what, gone in requests(data, at):
                gone = gone[np.isin(gone, left)]
                left = left[~np.isin(left, gone)]
                taken = seconds(partial(model.forget, gone))
                texts, y = [data.texts[i] for i in left], data.y[left]
                refit = seconds(partial(theirs(twin).fit, texts, y))
                fresh = ours(vectors).fit(texts, y, record_ids=left)
                same = "equal" if model.digest() == fresh.digest() else "DIFFERENT"
                scores = [f"{s:.4f}" for s in (before, model.score(asked, wanted), fresh.score(asked, wanted))]
                lines.append([name, kind, what, len(gone), *scores, same, duration(taken), f"{refit / taken:,.0f} ×"])
    head = ["set", "features", "forget", "documents", "before", "after", "retrained", "digest", "time", "faster"]
    note = (
        "Multinomial naive Bayes, alpha 0.1; accuracy on the test part. One model forgets the lines of a set in turn. "
        "Faster than scikit-learn's refit on what is left."
    )
    return table("Quality and cost", head, lines, note)


def requests(data: Texts, at: Any) -> list[tuple[str, Any]]:
    """One document, the author of most documents, and a share of all."""
    rng = np.random.default_rng(0)
    out = [("one document", at[17:18])]
    if data.authors is not None:
        names, often = np.unique(data.authors[at].astype(str), return_counts=True)
        most = names[int(np.argmax(often))]
        out.append((f"one {data.whose}", at[data.authors[at] == most]))
    return [*out, *((f"{share} %", rng.choice(at, len(at) * share // 100, replace=False)) for share in (1, 5))]


def speed() -> str:
    """Six sets as one: fit and forgetting single documents."""
    texts, y = six()
    lines = []
    for kind, (vectors, twin, target) in VECTORS.items():
        model, other = ours(vectors), theirs(twin)
        times = in_turn(
            {"ours": partial(model.fit, texts, y), "theirs": partial(other.fit, texts, y)}, repeats=REPEATS, warmup=0
        )
        model.predict(texts[:1])
        gone = np.random.default_rng(1).choice(len(texts), SINGLE, replace=False)
        single = each([partial(model.forget, [int(i)]) for i in gone])
        answer = seconds(partial(model.predict, texts[:1]))
        left = np.delete(np.arange(len(texts)), gone)
        fresh = ours(vectors).fit([texts[i] for i in left], y[left], record_ids=left)
        same = "equal" if model.digest() == fresh.digest() else "DIFFERENT"
        refit, middling = statistics.median(times["theirs"]), statistics.median(single)
        lines.append([
            kind, f"{len(texts):,}", middle(times["theirs"]), ratio(times["ours"], times["theirs"]), middle(single),
            f"{refit / middling:,.0f} × (target {target:,} ×)", same, duration(answer),
        ])  # fmt: skip
    head = [
        "features", "documents", "scikit-learn's fit", "our fit ÷ that (target 2)", "forget one document",
        "scikit-learn's refit ÷ that", "digest", "first prediction afterwards",
    ]  # fmt: skip
    note = f"{SINGLE} documents, one by one. Measured on {machine()}."
    return table("Six sets as one", head, lines, note)


def linear() -> str:
    """Ridge regression, certificates and shards behind words: accuracy, digests, and cost against their own refit."""
    words = {"max_features": 2000}
    models: dict[str, Any] = {
        "ridge, counts": expunge.make_pipeline(expunge.CountVectorizer(**words), expunge.RidgeClassifier()),
        "ridge, tf-idf, no norm": expunge.make_pipeline(
            expunge.TfidfVectorizer(norm=None, **words), expunge.RidgeClassifier()
        ),
        "ridge, tf-idf, l2": expunge.make_pipeline(expunge.TfidfVectorizer(**words), expunge.RidgeClassifier()),
        "10 shards of tf-idf and ridge (scikit-learn)": expunge.SISAClassifier(
            told_pipeline(told.TfidfVectorizer(), ToldRidge()), n_shards=10, aggregation="vote"
        ),
        "certified logistic regression, 256 hashed columns": expunge.make_pipeline(
            expunge.HashingVectorizer(n_features=256),
            expunge.CertifiedLogisticRegression(alpha=20.0, sigma=1.0, norm_bound=1.0, noise_seed=0),
        ),
    }
    lines: list[list[Any]] = []
    for name in ("sst2", "newsgroups20"):
        data = texts_of(name)
        at, test = np.flatnonzero(data.is_train), np.flatnonzero(~data.is_train)
        asked, wanted = [data.texts[i] for i in test], data.y[test]
        for kind, unfitted in models.items():
            if name == "newsgroups20" and not kind.startswith("ridge, tf-idf"):
                continue  # certificates are of two classes, and the others cost what they cost on sentences
            model, left = clone(unfitted).fit([data.texts[i] for i in at], data.y[at], record_ids=at), at
            before = model.score(asked, wanted)
            for what, gone in requests(data, at):
                gone = gone[np.isin(gone, left)]
                left = left[~np.isin(left, gone)]
                (taken,) = spent([partial(model.forget, gone)])
                fresh = clone(unfitted)
                (refit,) = spent([partial(fresh.fit, [data.texts[i] for i in left], data.y[left], record_ids=left)])
                same = "equal" if model.digest() == fresh.digest() else "differs"
                scores = [f"{s:.4f}" for s in (before, model.score(asked, wanted), fresh.score(asked, wanted))]
                kind_of = model.plan([int(left[0])]).guarantee.kind
                lines.append(
                    [
                        name,
                        kind,
                        what,
                        len(gone),
                        *scores,
                        f"{kind_of}, {same}",
                        duration(taken),
                        f"{refit / taken:,.1f} ×",
                    ]
                )
    head = [
        "set", "model", "forget", "documents", "before", "after", "retrained", "guarantee, digest", "time",
        "refit ÷ that",
    ]  # fmt: skip
    note = (
        "Ridge on the 2,000 most frequent words. A certificate is a distance, so its digest differs, and each of its "
        "models has noise of its own. The refit is that "
        "of the same model on what is left. Processor time, on one thread."
    )
    return table("Linear models and shards", head, lines, note)


def memory() -> str:
    """Peak of memory while 100,000 documents come as a stream, in a process of its own for each model."""
    lines = []
    for name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer", "PassageIndex"):
        told_ = subprocess.run([sys.executable, __file__, "_memory", name], capture_output=True, text=True, check=True)
        before, texts_, after = json.loads(told_.stdout)
        lines.append([name, f"{texts_ - before:,} MiB", f"{after - texts_:,} MiB"])
    head = ["model", "the texts themselves", "beyond them, at the peak of fit and one removal"]
    return table(
        "Memory of 100,000 documents",
        head,
        lines,
        "80 words each, drawn from films; a process of its own for each model.",
    )


def _memory(name: str) -> None:
    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    model = getattr(expunge, name)()
    model.fit(["warm up"])
    before = peak()
    rng = np.random.default_rng(0)
    words = np.array([word for row in records("imdb_10k") for word in row["text"].split()][:200_000], dtype=object)
    texts = [" ".join(words[rng.integers(0, len(words), 80)].tolist()) for _ in range(100_000)]
    middle_ = peak()
    model.fit(texts)
    model.forget([5])
    print(json.dumps([before, middle_, peak()]))


def audits() -> str:
    """What the audit says of models that forgot and of models that did nothing, by the laboratory."""
    os.environ.setdefault("EXPUNGE_DATA", str(DATA))
    cells = [
        Cell.parse(f"{task}@1500/{model}/{request}/{way}/s0")
        for task, models in AUDITED.items() for model in models
        for request in ASKED if request != "subject@5" or task in PERSONS for way in WAYS
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run_cells(cells, folder)
        run = read_run(folder)
    lines = []
    for cell in cells:
        told, s = run.scores[cell.id]["scores"], cell.scenario
        task, asked = s.workload.partition("@")[0], ASKED[s.request]
        gap = f"{told['attack_reference_low']:.2f} to {told['attack_reference_high']:.2f}"
        lines.append([
            task, s.model, PERSONS.get(task, asked) if s.request == "subject@5" else asked, told["n_forgotten"],
            WAYS[s.method],
            f"{told['forget_accuracy']:.3f}", f"{told['forget_reference']:.3f}", f"{told['attack_auc']:.2f}", gap,
            told["verdict"], f"{told['power']:.2f}", "equal" if told["is_equal"] else "differs",
        ])  # fmt: skip
    head = [
        "task", "model", "forget", "documents", "what was done", "accuracy on them", "of retrained models",
        "AUC of the attack", "on retrained models", "verdict", "power", "digest",
    ]  # fmt: skip
    note = (
        "1,500 documents of which half are learned; 40 models retrained without the forgotten ones, 14 trained with "
        "them. `expunge lab run topics@1500/bayes/subject@5/forget/s0` gives one line. A single document cannot be "
        "audited alone: an audit needs two."
    )
    return table("Audits", head, lines, note)


def main(*names: str) -> str:
    if not DATA.exists():
        return "## Text\n\nThe real data sets are not here.\n"
    parts = {"speed": speed, "quality": quality, "linear": linear, "memory": memory, "audits": audits}
    if names and names[0] == "_memory":
        _memory(names[1])
        return ""
    if names:
        return "\n".join(parts[name]() for name in names)
    text = "\n".join(make() for make in parts.values())
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    written = text.replace("\n## ", "\n### ").replace("## ", "### ", 1) if text.startswith("## ") else text
    PAGE.write_text(f"{head}{BEGIN}\n\n{written}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return text


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
