"""Arguments that methods which train share, checked alike."""

from __future__ import annotations

from typing import Any

from expunge.arguments import check_choice, check_count, check_flag, check_number

__all__ = ["check_training"]


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
        check_flag("anneal", method.anneal)
