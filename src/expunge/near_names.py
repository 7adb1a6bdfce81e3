"""What to say about a name that is not there: one that is nearly so, or some of those that are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["did_you_mean", "near_name", "some_names"]

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


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "", cutoff: float = 0.4) -> str:
    """A hint that proposes up to three names of a table, as one types them; what to say where none is near.

    Examples
    --------
    >>> did_you_mean("scrubb", ["scrub", "ssd"]), did_you_mean("x", ["scrub"], otherwise="See the list.")
    ('Did you mean scrub?', 'See the list.')
    """
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=cutoff)
    return f"Did you mean {' or '.join(near)}?" if near else otherwise


def some_names(known: Sequence[Any], most: int = _MOST) -> str:
    """The first of many names, and how many more there are.

    Examples
    --------
    >>> some_names(range(15))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more'
    """
    told = ", ".join(repr(name) for name in known[:most])
    return told + (f" and {len(known) - most} more" if len(known) > most else "")
