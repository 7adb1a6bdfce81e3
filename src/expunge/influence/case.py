"""One question: which model, which target, which records. What a method of influence is given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from expunge.influence.targets import Target
from expunge.influence.view import Positions, View
from expunge.records import Guarantee

__all__ = ["Case", "InfluenceMethod", "Progress"]

Floats = npt.NDArray[np.float64]
#: Called with seconds spent and seconds in all.
Progress = Callable[[float, float], None]


class Case:
    """What is asked.

    Parameters
    ----------
    model : Unlearner or Module
        Never changed.
    target : Target
    ids : ndarray of shape (b,)
        Of the records, or of the persons.
    by : {"record", "subject"}
    positions : ndarray of shape (b,)
        Of the records among all that the model knows; empty where persons are asked about as a whole.
    make_view : callable () -> View
    progress : callable, optional
    """

    def __init__(
        self, model: Any, target: Target, ids: npt.NDArray[Any], by: Literal["record", "subject"],
        positions: Positions, make_view: Callable[[], View], progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self.model, self.target, self.ids, self.by, self.positions = model, target, ids, by, positions
        self._make_view = make_view
        self.progress = progress

    @functools.cached_property
    def view(self) -> View:
        """The model as a function of its weights.

        Raises
        ------
        UnsupportedRequestError
            A model that has none.
        """
        return self._make_view()


class InfluenceMethod(Protocol):
    """A way to find influence. Its constructor only stores."""

    #: As it is called by name.
    name: str
    #: Whether a person is asked about as a whole; else the scores of the records add up.
    asks_whole: bool

    def check(self) -> None:
        """Refuse constructor arguments."""

    def scores(self, case: Case) -> Floats:
        """What forgetting each would change, shape (b,)."""

    def guarantee(self, case: Case) -> Guarantee:
        """What the scores are worth."""

    def value(self, case: Case) -> float | None:
        """The target as it is now."""
