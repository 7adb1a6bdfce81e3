"""Times and sizes as people write them."""

from __future__ import annotations

__all__ = ["bytes_text", "duration_text"]


def duration_text(seconds: float) -> str:
    """A time for people.

    Examples
    --------
    >>> [duration_text(s) for s in (0.00123, 0.5, 90, 5400, 2592000)]
    ['1.23 ms', '500 ms', '90 s', '1.5 h', '30 d']
    """
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (size == 3600.0 and seconds >= size):
            return f"{seconds / size:.3g} {unit}"
    return (
        f"{seconds:.2g} s" if 1 <= seconds < 10 else f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
    )


def bytes_text(count: float) -> str:
    """A size for people.

    Examples
    --------
    >>> bytes_text(1_234_567), bytes_text(900)
    ('1.2 MB', '900 B')
    """
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"
