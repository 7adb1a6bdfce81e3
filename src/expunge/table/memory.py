"""What was made of cells and is worth keeping beside them: no state, in no file, and made anew where it is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["change_memory"]


def change_memory(columns: Any, change: Callable[[Any], None]) -> None:
    """Change what is remembered beside columns, if there is anything.

    It is out of its place meanwhile: an interruption halfway loses it, and leaves none that is half changed.

    Parameters
    ----------
    columns : object with an attribute ``memory``
    change : callable (memory)
    """
    if (memory := columns.memory) is not None:
        columns.memory = None
        change(memory)
        columns.memory = memory
