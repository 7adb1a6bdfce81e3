"""Removal with a certificate: short names for :mod:`expunge.methods.certified`."""

from __future__ import annotations

from expunge.methods.certified.descent_to_delete import DescentToDelete
from expunge.methods.certified.langevin import LangevinLogisticRegression
from expunge.methods.certified.logistic_regression import CertifiedLogisticRegression
from expunge.methods.certified.newton_logistic_regression import NewtonLogisticRegression
from expunge.methods.certified.ridge import CertifiedRidge

__all__ = [
    "CertifiedLogisticRegression",
    "CertifiedRidge",
    "DescentToDelete",
    "LangevinLogisticRegression",
    "NewtonLogisticRegression",
]
