"""Immutable chunks of bytes in a folder or an object store, named by a keyed hash of what they hold.

A name is ``HMAC-SHA256(key, kind || leaf)``, where the leaf is a SHA-256 that whoever writes already has. So the same
contents have the same name and are written once; and a name in an old listing tells nobody what the chunk held.
Contents are checked with a keyed BLAKE2b, which the manifest that names a chunk keeps beside the name.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from expunge.errors import FileNotUsableError, InvalidParameterError, TamperedError
from expunge.workspace.storage import faults
from expunge.workspace.storage.folder import writing

__all__ = ["ChunkStore", "Entry", "open_store"]

#: A new chunk; one that a killed process left half written is written over.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
#: Stores of which we know that a deleted object is gone.
_PLAIN = ("file", "local", "memory")
#: How often a call to an object store is made before it counts as failed.
_ATTEMPTS = 3

#: A chunk cannot be mended: there may be a copy, and a model can be made anew from its data.
_HINT = "Restore it from a copy of the workspace; what belongs to a model, `expunge fit NAME --force` makes anew."


class Entry(NamedTuple):
    """What a manifest keeps about a chunk: its name and the keyed hash of its bytes, both hexadecimal.

    Parameters
    ----------
    name, mac : str
    """

    name: str
    mac: str


class ChunkStore:
    """Chunks by name.

    Parameters
    ----------
    place : _Place
        Where bytes go.
    key : bytes
        32 bytes.
    """

    def __init__(self, place: Any, key: bytes) -> None:
        self._place, self._key = place, key

    def name_of(self, kind: str, leaf: bytes) -> str:
        """The name of a chunk of this kind whose contents have this leaf."""
        return hmac.digest(self._key, kind.encode() + b"\0" + leaf, "sha256").hex()

    def mac(self, data: bytes) -> str:
        """Keyed hash of contents."""
        return hashlib.blake2b(data, key=self._key, digest_size=32).hexdigest()

    def put(self, kind: str, leaf: bytes, data: bytes) -> Entry:
        """Write a chunk aside; it is there once :meth:`flush` returned."""
        name = self.name_of(kind, leaf)
        self._place.put(name, data)
        return Entry(name, self.mac(data))

    def flush(self) -> None:
        """Make everything that was put durable, and only then visible."""
        self._place.flush()

    def discard(self) -> None:
        """Drop what was put and not flushed."""
        self._place.discard()

    def get(self, entry: Entry, what: str) -> bytes:
        """The contents of a chunk.

        Parameters
        ----------
        entry : Entry
        what : str
            For the sentence of an error: which chunk of what.

        Raises
        ------
        TamperedError
            It is not there, or is not what was written.
        """
        try:
            data: bytes = self._place.get(entry.name)
        except FileNotFoundError as error:
            raise TamperedError(f"Chunk {entry.name[:12]} ({what}) is missing.", hint=_HINT) from error
        except OSError as error:
            raise FileNotUsableError(
                f"Cannot read chunk {entry.name[:12]} ({what}): {error}.", hint="Check disk and rights."
            ) from error
        if not hmac.compare_digest(self.mac(data), entry.mac):
            raise TamperedError(f"Chunk {entry.name[:12]} ({what}) is not what was written.", hint=_HINT)
        return data

    def size(self, name: str) -> int:
        """Bytes of a chunk; 0 where it cannot be told."""
        try:
            return int(self._place.size(name) or 0)
        except OSError:
            return 0

    def names(self) -> set[str]:
        """Names of all chunks there are."""
        return set(self._place.names())

    def sweep(self, live: Collection[str]) -> int:
        """Delete every chunk that is not named; gives their number. May be repeated."""
        dead = sorted(self.names() - set(live))
        self._place.delete(dead)
        return len(dead)


class Folder:
    """Chunks as files: written aside, on the same disk, flushed, renamed, and their folder flushed."""

    def __init__(self, root: Path, aside: Path) -> None:
        self._root, self._aside = root, aside
        self._waiting: dict[str, Path] = {}

    def put(self, name: str, data: bytes) -> None:
        if name in self._waiting:
            return
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._aside / f"{name}.chunk"
        self._waiting[name] = path  # first, so that a failure is cleaned up
        with writing(path), os.fdopen(os.open(path, _NEW, 0o600), "wb") as stream:
            stream.write(data)
        faults.at("chunk-written")

    def flush(self) -> None:
        for path in self._waiting.values():
            with writing(path):
                _sync(path, os.O_RDWR)
        for name, path in self._waiting.items():
            with writing(self._path(name)):
                os.replace(path, self._path(name))
            faults.at("chunk-renamed")
        if self._waiting:
            with writing(self._root):
                _sync(self._root, os.O_RDONLY)
        self._waiting = {}

    def discard(self) -> None:
        for path in self._aside.glob("*.chunk"):  # those of a killed process too
            path.unlink(missing_ok=True)
        self._waiting = {}

    def get(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size

    def names(self) -> Iterator[str]:
        if self._root.is_dir():
            yield from (name for name in os.listdir(self._root) if name != self._aside.name)

    def delete(self, names: list[str]) -> None:
        for name in names:
            with writing(self._path(name)):
                self._path(name).unlink(missing_ok=True)
        if names:
            _sync(self._root, os.O_RDONLY)

    def _path(self, name: str) -> Path:
        return self._root / name


class Objects:
    """Chunks in any store that fsspec can open; one call puts an object whole or not at all."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._waiting: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        self._waiting.setdefault(name, data)

    def flush(self) -> None:
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            for name, data in self._waiting.items():
                self._try(lambda name=name, data=data: self._fs.pipe_file(f"{self._root}/{name}", data))  # type: ignore[misc]
        except OSError as error:
            raise FileNotUsableError(f"The store {self._root!r} failed: {error}.", hint="Try again.") from error
        self._waiting = {}

    @staticmethod
    def _try(act: Callable[[], object]) -> None:
        """A call over a network may fail once; writing or deleting twice does no harm."""
        for _ in range(_ATTEMPTS - 1):
            with suppress(OSError):
                act()
                return
        act()

    def discard(self) -> None:
        self._waiting = {}

    def get(self, name: str) -> bytes:
        data: bytes = self._fs.cat_file(f"{self._root}/{name}")
        return data

    def size(self, name: str) -> int | None:
        found: int | None = self._fs.size(f"{self._root}/{name}")
        return found

    def names(self) -> Iterator[str]:
        if self._fs.isdir(self._root):
            self._fs.invalidate_cache()
            yield from (str(path).rsplit("/", 1)[-1] for path in self._fs.ls(self._root, detail=False))

    def delete(self, names: list[str]) -> None:
        try:
            for name in names:
                if self._fs.isfile(f"{self._root}/{name}"):
                    self._try(lambda name=name: self._fs.rm_file(f"{self._root}/{name}"))  # type: ignore[misc]
        except OSError as error:
            raise FileNotUsableError(f"The store {self._root!r} failed: {error}.", hint="Try again.") from error


def open_store(url: str, folder: Path, aside: Path, key: bytes, *, allow_old_versions: str = "") -> ChunkStore:
    """The store of a workspace.

    Parameters
    ----------
    url : str
        fsspec URL; empty for the folder.
    folder, aside : Path
        Where chunks and unfinished chunks lie, on one disk.
    key : bytes
    allow_old_versions : str
        Why a store that may keep deleted objects is allowed.

    Raises
    ------
    InvalidParameterError
        A store that may keep old versions of its objects, so that nobody could say that nothing is left.
    """
    if not url:
        return ChunkStore(Folder(folder, aside), key)
    protocol = url.split("://", 1)[0] if "://" in url else "file"
    if protocol in ("file", "local"):  # fsspec would not wait for the disk
        elsewhere = Path(url.removeprefix(f"{protocol}://"))
        return ChunkStore(Folder(elsewhere, elsewhere / "aside"), key)
    if protocol not in _PLAIN and not allow_old_versions.strip():
        raise InvalidParameterError(
            f"A store at {protocol}:// may keep old versions of what is deleted.",
            hint="Switch versioning off there, and say so: allow_old_versions='versioning is off since ...'.",
        )
    return ChunkStore(Objects(url), key)


def _sync(path: Path, flags: int) -> None:
    if flags == os.O_RDONLY and os.name != "posix":
        return  # folders cannot be flushed there
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
