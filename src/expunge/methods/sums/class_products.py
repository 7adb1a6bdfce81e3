"""What classifiers on class sums do alike, and sums of products of features: tallied, centred in integers.

The state of such a method is a tally (see :mod:`expunge.maths.class_sums`) with Σ w x for each class and, where
the method needs it, Σ (w x) xᵀ over all records or for each class. x is rounded to a multiple of the resolution, then
w x is: so a weight that is an integer counts exactly as that many records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin

from expunge.arguments import check_numbers
from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.class_sums import class_weights, named_sums, tally, tally_changed, weight_sums
from expunge.maths.fixed_point import (
    check_resolution_param,
    refuse_zero_weight,
    rounded_weight,
    rounding_terms,
)
from expunge.maths.moments import ClassMoments, Moments
from expunge.maths.product_moments import products, weighted
from expunge.maths.running_sum import refuse_new_lack, sum_after
from expunge.rows import Rows, Table
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = [
    "ClassSums",
    "Probabilities",
    "check_priors",
    "chosen_priors",
    "class_moments",
    "means_of",
    "one_class",
    "scatter",
    "wrong_number",
]

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.object_]
Limbs = npt.NDArray[np.int64]

_BITS = 64  # of a quotient below the unit


class ClassSums(ClassifierMixin, Unlearner):
    """Parent of the classifiers on class sums.

    A method writes ``_learned(part, parts)``, the solution without ``classes`` from a tally whose classes all have
    weight, ``_scores(X, solution)`` and ``_refusal(part)``, and sets ``_products`` if it needs Σ (w x) xᵀ of
    all records.
    """

    _products = False
    resolution: Any

    def _learned(self, part: Part, parts: Mapping[str, Part]) -> Part:
        raise NotImplementedError

    def _scores(self, X: Floats, solution: Part) -> Floats:
        """One column for each class; the larger, the likelier."""
        raise NotImplementedError

    def _more_sums(self, table: Table, weight: Any, codes: Codes, n_classes: int) -> dict[str, Limbs]:
        """What else to sum in each class."""
        return {}

    def _check_params(self) -> None:
        check_resolution_param("resolution", self.resolution)

    def _refusal(self, part: Part) -> Exception | None:
        """Why nothing can be predicted from this tally, whose classes all have weight; None if it can."""
        return None if len(part["classes"]) else refuse_zero_weight()

    def _lack(self, moments: Moments) -> Exception | None:
        """As :meth:`_refusal`, for a method that reads moments."""
        classes = moments.classes
        return self._refusal(
            {"classes": [], "counts": []} if classes is None else {"classes": classes.labels, "counts": classes.n}
        )

    def _tally(self, table: Table) -> Part:
        weight = rounded_weight(table)

        def sums(codes: Codes, n_classes: int) -> dict[str, Limbs]:
            X = weighted(table.X, weight, self.resolution)
            out = {"sums": named_sums(exact.group_sums, X, codes, n_classes, self.resolution, table.ids)}
            if weight is not None:
                out["weight"] = weight_sums(weight, codes, n_classes)
            return {**out, **self._more_sums(table, weight, codes, n_classes)}

        return tally(table.y, sums)

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("sums")
        new, total = self._sums_after(change)
        refuse_new_lack(old, new, change, lambda part: self._refusal(_with_weight(part)))
        return {"sums": new} if total is None else {"sums": new, "products": {"products": total}}

    def _sums_after(self, change: Change) -> tuple[Part, Limbs | None]:
        """The tally after a change and, if the method needs them, the sums of products."""
        new = tally_changed(change.parts.get("sums"), change, self._tally)
        if not self._products:
            return new, None
        before = change.parts.get("products", {}).get("products")
        return new, sum_after(before, change, self._of_table, add=exact.add, subtract=exact.subtract)

    def _of_table(self, table: Table) -> Limbs:
        return products(table.X, rounded_weight(table), self.resolution, table.ids)

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        part = _with_weight(parts["sums"])
        if self._refusal(part) is not None:
            return None
        with one_thread():
            return {"classes": part["classes"], **self._learned(part, parts)}

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), tuple(self._state().parts)

    def _terms(self) -> str:
        return f", on {rounding_terms(self.resolution, 'values')}"

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        return np.array(self._solution()["classes"])

    def decision_function(self, X: Any) -> Floats:
        """Score of each class, shape (n, n_classes); for two classes that of the second over the first, shape (n,)."""
        scores = self._validated_scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The label with the largest score for each row, shape (n,); of equals the first."""
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        return np.asarray(solution["classes"][np.argmax(self._ranks(X, solution), axis=1)])

    def _ranks(self, X: Floats, solution: Part) -> Floats:
        """What ``predict`` compares, one column for each class; here the scores."""
        return self._scores(X, solution)

    def _validated_scores(self, X: Any) -> Floats:
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        return self._scores(X, solution)


class Probabilities:
    """For methods whose scores are log P(class, x), up to a constant for each row."""

    _validated_scores: Any

    def predict_proba(self, X: Any) -> Floats:
        """P(class | x) for each row, shape (n, n_classes), in the order of ``classes_``."""
        return np.asarray(softmax(self._validated_scores(X), axis=1))

    def predict_log_proba(self, X: Any) -> Floats:
        """log P(class | x) for each row, shape (n, n_classes), in the order of ``classes_``."""
        return np.asarray(log_softmax(self._validated_scores(X), axis=1))


def scatter(limbs: Limbs, sums: Limbs, weight: Integers, unit: int, resolution: Any) -> Floats:
    """Σ w (x - x̄) (x - x̄)ᵀ about the mean of each group, added up; shape (d, d), each entry rounded once.

    Parameters
    ----------
    limbs : ndarray of int64, shape (6, d, d)
        :func:`products` of all records.
    sums : ndarray of int64, shape (3, K, d)
        Σ w x of each group, in units of the resolution.
    weight : ndarray of object, shape (K,)
        Weight of each group, positive, in Python integers.
    unit : int
        So many of them make a weight of one.
    resolution : float or array-like of shape (d,)

    Notes
    -----
    The difference is taken in integers: no offset of the features, however large, costs digits. The quotient by the
    weight of a group is cut 64 bits below the unit.
    """
    r = exact.check_resolution(resolution, limbs.shape[1])
    d = limbs.shape[1]
    r = np.broadcast_to(r, (d,))
    i, j = np.triu_indices(d)
    twice = exact.to_integers(exact.add(limbs, limbs.transpose(0, 2, 1))[:, i, j])
    rest = twice * 2 ** (_BITS - 1)
    for s, w in zip(exact.to_integers(sums), weight.tolist(), strict=True):
        rest = rest - (s[i] * s[j] * (unit << _BITS)) // w
    out = np.empty((d, d))
    out[i, j] = (rest / 2**_BITS).astype(np.float64) * (r[i] * r[j])
    out[j, i] = out[i, j]
    return out


def class_moments(part: Part, limbs: Limbs, resolution: Any) -> Moments:
    """Moments of the records of a tally and their :func:`products`; all is centred in integers, and rounded once."""
    weight, unit = class_weights(part)
    total, sums = weight.sum(), exact.to_integers(part["sums"])
    every = sums.sum(axis=0)
    r = np.broadcast_to(exact.check_resolution(resolution, len(every)), (len(every),))
    offsets = (sums * total - np.multiply.outer(weight, every)) * unit / (weight * total)[:, np.newaxis]
    joined = exact.carry(part["sums"].sum(axis=1, keepdims=True))
    classes = ClassMoments(
        part["classes"], part["counts"], (weight / unit).astype(np.float64), offsets.astype(np.float64) * r,
        scatter(limbs, part["sums"], weight, unit, r),
    )  # fmt: skip
    return Moments(
        int(part["counts"].sum()), float(total / unit), (every * unit / total).astype(np.float64) * r,
        scatter(limbs, joined, np.array([total], dtype=object), unit, r), classes=classes,
    )  # fmt: skip


def means_of(part: Part, resolution: Any) -> Floats:
    """Weighted mean of each class of a tally, shape (K, d), each rounded once."""
    weight, unit = class_weights(part)
    sums = exact.to_integers(part["sums"])
    r = exact.check_resolution(resolution, sums.shape[1])
    return np.asarray((sums * unit / weight[:, np.newaxis]).astype(np.float64) * r)


def chosen_priors(given: Any, part: Part) -> Floats:
    """The probabilities of the classes: those given, or the shares in the weight."""
    weight = class_weights(part)[0]
    return np.asarray(weight / weight.sum() if given is None else given, dtype=np.float64)


def check_priors(name: str, given: Any) -> None:
    """Refuse what are not probabilities of classes.

    Raises
    ------
    InvalidParameterError
        They are no numbers from 0 on, or their sum is not 1.
    """
    if given is not None:
        check_numbers(name, given, "class")
        if not np.isclose(np.sum(given), 1.0):
            raise InvalidParameterError(f"The sum of the {name} should be 1, got {given!r}.")


def wrong_number(name: str, given: Any, part: Part) -> Exception | None:
    """The error if there is not one prior for each class."""
    n_classes = len(part["classes"])
    if given is None or len(given) == n_classes:
        return None
    return InvalidParameterError(
        f"Number of priors must match number of classes: {len(given)} in {name}, {n_classes} in y.",
        hint="Give one prior for each label in y.",
    )


def one_class(part: Part) -> Exception | None:
    """The error if fewer than two classes have weight, in scikit-learn's words."""
    n_classes = len(part["classes"])
    if n_classes > 1:
        return None
    text = f"The number of classes has to be greater than one. Got {n_classes} class with any weight."
    return InvalidDataError(text, hint="Learn records of another class.")


def _with_weight(part: Part) -> Part:
    """The tally of the classes that have any weight: records of weight zero are known, and teach nothing."""
    keep = np.array([w > 0 for w in class_weights(part)[0].tolist()], dtype=bool)
    if keep.all():
        return part
    out = {"classes": part["classes"][keep], "counts": part["counts"][keep]}
    return {**out, **{name: limbs[:, keep] for name, limbs in part.items() if name not in out}}
