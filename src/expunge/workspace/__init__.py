"""The one facade over models on disk: the command line hands it tables and requests and calls nothing else."""

from expunge.workspace.catalogue import MethodCard, list_methods
from expunge.workspace.directory import ModelDirectory

__all__ = ["MethodCard", "ModelDirectory", "list_methods"]
