"""Run the code of Markdown pages as a reader would: block after block, in one folder, each page on its own.

``python tests/project/pages.py README.md`` runs one page. Blocks of ``python`` share one namespace. Of blocks of
``console`` each line that starts with ``$`` is run by a shell, of blocks of ``bash`` each line; lines of output that a
``console`` block shows are compared (``...`` stands for anything; durations may differ). A block is left out only if
the line above it says why: ``<!-- not run: installation -->``.
"""

from __future__ import annotations

import dataclasses
import doctest
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any, NoReturn

_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w-]*)(?P<rest>.*)")
_SKIP = re.compile(r"<!-- not run: (?P<reason>\S.*) -->")
_DURATION = re.compile(r"\d+(?:[.,]\d+)*\s?(?:ns|µs|us|ms|s|min|h)\b")
#: What a page may run. Anything else (an installation, say) is left out with its reason.
COMMANDS = ("cat", "cd", "cp", "curl", "echo", "export", "expunge", "head", "ls", "mkdir", "printf", "python", "rm")


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block: its language, its code, the line of its first line, and why it is not run, if so."""

    language: str
    code: str
    line: int
    not_run: str | None = None

    @property
    def runs(self) -> bool:
        return self.not_run is None and self.language in ("python", "console", "bash", "sh")


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found: list[Block] = []
    lines = text.splitlines()
    start, fence, reason = 0, None, None
    for number, line in enumerate(lines, start=1):
        if fence is None:
            if fence := _FENCE.fullmatch(line):
                start = number + 1
            elif line.strip():
                skip = _SKIP.fullmatch(line.strip())
                reason = skip["reason"] if skip else None
        elif line.strip() == fence["fence"]:
            indent = len(fence["indent"])
            code = "".join(f"{row[indent:]}\n" for row in lines[start - 1 : number - 1])
            found.append(Block(fence["language"], code, start, reason))
            fence = reason = None
    if fence is not None:
        raise ValueError(f"The block that starts on line {start} has no end.")
    return found


def commands(block: Block) -> list[tuple[int, str, str]]:
    """Line, command and the output that the page shows, for each command of a block."""
    found: list[tuple[int, str, str]] = []
    continued = False
    for number, line in enumerate(block.code.splitlines(), start=block.line):
        if continued:
            place, command, _ = found.pop()
            found.append((place, f"{command}\n{line.removeprefix('> ')}", ""))
        elif block.language == "console" and not line.startswith("$ "):
            if not found:
                raise ValueError(f"Line {number}: a console block starts with a command: '$ ...'.")
            place, command, shown = found.pop()
            found.append((place, command, f"{shown}{line}\n"))
            continue
        elif line.strip() and not line.startswith("#"):
            found.append((number, line.removeprefix("$ "), ""))
        continued = line.endswith("\\")
    return found


def run_page(path: Path, forks: _Commands | None = None) -> int:
    """Run the blocks of a page in the working directory; the number of blocks that ran."""
    # The page is the main module, as if it had been typed: its classes can be found by their names.
    page = sys.modules["__main__"] = types.ModuleType("__main__")
    namespace = vars(page)
    count = 0
    for block in blocks(path.read_text(encoding="utf-8")):
        if not block.runs:
            continue
        count += 1
        if block.language != "python":
            for line, command, shown in commands(block):
                _run_command(path, line, command, shown, forks)
        elif block.code.lstrip().startswith(">>>"):
            _run_session(path, block, namespace)
        else:
            code = compile("\n" * (block.line - 1) + block.code, str(path), "exec")
            exec(code, namespace)  # noqa: S102 - running the page is the purpose
    return count


def _run_session(path: Path, block: Block, namespace: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, namespace, path.name, str(path), block.line - 1)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    if runner.run(test, clear_globs=False).failed:
        raise SystemExit(f"{path}:{block.line}: the session gives something else.")
    namespace.update(test.globs)


class _Commands:
    """Runs ``expunge`` in forks of this process as it was at first: all is imported there, and nothing was started."""

    def __init__(self) -> None:
        self._here, there = socket.socketpair()
        if os.fork():
            there.close()
            return
        self._here.close()
        with there.makefile("r", encoding="utf-8") as asked:
            for line in asked:
                child = os.fork()
                if not child:
                    _main_of(**json.loads(line))
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                there.sendall(f"{code}\n".encode())
        os._exit(0)

    def run(self, argv: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """As :func:`subprocess.run` does."""
        with tempfile.TemporaryDirectory() as folder:
            out, error = Path(folder) / "out", Path(folder) / "error"
            asked = {"argv": argv, "folder": os.getcwd(), "out": str(out), "error": str(error)}
            self._here.sendall(json.dumps({**asked, "environment": environment}).encode() + b"\n")
            code = int(self._here.recv(16))
            texts = (place.read_text(encoding="utf-8") for place in (out, error))
            return subprocess.CompletedProcess(argv, code, *texts)


def _main_of(argv: list[str], environment: dict[str, str], folder: str, out: str, error: str) -> NoReturn:
    from expunge.cli import main
    from processes import redirect

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    redirect(Path(out), Path(error))
    sys.argv, code = argv, 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _simple(command: str) -> list[str] | None:
    """The words of a command that is ``expunge`` and words alone; None if it takes a shell."""
    if not command.startswith("expunge ") or re.search(r"[|&;<>$`*?~#(){}\n]", command.replace("\\\n", " ")):
        return None
    return shlex.split(command.replace("\\\n", " "))


def _run_command(path: Path, line: int, command: str, shown: str, forks: _Commands | None) -> None:
    first = command.split()[0]
    if first not in COMMANDS:
        raise SystemExit(
            f"{path}:{line}: {first!r} is no command that a page runs. Put '<!-- not run: reason -->' above the block."
        )
    python = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{python}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "120"}
    environment.pop("EXPUNGE_WORKSPACE", None)
    words = _simple(command) if forks else None
    if forks and words:
        done = forks.run(words, environment)
    else:
        done = subprocess.run(
            ["sh", "-c", command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{path}:{line}: $ {command}\n{done.stdout}{done.stderr}exit code {done.returncode}")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    want, got = (_DURATION.sub("<time>", text).strip() + "\n" for text in (shown, done.stdout))
    if shown.strip() and not doctest.OutputChecker().check_output(want, got, flags):
        raise SystemExit(f"{path}:{line}: $ {command}\nThe page shows:\n{shown}\nIt printed:\n{done.stdout}")


def main(argv: list[str], fork: bool = False) -> None:
    """Run one page in a folder that is thrown away; ``fork`` if everything is imported."""
    forks = _Commands() if fork else None
    os.environ.setdefault("MPLBACKEND", "Agg")
    page = Path(argv[0]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        count = run_page(page, forks)
        os.chdir(page.parent)
    print(f"{count} blocks ran")


if __name__ == "__main__":
    main(sys.argv[1:])
