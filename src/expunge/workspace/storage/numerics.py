"""Where numbers were computed: what has to be the same for two fits to give the same bits."""

from __future__ import annotations

import functools
import importlib.metadata
import platform

__all__ = ["fingerprint"]

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "pandas", "lightgbm", "torch")


@functools.cache
def _fingerprint() -> tuple[tuple[str, str], ...]:
    import numpy as np
    from threadpoolctl import threadpool_info

    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    settings = np.show_config(mode="dicts")
    if isinstance(settings, dict):
        found["simd"] = " ".join(settings.get("SIMD Extensions", {}).get("found", []))
    kernels = {
        f"{pool.get('internal_api')} {pool.get('version')} {pool.get('architecture', '')}".strip()
        for pool in threadpool_info()
        if pool.get("user_api") == "blas"
    }
    found["blas"] = ", ".join(sorted(kernels)) or "unknown"
    return tuple(sorted((name, value) for name, value in found.items() if value))


def fingerprint() -> dict[str, str]:
    """Versions of libraries, kernel of the BLAS, features of the processor."""
    return dict(_fingerprint())
