"""What to say about a name that is not there: one that is nearly so, or some of those that are."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

__all__ = ["near_name", "some_names"]

#: So many names are told.
_MOST = 12


def near_name(name: Any, known: Sequence[Any]) -> str:
    """A hint for a name that is not among the known ones.

    Examples
    --------
    >>> near_name("Person", ["person", "age"]), near_name("town", ["person", "age"])
    ("Did you mean 'person'?", "There are 'person', 'age'.")
    """
    folded = {one.casefold(): one for one in known if isinstance(one, str)}
    near = difflib.get_close_matches(name.casefold(), folded, n=1) if isinstance(name, str) else []
    return f"Did you mean {folded[near[0]]!r}?" if near else f"There are {some_names(known)}."


def some_names(known: Sequence[Any]) -> str:
    """The first of many names, and how many more there are.

    Examples
    --------
    >>> some_names(range(15))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more'
    """
    told = ", ".join(repr(name) for name in known[:_MOST])
    return told + (f" and {len(known) - _MOST} more" if len(known) > _MOST else "")
