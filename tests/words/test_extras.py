"""Imports that are not cut short."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from expunge.errors import MissingExtraError
from expunge.extras import needs_torch, uninterrupted

Around = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize("around", [uninterrupted, needs_torch])
def test_an_interruption_comes_after_the_import_and_not_within(around: Around) -> None:
    done: list[str] = []

    def imports() -> None:
        with around():
            signal.raise_signal(signal.SIGINT)
            done.append("imported")

    with pytest.raises(KeyboardInterrupt):
        imports()
    assert done == ["imported"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_import_that_fails_is_told_and_an_interruption_is_not_lost() -> None:
    def imports(before: Callable[[], None]) -> None:
        with needs_torch():
            before()
            import a_module_that_is_not_there  # noqa: F401

    with pytest.raises(MissingExtraError):
        imports(lambda: None)
    with pytest.raises(KeyboardInterrupt):
        imports(lambda: signal.raise_signal(signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_of_others_and_other_threads_are_left_alone() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)

    def elsewhere() -> None:
        with uninterrupted():
            heard.append(0)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert heard == [signal.SIGINT, 0]
