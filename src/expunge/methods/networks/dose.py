"""Finding the dose: raised while the forget set comes nearer to its reference and no limit breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["MAX_TRIES", "Dosed", "find_dose"]

#: Runs that a search takes, at most.
MAX_TRIES = 8


class Dosed(NamedTuple):
    """The best dose, what it gave, and every dose that was tried with what came of it.

    Parameters
    ----------
    strength : float
    result : object
    tried : tuple of (float, str)
    """

    strength: float
    result: Any
    tried: tuple[tuple[float, str], ...]


def find_dose(
    attempt: Callable[[float], tuple[Any, float, str | None]], *, gap: float, tol: float, first: float = 0.5,
    max_tries: int = MAX_TRIES,
) -> Dosed:  # fmt: skip
    """Raise the dose stepwise; halve the step and rewind where a limit breaks or the gap opens.

    A gap that stays as it is does not stop the search: accuracy has steps, and a small dose may not reach the next.

    Parameters
    ----------
    attempt : callable (strength) -> (result, gap, broken)
        One run from the original model: what came out, how far the forget set is from its reference, and which limit is
        broken, if one is.
    gap : float
        Before anything is done.
    tol : float
        A gap that is small enough.
    first : float
        First dose. The next doses are twice the last good one until a step fails.
    max_tries : int

    Returns
    -------
    Dosed
        Of strength 0 and no result if no dose closed the gap within the limits; else the smallest of the best.

    Notes
    -----
    Each attempt starts from the original model, so the dose that is found gives the same model when it is given as a
    number.

    Examples
    --------
    >>> found = find_dose(lambda s: (s, abs(1.8 - s), "too far" if s > 1.6 else None), gap=1.8, tol=0.01)
    >>> found.strength, [dose for dose, _ in found.tried][:6]
    (1.59375, [0.5, 1.0, 2.0, 1.5, 1.75, 1.625])
    """
    best, nearest, result = 0.0, gap, None
    good, step, has_failed = 0.0, first, False
    tried: list[tuple[float, str]] = []
    while len(tried) < max_tries and nearest > tol:
        dose = good + step
        out, now, broken = attempt(dose)
        tried.append((dose, broken or f"gap {now:.4g}"))
        if broken is not None or now > nearest:
            has_failed, step = True, step / 2
            continue
        if now < nearest:
            best, nearest, result = dose, now, out
        good, step = dose, step / 2 if has_failed else dose
    return Dosed(best, result, tuple(tried))
