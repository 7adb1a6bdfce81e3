"""Differential privacy: short names for :mod:`expunge.privacy`."""

from __future__ import annotations

from expunge.privacy import (
    Event,
    Gaussian,
    GaussianMechanism,
    Laplace,
    LaplaceMechanism,
    Odometer,
    QuantileClip,
    Release,
    Sampled,
    Schedule,
    Several,
    clip_rows,
    deletion_capacity,
    delta_of,
    epsilon_lower_bound,
    epsilon_of,
    gaussian_sigma,
    group_privacy,
)

__all__ = [
    "Event",
    "Gaussian",
    "GaussianMechanism",
    "Laplace",
    "LaplaceMechanism",
    "Odometer",
    "QuantileClip",
    "Release",
    "Sampled",
    "Schedule",
    "Several",
    "clip_rows",
    "deletion_capacity",
    "delta_of",
    "epsilon_lower_bound",
    "epsilon_of",
    "gaussian_sigma",
    "group_privacy",
]
