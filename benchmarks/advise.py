"""Advice on shards against what then happens: its forecast, and 200 deletions from models of the whole table.

python benchmarks/advise.py [case ...] [--deletions 200] [--cpu] [--write docs/advice.md]
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, duration, machine, table
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

import expunge
from expunge.quantities import bytes_text
from expunge.rows import Table
from expunge.seeds import uniform64
from expunge.workspace.advice import Question, advise, measure
from expunge.workspace.advice.forecast import Choice
from expunge.workspace.advice.sample import FOLDS, draw_sample, units_of
from expunge.workspace.tabular.pipelines import make_estimator

#: By how much of the forecast a measurement may differ before it is called a miss.
WITHIN = {"share": 0.10, "p50": 0.30, "p95": 0.30, "storage": 0.10}


@dataclass(frozen=True)
class Case:
    """A table, the person of each record (or None), an estimator, and which shards and slices are tried."""

    X: Any
    y: Any
    people: Any
    estimator: Any
    shards: tuple[int, ...]
    slices: tuple[int, ...]
    sample: int


def digits() -> Case:
    X, y = load_digits(return_X_y=True)
    return Case(X / 16, y, None, SGDClassifier(loss="log_loss"), (5, 20), (1, 4), 1797)


def adult() -> Case:
    frame = pd.read_csv(DATA / "adult.csv.gz", keep_default_na=False).drop(columns="split")
    return Case(frame.drop(columns="income"), frame["income"], None, _logistic(), (5, 20), (1,), 10_000)


def diabetes() -> Case:
    """Patients of American hospitals, up to forty stays each."""
    frame = pd.read_csv(DATA / "diabetes_130us.csv.gz", keep_default_na=False, dtype={"patient_nbr": str})
    numbers = [name for name in frame if frame[name].dtype.kind in "iu" and not name.endswith(("_id", "_nbr"))]
    texts = ["race", "gender", "age", "A1Cresult", "insulin", "change", "diabetesMed"]
    return Case(
        frame[numbers + texts], frame["readmitted"] != "NO", frame["patient_nbr"], _logistic(), (20,), (1,), 8_000
    )


def _logistic() -> Any:
    return make_estimator("logistic", "classification")


CASES: dict[str, Callable[[], Case]] = {"digits": digits, "adult": adult, "diabetes": diabetes}


def compare(name: str, case: Case, n_deletions: int) -> Iterator[list[str]]:
    """A row for each number of shards and slices: forecast, then measured."""
    question = Question(deletions=n_deletions, deadline_s=3600, batch_s=0, shards=case.shards, slices=case.slices)
    measured = measure(
        case.estimator, case.X, case.y, subject_ids=case.people, question=question, sample=case.sample
    )  # fmt: skip
    for choice in advise(measured, question).choices:
        if not choice.is_plain:
            yield _row(f"{name}, {len(case.y):,}", choice, _happens(case, choice, n_deletions))


def _happens(case: Case, choice: Choice, n_deletions: int) -> dict[str, float]:
    """Fit on everything, save, and forget one person, or record, after another."""
    model = expunge.SISAClassifier(
        case.estimator, n_shards=choice.n_shards, n_slices=choice.n_slices, place_by=choice.place_by, seed=1
    )
    ids = np.arange(len(case.y))
    score = _score(clone(model), case, ids)
    model.fit(case.X, case.y, record_ids=ids, subject_ids=case.people)
    with tempfile.TemporaryDirectory() as folder:
        storage = model.save(Path(folder) / "model.expunge").stat().st_size
    rng = np.random.default_rng(0)
    what, names = ("record_ids", ids) if case.people is None else ("subjects", case.people.unique())
    shares, times = [], []
    for chosen in rng.choice(names, n_deletions, replace=False).tolist():
        removal = model.forget(**{what: [chosen]})
        times.append(removal.elapsed_s)
        shares.append(removal.work / model._most_work(model._rows()))
    return {
        "share": float(np.mean(shares)), "p50": float(np.quantile(times, 0.5)), "p95": float(np.quantile(times, 0.95)),
        "storage": storage, "score": score,
    }  # fmt: skip


def _score(model: Any, case: Case, ids: Any) -> float:
    """Accuracy on each fifth of the table, people whole, of a model of the rest; other fifths than the forecast's."""
    owners = None if case.people is None else case.people.to_numpy(dtype=object)
    units = units_of(Table(ids, case.X, subjects=owners), seed=3)
    sample = draw_sample(units, uniform64(3, "order", ids), len(ids))
    X, y = (a if hasattr(a, "iloc") else pd.DataFrame(a) for a in (case.X, pd.Series(case.y)))
    scores = []
    for fold in range(FOLDS):
        train, test = sample.rows[sample.fold != fold], sample.rows[sample.fold == fold]
        whose = None if owners is None else owners[train]
        model.fit(X.iloc[train], y.iloc[train], record_ids=ids[train], subject_ids=whose)
        scores.append(model.score(X.iloc[test], y.iloc[test]))
    return float(np.mean(scores))


def _row(name: str, choice: Choice, found: dict[str, float]) -> list[str]:
    said = {
        "share": choice.share, "p50": choice.p50_s, "p95": choice.p95_s, "storage": choice.storage_bytes,
        "score": choice.score.mean,
    }  # fmt: skip
    shown: dict[str, Callable[[float], str]] = {
        "share": lambda v: f"{100 * v:.2f} %", "p50": duration, "p95": duration, "storage": bytes_text,
        "score": lambda v: f"{v:.4f}",
    }  # fmt: skip
    cells, misses = [], []
    for key, text in shown.items():
        off = found[key] / said[key] - 1
        cells.append(f"{text(said[key])} / {text(found[key])}")
        if key in WITHIN and abs(off) > WITHIN[key]:
            misses.append(f"{key} {100 * off:+.0f} %")
    if not choice.score.low <= found["score"] <= choice.score.high:
        misses.append(f"score {found['score'] - choice.score.mean:+.4f}")
    by = " by person" if choice.place_by == "subject" else ""
    return [name, f"{choice.n_shards} × {choice.n_slices}{by}", *cells, ", ".join(misses) or "none"]


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--deletions", type=int, default=200)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--cpu", action="store_true", help="count CPU time, for a machine that others use too")
    args, _ = parser.parse_known_args()
    if args.cpu:
        time.perf_counter = time.process_time
    names = [name for name in args.cases if name in CASES] or list(CASES)
    rows, absent = [], []
    for name in names:
        try:
            case = CASES[name]()
        except FileNotFoundError:
            absent.append(name)
            continue
        rows += compare(name, case, args.deletions)
    head = ["table, records", "shards × slices", "share", "p50", "p95", "storage", "score", "misses"]
    note = (
        f"Each cell: forecast / measured. {args.deletions} deletions, one after another, from models of the whole "
        "table; the forecast was made on a sample of 8,000 (diabetes), 10,000 (adult) or all records (digits). The "
        "measured score is cross-validated on the whole table, in other folds. A miss is more than 10 % for share and "
        "storage, 30 % for times, and a score outside the forecast's interval. "
        f"{'CPU time' if args.cpu else 'Wall time'}, {machine()}."
        + (f" Not there: {', '.join(absent)}." if absent else "")
    )
    text = table("Advice on shards: forecast against what happened", head, rows, note)
    if args.write:
        page = args.write.read_text(encoding="utf-8")
        marks = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.DOTALL)
        body = text.partition("\n\n")[2]
        args.write.write_text(marks.sub(lambda m: f"{m[1]}{body}{m[2]}", page), encoding="utf-8")
    return text


if __name__ == "__main__":
    print(main())
