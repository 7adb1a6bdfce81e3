"""Networks that were trained already and have to forget: an adapter for your model, and one file for each method.

:data:`NETWORK_METHODS` names the methods and where they live; to list them imports no torch. They are no estimators:
``method.forget(model, task, ids, seed)`` takes a trained ``nn.Module`` and returns another one. What all of them keep
is checked by :mod:`expunge.checks.networks`.
"""

from __future__ import annotations

from expunge.records import Kind

__all__ = ["NETWORK_METHODS", "STRONGEST"]

#: The kind that removals of all of them have.
STRONGEST: Kind = "empirical"

NETWORK_METHODS: dict[str, str] = {
    "Amnesiac": "expunge.methods.networks.amnesiac:Amnesiac",
    "BadTeacher": "expunge.methods.networks.bad_teacher:BadTeacher",
    "CFK": "expunge.methods.networks.cf_k:CFK",
    "EUK": "expunge.methods.networks.eu_k:EUK",
    "FineTuning": "expunge.methods.networks.fine_tuning:FineTuning",
    "FisherForgetting": "expunge.methods.networks.fisher_forgetting:FisherForgetting",
    "GradientAscent": "expunge.methods.networks.gradient_ascent:GradientAscent",
    "GradientStep": "expunge.methods.networks.gradient_step:GradientStep",
    "L1Sparse": "expunge.methods.networks.l1_sparse:L1Sparse",
    "NegGradPlus": "expunge.methods.networks.neg_grad_plus:NegGradPlus",
    "NewtonStep": "expunge.methods.networks.newton_step:NewtonStep",
    "PrimalDual": "expunge.methods.networks.primal_dual:PrimalDual",
    "PruneFirst": "expunge.methods.networks.prune_first:PruneFirst",
    "RandomLabels": "expunge.methods.networks.random_labels:RandomLabels",
    "SCRUB": "expunge.methods.networks.scrub:SCRUB",
    "SSD": "expunge.methods.networks.ssd:SSD",
    "SalUn": "expunge.methods.networks.salun:SalUn",
    "SingleStep": "expunge.methods.networks.single_step:SingleStep",
    "StandIns": "expunge.methods.private.stand_ins:StandIns",
}
