"""What is asked about: a number that the model gives, and that each record has changed a little.

Every target is a weighted sum over some records of one quantity: their loss, or the chance that the model gives to one
label. So all methods need only the quantity of a record and its derivative.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, InvalidParameterError

__all__ = ["SELF", "EqualOpportunity", "MeanLoss", "Target", "refuse_other_targets", "target_of"]

Floats = npt.NDArray[np.float64]

#: Each record's own loss: what it loses when it is forgotten is how much the model had to remember it.
SELF: Literal["self"] = "self"


class MeanLoss:
    """The mean loss of some records, most often of a test set.

    Parameters
    ----------
    data : table of shape (m, d), or Task
        For a model of the library rows as ``predict`` takes them; for a network a task.
    y : array of shape (m,), optional
        Targets of the rows.

    Examples
    --------
    >>> MeanLoss([[0.0], [1.0]], ["no", "yes"]).words
    'the mean loss of 2 records'
    """

    #: Label whose chance is the quantity; None: the quantity is the loss.
    chance: Any = None

    def __init__(self, data: Any, y: Any = None) -> None:
        self.data = data
        self.y = y

    @property
    def words(self) -> str:
        """The target, for a sentence."""
        return f"the mean loss of {_count(self):,} record{'s' if _count(self) != 1 else ''}"

    def weights(self, labels: Any, now: Floats) -> Floats:
        """Weight of each record in the sum, shape (m,), from its label and the quantity as it is now."""
        return np.full(len(now), 1 / len(now))


class EqualOpportunity:
    """The gap in opportunity between groups: how much likelier one is to get the label that it deserves.

    Among the records that have the positive label, the mean chance that the model gives to it, in the group where it is
    highest less in the group where it is lowest. With chances instead of decisions it has a derivative.

    Parameters
    ----------
    data, y
        As of :class:`MeanLoss`.
    groups : array of shape (m,), optional
        The group of each record; default: those of the task.
    positive : label
        Of a network the number of its class.

    Raises
    ------
    InvalidDataError
        Less than two groups have a record with the positive label.

    References
    ----------
    M. Hardt, E. Price, N. Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016, definition 2.2.

    Examples
    --------
    >>> gap = EqualOpportunity([[0.0]] * 4, ["yes"] * 4, groups=["f", "f", "m", "m"], positive="yes")
    >>> gap.weights(gap.y, np.array([0.2, 0.4, 0.9, 0.7])).tolist()
    [-0.5, -0.5, 0.5, 0.5]
    """

    def __init__(self, data: Any, y: Any = None, *, groups: Any = None, positive: Any) -> None:
        self.data = data
        self.y = y
        self.groups = groups
        self.positive = positive

    @property
    def chance(self) -> Any:
        """Label whose chance is the quantity."""
        return self.positive

    @property
    def words(self) -> str:
        """The target, for a sentence."""
        return f"the gap in equal opportunity for {self.positive!r}"

    def weights(self, labels: Any, now: Floats) -> Floats:
        """Weight of each record in the sum, shape (m,).

        Raises
        ------
        InvalidDataError
            Not one group for each record, or fewer than two groups with the positive label.
        """
        groups = np.asarray(self.data.groups if self.groups is None else self.groups)
        if groups.shape != now.shape:
            raise InvalidDataError(f"groups has shape {groups.shape} for {len(now)} records.", hint="One a record.")
        has = np.asarray(labels) == self.positive
        names = [name for name in dict.fromkeys(groups.tolist()) if (has & (groups == name)).any()]
        if len(names) < 2:
            raise InvalidDataError(
                f"{len(names)} groups have a record with the label {self.positive!r}, and a gap needs two.",
                hint="Look at groups and positive.",
            )
        rates = [float(now[has & (groups == name)].mean()) for name in names]
        weights = np.zeros(len(now))
        for name, sign in ((names[int(np.argmax(rates))], 1.0), (names[int(np.argmin(rates))], -1.0)):
            of_group = has & (groups == name)
            weights[of_group] += sign / of_group.sum()
        return weights  # all zero where there is no gap


Target = MeanLoss | EqualOpportunity | Literal["self"]


def target_of(on: Any) -> Target:
    """The target from what was given: itself, "self", a task, or a pair (X, y).

    Raises
    ------
    InvalidParameterError
        Something else.
    """
    if isinstance(on, (MeanLoss, EqualOpportunity)):
        return on
    if isinstance(on, str) and on == SELF:
        return SELF
    if hasattr(on, "losses") and hasattr(on, "dataset"):
        return MeanLoss(on)
    if isinstance(on, tuple) and len(on) == 2:
        return MeanLoss(*on)
    raise InvalidParameterError(
        f"on must be 'self', a MeanLoss, an EqualOpportunity, a task or a pair (X, y); got {type(on).__name__}.",
        hint="As in on=(X_test, y_test).",
    )


def refuse_other_targets(target: Target) -> None:
    """Refuse rows without a target each, for a model of the library.

    Raises
    ------
    InvalidDataError
        No targets, more or fewer than rows, or one that is missing or infinite.
    """
    if target == SELF or hasattr(target.data, "losses"):
        return
    given = np.shape(target.y)[:1] if target.y is not None else ()
    if given != (_count(target),):
        raise InvalidDataError(
            f"There are {_count(target)} rows to look at, and {given[0] if given else 'no'} targets.",
            hint="One target for each row: on=(X_test, y_test).",
        )
    y = np.asarray(target.y)
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise InvalidDataError("A target of the rows to look at is missing or infinite.", hint="Leave these rows out.")


def _count(target: Any) -> int:
    data = target.data
    return int(data.shape[0]) if hasattr(data, "shape") else len(data)
