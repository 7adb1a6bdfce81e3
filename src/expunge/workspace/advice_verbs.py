"""Verbs of the facade that advise before there is a workspace: how many shards, and how to forget at an epsilon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.workspace.advice import Advice, PrivacyAdvice

__all__ = ["AdviceVerbs"]


class AdviceVerbs:
    """Parent of the facade; see there."""

    @staticmethod
    def advise_shards(data: str | Path, **asked: Any) -> Advice:
        """How many shards and slices a table wants; see :func:`expunge.workspace.advice.advise_shards`."""
        from expunge.workspace import advice

        return advice.advise_shards(data, **asked)

    @staticmethod
    def advise_privacy(**asked: Any) -> PrivacyAdvice:
        """How to forget at an epsilon; see :func:`expunge.workspace.advice.advise_privacy`."""
        from expunge.workspace import advice

        return advice.advise_privacy(**asked)
