"""LiRA: is a record's score more like that of models trained on it, or of models that were not?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.audit.moments import Moments, with_one_variance

__all__ = ["lira_offline", "lira_online"]

Floats = npt.NDArray[np.float64]

#: Smallest standard deviation that is told from none.
SMALLEST = 1e-6


def lira_online(target: Floats, inside: Moments, outside: Moments, *, fixed_variance: bool = False) -> Floats:
    """Log-likelihood ratio of "in" against "out", both normal with moments of the record's own.

    Parameters
    ----------
    target : ndarray of shape (..., n)
        Logit-scaled confidences of the audited model.
    inside, outside : Moments
        Of the same, over two models or more that were trained on each record, and over two or more that were not; see
        :func:`~expunge.audit.moments.moments`.
    fixed_variance : bool
        One variance "in" and one "out" for all records: better below 64 references.

    Returns
    -------
    ndarray of shape (..., n)
        log N(phi; mu_in, var_in) - log N(phi; mu_out, var_out).

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", IEEE S&P 2022, equation 4 and algorithm 1;
    the fixed variance of section VI-B.

    Examples
    --------
    >>> from expunge.audit.moments import moments
    >>> references = np.array([[1.0], [3.0], [-1.0], [-3.0]])
    >>> inside, outside = moments(references, references > 0), moments(references, references < 0)
    >>> lira_online(np.array([2.0]), inside, outside).round(6).tolist()
    [4.0]
    """
    if fixed_variance:
        inside, outside = with_one_variance(inside), with_one_variance(outside)
    var_in, var_out = np.maximum(inside.variance, SMALLEST**2), np.maximum(outside.variance, SMALLEST**2)
    return 0.5 * (
        np.log(var_out / var_in) + (target - outside.mean) ** 2 / var_out - (target - inside.mean) ** 2 / var_in
    )


def lira_offline(target: Floats, outside: Moments, *, fixed_variance: bool = False) -> Floats:
    """How far a score lies above those of models that were not trained on the record, in standard deviations.

    Parameters
    ----------
    target, outside, fixed_variance
        As in :func:`lira_online`. With the moments of :func:`~expunge.audit.moments.without_each` and the references as
        the target each reference is compared with the others.

    Returns
    -------
    ndarray of shape (..., n)
        (phi - mu_out) / sigma_out. The paper's score is the normal distribution function of it, which orders records
        alike until it rounds to 1.

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", IEEE S&P 2022, section IV-D.

    Examples
    --------
    >>> from expunge.audit.moments import moments
    >>> lira_offline(np.array([2.0]), moments(np.array([[1.0], [-1.0]]))).round(4).tolist()
    [1.4142]
    """
    outside = with_one_variance(outside) if fixed_variance else outside
    return (target - outside.mean) / np.maximum(np.sqrt(outside.variance), SMALLEST)
