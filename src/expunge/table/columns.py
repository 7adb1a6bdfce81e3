"""Columns of rows: values of any kind a table has, read by slot, wiped by slot, written as plain arrays.

Four containers with one interface: :class:`Dense` (numbers, any shape), :class:`Cells` (texts and mixed objects),
:class:`Sparse` (CSR) and :class:`Frame` (a pandas frame, column by column). ``wipe`` overwrites values, so that a
forgotten row is gone from memory; ``plain`` gives canonical arrays that depend on the rows asked for and on nothing
else: a category that no row has is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.table.cells import decode_cells, encode_cells
from expunge.table.ids import grown
from expunge.table.memory import change_memory
from expunge.table.sparse import Sparse

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cells", "Columns", "Dense", "Frame", "Sparse", "columns_of", "joined", "restore_columns"]

Slots = npt.NDArray[np.intp]
Arrays = dict[str, npt.NDArray[Any]]


class Columns(Protocol):
    """What a row store needs of its columns."""

    def __len__(self) -> int: ...
    def read(self, slots: Slots) -> Any:
        """The rows of these slots, as a copy, in the form the user gave."""

    def wipe(self, slots: Slots) -> None:
        """Overwrite the values of these slots."""

    def append(self, more: Any) -> None:
        """Put more columns of the same kind behind."""

    def truncate(self, n: int) -> None:
        """Take back all slots from n on."""

    def plain(self, slots: Slots) -> Arrays:
        """Canonical arrays of these slots."""

    def schema(self, slots: Slots) -> dict[str, Any]:
        """What is needed to rebuild, as JSON; independent of rows outside ``slots``."""

    def without(self, features: Sequence[int]) -> Columns:
        """A copy without the columns at these positions."""


class Dense:
    """Numbers, booleans or dates in one array of shape (n, ...).

    Parameters
    ----------
    values : ndarray of shape (n, ...)
        Copied.
    """

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._buffer = np.array(values, order="C", copy=True)
        self._n = len(values)

    def __len__(self) -> int:
        return self._n

    def read(self, slots: Slots) -> npt.NDArray[Any]:
        return self._buffer[slots]

    def whole(self) -> npt.NDArray[Any]:
        """All slots, not copied."""
        return self._buffer[: self._n]

    def wipe(self, slots: Slots) -> None:
        self._buffer[slots] = np.zeros((), dtype=self._buffer.dtype)

    def append(self, more: Any) -> None:
        if not isinstance(more, Dense) or (self._n and more._buffer.shape[1:] != self._buffer.shape[1:]):
            raise InvalidDataError("The new rows are not of the form of those the model learned from.")
        new = more._buffer[: more._n]
        if not self._n:
            self._buffer, self._n = new.copy(), len(new)
            return
        cast_back = new.astype(self._buffer.dtype)
        there_and_back = cast_back.astype(new.dtype)
        if new.dtype != self._buffer.dtype and not (
            np.array_equal(there_and_back, new, equal_nan=new.dtype.kind == "f")
            and np.array_equal(cast_back, new, equal_nan=new.dtype.kind == "f")
        ):
            raise InvalidDataError(f"The new values of dtype {new.dtype} do not fit into {self._buffer.dtype}.")
        self._buffer = grown(self._buffer, self._n, cast_back)
        self._n += len(new)

    def truncate(self, n: int) -> None:
        self._buffer[n:] = np.zeros((), dtype=self._buffer.dtype)
        self._n = n

    def plain(self, slots: Slots) -> Arrays:
        values = self._buffer[slots]
        return {"values": values.astype(values.dtype.newbyteorder("<"), copy=False)}

    def schema(self, slots: Slots) -> dict[str, Any]:
        return {"kind": "dense"}

    def without(self, features: Sequence[int]) -> Dense:
        return Dense(np.delete(self._buffer[: self._n], list(features), axis=1))


class Cells:
    """Texts and mixed objects in an object array of shape (n,) or (n, d).

    ``memory`` is something that was made of the cells and is worth keeping. It is no state, is never saved or copied,
    and has ``wipe`` and ``truncate`` of its own.

    Parameters
    ----------
    values : ndarray of object, shape (n,) or (n, d)
        Copied.
    """

    memory: Any = None

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._buffer = np.array(values, dtype=object, copy=True)
        self._n = len(values)

    def __len__(self) -> int:
        return self._n

    def read(self, slots: Slots) -> npt.NDArray[Any]:
        return self._buffer[slots]

    def wipe(self, slots: Slots) -> None:
        self._buffer[slots] = None
        change_memory(self, lambda memory: memory.wipe(slots))

    def append(self, more: Any) -> None:
        if not isinstance(more, Cells) or more._buffer.shape[1:] != self._buffer.shape[1:]:
            raise InvalidDataError("The new rows are not of the form of those the model learned from.")
        self._buffer = grown(self._buffer, self._n, more._buffer[: more._n])
        self._n += len(more)

    def truncate(self, n: int) -> None:
        self._buffer[n:] = None
        self._n = n
        change_memory(self, lambda memory: memory.truncate(n))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "memory"}

    def plain(self, slots: Slots) -> Arrays:
        return encode_cells(self._buffer[slots])

    def schema(self, slots: Slots) -> dict[str, Any]:
        return {"kind": "cells", "width": list(self._buffer.shape[1:])}

    def without(self, features: Sequence[int]) -> Cells:
        return Cells(np.delete(self._buffer[: self._n], list(features), axis=1))


class Frame:
    """A pandas frame, column by column; categories are kept as values, never as a list of all that once occurred.

    ``memory`` is as that of :class:`Cells`.

    Parameters
    ----------
    names : list
    columns : list of Dense or Cells
    specs : list of dict
        Of each column its dtype and, if they are ordered, its categories.
    """

    memory: Any = None

    def __init__(self, names: list[Any], columns: list[Dense | Cells], specs: list[dict[str, Any]]) -> None:
        self._names = names
        self._columns = columns
        self._specs = specs  # per column {"dtype": ...} and, for ordered categories, their {"order": [...]}

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Frame:
        """Copy a pandas frame.

        Raises
        ------
        InvalidDataError
            Two columns share a name, or a name is no text.
        """
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise InvalidDataError(f"Column {twice!r} is there twice.", hint="Rename one of them.")
        columns, specs = [], []
        for name in frame.columns:
            if not isinstance(name, (str, int, np.integer)) or isinstance(name, bool):
                raise InvalidDataError(f"Column {name!r} is named by a {type(name).__name__}.", hint="Use a text.")
            column, spec = _split_series(frame[name], name)
            columns.append(column)
            specs.append(spec)
        names = [int(n) if isinstance(n, np.integer) else n for n in frame.columns]
        return cls(names, columns, specs)

    def __len__(self) -> int:
        return len(self._columns[0]) if self._columns else 0

    def read(self, slots: Slots) -> pd.DataFrame:
        import pandas as pd

        data = [_join_series(column.read(slots), spec) for column, spec in zip(self._columns, self._specs, strict=True)]
        frame = pd.concat(data, axis=1) if data else pd.DataFrame(index=range(len(slots)))
        frame.columns = pd.Index(self._names)
        return frame

    def has(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return name in self._names

    def values(self, name: str, slots: Slots) -> npt.NDArray[Any]:
        """Values of one column, without the cost of a frame."""
        return self._columns[self._names.index(name)].read(slots)

    def wipe(self, slots: Slots) -> None:
        change_memory(self, lambda memory: memory.wipe(slots))
        for column in self._columns:
            column.wipe(slots)
        self._prune()

    def _prune(self) -> None:
        """Of the order of categories keep only those that some row has."""
        for i, spec in enumerate(self._specs):
            if "order" in spec:
                used = set(self._columns[i].read(np.arange(len(self))).tolist())
                self._specs[i] = {**spec, "order": [c for c in spec["order"] if c in used]}

    def append(self, more: Any) -> None:
        if not isinstance(more, Frame) or more._names != self._names:
            raise InvalidDataError(f"The new rows must have the columns {self._names!r}, in this order.")
        orders = [_merge_order(a, b, n) for a, b, n in zip(self._specs, more._specs, self._names, strict=True)]
        for i, (column, new) in enumerate(zip(self._columns, more._columns, strict=True)):
            try:
                column.append(new)
            except InvalidDataError as error:
                for done in self._columns[:i]:
                    done.truncate(len(done) - len(more))
                raise InvalidDataError(f"Column {self._names[i]!r}: {error}") from None
        self._specs = orders
        self._prune()

    def truncate(self, n: int) -> None:
        change_memory(self, lambda memory: memory.truncate(n))
        for column in self._columns:
            column.truncate(n)
        self._prune()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "memory"}

    def plain(self, slots: Slots) -> Arrays:
        out: Arrays = {}
        for i, column in enumerate(self._columns):
            out.update({f"{i}.{name}": array for name, array in column.plain(slots).items()})
        return out

    def schema(self, slots: Slots) -> dict[str, Any]:
        specs = []
        for column, spec in zip(self._columns, self._specs, strict=True):
            if "order" in spec:
                used = set(column.read(slots).tolist())
                spec = {**spec, "order": [c for c in spec["order"] if c in used]}
            specs.append({**spec, **column.schema(slots)})
        return {"kind": "frame", "names": self._names, "columns": specs}

    def without(self, features: Sequence[int]) -> Frame:
        keep = [i for i in range(len(self._names)) if i not in set(features)]
        every = np.arange(len(self))
        columns = [type(self._columns[i])(self._columns[i].read(every)) for i in keep]
        return Frame([self._names[i] for i in keep], columns, [self._specs[i] for i in keep])


def _split_series(series: pd.Series[Any], name: object) -> tuple[Dense | Cells, dict[str, Any]]:
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iufbmM":
        return Dense(series.to_numpy()), {"dtype": str(dtype)}
    if isinstance(dtype, pd.DatetimeTZDtype):
        return Dense(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()), {"dtype": str(dtype)}
    if isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)) or getattr(dtype, "kind", "O") == "c":
        raise InvalidDataError(f"Column {name!r} has dtype {dtype}, which is not supported.", hint="Make it text.")
    if isinstance(dtype, pd.CategoricalDtype):  # by codes: of integers beside a missing one pandas makes floats
        values = np.append(dtype.categories.to_numpy(dtype=object), [None])[series.cat.codes.to_numpy()]
    else:
        values = series.to_numpy(dtype=object)
    if not isinstance(dtype, np.dtype):  # an object column tells NaN from None, and so do estimators
        values = values.copy()
        values[series.isna().to_numpy()] = None
    spec: dict[str, Any] = {"dtype": str(dtype)}
    if isinstance(dtype, pd.CategoricalDtype):
        spec = {"dtype": "category"}
        if dtype.ordered:
            spec["order"] = list(dtype.categories)
    cells = Cells(values)
    encode_cells(values, column=name)  # refuses what is not a text, number, boolean or missing, by name
    return cells, spec


def _join_series(values: npt.NDArray[Any], spec: dict[str, Any]) -> pd.Series[Any]:
    import pandas as pd

    dtype = spec["dtype"]
    if dtype == "category":
        used = {v for v in values.tolist() if v is not None}
        order = [c for c in spec["order"] if c in used] if "order" in spec else None
        return pd.Series(pd.Categorical(values, categories=order, ordered=order is not None))
    if values.dtype.kind == "M" and "," in dtype:
        return pd.Series(values).dt.tz_localize("UTC").astype(dtype)
    return cast("pd.Series[Any]", pd.Series(values, dtype=dtype))


def _merge_order(old: dict[str, Any], new: dict[str, Any], name: object) -> dict[str, Any]:
    if ("order" in old) != ("order" in new):
        raise InvalidDataError(f"Column {name!r} is an ordered category in one table and not in the other.")
    if "order" not in old:
        return old
    for longer, shorter in ((new, old), (old, new)):
        if [c for c in longer["order"] if c in set(shorter["order"])] == shorter["order"]:
            return longer
    raise InvalidDataError(f"The categories of column {name!r} are ordered differently in the new rows.")


def columns_of(values: Any) -> Columns:
    """The container for validated values: pandas frame, CSR matrix, or array of numbers or objects."""
    if hasattr(values, "tocsr"):
        return Sparse(values)
    if hasattr(values, "columns"):
        return Frame.of(values)
    array = np.asarray(values)
    return Cells(array) if array.dtype.kind in "OSU" else Dense(array)


def restore_columns(schema: dict[str, Any], arrays: Arrays, shape: tuple[int, ...] = ()) -> Columns:
    """The inverse of ``schema`` and ``plain``; ``shape`` is that of one row of numbers, where there is none."""
    kind = schema["kind"]
    if kind == "dense":
        return Dense(arrays.get("values", np.empty((0, *shape))))
    if kind == "cells":
        width = tuple(schema["width"])
        return Cells(decode_cells(arrays, width) if arrays else np.empty((0, *width), dtype=object))
    if kind == "sparse":
        from scipy import sparse

        make = {"csr_matrix": sparse.csr_matrix, "csr_array": sparse.csr_array}[schema["class"]]
        if not arrays:
            return Sparse(make((0, schema["n_columns"])))
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return Sparse(make(parts, shape=(len(parts[2]) - 1, schema["n_columns"])))
    columns = []
    for i, spec in enumerate(schema["columns"]):
        own = {name.split(".", 1)[1]: a for name, a in arrays.items() if name.split(".", 1)[0] == str(i)}
        columns.append(cast("Dense | Cells", restore_columns(spec, own)))
    specs = [{k: v for k, v in spec.items() if k in ("dtype", "order")} for spec in schema["columns"]]
    return Frame(schema["names"], columns, specs)


def joined(groups: Sequence[Arrays]) -> Arrays:
    """Canonical arrays of rows behind each other, from those of groups of rows: what ``plain`` gives for all of them.

    Examples
    --------
    >>> joined([{"ids.values": np.array([1])}, {"ids.values": np.array([2, 3])}])["ids.values"].tolist()
    [1, 2, 3]
    """
    if len(groups) < 2:
        return dict(groups[0]) if groups else {}
    out: Arrays = {}
    for name in groups[0]:
        pieces = [group[name] for group in groups]
        tail = name.rpartition(".")[2]
        if tail == "ends":  # counted from the start of each group
            starts = np.cumsum([0, *(piece[-1] for piece in pieces[:-1])])
            pieces = [piece + start for piece, start in zip(pieces, starts, strict=True)]
        elif tail == "indptr":  # begins with a zero, and counts from there
            starts = np.cumsum([0, *(piece[-1] for piece in pieces[:-1])])
            moved = [piece[1:] + start for piece, start in zip(pieces, starts, strict=True)]
            pieces = [pieces[0][:1], *moved]
        out[name] = np.concatenate(pieces)
    return out
