"""Influence: which records moved a model, and whether it is better without them.

:func:`influence` asks, :func:`repair` tries out what forgetting the answer does. Networks need the extra ``torch``.
"""

from expunge.influence.case import Case, InfluenceMethod
from expunge.influence.influence_functions import InfluenceFunctions
from expunge.influence.leave_one_out import LeaveOneOut
from expunge.influence.picture import plot_regions
from expunge.influence.repair import Repair, RepairRow, repair
from expunge.influence.result import Influence, Scored
from expunge.influence.run import INFLUENCE_METHODS, influence
from expunge.influence.targets import EqualOpportunity, MeanLoss
from expunge.influence.tracin import TracIn
from expunge.influence.trak import TRAK

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
    "Repair",
    "RepairRow",
    "Scored",
    "TracIn",
    "influence",
    "plot_regions",
    "repair",
]
