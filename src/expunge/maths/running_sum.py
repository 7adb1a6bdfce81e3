"""A sum over records after a change of the records, and when such a change leaves too little."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from expunge.rows import Table
from expunge.state import Change

__all__ = ["refuse_new_lack", "sum_after"]

Sum = TypeVar("Sum")


def sum_after(
    old: Sum | None, change: Change, of: Callable[[Table], Sum], *,
    add: Callable[[Sum, Sum], Sum], subtract: Callable[[Sum, Sum], Sum],
) -> Sum:  # fmt: skip
    """The old sum, less that of the records that go, plus that of those that come.

    Parameters
    ----------
    old : sum or None
        None when a fit begins. Never written to.
    change : Change
    of : callable
        From a table to its sum.
    add, subtract : callable
        Of two sums; neither writes to its arguments.
    """
    if old is None:
        return of(change.added)
    if len(change.removed_slots):
        old = subtract(old, of(change.removed))
    if len(change.added_slots):
        old = add(old, of(change.added))
    return old


def refuse_new_lack(old: Sum | None, new: Sum, change: Change, lack: Callable[[Sum], Exception | None]) -> None:
    """Raise what ``new`` lacks, unless the change is tolerant or ``old`` lacked something already.

    Raises
    ------
    ExpungeError
        The change leaves too little, and there was enough before.
    """
    if change.tolerant or (old is not None and lack(old) is not None):
        return
    if (error := lack(new)) is not None:
        raise error
