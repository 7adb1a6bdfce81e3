"""Models of the lab: families and sizes under names with a dial."""

from __future__ import annotations

from expunge.lab.models.table import MODELS, Family, build, model_names

__all__ = ["MODELS", "Family", "build", "model_names"]
