"""The place of a record: shard and slice, from its id and its own values alone, so that removing one moves no other.

A place is one number, ``shard * n_slices + slice``. By default it is where the keyed hash of the id falls when its
range is cut into as many equal cells as there are places. The hash of the person's id instead puts everything about
somebody into one place, so that a request by person trains one shard again and not as many as there are records. A
*prior of deletion* in [0, 1] is cut in the same way, so that records that are likely to leave share shards, and the
late slices within them: then little is trained again.

References
----------
Bourtoule et al., "Machine Unlearning", IEEE S&P 2021 (arXiv 1912.03817), section VIII: distribution-aware sharding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.rows import Rows, Table
from expunge.seeds import uniform64

__all__ = [
    "check_partition",
    "place_by_hash",
    "place_by_prior",
    "place_by_subject",
    "place_records",
    "rows_of_shards",
]

#: Whose id decides where a record goes.
_PLACE_BY = ("record", "subject")

Places = npt.NDArray[np.int64]
Slots = npt.NDArray[np.intp]


def check_partition(partition: object, by: object = "record") -> None:
    """Refuse a partition that is neither None, nor a callable, nor the name or position of a column.

    With one of the latter two, ``by`` must be "record": a place cannot follow from both.

    Raises
    ------
    InvalidParameterError
        The partition or ``by`` is none of these, or both say where a record goes.
    """
    is_column = isinstance(partition, (str, int, np.integer)) and not isinstance(partition, bool)
    if not (partition is None or is_column or (callable(partition) and not isinstance(partition, type))):
        raise InvalidParameterError(
            f"partition must be None, a callable, or the name or position of a column, got {partition!r}.",
            hint="To pass one prior per record, make it a column of X.",
        )
    check_choice("place_by", by, _PLACE_BY)
    if by == "subject" and partition is not None:
        raise InvalidParameterError(
            f"place_by='subject' and partition={partition!r} both say where a record goes.",
            hint="Leave one of them out.",
        )


def place_records(
    partition: Callable[[Any, Any], Any] | str | int | None, table: Table, *, seed: int, n_shards: int, n_slices: int,
    by: str = "record",
) -> Places:  # fmt: skip
    """Place of each record of a table.

    Parameters
    ----------
    partition : None, str, int or callable
        None: by the keyed hash of the id. A column of X: it holds the prior of deletion. A callable: from the id and
        the single row to the shard (an integer; the slice is that of the hash) or to the prior (a float). A row is a
        dict for frames, the text for texts, else an array of shape (d,).
    table : Table
    seed, n_shards, n_slices : int
    by : {"record", "subject"}
        Without a partition: whose id is hashed.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InvalidDataError
        A prior outside [0, 1], a shard that does not exist, or no such column.
    """
    if partition is None and by == "subject" and table.subjects is not None:
        return place_by_subject(seed, table.ids, table.subjects, n_shards, n_slices)
    if partition is None:
        return place_by_hash(seed, table.ids, n_shards, n_slices)
    if not callable(partition):
        return place_by_prior(_column(table.X, partition), n_shards, n_slices)
    places = place_by_hash(seed, table.ids, n_shards, n_slices) % n_slices
    for i, (name, row) in enumerate(zip(table.ids.tolist(), _single_rows(table.X), strict=True)):
        places[i] = _place_one(partition(name, row), name, int(places[i]), n_shards, n_slices)
    return places


def place_by_hash(seed: int, ids: npt.NDArray[Any], n_shards: int, n_slices: int) -> Places:
    """Places spread evenly by the keyed hash of the ids; the number of slices does not move a record to another shard.

    Examples
    --------
    >>> import numpy as np
    >>> place_by_hash(0, np.arange(5), 3, 4) // 4 == place_by_hash(0, np.arange(5), 3, 1)
    array([ True,  True,  True,  True,  True])
    """
    return _cells(uniform64(seed, "shard", ids), n_shards * n_slices)


def place_by_subject(
    seed: int, ids: npt.NDArray[Any], subjects: npt.NDArray[Any], n_shards: int, n_slices: int
) -> Places:
    """Places by the keyed hash of the person; a record about nobody goes where its own id says.

    Parameters
    ----------
    seed : int
    ids, subjects : ndarray of ids, shape (n,)
        Of the subjects some may be None.
    n_shards, n_slices : int

    Examples
    --------
    >>> import numpy as np
    >>> places = place_by_subject(0, np.arange(4), np.array(["a", "b", "a", None], dtype=object), 100, 9)
    >>> bool(places[0] == places[2]), bool(places[3] == place_by_hash(0, np.array([3]), 100, 9)[0])
    (True, True)
    """
    is_somebody = np.array([subject is not None for subject in subjects.tolist()], dtype=bool)
    places = np.empty(len(ids), dtype=np.int64)
    places[~is_somebody] = place_by_hash(seed, ids[~is_somebody], n_shards, n_slices)
    if is_somebody.any():
        known, inverse = np.unique(subjects[is_somebody], return_inverse=True)
        whole = known if known.dtype.kind == "i" or isinstance(known[0], str) else known.astype(np.int64)
        places[is_somebody] = _cells(uniform64(seed, "shard of subject", whole), n_shards * n_slices)[inverse]
    return places


def _cells(hashes: npt.NDArray[np.uint64], n_cells: int) -> Places:
    """The cell of each hash when their range is cut into equal ones."""
    return ((hashes >> np.uint64(32)) * np.uint64(n_cells) >> np.uint64(32)).astype(np.int64)


def place_by_prior(priors: npt.ArrayLike, n_shards: int, n_slices: int) -> Places:
    """Places in the order of a prior in [0, 1]; equal priors share a place.

    Raises
    ------
    InvalidDataError
        A prior is no number from 0 to 1.

    Examples
    --------
    >>> place_by_prior([0.0, 0.3, 0.6, 1.0], 2, 3).tolist()
    [0, 1, 3, 5]
    """
    values = np.asarray(priors, dtype=np.float64)
    good = (values >= 0) & (values <= 1)
    if not good.all():
        raise InvalidDataError(
            f"A prior of deletion must be a number in [0, 1], got {values[~good][0]}.",
            hint="Pass ranks divided by their number to have places of equal size.",
        )
    cells = n_shards * n_slices
    return np.minimum(np.floor(values * cells), cells - 1).astype(np.int64)


def _place_one(answer: Any, name: object, own_slice: int, n_shards: int, n_slices: int) -> int:
    if isinstance(answer, (int, np.integer)) and not isinstance(answer, bool):
        if 0 <= answer < n_shards:
            return int(answer) * n_slices + own_slice
        raise InvalidDataError(f"partition puts record {name!r} into shard {answer}; there are {n_shards}.")
    if isinstance(answer, (float, np.floating)) and 0 <= answer <= 1:
        return int(place_by_prior([float(answer)], n_shards, n_slices)[0])
    raise InvalidDataError(
        f"partition gives {answer!r} for record {name!r}.", hint="Return a shard (int) or a prior in [0, 1] (float)."
    )


def _column(X: Any, name: str | int) -> npt.NDArray[Any]:
    if hasattr(X, "columns"):
        if name not in X.columns:
            raise _no_column(name)
        values = X[name].to_numpy(dtype=np.float64, na_value=np.nan) if X[name].dtype.kind in "iuf" else None
    else:
        if isinstance(name, str) or X.ndim != 2 or not 0 <= name < X.shape[1]:
            raise _no_column(name)
        part = X[:, [name]]
        values = np.asarray(part.toarray() if hasattr(part, "tocsr") else part).ravel()
    if values is None or values.dtype.kind not in "iuf":
        raise InvalidDataError(f"partition names the column {name!r}, which does not hold numbers.")
    return np.asarray(values)


def _no_column(name: object) -> InvalidDataError:
    return InvalidDataError(f"partition names the column {name!r}, which X does not have.")


def _single_rows(X: Any) -> Iterator[Any]:
    if hasattr(X, "columns"):
        return iter(X.to_dict("records"))
    if hasattr(X, "tocsr"):
        return (X[[i]].toarray().ravel() for i in range(X.shape[0]))
    return iter(X)


def rows_of_shards(
    rows: Rows, places: Places, shards: Iterable[int], *, n_shards: int, n_slices: int
) -> dict[int, tuple[Slots, npt.NDArray[np.intp]]]:
    """Rows of some shards, slice by slice and in canonical order within a slice.

    Parameters
    ----------
    rows : Rows
    places : ndarray of int64, shape (number of slots,)
    shards : iterable of int
    n_shards, n_slices : int

    Returns
    -------
    dict of int to (slots, ends)
        Slots of the shard's rows, and the number of them in the slices up to each; shape (n_slices,).
    """
    asked = sorted(shards)
    wanted = np.zeros(n_shards * n_slices, dtype=bool)
    wanted.reshape(n_shards, n_slices)[asked] = True
    slots = rows.in_order(np.flatnonzero(wanted[places] & rows.alive))
    cells = places[slots]
    order = np.argsort(cells.astype(np.uint16) if len(wanted) <= 2**16 else cells, kind="stable")
    counts = np.bincount(cells, minlength=len(wanted)).reshape(n_shards, n_slices)
    slots, stops = slots[order], np.cumsum(counts.sum(axis=1))
    return {k: (slots[stops[k] - counts[k].sum() : stops[k]], np.cumsum(counts[k])) for k in asked}
