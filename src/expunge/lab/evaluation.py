"""What one cell gives to be measured: answers before and after, of a retrain, and of the references."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from expunge.audit.inputs import References, Scores, signals_of
from expunge.errors import ExpungeError
from expunge.lab.data import Bools

__all__ = ["Evaluation"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Answers on the records that are asked about, n of them, and who they are.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        As they were trained on.
    is_retained, is_forgotten, is_held_out, is_tested, is_validated : ndarray of bool, shape (n,)
        Retained: those of the model under test; each is in at most one.
    before, after, fresh : ndarray of shape (n, k)
        Probabilities of the model before forgetting, after it, and of a retrain without the forget set under the
        model's own seed.
    references : References or None
        Models trained without the forget set, then with it.
    floor : float
        Least probability that is told from 0.
    """

    labels: npt.NDArray[np.int64]
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

    def accuracy(self, probabilities: Floats, mask: Bools) -> float | None:
        """Share of right answers; None where there is nobody."""
        if not mask.any():
            return None
        return float((probabilities[mask].argmax(axis=1) == self.labels[mask]).mean())

    def retrains(self) -> npt.NDArray[np.intp]:
        """Rows of the references that were trained without the forget set."""
        if self.references is None:
            return np.empty(0, dtype=np.intp)
        asked = self.is_forgotten | self.is_held_out
        return np.flatnonzero(~self.references.members[:, asked].any(axis=1))

    def reference_accuracies(self, mask: Bools, *, of_members: bool = False) -> Floats:
        """Accuracy of each retrained reference on these records; of members, on those that it was trained on."""
        if self.references is None or not mask.any():
            return np.empty(0)
        rows = self.retrains()
        right = self.references.signals["correct"][rows][:, mask]
        if not of_members:
            return np.asarray(right.mean(axis=1))
        known = self.references.members[rows][:, mask]
        return np.asarray((right * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1))

    def signals(self, probabilities: Floats) -> dict[str, Floats]:
        """What the audit reads of answers."""
        return signals_of(probabilities, self.labels, floor=self.floor)

    def scores(self, probabilities: Floats, *, swapped: bool = False) -> Scores:
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
            signals=self.signals(probabilities), is_forgotten=forgotten, is_held_out=held_out, labels=self.labels
        )

    def try_scores(self, probabilities: Floats) -> tuple[Scores | None, str]:
        """The same, or the sentence why there is nothing to audit."""
        try:
            return self.scores(probabilities), ""
        except ExpungeError as error:
            return None, str(error)
