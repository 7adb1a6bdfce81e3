"""What a workload brings: rows under ids, labels, persons; and who plays which part in an experiment."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.digest import leaf
from expunge.errors import InvalidDataError
from expunge.lab.tasks import CLASSES, Task
from expunge.seeds import uniform64

__all__ = ["Data", "Records", "Split", "invent_subjects", "split"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[Any]
Kind = Literal["image", "table", "text"]

#: Ends of the shares of training, validation, held-out and test records.
_SHARES = (0.5, 0.6, 0.8)


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """Rows, labels and whose they are.

    Parameters
    ----------
    name : str
    kind : {"image", "table", "text"}
    X : array of shape (n, d), data frame, array of str of shape (n,), or images that are decoded when asked for
        Images as rows of numbers from 0 to 1.
    y : ndarray of shape (n,)
        Classes from 0 on, as integers; of numbers, numbers; of anomalies 1, which no model gets to see.
    ids : ndarray of int, shape (n,)
    subjects : ndarray of object, shape (n,)
        Whom each record is about.
    classes : tuple of str
        Names of the classes.
    shape : tuple of int
        (channels, height, width) of images; else empty.
    split_by : {"subject", "record"}
        Whether all records of a person play the same part.
    is_test : ndarray of bool, shape (n,), optional
        The test records that the authors of the data named; default: a fifth is drawn.
    task : Task
        What is asked for, and how good an answer is.
    """

    name: str
    kind: Kind
    X: Any
    y: Labels
    ids: Ints
    subjects: npt.NDArray[Any]
    classes: tuple[str, ...]
    shape: tuple[int, ...] = ()
    split_by: Literal["subject", "record"] = "subject"
    is_test: Bools | None = None
    task: Task = CLASSES

    def __post_init__(self) -> None:
        n = len(self.y)
        if not len(self.ids) == len(self.subjects) == self.X.shape[0] == n:
            raise InvalidDataError(f"The workload {self.name!r} has rows, labels, ids and subjects of other numbers.")
        if n and self.classes and (self.y.min() < 0 or self.y.max() >= len(self.classes)):
            raise InvalidDataError(f"The workload {self.name!r} has a label that is none of its classes.")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    def rows(self, places: npt.NDArray[Any]) -> Any:
        """The rows at these places."""
        return self.X.iloc[places] if hasattr(self.X, "iloc") else self.X[places]

    def digest(self) -> str:
        """SHA-256 of everything, as 64 hexadecimal digits."""
        rows = self.X.digest_parts() if hasattr(self.X, "digest_parts") else self.X
        parts = [self.kind, rows, self.y, self.ids, self.subjects, list(self.classes)]
        return leaf(parts if self.is_test is None else [*parts, self.is_test]).hex()


@dataclasses.dataclass(frozen=True, eq=False)
class Records:
    """Training records: all that a method gets to see.

    Parameters
    ----------
    X, y, ids, subjects
        As in :class:`Data`.
    n_classes : int
        Of the workload; a class may have no record here.
    task : Task
    """

    X: Any
    y: Labels
    ids: Ints
    subjects: npt.NDArray[Any]
    n_classes: int
    task: Task = CLASSES

    @classmethod
    def of(cls, data: Data, chosen: Bools) -> Records:
        """The chosen records of a workload."""
        places = np.flatnonzero(chosen)
        return cls(
            data.rows(places), data.y[places], data.ids[places], data.subjects[places], data.n_classes, data.task
        )

    def __len__(self) -> int:
        return len(self.y)

    def without(self, ids: npt.NDArray[Any]) -> Records:
        """All but these."""
        places = np.flatnonzero(~np.isin(self.ids, ids))
        X = self.X.iloc[places] if hasattr(self.X, "iloc") else self.X[places]
        return dataclasses.replace(self, X=X, y=self.y[places], ids=self.ids[places], subjects=self.subjects[places])

    def only(self, ids: npt.NDArray[Any]) -> Records:
        """These alone."""
        return self.without(self.ids[~np.isin(self.ids, ids)])


class Split(NamedTuple):
    """Masks over the records of a workload; each is in one.

    Parameters
    ----------
    train, validation, held_out, test : ndarray of bool, shape (n,)
    """

    train: Bools
    validation: Bools
    held_out: Bools
    test: Bools


def split(data: Data, seed: int) -> Split:
    """Who is trained on (one half), validated on (a tenth), held out for the audit and tested on (a fifth each).

    Parameters
    ----------
    data : Data
    seed : int
        Seed of evaluation. The part of a record follows from it and from the person's name (or the record's id) alone.

    Notes
    -----
    Where the data name their test records, those are tested on, and the others are shared out in the same proportions.
    """
    by_subject = data.split_by == "subject"
    drawn = uniform64(seed, "lab part", data.subjects if by_subject else data.ids).astype(np.float64)
    whole = 1.0 if data.is_test is None else _SHARES[-1]
    part = np.searchsorted(np.array([share / whole * 2.0**64 for share in _SHARES]), drawn, side="right")
    if data.is_test is not None:
        part = np.where(data.is_test, 3, np.minimum(part, 2))
    return Split(*(part == i for i in range(4)))


def invent_subjects(ids: Ints, *, records_each: int = 5) -> npt.NDArray[Any]:
    """Persons for data that names none: each owns about so many records, drawn by the ids."""
    n_people = max(1, len(ids) // records_each)
    owner = uniform64(0, "lab owner", ids) % np.uint64(n_people)
    return np.array([f"p-{number:05d}" for number in owner], dtype=object)
