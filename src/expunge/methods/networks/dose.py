"""Finding the dose: raised while the forget set comes nearer to its reference and no limit breaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from expunge.errors import InvalidRequestError, LimitBrokenError
from expunge.methods.networks.limits import EXACT, Limits
from expunge.methods.networks.reference import mean_measured
from expunge.methods.networks.utility import Viewed

__all__ = ["MAX_TRIES", "Dosed", "dosed"]

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


def dosed(run: Callable[[float], Any], limits: Limits, target: float, seen: list[Viewed]) -> tuple[Any, float]:
    """What the best dose gave, with a note of every dose that was tried; and that dose.

    Parameters
    ----------
    run : callable (strength) -> done
        One run of a method; ``done.change`` and ``done.notes`` are read.
    limits : Limits
    target : float
        What should be measured on the forget set.
    seen : list of Viewed
        The forget set, before.

    Raises
    ------
    InvalidRequestError
        The forget set is at its reference already, or no dose brings it nearer, and no limit is why.
    LimitBrokenError
        Within the limits no dose brings it nearer.
    """
    before = mean_measured(seen)
    reached: list[float] = []

    def attempt(dose: float) -> tuple[Any, float, str | None]:
        try:
            done = run(dose)
        except LimitBrokenError as error:  # diverged
            return None, math.inf, error.message
        if (broken := limits.broken(done.change)) is None:
            reached.append(done.change.forget_measure)
        return done, abs(done.change.forget_measure - target), broken

    found = find_dose(attempt, gap=abs(before - target), tol=0.5 / sum(len(v.positions) for v in seen))
    tried = "; ".join(f"{dose:g}: {why}" for dose, why in found.tried)
    if found.result is not None:
        return found.result._replace(notes=[*found.result.notes, f"doses tried: {tried}"]), found.strength
    if not found.tried:
        raise InvalidRequestError(
            "The forget set is at its reference already, as far as is measured.", hint="Give strength as a number."
        )
    if len(reached) < len(found.tried):
        raise LimitBrokenError(
            f"No dose brings the forget set nearer to its reference within the limits ({tried}). The model is returned "
            "untouched.",
            hint=f"Loosen the limits, forget fewer records at once, train again without them, or use {EXACT}.",
        )
    is_still = all(now == before for now in reached)
    why = "does not change with the dose" if is_still else "comes no nearer to its reference at any dose"
    raise InvalidRequestError(
        f"What is measured on the forget set {why} ({before:.4g} before, {target:.4g} wanted; {tried}). No limit "
        "broke; the model is returned untouched.",
        hint=f"Take more epochs or a higher lr, give strength as a number, use another method, or {EXACT}.",
    )
