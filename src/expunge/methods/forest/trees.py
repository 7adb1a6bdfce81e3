"""The trees of a forest as they live: pools of nodes, cached tallies and lists of records, changed in place.

:class:`Trees` is a part of the model (see ``docs/design/0009-forests.md``). What it *is* are the nodes: feature,
threshold, number of records and sums. Cached tallies and the lists of records in the leaves follow from these and the
rows, are not stored, and are made again by a fit when a model that was loaded changes for the first time.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.digest import root
from expunge.errors import TamperedError
from expunge.methods.forest.changing import SHELF, prepare
from expunge.methods.forest.committing import commit, repack
from expunge.methods.forest.growing import BLOCK_DEPTH, NODE, grow
from expunge.methods.forest.lines import LINE
from expunge.methods.forest.order import sort_records
from expunge.methods.forest.planting import Cells, Plan, limits_of, longer, planted
from expunge.methods.forest.prefetching import FEW, fetch
from expunge.methods.forest.reading import flatten, serialize, unflatten
from expunge.state import Living, Part, Patch

__all__ = ["Trees", "TreesPatch"]

Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


class Trees(Living):
    """All trees of a model.

    Attributes
    ----------
    nodes, sums : ndarrays of int64, shapes (N, 8) and (N, k)
    roots : ndarray of int64, shape (T,)
    columns : ndarray of int64
        Columns of the sums that count: those of the classes that are left.
    is_awake : bool
        Whether tallies and lists are there.
    owed : int
        Records that were read to have them there, and that the next change counts with its own.
    """

    roots: Ints
    nodes: Ints
    sums: Ints
    heads: Ints
    tallies: Ints
    lists: npt.NDArray[np.int32]
    columns: Ints
    pool: Ints
    free_nodes: Ints
    free_tallies: Ints
    plan: Plan
    learned: Any  # what the method keeps of the rows beside them; see LearnedCells

    def __init__(self) -> None:
        self.is_awake, self.owed = False, 0
        self._blocks: list[list[bytes]] = []
        self._text = np.empty(0, dtype=np.int64)
        self._leaves: dict[str, bytes] = {}
        self._shelf: tuple[Any, ...] | None = None

    # ------------------------------------------------------------------ growing

    @classmethod
    def grown(cls, plan: Plan, cells: Cells, slots: npt.NDArray[np.int32], columns: Ints, n_jobs: int) -> Trees:
        """Fit all trees to the records in these slots."""
        trees, pools = cls(), planted(plan, cells, slots, n_jobs)
        trees.plan, trees.columns = plan, columns
        trees.nodes, trees.sums, trees.lists = pools.nodes, pools.sums, pools.lists
        trees.heads, trees.tallies = pools.heads, pools.tallies
        trees.roots = np.array(pools.roots, dtype=np.int64)
        trees.pool = np.array([*pools.used, 0, 0], dtype=np.int64)
        trees.free_nodes = np.empty(len(trees.nodes), dtype=np.int64)
        trees.free_tallies = np.empty(len(trees.heads), dtype=np.int64)
        trees._todo = np.empty(len(trees.nodes) + 2, dtype=np.int64)
        trees._mark_all()
        trees.is_awake = True
        return trees

    # ------------------------------------------------------------------ changing

    def prepare(self, cells: Cells, slots: npt.NDArray[np.int32]) -> TreesPatch:
        """What it means that those of these records come that are alive, and the others go.

        Changes nothing that anybody sees; room is made for what is to be written.
        """
        filled, plan, line = self._walked(cells, slots), self.plan, 0
        while True:
            lines, _, _, *new, new_lists = self._shelf_for(0)
            line, lacking = grow(
                *cells[:6], plan.keys, plan.params, plan.class_weight, new_lists, lines, line, filled[0], *new,
                filled[1:3],
            )  # fmt: skip
            if not lacking:
                break
            t, start, n = lines[line, [4, 9, 10]].tolist()  # back into their order
            sort_records(new_lists, start, n, cells.hashes, plan.keys[t, 0], cells.ties)
            self._larger_shelf(filled)
        self._make_room(filled, cells.alive, slots)
        return TreesPatch(self, cells, filled, self._shelf_for(0))

    def work(self, cells: Cells, slots: npt.NDArray[np.int32]) -> int:
        """The work of the change that :meth:`prepare` would prepare; nothing is grown."""
        return work_of(self._walked(cells, slots))

    def _walked(self, cells: Cells, slots: npt.NDArray[np.int32]) -> Ints:
        """Walk the trees along these records; what is on the shelf then."""
        plan, T = self.plan, len(self.roots)
        limits = limits_of(plan, cells, slots)
        if len(slots) <= FEW:
            fetch(
                slots, limits, self.roots, plan.keys, self.nodes, self.sums, self.heads, self.tallies,
                cells.X, cells.kinds, cells.hashes, plan.params,
            )  # fmt: skip
        filled, tree = np.zeros(SHELF, dtype=np.int64), 0
        shelf = self._shelf_for(T * len(slots))
        while True:
            tree = prepare(
                tree, self.roots, plan.keys, self.nodes, self.sums, self.heads, self.tallies, self.lists,
                *cells, plan.params, plan.class_weight, slots, limits, filled, *shelf[:3], *shelf[5:],
            )  # fmt: skip
            if tree == T:
                return filled
            shelf = self._larger_shelf(filled)

    def _shelf_for(self, n_entered: int) -> tuple[Any, ...]:
        """Room for a prepared change, kept from one to the next."""
        if self._shelf is None:
            self._shelf = (
                np.empty((4096, LINE), np.int64), np.empty(1024, np.int32), np.empty(1024, np.uint64),
                np.empty((1024, NODE), np.int64), np.empty((1024, self.sums.shape[1]), np.int64),
                np.empty((256, self.heads.shape[1]), np.int64), np.empty((256, *self.tallies.shape[1:]), np.int64),
                np.empty(8192, np.int32),
            )  # fmt: skip
        if len(self._shelf[1]) < n_entered:
            lines, _, _, *rest = self._shelf
            self._shelf = lines, np.empty(n_entered, np.int32), np.empty(n_entered, np.uint64), *rest
        return self._shelf

    def _larger_shelf(self, filled: Ints) -> tuple[Any, ...]:
        """Twice the room, with what is on the shelf already."""
        lines, entered, entered_at, *rest = self._shelf_for(0)
        used = [filled[1], filled[1], filled[2], filled[2], filled[3]]
        larger = [longer(array, 2 * len(array), int(n)) for array, n in zip(rest, used, strict=True)]
        self._shelf = longer(lines, 2 * len(lines), int(filled[0])), entered, entered_at, *larger
        return self._shelf

    def _make_room(self, filled: Ints, alive: npt.NDArray[np.bool_], slots: npt.NDArray[np.int32]) -> None:
        """Let the pools be large enough for what a prepared change brings.

        Of arrays that are as long as each other the one that is asked for its length is set last: an interruption in
        between leaves some that are longer than need be, and none that is too short.
        """
        pool = self.pool
        n_nodes, n_tallies, n_lists = pool[0] + filled[1], pool[1] + filled[2], pool[2] + filled[6]
        if n_nodes > len(self.nodes):
            larger = int(n_nodes + n_nodes // 4)
            self._todo, self.free_nodes = np.empty(larger + 2, dtype=np.int64), longer(self.free_nodes, larger, pool[3])
            self.sums = longer(self.sums, larger, pool[0])
            self.nodes = longer(self.nodes, larger, pool[0])
        if n_tallies > len(self.heads):
            larger = int(n_tallies + n_tallies // 4)
            self.free_tallies = longer(self.free_tallies, larger, pool[4])
            self.tallies = longer(self.tallies, larger, pool[1])
            self.heads = longer(self.heads, larger, pool[1])
        if n_lists > len(self.lists):
            alive = alive.copy()
            alive[slots] = True  # what goes has not gone yet
            repack(self.roots, self.nodes, self.lists, alive, pool, np.empty_like(self.lists), self._todo)
            need = int(pool[2] + filled[7])  # no list has room to spare any more
            if need + need // 4 > len(self.lists):
                self.lists = longer(self.lists, need + need // 4, pool[2])

    def commit(self, patch: TreesPatch) -> None:
        """Write a prepared change, unless it is written already; cannot fail."""
        plan, cells = self.plan, patch.cells
        commit(
            self.roots, plan.keys, self.nodes, self.sums, self.heads, self.tallies, self.lists,
            cells.X, *cells[2:], plan.params, patch.shelf[0], patch.filled[0], *patch.shelf[1:],
            self.free_nodes, self.free_tallies, self.pool, self._dirty, self._todo, patch.done,
        )  # fmt: skip

    # ------------------------------------------------------------------ as plain data

    def plain(self) -> Part:
        """The nodes as arrays, each tree from its root on; see :mod:`expunge.methods.forest.reading`."""
        n, starts = int(self.pool[0] - self.pool[3]), np.empty(len(self.roots) + 1, dtype=np.int64)
        feature, threshold, right, count = (np.empty(n, dtype=np.int64) for _ in range(4))
        sums = np.empty((n, len(self.columns)), dtype=np.int64)
        todo = np.empty((n + 1, 2), dtype=np.int64)
        flatten(self.roots, self.nodes, self.sums, self.columns, feature, threshold, right, count, sums, starts, todo)
        return {"feature": feature, "threshold": threshold, "count": count, "sums": sums, "sizes": np.diff(starts)}

    @classmethod
    def restored(cls, part: Part) -> Trees:
        """The inverse of :meth:`plain`: trees that predict, and wake up when they are to change."""
        trees = cls()
        trees.__setstate__(part)
        return trees

    def __getstate__(self) -> Part:
        return self.plain()

    def __setstate__(self, part: Part) -> None:
        self.__init__()  # type: ignore[misc]
        arrays = {name: np.ascontiguousarray(part[name], dtype=np.int64) for name in part}
        n, T = len(arrays["feature"]), len(arrays["sizes"])
        self.nodes, self.roots = np.zeros((n, NODE), dtype=np.int64), np.zeros(T, dtype=np.int64)
        sums = arrays["sums"]
        fits = len(arrays["threshold"]) == len(arrays["count"]) == len(sums) == n and sums.ndim == 2
        if not fits or not unflatten(
            arrays["feature"], arrays["threshold"], arrays["count"], arrays["sizes"], self.nodes, self.roots
        ):
            raise TamperedError("These are not the nodes of trees.", hint="Restore the file from a copy.")
        self.sums, self.columns = sums.copy(), np.arange(sums.shape[1])
        self.pool = np.array([n, 0, 0, 0, 0], dtype=np.int64)
        self._mark_all()

    def wake(self, other: Trees) -> None:
        """Take the tallies and lists of the same trees, grown from the rows they came with.

        Raises
        ------
        TamperedError
            The trees are not those of these rows.
        """
        if self.leaf() != other.leaf():
            raise TamperedError("The trees are not those of the rows they came with.", hint="Fit again.")
        self.__dict__.update(other.__dict__)

    # ------------------------------------------------------------------ the digest

    def _mark_all(self) -> None:
        self._dirty = np.ones((len(self.roots), 1 + 2**BLOCK_DEPTH), dtype=np.uint8)
        self._blocks = [[b""] * (1 + 2**BLOCK_DEPTH) for _ in range(len(self.roots))]

    def count_classes(self, columns: Ints) -> None:
        """Say which columns of the sums count from now on."""
        if columns.tobytes() != self.columns.tobytes():
            self._mark_all()
            self.columns = columns  # last, so that a call that was interrupted is made anew

    def leaf(self) -> bytes:
        """SHA-256 over all nodes: a hash tree of which only blocks that changed are hashed again.

        Of each tree the part above depth 6 is a block and so is each subtree that begins there. A block is its nodes as
        little-endian integers; a tree is the hash of its top and of all its blocks in order.
        """
        wanted = np.argwhere(self._dirty)
        if len(wanted):
            ends = np.empty(len(wanted), dtype=np.int64)
            while not serialize(wanted, self.roots, self.nodes, self.sums, self.columns, self._text, ends):
                self._text = np.empty(int(ends[-1]), dtype=np.int64)
            data, start = self._text.astype("<i8", copy=False).view(np.uint8), 0
            for (t, block), end in zip(wanted.tolist(), (8 * ends).tolist(), strict=True):
                self._blocks[t][block] = hashlib.sha256(data[start:end].data).digest() if end > start else b""
                start = end
            for t in np.unique(wanted[:, 0]).tolist():
                self._leaves[f"{t:06d}"] = hashlib.sha256(b"\2" + b"".join(self._blocks[t])).digest()
            self._dirty[:] = 0
            self._text = self._text[: len(self._text) if len(self._text) < 2**18 else 0]  # kept from change to change
        return root(self._leaves)

    # ------------------------------------------------------------------ sizes

    @property
    def reads(self) -> int:
        """Records that all trees read in a fit: how many there are, tree by tree."""
        return int(self.nodes[self.roots, 4].sum())

    def told_of(self, work: int) -> tuple[str, ...]:
        """What a plan says of so many reads: over which trees, and of a model that came from a file, why so many."""
        share = 100 * work / max(1, self.reads)
        count = "one tree" if len(self.roots) == 1 else f"all {len(self.roots):,} trees"
        part = f"{share:.0f}" if share >= 9.5 else f"{share:.2g}"
        unit = f"counted over {count}, {part} % of a fit"
        grown = "a model from a file grows its trees anew for its first change, as a fit does"
        grown += "; later ones in the same process do not"
        return (unit, grown) if self.owed and work > self.owed else (unit,)

    @property
    def state_bytes(self) -> int:
        """Bytes of nodes, tallies and lists."""
        names = ("nodes", "sums", "heads", "tallies", "lists", "free_nodes", "free_tallies", "_todo")
        return sum(getattr(self, name).nbytes for name in names if name in self.__dict__)


class TreesPatch(Patch):
    """A change that is prepared; carried out once, however often it is applied and wherever that is interrupted.

    Parameters
    ----------
    trees : Trees
    cells : Cells
    filled : ndarray of int64
    shelf : tuple
    """

    def __init__(self, trees: Trees, cells: Cells, filled: Ints, shelf: tuple[Any, ...]) -> None:
        self.trees, self.cells, self.filled, self.shelf = trees, cells, filled, shelf
        self.done = np.zeros(1, dtype=np.int64)  # written to by the compiled code that carries it out

    @property
    def work(self) -> int:
        """Records read: those of the change in each of their trees, and those below nodes that were looked at anew."""
        return work_of(self.filled)

    def apply(self) -> None:
        self.trees.commit(self)


def work_of(filled: Ints) -> int:
    """Records of a change, in each of their trees, and those that are read again because of it."""
    return int(filled[4] + filled[5])
