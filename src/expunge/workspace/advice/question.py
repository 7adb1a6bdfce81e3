"""What somebody who asks for advice says about requests and deadlines, checked."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

from expunge.errors import InvalidParameterError

__all__ = ["DAY_S", "LEAST", "Question", "parse_duration"]

DAY_S = 86_400.0
_MONTH_S = 30 * DAY_S

#: What is compared unless something else is asked for.
_SHARDS, LEAST = (2, 5, 10, 20, 50, 100), 20

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": DAY_S}
_DURATION = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(s|min|h|d)\s*", re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """How many deletions, how soon, and what may be given for it.

    Parameters
    ----------
    deletions : float
        Requests in a month of 30 days, above zero. A request is about one person, or one record about nobody.
    deadline_s : float
        Seconds from a request until the model must have forgotten, above zero.
    batch_s : float, optional
        For how long requests are collected before the model forgets them together; zero: each at once. Default: half
        the deadline, so that the other half is left for a run that fails.
    max_loss : float, default=0.01
        How much accuracy (or R²) may be given up, in [0, 1].
    shards : tuple of int, optional
        What is compared; one shard with one slice, which is plain retraining, always is. Default: those of
        2, 5, 10, 20, 50 and 100 that leave at least :data:`LEAST` people or records in each.
    slices : tuple of int, default=(1, 4, 16)
        More than one only for estimators that continue training.
    seed : int, default=0
        Of the sample, the folds and the draws.

    Raises
    ------
    InvalidParameterError
        A number outside its range.
    """

    deletions: float
    deadline_s: float
    batch_s: float | None = None
    max_loss: float = 0.01
    shards: tuple[int, ...] | None = None
    slices: tuple[int, ...] = (1, 4, 16)
    seed: int = 0

    def __post_init__(self) -> None:
        if not _is_number(self.deletions) or self.deletions <= 0:
            raise InvalidParameterError(
                f"The number of deletions in a month must be above zero, got {self.deletions!r}.",
                hint="Without deletions no shards are needed: plain retraining predicts best.",
            )
        if not _is_number(self.deadline_s) or self.deadline_s <= 0:
            raise InvalidParameterError(
                f"The deadline must be above zero, got {self.deadline_s!r} seconds.",
                hint="For example 30d, 12h or 90s.",
            )
        if self.batch_s is not None and not (_is_number(self.batch_s) and 0 <= self.batch_s < self.deadline_s):
            raise InvalidParameterError(
                f"Requests cannot be collected for {self.batch_s!r} seconds and be done within {self.deadline_s:g}.",
                hint="Collect them for a shorter time than the deadline; 0s means each at once.",
            )
        if not _is_number(self.max_loss) or not 0 <= self.max_loss <= 1:
            raise InvalidParameterError(
                f"The loss that is allowed must lie in [0, 1], got {self.max_loss!r}.", hint="As 0.01."
            )
        if self.shards is not None:
            _check_counts("shards", self.shards, 1000)
        _check_counts("slices", self.slices, 100)

    def shards_for(self, n_units: int) -> tuple[int, ...]:
        """Numbers of shards to compare on a table of so many people, or records about nobody.

        Raises
        ------
        InvalidParameterError
            More shards than that were asked for, or there is too little for any.
        """
        if self.shards is None:
            found = tuple(s for s in _SHARDS if s * LEAST <= n_units)
            if not found:
                raise InvalidParameterError(
                    f"{n_units} people or records are too few for shards.", hint="Retrain on everything: it is quick."
                )
            return found
        if max(self.shards) > n_units:
            raise InvalidParameterError(
                f"{max(self.shards)} shards are more than the table has people or records, {n_units}.",
                hint="Compare fewer shards.",
            )
        return tuple(sorted(set(self.shards)))

    @property
    def collected_s(self) -> float:
        """Seconds that requests are collected for."""
        return self.deadline_s / 2 if self.batch_s is None else self.batch_s

    def batch_of(self, n_units: int) -> int:
        """Requests that come together in one batch, at least one and at most half of all units."""
        return max(1, min(round(self.deletions * self.collected_s / _MONTH_S), n_units // 2))


def parse_duration(text: str, what: str) -> float:
    """Seconds, from a text such as ``30d``, ``12h``, ``15min`` or ``90s``.

    Raises
    ------
    InvalidParameterError
        It is no number with a unit.

    Examples
    --------
    >>> parse_duration("30d", "the deadline"), parse_duration("1.5h", "the deadline")
    (2592000.0, 5400.0)
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise InvalidParameterError(
            f"{text!r} is no duration for {what}.", hint="Write a number and a unit: 30d, 12h, 15min or 90s."
        )
    return float(found[1]) * _UNITS[found[2]]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_counts(name: str, values: Sequence[int], most: int) -> None:
    wrong = [v for v in values if not isinstance(v, int) or isinstance(v, bool) or not 1 <= v <= most]
    if wrong or not values:
        raise InvalidParameterError(
            f"Numbers of {name} are integers from 1 to {most}, got {wrong[0] if wrong else values!r}.",
            hint="As 5,10,20.",
        )
