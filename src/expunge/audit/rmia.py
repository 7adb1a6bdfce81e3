"""RMIA: how many other records does a record beat, once every record is measured against the reference models?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from expunge.arguments import check_number
from expunge.errors import InvalidDataError

__all__ = ["rmia_offline", "rmia_online"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def rmia_online(target: Floats, inside: Floats, outside: Floats, is_population: Bools, *, gamma: float = 2.0) -> Floats:
    """Share of the population that a record beats by the factor gamma.

    Parameters
    ----------
    target : ndarray of shape (..., n)
        Logit-scaled confidences of the audited model; probabilities are taken from them.
    inside, outside : ndarray of shape (n,)
        Mean probability of the true class over models that were trained on each record, and over models that were not:
        ``moments(expit(references), members, least=1).mean``. Pr(x) is the mean of both.
    is_population : ndarray of bool, shape (n,)
        The records z, which the audited model did not train on. Pr(z) is found as Pr(x) is.
    gamma : float
        At least 1.

    Returns
    -------
    ndarray of shape (..., n)
        Pr over z of (p(x|theta) / Pr(x)) / (p(z|theta) / Pr(z)) >= gamma.

    Raises
    ------
    InvalidParameterError
        ``gamma`` is below 1.
    InvalidDataError
        There is no population.

    References
    ----------
    S. Zarifzadeh, P. Liu, R. Shokri, "Low-cost high-power membership inference attacks", ICML 2024, section 2: the
    pairwise likelihood ratio and its score.
    """
    return _share_beaten(expit(target), (inside + outside) / 2, is_population, gamma)


def rmia_offline(
    target: Floats, outside: Floats, is_population: Bools, *, gamma: float = 2.0, a: float = 0.3
) -> Floats:
    """As :func:`rmia_online`, from models that were not trained on the record.

    Parameters
    ----------
    target, outside, is_population, gamma
        As in :func:`rmia_online`. Where each of m models has others to be compared with, ``target`` and ``outside`` are
        of shape (m, n).
    a : float
        In [0, 1]: Pr(x) = ((1 + a) p_out(x) + (1 - a)) / 2, since training on a record raises its probability by what
        is left to one.

    References
    ----------
    S. Zarifzadeh, P. Liu, R. Shokri, "Low-cost high-power membership inference attacks", ICML 2024, section 2 and the
    appendix on Pr(x) in the offline setting.

    Examples
    --------
    >>> target, outside = np.array([1.5, -0.5, -2.0]), np.full(3, 0.4)
    >>> rmia_offline(target, outside, np.array([False, True, True])).tolist()
    [1.0, 0.5, 0.0]
    """
    check_number("a", a, high=1.0)
    return _share_beaten(expit(target), 0.5 * ((1 + a) * outside + (1 - a)), is_population, gamma)


def _share_beaten(p: Floats, prior: Floats, is_population: Bools, gamma: float) -> Floats:
    """Share of the population whose ratio p / prior is at most that of a record over gamma, model by model."""
    check_number("gamma", gamma, low=1.0)
    if not is_population.any():
        raise InvalidDataError("RMIA compares records with a population, and none was given.")
    ratios = p / np.maximum(prior, np.finfo(np.float64).tiny)
    beaten = np.empty_like(ratios)
    for at in np.ndindex(ratios.shape[:-1]):
        ordered = np.sort(ratios[at][is_population])
        beaten[at] = np.searchsorted(ordered, ratios[at] / gamma, side="right") / len(ordered)
    return beaten
