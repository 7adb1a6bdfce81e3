"""A recorder of what a process does to a folder, and what of it is on the disk when the power fails.

The process runs under ``strace``. From its calls two states are kept: what other processes see, and what is surely on
the disk: of a file what it held when it was last flushed, of a folder the names that it had when it was last flushed.
Power may fail after any call; then the second state is all there is.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available", "record", "states"]

_CALLS = (
    "openat,open,creat,write,pwrite64,writev,pwritev,ftruncate,truncate,fsync,fdatasync,rename,renameat,renameat2,unlink,"
    "unlinkat,mkdir,mkdirat,rmdir,lseek,close,dup,dup2,dup3,sync_file_range"
)
_QUICK = ("-f", "--seccomp-bpf")  # stops at these calls alone
_LINE = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_RESULT = re.compile(r"\) += (?P<result>-?\d+)")
_FD = re.compile(r"^(?P<fd>\d+)<(?P<path>[^>]*)>")
_TEXT = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"')


def available() -> bool:
    """Whether the system can trace a process."""
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", *_QUICK, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
    )


def record(command: list[str], to: Path, environment: dict[str, str]) -> list[str]:
    """Run a command and give its calls, one a line."""
    options = [*_QUICK, "-y", "-xx", "-s", "100000000", "-e", f"trace={_CALLS}", "-o", str(to)]
    subprocess.run(["strace", *options, *command], env=environment, check=True, capture_output=True)
    return joined(to.read_text(encoding="ascii", errors="replace").splitlines())


def joined(lines: list[str]) -> list[str]:
    """Calls that were interrupted by those of other threads, in one piece, where they ended."""
    waiting: dict[str, str] = {}
    out = []
    for line in lines:
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            waiting[pid] = line.removesuffix("<unfinished ...>")
        elif "resumed>" in line and pid in waiting:
            out.append(waiting.pop(pid) + line.split("resumed>", 1)[1])
        else:
            out.append(line)
    return out


class _File:
    def __init__(self, content: bytes = b"") -> None:
        self.seen = bytearray(content)
        self.kept: bytes | None = None


class Disk:
    """What is seen of a folder, and what is kept."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.seen: dict[str, _File | None] = {self.root: None}  # None: a folder
        self.kept: dict[str, _File | None] = {self.root: None}
        for path in sorted(root.rglob("*")):
            if path.name.endswith("-shm"):
                continue
            file = None if path.is_dir() else _File(path.read_bytes())
            if file is not None:
                file.kept = bytes(file.seen)
            self.seen[str(path)] = self.kept[str(path)] = file
        self.open: dict[tuple[str, int], int] = {}
        self.flags: dict[tuple[str, int], bool] = {}

    def apply(self, line: str) -> bool:
        """Take one call; gives whether what is kept may have changed."""
        found = _LINE.match(line)
        result = _RESULT.search(line[line.rfind(") =") :]) if found else None
        if not found or not result or int(result["result"]) < 0:
            return False
        name, rest, value = found["name"], found["rest"], int(result["result"])
        texts = [_plain(match["text"]) for match in _TEXT.finditer(rest.split(", ", 1)[-1] if name == "x" else rest)]
        if name in ("openat", "open", "creat"):
            self._opened(rest, texts[0].decode(errors="surrogateescape"), value)
        elif name in ("mkdir", "mkdirat"):
            self._name(texts[0].decode(errors="surrogateescape"), None)
        elif name in ("unlink", "unlinkat", "rmdir"):
            self.seen.pop(texts[0].decode(errors="surrogateescape"), None)
        elif name in ("rename", "renameat", "renameat2"):
            old, new = (text.decode(errors="surrogateescape") for text in texts[:2])
            if old in self.seen:
                self.seen[new] = self.seen.pop(old)
        else:
            return self._on_file(name, rest, texts, value)
        return False

    def _name(self, path: str, file: _File | None) -> None:
        if path.startswith(self.root) and not path.endswith("-shm"):
            self.seen[path] = file

    def _opened(self, rest: str, path: str, fd: int) -> None:
        known = self.seen.get(path)
        if "O_CREAT" in rest and path not in self.seen:
            self._name(path, _File())
        elif "O_TRUNC" in rest and isinstance(known, _File):
            known.seen = bytearray()
        self.open[(path, fd)] = 0
        self.flags[(path, fd)] = "O_APPEND" in rest

    def _on_file(self, name: str, rest: str, texts: list[bytes], value: int) -> bool:
        found = _FD.match(rest)
        if not found:
            return False
        path = _plain(found["path"]).decode(errors="surrogateescape").removesuffix(" (deleted)")
        key = (path, int(found["fd"]))
        file = self.seen.get(path, self)  # self: not ours
        if file is self:
            return False
        if name in ("fsync", "fdatasync"):
            return self._flushed(path, file)
        if not isinstance(file, _File):
            return False
        if name == "lseek":
            self.open[key] = value
        elif name in ("ftruncate",):
            size = int(rest.split(", ")[1].split(")")[0])
            del file.seen[size:]
            file.seen.extend(bytes(size - len(file.seen)))
        elif name == "pwrite64":
            offset = int(rest.rsplit(") =", 1)[0].rsplit(", ", 1)[1])
            _put(file.seen, offset, texts[0][:value])
        elif name in ("write", "writev"):
            at = len(file.seen) if self.flags.get(key) else self.open.get(key, 0)
            _put(file.seen, at, b"".join(texts)[:value])
            self.open[key] = at + value
        return False

    def _flushed(self, path: str, file: _File | None) -> bool:
        if file is not None:
            file.kept = bytes(file.seen)
            return True
        inside = [name for name in {*self.seen, *self.kept} if name.rpartition("/")[0] == path]
        for name in inside:
            if name in self.seen:
                self.kept[name] = self.seen[name]
            else:
                self.kept.pop(name)
        return True

    def materialise(self, to: Path) -> None:
        """Put what is kept into a folder."""
        for path, file in sorted(self.kept.items()):
            parent = path.rpartition("/")[0]
            if path != self.root and parent not in self.kept:
                continue
            place = to / path[len(self.root) :].lstrip("/")
            if file is None:
                place.mkdir(parents=True, exist_ok=True)
            elif place.parent.is_dir():
                place.write_bytes(file.kept or b"")
                if "/keys/" in path:
                    place.chmod(0o600)
        keys = to / "ws" / "keys"
        if keys.is_dir():
            keys.chmod(0o700)


def states(root: Path, lines: list[str]) -> Iterator[tuple[int, Disk]]:
    """After each call that put something on the disk: its number, and the disk (which changes as one goes on)."""
    disk = Disk(root)
    for i, line in enumerate(lines):
        if disk.apply(line):
            yield i, disk


def _put(data: bytearray, at: int, new: bytes) -> None:
    if len(data) < at:
        data.extend(bytes(at - len(data)))
    data[at : at + len(new)] = new


def _plain(text: str) -> bytes:
    """The bytes of a text as strace writes it with -xx: every one as a backslash, x and two digits."""
    if "\\x" not in text:
        return text.encode()
    return bytes.fromhex(text.replace("\\x", ""))
