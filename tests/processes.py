"""Child processes out of a server that has imported everything and started nothing, so that one costs little."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

__all__ = ["call", "context", "redirect", "script", "start_server"]

context = multiprocessing.get_context("forkserver")


def start_server() -> None:
    """Start the server, if it does not run: for a child that is wanted, and never while the server itself imports this.

    It looks for what to import where its environment says, not where this process looks.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    context.set_forkserver_preload(["preload"])
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def call(function: Callable[..., Any], *arguments: Any, seconds: float = 300) -> tuple[int, str]:
    """Call a function of a module in a child, in this folder and environment; its exit code and all that it printed."""
    start_server()
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder) / "printed"
        process = context.Process(target=_run, args=(function, arguments, printed, os.getcwd(), dict(os.environ)))
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
        assert process.exitcode is not None
        return process.exitcode, printed.read_text(encoding="utf-8")


def script(path: Path, *arguments: str) -> None:
    """Run a file as Python does; for :func:`call`."""
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")


def _run(
    function: Callable[..., Any], arguments: tuple[Any, ...], printed: Path, folder: str, environment: Mapping[str, str]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    redirect(printed, printed)
    function(*arguments)


def redirect(out: Path, error: Path) -> None:
    """Nothing to read, and everything printed goes into files."""
    for number, place, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, error, os.O_WRONLY)):
        file = os.open(place, flags | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
