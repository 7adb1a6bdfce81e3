"""What one cell gives to be measured: answers before and after, of a retrain, and of the references."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.audit.inputs import References, Scores
from expunge.errors import ExpungeError
from expunge.lab.data import Bools
from expunge.lab.tasks import CLASSES, Task

__all__ = ["Evaluation"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Answers on the records that are asked about, n of them, and who they are.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        As they were trained on; of anomalies, which no model is told, as they are.
    is_retained, is_forgotten, is_held_out, is_tested, is_validated : ndarray of bool, shape (n,)
        Retained: those of the model under test; each is in at most one.
    before, after, fresh : ndarray of shape (n, k), or (n,)
        Answers (probabilities, where classes are asked for) of the model before forgetting, after it, and of a retrain
        without the forget set under the model's own seed.
    references : References or None
        Models trained without the forget set, then with it.
    floor : float
        Least probability that is told from 0.
    task : Task
        What a good answer is.
    """

    labels: npt.NDArray[Any]
    is_retained: Bools
    is_forgotten: Bools
    is_held_out: Bools
    is_tested: Bools
    is_validated: Bools
    before: Floats
    after: Floats
    fresh: Floats
    references: References | None
    floor: float
    task: Task = CLASSES

    def quality(self, answers: Floats, mask: Bools) -> float | None:
        """How good the answers on some of the records are, as the task counts it; None where it cannot be told."""
        return self._quality(self.signals(answers), mask)

    def _quality(self, signals: dict[str, Floats], mask: Bools) -> float | None:
        return self.task.quality({name: of[mask] for name, of in signals.items()}, self.labels[mask])

    def retrains(self) -> npt.NDArray[np.intp]:
        """Rows of the references that were trained without the forget set."""
        if self.references is None:
            return np.empty(0, dtype=np.intp)
        asked = self.is_forgotten | self.is_held_out
        return np.flatnonzero(~self.references.members[:, asked].any(axis=1))

    def reference_qualities(self, mask: Bools, *, of_members: bool = False) -> Floats:
        """Quality of each retrained reference on these records; of members, on those that it was trained on."""
        if self.references is None:
            return np.empty(0)
        found = []
        for row in self.retrains():
            signals = {name: of[row] for name, of in self.references.signals.items()}
            found.append(self._quality(signals, mask & self.references.members[row] if of_members else mask))
        return np.array([value for value in found if value is not None])

    def signals(self, answers: Floats) -> dict[str, Floats]:
        """What the audit reads of answers."""
        return self.task.read(answers, self.labels, self.floor)

    def scores(self, answers: Floats, *, swapped: bool = False) -> Scores:
        """Answers as the audit wants them; swapped, with held-out records in the place of the forgotten ones.

        Raises
        ------
        InvalidDataError
            Too few records of a kind.
        """
        forgotten, held_out = self.is_forgotten, self.is_held_out
        if swapped:
            forgotten, held_out = held_out, forgotten
        return Scores(
            signals=self.signals(answers), is_forgotten=forgotten, is_held_out=held_out,
            labels=self.labels if self.task.is_classes else None,
        )  # fmt: skip

    def try_scores(self, answers: Floats) -> tuple[Scores | None, str]:
        """The same, or the sentence why there is nothing to audit."""
        try:
            return self.scores(answers), ""
        except ExpungeError as error:
            return None, str(error)
