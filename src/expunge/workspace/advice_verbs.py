"""Verbs of the facade that advise before there is a workspace: how many shards, and how to forget at an epsilon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidParameterError

if TYPE_CHECKING:
    from expunge.workspace.advice import Advice, PrivacyAdvice

__all__ = ["AdviceVerbs"]

#: What is asked where the records are made up.
_OF_SIZES = ("deletions", "epsilon", "ceiling", "seed", "progress")


class AdviceVerbs:
    """Parent of the facade; see there."""

    @staticmethod
    def advise_shards(data: str | Path, **asked: Any) -> Advice:
        """How many shards and slices a table wants; see :func:`expunge.workspace.advice.advise_shards`."""
        from expunge.workspace import advice

        return advice.advise_shards(data, **asked)

    @staticmethod
    def advise_privacy(
        data: str | Path | None = None, *, accuracy: float, n: int | None = None, d: int | None = None, **asked: Any
    ) -> PrivacyAdvice:
        """How to forget at an epsilon: on the table of a file, or on made-up records of a size.

        See :func:`expunge.workspace.advice.advise_privacy_of` and :func:`expunge.workspace.advice.advise_privacy`.

        Raises
        ------
        InvalidParameterError
            Neither a table nor made-up records are named, or both; or what is only of the other.
        """
        from expunge.workspace import advice

        is_sized = n is not None and d is not None
        if (data is None) != is_sized or (n is None) != (d is None):
            raise InvalidParameterError(
                "Say on what to measure: on a table, or on made-up records.",
                hint="Either --data FILE --target COLUMN, or --records and --numbers.",
            )
        given = {name: value for name, value in asked.items() if value not in (None, (), [], {})}
        if data is not None:
            if "ceiling" in given:
                raise InvalidParameterError("A ceiling is of made-up records.", hint="Leave it out: yours have theirs.")
            return advice.advise_privacy_of(data, accuracy=accuracy, **{"target": None, **given})
        if strange := [name for name in given if name not in _OF_SIZES]:
            raise InvalidParameterError(
                f"{strange[0]} is of a table, and records are made up.", hint="Leave it out, or name the table."
            )
        return advice.advise_privacy(n=n, d=d, target=accuracy, **given)  # type: ignore[arg-type]
