"""RMIA: how many other records does a record beat, once every record is measured against the reference models?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from expunge.arguments import check_number
from expunge.audit.moments import moments
from expunge.errors import InvalidDataError

__all__ = ["rmia_offline", "rmia_online", "share_beaten"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def rmia_online(
    target: Floats, references: Floats, members: Bools, is_population: Bools, *, gamma: float = 2.0
) -> Floats:
    """Share of the population that a record beats by the factor gamma.

    Parameters
    ----------
    target : ndarray of shape (n,)
        Logit-scaled confidences of the audited model; probabilities are taken from them.
    references : ndarray of shape (m, n)
    members : ndarray of bool, shape (m, n)
        Every record needs one model of each kind.
    is_population : ndarray of bool, shape (n,)
        The records z, which the audited model did not train on. Pr(z) is the mean over the models of both kinds, as
        Pr(x) is.
    gamma : float
        At least 1.

    Returns
    -------
    ndarray of shape (n,)
        Pr over z of (p(x|theta) / Pr(x)) / (p(z|theta) / Pr(z)) >= gamma.

    References
    ----------
    S. Zarifzadeh, P. Liu, R. Shokri, "Low-cost high-power membership inference attacks", ICML 2024, section 2: the
    pairwise likelihood ratio and its score.
    """
    return share_beaten(expit(target), online_prior(references, members), is_population, gamma=gamma)


def rmia_offline(
    target: Floats, references: Floats, members: Bools, is_population: Bools, *, gamma: float = 2.0, a: float = 0.3
) -> Floats:
    """As :func:`rmia_online`, from models that were not trained on the record.

    Parameters
    ----------
    target, references, members, is_population, gamma
        As in :func:`rmia_online`; "in" models are not looked at.
    a : float
        In [0, 1]: Pr(x) = ((1 + a) p_out(x) + (1 - a)) / 2, since training on a record raises its probability by what
        is left to one.

    References
    ----------
    S. Zarifzadeh, P. Liu, R. Shokri, "Low-cost high-power membership inference attacks", ICML 2024, section 2 and the
    appendix on Pr(x) in the offline setting.
    """
    outside = moments(expit(references), ~members, least=1, what="out").mean
    return share_beaten(expit(target), offline_prior(outside, a), is_population, gamma=gamma)


def online_prior(references: Floats, members: Bools) -> Floats:
    """Pr(x) as the mean over models of both kinds, each kind with half of the weight."""
    p = expit(references)
    inside = moments(p, members, least=1, what="in").mean
    outside = moments(p, ~members, least=1, what="out").mean
    return np.asarray((inside + outside) / 2)


def offline_prior(outside: Floats, a: float) -> Floats:
    """Pr(x) from the mean over models that were not trained on x."""
    check_number("a", a, high=1.0)
    return 0.5 * ((1 + a) * outside + (1 - a))


def share_beaten(p: Floats, prior: Floats, is_population: Bools, *, gamma: float) -> Floats:
    """Share of the population whose ratio p / prior is at most that of a record over gamma.

    Raises
    ------
    InvalidParameterError
        ``gamma`` is below 1.
    InvalidDataError
        There is no population.

    Examples
    --------
    >>> share_beaten(np.array([0.8, 0.4, 0.1]), np.full(3, 0.4), np.array([False, True, True]), gamma=2.0).tolist()
    [1.0, 0.5, 0.0]
    """
    check_number("gamma", gamma, low=1.0)
    if not is_population.any():
        raise InvalidDataError("RMIA compares records with a population, and none was given.")
    ratio = p / np.maximum(prior, np.finfo(np.float64).tiny)
    ordered = np.sort(ratio[is_population])
    return np.searchsorted(ordered, ratio / gamma, side="right") / len(ordered)
