"""What a fitted model holds, and a change of it on its way.

**Rows** are what the model still knows, by name. **Parts** are what it learned from them. The **solution** is what
``predict`` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.digest import leaf
from expunge.rows import Rows, Table

__all__ = ["Change", "Fitted", "Part"]

Part = dict[str, Any]
Slots = npt.NDArray[np.intp]


class Change:
    """A change of the rows of a model, on its way through ``_update``.

    Attributes
    ----------
    rows : Rows
        The rows as they will be.
    parts : dict of str to Part
        The parts as they are; empty when a fit begins. Not to be written to.
    removed_slots, added_slots : ndarray of intp
        Slots that go and that come.
    tolerant : bool
        Whether too little data makes the model, or a part of it, dormant (True when forgetting) or is an error.
    """

    def __init__(
        self, rows: Rows, parts: Mapping[str, Part], removed_slots: Slots, added_slots: Slots, tolerant: bool,
        added: Table | None = None,
    ) -> None:  # fmt: skip
        self.rows, self.parts, self.tolerant = rows, parts, tolerant
        self.removed_slots, self.added_slots = removed_slots, added_slots
        self._removed: Table | None = None
        self._added, self._counted = added, False

    @property
    def removed(self) -> Table:
        """The rows that go, read (and counted) on first use."""
        if self._removed is None:
            self._removed = self.rows.read(self.removed_slots)
        return self._removed

    @property
    def added(self) -> Table:
        """The rows that come, read (and counted) on first use."""
        if self._added is None:
            self._added = self.rows.read(self.added_slots)
        elif not self._counted:
            self.rows.count(len(self._added))
        self._counted = True
        return self._added


class Fitted:
    """Everything a fitted model holds. ``rows`` is None in an export."""

    def __init__(self, rows: Rows | None, params: Mapping[str, Any]) -> None:
        self.rows = rows
        self.params = params  # constructor arguments of the fit
        self.parts: dict[str, Part] = {}
        self.solution: Part | None = None
        self.is_solved = False
        self.leaves: dict[str, bytes] = {}
        self.row_leaves: dict[int, bytes] = {}
        self.doubt: str | None = None  # why the method may not repeat its own bits, found at fit
        self.rate: float | None = None  # seconds for each record read, of the last fit

    def commit(self, changes: Mapping[str, Part | None]) -> None:
        for name, part in changes.items():
            self.leaves.pop(name, None)
            if part is None:
                self.parts.pop(name, None)
            else:
                self.parts[name] = part
        self.solution, self.is_solved = None, False

    def hash_tree(self) -> dict[str, bytes]:
        """Leaves of the digest by name; only what changed since the last call is hashed again."""
        if self.rows is None:
            return {"solution": leaf(self.solution)}
        for name, part in self.parts.items():
            if name not in self.leaves:
                self.leaves[name] = leaf(part)
        for block, slots in self.rows.blocked().items():
            if block not in self.row_leaves:
                self.row_leaves[block] = leaf(self.rows.arrays(slots))
        leaves = {f"part/{name}": value for name, value in self.leaves.items()}
        leaves.update((f"rows/{block:04d}", value) for block, value in self.row_leaves.items())
        leaves["schema"] = leaf(self.rows.schema())
        return leaves

    def forget_leaves(self, slots: Slots) -> None:
        """The blocks of these slots have to be hashed again."""
        if self.row_leaves and self.rows is not None:
            for block in set(self.rows.blocks(slots).tolist()):
                self.row_leaves.pop(block, None)
