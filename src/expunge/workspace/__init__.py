"""The one facade over data, models, requests and receipts: command line, service and lab know no other room of it."""

from expunge.workspace.anywhere import audit_scores, predict, receipt_page, verify
from expunge.workspace.requests.targets import NOTHING_HELD
from expunge.workspace.storage.numerics import fingerprint
from expunge.workspace.tabular.catalogue import MethodCard, list_all_methods, list_methods, list_network_methods
from expunge.workspace.tabular.tables import read_ids, write_table
from expunge.workspace.workspace import Workspace

__all__ = [
    "NOTHING_HELD",
    "MethodCard",
    "Workspace",
    "audit_scores",
    "fingerprint",
    "list_all_methods",
    "list_methods",
    "list_network_methods",
    "predict",
    "read_ids",
    "receipt_page",
    "verify",
    "write_table",
]
