"""LiRA: is a record's score more like that of models trained on it, or of models that were not?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.audit.moments import moments

__all__ = ["lira_offline", "lira_online"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Smallest standard deviation that is told from none.
SMALLEST = 1e-6


def lira_online(target: Floats, references: Floats, members: Bools, *, fixed_variance: bool = False) -> Floats:
    """Log-likelihood ratio of "in" against "out", both normal with moments of the record's own.

    Parameters
    ----------
    target : ndarray of shape (..., n)
        Logit-scaled confidences of the audited model.
    references : ndarray of shape (m, n)
        The same of m models.
    members : ndarray of bool, shape (m, n)
        Which models were trained on which records; every record needs two of each kind.
    fixed_variance : bool
        One variance "in" and one "out" for all records: better below 64 references.

    Returns
    -------
    ndarray of shape (..., n)
        log N(phi; mu_in, var_in) - log N(phi; mu_out, var_out).

    Raises
    ------
    InvalidDataError
        Too few references.

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", IEEE S&P 2022, equation 4 and algorithm 1;
    the fixed variance of section VI-B.

    Examples
    --------
    >>> references = np.array([[1.0], [3.0], [-1.0], [-3.0]])
    >>> lira_online(np.array([2.0]), references, references > 0).round(6).tolist()
    [4.0]
    """
    inside = moments(references, members, least=2, what="in")
    outside = moments(references, ~members, least=2, what="out")
    var_in, var_out = inside.variance, outside.variance
    if fixed_variance:
        var_in, var_out = (np.full_like(v, np.average(v, weights=c - 1)) for v, c in (
            (var_in, inside.models), (var_out, outside.models)
        ))  # fmt: skip
    var_in, var_out = np.maximum(var_in, SMALLEST**2), np.maximum(var_out, SMALLEST**2)
    return 0.5 * (
        np.log(var_out / var_in) + (target - outside.mean) ** 2 / var_out - (target - inside.mean) ** 2 / var_in
    )


def lira_offline(target: Floats, references: Floats, members: Bools, *, fixed_variance: bool = False) -> Floats:
    """How far a score lies above those of models that were not trained on the record, in standard deviations.

    Parameters
    ----------
    target, references, members, fixed_variance
        As in :func:`lira_online`; every record needs two "out" models, "in" models are not looked at.

    Returns
    -------
    ndarray of shape (n,)
        (phi - mu_out) / sigma_out. The paper's score is the normal distribution function of it, which orders records
        alike until it rounds to 1.

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", IEEE S&P 2022, section IV-D.

    Examples
    --------
    >>> references = np.array([[1.0], [-1.0]])
    >>> lira_offline(np.array([2.0]), references, np.zeros((2, 1), dtype=bool)).round(4).tolist()
    [1.4142]
    """
    outside = moments(references, ~members, least=2, what="out")
    variance = outside.variance
    if fixed_variance:
        variance = np.full_like(variance, np.average(variance, weights=outside.models - 1))
    return (target - outside.mean) / np.maximum(np.sqrt(variance), SMALLEST)
