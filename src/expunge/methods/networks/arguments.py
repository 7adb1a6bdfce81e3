"""Checks of constructor arguments, each with one form of sentence."""

from __future__ import annotations

import math
from typing import Any

from expunge.errors import InvalidParameterError

__all__ = ["check_choice", "check_count", "check_number", "check_training"]


def check_count(name: str, value: Any, *, least: int = 1) -> None:
    """An integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidParameterError(f"{name} must be an integer of at least {least}, got {value!r}.")


def check_number(name: str, value: Any, *, low: float = 0.0, high: float = math.inf, open_low: bool = False) -> None:
    """A number between low and high; above low if it is open there."""
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not low <= value <= high or (open_low and value == low) or math.isinf(value):
        bound = f"above {low:g}" if open_low else f"of at least {low:g}"
        upper = f" and at most {high:g}" if math.isfinite(high) else ""
        raise InvalidParameterError(f"{name} must be a number {bound}{upper}, got {value!r}.")


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """One of some texts, or of other values."""
    if value not in choices:
        raise InvalidParameterError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}.")


def check_training(method: Any) -> None:
    """Arguments that trained methods share: epochs, lr, batch_size, momentum, weight_decay, optimizer, anneal."""
    check_count("epochs", method.epochs)
    check_count("batch_size", method.batch_size)
    check_number("lr", method.lr, open_low=True)
    for name in ("momentum", "weight_decay"):
        if hasattr(method, name):
            check_number(name, getattr(method, name))
    if hasattr(method, "optimizer"):
        check_choice("optimizer", method.optimizer, ("sgd", "adam"))
    if hasattr(method, "anneal"):
        check_choice("anneal", method.anneal, (False, True))
