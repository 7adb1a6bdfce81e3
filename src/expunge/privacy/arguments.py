"""Numbers of differential privacy, refused with the reason where they promise nothing."""

from __future__ import annotations

import math

import numpy as np

from expunge.errors import InvalidParameterError, NewerFormatError

__all__ = ["check_count", "check_delta", "check_epsilon", "check_positive", "check_schema"]


def check_positive(name: str, value: object, *, zero: bool = False) -> float:
    """A finite number above zero (or at least zero), as a float.

    Raises
    ------
    InvalidParameterError
        It is none.
    """
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if number and math.isfinite(value) and (value >= 0 if zero else value > 0):  # type: ignore[arg-type,operator]
        return float(value)  # type: ignore[arg-type]
    least = "at least 0" if zero else "above 0"
    raise InvalidParameterError(f"{name} must be a finite number {least}, got {value!r}.")


def check_epsilon(value: object) -> float:
    """An epsilon above zero; at zero nothing may be learned, and below it nothing is said."""
    return check_positive("epsilon", value)


def check_delta(value: object, *, n: int | None = None, allow_large_delta: bool = False) -> float:
    """A delta in (0, 1), and at most 1/n unless allowed in words.

    Parameters
    ----------
    value : float
    n : int, optional
        Number of records. A delta above 1/n would allow a mechanism that publishes a random record.
    allow_large_delta : bool

    Raises
    ------
    InvalidParameterError
        It is outside (0, 1), or above 1/n and not allowed.
    """
    delta = check_positive("delta", value)
    if delta >= 1:
        raise InvalidParameterError(f"delta must be below 1, got {value!r}.")
    if n and delta > 1 / n and not allow_large_delta:
        raise InvalidParameterError(
            f"delta = {delta:g} is above 1/n = {1 / n:.3g}: publishing one record at random keeps that.",
            hint="Choose a smaller delta, or pass allow_large_delta=True; the guarantee then says so.",
        )
    return delta


def check_count(name: str, value: object, *, least: int = 1) -> None:
    """Refuse what is no whole number of at least ``least``."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise InvalidParameterError(f"{name} must be a whole number of at least {least}, got {value!r}.")


def check_schema(schema: object, newest: int) -> None:
    """Refuse plain data that is no odometer, or one that a later version wrote."""
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise InvalidParameterError(f"This is no odometer: its schema is {schema!r}.")
    if schema > newest:
        raise NewerFormatError(f"This odometer has schema {schema}.", hint="Update expunge.")
