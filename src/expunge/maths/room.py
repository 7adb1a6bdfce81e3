"""Whether what is about to be made fits into memory: refused with its size, not found out by a crash."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from expunge.errors import InvalidDataError
from expunge.quantities import bytes_text

__all__ = ["room_for_pairs"]


@contextmanager
def room_for_pairs(n_columns: int, size: int) -> Iterator[None]:
    """Make something for all pairs of columns inside, if there is room for it.

    Parameters
    ----------
    n_columns : int
    size : int
        Of what is made, in bytes.

    Raises
    ------
    InvalidDataError
        It is more than this machine has in all, or than it gives.

    Examples
    --------
    >>> with room_for_pairs(2**18, 2**62):
    ...     pass
    Traceback (most recent call last):
    ...
    expunge.errors.InvalidDataError: Sums over all pairs of 262,144 columns take 4,611,686,018 GB of memory, ...
    """
    try:
        if size > _memory_bytes():
            raise MemoryError  # before a system promises what it does not have
        yield
    except MemoryError:
        raise InvalidDataError(
            f"Sums over all pairs of {n_columns:,} columns take {bytes_text(size)} of memory, more than there is.",
            hint="Give fewer columns: of words, n_features or max_features of the step before; or choose a method that "
            "looks at no pairs, as MultinomialNB.",
        ) from None


def _memory_bytes() -> float:
    """What this machine has in all; infinite where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows, and systems without these names
        return math.inf
