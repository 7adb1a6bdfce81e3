"""A pipeline without thinking of names."""

from __future__ import annotations

from collections import Counter
from typing import Any

from expunge.methods.pipeline.pipeline import Pipeline

__all__ = ["make_pipeline"]


def make_pipeline(*steps: Any, fold: bool = True, seed: int = 0) -> Pipeline:
    """A :class:`Pipeline` of these steps, named after their classes in small letters.

    Examples
    --------
    >>> from expunge import Ridge, StandardScaler
    >>> [name for name, _ in make_pipeline(StandardScaler(), Ridge()).steps]
    ['standardscaler', 'ridge']
    """
    names = [step if isinstance(step, str) else type(step).__name__.lower() for step in steps]
    often, seen = Counter(names), Counter[str]()
    given = []
    for name, step in zip(names, steps, strict=True):
        seen[name] += 1
        given.append((f"{name}-{seen[name]}" if often[name] > 1 else name, step))
    return Pipeline(given, fold=fold, seed=seed)
