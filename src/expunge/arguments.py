"""Arguments that are numbers or choices, refused before anything is done: one sentence for one mistake."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidParameterError

__all__ = [
    "check_choice",
    "check_count",
    "check_flag",
    "check_jobs",
    "check_number",
    "check_number_or_numbers",
    "check_numbers",
    "check_scale",
    "check_verbose",
    "number_of",
    "numbers_of",
    "shown",
]

Floats = npt.NDArray[np.float64]


def shown(value: Any) -> str:
    """A value as the sentences below tell it; an integer may have more digits than Python writes.

    Examples
    --------
    >>> shown(3), shown(10**5000)
    ('3', 'an int that is too long to be told')
    """
    try:
        return repr(value)
    except ValueError:
        return f"an {type(value).__name__} that is too long to be told"


def number_of(value: Any) -> float:
    """One number as a float; infinite for one beyond all floats, NaN for what is none: True, texts, arrays.

    Examples
    --------
    >>> number_of(2), number_of("2"), number_of(-(10**400))
    (2.0, nan, -inf)
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number:
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def numbers_of(value: Any) -> Floats | None:
    """A list of numbers as an array of shape (n,); None for what is none.

    Examples
    --------
    >>> numbers_of((1, 0.5)), numbers_of(["1"]), numbers_of(1.0)
    (array([1. , 0.5]), None, None)
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return array.astype(np.float64) if array.ndim == 1 and array.dtype.kind in "iuf" else None


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
    raise InvalidParameterError(f"{name} must be an integer from {least} {until}, got {shown(value)}.")


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
    number = number_of(value)
    above = low < number if open_low else low <= number
    below = number < high if open_high else number <= high
    if math.isfinite(number) and above and below:
        return number
    raise InvalidParameterError(f"{name} must be {_range(low, high, open_low, open_high)}, got {shown(value)}.")


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
    array = numbers_of(value)
    if array is None or not array.size or not np.isfinite(array).all() or (array < 0).any():
        raise InvalidParameterError(f"{name} must be numbers from 0 on, one for each {each}, got {shown(value)}.")


def check_number_or_numbers(name: str, value: Any, each: str) -> None:
    """A finite number from 0 on, or a list of such.

    Parameters
    ----------
    name : str
        What the argument is called.
    value : object
        What was given.
    each : str
        For what there is one number in a list: "class", say.

    Raises
    ------
    InvalidParameterError
        It is neither.
    """
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        check_number(name, value)
    else:
        check_numbers(name, value, each)


def check_scale(name: str, value: Any) -> float:
    """A number above 0 whose square and inverse are far from the ends of what a float can hold.

    Parameters
    ----------
    name : str
        What the argument is called.
    value : object
        What was given.

    Returns
    -------
    float

    Raises
    ------
    InvalidParameterError
        It is no such number.

    Examples
    --------
    >>> check_scale("norm_bound", 1e308)
    Traceback (most recent call last):
    expunge.errors.InvalidParameterError: norm_bound must be a number from 1e-100 to 1e+100, got 1e+308.
    """
    return check_number(name, value, low=1e-100, high=1e100)


def check_jobs(value: Any) -> int | None:
    """How many jobs run at a time: None, or an integer that is not 0; negative ones count from all cores down.

    Parameters
    ----------
    value : object
        What was given as ``n_jobs``.

    Returns
    -------
    int or None

    Raises
    ------
    InvalidParameterError
        It is neither.

    Examples
    --------
    >>> check_jobs("x")
    Traceback (most recent call last):
    expunge.errors.InvalidParameterError: n_jobs must be a non-zero integer or None, got 'x'.
    """
    if value is None:
        return None
    if isinstance(value, Integral) and not isinstance(value, bool) and value != 0:
        return int(value)
    raise InvalidParameterError(f"n_jobs must be a non-zero integer or None, got {shown(value)}.")


def check_verbose(value: Any) -> None:
    """How much is told while something runs: True, False or an integer from 0 on.

    Parameters
    ----------
    value : object
        What was given as ``verbose``.

    Raises
    ------
    InvalidParameterError
        It is neither.
    """
    if not isinstance(value, (bool, np.bool_)):
        check_count("verbose", value, least=0)


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
        raise InvalidParameterError(f"{name} must be {told}, got {shown(value)}.")


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
        raise InvalidParameterError(f"{name} must be True or False, got {shown(value)}.")
