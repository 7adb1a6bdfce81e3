"""What the service sends: JSON that any program can read, and errors in the form that ``--json`` has too."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import Response

from expunge.errors import ExpungeError, http_status

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Told", "of_error", "problem", "rows_of", "told", "unforeseen"]

#: What hints say on the command line, and what they say here. A test looks whether each of the first is still said.
_THERE_AND_HERE = (
    ("`expunge request add`", "POST /requests"),
    ("`expunge request run`", "POST /requests/run"),
    ("`expunge request list`", "GET /requests"),
    ("`expunge request show`", "GET /requests/NUMBER"),
    ("`expunge status`", "GET /status"),
)


class Told(Response):
    """JSON in ASCII, so that whatever an id holds arrives."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, allow_nan=False, default=str, separators=(",", ":")).encode()


def told(data: dict[str, Any], notes: Sequence[str] = (), *, status: int = 200) -> Told:
    """What came out, and what is to be known beside it."""
    return Told({**data, "notes": [*data.get("notes", ()), *notes]}, status_code=status)


def problem(status: int, message: str, hint: str = "", *, code: str = "usage") -> Told:
    """One sentence about what is wrong; the code ``usage`` is that of a wrong command line."""
    for there, here in _THERE_AND_HERE:
        hint = hint.replace(there, here)
    return Told({"error": {"code": code, "message": message, "hint": hint}}, status_code=status)


def of_error(error: ExpungeError) -> Told:
    """A foreseen error, with its status from the one table."""
    return problem(http_status(error), error.message, error.hint, code=error.code)


def unforeseen() -> Told:
    """What nobody foresaw; what it said stays untold, for it may name somebody."""
    return problem(500, "Unforeseen error.", "Its kind and place stand in the log of the service.", code="error")


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame; numbers that JSON does not have are null."""
    return [
        {str(name): None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row}
        for row in (row.items() for row in frame.to_dict("records"))
    ]
