"""The small protocol through which the lab sees every model, and the adapter for estimators of this library."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_outlier_detector, is_regressor

from expunge.estimators.probabilities import probabilities_of
from expunge.lab.data import Records
from expunge.seeds import derive_seed

__all__ = ["EstimatorLearner", "Learner", "Outcome"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """What forgetting gave.

    Parameters
    ----------
    model : object
        The model after it.
    work : int
        Records that were read again.
    guarantee : str
        Kind of the guarantee: exact, certified, bounded or empirical.
    elapsed_s : float, optional
        Time of forgetting alone, where the method measured it; default: that of the whole call.
    cpu_s : float, optional
        The same of the processor, which a busy machine does not stretch.
    """

    model: Any
    work: int
    guarantee: str = "empirical"
    elapsed_s: float | None = None
    cpu_s: float | None = None


class Learner(Protocol):
    """A kind of model of one size.

    Attributes
    ----------
    keep : float
        Share of the retained records that each training draws: below 1 where training has no randomness of its own.
    floor : float
        Least probability that its answers tell from 0.
    is_kept : bool
        Whether forgetting gives another model and leaves the trained one as it was, so that cells can share it.
    """

    keep: float
    floor: float
    is_kept: bool

    def train(self, records: Records, seed: int) -> Any:
        """A model of these records. A function of its arguments alone."""

    def answer(self, model: Any, X: Any, n_classes: int) -> Floats:
        """What the task of the data asks for: of classes, probabilities of shape (n, n_classes)."""

    def work_of_training(self, model: Any, records: Records) -> int:
        """Records that were read to train it, in the unit in which its forgetting counts them."""

    def n_bytes(self, model: Any) -> int:
        """Size of what has to be kept, to forget later too."""

    def digest(self, model: Any) -> str:
        """Of the learned state; empty if the model has none."""

    def forget(self, model: Any, records: Records, ids: npt.NDArray[Any], seed: int) -> Outcome | None:
        """The model's own way to forget; None if it has none."""

    def cost(self, model: Any, record_id: Any) -> int | None:
        """Records that forgetting this one would read, at most; None if the model cannot tell."""


class EstimatorLearner:
    """A method of this library, or of a plug-in: what has ``fit`` and ``forget``.

    Parameters
    ----------
    estimator : Unlearner
    keep, floor : float
        As in :class:`Learner`.

    Examples
    --------
    >>> import expunge
    >>> records = Records(np.eye(4), np.array([0, 1, 0, 1]), np.arange(4), np.arange(4).astype(str), 2)
    >>> learner = EstimatorLearner(expunge.NearestCentroid())
    >>> learner.forget(learner.train(records, 0), records, np.array([3]), 0).work
    1
    """

    is_kept = False

    def __init__(self, estimator: Any, *, keep: float = 0.9, floor: float = 1e-6) -> None:
        self.estimator, self.keep, self.floor = estimator, keep, floor

    def train(self, records: Records, seed: int) -> Any:
        """A fit of a clone under this seed."""
        model = clone(self.estimator)
        known, noise = model.get_params(), derive_seed(seed, "lab noise")  # noise repeats here, and only here
        own = {name: noise for name in known if name.rpartition("__")[2] == "noise_seed"}
        model.set_params(**({"seed": seed} if "seed" in known else {}), **own)
        return model.fit(_rows(records.X), records.y, record_ids=records.ids, subject_ids=records.subjects)

    def answer(self, model: Any, X: Any, n_classes: int) -> Floats:
        """Probabilities; of a class that the model does not know 0, of a model that only names classes 0 and 1.

        Of a regression its predictions, of a detector of anomalies how normal each row looks, of groups minus the
        squared distance to the nearest centre.
        """
        if getattr(self.estimator, "_task", "") == "clustering":
            return -np.asarray(model.transform(_rows(X)).min(axis=1) ** 2, dtype=np.float64)
        if is_outlier_detector(self.estimator):
            return np.asarray(model.score_samples(_rows(X)), dtype=np.float64)
        if is_regressor(self.estimator):
            return np.asarray(model.predict(_rows(X)), dtype=np.float64)
        if not hasattr(model, "predict_proba") and not hasattr(model, "decision_function"):
            return np.asarray(model.predict(_rows(X))[:, None] == np.arange(n_classes), dtype=np.float64)
        return probabilities_of(model, _rows(X), np.arange(n_classes))

    def work_of_training(self, model: Any, records: Records) -> int:
        """Reads of the row store: each tree reads a record for itself."""
        return max(len(records), int(model._rows().reads))

    def n_bytes(self, model: Any) -> int:
        """Of the saved file."""
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            return int(model.save(Path(folder) / "model").stat().st_size)

    def digest(self, model: Any) -> str:
        """That of the library."""
        return str(model.digest())

    def forget(self, model: Any, records: Records, ids: npt.NDArray[Any], seed: int) -> Outcome | None:
        """By the model itself, in place."""
        start = time.perf_counter()
        removal = model.forget(ids)
        return Outcome(model, removal.work, removal.guarantee.kind, time.perf_counter() - start)

    def cost(self, model: Any, record_id: Any) -> int | None:
        """As its plan says."""
        return int(model.plan([record_id]).work_high)


def _rows(X: Any) -> Any:
    return np.asarray(X) if hasattr(X, "digest_parts") else X
