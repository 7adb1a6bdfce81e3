"""Points of the pictures in a report: few enough for JSON, and without a value of any single record."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.audit.evidence import Evidence
from expunge.audit.inputs import Scores

__all__ = ["curves_of", "roc_points"]

Floats = npt.NDArray[np.float64]

_BINS = 40  # of a histogram, at most
_POINTS = 60


def curves_of(evidence: Evidence, scores: Scores, log_ratios: Floats | None) -> dict[str, Any]:
    """ROC of every attack, and densities of standard scores and log-likelihood ratios of single records.

    Returns
    -------
    dict
        ``roc``: name to pairs (false positive rate, true positive rate). ``z``: edges, and a density for the forgotten
        and held-out records of the audited model, and for the forgotten records of the references. ``log_ratio``: edges
        and a density for the forgotten records, or None.
    """
    z, chosen = evidence.z, scores.is_forgotten
    groups = {
        "forgotten": z[chosen],
        "held out": z[scores.is_held_out],
        "retrained references": evidence.reference_z[:, chosen].ravel(),
    }
    low, high = np.quantile(np.concatenate([groups["forgotten"], groups["held out"]]), [0.005, 0.995])
    low, high = min(float(low), -3.5), max(float(high), 3.5)
    bins = int(np.clip(2 * np.sqrt(chosen.sum()), 12, _BINS))
    edges = np.linspace(max(low, -30.0), min(high, 30.0), bins + 1)
    out: dict[str, Any] = {
        "roc": {
            name: roc_points(values[chosen], values[scores.is_held_out]) for name, values in evidence.scores.items()
        },
        "z": {"edges": _rounded(edges), **{name: _density(values, edges) for name, values in groups.items()}},
        "log_ratio": None,
    }
    if log_ratios is not None:
        own = np.clip(log_ratios[chosen], -20.0, 20.0)
        spread = max(2.0, float(np.abs(own).max()))
        places = np.linspace(-spread, spread, bins + 1)
        out["log_ratio"] = {"edges": _rounded(places), "forgotten": _density(own, places)}
    return out


def roc_points(members: Floats, others: Floats) -> list[list[float]]:
    """Up to 60 points of the ROC curve, evenly spaced on a logarithmic scale of false positives."""
    ordered = np.sort(others)[::-1]
    n = len(ordered)
    counts = np.unique(np.round(np.geomspace(1, n, _POINTS)).astype(np.int64))
    thresholds = ordered[counts - 1]
    accused = (n - np.searchsorted(ordered[::-1], thresholds, side="left")) / n
    found = (len(members) - np.searchsorted(np.sort(members), thresholds, side="left")) / len(members)
    return [[round(float(a), 6), round(float(f), 6)] for a, f in zip(accused, found, strict=True)]


def _density(values: Floats, edges: Floats) -> list[float]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return _rounded(counts / (len(values) * (edges[1] - edges[0])))


def _rounded(values: Floats) -> list[float]:
    return [round(float(v), 5) for v in values]
