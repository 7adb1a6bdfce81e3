"""An interruption at one step of the interpreter, as Ctrl-C makes it: also between a call and what is done with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any

__all__ = ["interrupt"]


def interrupt(act: Callable[[], Any], step: int, functions: Collection[str]) -> str:
    """Do something, with a ``KeyboardInterrupt`` at the step of this number in functions of these names in the package.

    A name is that of the function alone, or with its class: ``forget`` or ``Stream.forget``.

    Compiled code is one step: what comes while it runs is raised when it returns.

    Returns
    -------
    str
        Where it came; empty if there are not so many steps.
    """
    where, taken, before, functions = "", 0, sys.gettrace(), set(functions)

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal where, taken
        code = frame.f_code
        if event == "call":
            if functions.isdisjoint((code.co_name, code.co_qualname)) or "expunge" not in code.co_filename:
                return None
            frame.f_trace_opcodes = True
        if event == "opcode":
            taken += 1
            if taken > step:
                where = f"{code.co_qualname}, line {frame.f_lineno}"
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return where
