"""A repair tried out: without the records that do most harm, is it better than without any others?"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from expunge.arguments import check_count
from expunge.contract import Unlearner
from expunge.errors import InvalidRequestError
from expunge.influence.result import Influence, Which
from expunge.seeds import check_seed, uniform64

__all__ = ["RepairRow", "TriedRepair", "forgetting", "try_repair"]


@dataclasses.dataclass(frozen=True)
class RepairRow:
    """What is measured on the model before, after, and after as many others were forgotten, drawn at random.

    Parameters
    ----------
    name : str
    before, after : float
    at_random : tuple of float
        One for each draw.
    """

    name: str
    before: float
    after: float
    at_random: tuple[float, ...]

    def __str__(self) -> str:
        drawn = ""
        if self.at_random:
            low, high = min(self.at_random), max(self.at_random)
            drawn = f"; as many at random {np.mean(self.at_random):.4g} ({low:.4g} to {high:.4g})"
        return f"{self.name}: {self.before:.4g} -> {self.after:.4g}{drawn}"


@dataclasses.dataclass(frozen=True)
class TriedRepair:
    """A repair that was tried out.

    Parameters
    ----------
    ids : tuple
        Records (or persons) that were forgotten on a copy: give them to ``forget``.
    by : {"record", "subject"}
    rows : tuple of RepairRow
    """

    ids: tuple[Any, ...]
    by: str
    rows: tuple[RepairRow, ...]

    def __str__(self) -> str:
        return "\n".join([f"without {len(self.ids):,} {self.by}s", *map(str, self.rows)])


def try_repair(
    model: Any, found: Influence, k: int, measure: Mapping[str, Callable[[Any], float]], *, which: Which = "lowers",
    without: Callable[[tuple[Any, ...]], Any] | None = None, n_random: int = 5, seed: int = 0,
) -> TriedRepair:  # fmt: skip
    """Try on copies what forgetting the k foremost records does, against as many at random.

    Parameters
    ----------
    model : Unlearner or torch Module
        Not changed. What helped is done by ``model.forget(tried.ids)``.
    found : Influence
        Whose order is taken.
    k : int
    measure : mapping of str to callable (model) -> float
        What to look at. Not the records that the influence was asked about: those look better than any others will.
    which : {"lowers", "raises", "largest"}, default="lowers"
        See :meth:`Influence.top`; self-influence takes "largest".
    without : callable (ids) -> model, optional
        Of a network: how it is made to forget, or trained again. Default: a copy of the model forgets by itself.
    n_random : int, default=5
        Draws of as many others.
    seed : int
        Of the draws.

    Returns
    -------
    TriedRepair

    Raises
    ------
    InvalidRequestError
        Fewer than k records do what is asked, or a network without ``without``.

    Notes
    -----
    1 + n_random removals of k records, each on a copy of its own.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from expunge import GaussianNB
    >>> from expunge.influence import influence
    >>> X, y = load_wine(return_X_y=True)
    >>> model = GaussianNB().fit(X[::2], y[::2])
    >>> found = influence(model, on=(X[1::4], y[1::4]))
    >>> tried = try_repair(model, found, 2, {"accuracy": lambda m: m.score(X[3::4], y[3::4])}, n_random=2)
    >>> print(tried)
    without 2 records
    accuracy: 0.9545 -> 0.9545; as many at random 0.9545 (0.9545 to 0.9545)
    >>> removal = model.forget(tried.ids)
    """
    check_seed(seed)
    check_count("n_random", n_random, least=0)
    chosen = tuple(one.id for one in found.top(k, which=which))
    if len(chosen) < k:
        raise InvalidRequestError(
            f"{len(chosen)} {found.by}s {which if which != 'largest' else 'are there'}, and k is {k}.",
            hint="Take fewer, or another which.",
        )
    if without is None:
        if not isinstance(model, Unlearner):
            raise InvalidRequestError("A network does not forget by itself.", hint="Say how, with without.")
        without = forgetting(model, found.by)
    after = without(chosen)
    rows = {name: ([float(look(model)), float(look(after))], list[float]()) for name, look in measure.items()}
    for draw in range(n_random):
        order = np.argsort(uniform64(seed, f"random removal {draw}", found.ids), kind="stable")
        drawn = without(tuple(found.ids[order[:k]].tolist()))
        for name, look in measure.items():
            rows[name][1].append(float(look(drawn)))
    made = tuple(RepairRow(name, was, is_, tuple(drawn)) for name, ((was, is_), drawn) in rows.items())
    return TriedRepair(chosen, found.by, made)


def forgetting(model: Any, by: str) -> Callable[[tuple[Any, ...]], Any]:
    """How a copy of a model forgets records, or persons, by itself."""

    def without(ids: tuple[Any, ...]) -> Any:
        scratch = copy.deepcopy(model)
        scratch.forget(list(ids)) if by == "record" else scratch.forget(subjects=list(ids))
        return scratch

    return without
