"""Arguments that are numbers or choices, refused before anything is done: one sentence for one mistake."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from expunge.errors import InvalidParameterError

__all__ = ["check_choice", "check_count", "check_flag", "check_number", "check_numbers"]


def check_count(name: str, value: Any, *, least: int = 1, most: int | None = None) -> int:
    """An integer from ``least`` on, or up to ``most``; NumPy's are integers too, True and 3.0 are none.

    Parameters
    ----------
    name : str
        What the argument is called.
    value : object
        What was given.
    least, most : int
        The ends, which are allowed; None for no upper end.

    Returns
    -------
    int

    Raises
    ------
    InvalidParameterError
        It is no such integer.

    Examples
    --------
    >>> check_count("epochs", 0)
    Traceback (most recent call last):
    expunge.errors.InvalidParameterError: epochs must be an integer from 1 on, got 0.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if whole and least <= int(value) <= (math.inf if most is None else most):
        return int(value)
    until = "on" if most is None else f"to {most}"
    raise InvalidParameterError(f"{name} must be an integer from {least} {until}, got {value!r}.")


def check_number(
    name: str,
    value: Any,
    *,
    low: float = 0.0,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """A finite number between two ends, as a float; True is none.

    Parameters
    ----------
    name : str
        What the argument is called.
    value : object
        What was given.
    low, high : float
        The ends; infinite for none.
    open_low, open_high : bool, default=False
        Whether an end itself is refused.

    Returns
    -------
    float

    Raises
    ------
    InvalidParameterError
        It is no such number.

    Examples
    --------
    >>> check_number("lr", 0.0, open_low=True)
    Traceback (most recent call last):
    expunge.errors.InvalidParameterError: lr must be a number above 0, got 0.0.
    >>> check_number("share", 1.5, high=1.0)
    Traceback (most recent call last):
    expunge.errors.InvalidParameterError: share must be a number from 0 to 1, got 1.5.
    """
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    above = low < number if open_low else low <= number
    below = number < high if open_high else number <= high
    if math.isfinite(number) and above and below:
        return number
    raise InvalidParameterError(f"{name} must be {_range(low, high, open_low, open_high)}, got {value!r}.")


def _range(low: float, high: float, open_low: bool, open_high: bool) -> str:
    """In words."""
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    begin = f"above {low:g}" if open_low else f"from {low:g}"
    if math.isinf(high):
        return f"a number {begin}" if open_low else f"a number {begin} on"
    if open_high:
        return f"a number {begin} and below {high:g}"
    return f"a number {begin} and at most {high:g}" if open_low else f"a number {begin} to {high:g}"


def check_numbers(name: str, value: Any, each: str) -> None:
    """A list of finite numbers from 0 on.

    Parameters
    ----------
    name : str
        What the argument is called.
    value : object
        What was given.
    each : str
        For what there is one number: "class", say.

    Raises
    ------
    InvalidParameterError
        It is no list, empty, or one of them is no such number.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all() or (array < 0).any():
        raise InvalidParameterError(f"{name} must be numbers from 0 on, one for each {each}, got {value!r}.")


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """One of several values, texts for the most part.

    Parameters
    ----------
    name : str
        What the argument is called.
    value : object
        What was given.
    choices : sequence
        What there is to choose from.

    Raises
    ------
    InvalidParameterError
        It is none of them.

    Examples
    --------
    >>> check_choice("solver", "newton", ("cg", "lissa", "kfac"))
    Traceback (most recent call last):
    expunge.errors.InvalidParameterError: solver must be 'cg', 'lissa' or 'kfac', got 'newton'.
    """
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        *others, last = map(repr, choices)
        told = f"{', '.join(others)} or {last}" if others else last
        raise InvalidParameterError(f"{name} must be {told}, got {value!r}.")


def check_flag(name: str, value: Any) -> None:
    """True or False, or NumPy's.

    Parameters
    ----------
    name : str
        What the argument is called.
    value : object
        What was given.

    Raises
    ------
    InvalidParameterError
        It is neither.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidParameterError(f"{name} must be True or False, got {value!r}.")
