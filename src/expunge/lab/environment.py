"""Where a cell was run: what has to be the same for scores to repeat byte for byte."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import os
import sys
from collections.abc import Iterator
from typing import Any

from expunge.digest import leaf
from expunge.errors import InvalidParameterError, MissingExtraError

__all__ = ["check_device", "code_digest", "device", "environment", "peak_bytes"]

#: Parts of the package that decide no score: they hand things over, keep them, or show them.
_ASIDE = {
    "cli", "service", "ledger", "workspace", "checks",
    *(f"lab/{name}.py" for name in (
        "demo", "demo_influence", "demo_page", "difficulties", "honesty", "isolation", "matrices", "pictures",
        "results", "runner", "site", "summary", "sweeps", "verbs", "words",
    )),
}  # fmt: skip


def device() -> str:
    """Where networks are trained, as torch names it: what ``EXPUNGE_DEVICE`` says, else the processor."""
    return os.environ.get("EXPUNGE_DEVICE") or "cpu"


def check_device() -> None:
    """Refuse a device that torch cannot use, before anything is trained.

    Raises
    ------
    InvalidParameterError
        ``EXPUNGE_DEVICE`` names none that is here.
    MissingExtraError
        It names one, and torch is not installed.
    """
    name = device()
    if name == "cpu":
        return
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(f"EXPUNGE_DEVICE says {name!r}, which needs torch.", hint="Unset it.") from error
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        why = str(error).partition("\n")[0]
        raise InvalidParameterError(
            f"EXPUNGE_DEVICE says {name!r}, which torch cannot use here: {why}.", hint="Unset it for the processor."
        ) from error


def _graphics() -> dict[str, str]:
    """Name and driver library of a graphics processor, where networks are trained on one."""
    if not device().startswith("cuda"):
        return {}
    import torch

    return {"gpu": torch.cuda.get_device_name(device()), "cuda": str(torch.version.cuda)}


@functools.cache
def code_digest() -> str:
    """Of the sources that training, forgetting and measuring follow from, as 16 hexadecimal digits.

    It is part of the name under which references are kept: those that other code trained are not taken for its own.
    """
    root = importlib.resources.files("expunge")
    found = sorted(_sources(root, ""))
    return leaf([[name, content] for name, content in found]).hex()[:16]


def _sources(folder: Any, name: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        path = f"{name}/{entry.name}".lstrip("/")
        if path in _ASIDE:
            continue
        if entry.is_dir():
            yield from _sources(entry, path)
        elif entry.name.endswith(".py"):
            yield path, hashlib.sha256(entry.read_bytes()).hexdigest()


def environment() -> dict[str, Any]:
    """Versions, code, processor, BLAS kernel, device and threads; nothing that names the machine or its owner."""
    import scipy.linalg  # noqa: F401 - brings its own BLAS, which is then always in the list

    from expunge import __version__
    from expunge.workspace import fingerprint

    return {
        "expunge": __version__,
        "device": device(),
        "threads": 1,
        "code": code_digest(),
        **_graphics(),
        **fingerprint(),
    }


def peak_bytes() -> int:
    """Largest memory of this process so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
