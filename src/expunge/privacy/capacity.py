"""How many deletions a model can bear before its error may grow: an order, and labelled as one."""

from __future__ import annotations

import dataclasses
import math

from expunge.arguments import check_number
from expunge.errors import InvalidParameterError
from expunge.privacy.arguments import check_delta, check_epsilon

__all__ = ["Capacity", "deletion_capacity"]


@dataclasses.dataclass(frozen=True)
class Capacity:
    """How many deletions keep the excess risk.

    Parameters
    ----------
    unlearning : float
        With an unlearning algorithm: of the order of this many.
    privacy : float
        With differential privacy alone and no unlearning: at most of the order of this many.
    statement : str
    """

    unlearning: float
    privacy: float
    statement: str


def deletion_capacity(
    n: int, d: int, epsilon: float, delta: float, *, lipschitz: float, hessian_lipschitz: float,
    strong_convexity: float, excess_risk: float = 0.01,
) -> Capacity:  # fmt: skip
    """Order of the number of deletions after which the excess risk is still below ``excess_risk``.

    Parameters
    ----------
    n, d : int
        Records, and parameters of the model.
    epsilon, delta : float
        Of the unlearning.
    lipschitz : float
        L, of the loss of one record. None has a default: a constant that is not known is refused.
    hessian_lipschitz : float
        M, of its second derivative.
    strong_convexity : float
        lambda, of the mean loss, above 0: a loss that is not strongly convex has no such capacity.
    excess_risk : float
        gamma, in the unit of the loss.

    Returns
    -------
    Capacity

    Raises
    ------
    InvalidParameterError
        An epsilon of zero or less, a delta that is no probability, or a constant that is unknown, infinite or not
        above zero.

    Notes
    -----
    Algorithm 1 of the reference adds noise of standard deviation sigma = (gamma_m / epsilon) sqrt(2 ln(1.25/delta))
    with gamma_m = 2 M L² m² / (lambda³ n²) after m deletions. Lipschitz continuity turns sigma sqrt(d) into an excess
    risk of L sigma sqrt(d); solved for m that gives the number here. It leaves out the statistical error, so it is an
    order and no bound on any one model. Differential privacy as the only means bears of the order of
    n epsilon / sqrt(d ln(1/delta)) deletions, with the excess risk in front.

    References
    ----------
    A. Sekhari, J. Acharya, G. Kamath, A. T. Suresh, "Remember what you want to forget: algorithms for machine
    unlearning", NeurIPS 2021, algorithm 1.

    Examples
    --------
    >>> known = {"lipschitz": 1.0, "hessian_lipschitz": 1.0, "strong_convexity": 1.0}
    >>> small, large = (deletion_capacity(10_000, d, 1.0, 1e-5, **known).unlearning for d in (100, 10_000))
    >>> round(small / large, 3)  # the fourth root of the ratio of dimensions
    3.162
    """
    epsilon, delta = check_epsilon(epsilon), check_delta(delta)
    n, d = int(check_number("n", n, open_low=True)), int(check_number("d", d, open_low=True))
    L, M = _known("lipschitz", lipschitz), _known("hessian_lipschitz", hessian_lipschitz, zero=True)
    strength = _known("strong_convexity", strong_convexity)
    risk = check_number("excess_risk", excess_risk, open_low=True)
    factor = math.sqrt(2 * math.log(1.25 / delta)) / epsilon
    unlearning = float(n) if M == 0 else n * math.sqrt(risk * strength**3 / (2 * M * L**3 * math.sqrt(d) * factor))
    privacy = risk * n * epsilon / (L * math.sqrt(d * math.log(1 / delta)))
    return Capacity(
        unlearning=min(unlearning, float(n)), privacy=min(privacy, float(n)),
        statement="an order of magnitude under Lipschitz, strongly convex losses; no bound on this model",
    )  # fmt: skip


def _known(name: str, value: float | None, *, zero: bool = False) -> float:
    """A constant of the loss; there is no order without it."""
    if value is None or value == math.inf:
        raise InvalidParameterError(
            f"{name} is {value!r}: without a bound on it nothing is known of a capacity.",
            hint="Bound the rows and the weights; the logistic loss of rows of length R has L = R and M = R³ / 10.",
        )
    return check_number(name, value, open_low=not zero)
