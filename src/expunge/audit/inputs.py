"""The one edge where bad input is refused: probabilities, labels, scores, and who is forgotten and who is held out.

An audit looks at n records. Each is *forgotten* (the request named it), *held out* (no model ever trained on it), or
neither (kept, only used for context). What a model says about a record is kept as *signals*, one number a record:

``logit``
    log of the probability of the true class against all others; for regression minus the squared error.
``entropy``, ``modified_entropy``
    of the whole output, turned so that higher means surer.
``correct``
    1 where the predicted class is the true one, else 0.

The first is required, and what is missing is not used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.audit.copies import alike
from expunge.audit.entropy import entropy
from expunge.audit.label_only import label_only
from expunge.audit.logit import FLOOR, logit_confidence
from expunge.audit.modified_entropy import modified_entropy
from expunge.errors import InvalidDataError
from expunge.table.ids import check_ids, check_unique

__all__ = ["SIGNALS", "References", "Scores", "check_probabilities", "signals_of"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Names of the signals, each higher for what looks more like a member.
SIGNALS = ("logit", "entropy", "modified_entropy", "correct")

_TOLERANCE = 1e-3  # float32 outputs of a thousand classes sum to one within this


def check_probabilities(probabilities: Any, labels: Any) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Probabilities of classes and the true class of each record, or a sentence that says what is wrong.

    Parameters
    ----------
    probabilities : array of shape (n, k), or (m, n, k) for m models
        Each row sums to one.
    labels : array of int, shape (n,)
        Column of the true class of each record.

    Raises
    ------
    InvalidDataError
        Shapes that do not fit, one class only, values that are not finite or no probabilities, rows that do not sum to
        one, labels out of range.
    """
    p = np.asarray(probabilities)
    y = np.asarray(labels)
    if p.ndim not in (2, 3) or p.shape[-1] < 2:
        raise InvalidDataError(
            f"Probabilities must have the shape (records, classes) with two classes or more, got {p.shape}.",
            hint="Of two classes give both columns.",
        )
    if y.shape != p.shape[-2:-1]:
        raise InvalidDataError(f"{p.shape[-2]} records with probabilities but labels of shape {y.shape}.")
    if not np.issubdtype(y.dtype, np.integer) or (y.size and (y.min() < 0 or y.max() >= p.shape[-1])):
        raise InvalidDataError(
            f"Labels must be columns of the probabilities, integers from 0 to {p.shape[-1] - 1}.",
            hint="np.searchsorted(model.classes_, y) makes them.",
        )
    if not np.issubdtype(p.dtype, np.floating) or not np.isfinite(p).all():
        raise InvalidDataError("Probabilities must be finite numbers.", hint="Look for NaN in the model's output.")
    if p.size and (p.min() < 0 or p.max() > 1 + _TOLERANCE):
        raise InvalidDataError(
            f"Probabilities must lie between 0 and 1, got {p.min():.3g} to {p.max():.3g}.",
            hint="Logits go through a softmax first.",
        )
    gap = float(np.abs(p.sum(axis=-1) - 1).max()) if p.size else 0.0
    if gap > _TOLERANCE:
        raise InvalidDataError(
            f"The probabilities of a record sum to one; here one sum is off by {gap:.3g}.",
            hint="Give the output of a softmax, not of one sigmoid for each class.",
        )
    return p.astype(np.float64, copy=False), y.astype(np.int64)


def signals_of(probabilities: Any, labels: Any, *, floor: float = FLOOR) -> dict[str, Floats]:
    """The four signals of one model, or of m models at once.

    Parameters
    ----------
    probabilities : array of shape (n, k) or (m, n, k)
    labels : array of int, shape (n,)
    floor : float
        Least probability that is told from 0. Of a forest of T trees ``1 / (2 T)``, because it cannot tell less.

    Returns
    -------
    dict of ndarray
        Of shape (n,) or (m, n).

    Examples
    --------
    >>> signals = signals_of(np.array([[0.75, 0.25]]), np.array([0]))
    >>> round(float(signals["logit"][0]), 4), float(signals["correct"][0])
    (1.0986, 1.0)
    """
    p, y = check_probabilities(probabilities, labels)
    return {
        "logit": logit_confidence(p, y, floor=floor),
        "entropy": entropy(p),
        "modified_entropy": modified_entropy(p, y),
        "correct": label_only(p.argmax(axis=-1), y),
    }


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What the audited model says about the records of an audit.

    Parameters
    ----------
    signals : mapping of str to ndarray of shape (n,)
        By the names of :data:`SIGNALS`; ``logit`` is required.
    is_forgotten : ndarray of bool, shape (n,)
        Records that the model is said to have forgotten.
    is_held_out : ndarray of bool, shape (n,)
        Records of the same kind that no model ever trained on.
    ids : ndarray of shape (n,), optional
        Record ids, to say that none is in both sets; default: 0 to n - 1. They are in no report.
    labels : ndarray of int, shape (n,), optional
        True classes; for class-wise thresholds and strata.
    groups : ndarray of str, shape (n,), optional
        Subgroup of each record; for strata.
    outputs : ndarray of shape (n, k), optional
        Probabilities, for the distances between outputs.

    Raises
    ------
    InvalidDataError
        Sets that overlap or are too small, a class that is forgotten but never held out, one class only, signals that
        are constant or not finite.

    Examples
    --------
    >>> scores = Scores.from_probabilities(
    ...     np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]), np.array([0, 1, 0, 1]),
    ...     is_forgotten=np.array([True, True, False, False]), is_held_out=np.array([False, False, True, True]))
    >>> scores.n_forgotten, scores.n_held_out
    (2, 2)
    """

    signals: Mapping[str, Floats]
    is_forgotten: Bools
    is_held_out: Bools
    ids: npt.NDArray[Any] | None = None
    labels: npt.NDArray[np.int64] | None = None
    groups: npt.NDArray[Any] | None = None
    outputs: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.is_forgotten)
        _check_signals(self.signals, (n,))
        for name in ("is_forgotten", "is_held_out"):
            mask = getattr(self, name)
            if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (n,):
                raise InvalidDataError(f"{name} must be a boolean array with one value for each of the {n} records.")
        for name in ("ids", "labels", "groups"):
            column = getattr(self, name)
            if column is not None and np.shape(column) != (n,):
                raise InvalidDataError(f"{name} has shape {np.shape(column)}, but there are {n} records.")
        _check_outputs(self.outputs, (n,))
        self._check_sets()

    @classmethod
    def from_probabilities(
        cls, probabilities: Any, labels: Any, *, is_forgotten: Any, is_held_out: Any, ids: Any = None,
        groups: Any = None, floor: float = FLOOR,
    ) -> Scores:  # fmt: skip
        """From the probabilities that a classifier gives; see :func:`check_probabilities`."""
        signals = signals_of(probabilities, labels, floor=floor)
        return cls(
            signals=signals, is_forgotten=np.asarray(is_forgotten), is_held_out=np.asarray(is_held_out),
            ids=None if ids is None else np.asarray(ids), labels=np.asarray(labels).astype(np.int64),
            groups=None if groups is None else np.asarray(groups), outputs=np.asarray(probabilities, dtype=np.float64),
        )  # fmt: skip

    @property
    def n_forgotten(self) -> int:
        """Records in the forget set."""
        return int(self.is_forgotten.sum())

    @property
    def n_held_out(self) -> int:
        """Records held out."""
        return int(self.is_held_out.sum())

    def _check_sets(self) -> None:
        both = self.is_forgotten & self.is_held_out
        if both.any():
            raise InvalidDataError(
                f"{int(both.sum()):,} records are forgotten and held out at once.",
                hint="Held-out records are those that no model, not even the first, was trained on.",
            )
        if self.ids is not None:
            every = check_ids(self.ids)
            used = every[self.is_forgotten | self.is_held_out]
            check_unique(used)
        if self.n_forgotten < 2 or self.n_held_out < 2:
            raise InvalidDataError(
                f"An audit needs two records of each kind, got {self.n_forgotten} forgotten and "
                f"{self.n_held_out} held out."
            )
        if self.labels is not None:
            if not np.issubdtype(self.labels.dtype, np.integer) or self.labels.min() < 0:
                raise InvalidDataError("labels must be integers from 0 on: columns of the probabilities.")
            forgotten, held = np.unique(self.labels[self.is_forgotten]), np.unique(self.labels[self.is_held_out])
            if len(np.union1d(forgotten, held)) < 2:
                raise InvalidDataError(
                    "All records of the audit are of one class.",
                    hint="Add held-out records of other classes; a model that knows one class says nothing.",
                )
            if len(lost := np.setdiff1d(forgotten, held)):
                raise InvalidDataError(
                    f"Class {lost.tolist()[0]} is forgotten but no held-out record is of it.",
                    hint="Forgotten records are compared with held-out ones of the same classes: add some.",
                )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class References:
    """What m reference models say about the same records, and which of them each was trained on.

    A *reference* is, in the wider sense of this class, any model that the auditor has made to compare with: trained
    without the forget set (the reference of the promises, here a *retrain*), with it (*unforgotten*), on a random half
    of the records, or trained with it and made to forget. What a row is follows from ``members`` alone.

    Parameters
    ----------
    signals : mapping of str to ndarray of shape (m, n)
        As in :class:`Scores`.
    members : ndarray of bool, shape (m, n)
        Whether model i was trained on record j.
    outputs : ndarray of shape (m, n, k), optional
        Probabilities, for the distances between outputs.

    Notes
    -----
    A row that was trained on no record of the audit's two sets is a *retrain*; one that was trained on the whole forget
    set and on no held-out record is *unforgotten*, what a method that does nothing leaves, which the audit must catch.
    Rows trained on some records of each, on random halves, serve the attacks that compare "in" with "out". Rows of the
    first two kinds that answer alike, as copies of a model do, count as one: ranks are of models drawn one by one.
    Models that were trained and have forgotten again stand in a set of references of their own, in
    :class:`~expunge.audit.further.Further`, whose ``members`` say what they were trained on.
    """

    signals: Mapping[str, Floats]
    members: Bools
    outputs: Floats | None = None

    def __post_init__(self) -> None:
        members = self.members
        if not isinstance(members, np.ndarray) or members.dtype != bool or members.ndim != 2 or not len(members):
            raise InvalidDataError("members must be a boolean array of shape (models, records) with a model or more.")
        _check_signals(self.signals, members.shape)
        _check_outputs(self.outputs, members.shape)

    @classmethod
    def from_probabilities(cls, probabilities: Any, labels: Any, *, members: Any, floor: float = FLOOR) -> References:
        """From probabilities of shape (m, n, k).

        Raises
        ------
        InvalidDataError
            Not of three dimensions, or no probabilities.
        """
        if np.ndim(probabilities) != 3:
            raise InvalidDataError(f"Probabilities of references have three dimensions, got {np.ndim(probabilities)}.")
        return cls(
            signals=signals_of(probabilities, labels, floor=floor), members=np.asarray(members),
            outputs=np.asarray(probabilities, dtype=np.float64),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.members)

    def retrains(self, scores: Scores) -> npt.NDArray[np.intp]:
        """Rows trained on no record of either set; of rows that answer alike the first."""
        return self._different(self.without(scores), scores)[0]

    def unforgotten(self, scores: Scores) -> npt.NDArray[np.intp]:
        """Rows trained on the whole forget set and on no held-out record; of rows that answer alike the first."""
        return self._different(self.untouched(scores), scores)[0]

    def times(self, scores: Scores) -> npt.NDArray[np.intp]:
        """How many rows answer as each of :meth:`unforgotten` does, itself among them."""
        return self._different(self.untouched(scores), scores)[1]

    def without(self, scores: Scores) -> npt.NDArray[np.intp]:
        """All rows trained on no record of either set, copies too."""
        self.check_fits(scores)
        return np.flatnonzero(~self.members[:, scores.is_forgotten | scores.is_held_out].any(axis=1))

    def untouched(self, scores: Scores) -> npt.NDArray[np.intp]:
        """All rows trained on the whole forget set and on no held-out record, copies too."""
        self.check_fits(scores)
        knows = self.members[:, scores.is_forgotten].all(axis=1)
        return np.flatnonzero(knows & ~self.members[:, scores.is_held_out].any(axis=1))

    def _different(
        self, rows: npt.NDArray[np.intp], scores: Scores
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Those of the rows that answer unlike all before them on the records of the audit, and how many answer so."""
        used = np.flatnonzero(scores.is_forgotten | scores.is_held_out)
        shared = [np.asarray(of)[np.ix_(rows, used)] for name, of in self.signals.items() if name in scores.signals]
        first, times = np.unique(alike(shared), return_counts=True)
        return rows[first], times.astype(np.intp)

    def check_fits(self, scores: Scores) -> None:
        """Refuse references of other records than those of the scores.

        Raises
        ------
        InvalidDataError
            References and audited model were asked about different records.
        """
        if self.members.shape[1] != len(scores.is_forgotten):
            raise InvalidDataError(
                f"The references speak of {self.members.shape[1]} records, the audited model of "
                f"{len(scores.is_forgotten)}.",
                hint="Query all models on the same records in the same order.",
            )


def _check_outputs(outputs: Floats | None, shape: tuple[int, ...]) -> None:
    if outputs is not None and (np.shape(outputs)[:-1] != shape or not np.isfinite(outputs).all()):
        raise InvalidDataError(f"Outputs have the shape {(*shape, 'classes')} and are finite, got {np.shape(outputs)}.")


def _check_signals(signals: Mapping[str, Floats], shape: tuple[int, ...]) -> None:
    if strange := set(signals) - set(SIGNALS):
        raise InvalidDataError(f"There is no signal {sorted(strange)[0]!r}.", hint=f"Known are {', '.join(SIGNALS)}.")
    if "logit" not in signals:
        raise InvalidDataError("The signal 'logit' is missing.", hint="signals_of(probabilities, labels) makes it.")
    for name, values in signals.items():
        array = np.asarray(values)
        if array.shape != shape:
            raise InvalidDataError(f"The signal {name!r} has shape {array.shape}; expected {shape}.")
        if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            raise InvalidDataError(f"The signal {name!r} holds values that are no finite numbers.")
    logit = np.asarray(signals["logit"])
    if logit.size and bool((np.ptp(logit, axis=-1) == 0).any()):
        raise InvalidDataError(
            "A model gives every record the same score.", hint="Constant output cannot be audited by its scores."
        )
