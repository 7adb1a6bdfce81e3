"""Which modules there are: one for each class, pair of classes or group of columns.

Name and seed of a module follow from what it is for, its classes or the names of its columns, and from nothing else: so
none moves when another one goes. Names are keyed hashes, for the name of a part is told in every removal and a label
may be somebody's value. Columns without names have numbers that shift when a column goes; there all modules share one
seed, and only their names follow the numbers.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.seeds import uniform64
from expunge.table.label_kinds import as_labels

__all__ = [
    "Module",
    "Narrowed",
    "check_groups",
    "class_keys",
    "class_modules",
    "column_modules",
    "groups_within",
    "pair_modules",
    "refuse_ungrouped",
    "take_columns",
    "without_columns",
]

Names = Sequence[str] | None


@dataclasses.dataclass(frozen=True)
class Module:
    """What one module is for.

    Parameters
    ----------
    name : str
        Of its part in the state.
    path : tuple of str or int
        What its seeds derive from, beside the seed of the model.
    keys : tuple of int
        Keys of the classes whose records it learns from; empty for all records.
    columns : tuple of int
        Positions of the columns it sees, ascending; empty for all columns.
    """

    name: str
    path: tuple[str | int, ...]
    keys: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()


# ------------------------------------------------------------------ which modules there are


def class_keys(seed: int, y: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Key of the class of each target: a keyed hash of its label alone. 1, 1.0 and True are one label.

    Examples
    --------
    >>> import numpy as np
    >>> keys = class_keys(0, np.array(["a", "b", "a"]))
    >>> bool(keys[0] == keys[2]), bool(keys[1] == class_keys(0, np.array(["b"]))[0])
    (True, True)
    """
    labels, at = np.unique(as_labels(y), return_inverse=True)
    texts = np.array([_text_of(label) for label in labels.tolist()], dtype=object)
    return uniform64(seed, "class", texts).view(np.int64)[at]


def _text_of(label: Any) -> str:
    if isinstance(label, str):
        return f"text {label}"
    is_whole = isinstance(label, (int, float)) and label == int(label)
    return f"number {int(label)}" if is_whole else f"other {label!r}"


def class_modules(keys: Iterable[int]) -> list[Module]:
    """One module for each class."""
    return [Module(f"class/{_hex(key)}", ("class", key), (key,)) for key in sorted(keys)]


def pair_modules(keys: Iterable[int]) -> list[Module]:
    """One module for each pair of classes."""
    pairs = combinations(sorted(keys), 2)
    return [Module(f"pair/{_hex(a)}-{_hex(b)}", ("pair", a, b), (a, b)) for a, b in pairs]


def _hex(key: int) -> str:
    return f"{key % 2**64:016x}"


def column_modules(names: Names, n_columns: int, groups: Any, *, seed: int) -> list[Module]:
    """One module for each group that has a column, ordered by their first columns.

    Parameters
    ----------
    names : list of str or None
        Of the columns, where they have any.
    n_columns : int
    groups : None, int or list of lists
        As for ``ModularClassifier``.
    seed : int
    """
    labels = _labels(names, n_columns)
    if groups is None:
        found = [[c] for c in range(n_columns)]
    elif isinstance(groups, (int, np.integer)):
        cells: dict[int, list[int]] = {}
        for c, high in enumerate(_hashes(seed, "group", labels)):
            cells.setdefault((high >> 32) * int(groups) >> 32, []).append(c)
        found = list(cells.values())
    else:
        found = [sorted(labels.index(name) for name in group) for group in groups_within(groups, names, n_columns)]
    out = []
    for columns in sorted(found):
        own = [labels[c] for c in columns]
        name = f"columns/{_hashes(seed, 'columns', [own])[0]:016x}"
        out.append(Module(name, ("columns", *(() if names is None else own)), columns=tuple(columns)))
    return out


def _labels(names: Names, n_columns: int) -> list[Any]:
    """What ``groups`` calls the columns."""
    return list(range(n_columns)) if names is None else [str(name) for name in names]


def _hashes(seed: int, purpose: str, labels: Sequence[Any]) -> list[int]:
    hashes: list[int] = uniform64(seed, purpose, np.array([json.dumps(v) for v in labels], dtype=object)).tolist()
    return hashes


def take_columns(X: Any, columns: Sequence[int]) -> Any:
    """These columns of an array, CSR matrix or frame; all for an empty list."""
    if not len(columns):
        return X
    if hasattr(X, "iloc"):
        return X.iloc[:, list(columns)]
    part = X[:, list(columns)]
    return part if hasattr(part, "tocsr") else np.ascontiguousarray(part)


# ------------------------------------------------------------------ groups of columns


def check_groups(groups: Any) -> None:
    """Refuse groups that are neither None, nor a positive integer, nor lists of different column names.

    Raises
    ------
    InvalidParameterError
        The groups are not of their documented form, or name a column twice.
    """
    if groups is None or (isinstance(groups, (int, np.integer)) and not isinstance(groups, bool) and groups >= 1):
        return
    if isinstance(groups, (list, tuple)) and all(isinstance(group, (list, tuple)) for group in groups):
        every = [name for group in groups for name in group]
        if all(isinstance(name, (str, int, np.integer)) and not isinstance(name, bool) for name in every):
            if len(set(every)) == len(every):
                return
            raise InvalidParameterError("groups names a column twice.", hint="A column belongs to one group.")
    raise InvalidParameterError(
        f"groups must be None, a positive integer, or lists of column names (positions for arrays), got {groups!r}."
    )


def refuse_ungrouped(groups: Any, names: Names, n_columns: int) -> None:
    """Refuse columns that are in no group; a misspelt name is found that way.

    Raises
    ------
    InvalidDataError
        A column is in none of the groups.
    """
    if not isinstance(groups, (list, tuple)):
        return
    known = {name for group in groups for name in group}
    left_out = [name for name in _labels(names, n_columns) if name not in known]
    if left_out:
        raise InvalidDataError(
            f"The column {left_out[0]!r} is in none of the groups.", hint="Put each column of X into one group."
        )


def groups_within(groups: Any, names: Names, n_columns: int) -> list[list[Any]]:
    """The groups without the columns that X does not have, and without empty ones."""
    known = set(_labels(names, n_columns))
    found = [[_plain(name) for name in group if name in known] for group in groups]
    return [group for group in found if group]


def _plain(name: Any) -> Any:
    return int(name) if isinstance(name, np.integer) else str(name) if isinstance(name, str) else name


@dataclasses.dataclass(frozen=True)
class Narrowed:
    """The modules by columns after some columns are gone.

    Parameters
    ----------
    names, n_columns, groups
        Of the columns that are left; positions behind those that are gone moved up.
    to_train : list of Module
        Those that lost a column, or whose seed followed from its name.
    kept : dict of Module to str
        The others, with the names of their parts before.
    touched : tuple of str
        Names of the parts to train, and of those that go.
    """

    names: list[str] | None
    n_columns: int
    groups: Any
    to_train: list[Module]
    kept: dict[Module, str]
    touched: tuple[str, ...]


def without_columns(names: Names, n_columns: int, groups: Any, gone: Sequence[int], *, seed: int) -> Narrowed:
    """What is left of :func:`column_modules` when the columns at these positions are gone.

    Examples
    --------
    >>> left = without_columns(None, 4, [[0, 1], [2, 3]], [1], seed=0)
    >>> left.groups, [module.columns for module in left.to_train], [module.columns for module in left.kept]
    ([[0], [1, 2]], [(0,)], [(1, 2)])
    """
    left = [c for c in range(n_columns) if c not in set(gone)]
    own = None if names is None else [str(names[c]) for c in left]
    if isinstance(groups, (list, tuple)):
        now = dict(zip(left, range(len(left)), strict=True)) if names is None else {name: name for name in own or []}
        cut = [[now[name] for name in group if name in now] for group in groups_within(groups, names, n_columns)]
        new: Any = [group for group in cut if group]
    else:
        new = groups
    before = {(m.path, m.columns): m.name for m in column_modules(names, n_columns, groups, seed=seed)}
    to_train, kept = [], {}
    for module in column_modules(own, len(left), new, seed=seed):
        source = before.pop((module.path, tuple(left[c] for c in module.columns)), None)
        if source is None:
            to_train.append(module)
        else:
            kept[module] = source
    touched = (*(module.name for module in to_train), *sorted(before.values()))
    return Narrowed(own, len(left), new, to_train, kept, touched)
