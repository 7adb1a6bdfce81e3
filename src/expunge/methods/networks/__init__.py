"""Networks that were trained already and have to forget: an adapter for your model, and one file for each method.

:data:`NETWORK_METHODS` names the methods and where they live; to list them imports no torch. They are no estimators:
``method.forget(model, task, ids, seed)`` takes a trained ``nn.Module`` and returns another one. What all of them keep
is checked by :mod:`expunge.checks.networks`. :data:`NETWORK_MODELS` are networks that keep the contract of all other
methods, under a :class:`~expunge.methods.networks.blueprint.Blueprint` of yours.
"""

from __future__ import annotations

from expunge.records import Kind

__all__ = ["NETWORK_METHODS", "NETWORK_MODELS", "STRONGEST", "strongest_of"]

#: The kind that removals of all of them have, but for those below.
STRONGEST: Kind = "empirical"
_CERTIFIED = frozenset({"NoisyFineTuning"})

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
    "NoisyFineTuning": "expunge.methods.networks.noisy_fine_tuning:NoisyFineTuning",
    "PrimalDual": "expunge.methods.networks.primal_dual:PrimalDual",
    "PruneFirst": "expunge.methods.networks.prune_first:PruneFirst",
    "RandomLabels": "expunge.methods.networks.random_labels:RandomLabels",
    "SCRUB": "expunge.methods.networks.scrub:SCRUB",
    "SSD": "expunge.methods.networks.ssd:SSD",
    "SalUn": "expunge.methods.networks.salun:SalUn",
    "SingleStep": "expunge.methods.networks.single_step:SingleStep",
    "StandIns": "expunge.methods.private.stand_ins:StandIns",
}

#: Networks that are fitted, saved and asked as any other model, so that a workspace can hold them.
NETWORK_MODELS: dict[str, str] = {
    "AdapterShards": "expunge.methods.language.adapter_shards:AdapterShards",
    "CertifiedNetwork": "expunge.methods.networks.certified_network:CertifiedNetwork",
    "DPSGDNetwork": "expunge.methods.private.dp_sgd_network:DPSGDNetwork",
    "FrozenBackbone": "expunge.methods.networks.frozen_backbone:FrozenBackbone",
    "NeighbourStore": "expunge.methods.language.neighbour_store:NeighbourStore",
    "ReplayedNetwork": "expunge.methods.networks.replayed_network:ReplayedNetwork",
    "TrainedNetwork": "expunge.methods.networks.trained_network:TrainedNetwork",
}


def strongest_of(name: str) -> Kind:
    """The kind that removals of a method have, without importing it.

    Examples
    --------
    >>> strongest_of("SCRUB"), strongest_of("NoisyFineTuning")
    ('empirical', 'certified')
    """
    return "certified" if name in _CERTIFIED else STRONGEST
