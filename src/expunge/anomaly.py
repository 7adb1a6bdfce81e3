"""Detectors of anomalies that forget: short names for :mod:`expunge.methods.anomaly` and the isolation forest."""

from __future__ import annotations

from expunge.methods.anomaly.gaussian_detector import GaussianDetector
from expunge.methods.anomaly.histogram_detector import HistogramDetector
from expunge.methods.anomaly.local_outlier_factor import LocalOutlierFactor
from expunge.methods.anomaly.neighbor_detector import NeighborDetector
from expunge.methods.anomaly.pca_detector import PCADetector
from expunge.methods.anomaly.repair import DetectorRepair, Proposal, repair
from expunge.methods.anomaly.stream import Arrival, Stream
from expunge.methods.forest.isolation_forest import IsolationForest

__all__ = [
    "Arrival",
    "DetectorRepair",
    "GaussianDetector",
    "HistogramDetector",
    "IsolationForest",
    "LocalOutlierFactor",
    "NeighborDetector",
    "PCADetector",
    "Proposal",
    "Stream",
    "repair",
]
