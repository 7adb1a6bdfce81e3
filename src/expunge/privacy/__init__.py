"""Differential privacy: mechanisms, what happened (events), what it costs (accounts), and a budget that is kept.

Noise is drawn from the operating system unless a seed is given, and what is released lies on a grid, so that the low
bits of floating-point numbers give nothing away (:mod:`expunge.privacy.noise`). Events say what happened and never what
it costs; accounts say what it costs.
"""

from expunge.privacy.accounts import delta_of, epsilon_of, group_privacy
from expunge.privacy.calibration import least_noise
from expunge.privacy.capacity import deletion_capacity
from expunge.privacy.clipping import QuantileClip, clip_rows
from expunge.privacy.events import Event, Gaussian, Group, Laplace, Sampled, Several
from expunge.privacy.gaussian import gaussian_delta, gaussian_epsilon, gaussian_sensitivity, gaussian_sigma
from expunge.privacy.group_odometer import GroupOdometer
from expunge.privacy.lower_bound import epsilon_lower_bound
from expunge.privacy.mechanisms import GaussianMechanism, LaplaceMechanism, Release
from expunge.privacy.noise import Noise
from expunge.privacy.odometer import Odometer
from expunge.privacy.schedules import Schedule

__all__ = [
    "Event",
    "Gaussian",
    "GaussianMechanism",
    "Group",
    "GroupOdometer",
    "Laplace",
    "LaplaceMechanism",
    "Noise",
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
    "gaussian_delta",
    "gaussian_epsilon",
    "gaussian_sensitivity",
    "gaussian_sigma",
    "group_privacy",
    "least_noise",
]
