"""The one facade over data, models, requests and receipts: the command line calls it and nothing else."""

from expunge.workspace.catalogue import MethodCard, list_methods
from expunge.workspace.exported import is_export, predict_export
from expunge.workspace.workspace import Workspace

__all__ = ["MethodCard", "Workspace", "is_export", "list_methods", "predict_export"]
