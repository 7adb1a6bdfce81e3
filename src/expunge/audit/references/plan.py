"""Which records each reference is trained on, and with which seed: decided by record ids before anything is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.seeds import check_seed, derive_seed, uniform64
from expunge.table.ids import check_ids, check_unique

__all__ = ["ReferencePlan", "join", "plan_around", "plan_halves"]

Bools = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class ReferencePlan:
    """Models to train.

    Parameters
    ----------
    members : ndarray of bool, shape (m, n)
        Whether model i is trained on record j.
    seeds : tuple of int
        Seed of each model.
    """

    members: Bools
    seeds: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.seeds)


def plan_around(
    ids: Any, *, is_forgotten: Bools, is_held_out: Bools, n: int, n_unforgotten: int = 24, keep: float = 1.0,
    seed: int = 0,
) -> ReferencePlan:  # fmt: skip
    """Models without the forget set, and models with all of it; none with a held-out record.

    Parameters
    ----------
    ids : array of shape (N,)
        Ids of all records: retained, forgotten and held out.
    is_forgotten, is_held_out : ndarray of bool, shape (N,)
    n, n_unforgotten : int
        Models without and with the forget set; one or more of both together.
    keep : float
        In (0, 1]: share of the retained records, drawn anew for each model, that it is trained on. Below 1 for training
        that has no randomness of its own: the references then show what other records of the same kind would have
        given.
    seed : int

    Returns
    -------
    ReferencePlan
        The models without first. Whether a record is drawn depends on the seed, the model and the record's id alone.

    Raises
    ------
    InvalidParameterError
        No reference at all, or a share to keep that is none.

    Examples
    --------
    >>> forgotten, held_out = np.array([True, False, False]), np.array([False, True, False])
    >>> plan = plan_around(np.arange(3), is_forgotten=forgotten, is_held_out=held_out, n=1, n_unforgotten=1)
    >>> plan.members.tolist()
    [[False, False, True], [True, False, True]]
    """
    names = _check(ids, is_forgotten, is_held_out, seed)
    if min(n, n_unforgotten) < 0 or n + n_unforgotten < 1:
        raise InvalidParameterError(f"At least one reference is trained, got n={n} and n_unforgotten={n_unforgotten}.")
    check_number("keep", keep, high=1.0, open_low=True)
    retained = ~is_forgotten & ~is_held_out
    members = np.empty((n + n_unforgotten, len(names)), dtype=bool)
    for i in range(len(members)):
        members[i] = retained & _drawn(seed, f"reference {i}", names, keep)
        if i >= n:
            members[i] |= is_forgotten
    return ReferencePlan(members, _seeds(seed, len(members)))


def plan_halves(ids: Any, *, is_forgotten: Bools, is_held_out: Bools, n: int, seed: int = 0) -> ReferencePlan:
    """Models on all retained records and a random half of the forgotten and held-out ones.

    Every record is "in" for about half of the models: what the online attacks compare. Models come in pairs of
    complements, so that of an even number each record is in exactly half.

    Parameters
    ----------
    ids, is_forgotten, is_held_out, seed
        As in :func:`plan_around`.
    n : int
        Models.

    Raises
    ------
    InvalidParameterError
        No reference at all.

    Examples
    --------
    >>> plan = plan_halves(np.arange(4), is_forgotten=np.arange(4) < 2, is_held_out=np.arange(4) == 2, n=2)
    >>> plan.members[:, 3].tolist(), plan.members[:, :3].sum(axis=0).tolist()
    ([True, True], [1, 1, 1])
    """
    names = _check(ids, is_forgotten, is_held_out, seed)
    if n < 1:
        raise InvalidParameterError(f"At least one reference is trained, got n={n}.")
    asked = is_forgotten | is_held_out
    members = np.empty((n, len(names)), dtype=bool)
    for i in range(n):
        half = _drawn(seed, f"half {i // 2}", names, 0.5)
        members[i] = ~asked | (half if i % 2 == 0 else ~half)
    return ReferencePlan(members, _seeds(seed, n))


def join(plans: Sequence[ReferencePlan]) -> ReferencePlan:
    """The models of several plans over the same records, one plan after another."""
    return ReferencePlan(
        np.vstack([plan.members for plan in plans]), tuple(seed for plan in plans for seed in plan.seeds)
    )


def _drawn(seed: int, purpose: str, names: npt.NDArray[Any], share: float) -> Bools:
    if share == 1:
        return np.ones(len(names), dtype=bool)
    return np.asarray(uniform64(seed, purpose, names) < np.uint64(share * 2.0**64))


def _seeds(seed: int, n: int) -> tuple[int, ...]:
    return tuple(derive_seed(seed, "reference", i) for i in range(n))


def _check(ids: Any, is_forgotten: Bools, is_held_out: Bools, seed: int) -> npt.NDArray[Any]:
    check_seed(seed)
    names = check_ids(ids)
    check_unique(names)
    if is_forgotten.shape != names.shape or is_held_out.shape != names.shape:
        raise InvalidDataError(f"{len(names)} ids, but masks of {is_forgotten.shape} and {is_held_out.shape}.")
    if (is_forgotten & is_held_out).any():
        raise InvalidDataError("A record is forgotten and held out at once.", hint="No model trains on held-out ones.")
    return names
