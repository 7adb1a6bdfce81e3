"""A verdict as a page that people without programs can read: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from expunge.ledger.verify import Verdict

__all__ = ["page"]


def page(verdict: Verdict, data: bytes) -> str:
    """HTML of a verdict and the receipt that it is about.

    Parameters
    ----------
    verdict : Verdict
    data : bytes
        The bundle that was verified.
    """
    raise NotImplementedError
