"""Lines of files that name ids: which cannot be taken, by their number and in words that show no id.

An id with a blank behind it looks like another one and is not it: nothing would be found of it, and that would be
answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from expunge.errors import InvalidRequestError

__all__ = ["LONGEST", "Fault", "fault_of_id", "refuse_faults"]

#: Signs of an id, or of another field of a line.
LONGEST = 1_000
_SHOWN = 20


class Fault(NamedTuple):
    """What is wrong with one line: its number from 1, and the reason in words that show no id.

    Parameters
    ----------
    line : int
    what : str
    """

    line: int
    what: str


def fault_of_id(value: Any) -> str:
    """Why a text is not taken for an id; empty if it is.

    Examples
    --------
    >>> fault_of_id("p-17"), fault_of_id("p-17 ")
    ('', 'has an id with blanks around it, with signs that cannot be printed, or of more than 1000 signs')
    """
    if not isinstance(value, str) or (value == value.strip() and len(value) <= LONGEST and value.isprintable()):
        return ""
    return f"has an id with blanks around it, with signs that cannot be printed, or of more than {LONGEST} signs"


def refuse_faults(faults: Sequence[Fault], n_lines: int) -> None:
    """Refuse a file of so many lines, if some cannot be taken.

    Raises
    ------
    InvalidRequestError
        The sentence names the first twenty of them, and the reason for each.
    """
    if not faults:
        return
    shown = "; ".join(f"line {fault.line} {fault.what}" for fault in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    raise InvalidRequestError(
        f"{len(faults)} of {n_lines} lines cannot be taken: {shown}{more}.",
        hint="None was taken. Mend the file and send it again.",
    )
