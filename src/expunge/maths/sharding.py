"""What forgetting costs a model of S shards with R slices each: in expectation, exactly, and as draws.

The things that are placed are *units*: records, or people with all their records. Each falls into one of the R S cells
with equal chance and independently of all others, for a keyed hash puts it there. Slice step i of a shard reads the
records of its slices 1 to i; it exists if slice i holds a unit, and it is done again if one of the h units that leave
lay in slices 1 to i. Where the units that leave lay says nothing about where those that stay lie, so both chances
multiply, and with m records in u units that stay, the expected number of records read again is

    S Σ_i [1 - (1 - i/(RS))^h] · m · [1/(RS) + (i-1)/(RS) · (1 - (1 - 1/(RS))^(u-1))].

In the last bracket stand the records of slice i itself, and those of the slices before it, which are read if another
unit makes step i exist. Nothing is approximated: not that shards are equally large, nor that few records leave.

References
----------
Bourtoule et al., "Machine Unlearning", IEEE S&P 2021 (arXiv 1912.03817), section V: the same for shards of equal size,
to which this tends as m grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Steps", "draw_steps", "expected_reads", "full_reads", "reads_of_requests", "total_sizes"]

Floats = npt.NDArray[np.float64]
By = Literal["record", "subject"]

#: Of a batch of more people than this, or of sizes whose distribution would take more steps than that, the number of
#: records is taken to be the expected one.
_MOST_EXACT, _MOST_STEPS = 50, 5e8


def expected_reads(m: float, u: float, h: float, n_shards: int, n_slices: int) -> float:
    """Expected number of records read again when h units leave and m records in u units stay.

    Parameters
    ----------
    m : float
        Records that stay.
    u : float
        Units that stay, at most m; each holds one record or more.
    h : float
        Units that leave; infinity for a training of everything.
    n_shards, n_slices : int

    Returns
    -------
    float

    Examples
    --------
    >>> round(expected_reads(99, 99, 1, n_shards=10, n_slices=1), 6)  # one shard of ten
    9.9
    """
    if m <= 0:
        return 0.0
    cells = n_shards * n_slices
    i = np.arange(1, n_slices + 1)
    again = 1 - (1 - i / cells) ** h if np.isfinite(h) else np.ones(n_slices)
    exists = 1 - (1 - 1 / cells) ** (u - 1)
    return float(n_shards * m * np.sum(again * (1 + (i - 1) * exists)) / cells)


def full_reads(m: float, u: float, n_shards: int, n_slices: int) -> float:
    """Expected number of records read by a training of everything: m with one slice, about m (R + 1) / 2 with R.

    Examples
    --------
    >>> full_reads(1000, 1000, 7, 1)
    1000.0
    """
    return expected_reads(m, u, np.inf, n_shards, n_slices)


def total_sizes(sizes: Mapping[int, int], k: int) -> dict[int, float]:
    """Distribution of the number of records of k people drawn without replacement.

    Parameters
    ----------
    sizes : mapping of int to int
        Number of records -> how many people have so many.
    k : int
        At most the number of people.

    Returns
    -------
    dict of int to float
        Number of records -> chance. For k above 50, and where a few people have very many records, the
        expected number alone, rounded.

    Examples
    --------
    >>> total_sizes({1: 2, 3: 1}, 2)  # 1 + 1 in one of three draws
    {2: 0.333..., 4: 0.666...}
    """
    from scipy.stats import hypergeom

    people = sum(sizes.values())
    if k > _MOST_EXACT or (k > 1 and k**3 * max(sizes) * len(sizes) > _MOST_STEPS):
        return {round(k * sum(size * count for size, count in sizes.items()) / people): 1.0}
    width = k * max(sizes) + 1
    states = np.zeros((k + 1, width))  # people drawn so far, their records
    states[0, 0], rest = 1.0, people
    for size, count in sorted(sizes.items()):
        after = np.zeros_like(states)
        for drawn in range(k + 1):
            if not states[drawn].any():
                continue
            chances = hypergeom.pmf(np.arange(k - drawn + 1), rest, count, k - drawn)
            for more in np.flatnonzero(chances).tolist():
                shift = more * size
                after[drawn + more, shift:] += chances[more] * states[drawn, : width - shift]
        states, rest = after, rest - count
    return {c: float(states[k, c]) for c in np.flatnonzero(states[k]).tolist()}


def reads_of_requests(sizes: Mapping[int, int], k: int, n_shards: int, n_slices: int, by: By) -> float:
    """Expected number of records read again for k people who leave together.

    Parameters
    ----------
    sizes : mapping of int to int
        Number of records -> how many people have so many.
    k : int
        People in the batch, drawn without replacement.
    n_shards, n_slices : int
    by : {"record", "subject"}
        What is placed: each record on its own, or people with all their records.

    Examples
    --------
    >>> apart = reads_of_requests({4: 250}, 1, n_shards=10, n_slices=1, by="record")
    >>> together = reads_of_requests({4: 250}, 1, n_shards=10, n_slices=1, by="subject")
    >>> round(apart, 1), round(together, 1)
    (342.5, 99.6)
    """
    n, people = sum(size * count for size, count in sizes.items()), sum(sizes.values())
    if by == "subject":  # linear in the number of records that stay, so their expectation is enough
        return expected_reads(n - k * n / people, people - k, k, n_shards, n_slices)
    return sum(
        chance * expected_reads(n - gone, n - gone, gone, n_shards, n_slices)
        for gone, chance in total_sizes(sizes, k).items()
    )


class Steps(NamedTuple):
    """Drawn removals: which steps are done again, and how many records each reads.

    Attributes
    ----------
    reads : ndarray of shape (draws, n_shards, n_slices)
        Zero where nothing is done again.
    is_first : ndarray of bool, same shape
        Whether the step starts anew, for no slice before it holds a record.
    """

    reads: npt.NDArray[np.int64]
    is_first: npt.NDArray[np.bool_]


def draw_steps(
    rng: np.random.Generator, draws: int, sizes: Mapping[int, int], k: int, n_shards: int, n_slices: int, by: By
) -> Steps:
    """Draw placements and batches of k people, and say what each removal trains again.

    Parameters
    ----------
    rng : Generator
    draws : int
    sizes, k, n_shards, n_slices, by
        As for :func:`reads_of_requests`.

    Notes
    -----
    The draws follow the model exactly: k people without replacement, then a cell for each unit that leaves, and numbers
    of units in the cells for those that stay. O(draws * cells * number of distinct sizes).
    """
    width, cells = np.array(sorted(sizes)), n_shards * n_slices
    held = np.array([sizes[size] for size in width.tolist()])
    leaving = rng.multivariate_hypergeometric(held, k, size=draws, method="marginals")
    chances = np.full(cells, 1 / cells)
    records: npt.NDArray[np.int64] = np.zeros((draws, cells), dtype=np.int64)
    for g, size in enumerate(width.tolist()):
        units = (held[g] - leaving[:, g]) * (size if by == "record" else 1)
        records += rng.multinomial(units, chances) * (1 if by == "record" else size)
    hits = leaving @ width if by == "record" else np.full(draws, k)
    earliest = np.full((draws, n_shards), n_slices)
    rows = np.repeat(np.arange(draws), hits)
    shard, number = np.divmod(rng.integers(cells, size=len(rows)), n_slices)
    np.minimum.at(earliest, (rows, shard), number)
    own = records.reshape(draws, n_shards, n_slices)
    upto = own.cumsum(axis=2)
    is_done = (own > 0) & (np.arange(n_slices) >= earliest[:, :, None])
    return Steps(np.where(is_done, upto, 0), is_done & (upto == own))
