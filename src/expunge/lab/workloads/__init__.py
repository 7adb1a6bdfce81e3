"""Workloads: real data under a name, loaded from a folder or from what scikit-learn brings."""

from __future__ import annotations

import functools
from typing import Any

from expunge.errors import InvalidParameterError
from expunge.lab.data import Data
from expunge.lab.guard import check_open
from expunge.lab.plugins import find, names
from expunge.lab.spec import check_dials, parse
from expunge.lab.workloads.files import FETCHED, need
from expunge.lab.workloads.table import WORKLOADS, Workload

__all__ = ["WORKLOADS", "Workload", "check_workload", "find_workload", "load_workload", "workload_names"]


def workload_names() -> list[str]:
    """Names of all workloads, with those of plug-ins."""
    return names("workloads", WORKLOADS)


def find_workload(text: str) -> tuple[Workload, dict[str, Any]]:
    """The workload of a name, and its dials.

    Raises
    ------
    InvalidParameterError
        No such workload, a dial that it does not have, or fewer than ten records.
    """
    name, dials = parse(text, "n")
    workload: Workload = find("workloads", WORKLOADS, name)
    check_dials(text, dials, {"n", *workload.dials})
    if "n" in dials and (not isinstance(dials["n"], int) or dials["n"] < 10):
        raise InvalidParameterError(f"A workload has ten records or more, got {text!r}.")
    return workload, dials


def check_workload(text: str) -> None:
    """Refuse a name that is in no table, and one whose file is not there; nothing is loaded.

    Raises
    ------
    UnknownNameError, InvalidParameterError, FileNotUsableError
    """
    workload, dials = find_workload(text)
    if workload.file:
        need(workload.file, fetch=text.partition("@")[0] if text.partition("@")[0] in FETCHED else "")
    elif "folder" in workload.dials:
        need(str(dials.get("folder", "imagenet")))


def load_workload(text: str) -> Data:
    """Data by name; ``name@n`` takes a draw of n records.

    Raises
    ------
    UnknownNameError
        There is no such workload; the nearest names are proposed.
    FileNotUsableError
        Its file is not there; the sentence says where to put it, or the command that fetches it.
    PeekedError
        A method that forgets asked for it.
    """
    check_open(f"the workload {text!r}")
    return _load(text)


@functools.lru_cache(maxsize=4)
def _load(text: str) -> Data:
    workload, dials = find_workload(text)
    n = dials.pop("n", workload.n)
    data: Data = workload.load(n, **dials)
    return data
