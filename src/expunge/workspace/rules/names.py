"""What data sets, models and derived things may be called: names that are safe in a path, a log and on a screen."""

from __future__ import annotations

import re

from expunge.errors import InvalidParameterError

__all__ = ["asked_name", "check_own_name"]

LONGEST = 100

# Letters and digits of any script; inside also blanks, dots, hyphens and underlines.
_NO_TEXT = re.compile("[\\ud800-\\udfff\\0]")
_NAME = re.compile(r"\w(?:[\w .\-]*\w)?")


def check_own_name(value: object, what: str) -> str:
    """The name, if it is one.

    Parameters
    ----------
    value : object
    what : str
        For the sentence: ``model``, ``data set``.

    Raises
    ------
    InvalidParameterError
        It is empty, longer than 100 characters, or holds what paths, logs and screens may take for something else.

    Examples
    --------
    >>> check_own_name("income 2026-v2.1", "model")
    'income 2026-v2.1'
    >>> check_own_name("../evil", "model")
    Traceback (most recent call last):
    ...
    expunge.errors.InvalidParameterError: '../evil' is no name of a model. Use letters, digits, ...
    """
    if isinstance(value, str) and len(value) <= LONGEST and _NAME.fullmatch(value):
        return value
    shown = value if not isinstance(value, str) or len(value) <= 60 else f"{value[:60]}…"
    raise InvalidParameterError(
        f"{shown!r} is no name of a {what}.",
        hint=f"Use letters, digits, blanks, dots, hyphens and underlines, at most {LONGEST}, a letter or digit first.",
    )


def asked_name(value: object) -> str | None:
    """A name as a database can be asked for it; None where nothing can be called that.

    Examples
    --------
    >>> asked_name("income"), asked_name(True), asked_name("a\\0")
    ('income', None, None)
    """
    is_text = isinstance(value, str) and not _NO_TEXT.search(value)
    return str(value) if is_text else None
