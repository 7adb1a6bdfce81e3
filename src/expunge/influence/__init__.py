"""Influence: which records moved a model, and whether it is better without them.

:func:`influence` asks, :func:`try_repair` tries out on copies what forgetting the answer does. Networks need the extra
``torch``.
"""

from expunge.influence.case import Case, InfluenceMethod
from expunge.influence.influence_functions import InfluenceFunctions
from expunge.influence.leave_one_out import LeaveOneOut
from expunge.influence.regions import plot_regions
from expunge.influence.result import Influence, Scored
from expunge.influence.run import INFLUENCE_METHODS, influence
from expunge.influence.targets import EqualOpportunity, MeanLoss
from expunge.influence.tracin import TracIn
from expunge.influence.trak import TRAK
from expunge.influence.try_repair import RepairRow, TriedRepair, try_repair

__all__ = [
    "INFLUENCE_METHODS",
    "TRAK",
    "Case",
    "EqualOpportunity",
    "Influence",
    "InfluenceFunctions",
    "InfluenceMethod",
    "LeaveOneOut",
    "MeanLoss",
    "RepairRow",
    "Scored",
    "TracIn",
    "TriedRepair",
    "influence",
    "plot_regions",
    "try_repair",
]
