"""Where data lies: the folder that ``EXPUNGE_DATA`` names. What is missing is said with what to do."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import FileNotUsableError
from expunge.seeds import uniform64

__all__ = ["FETCHED", "arrays", "data_folder", "draw", "frame", "lines", "need"]

#: Workloads that ``expunge lab fetch`` can fetch: name at OpenML and its version, or the address of an archive.
FETCHED: dict[str, tuple[str, int]] = {
    "adult": ("adult", 2), "bank": ("bank-marketing", 1), "fashion": ("Fashion-MNIST", 1), "mnist": ("mnist_784", 1),
}  # fmt: skip


def data_folder() -> Path:
    """The folder of ``EXPUNGE_DATA``, or else ``data`` in the working folder."""
    return Path(os.environ.get("EXPUNGE_DATA") or "data")


def need(name: str, *, fetch: str = "") -> Path:
    """The path of a file, or of a folder.

    Parameters
    ----------
    name : str
        In the folder of data.
    fetch : str
        Name of the workload, where ``expunge lab fetch`` can fetch it.

    Raises
    ------
    FileNotUsableError
        It is not there.
    """
    path = data_folder() / name
    if not path.exists():
        where = f"Put it there, or set EXPUNGE_DATA to the folder that holds {name}."
        how = f" On a machine with a network: expunge lab fetch {fetch}." if fetch else ""
        raise FileNotUsableError(f"The data {str(path)!r} is missing.", hint=where + how)
    return path


def arrays(name: str, *, fetch: str = "") -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` file."""
    with np.load(need(name, fetch=fetch), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def frame(name: str, *, fetch: str = "") -> Any:
    """A ``.csv.gz`` file; "?" and the like stay texts."""
    import pandas as pd

    return pd.read_csv(need(name, fetch=fetch), keep_default_na=False)


def lines(name: str) -> Iterator[dict[str, Any]]:
    """The objects of a ``.jsonl.gz`` file."""
    with gzip.open(need(name), "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def draw(ids: npt.NDArray[np.int64], n: int | None) -> npt.NDArray[np.intp]:
    """Places of the n records that come first by a hash of their ids; all, in order, for None."""
    if n is None or n >= len(ids):
        return np.arange(len(ids))
    return np.sort(np.argsort(uniform64(0, "lab sample", ids), kind="stable")[:n])
