"""What a text may hold that no reader sees: it can clear a screen, turn lines around, or hide a part of itself."""

from __future__ import annotations

import re

__all__ = ["escaped", "is_seen", "seen"]

# Not str.isprintable: that changes with the version of Unicode, and what was signed must stay readable.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


def is_seen(text: str) -> bool:
    """Whether a text is one line of which every character is shown."""
    return _UNSEEN.search(text) is None


def seen(text: str) -> str:
    """A text for a screen: what could clear it, turn its lines around or hide is shown as ``�``.

    Examples
    --------
    >>> print(seen("size\x1b[2J"))
    size�[2J
    """
    return _UNSEEN.sub("\ufffd", text)


def escaped(text: str) -> str:
    """A text of JSON of the same value, in which such characters are written as numbers.

    Examples
    --------
    >>> escaped('"a\u202eb"')
    '"a\\\\u202eb"'
    """
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
