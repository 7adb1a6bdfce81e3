"""Networks that forget: short names for :mod:`expunge.methods.networks`. Needs the extra ``torch``."""

from __future__ import annotations

from expunge.extras import needs_torch

with needs_torch():
    import torch  # noqa: F401

from expunge.methods.networks import NETWORK_METHODS, NETWORK_MODELS
from expunge.methods.networks.amnesiac import Amnesiac
from expunge.methods.networks.bad_teacher import BadTeacher
from expunge.methods.networks.blueprint import Blueprint, blueprint_names, find_blueprint, register
from expunge.methods.networks.certified_network import CertifiedNetwork
from expunge.methods.networks.cf_k import CFK
from expunge.methods.networks.eu_k import EUK
from expunge.methods.networks.fine_tuning import FineTuning
from expunge.methods.networks.fisher_forgetting import FisherForgetting
from expunge.methods.networks.frozen_backbone import FrozenBackbone
from expunge.methods.networks.gradient_ascent import GradientAscent
from expunge.methods.networks.gradient_step import GradientStep
from expunge.methods.networks.job import Job
from expunge.methods.networks.l1_sparse import L1Sparse
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.neg_grad_plus import NegGradPlus
from expunge.methods.networks.network_estimator import NetworkEstimator
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.network_removal import NetworkRemoval
from expunge.methods.networks.newton_step import NewtonStep
from expunge.methods.networks.noisy_fine_tuning import NoisyFineTuning
from expunge.methods.networks.primal_dual import PrimalDual
from expunge.methods.networks.prune_first import PruneFirst
from expunge.methods.networks.random_labels import RandomLabels
from expunge.methods.networks.replay_trainer import ReplayTrainer
from expunge.methods.networks.replayed_network import ReplayedNetwork
from expunge.methods.networks.salun import SalUn
from expunge.methods.networks.scrub import SCRUB
from expunge.methods.networks.single_step import SingleStep
from expunge.methods.networks.ssd import SSD
from expunge.methods.networks.task import Classification, Regression, Task
from expunge.methods.networks.trained_network import TrainedNetwork
from expunge.methods.networks.update_log import UpdateLog
from expunge.methods.networks.utility import UtilityRow
from expunge.methods.private.dp_sgd_network import DPSGDNetwork
from expunge.methods.private.stand_ins import StandIns

__all__ = [
    "CFK",
    "EUK",
    "NETWORK_METHODS",
    "NETWORK_MODELS",
    "SCRUB",
    "SSD",
    "Amnesiac",
    "BadTeacher",
    "Blueprint",
    "CertifiedNetwork",
    "Classification",
    "DPSGDNetwork",
    "FineTuning",
    "FisherForgetting",
    "FrozenBackbone",
    "GradientAscent",
    "GradientStep",
    "Job",
    "L1Sparse",
    "Limits",
    "NegGradPlus",
    "NetworkEstimator",
    "NetworkMethod",
    "NetworkRemoval",
    "NewtonStep",
    "NoisyFineTuning",
    "PrimalDual",
    "PruneFirst",
    "RandomLabels",
    "Regression",
    "ReplayTrainer",
    "ReplayedNetwork",
    "SalUn",
    "SingleStep",
    "StandIns",
    "Task",
    "TrainedNetwork",
    "UpdateLog",
    "UtilityRow",
    "blueprint_names",
    "find_blueprint",
    "register",
]
