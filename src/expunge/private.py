"""Differential privacy: short names for :mod:`expunge.privacy` and :mod:`expunge.methods.private`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from expunge.extras import needs_torch
from expunge.methods.private.bernoulli_nb import PrivateBernoulliNB
from expunge.methods.private.gaussian_nb import PrivateGaussianNB
from expunge.methods.private.logistic_regression import PrivateLogisticRegression
from expunge.methods.private.online_logistic_regression import PrivateOnlineLogisticRegression
from expunge.privacy import (
    Event,
    Gaussian,
    GaussianMechanism,
    Group,
    GroupOdometer,
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
    least_noise,
)

if TYPE_CHECKING:
    from expunge.methods.private.dp_sgd import DPSGD
    from expunge.methods.private.private_network import PrivateNetwork
    from expunge.methods.private.steered import Steered
    from expunge.methods.private.two_stage import TwoStage

__all__ = [
    "DPSGD",
    "Event",
    "Gaussian",
    "GaussianMechanism",
    "Group",
    "GroupOdometer",
    "Laplace",
    "LaplaceMechanism",
    "Odometer",
    "PrivateBernoulliNB",
    "PrivateGaussianNB",
    "PrivateLogisticRegression",
    "PrivateNetwork",
    "PrivateOnlineLogisticRegression",
    "QuantileClip",
    "Release",
    "Sampled",
    "Schedule",
    "Several",
    "Steered",
    "TwoStage",
    "clip_rows",
    "deletion_capacity",
    "delta_of",
    "epsilon_lower_bound",
    "epsilon_of",
    "gaussian_sigma",
    "group_privacy",
    "least_noise",
]

#: Where the names are that need torch.
_OF_NETWORKS = {
    "DPSGD": "expunge.methods.private.dp_sgd",
    "PrivateNetwork": "expunge.methods.private.private_network",
    "Steered": "expunge.methods.private.steered",
    "TwoStage": "expunge.methods.private.two_stage",
}


def __getattr__(name: str) -> Any:
    if name not in _OF_NETWORKS:
        raise AttributeError(f"module 'expunge.private' has no attribute {name!r}")
    with needs_torch(extra="torch,dp"):
        return getattr(importlib.import_module(_OF_NETWORKS[name]), name)
