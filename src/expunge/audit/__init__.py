"""Attacks, distances and verdicts: scores of an audited model and of references in, a report out. No models here."""

from __future__ import annotations

from expunge.audit.inputs import References, Scores, signals_of
from expunge.audit.report import AuditReport, Figure
from expunge.audit.run import audit

__all__ = ["AuditReport", "Figure", "References", "Scores", "audit", "signals_of"]
