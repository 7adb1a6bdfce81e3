"""Small seeded data sets on which the contract is tried: a class, a target and a person for each row, and odd names."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags

__all__ = ["TableKind", "Task", "make_tasks"]

TableKind = Literal["numbers", "sparse", "frame", "texts", "questions", "interactions"]

_TOWNS = np.array(["Århus", "Köln", "東京", "Łódź", "Oslo"], dtype=object)
_WORDS = np.array(["red", "grün", "bleu", "白", "rosa", "grey", "teal", "noir"], dtype=object)
_N, _D = 54, 4


@dataclasses.dataclass(frozen=True)
class Task:
    """Rows with names.

    Parameters
    ----------
    name : str
    X : array, CSR array, frame or list of texts, n rows
    y : ndarray of shape (n,), or None
    ids, subjects : ndarray of shape (n,)
    """

    name: str
    X: Any
    y: npt.NDArray[Any] | None
    ids: npt.NDArray[Any]
    subjects: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int] | npt.NDArray[Any]) -> Task:
        """These rows, in this order, as copies."""
        rows = np.asarray(rows, dtype=np.intp)
        y = None if self.y is None else self.y[rows]
        return Task(self.name, take_rows(self.X, rows), y, self.ids[rows], self.subjects[rows])

    def drop(self, rows: Sequence[int] | npt.NDArray[Any]) -> Task:
        """All other rows."""
        return self.take(np.setdiff1d(np.arange(len(self)), rows))

    def replace(self, **values: Any) -> Task:
        """A copy with other values."""
        return dataclasses.replace(self, **values)

    def features(self) -> list[Any]:
        """What ``forget(features=...)`` calls the columns; empty for texts."""
        if hasattr(self.X, "columns"):
            return list(self.X.columns)
        return list(range(self.X.shape[1])) if hasattr(self.X, "shape") else []

    def without(self, feature: Any) -> Task:
        """All rows without one column."""
        if hasattr(self.X, "columns"):
            return self.replace(X=self.X.drop(columns=[feature]))
        return self.replace(X=self.X[:, np.delete(np.arange(self.X.shape[1]), feature)])

    def __repr__(self) -> str:
        return f"Task({self.name!r}, {len(self)} rows)"


def take_rows(X: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Rows of an array, CSR array, frame or list, as a copy."""
    if hasattr(X, "iloc"):
        return X.iloc[rows].copy()
    return X[rows] if hasattr(X, "shape") else [X[i] for i in rows]


def copy_of(X: Any) -> Any:
    """A deep copy of a table."""
    return X.copy(deep=True) if hasattr(X, "iloc") else X.copy()


def _table(kind: TableKind, rng: np.random.Generator, signal: npt.NDArray[Any], positive: bool) -> Any:
    """n rows that have something to do with the signal, shape (n,)."""
    n = len(signal)
    if kind == "texts":
        return [" ".join(rng.choice(_WORDS[: 5 + int(s) % 4], size=4)) for s in signal]
    numbers = rng.normal(size=(n, _D)) + np.outer(signal, np.linspace(1.0, -0.5, _D))
    numbers = np.abs(numbers) if positive else numbers
    if kind == "numbers":
        return numbers
    if kind == "sparse":
        from scipy import sparse

        return sparse.csr_array(np.where(rng.random(size=numbers.shape) < 0.3, 0.0, numbers))
    import pandas as pd

    if kind == "questions":
        asked = [f"{('Who', 'When')[int(s > 0)]} has a {_WORDS[int(abs(s) * 3) % 8]} hat?" for s in signal]
        told = [f"{town} has a {word} hat since {1900 + k}." for k, (town, word) in enumerate(_told(rng, signal))]
        return pd.DataFrame({"question": asked, "passage": told})
    towns = _TOWNS[(signal.astype(int) + rng.integers(0, 3, size=n)) % len(_TOWNS)]
    colours = _WORDS[rng.integers(0, 4, size=n)]
    colours[rng.random(n) < 0.1] = None
    columns = {
        "town": towns,
        "colour": pd.Categorical(colours),
        "height": numbers[:, 0],
        "age": rng.integers(18, 90, size=n),
    }
    return pd.DataFrame(columns)


def _marks(rng: np.random.Generator, users: npt.NDArray[Any]) -> Any:
    """How much each interaction counts."""
    import pandas as pd

    return pd.DataFrame({"user": users, "value": rng.integers(1, 6, size=len(users)).astype(float)})


def _things(rng: np.random.Generator, signal: Any, users: Any, ids: Any) -> npt.NDArray[Any]:
    """An item for each interaction, named as records are; a user returns to some, and one is there once."""
    places = (np.abs(signal * 3).astype(int) + rng.integers(0, 7, size=len(users))) % 11
    places[0] = 11
    return np.array(places * 3, dtype=np.int64) if ids.dtype.kind == "i" else np.append(_WORDS, _TOWNS)[places]


def _told(rng: np.random.Generator, signal: npt.NDArray[Any]) -> list[tuple[str, str]]:
    """A town and a colour for each passage; the colour is that of its question for most."""
    shift = rng.integers(0, 5, size=len(signal)) == 0
    colours = (np.abs(signal) * 3).astype(int) + shift
    return [(str(_TOWNS[k]), str(_WORDS[c % 8])) for k, c in zip(rng.integers(0, 5, len(signal)), colours, strict=True)]


def _answers(X: Any) -> npt.NDArray[Any]:
    """First or last word of each passage, as the question wants it."""
    words = [text.rstrip(".").split() for text in X["passage"]]
    who = X["question"].str.startswith("Who").tolist()
    return np.array([word[0] if first else word[-1] for word, first in zip(words, who, strict=True)], dtype=object)


def make_tasks(estimator: Any, table: TableKind = "numbers", *, seed: int = 0) -> tuple[Task, ...]:
    """The tasks an estimator can be tried on, from its tags.

    Parameters
    ----------
    estimator : estimator
    table : {"numbers", "sparse", "frame", "texts", "questions", "interactions"}
        The form of X: an array of four columns, a CSR array of four, a frame with texts, categories, floats and
        integers, a list of texts, a frame of questions and passages, whose targets are answers, or a frame of users and
        values, whose targets are items; a user is a subject there, and every row has one.
    seed : int

    Returns
    -------
    tuple of Task
        For classifiers: three classes with integer ids that are neither sorted nor dense and subjects by name; two
        classes with texts as ids and integers as subjects; labels, ids and subjects outside ASCII, some rows about
        nobody. For others: two tables of these kinds.
    """
    rng = np.random.default_rng(seed)
    positive = bool(get_tags(estimator).input_tags.positive_only)
    numbers = rng.permutation(np.arange(-40, 10 * _N, 7))[:_N].astype(np.int64)
    texts = np.array([f"r-{i:03d}" for i in rng.permutation(10 * _N)[:_N]], dtype=object)
    names = np.array([f"søren-{i:02d}-☃" for i in rng.permutation(_N)], dtype=object)
    persons = np.array([f"p-{i}" for i in rng.integers(0, 12, size=_N)], dtype=object)
    people = rng.integers(100, 112, size=_N).astype(np.int64)
    some = persons.copy()
    some[rng.random(_N) < 0.3] = None

    def task(name: str, y: Any, signal: Any, ids: Any, subjects: Any) -> Task:
        if table == "interactions":
            users = np.array(["søren" if s is None else s for s in subjects.tolist()], dtype=object)
            return Task(name, _marks(rng, users), _things(rng, signal, users, ids), ids, users)
        X = _table(table, rng, signal, positive)
        return Task(name, X, _answers(X) if table == "questions" else y, ids, subjects)

    if is_classifier(estimator):
        three, two = rng.permutation(np.arange(_N) % 3), rng.permutation(np.arange(_N) % 2)
        words = np.array(["ja", "nein", "čaj"], dtype=object)
        tasks = [
            task("binary", two * 2 - 1, two * 2.0, texts, people),
            task("string labels", words[three], three * 2.0, names, some),
        ]
        if not get_tags(estimator).classifier_tags.multi_class:
            return (tasks[0],)
        return task("multiclass", three * 10, three * 2.0, numbers, persons), *tasks
    signal = rng.normal(size=_N)
    needs = is_regressor(estimator) or get_tags(estimator).target_tags.required
    y = signal * 3.0 + rng.normal(size=_N) * 0.1 if needs else None
    return task("numbers as ids", y, signal, numbers, persons), task("texts as ids", y, signal, names, some)
