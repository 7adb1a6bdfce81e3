"""Search a folder for what must not be there any more: every byte of every file, in every encoding, inside everything.

Used to check that nothing of a forgotten record is left. A search that finds nothing proves something only if the same
search found the values before, and if it saw everything: so it also says what it could not open, and which values are
too common to be told from others.

What it cannot see: encrypted bytes (a sealed blob, say), sums in which a record is one of many, and what lies outside
of the folder; a link that leads out is named and not followed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import FileNotUsableError, InvalidRequestError
from expunge.workspace.leftovers.canary_forms import forms_of
from expunge.workspace.leftovers.containers import MAGIC, Budget, inner

__all__ = ["Find", "Search", "search_bytes", "search_folder"]

#: How deep archives inside archives are opened, and how many unpacked bytes of one file are looked at.
DEPTH, UNPACKED = 6, 4 * 2**30

_BLOCK = 2**22
_MANY = 2_000

#: How often bytes are met, roughly: zeros and ones of numbers, then what texts and decimal numbers are made of.
_COMMON = {
    0x00: 100,
    0xFF: 60,
    0x3F: 20,
    0x40: 20,
    **dict.fromkeys(b"0123456789., \n", 10),
    **dict.fromkeys(b"aeinorst", 4),
}


@dataclass(frozen=True, kw_only=True)
class Find:
    """One value in one place. The value itself is not shown.

    Parameters
    ----------
    name : str
        Of the value, as the caller called it.
    encoding : str
        How it is written there.
    path : str
        The file, relative to the folder.
    inside : tuple of str
        Of what in the file, outermost first; empty for the file itself.
    offset : int
        Of the first byte, in what it is inside of.
    """

    name: str
    encoding: str
    path: str
    inside: tuple[str, ...]
    offset: int


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search found, and what it could not look at.

    Parameters
    ----------
    found : tuple of Find
        At most one for each value, encoding and place.
    unsearched : tuple of str
        Files and parts of files that could not be opened, each with the reason.
    too_common : tuple of str
        Names of values that too little tells from others: short texts, small numbers.
    n_files, n_bytes : int
        Files, and bytes after unpacking, that were looked at.
    by_chance : float
        How many finds are to be expected if the bytes were drawn at random. Nearly all are of the shortest forms: the
        four bytes of a float32 stand somewhere in four gigabytes. Look at the place of such a find first.
    """

    found: tuple[Find, ...]
    unsearched: tuple[str, ...]
    too_common: tuple[str, ...]
    n_files: int
    n_bytes: int
    by_chance: float

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found and everything was seen, for the values that can be searched."""
        return not self.found and not self.unsearched

    def names(self) -> set[str]:
        """Names of the values that were found."""
        return {one.name for one in self.found}

    def __str__(self) -> str:
        seen = f"{self.n_files:,} files, {self.n_bytes:,} bytes after unpacking"
        common = f"; too common to be searched: {', '.join(self.too_common)}" if self.too_common else ""
        if self.is_clean:
            return f"nothing found in {seen}{common}"
        missed = f"; not searched: {'; '.join(self.unsearched[:5])}" if self.unsearched else ""
        places = sorted({f"{one.name} as {one.encoding} in {one.path}" for one in self.found})
        chance = (
            f"; {self.by_chance:.2g} finds are to be expected by chance" if places and self.by_chance > 1e-3 else ""
        )
        return f"{', '.join(places[:10]) or 'nothing'} found in {seen}{chance}{missed}{common}"


def search_folder(folder: str | Path, values: Mapping[str, Any] | Sequence[Any], *, skip: Iterable[str] = ()) -> Search:
    """Search every byte of every file below a folder, and the names of the files.

    Parameters
    ----------
    folder : path
    values : mapping from name to value, or sequence of values
        Texts, integers, floats or bytes; a sequence is named "value 0", "value 1", ...
    skip : iterable of str
        Paths relative to the folder that are left out, with all below them.

    Returns
    -------
    Search

    Raises
    ------
    FileNotUsableError
        No such folder.
    InvalidRequestError
        No value, or only values that are too common to be searched.

    Notes
    -----
    Each byte is looked at once for all values and encodings together: a table of the first four bytes of the needles
    passes over nearly all places, at about a hundred megabytes a second. Parts are unpacked in memory.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "cache.bin").write_bytes(np.array([1.0, 739.0625251]).tobytes())
    >>> search_folder(folder.name, {"income": 739.0625251}).found[0].name
    'income'
    >>> folder.cleanup()
    """
    root, left_out = Path(folder), {os.path.normpath(one) for one in skip}
    if not root.is_dir():
        raise FileNotUsableError(f"There is no folder {str(root)!r}.", hint="Check the path.")
    seeker = _Seeker(_named(values))
    n_files = 0
    for path in _files(root, left_out, seeker):
        relative = str(path.relative_to(root))
        seeker.look(relative.encode("utf-8", "surrogateescape"), relative, ("name of the file",))
        try:
            data = path.read_bytes()
        except OSError as error:
            if path.exists():
                seeker.unsearched.append(f"{relative}: {error.strerror}")
            continue
        n_files += 1
        seeker.look_deep(data, relative, (), Budget(UNPACKED), DEPTH)
    return seeker.result(n_files)


def search_bytes(data: bytes, values: Mapping[str, Any] | Sequence[Any]) -> Search:
    """Search bytes as if they were a file; see :func:`search_folder`."""
    seeker = _Seeker(_named(values))
    seeker.look_deep(data, "", (), Budget(UNPACKED), DEPTH)
    return seeker.result(1)


def _named(values: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, (str, bytes)):
        values = [values]
    return {f"value {i}": value for i, value in enumerate(values)}


def _files(root: Path, left_out: set[str], seeker: _Seeker) -> Iterator[Path]:
    """Files below a folder; links and what cannot be listed are named as not searched."""

    def failed(error: OSError) -> None:
        seeker.unsearched.append(f"{error.filename}: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=failed):
        here = Path(folder)
        folders[:] = sorted(one for one in folders if str((here / one).relative_to(root)) not in left_out)
        for name in [*folders, *sorted(names)]:
            path = here / name
            relative = str(path.relative_to(root))
            if path.is_symlink():
                seeker.unsearched.append(f"{relative}: a link, which was not followed")
            elif name not in folders and relative not in left_out:
                if path.is_file():
                    yield path
                elif path.exists():
                    seeker.unsearched.append(f"{relative}: no plain file")


class _Seeker:
    """Needles of all values, ready to be looked for, and what was found so far."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        forms = {name: forms_of(value) for name, value in values.items()}
        self.too_common = tuple(name for name, one in forms.items() if not one.needles)
        if len(self.too_common) == len(forms):
            raise InvalidRequestError(
                "No value is given that could be searched.", hint="Texts of 6 letters or more, or unusual numbers."
            )
        self.found: dict[tuple[str, str, str, tuple[str, ...]], Find] = {}
        self.unsearched: list[str] = []
        self.n_bytes = 0
        self._by_window: dict[bytes, list[tuple[bytes, int, str, str]]] = {}
        self._limbs: dict[tuple[bytes, bytes, bytes], str] = {}
        for name, one in forms.items():
            for needle, encoding in one.needles.items():
                self._add(needle, name, encoding)
            for triple in one.limbs:
                self._limbs[triple] = name
                for limb in triple[:2]:
                    self._add(limb, "", "")
        self._longest = max(len(needle) for known in self._by_window.values() for needle, *_ in known)
        self._chance = sum(
            2.0 ** (-8 * len(needle)) for known in self._by_window.values() for needle, _, name, _ in known if name
        )
        self._windows = np.array(
            sorted(int.from_bytes(window, "little") for window in self._by_window), dtype=np.uint32
        )
        self._first = np.zeros(2**16, dtype=bool)
        self._first[self._windows & 0xFFFF] = True

    def _add(self, needle: bytes, name: str, encoding: str) -> None:
        """Look for a needle by its four rarest bytes in a row; by its first ones each run of zeros would be a place."""
        costs = [_COMMON.get(byte, 1) for byte in needle]
        at = min(range(len(needle) - 3), key=lambda i: (sum(costs[i : i + 4]), sum(costs[i : i + 2])))
        self._by_window.setdefault(needle[at : at + 4], []).append((needle, at, name, encoding))

    def result(self, n_files: int) -> Search:
        """What there is to say."""
        return Search(
            found=tuple(self.found.values()), unsearched=tuple(dict.fromkeys(self.unsearched)),
            too_common=self.too_common, n_files=n_files, n_bytes=self.n_bytes,
            by_chance=self.n_bytes * self._chance,
        )  # fmt: skip

    def look_deep(self, data: bytes, path: str, inside: tuple[str, ...], budget: Budget, depth: int) -> None:
        """Look at bytes and at everything inside them."""
        self.look(data, path, inside)
        for what, part in inner(data, budget):
            if part is None or (depth == 0 and part.startswith(MAGIC)):
                where = " in ".join([what, *reversed(inside)])
                self.unsearched.append(f"{path}: {where}" + ("" if part is None else ", too deep"))
            elif depth == 0:
                self.look(part, path, (*inside, what))
            else:
                self.look_deep(part, path, (*inside, what), budget, depth - 1)

    def look(self, data: bytes, path: str, inside: tuple[str, ...]) -> None:
        """Look at bytes as they are."""
        self.n_bytes += len(data)
        limbs: dict[bytes, list[int]] = {}
        for start in range(0, max(1, len(data)), _BLOCK):
            block = memoryview(data)[start : start + _BLOCK + self._longest]
            for place in self._places(block).tolist():
                window = start + place
                for needle, offset, name, encoding in self._by_window.get(data[window : window + 4], ()):
                    at = window - offset
                    if at < 0 or not data.startswith(needle, at):
                        continue
                    if name:
                        self._found(name, encoding, path, inside, at)
                    else:
                        limbs.setdefault(needle, []).append(at)
        if limbs:
            self._look_for_limbs(data, limbs, path, inside)

    def _found(self, name: str, encoding: str, path: str, inside: tuple[str, ...], at: int) -> None:
        find = Find(name=name, encoding=encoding, path=path, inside=inside, offset=at)
        self.found.setdefault((name, encoding, path, inside), find)

    def _places(self, block: memoryview) -> Any:
        """Where one of the needles may begin: by its first two bytes, then by the next two."""
        raw = np.frombuffer(block, dtype=np.uint8)
        if len(raw) < 4:
            return np.empty(0, dtype=np.intp)
        pairs = raw[:-1].astype(np.uint16)
        pairs |= raw[1:].astype(np.uint16) << 8
        places = np.flatnonzero(self._first[pairs[:-2]])
        whole = pairs[places].astype(np.uint32) | pairs[places + 2].astype(np.uint32) << 16
        near = np.minimum(np.searchsorted(self._windows, whole), len(self._windows) - 1)
        return places[self._windows[near] == whole]

    def _look_for_limbs(self, data: bytes, limbs: dict[bytes, list[int]], path: str, inside: tuple[str, ...]) -> None:
        """Three limbs at equal distances: of an array of shape (3, ...) that holds the value in fixed point."""
        for (low, middle, high), name in self._limbs.items():
            for first, second in itertools.product(limbs.get(low, ())[:_MANY], limbs.get(middle, ())[:_MANY]):
                third = 2 * second - first
                if second > first and (second - first) % 8 == 0 and data.startswith(high, third):
                    self._found(name, "limbs", path, inside, first)
                    break
