"""Which libraries the estimators in a file come from, and whether they are the same here.

Arrays and JSON mean the same forever. A third-party estimator means what its library makes of it, and only that library
can promise that a later version reads it. So a file with such estimators names the versions, and reading it elsewhere
says so.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any

from expunge.estimators.skops_archive import members

__all__ = ["differing", "libraries_of"]

#: Packages of which the import name is not the name of the distribution.
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
#: These write what every version of them reads.
_LASTING = frozenset({"builtins", "collections", "functools", "numpy"})
_MODULE = re.compile(r'"__module__":\s*"([^".]+)')


def libraries_of(entries: Mapping[str, bytes]) -> dict[str, str]:
    """Name and version of each library whose types the stored estimators name; sorted."""
    found: set[str] = set()
    for name, content in entries.items():
        if name.endswith(".skops"):
            found |= set(_MODULE.findall(members(content)["schema.json"].decode("utf-8", "surrogatepass")))
    names = {_DISTRIBUTIONS.get(module, module) for module in found - _LASTING}
    versions = {name: _version(name) for name in sorted(names)}
    return {name: version for name, version in versions.items() if version is not None}


def differing(libraries: Any) -> str:
    """What a reader has to know: "scikit-learn 1.9.0 (here 2.0.0)"; empty if all is the same."""
    if not isinstance(libraries, Mapping):
        return ""
    here = {name: _version(str(name)) for name in libraries}
    return ", ".join(
        f"{name} {version} (here {here[name] or 'none'})"
        for name, version in sorted(libraries.items())
        if here[name] != version
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
