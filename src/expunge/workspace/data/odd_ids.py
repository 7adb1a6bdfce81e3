"""What is odd about the ids of rows that come in, told while they can still be written otherwise."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

__all__ = ["warn_of_points"]

_POINTED = re.compile(r"-?\d+\.0", re.ASCII)


def warn_of_points(column: str, ids: Sequence[Any]) -> None:
    """Warn of ids that all end in .0: integers of a column in which one was missing, as data frames write them.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warn_of_points("person", ["3.0", None, "17.0"])
    ...     warn_of_points("version", ["3.0", "17.1"])
    >>> [str(one.message).split(":")[0] for one in told]
    ["Every id in column 'person' ends in .0, as data frames write integers where one is missing"]
    """
    known = [value for value in ids if value is not None]
    if known and all(isinstance(value, str) and _POINTED.fullmatch(value) for value in known):
        warnings.warn(
            f"Every id in column {column!r} ends in .0, as data frames write integers where one is missing: ids stay "
            "as they are written, and who asks for 3 does not find 3.0. Write them as integers (in pandas: read with "
            "dtype=str, or astype('Int64')), and add the data anew.",
            UserWarning, stacklevel=4,
        )  # fmt: skip
