"""The one facade over data, models, requests and receipts: the command line calls it and nothing else."""

from expunge.workspace.anywhere import predict, verify
from expunge.workspace.tabular.catalogue import MethodCard, list_methods, list_network_methods
from expunge.workspace.workspace import Workspace

__all__ = ["MethodCard", "Workspace", "list_methods", "list_network_methods", "predict", "verify"]
