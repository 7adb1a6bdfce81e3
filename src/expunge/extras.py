"""Importing what is large or may be absent: one friendly sentence for each extra, and no half import."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from expunge.errors import MissingExtraError

__all__ = ["needs_fastapi", "needs_torch", "uninterrupted"]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Around an import of compiled libraries, some of which end the process when Ctrl-C comes while they start.

    Ctrl-C is noted, and does what it would have done as soon as the import is over. Other handlers of it than Python's
    own are left alone, and so are other threads, which it never reaches.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C came meanwhile.
    """
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    noted: list[Any] = []
    signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if noted:
            raise KeyboardInterrupt


@contextmanager
def needs_torch(what: str = "Networks need", *, extra: str = "torch") -> Iterator[None]:
    """Around an import of torch, or of a module of ours that imports it.

    Parameters
    ----------
    what : str
        Who needs it, with the verb.
    extra : str
        What is to be installed.

    Raises
    ------
    MissingExtraError
        It is not installed.

    Examples
    --------
    >>> with needs_torch():
    ...     import a_module_that_is_not_there
    Traceback (most recent call last):
        ...
    expunge.errors.MissingExtraError: Networks need torch. Install it with: pip install 'expunge[torch]'.
    """
    try:
        with uninterrupted():
            yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{what} torch.", hint=f"Install it with: pip install 'expunge[{extra}]'.") from error


@contextmanager
def needs_fastapi() -> Iterator[None]:
    """Around an import of the service, which FastAPI answers for.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "The service needs FastAPI and uvicorn.", hint="Install them with: pip install 'expunge[serve]'."
        ) from error
