"""What a fitted model holds, and a change of it on its way.

**Rows** are what the model still knows, by name. **Parts** are what it learned from them. The **solution** is what
``predict`` reads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.digest import leaf
from expunge.rows import N_BLOCKS, Rows, Table

__all__ = ["Change", "Fitted", "Living", "Part", "Patch", "Pending"]

Part = dict[str, Any]
_BLOCKS = [f"rows/{block:04d}" for block in range(N_BLOCKS)]
Slots = npt.NDArray[np.intp]


class Living:
    """A part that is too large to be made anew for each change: it is changed in place, by a :class:`Patch`.

    Its ``__getstate__`` and ``plain`` are the same plain data, from which the method makes it again (``_revive``);
    caches that follow from these and the rows are left out.
    """

    def leaf(self) -> bytes:
        """The root of its own hash tree, 32 bytes; only what changed since the last call is hashed again."""
        raise NotImplementedError

    def plain(self) -> Part:
        """What it is, as arrays and JSON, for the file."""
        raise NotImplementedError


class Patch:
    """What ``_update`` returns for a part that lives: a change of it, prepared without touching it."""

    def apply(self) -> None:
        """Carry it out. It cannot fail, and to be applied twice is to be applied once."""
        raise NotImplementedError


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
    added : Table
        The rows that come; read on first use unless they are at hand.
    notes : list of str
        What the method wants the removal to say: a part that went dormant, say. No ids, no values.
    """

    def __init__(
        self, rows: Rows, parts: Mapping[str, Part], removed_slots: Slots, added_slots: Slots, tolerant: bool,
        added: Table | None = None,
    ) -> None:  # fmt: skip
        self.rows, self.parts, self.tolerant = rows, parts, tolerant
        self.removed_slots, self.added_slots = removed_slots, added_slots
        self.notes: list[str] = []
        self._removed: Table | None = None
        self._added, self._counted = added, False

    @property
    def n_before(self) -> int:
        """How many rows there were before."""
        return len(self.rows) - len(self.added_slots) + len(self.removed_slots)

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


class Pending(NamedTuple):
    """A change that is decided: the parts it gives, the slots that go and those that came.

    Parameters
    ----------
    changes : mapping of str to part
    removed, added : ndarray of intp
    """

    changes: Mapping[str, Any]
    removed: Slots
    added: Slots


class Fitted:
    """Everything a fitted model holds. ``rows`` is None in an export.

    Parameters
    ----------
    rows : Rows or None
    params : mapping
        Constructor arguments of the fit.
    """

    def __init__(self, rows: Rows | None, params: Mapping[str, Any]) -> None:
        self.rows = rows
        self.params = params  # constructor arguments of the fit
        self.pending: Pending | None = None
        self.lock = threading.RLock()  # one change at a time
        self.parts: dict[str, Part] = {}
        self.solution: Part | None = None
        self.is_solved = False
        self.ready: tuple[Part, Any] | None = None  # a solution, and what is made of it to answer quickly
        self.leaves: dict[str, bytes] = {}
        self.row_leaves: dict[int, bytes] = {}
        self.doubt: str | None = None  # why the method may not repeat its own bits, found at fit
        self.is_examined = rows is not None and len(rows) > 0  # whether the rows were enough to find doubt
        self.rate: float | None = None  # seconds for each record read, of the last fit

    def __getstate__(self) -> dict[str, Any]:
        self.settle()
        return {name: value for name, value in self.__dict__.items() if name not in ("lock", "ready")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock(), ready=None)

    def canonical_state(self) -> dict[str, Any]:
        """What a model inside another one is hashed as: what was learned, not what follows from it or was timed."""
        self.settle()
        if self.rows is None:
            return {"solution": self.solution}
        parts = {name: part.plain() if isinstance(part, Living) else part for name, part in self.parts.items()}
        return {"parts": parts, "rows": self.rows.arrays(self.rows.slots()), "schema": self.rows.schema()}

    def commit(self, changes: Mapping[str, Any]) -> None:
        for name, part in changes.items():
            self.leaves.pop(name, None)
            if isinstance(part, Patch):
                part.apply()
            elif part is None:
                self.parts.pop(name, None)
            else:
                self.parts[name] = part
        self.solution, self.is_solved, self.ready = None, False, None

    def solved(self, solve: Callable[[Rows, Mapping[str, Part]], Part | None]) -> Part | None:
        """The solution, solved once after each change; a change in another thread does not end in between."""
        solution = self.solution
        if solution is not None:
            return solution
        with self.lock:
            if not self.is_solved and self.rows is not None:
                self.solution, self.is_solved = solve(self.rows, self.parts), True
            return self.solution

    def prepared(self, solution: Part, prepare: Callable[[Part], Any]) -> Any:
        """What is made of a solution to answer quickly, once for each; it is neither saved nor hashed nor copied."""
        ready = self.ready
        if ready is None or ready[0] is not solution:
            ready = self.ready = solution, prepare(solution)
            if self.solution is not solution:  # a change came in between, and nothing of what went stays behind
                self.ready = None
        return ready[1]

    def settle(self) -> None:
        """Finish a change that was begun; each step may be done twice, so an interruption loses nothing."""
        if self.pending is None or self.rows is None:
            return
        with self.lock:  # another thread may be about to finish it
            pending = self.pending
            if pending is None:
                return
            self.commit(pending.changes)
            self.forget_leaves(np.concatenate([pending.removed, pending.added]))
            self.rows.wipe(pending.removed)
            self.pending = None

    def hash_tree(self) -> dict[str, bytes]:
        """Leaves of the digest by name; only what changed since the last call is hashed again."""
        if self.rows is None:
            return {"solution": leaf(self.solution)}
        for name, part in self.parts.items():
            if name not in self.leaves:
                self.leaves[name] = part.leaf() if isinstance(part, Living) else leaf(part)
        for block, slots in self.rows.blocked().items():
            if block not in self.row_leaves:
                self.row_leaves[block] = leaf(self.rows.arrays(slots))
        leaves = {f"part/{name}": value for name, value in self.leaves.items()}
        leaves.update((_BLOCKS[block], value) for block, value in self.row_leaves.items())
        leaves["schema"] = leaf(self.rows.schema())
        return leaves

    def forget_leaves(self, slots: Slots) -> None:
        """The blocks of these slots have to be hashed again."""
        if self.row_leaves and self.rows is not None:
            for block in set(self.rows.blocks(slots).tolist()):
                self.row_leaves.pop(block, None)
