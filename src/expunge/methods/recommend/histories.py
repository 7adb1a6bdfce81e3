"""Which items each user had to do with, and how a change of records changes that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.compiled import njit
from expunge.maths.class_sums import number_classes
from expunge.rows import Rows
from expunge.seeds import uniform64
from expunge.state import Change
from expunge.table.memory import change_memory

__all__ = [
    "ByUser",
    "Changed",
    "Histories",
    "Values",
    "changed_histories",
    "drawn_factors",
    "first_histories",
    "first_values",
    "history_of",
    "numbered",
    "top",
    "users_by_hash",
    "users_of",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Slots = npt.NDArray[np.intp]


class Histories(NamedTuple):
    """Histories of some users: the numbers of their items, ascending, each once.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
        Labels, sorted.
    starts : ndarray of int64, shape (n_users + 1,)
    codes : ndarray of int64, shape (starts[-1],)
    users : ndarray of shape (n_users,)
        In the order of their first record.
    """

    items: npt.NDArray[Any]
    starts: Integers
    codes: Integers
    users: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.users)

    def of(self, i: int) -> Integers:
        """Items of the i-th user."""
        return self.codes[self.starts[i] : self.starts[i + 1]]


class Values(NamedTuple):
    """Interactions as a sparse matrix of users by items, the largest value where there are several.

    Parameters
    ----------
    items, users : ndarray
        Labels, sorted.
    starts, codes, values : ndarray
        Of user i: items ``codes[starts[i]:starts[i + 1]]``, ascending, and their values.
    """

    items: npt.NDArray[Any]
    users: npt.NDArray[Any]
    starts: Integers
    codes: Integers
    values: npt.NDArray[np.float64]

    def turned(self) -> tuple[Values, Integers]:
        """The same by items, and where each of its values stood before."""
        of_user = np.repeat(np.arange(len(self.users)), np.diff(self.starts))
        at = np.argsort(self.codes, kind="stable")
        starts = np.searchsorted(self.codes[at], np.arange(len(self.items) + 1)).astype(np.int64)
        return Values(self.users, self.items, starts, of_user[at], self.values[at]), at


class Changed(NamedTuple):
    """Labels of the items of one user before and after a change, each once.

    Parameters
    ----------
    before, after : set
    """

    before: set[Any]
    after: set[Any]


class ByUser:
    """Slots of each user, remembered beside the interactions; no state, in no file, and wiped with them."""

    def __init__(self) -> None:
        self._n, self._slots = 0, dict[Any, list[int]]()
        self._user: list[Any] = []

    def catch_up(self, columns: Any) -> None:
        """Enter slots that came since."""
        if self._n == len(columns):
            return
        new = columns.values("user", np.arange(self._n, len(columns))).tolist()
        for slot, user in enumerate(new, start=self._n):
            self._slots.setdefault(user, []).append(slot)
        self._user += new
        self._n = len(columns)

    def of(self, user: Any) -> list[int]:
        """Slots of a user, ascending, also those out of sight that are not wiped yet."""
        return self._slots.get(user, [])

    def users(self) -> list[Any]:
        """All users with a slot."""
        return list(self._slots)

    def wipe(self, slots: Slots) -> None:
        """Forget that these slots belong to anybody."""
        for slot in slots.tolist():
            if slot < self._n and slot in (held := self._slots.get(self._user[slot], [])):
                held.remove(slot)
                if not held:
                    del self._slots[self._user[slot]]
                self._user[slot] = None

    def truncate(self, n: int) -> None:
        """Take all slots from n on back."""
        if n < self._n:
            self.wipe(np.arange(n, self._n))
            del self._user[n:]
            self._n = n


def _by_user(rows: Rows) -> ByUser:
    columns: Any = rows.columns
    memory: ByUser = ByUser() if columns.memory is None else columns.memory
    columns.memory = memory
    change_memory(columns, lambda held: held.catch_up(columns))
    return memory


def users_of(rows: Rows, slots: Slots, also: Sequence[Any] = ()) -> dict[Any, list[int]]:
    """Users of these slots and others, and the slots of all that is known of them."""
    columns: Any = rows.columns
    memory = _by_user(rows)
    users = dict.fromkeys([*columns.values("user", slots).tolist(), *also])
    return {user: [slot for slot in memory.of(user) if rows.alive[slot]] for user in users}


def first_histories(rows: Rows, slots: Slots, least_value: float) -> Histories:
    """Histories of these slots; what has a value below the least one does not count."""
    import pandas as pd

    columns: Any = rows.columns
    rows.count(len(slots))
    slots = slots[_counts(columns, slots, least_value)]
    items, codes = number_classes(rows.targets(slots)[0])
    numbers, users = pd.factorize(columns.values("user", slots))
    width = max(1, len(items))
    pairs = np.unique(numbers.astype(np.int64) * width + codes)
    starts = np.searchsorted(pairs // width, np.arange(len(users) + 1)).astype(np.int64)
    return Histories(items, starts, pairs % width, np.asarray(users))


def first_values(rows: Rows, slots: Slots, least_value: float) -> Values:
    """Interactions of these slots with their values, 1 where there are none."""
    columns: Any = rows.columns
    rows.count(len(slots))
    slots = slots[_counts(columns, slots, least_value)]
    items, codes = number_classes(rows.targets(slots)[0])
    users, lines = number_classes(columns.values("user", slots))
    values = columns.values("value", slots) if columns.has("value") else np.ones(len(slots))
    width = max(1, len(items))
    pairs = lines * width + codes
    order = np.lexsort((values, pairs))
    last = np.flatnonzero(np.diff(pairs[order], append=-1))  # the largest value of each pair
    pairs, values = pairs[order][last], values[order][last]
    starts = np.searchsorted(pairs // width, np.arange(len(users) + 1)).astype(np.int64)
    return Values(items, users, starts, pairs % width, np.asarray(values, dtype=np.float64))


def changed_histories(change: Change, least_value: float) -> Iterator[Changed]:
    """What a change does to each user whose records it touches; every record of theirs counts as read."""
    rows, new, gone = change.rows, set(change.added_slots.tolist()), set(change.removed_slots.tolist())
    columns: Any = rows.columns
    memory = _by_user(rows)
    touched = np.concatenate([change.removed_slots, change.added_slots])
    for user in dict.fromkeys(columns.values("user", touched).tolist()):
        held = np.array([slot for slot in memory.of(user) if rows.alive[slot] or slot in gone], dtype=np.intp)
        rows.count(len(held))
        held = held[_counts(columns, held, least_value)]
        labels = rows.targets(held)[0].tolist()
        before = {label for slot, label in zip(held.tolist(), labels, strict=True) if slot not in new}
        after = {label for slot, label in zip(held.tolist(), labels, strict=True) if slot not in gone}
        if before != after:
            yield Changed(before, after)


def history_of(rows: Rows, user: Any, least_value: float) -> list[Any]:
    """Labels of the items of one user, as often as there are records; none for a user who is not known."""
    slots = np.array([slot for slot in _by_user(rows).of(user) if rows.alive[slot]], dtype=np.intp)
    found: list[Any] = rows.targets(slots[_counts(rows.columns, slots, least_value)])[0].tolist()
    return found


def users_by_hash(rows: Rows, seed: int, n: int) -> list[tuple[Any, int]]:
    """The n users of the smallest keyed hash, and that hash."""
    memory = _by_user(rows)
    users = [user for user in memory.users() if user is not None and any(rows.alive[s] for s in memory.of(user))]
    if not users:
        return []
    names = np.array(users) if isinstance(users[0], int) else np.array(users, dtype=object)
    drawn = uniform64(seed, "sample of users", names)
    return [(users[i], int(drawn[i])) for i in np.argsort(drawn)[:n].tolist()]


def drawn_factors(seed: int, items: npt.NDArray[Any], n_factors: int) -> Floats:
    """Factors to begin with, from -1/2 to 1/2, shape (n_items, n_factors); each follows from the name of its item."""
    names = items if items.dtype.kind == "i" else items.astype(object)
    drawn = [uniform64(seed, f"factor {i}", names) if len(names) else names for i in range(n_factors)]
    return np.array(drawn, dtype=np.float64).reshape(n_factors, len(names)).T / 2.0**64 - 0.5


def _counts(columns: Any, slots: Slots, least_value: float) -> npt.NDArray[np.bool_]:
    if not columns.has("value"):
        return np.ones(len(slots), dtype=bool)
    return np.asarray(columns.values("value", slots) >= least_value)


def numbered(items: npt.NDArray[Any], labels: Any) -> Integers:
    """Places of labels among sorted items that have them all, ascending, each once."""
    wanted = sorted(set(labels))
    return np.searchsorted(items, np.array(wanted, dtype=items.dtype)).astype(np.int64) if wanted else np.empty(0, int)


@njit
def top(scores: Any, starts: Any, seen: Any, k: int) -> tuple[Any, Any]:
    """The k best items of each user that are not among those seen; of equals the one with the smaller number.

    Parameters
    ----------
    scores : ndarray of float64, shape (m, n_items)
    starts, seen : ndarray of int64
        Items of user i: ``seen[starts[i]:starts[i + 1]]``. Written over in ``scores``.
    k : int

    Returns
    -------
    found : ndarray of int64, shape (m, k)
        -1 where there are fewer.
    best : ndarray of float64, shape (m, k)
    """
    m, n = scores.shape
    found, best = np.full((m, k), -1, dtype=np.int64), np.full((m, k), -np.inf)
    for u in range(m):
        for at in range(starts[u], starts[u + 1]):
            scores[u, seen[at]] = -np.inf
        held = 0
        for j in range(n):
            value = scores[u, j]
            if value == -np.inf or (held == k and value <= best[u, k - 1]):
                continue
            at = held if held < k else k - 1
            while at > 0 and value > best[u, at - 1]:
                found[u, at], best[u, at] = found[u, at - 1], best[u, at - 1]
                at -= 1
            found[u, at], best[u, at] = j, value
            held = min(k, held + 1)
    return found, best
