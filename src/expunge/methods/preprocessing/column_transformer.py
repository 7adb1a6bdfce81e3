"""Different transformers for different columns, side by side, all of which forget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.utils import Tags

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.preprocessing.columnwise import ColumnFront
from expunge.methods.preprocessing.front import Branch, Front
from expunge.methods.preprocessing.steps import NamedSteps, chain_of, check_names, check_step
from expunge.near_names import near_name
from expunge.table.column_values import column_count

__all__ = ["ColumnTransformer"]


class ColumnTransformer(NamedSteps, ColumnFront):
    """Scales some columns and encodes others, for tables as people have them, and forgets whose rows they were.

    Parameters
    ----------
    transformers : list of tuples (name, transformer, columns)
        ``transformer`` is a transformer of single columns of :mod:`expunge.preprocessing`, a ``Pipeline`` of such,
        "passthrough" or "drop". ``columns`` is a name, a position, a list of such, or a
        ``sklearn.compose.make_column_selector``.
    remainder : transformer, "passthrough" or "drop", default="drop"
        What becomes of the columns that no tuple names.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Notes
    -----
    The state is one tally for each column: moments where means and variances are enough, else its distinct values with
    their counts. A chain of transformers in one place is solved from the tally of the column it begins with, so that
    forgetting k records reads those k, however long the chain. A column that a list names cannot be forgotten by
    ``forget(features=...)``: a fresh fit would look for it. Name the others, or use a selector or ``remainder``.
    Names of outputs begin with that of the tuple. The output is a CSR matrix if one of the encoders gives one.

    Examples
    --------
    >>> import pandas as pd
    >>> from expunge.preprocessing import OneHotEncoder, StandardScaler
    >>> people = pd.DataFrame({"town": ["Aarhus", "Oslo", "Oslo"], "age": [20.0, 40.0, 50.0]})
    >>> people.index = ["ann", "bob", "eve"]
    >>> model = ColumnTransformer([("town", OneHotEncoder(), ["town"])], remainder=StandardScaler()).fit(people)
    >>> _ = model.forget("ann")
    >>> model.get_feature_names_out().tolist()
    ['town__town_Oslo', 'remainder__age']
    """

    _named = "transformers"

    def __init__(self, transformers: Any, *, remainder: Any = "drop", seed: int = 0) -> None:
        self.transformers = transformers
        self.remainder = remainder
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def _check_params(self) -> None:
        given = self.transformers
        if not isinstance(given, (list, tuple)) or any(not isinstance(t, tuple) or len(t) != 3 for t in given):
            raise InvalidParameterError("transformers must be a list of tuples (name, transformer, columns).")
        check_names([name for name, _, _ in given])
        for name, step, columns in [*given, ("remainder", self.remainder, [])]:
            if not (isinstance(step, str) and step in ("passthrough", "drop")):
                check_step(name, step)
                chain_of(name, step)
            _check_columns(name, columns)

    def _front(self) -> Front:
        branches = [
            Branch(name, _resolver(columns), chain_of(name, step))
            for name, step, columns in self.transformers
            if step != "drop"
        ]
        if self.remainder != "drop":
            named = [_resolver(columns) for _, _, columns in self.transformers]
            branches.append(
                Branch("remainder", lambda form: _others(form, named), chain_of("remainder", self.remainder))
            )
        return Front(branches)


def _check_columns(name: str, columns: Any) -> None:
    if is_selector(columns) or (isinstance(columns, (str, int, np.integer)) and not isinstance(columns, bool)):
        return
    if not isinstance(columns, (list, tuple)) or not all(
        isinstance(c, (str, int, np.integer)) and not isinstance(c, bool) for c in columns
    ):
        raise InvalidParameterError(
            f"The columns of {name!r} are {columns!r}.", hint="Give names or positions, or a make_column_selector."
        )


def is_selector(columns: Any) -> bool:
    """Whether columns are given by scikit-learn's selector."""
    from sklearn.compose import make_column_selector

    return type(columns) is make_column_selector


def _resolver(columns: Any) -> Callable[[Any], list[int]]:
    def resolve(form: Any) -> list[int]:
        if is_selector(columns):
            if not hasattr(form, "columns"):
                raise InvalidDataError("Columns can be selected by type or pattern in a frame only.")
            wanted = list(columns(form))
        else:
            wanted = list(columns) if isinstance(columns, (list, tuple)) else [columns]
        names = form.columns.tolist() if hasattr(form, "columns") else []
        places = {name: j for j, name in enumerate(names)}
        return [_position(column, places, column_count(form)) for column in wanted]

    return resolve


def _position(column: Any, places: Mapping[Any, int], n: int) -> int:
    if isinstance(column, str):
        if column not in places:
            known = near_name(column, list(places)) if places else "Pass a frame."
            raise InvalidDataError(f"There is no column {column!r}.", hint=known)
        return places[column]
    if not -n <= column < n:
        raise InvalidDataError(f"There is no column {column}: the table has {n}.")
    return int(column) % n


def _others(form: Any, named: list[Callable[[Any], list[int]]]) -> list[int]:
    taken = {j for resolve in named for j in resolve(form)}
    return [j for j in range(column_count(form)) if j not in taken]
