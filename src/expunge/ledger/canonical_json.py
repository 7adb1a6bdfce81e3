"""One way to write a value down: JSON without choices, so that equal values are equal bytes in every language.

Keys are sorted and stand once, there are no spaces, text is UTF-8, and only ``"``, ``\\`` and control characters are
escaped. Keys are printable ASCII. Numbers are integers below 2⁵³. There are no floating-point numbers, because
languages print them differently: such a number stands as a text, the shortest that reads back as the same 64 bits
(:func:`exact_text`). Within these limits the bytes are those of RFC 8785, and also of ``json.dumps(value,
sort_keys=True, ensure_ascii=False, separators=(",", ":"))``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from expunge.errors import InvalidParameterError, TamperedError

__all__ = ["decode", "encode", "exact_text", "plain"]

_KEY = re.compile(r"[ -~]+")
_LARGEST = 2**53 - 1
_DEEPEST = 64


def encode(value: Any) -> bytes:
    """Bytes of a value.

    Parameters
    ----------
    value : None, bool, int, str, list or tuple, or mapping of str to such values

    Raises
    ------
    InvalidParameterError
        If something in it has no such form; the sentence says where.

    Examples
    --------
    >>> encode({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}'
    """
    _check(value, "the value", 0)
    return _dumps(value)


def decode(data: bytes, *, what: str = "This") -> Any:
    """The value of bytes that :func:`encode` wrote, and of no others.

    Parameters
    ----------
    data : bytes
    what : str
        What is read, for the error sentence.

    Raises
    ------
    TamperedError
        If the bytes are no JSON, or are not the bytes that :func:`encode` gives for their value; the sentence names the
        first byte that differs.
    """
    try:
        value = json.loads(bytes(data).decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
        _check(value, "the value", 0)
    except json.JSONDecodeError as error:
        fault = error.msg.removesuffix(" at")
        raise TamperedError(f"{what} is not JSON: {fault} at byte {_byte(data, error.pos)}.", hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise TamperedError(f"{what} is not UTF-8: byte {error.start} cannot stand there.", hint=_HINT) from error
    except (InvalidParameterError, RecursionError, ValueError) as error:
        sentence = "a number in it is no number of a usual size."  # thousands of digits are refused by Python itself
        if isinstance(error, InvalidParameterError):
            sentence = error.message
        elif isinstance(error, RecursionError):
            sentence = "it is nested too deeply."
        raise TamperedError(f"{what} is not in canonical form: {sentence}", hint=_HINT) from error
    written = _dumps(value)
    if written != data:
        place = next((i for i, (a, b) in enumerate(zip(written, data, strict=False)) if a != b), len(written))
        raise TamperedError(f"{what} is not in canonical form: byte {place} differs.", hint=_HINT)
    return value


def exact_text(number: float) -> str:
    """A float as text: the shortest that reads back as the same 64 bits.

    Raises
    ------
    InvalidParameterError
        For infinities and for what is not a number.

    Examples
    --------
    >>> exact_text(0.1), exact_text(1e-5)
    ('0.1', '1e-05')
    """
    if not math.isfinite(number):
        raise InvalidParameterError(f"{number!r} has no place in a record.", hint="Give a finite number.")
    return repr(float(number))


def plain(value: Any) -> Any:
    """The value with floats as exact texts and tuples as lists: what :func:`encode` takes and :func:`decode` gives."""
    if isinstance(value, float):
        return exact_text(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


_HINT = "Take the file as it was issued; editors and mail programs change bytes."


def _dumps(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _no_float(text: str) -> Any:
    raise InvalidParameterError(f"{text} is a floating-point number.")


def _byte(data: bytes, position: int) -> int:
    return len(bytes(data).decode("utf-8")[:position].encode("utf-8"))


def _check(value: Any, where: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise InvalidParameterError(f"{where} is nested too deeply.")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise InvalidParameterError(f"{where} is {value}, beyond 2**53.", hint="Write it as a text.")
    elif isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidParameterError(f"{where} holds half a character.", hint="Give whole Unicode text.") from error
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                raise InvalidParameterError(f"{where} has the key {key!r}.", hint="Keys are printable ASCII.")
            _check(item, f"{where}[{key!r}]", depth + 1)
    else:
        raise InvalidParameterError(f"{where} is a {type(value).__name__}.", hint="Give text, integers, lists, dicts.")
