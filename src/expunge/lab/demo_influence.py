"""What one record does to a decision, seen in two dimensions: forget it, look, and learn it back.

The picture is that of the survey "Machine Unlearning: A Comprehensive Survey" (arXiv 2405.07406): forgetting a record
that mattered moves the boundary, forgetting one that did not leaves it. Here both are found by measuring: each record
is forgotten exactly, and the share of the plane whose decision changes is counted.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from expunge.influence import influence
from expunge.methods import find_method
from expunge.seeds import uniform64

__all__ = ["InfluencePicture", "LeftOut", "influence_picture"]

DIGITS, N_RECORDS, COARSE, FINE = (3, 8), 60, 80, 240

Plane = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class LeftOut:
    """One record and what forgetting it does.

    Parameters
    ----------
    record : int
        Its row among the points.
    before, after, retrained : ndarray of shape (m, m)
        The digit decided at each cell of the plane: by the model that knows the record, by the same model after
        forgetting it, and by one that never knew it.
    moved, moved_retrained : float
        Share of cells whose decision differs from ``before``.
    is_equal : bool
        Whether the last two models have the same digest.
    """

    record: int
    before: Plane
    after: Plane
    retrained: Plane
    moved: float
    moved_retrained: float
    is_equal: bool


@dataclasses.dataclass(frozen=True, eq=False)
class InfluencePicture:
    """A plane, its points, and two of them left out in turn.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        Ink in the upper left and the lower left of each image, from 0 to 1.
    digits : ndarray of shape (n,)
    box : (left, right, bottom, top)
    influential, harmless : LeftOut
    n_harmless : int
        Records whose forgetting changes no cell at all.
    """

    points: Plane
    digits: npt.NDArray[np.int64]
    box: tuple[float, float, float, float]
    influential: LeftOut
    harmless: LeftOut
    n_harmless: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without pictures."""
        return {
            "n_records": len(self.digits), "n_harmless": self.n_harmless,
            "influential": {"moved": self.influential.moved, "equals_retrained": self.influential.is_equal},
            "harmless": {"moved": self.harmless.moved, "equals_retrained": self.harmless.is_equal},
        }  # fmt: skip


def influence_picture() -> InfluencePicture:
    """Forget each record of a small task in turn; look closer at the one that matters most and at one that does not.

    Notes
    -----
    Of all records that change nothing, the one nearest to the influential record is taken.
    """
    points, digits = _task()
    low, high = points.min(axis=0) - 0.05, points.max(axis=0) + 0.05
    box = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    ids = np.arange(len(digits), dtype=np.int64)
    model = find_method("RetrainClassifier")(SVC(C=10, gamma=20)).fit(points, digits, record_ids=ids)
    grid = _grid(box, COARSE)
    # A classifier without chances is wrong or right: on its own decisions its loss grows by the share that moves.
    moved = influence(model, on=(grid, model.predict(grid)), method="leave-one-out", ids=ids).scores
    top = int(moved.argmax())
    distance = np.linalg.norm(points - points[top], axis=1)
    near = int(np.lexsort((distance, moved))[0])
    influential, harmless = (_look(model, points, digits, ids, i, box) for i in (top, near))
    return InfluencePicture(points, digits, box, influential, harmless, n_harmless=int((moved == 0).sum()))


def _task() -> tuple[Plane, npt.NDArray[np.int64]]:
    """Threes and eights by the ink in two parts of the image, chosen once and not from the data."""
    X, y = load_digits(return_X_y=True)
    which = np.flatnonzero(np.isin(y, DIGITS)).astype(np.int64)
    which = which[np.argsort(uniform64(0, "flat", which))][:N_RECORDS]
    images = X[which].reshape(-1, 8, 8) / 16
    return np.stack([images[:, 1:4, :4].mean(axis=(1, 2)), images[:, 4:7, :4].mean(axis=(1, 2))], axis=1), y[which]


def _look(model: Any, points: Plane, digits: npt.NDArray[np.int64], ids: Any, record: int, box: Any) -> LeftOut:
    grid, left = _grid(box, FINE), ids != record
    before = model.predict(grid).reshape(FINE, FINE)
    model.forget([record])
    fresh = clone(model).fit(points[left], digits[left], record_ids=ids[left])
    after, retrained = (m.predict(grid).reshape(FINE, FINE) for m in (model, fresh))
    is_equal = model.digest() == fresh.digest()
    model.learn(points[[record]], digits[[record]], record_ids=ids[[record]])
    moved, moved_retrained = (float(np.mean(plane != before)) for plane in (after, retrained))
    return LeftOut(record, before, after, retrained, moved, moved_retrained, is_equal)


def _grid(box: tuple[float, float, float, float], m: int) -> Plane:
    x, y = np.meshgrid(np.linspace(box[0], box[1], m), np.linspace(box[2], box[3], m))
    return np.stack([x.ravel(), y.ravel()], axis=1)
