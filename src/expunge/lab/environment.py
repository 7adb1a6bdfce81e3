"""Where a cell was run: what has to be the same for scores to repeat byte for byte."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["environment", "peak_bytes"]


def environment() -> dict[str, Any]:
    """Versions, processor, BLAS kernel, device and threads; nothing that names the machine or its owner."""
    from expunge import __version__
    from expunge.workspace.numerics import fingerprint

    return {"expunge": __version__, "device": "cpu", "threads": 1, **fingerprint()}


def peak_bytes() -> int:
    """Largest memory of this process so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
