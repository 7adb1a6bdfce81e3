"""Naive Bayes on categories as they come, that forgets a record by taking it out of integer counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_choice, check_flag, check_number
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths.class_sums import class_count
from expunge.maths.running_sum import refuse_new_lack, sum_after
from expunge.methods.sums.category_counts import (
    added,
    count_categories,
    n_columns,
    refuse_other_kind,
    subtracted,
    weighted_table,
)
from expunge.methods.sums.naive_bayes import NaiveBayes, class_log_prior
from expunge.state import Change, Part
from expunge.table.column_values import column_values, is_text
from expunge.table.faults import fault_of_shape
from expunge.validation import any_input

__all__ = ["CategoricalNB"]

Floats = npt.NDArray[np.float64]

_LEAST_ALPHA = 1e-10  # of scikit-learn, unless force_alpha


class CategoricalNB(NaiveBayes):
    """Categorical naive Bayes on raw texts and categories, from which records must disappear at once and entirely.

    Takes tables as they are: no encoder stands before it that would have to forget, too. Each distinct value of a
    column is a category; a missing one is a category of its own, the last. Numbers are categories as well, so a column
    of measurements is to be put into bins first.

    Parameters
    ----------
    alpha : float, default=1.0
        Added to the count of each category in each class; at least 0.
    force_alpha : bool, default=True
        If not, an alpha below 1e-10 counts as 1e-10.
    fit_prior : bool, default=True
        Whether the probability of a class is its share in the weight of the records; if not, all are equal.
    class_prior : array-like of shape (n_classes,), optional
        Probabilities of the classes, in the order of their labels, instead. When the number of classes is no longer
        that of the priors, because all records of a class were forgotten, the model is dormant.
    min_categories : int or array-like of shape (n_features,), optional
        Number of categories of a column, if fewer are found: the others have count zero. A category that the model
        does not know is taken for one of these, as scikit-learn does with a code below it.
    handle_unknown : {"ignore", "error"}, default="ignore"
        What to do about a category to predict from that the model does not know, where ``min_categories`` leaves none:
        leave the column out of the product for this row, or refuse. scikit-learn has only the latter; here a category
        may go with the last person who had it, and others are still to be told something.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    class_count_, class_log_prior_ : ndarray of shape (n_classes,)
    n_categories_ : ndarray of int64, shape (n_features,)
    categories_, category_count_, feature_log_prob_ : list of ndarray, one for each column

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. Counts are
    integers, nothing is rounded; only weights are, to multiples of 2**-40. A category or class that only forgotten
    records had is in neither the state nor the file.

    Notes
    -----
    The state is, for each column, how many records of each class have each of its categories. A fit reads each record
    once, O(n d); forgetting k records reads those and copies the tables, O(k d + n_classes · categories), whatever n
    is. A class whose records all weigh nothing keeps its place, with probability zero, as in scikit-learn.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"town": ["Oslo", "Bonn", "Bonn", None], "plan": ["a", "b", "b", "a"]})
    >>> model = CategoricalNB().fit(X, ["stays", "leaves", "leaves", "stays"])
    >>> model.predict(X.iloc[:1])
    array(['stays'], dtype='<U6')
    >>> removal = model.forget([0])
    >>> removal.work, [categories.tolist() for categories in model.categories_]
    (1, [['Bonn', None], ['a', 'b']])
    """

    _priors = "class_prior"
    _tried_with: ClassVar[dict[str, Any]] = {"force_alpha": {"alpha": 0.0}}
    #: The other value of handle_unknown only refuses.
    _alternatives: ClassVar[dict[str, list[Any]]] = {"handle_unknown": [], "min_categories": [100]}

    def __init__(
        self, *, alpha: float = 1.0, force_alpha: bool = True, fit_prior: bool = True, class_prior: Any = None,
        min_categories: Any = None, handle_unknown: str = "ignore", seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.min_categories = min_categories
        self.handle_unknown = handle_unknown
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = tags.input_tags.string = tags.input_tags.allow_nan = True
        tags.classifier_tags.poor_score = True
        return tags

    def _check_params(self) -> None:
        super()._check_params()
        check_number("alpha", self.alpha)
        check_flag("force_alpha", self.force_alpha)
        check_flag("fit_prior", self.fit_prior)
        check_choice("handle_unknown", self.handle_unknown, ("ignore", "error"))
        if self.min_categories is not None:
            try:
                given = np.asarray(self.min_categories)
            except ValueError:  # lists of several lengths
                given = np.empty((0, 0))
            is_number = isinstance(self.min_categories, Integral) and not isinstance(self.min_categories, bool)
            if not (is_number or (given.ndim == 1 and given.dtype.kind in "iu")) or (given < 1).any():
                raise InvalidParameterError(
                    f"min_categories must be integers from 1 on, one or one for each column, got "
                    f"{self.min_categories!r}."
                )

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        if getattr(getattr(X, "dtype", None), "kind", "") == "c":
            raise InvalidDataError("Complex data not supported.", hint="Give real and imaginary parts.")
        X, y = any_input(self, X, y, reset=reset, least=least)
        if X.ndim == 1:
            raise fault_of_shape(X, type(self).__name__, sparse=False) or InvalidDataError("Expected 2D array.")
        return X, y

    def _names(self) -> list[Any]:
        return list(getattr(self, "feature_names_in_", range(self.n_features_in_)))

    def _read(self, X: Any) -> Any:
        return self._validate(X, None, reset=False)[0]

    # ------------------------------------------------------------------ learning

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("sums")
        new = sum_after(old, change, count_categories, add=partial(added, names=self._names()), subtract=subtracted)
        _least(self.min_categories, n_columns(new))
        refuse_new_lack(old, new, change, self._refusal)
        return {"sums": new}

    def _learned(self, part: Part) -> Part:
        alpha = float(self.alpha) if self.force_alpha else max(float(self.alpha), _LEAST_ALPHA)
        weight = class_count(part)[:, np.newaxis]
        d = n_columns(part)
        out: Part = {"log_prior": class_log_prior(self, part), "n": np.empty(d, dtype=np.int64)}
        for j, least in enumerate(_least(self.min_categories, d)):
            table = weighted_table(part, j)
            is_there = np.asarray(table.any(axis=0))  # a category whose records all weigh nothing teaches nothing
            known = table[:, is_there]
            n = out["n"][j] = max(known.shape[1], least)
            with np.errstate(divide="ignore", invalid="ignore"):  # log 0: alpha zero, a class of weight zero
                table = np.concatenate([known, np.zeros((len(known), 1))], axis=1)  # last a category that none has
                log_prob = np.log(table + alpha) - np.log(weight + alpha * n)
            out[f"values.{j:05d}"], out[f"log_prob.{j:05d}"] = part[f"values.{j:05d}"][is_there[:-1]], log_prob
        return out

    # ------------------------------------------------------------------ predicting

    def _joint(self, X: Any, solution: Part) -> Floats:
        out = np.tile(solution["log_prior"], (len(X), 1))
        for j, name in enumerate(self._names()):
            known, log_prob = solution[f"values.{j:05d}"], solution[f"log_prob.{j:05d}"]
            n_known = log_prob.shape[1] - 1
            codes = _codes(column_values(X, j, name), known, n_known > len(known), name)
            terms = np.ascontiguousarray(log_prob.T)
            if solution["n"][j] == n_known:  # nothing is left for a category that is not known
                if self.handle_unknown == "error" and (codes == n_known).any():
                    raise InvalidDataError(
                        f"Column {name!r}, row {int((codes == n_known).argmax())} has a category that the model does "
                        "not know.",
                        hint="Set handle_unknown='ignore', or min_categories, and fit again.",
                    )
                terms[-1] = 0.0
            out += terms[codes]
        return out

    # ------------------------------------------------------------------ what is shown

    @property
    def class_log_prior_(self) -> Floats:
        """log P(class), shape (n_classes,)."""
        return np.array(self._solution()["log_prior"])

    @property
    def n_categories_(self) -> npt.NDArray[np.int64]:
        """Number of categories of each column, a missing one and those of ``min_categories`` included."""
        return np.array(self._solution()["n"])

    @property
    def categories_(self) -> list[npt.NDArray[Any]]:
        """Categories of each column, sorted; a missing one is last, as None among texts and NaN among numbers."""
        out = []
        for known, log_prob in _columns(self._solution()):
            values = known.astype(object) if known.dtype.kind == "U" else known
            if log_prob.shape[1] - 1 > len(known):
                values = np.append(values, [None]) if values.dtype == object else np.append(values, np.nan)
            out.append(np.array(values))
        return out

    @property
    def category_count_(self) -> list[Floats]:
        """Weight of each category in each class: arrays of shape (n_classes, n_categories). Not in an export."""
        part, out = self._sums(), []
        for j, n in enumerate(self.n_categories_.tolist()):
            table = weighted_table(part, j)
            table = table[:, table.any(axis=0)]
            out.append(np.concatenate([table, np.zeros((len(table), n - table.shape[1]))], axis=1))
        return out

    @property
    def feature_log_prob_(self) -> list[Floats]:
        """log P(category | class): arrays of shape (n_classes, n_categories)."""
        out = []
        for n, (_, log_prob) in zip(self.n_categories_.tolist(), _columns(self._solution()), strict=True):
            free = np.repeat(log_prob[:, -1:], n - (log_prob.shape[1] - 1), axis=1)
            out.append(np.concatenate([log_prob[:, :-1], free], axis=1))
        return out


def _columns(solution: Part) -> Iterator[tuple[npt.NDArray[Any], Floats]]:
    for j in range(len(solution["n"])):
        yield solution[f"values.{j:05d}"], solution[f"log_prob.{j:05d}"]


def _least(min_categories: Any, d: int) -> list[int]:
    """The fewest categories that each of d columns is to have."""
    given = np.asarray(1 if min_categories is None else min_categories)
    if given.ndim and len(given) != d:
        raise InvalidParameterError(
            f"min_categories should have shape ({d},) when an array-like is provided, got {given.shape}.",
            hint="Give one for each column, or one for all.",
        )
    return [int(n) for n in np.broadcast_to(given, (d,))]


def _codes(values: npt.NDArray[Any], known: npt.NDArray[Any], knows_missing: bool, name: Any) -> npt.NDArray[np.intp]:
    """The category of each value; that behind the last known one where it is not known."""
    import pandas as pd

    missing = np.asarray(pd.isna(values), dtype=bool)
    if not missing.all():
        refuse_other_kind(known, "texts" if is_text(values) else "numbers", name)
    index = pd.Index(known.astype(object) if known.dtype.kind == "U" else known)
    values = values.astype(np.int64) if values.dtype.kind == "b" else values
    codes = index.get_indexer(pd.Index(values)).astype(np.intp)
    unknown = len(known) + knows_missing
    codes[codes < 0] = unknown
    codes[missing] = len(known) if knows_missing else unknown
    return np.asarray(codes)
