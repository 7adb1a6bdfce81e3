"""Constructor arguments that are numbers, checked before a fit looks at the data."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from expunge.errors import InvalidParameterError

__all__ = ["check_flag", "check_number", "check_numbers"]


def check_number(name: str, value: Any) -> None:
    """Refuse what is not a finite number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < np.inf:
        raise InvalidParameterError(f"{name} must be a number from 0 on, got {value!r}.")


def check_numbers(name: str, value: Any, each: str) -> None:
    """Refuse what is not a list of finite numbers from 0 on; ``each`` says for what there is one."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all() or (array < 0).any():
        raise InvalidParameterError(f"{name} must be non-negative numbers, one for each {each}, got {value!r}.")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidParameterError(f"{name} must be True or False, got {value!r}.")
