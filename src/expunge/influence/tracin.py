"""TracIn: what training on each record did to the target, added up along the training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidParameterError
from expunge.influence.case import Case
from expunge.influence.targets import SELF
from expunge.records import Guarantee

__all__ = ["TracIn"]


class TracIn:
    """Influence as inner products of gradients at checkpoints of the training.

    Parameters
    ----------
    checkpoints : sequence of state dicts or modules, optional
        Weights from the training, by preference from where the loss still fell. Default: the model as it is.
    lr : float or sequence of float, default=1.0
        Of the training at each checkpoint.

    Guarantee
    ---------
    ``empirical``: what single steps did, as far as the checkpoints show; no retrain is compared.

    Notes
    -----
    Σ ηₜ ∇Q(θₜ)·∇ℓᵢ(θₜ) over the checkpoints: by how much steps on record i lowered Q, and so by how much forgetting it
    would raise it, but for a factor: how often it was stepped on between checkpoints, and batches. Self-influence is
    Σ ηₜ |∇ℓᵢ(θₜ)|², from the factors of the layers without the gradients where they have that form. About two passes
    for each checkpoint.

    References
    ----------
    G. Pruthi, F. Liu, S. Kale, M. Sundararajan, "Estimating training data influence by tracing gradient descent",
    NeurIPS 2020, arXiv 2002.08484, section 3.3 (TracInCP).

    Examples
    --------
    >>> import torch
    >>> from expunge.influence import influence
    >>> from expunge.networks import Classification
    >>> task = Classification((torch.randn(20, 3), torch.arange(20) % 2))
    >>> model = torch.nn.Linear(3, 2)
    >>> found = influence(model, task, method=TracIn(checkpoints=[model.state_dict()], lr=0.1))
    >>> bool((found.scores > 0).all())
    True
    """

    name = "tracin"
    asks_whole = False

    def __init__(self, *, checkpoints: Sequence[Any] | None = None, lr: float | Sequence[float] = 1.0) -> None:
        self.checkpoints = checkpoints
        self.lr = lr

    def check(self) -> None:
        if self.checkpoints is not None and not len(self.checkpoints):
            raise InvalidParameterError("checkpoints is empty.", hint="Leave it out for the model as it is.")
        for rate in self._rates():
            check_number("lr", rate, open_low=True)
        if len(self._rates()) != self._n_checkpoints():
            raise InvalidParameterError(
                f"There are {self._n_checkpoints()} checkpoints and {len(self._rates())} learning rates.",
                hint="One each, or one for all.",
            )

    def scores(self, case: Case) -> npt.NDArray[np.float64]:
        total = np.zeros(len(case.positions))
        views = (case.view.at(one) for one in self.checkpoints) if self.checkpoints is not None else [case.view]
        for view, rate in zip(views, self._rates(), strict=True):
            if case.target == SELF:
                total += rate * view.square_norms(case.positions)
            else:
                total += rate * view.along(view.slope(), case.positions)
        return total

    def guarantee(self, case: Case) -> Guarantee:
        n = self._n_checkpoints()
        where = f"{n} checkpoint{'s' if n > 1 else ''}" if self.checkpoints is not None else "the final weights alone"
        return Guarantee(
            kind="empirical",
            statement=f"inner products of gradients at {where}: an order of records, in no unit of the target",
        )

    def value(self, case: Case) -> float | None:
        return case.view.value()

    def _n_checkpoints(self) -> int:
        return 1 if self.checkpoints is None else len(self.checkpoints)

    def _rates(self) -> list[Any]:
        rates = self.lr
        return list(rates) if isinstance(rates, Sequence) else [rates] * self._n_checkpoints()
