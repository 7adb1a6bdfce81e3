"""The demonstration: people are forgotten by three methods, and each is compared with a fit that never knew them.

The data are scikit-learn's digits, real and bundled; the people who own them are invented. Everything that is printed
was computed by the public verbs: ``fit``, ``forget``, ``learn``, ``digest``.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from expunge.errors import FileNotUsableError
from expunge.files.whole import write_whole
from expunge.lab.demo_influence import InfluencePicture, influence_picture
from expunge.methods import find_method
from expunge.quantities import duration_text, share_text
from expunge.seeds import uniform64

__all__ = ["DemoResult", "ModelRow", "run_demo"]

N_PEOPLE, N_FORGOTTEN, N_SHARDS, REPEATS = 300, 5, 20, 3
SEED = 0


@dataclasses.dataclass(frozen=True)
class ModelRow:
    """One model of the table.

    Parameters
    ----------
    name, what : str
        Of the method, and in words.
    guarantee : str
        Kind of the guarantee.
    is_equal : bool
        Whether the digest after forgetting equals that of a fit that never knew the people.
    work : int
        Records read again.
    elapsed_s : float
        Median time of forgetting.
    work_share, time_share : float
        The same, as a share of what the first model, trained again, takes.
    accuracy_before, accuracy_after, accuracy_retrained : float
        On records of the test part.
    """

    name: str
    what: str
    guarantee: str
    is_equal: bool
    work: int
    elapsed_s: float
    work_share: float
    time_share: float
    accuracy_before: float
    accuracy_after: float
    accuracy_retrained: float


@dataclasses.dataclass(frozen=True)
class DemoResult:
    """What the demonstration found.

    Parameters
    ----------
    models : tuple of ModelRow
    n_records, n_forgotten : int
        Records learned, and forgotten.
    shards : tuple of (int, bool)
        Records in each shard of the SISA model, and whether forgetting touched it.
    influence : InfluencePicture
        What one record does to a decision.
    elapsed_s : float
    report, results : Path or None
        Files written.
    """

    models: tuple[ModelRow, ...]
    n_records: int
    n_forgotten: int
    shards: tuple[tuple[int, bool], ...]
    influence: InfluencePicture
    elapsed_s: float
    report: Path | None = None
    results: Path | None = None

    columns: ClassVar[tuple[str, ...]] = (
        "model", "guarantee", "equals a fresh fit", "records read", "work vs retrain", "time", "time vs retrain",
        "accuracy before", "accuracy after", "accuracy retrained",
    )  # fmt: skip
    title: ClassVar[str] = f"{N_FORGOTTEN} of {N_PEOPLE} people forgotten"

    def rows(self) -> list[list[str]]:
        """The table as texts."""
        return [
            [
                row.name, row.guarantee, "yes" if row.is_equal else "no", f"{row.work:,}", share_text(row.work_share),
                duration_text(row.elapsed_s), share_text(row.time_share), _points(row.accuracy_before),
                _points(row.accuracy_after), _points(row.accuracy_retrained),
            ]
            for row in self.models
        ]  # fmt: skip

    def closing(self) -> list[str]:
        """What to say below the table."""
        touched = sum(was for _, was in self.shards)
        return [
            f"{self.n_forgotten} of {self.n_records:,} records forgotten; "
            f"SISA trained {touched} of its {N_SHARDS} parts again.",
            f"Report: {self.report}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; without pictures and without the name of anybody."""
        return {
            "title": self.title, "n_people": N_PEOPLE, "n_people_forgotten": N_FORGOTTEN, "n_records": self.n_records,
            "n_forgotten": self.n_forgotten, "models": [dataclasses.asdict(row) for row in self.models],
            "shards": [{"records": n, "touched": was} for n, was in self.shards],
            "influence": self.influence.to_dict(), "elapsed_s": self.elapsed_s,
            "report": None if self.report is None else str(self.report),
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class People:
    """Digits with invented owners: what is learned, and what the accuracy is measured on."""

    X: npt.NDArray[np.float64]
    y: npt.NDArray[np.int64]
    ids: npt.NDArray[Any]
    owners: npt.NDArray[Any]
    X_test: npt.NDArray[np.float64]
    y_test: npt.NDArray[np.int64]


def run_demo(out: str | Path | None = None) -> DemoResult:
    """Run the demonstration.

    Parameters
    ----------
    out : path, optional
        Folder for ``report.html`` and ``results.json``; made if it is not there. Default: nothing is written.

    Returns
    -------
    DemoResult

    Raises
    ------
    FileNotUsableError
        The folder cannot be made.
    """
    start = time.perf_counter()
    folder = None if out is None else Path(out)
    if folder is not None and (not folder.absolute().parent.is_dir() or (folder.exists() and not folder.is_dir())):
        raise FileNotUsableError(f"Cannot make the folder {str(folder)!r}.", hint="Give another name to --out.")
    people = invent_people()
    leavers = sorted(set(people.owners.tolist()))[17 :: N_PEOPLE // N_FORGOTTEN]
    models, shards = compare(people, leavers)
    result = DemoResult(
        models=models, n_records=len(people.ids), n_forgotten=int(np.isin(people.owners, leavers).sum()),
        shards=shards, influence=influence_picture(), elapsed_s=time.perf_counter() - start,
    )  # fmt: skip
    return result if folder is None else _write(result, folder, start)


def _write(result: DemoResult, folder: Path, start: float) -> DemoResult:
    from expunge.lab.demo_page import report_html

    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise FileNotUsableError(f"Cannot make the folder {str(folder)!r}: {error.strerror}.") from error
    page = report_html(result).encode()
    report = write_whole(folder / "report.html", lambda stream: stream.write(page), for_others=True)
    results = folder / "results.json"
    done = dataclasses.replace(result, elapsed_s=time.perf_counter() - start, report=report, results=results)
    text = json.dumps(done.to_dict(), indent=2) + "\n"
    write_whole(results, lambda stream: stream.write(text.encode()), for_others=True)
    return done


def invent_people() -> People:
    """Give the digits to invented people: everybody owns four or five records. A quarter is kept for testing."""
    X, y = load_digits(return_X_y=True)
    number = np.arange(len(y), dtype=np.int64)
    is_test = uniform64(SEED, "demo test", number) % 4 == 0
    train = number[~is_test]
    train = train[np.argsort(uniform64(SEED, "demo owner", train), kind="stable")]
    owners = np.array([f"p-{i % N_PEOPLE:03d}" for i in range(len(train))], dtype=object)
    ids = np.array([f"{owner}/{i // N_PEOPLE}" for i, owner in enumerate(owners)], dtype=object)
    return People(X[train], y[train], ids, owners, X[is_test], y[is_test])


def shard_of_owner(record_id: str, row: object) -> int:
    """All records of a person go into one shard, so that forgetting somebody touches one."""
    owner = np.array([record_id.partition("/")[0]], dtype=object)
    return int(uniform64(SEED, "demo shard", owner)[0] % N_SHARDS)


def compare(people: People, leavers: Sequence[str]) -> tuple[tuple[ModelRow, ...], tuple[tuple[int, bool], ...]]:
    """Fit, forget and fit afresh with each method."""
    logistic = make_pipeline(StandardScaler(), LogisticRegression(solver="saga", tol=1e-3, max_iter=1000))
    sisa = find_method("SISAClassifier")(logistic, n_shards=N_SHARDS, partition=shard_of_owner)
    entries = (
        (
            "Retrain",
            "one logistic regression, trained again on everything left",
            find_method("RetrainClassifier")(logistic),
        ),
        ("SISA", f"{N_SHARDS} logistic regressions, each on its own group of people, averaged", sisa),
        (
            "MultinomialNB",
            "naive Bayes, kept as exact sums that records are subtracted from",
            find_method("MultinomialNB")(),
        ),
    )
    rows: list[ModelRow] = []
    for name, what, model in entries:
        rows.append(_row(name, what, model, people, leavers, rows[0] if rows else None))
    shard = np.array([shard_of_owner(record, None) for record in people.ids])
    touched = set(shard[np.isin(people.owners, leavers)].tolist())
    return tuple(rows), tuple((int((shard == k).sum()), k in touched) for k in range(N_SHARDS))


def _row(name: str, what: str, model: Any, people: People, leavers: Sequence[str], base: ModelRow | None) -> ModelRow:
    left, gone = ~np.isin(people.owners, leavers), np.isin(people.owners, leavers)
    fresh = _fit(clone(model), people, left)
    _fit(model, people, left | gone)
    before = float(model.score(people.X_test, people.y_test))
    removals = []
    for repeat in range(REPEATS):
        removals.append(model.forget(subjects=leavers))
        if repeat < REPEATS - 1:  # put them back, bit for bit, to measure the time once more
            model.learn(people.X[gone], people.y[gone], record_ids=people.ids[gone], subject_ids=people.owners[gone])
    work, elapsed_s = removals[-1].work, statistics.median(removal.elapsed_s for removal in removals)
    return ModelRow(
        name=name, what=what, guarantee=removals[-1].guarantee.kind, is_equal=model.digest() == fresh.digest(),
        work=work, elapsed_s=elapsed_s, work_share=work / base.work if base else 1.0,
        time_share=elapsed_s / base.elapsed_s if base else 1.0, accuracy_before=before,
        accuracy_after=float(model.score(people.X_test, people.y_test)),
        accuracy_retrained=float(fresh.score(people.X_test, people.y_test)),
    )  # fmt: skip


def _fit(model: Any, people: People, who: npt.NDArray[np.bool_]) -> Any:
    return model.fit(people.X[who], people.y[who], record_ids=people.ids[who], subject_ids=people.owners[who])


def _points(share: float) -> str:
    """A quality, to a tenth."""
    return f"{100 * share:.1f} %"
