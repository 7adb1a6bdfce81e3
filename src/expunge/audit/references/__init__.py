"""References: models trained with and without the forget set, the unit of truth of an audit."""

from __future__ import annotations

from expunge.audit.references.mlp import mlp_outputs
from expunge.audit.references.plan import ReferencePlan, join, plan_around, plan_halves
from expunge.audit.references.ridge import ridge_outputs
from expunge.audit.references.softmax import softmax_outputs
from expunge.audit.references.train import references

__all__ = [
    "ReferencePlan",
    "join",
    "mlp_outputs",
    "plan_around",
    "plan_halves",
    "references",
    "ridge_outputs",
    "softmax_outputs",
]
