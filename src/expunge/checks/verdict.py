"""What a check says: passed, failed with a sentence, expected to fail, or skipped because it does not apply."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, NoReturn
from unittest import SkipTest

from expunge.errors import CheckFailedError

__all__ = ["CheckResult", "Status", "expect", "expect_refused", "skip"]

Status = Literal["passed", "failed", "expected-failed", "skipped"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What one check found.

    Parameters
    ----------
    check : str
        Its name, a sentence.
    status : {"passed", "failed", "expected-failed", "skipped"}
    reason : str
        Why it failed, was expected to, or does not apply; empty if it passed.
    exception : BaseException or None
        What was raised.
    seconds : float
        Wall time.
    """

    check: str
    status: Status
    reason: str = ""
    exception: BaseException | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.check}: {self.status}" + (f" ({self.reason})" if self.reason else "")


def expect(condition: object, what: str, todo: str = "") -> None:
    """Fail with a sentence unless the condition holds.

    Raises
    ------
    CheckFailedError
        It does not hold.
    """
    if not condition:
        raise CheckFailedError(what, hint=todo)


def skip(reason: str) -> NoReturn:
    """End a check that does not apply to the method.

    Raises
    ------
    SkipTest
        Always.
    """
    raise SkipTest(reason)


def expect_refused(call: Callable[[], Any], what: str, *kinds: type[BaseException]) -> Exception:
    """Fail unless the call raises one of the kinds; returns the error.

    Raises
    ------
    CheckFailedError
        Nothing was raised, or another kind of error.
    """
    wanted = " or ".join(kind.__name__ for kind in kinds)
    try:
        call()
    except kinds as error:
        expect(str(error).strip(), f"{what} is refused without a sentence.", "Say what, which value and what to do.")
        if isinstance(error, Exception):
            return error
        raise
    except Exception as error:
        raise CheckFailedError(
            f"{what} raises {type(error).__name__}: {error}, which is no {wanted}.",
            hint="Refuse it before anything else.",
        ) from error
    raise CheckFailedError(f"{what} is accepted.", hint=f"Refuse it with {wanted}.")
