"""How far a method may go, and what to do where it went further."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from expunge.arguments import check_choice, check_number
from expunge.errors import LimitBrokenError

if TYPE_CHECKING:
    from expunge.methods.networks.utility import Change

__all__ = ["EXACT", "OR_SEARCHED", "Limits"]

#: What does not need limits, for hints.
EXACT = "a method that is exact (ReplayTrainer, SISAClassifier)"

#: Beside "lower strength", in hints; for who can only give a number this is left out.
OR_SEARCHED = " (or strength='auto')"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits around any method; None is no limit.

    Parameters
    ----------
    max_forget_share : float, optional
        Largest share of the records that may be forgotten at once, in (0, 1]. Looked at before anything is done.
    max_step_norm : float, optional
        Largest Euclidean norm of the change of all trainable weights.
    max_retain_drop : float, optional
        Largest drop of the mean measured quantity on the retain set (0.02: two points of accuracy).
    max_retain_kl : float, optional
        Largest mean divergence of the new outputs from the old ones on the retain set, as the task defines it: for
        classification the Kullback-Leibler divergence in nats.
    jump_penalty : float, default=0.0
        λ of the penalty λ‖θ-θ₀‖² that every step and every jump carries; a pruning, or layers drawn anew, do not.
    jump_metric : {"identity", "fisher"}, default="identity"
        Whether the squares are weighted by the diagonal Fisher of the original on the retain set.

    Examples
    --------
    >>> Limits(max_forget_share=0.1).check_share(20, 100)
    Traceback (most recent call last):
        ...
    expunge.errors.LimitBrokenError: 20 of 100 records are 20.000% of all, and max_forget_share is 10.000%. ...
    """

    max_forget_share: float | None = None
    max_step_norm: float | None = None
    max_retain_drop: float | None = None
    max_retain_kl: float | None = None
    jump_penalty: float = 0.0
    jump_metric: Literal["identity", "fisher"] = "identity"

    def __post_init__(self) -> None:
        for name in ("max_forget_share", "max_step_norm", "max_retain_drop", "max_retain_kl"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name))
        check_number("jump_penalty", self.jump_penalty)
        check_choice("jump_metric", self.jump_metric, ("identity", "fisher"))

    def check_share(self, n_forget: int, n: int) -> None:
        """Refuse a request for too large a share.

        Raises
        ------
        LimitBrokenError
        """
        if self.max_forget_share is not None and n_forget > self.max_forget_share * n:
            raise LimitBrokenError(
                f"{n_forget:,} of {n:,} records are {n_forget / n:.3%} of all, "
                f"and max_forget_share is {self.max_forget_share:.3%}.",
                hint=f"Forget in smaller batches, train again without the records, or use {EXACT}.",
            )

    def broken(self, change: Change) -> str | None:
        """Which limit a change breaks, as a sentence; None if it keeps them all."""
        for name, value, what in (
            ("max_step_norm", change.step_norm, "the weights moved by"),
            ("max_retain_drop", change.retain_drop, "what is measured on the retain set fell by"),
            ("max_retain_kl", change.retain_kl, "outputs on the retain set diverge by"),
        ):
            limit = getattr(self, name)
            if limit is not None and not value <= limit:  # NaN breaks it, too
                return f"{name} is {limit:.3g}, and {what} {value:.3g}"
        return None

    def check(self, change: Change, *, n_forget: int, mends: bool) -> None:
        """Refuse a change that went too far.

        Parameters
        ----------
        change : Change
        n_forget : int
            Of one record no fewer can be forgotten.
        mends : bool
            Whether more or smaller steps of the method bring the retain set back.

        Raises
        ------
        LimitBrokenError
        """
        if (why := self.broken(change)) is not None:
            raise LimitBrokenError(
                f"The model is returned untouched: {why}.",
                hint=("Forget fewer records at once, lower " if n_forget > 1 else "Lower ")
                + f"strength{OR_SEARCHED}, {'take more epochs or a lower lr, ' if mends else ''}"
                f"train again without the records, or use {EXACT}.",
            )
