"""How loops are compiled: one set of options, and machine code that is kept until anything it was made from changes.

Numba keeps what it compiled on disk, and compiles again when the file of the function changes. But machine code holds
the kernels that it calls and the constants that it reads, from other files too, and of these Numba knows nothing: who
edits one would go on with the old machine code of its callers. So what is kept also counts as old when a file changes
from which its own file has taken a kernel, or a constant that it has taken is another one. Kernels and constants are
therefore imported by name, at the top of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numba
import numpy as np

__all__ = ["checked", "inline", "inner", "maker", "njit"]

_OPTIONS: Any = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_PLAIN = (bool, int, float, str, np.generic)
_FILES: dict[str, frozenset[Any]] = {}  # those that are imported by others, and so are whole


def njit(function: Callable[..., Any]) -> Any:
    """Compile a kernel once, kept on disk; without the interpreter's lock, so that threads run side by side.

    What is divided by zero is infinite or no number.
    """
    return _kept(numba.njit(**_OPTIONS)(function))


def checked(function: Callable[..., Any]) -> Any:
    """The same, of a kernel in which a division by zero is an error, as elsewhere in Python."""
    return _kept(numba.njit(**{**_OPTIONS, "error_model": "python"})(function))


def inner(function: Callable[..., Any]) -> Any:
    """A kernel that only kernels call: nothing is compiled for others to call it by.

    It makes no arrays, and so it counts no references to those it is given: every count is an instruction that locks
    the memory, for each array of each call.
    """
    return _kept(numba.njit(**_OPTIONS, no_cpython_wrapper=True, _nrt=False)(function))


def maker(function: Callable[..., Any]) -> Any:
    """A kernel that only kernels call, and that makes arrays."""
    return _kept(numba.njit(**_OPTIONS, no_cpython_wrapper=True)(function))


#: One that is put into its caller: the innermost loops, for to pass an array costs more than what they do, and what has
#: one caller, for to compile it by itself takes as long as to compile it there.
inline: Any = numba.njit(**_OPTIONS, inline="always")


def _kept(kernel: Any) -> Any:
    """Let what is kept of a kernel count as old when what it is made from has changed."""
    cache: Any = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    if cache is not None and hasattr(cache, "_source_stamp"):
        own = kernel.py_func
        cache._source_stamp = (cache._source_stamp, _made_from(own.__globals__, own.__code__.co_filename))
    return kernel


def _made_from(names: Mapping[str, Any], path: str) -> frozenset[Any]:
    """Constants that a file has, and what the kernels are made from that it has taken from other files."""
    found: set[Any] = set()
    for name, value in names.items():
        if _is_plain(value):
            if not name.startswith("__"):  # where the file lies is nothing that it is made from
                found.add((name, repr(value)))
            continue
        # Of a kernel, or of an intrinsic.
        function: Any = getattr(value, "py_func", None) or getattr(value, "_defn", None)
        other = getattr(getattr(function, "__code__", None), "co_filename", path)
        if other != path:
            if other not in _FILES:
                told = Path(other).stat()
                _FILES[other] = frozenset({(told.st_mtime_ns, told.st_size)})  # for files that take from one another
                _FILES[other] |= _made_from(function.__globals__, other)
            found |= _FILES[other]
    return frozenset(found)


def _is_plain(value: Any) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(map(_is_plain, value)))
