"""Attacks, distances and verdicts: scores of an audited model and of references in, a report out.

The model that is audited stays outside: what it says is all that is read. Beside stands what trains references, small
models of its own or yours, in :mod:`expunge.audit.references`.
"""

from __future__ import annotations

from expunge.audit.further import Further
from expunge.audit.inputs import References, Scores, signals_of
from expunge.audit.report import AuditReport, Figure
from expunge.audit.run import audit, audit_by_digest
from expunge.audit.squared_error import signals_of_values

__all__ = [
    "AuditReport",
    "Figure",
    "Further",
    "References",
    "Scores",
    "audit",
    "audit_by_digest",
    "signals_of",
    "signals_of_values",
]
