"""TRAK: the network taken for a linear model in projected gradients, and influence in that model in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from expunge.arguments import check_count, check_number
from expunge.errors import InvalidDataError
from expunge.influence.case import Case
from expunge.influence.view import Features
from expunge.records import Guarantee

__all__ = ["TRAK"]

Floats = npt.NDArray[np.float64]


class TRAK:
    """Influence from random projections of the gradients of each record's output.

    Parameters
    ----------
    n_projections : int, default=512
        Columns that are kept of the gradients; no more than records.
    models : sequence of state dicts or modules, optional
        More models trained on the same records; scores are averaged over all of them. Default: the model alone.
    damping : float, default=1e-3
        Added to the diagonal of the kernel, in units of its mean.

    Guarantee
    ---------
    ``empirical``. In a linear regression without damping and projection it is the influence function.

    Notes
    -----
    With the output f (log odds of a record's class, or the predicted number), φᵢ = P ∇fᵢ, Φ the matrix of all φ, the
    slope sᵢ of the loss in f (of the cross entropy p - 1) and a target Q, the score is
    (P ∇Q)ᵀ (ΦᵀΦ + damping)⁻¹ φᵢ sᵢ. For Q = f it is the attribution of the paper with the sign of forgetting. P is
    normal, drawn from the seed. The paper averages kernels and slopes over models apart; here scores are averaged,
    because Q has a gradient of its own in each model. Costs a gradient for each record the model knows, and memory of
    n_projections times the weights. A linear model's rows are few enough and not projected.

    References
    ----------
    S. M. Park, K. Georgiev, A. Ilyas, G. Leclerc, A. Madry, "TRAK: attributing model behavior at scale", ICML 2023,
    arXiv 2303.14186, equations 13 and 17.

    Examples
    --------
    >>> import torch
    >>> from expunge.influence import influence
    >>> from expunge.networks import Classification
    >>> task = Classification((torch.randn(40, 3), torch.arange(40) % 2))
    >>> found = influence(torch.nn.Linear(3, 2), task, on=task, method=TRAK(n_projections=6))
    >>> len(found)
    40
    """

    name = "trak"
    asks_whole = False

    def __init__(self, *, n_projections: int = 512, models: Sequence[Any] | None = None, damping: float = 1e-3) -> None:
        self.n_projections = n_projections
        self.models = models
        self.damping = damping

    def check(self) -> None:
        check_count("n_projections", self.n_projections)
        check_number("damping", self.damping)

    def scores(self, case: Case) -> Floats:
        views = [case.view, *(case.view.at(one) for one in self.models or ())]
        return np.asarray(np.mean([self._of(view.features(self.n_projections), case) for view in views], axis=0))

    def _of(self, found: Features, case: Case) -> Floats:
        n, k = found.outputs.shape
        if n < k and not self.damping:
            raise InvalidDataError(
                f"{n} records do not span {k} projections.", hint="Take fewer n_projections, or some damping."
            )
        kernel = found.outputs.T @ found.outputs
        kernel += self.damping * np.trace(kernel) / k * np.eye(k)
        try:
            factor = linalg.cho_factor(kernel)
        except linalg.LinAlgError:
            raise InvalidDataError(
                "The projected gradients of the records are linearly dependent.", hint="Take more damping."
            ) from None
        own, slopes = found.outputs[case.positions], found.slopes[case.positions]
        if found.target is None:
            return np.asarray(slopes**2 * (own * linalg.cho_solve(factor, own.T).T).sum(axis=1))
        return np.asarray(own @ linalg.cho_solve(factor, found.target) * slopes)

    def guarantee(self, case: Case) -> Guarantee:
        n = 1 + len(self.models or ())
        return Guarantee(
            kind="empirical",
            statement=f"influence in a linear model of {n} network{'s' if n > 1 else ''}; no retrain is compared",
        )

    def value(self, case: Case) -> float | None:
        return case.view.value()
