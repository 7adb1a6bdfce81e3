"""Ids that look alike and are not the same: how one might also have been written, and what no id is.

Ids stay what they are and are compared as they are written. But who asks for "jürgen" and means "Jürgen", or types an
accent as a sign of its own, should not be told that nothing is held.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from expunge.errors import InvalidIdError

__all__ = ["other_spellings", "refuse_no_ids"]

_INTEGER, _POINTED = re.compile(r"-?\d+", re.ASCII), re.compile(r"-?\d+\.0", re.ASCII)
_HALVES = re.compile("[\ud800-\udfff]")  # of a sign beyond 16 bits, or a byte that a terminal could not read


def other_spellings(value: Any) -> list[str]:
    """Other ways to write an id: without blanks around it, an integer with .0 and without, in small letters, capitals
    or with a capital at each word, and accented letters as one sign or two.

    Examples
    --------
    >>> other_spellings(3), other_spellings("p-17 ")
    (['3', '3.0'], ['p-17', 'P-17'])
    """
    text = str(value).strip()
    if _INTEGER.fullmatch(text):
        forms = [text, f"{text}.0"]
    elif _POINTED.fullmatch(text):
        forms = [text, text.removesuffix(".0")]
    else:
        cases = (text, text.lower(), text.casefold(), text.upper(), text.title(), text.capitalize())
        forms = [unicodedata.normalize(form, case) for case in cases for form in ("NFC", "NFD")]
        forms = [text, *forms]
    return [one for one in dict.fromkeys(forms) if one != value]


def refuse_no_ids(kind: str, values: Iterable[Any]) -> None:
    """Refuse what is the id of nobody: an empty text, or bytes that a terminal could not read as text.

    Raises
    ------
    InvalidIdError
        To answer that nothing is held of it would be wrong.
    """
    for value in values:
        if value == "":
            raise InvalidIdError(f"The id of a {kind} is empty.", hint="Name one; a row without a value names nobody.")
        if isinstance(value, str) and _HALVES.search(value):
            raise InvalidIdError(
                f"The id {value!a} of a {kind} is no text: the terminal's signs could not be read.",
                hint="Set PYTHONUTF8=1, or a locale with UTF-8 as LC_ALL=C.UTF-8, or give a file: --ids-from.",
            )
