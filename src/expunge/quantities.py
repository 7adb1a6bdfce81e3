"""Times, sizes and shares as people write them: in a unit one can read, with three digits at most."""

from __future__ import annotations

__all__ = ["bytes_text", "duration_text", "share_text"]

_NOTHING = "—"  # in a table, of what was not measured
#: Seconds from which on a unit is used, its length, and its name.
_TIMES = (
    (172_800.0, 86_400.0, "d"), (3600.0, 3600.0, "h"), (120.0, 60.0, "min"), (1.0, 1.0, "s"), (1e-3, 1e-3, "ms"),
)  # fmt: skip
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_ROUNDED = 0.9995  # of a unit: from here on three digits show it whole


def duration_text(seconds: float | None) -> str:
    """A time for people.

    Examples
    --------
    >>> [duration_text(s) for s in (4e-5, 0.00123, 0.5, 0.9999, 3.14159, 90, 5400, 2592000, None)]
    ['40 µs', '1.23 ms', '500 ms', '1 s', '3.14 s', '90 s', '1.5 h', '30 d', '—']
    """
    if seconds is None:
        return _NOTHING
    for least, size, unit in _TIMES:
        if seconds >= _ROUNDED * least:
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds * 1e6)} µs"


def bytes_text(count: float | None) -> str:
    """A size for people.

    Examples
    --------
    >>> bytes_text(1_234_567), bytes_text(900), bytes_text(5e12)
    ('1.23 MB', '900 B', '5,000 GB')
    """
    if count is None:
        return _NOTHING
    for size, unit in _SIZES:
        if count >= _ROUNDED * size:
            return f"{_digits(count / size)} {unit}"
    return f"{count:.0f} B"


def share_text(share: float | None) -> str:
    """A share for people, with two digits that say something.

    Examples
    --------
    >>> share_text(0.1234), share_text(0.0), share_text(0.00123), share_text(None)
    ('12 %', '0 %', '0.12 %', '—')
    """
    if share is None:
        return _NOTHING
    value = 100 * share
    return "0 %" if value == 0 else f"{value:.0f} %" if value >= 9.5 else f"{value:.2g} %"


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"
