"""Repair of a detector: forget what was reported as noise or attack, and say who else spoke for it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count
from expunge.contract import DormantModelError
from expunge.errors import UnsupportedRequestError
from expunge.maths.nearest import nearest
from expunge.records import Removal
from expunge.requests import named_rows
from expunge.rows import Rows

__all__ = ["DetectorRepair", "Proposal", "repair"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]
_NEAREST = 4  # records near each that was reported, of those that are tried


@dataclasses.dataclass(frozen=True)
class Proposal:
    """A record to look at.

    Parameters
    ----------
    record_id : id
    support : float
        How much less ordinary the reported records look once it is forgotten too: the fall of their scores, in sum.
    """

    record_id: Any
    support: float


@dataclasses.dataclass(frozen=True)
class DetectorRepair:
    """What a repair did.

    Parameters
    ----------
    removal : Removal
        Of the records that were reported.
    proposed : tuple of Proposal
        Records that are still known, the one with the most support for the reported ones first. None of them was
        forgotten.
    measures : dict of str to (float, float)
        Before and after.
    """

    removal: Removal
    proposed: tuple[Proposal, ...]
    measures: dict[str, tuple[float, float]]

    def __str__(self) -> str:
        lines = [f"forgot {self.removal.n_forgotten:,} records; to look at: {len(self.proposed)}"]
        return "\n".join([*lines, *(f"{name}: {a:.4g} -> {b:.4g}" for name, (a, b) in self.measures.items())])


def repair(
    model: Any, reported: Any, *, measure: Mapping[str, Callable[[Any], float]] | None = None, n_proposed: int = 5
) -> DetectorRepair:
    """Forget records that turned out to be noise, mistakes or attacks, and propose others for review.

    Parameters
    ----------
    model : Unlearner with ``decision_function``
        A detector over columns of numbers. It forgets the reported records, and is not changed otherwise.
    reported : id or array of ids
    measure : mapping of str to callable (model) -> float, optional
        What to look at before and after: an area under the curve on labelled rows, say.
    n_proposed : int, default=5
        How many records to propose at most; 0 for none.

    Returns
    -------
    DetectorRepair

    Raises
    ------
    UnknownRecordError, DuplicateRecordError
        An id that is not known, or named twice. Nothing has changed then.
    UnsupportedRequestError
        Proposals are asked for, and the records are no rows of numbers.

    Notes
    -----
    Of the records nearest to the reported ones (columns in units of their standard deviation) up to 4 ``n_proposed``
    are forgotten and learned again one by one, on a copy, and the scores of the reported rows compared: an exact
    leave-one-out, not an estimate. A poisoned record seldom comes alone: its neighbours make it look ordinary,
    and they are what is proposed. Whether they are guilty is for somebody to say who knows.

    References
    ----------
    M. Du, Z. Chen, C. Liu, R. Oak, D. Song, "Lifelong anomaly detection through unlearning", CCS 2019: reported
    mistakes of a detector that runs are unlearned.

    Examples
    --------
    >>> from expunge import GaussianDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> X[:3] = [[7.0, 7.0], [7.1, 6.9], [6.9, 7.2]]
    >>> model = GaussianDetector().fit(X)
    >>> done = repair(model, [0], n_proposed=2)
    >>> sorted(one.record_id for one in done.proposed)
    [1, 2]
    >>> model.forget([1, 2]).guarantee.kind
    'exact'
    """
    check_count("n_proposed", n_proposed, least=0)
    rows: Rows = model._rows()
    slots = rows.find(reported)
    X = named_rows(model, rows.peek(slots).X)
    near = _near(rows, slots, _NEAREST * int(n_proposed)) if n_proposed else slots[:0]
    names, measure = rows.peek_beside(near).ids, dict(measure or {})
    before = {name: float(look(model)) for name, look in measure.items()}
    removal = model.forget(reported)
    after = {name: float(look(model)) for name, look in measure.items()}
    proposed = _proposed(model, names, X)[: int(n_proposed)]
    return DetectorRepair(removal, proposed, {name: (before[name], after[name]) for name in measure})


def _near(rows: Rows, slots: Slots, most: int) -> Slots:
    """Slots of other records, those nearest to one of these first; at most so many."""
    others = rows.slots()[~np.isin(rows.slots(), slots)]
    try:
        X, asked = (np.ascontiguousarray(rows.peek(at).X, dtype=np.float64) for at in (others, slots))
    except (TypeError, ValueError):
        raise UnsupportedRequestError(
            "Only records that are rows of numbers have neighbours to propose.", hint="Ask with n_proposed=0."
        ) from None
    if not len(others):
        return others
    spread = X.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    found, away = nearest(X / scale, asked / scale, min(most, len(others)), 0)
    order = found.ravel()[np.argsort(away.ravel(), kind="stable")]
    return others[np.array(list(dict.fromkeys(order.tolist()))[:most], dtype=np.intp)]


def _proposed(model: Any, names: npt.NDArray[Any], X: Any) -> tuple[Proposal, ...]:
    """Of these records those that make rows look more ordinary, the foremost first; tried out on a copy."""
    if not len(names):
        return ()
    scratch = copy.deepcopy(model)
    with_all, found = _ordinary(scratch, X), list[Proposal]()
    for name in names.tolist():
        rows = scratch._rows()
        table = rows.peek(rows.find(name))
        scratch.forget(name)
        found.append(Proposal(name, with_all - _ordinary(scratch, X)))
        about = {"subject_ids": table.subjects, "sample_weight": table.weight}
        scratch.learn(named_rows(scratch, table.X), table.y, record_ids=table.ids, **about)  # the inverse, bit for bit
    return tuple(sorted((one for one in found if one.support > 0), key=lambda one: -one.support))


def _ordinary(model: Any, X: Any) -> float:
    """The scores of rows, in sum; 0 where too little is left to score by."""
    ask = getattr(model, "score_samples", model.decision_function)
    try:
        return float(np.sum(ask(X)))
    except DormantModelError:
        return 0.0
