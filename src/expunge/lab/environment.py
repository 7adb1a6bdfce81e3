"""Where a cell was run: what has to be the same for scores to repeat byte for byte."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["device", "environment", "peak_bytes"]


def device() -> str:
    """Where networks are trained, as torch names it: what ``EXPUNGE_DEVICE`` says, else the processor."""
    return os.environ.get("EXPUNGE_DEVICE") or "cpu"


def environment() -> dict[str, Any]:
    """Versions, processor, BLAS kernel, device and threads; nothing that names the machine or its owner."""
    import scipy.linalg  # noqa: F401 - brings its own BLAS, which is then always in the list

    from expunge import __version__
    from expunge.workspace import fingerprint

    return {"expunge": __version__, "device": device(), "threads": 1, **fingerprint()}


def peak_bytes() -> int:
    """Largest memory of this process so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
