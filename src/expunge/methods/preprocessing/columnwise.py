"""What every transformer of single columns does alike: it learns from summaries of columns, and asks no record again.

What a column becomes depends on that column alone. So a transformer is a function of a summary, a chain of them is
solved from the summaries of the columns it begins with, and scikit-learn's own transformer, told the statistics, does
the transforming.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin
from sklearn.utils import Tags

from expunge.contract import Unlearner
from expunge.errors import InvalidDataError
from expunge.maths.fixed_point import check_resolution_param
from expunge.methods.preprocessing.column_summary import Summary, ValueSummary
from expunge.methods.preprocessing.front import Branch, Front, form_of, side_by_side
from expunge.rows import Rows
from expunge.state import Change, Part
from expunge.table.column_values import numbers_of
from expunge.validation import any_input

__all__ = ["ColumnFront", "ColumnTransform"]

Columns = list[npt.NDArray[Any]]

_UNKNOWN = re.compile(r"^Found unknown categories .* in column (\d+) during transform", re.DOTALL)


class ColumnFront(TransformerMixin, Unlearner):
    """Parent of the models that transform columns: one transformer, or several side by side.

    A model writes ``_front()``.
    """

    _requests = ("records", "subjects", "features")

    def _front(self) -> Front:
        raise NotImplementedError

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        X, _ = any_input(self, X, None, reset=reset, least=least)
        return X, None

    def _update(self, change: Change) -> dict[str, Part | None]:
        front = self._front()
        changes: dict[str, Any] = front.update(change)
        was_dormant = bool(change.parts) and (not change.n_before or self._solve(change.rows, change.parts) is None)
        if not change.tolerant and not was_dormant:
            front.solve(form_of(change.rows), {**change.parts, **changes})
        return changes

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if not len(rows):
            return None
        try:
            return self._front().solve(form_of(rows), parts)
        except InvalidDataError:
            return None

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), tuple(self._state().parts)

    def transform(self, X: Any) -> Any:
        """Transformed rows, shape (n, number of outputs): an array, or a CSR matrix where an encoder gives one."""
        solution = self._solution()
        X, _ = any_input(self, X, None, reset=False)
        return self._front().transform(solution, X)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the outputs.

        Parameters
        ----------
        input_features : array of str, optional
            Default: the names the model was fitted with, or x0, x1, ...

        Raises
        ------
        InvalidDataError
            ``input_features`` are not the columns of the fit.
        """
        solution, known = self._solution(), getattr(self, "feature_names_in_", None)
        if input_features is None:
            names = [f"x{j}" for j in range(self.n_features_in_)] if known is None else [str(name) for name in known]
        else:
            names = [str(name) for name in input_features]
            if known is not None and names != [str(name) for name in known]:
                raise InvalidDataError("input_features is not equal to feature_names_in_")
            if len(names) != self.n_features_in_:
                raise InvalidDataError("input_features should have length equal to number of features")
        return np.array(self._front().names_out(solution, names), dtype=object)


class ColumnTransform(TransformerMixin):
    """Beside :class:`ColumnFront`: what the transformers of single columns share.

    A transformer writes ``_learn_column(summary)``, the statistics of one column as a dictionary of numbers, texts and
    arrays, and ``_told(statistics)``, scikit-learn's transformer with the statistics of these columns. It sets
    ``_reads_values`` where moments are not enough, ``_one_by_one`` where columns become different numbers of outputs,
    and ``_labels`` if a column is read as categories. If an output is factor · x + shift, ``_affine(statistic)`` gives
    the two; if it fills in a value, ``_filling(statistic)`` gives that, or None for a column that is left out.
    """

    _reads_values = True
    _one_by_one = False
    _labels = False
    _takes_text = False

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = self._takes_text
        return tags

    def _check_params(self) -> None:
        if hasattr(self, "resolution"):
            check_resolution_param("resolution", self.resolution)

    def _learn_column(self, summary: Summary) -> Part:
        raise NotImplementedError

    def _check_learned(self, statistics: list[Part], names: list[Any]) -> None:
        """Refuse statistics that are each in order and together too many."""

    def _told(self, statistics: list[Part]) -> Any:
        raise NotImplementedError

    def _pushed(self, statistic: Part, summary: Summary) -> list[Summary]:
        """What is known of the outputs of a column."""
        assert isinstance(summary, ValueSummary)  # noqa: S101 - of a chain with this transformer the values are kept
        if not len(summary.column()):
            return []
        outputs = self._outputs([statistic], [summary.column()], [summary.name])
        outputs = outputs.toarray() if hasattr(outputs, "toarray") else outputs
        names = self._names([statistic], [str(summary.name)])
        return [summary.pushed(name, outputs[:, k]) for k, name in enumerate(names)]

    def _outputs(self, statistics: list[Part], columns: Columns, names: list[Any]) -> Any:
        """Outputs of these columns, side by side; columns are in the form of ``column_values``."""
        if not self._one_by_one:
            return self._transformed(statistics, columns, names)
        blocks = [
            self._transformed([statistic], [column], [name])
            for statistic, column, name in zip(statistics, columns, names, strict=True)
        ]
        return side_by_side(blocks)

    def _transformed(self, statistics: list[Part], columns: Columns, names: list[Any]) -> Any:
        columns = [_as_known(column, statistic) for column, statistic in zip(columns, statistics, strict=True)]
        try:
            return self._told(statistics).transform(self._matrix(columns, names))
        except ValueError as error:
            found = _UNKNOWN.search(str(error))
            if found is None:
                raise
            raise InvalidDataError(
                f"Column {names[int(found[1])]!r} has a category that no known record has.",
                hint="Let handle_unknown say what becomes of such a category.",
            ) from None

    def _matrix(self, columns: Columns, names: list[Any]) -> npt.NDArray[Any]:
        if not self._takes_text:
            return np.column_stack(
                [numbers_of(column, name, type(self).__name__) for column, name in zip(columns, names, strict=True)]
            )
        return np.column_stack(columns)

    def _names(self, statistics: list[Part], names: list[str]) -> list[str]:
        """Names of the outputs of columns with these names."""
        if not self._one_by_one:
            return [str(name) for name in self._told(statistics).get_feature_names_out(np.array(names, dtype=object))]
        told = ((self._told([statistic]), name) for statistic, name in zip(statistics, names, strict=True))
        return [str(out) for one, name in told for out in one.get_feature_names_out(np.array([name], dtype=object))]

    def _front(self) -> Front:
        return Front([Branch("", None, [("", self)])])

    def inverse_transform(self, X: Any) -> Any:
        """Rows with these outputs, shape (n, n_features_in_), as far as they tell."""
        return self._front().inverse(self._solution(), X)

    def _inverse(self, statistics: list[Part], X: Any) -> Any:
        if not self._one_by_one:
            return self._told(statistics).inverse_transform(X)
        out, start = [], 0
        for statistic in statistics:
            told = self._told([statistic])
            width = len(told.get_feature_names_out())
            out.append(told.inverse_transform(X[:, start : start + width]))
            start += width
        if X.shape[1] != start:
            raise InvalidDataError(f"X has {X.shape[1]} columns, and there are {start} outputs.")
        return side_by_side(out)


def _as_known(column: npt.NDArray[Any], statistic: Part) -> npt.NDArray[Any]:
    """The column in a form that can be compared with its categories: a text that is missing in all rows has no kind."""
    known = statistic.get("categories")
    if known is None or column.dtype.kind == "O":
        return column
    if known.dtype.kind == "U":
        return column.astype(object)
    return column.astype(np.float64) if column.dtype.kind == "b" and known.dtype.kind != "b" else column
