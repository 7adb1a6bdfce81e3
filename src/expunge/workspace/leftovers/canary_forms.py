"""In which bytes a value may be left behind: text and numbers in the encodings that files, databases and logs use.

A *needle* is a sequence of bytes whose occurrence says that the value is there. Too short ones occur by chance, so
there is a least length, and a value of which no needle is long enough (an age, a flag) is named as one that cannot be
searched, never passed over in silence.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["LEAST", "Forms", "forms_of"]

#: Shortest needle in bytes. Float32 has no more.
LEAST = 4
_LEAST_TEXT = 6
_TEXTS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "latin-1", "cp1252")
#: Exponents of resolutions in which a value may have been scaled to an integer; -32 is the default of the sums.
_EXPONENTS = range(-64, 33)
_BITS, _MASK = 22, 2**22 - 1  # of the limbs of maths/exact.py


@dataclass(frozen=True)
class Forms:
    """What to look for.

    Parameters
    ----------
    needles : dict from bytes to str
        Each needle with the name of its encoding.
    limbs : tuple of (bytes, bytes, bytes)
        The three limbs of the value as a fixed-point number, for each resolution at which they tell it from others; in
        an array of shape (3, ...) they stand at equal distances.
    """

    needles: dict[bytes, str] = field(default_factory=dict)
    limbs: tuple[tuple[bytes, bytes, bytes], ...] = ()


def forms_of(value: Any) -> Forms:
    """All forms of a value; none for one that too little tells from others.

    Parameters
    ----------
    value : str, int, float or bytes
        NumPy's kinds too; None, booleans, NaN and infinities have no form.

    Examples
    --------
    >>> sorted(set(forms_of("canary-7f3a").needles.values()))[:4]
    ['base64', 'base64 of utf-16-be', 'base64 of utf-16-le', 'base64 of utf-32-be']
    >>> forms_of(39).needles
    {}
    """
    needles: dict[bytes, str] = {}
    for form, name in _plain_forms(value):
        needles.setdefault(form, name)
        suffix = "" if name == "utf-8" else f" of {name}"
        for wrapped, how in _wrapped(form) if not name.startswith("fixed") else ():
            needles.setdefault(wrapped, f"{how}{suffix}")
    return Forms(needles, tuple(_limbs_of(value)))


def _plain_forms(value: Any) -> Iterator[tuple[bytes, str]]:
    """The forms that are not wrapped in base64 or hex, each with its name."""
    if isinstance(value, (bytes, bytearray)):
        if len(value) >= _LEAST_TEXT:
            yield bytes(value), "bytes"
    elif isinstance(value, str):
        yield from _of_text(value)
    elif isinstance(value, (bool, np.bool_)) or value is None:
        return
    elif isinstance(value, (int, np.integer)):
        yield from _of_integer(int(value))
    elif isinstance(value, (float, np.floating)) and math.isfinite(value):
        yield from _of_float(float(value))


def _of_text(text: str) -> Iterator[tuple[bytes, str]]:
    if len(text) < _LEAST_TEXT and len(text.encode("utf-8", "surrogatepass")) < _LEAST_TEXT:
        return
    for spelled in dict.fromkeys([text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)]):
        for encoding in _TEXTS:
            try:
                yield spelled.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "strict"), encoding
            except UnicodeEncodeError:
                continue
        for escaped in (json.dumps(spelled)[1:-1], spelled.replace('"', '""')):
            if escaped != spelled:
                yield escaped.encode("utf-8", "surrogatepass"), "escaped text"


def _of_integer(number: int) -> Iterator[tuple[bytes, str]]:
    if len(str(abs(number))) >= _LEAST_TEXT + 1:
        for encoding in ("utf-8", "utf-16-le"):
            yield str(number).encode(encoding), "decimal text"
        for size in (4, 8):
            if -(2 ** (8 * size - 1)) <= number < 2 ** (8 * size - 1) and _tells(
                number.to_bytes(size, "big", signed=True)
            ):
                yield number.to_bytes(size, "little", signed=True), f"int{8 * size}"
                yield number.to_bytes(size, "big", signed=True), f"int{8 * size} big-endian"
        if abs(number) < 2**53 and _tells(struct.pack("<d", number)):
            yield struct.pack("<d", number), "float64"
            yield struct.pack(">d", number), "float64 big-endian"


def _of_float(number: float) -> Iterator[tuple[bytes, str]]:
    little = struct.pack("<d", number)
    if not _tells(little):
        return
    yield little, "float64"
    yield little[::-1], "float64 big-endian"
    if _tells(little[:6]):  # times a power of two only the last two bytes differ
        yield little[:6], "float64 times a power of two"
    for exponent in _EXPONENTS:
        scaled = math.ldexp(number, -exponent)
        if 2.0**28 <= abs(scaled) < 2.0**63:
            yield struct.pack("<d", np.rint(scaled)), "fixed-point as float64"
            yield struct.pack("<q", int(np.rint(scaled))), "fixed-point as int64"
    try:
        single = struct.pack("<f", number)
    except OverflowError:
        single = b""
    if _tells(single):
        yield single, "float32"
        yield single[::-1], "float32 big-endian"
    for text in _decimals(number):
        for encoding in ("utf-8", "utf-16-le"):
            yield text.encode(encoding), "decimal text"


def _decimals(number: float) -> list[str]:
    """Texts that begin every decimal form of ten digits or more, however many digits follow."""
    whole = {repr(number), format(number, ".17g"), number.hex()}
    digits = format(abs(number), ".16e")  # 17 digits, so that cutting it at nine never rounds
    mantissa, _, exponent = digits.partition("e")
    cut = mantissa.replace(".", "")[:9]
    texts = {f"{cut[0]}.{cut[1:]}", f"{cut[0]},{cut[1:]}"}
    place = int(exponent) + 1
    if 0 < place < 9:
        texts |= {f"{cut[:place]}.{cut[place:]}", f"{cut[:place]},{cut[place:]}"}
    elif -6 < place <= 0:
        texts |= {f"0.{'0' * -place}{cut}", f"0,{'0' * -place}{cut}"}
    return [*(text for text in whole if len(text) > _LEAST_TEXT), *texts]


def _limbs_of(value: Any) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Limbs of a float at every resolution at which two of them hold 28 bits or more, as int64 little-endian."""
    if not isinstance(value, (float, np.floating)) or not math.isfinite(value):
        return
    for exponent in _EXPONENTS:
        scaled = math.ldexp(float(value), -exponent)
        if 2.0**28 <= abs(scaled) < 2.0**63:
            number = int(np.rint(scaled))
            low, rest = number & _MASK, number >> _BITS
            if low > 2**8 and rest & _MASK > 2**5:
                yield struct.pack("<q", low), struct.pack("<q", rest & _MASK), struct.pack("<q", rest >> _BITS)


def _tells(form: bytes) -> bool:
    """Whether a binary number is told from others: half of its bytes or more, and at least three, are not trivial."""
    return sum(byte not in (0x00, 0xFF) for byte in form) >= max(3, len(form) // 2)


def _wrapped(form: bytes) -> Iterator[tuple[bytes, str]]:
    """The form in base64, at each of the three places it may have in a group, and in hex."""
    for skip in range(3 if len(form) >= _LEAST_TEXT else 0):
        part = base64.b64encode(b"\0" * skip + form)
        cut = part[(0, 2, 3)[skip] : len(part) - (0 if (skip + len(form)) % 3 == 0 else 4)]
        if len(cut) >= _LEAST_TEXT:
            yield cut, "base64"
            yield cut.replace(b"+", b"-").replace(b"/", b"_"), "base64"
            yield cut.replace(b"/", b"\\/"), "base64"
    for text in (form.hex(), form.hex().upper()):
        yield text.encode(), "hex"
