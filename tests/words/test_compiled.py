"""Machine code that is kept on disk, and when it counts as old."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from expunge import compiled

SRC = Path(compiled.__file__).parent
LOW, TOLD, HIGH = "compiled_low", "compiled_told", "compiled_high"


def write(path: Path, text: str) -> None:
    """A file that is newer than what was made of it, however fast a test is."""
    later = path.stat().st_mtime_ns + 10**10 if path.exists() else None
    path.write_text(text, encoding="utf-8")
    if later is not None:
        os.utime(path, ns=(later, later))


def ask(value: int) -> int:
    """What the caller of a kernel of another file says, as a new process would hear it."""
    for name in (LOW, TOLD, HIGH):
        sys.modules.pop(name, None)
    compiled._FILES.clear()
    importlib.invalidate_caches()
    answer: int = importlib.import_module(HIGH).asked(value)
    return answer


def test_an_edited_kernel_reaches_its_callers_in_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    low, told, high = (tmp_path / f"{name}.py" for name in (LOW, TOLD, HIGH))
    kernel = "from expunge.compiled import inner\n@inner\ndef step(x):\n    return x + {}\n"
    write(low, kernel.format(1))
    write(told, "SCALE = 10\n")
    write(
        high,
        f"""from expunge.compiled import njit
from {LOW} import step
from {TOLD} import SCALE
@njit
def asked(x):
    return SCALE * step(x)
""",
    )
    assert ask(1) == 20
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("__pycache__/*.nb[ic]")}
    assert ask(1) == 20
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("__pycache__/*.nb[ic]")} == kept != {}
    write(low, kernel.format(2))
    assert ask(1) == 30
    write(told, "SCALE = 100\n")
    assert ask(1) == 300
    for name in (LOW, TOLD, HIGH):
        del sys.modules[name]
    compiled._FILES.clear()


def stamp_of(kernel: Any) -> frozenset[Any]:
    return frozenset(kernel._cache._cache_file._source_stamp[1])


@pytest.mark.parametrize(
    ("caller", "called"),
    [
        ("maths.boxes:_ask", "maths/nearest.py"),
        ("methods.forest.changing:prepare", "methods/forest/splits.py"),
        ("methods.forest.prefetching:fetch", "methods/forest/nearing.py"),
    ],
)
def test_what_is_kept_knows_the_files_it_was_made_from(caller: str, called: str) -> None:
    module, _, name = caller.partition(":")
    told = (SRC / called).stat()
    assert (told.st_mtime_ns, told.st_size) in stamp_of(getattr(importlib.import_module(f"expunge.{module}"), name))


def test_kernels_are_compiled_in_one_way() -> None:
    own = {p.name for p in SRC.rglob("*.py") if re.search(r"^import numba|numba\.n?jit", p.read_text(), re.M)}
    assert own == {"compiled.py"}
