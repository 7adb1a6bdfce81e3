"""Fetch data by its public name at OpenML and write it in the form that the loaders read. Only when asked to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import FileNotUsableError
from expunge.lab.spec import unknown
from expunge.lab.workloads.files import FETCHED, data_folder
from expunge.lab.workloads.table import WORKLOADS

__all__ = ["fetch"]


def fetch(name: str) -> Path:
    """Write the file of a workload into the folder of data.

    Raises
    ------
    UnknownNameError
        It is none of those that can be fetched.
    FileNotUsableError
        There is no network, or the file cannot be written.
    """
    if name not in FETCHED:
        raise unknown("workload that can be fetched", name, FETCHED)
    from sklearn.datasets import fetch_openml

    public, version = FETCHED[name]
    try:
        found = fetch_openml(public, version=version, as_frame=True, parser="pandas")
    except (OSError, ValueError) as error:
        raise FileNotUsableError(f"{name!r} could not be fetched: {error}.", hint="Is there a network?") from error
    path = data_folder() / WORKLOADS[name].file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, name, found.frame)
    except OSError as error:
        raise FileNotUsableError(f"Cannot write {str(path)!r}: {error.strerror}.") from error
    return path


def _write(path: Path, name: str, frame: Any) -> None:
    if path.suffix != ".npz":
        target = {"adult": "income", "bank": "y"}[name]
        frame.rename(columns={frame.columns[-1]: target}).to_csv(path, index=False, na_rep="?")
        return
    pixels, labels = frame.iloc[:, :-1].to_numpy(dtype=np.uint8), frame.iloc[:, -1].astype(int).to_numpy(dtype=np.uint8)
    images = pixels.reshape(-1, 28, 28)
    np.savez_compressed(
        path, x_train=images[:60_000], y_train=labels[:60_000], x_test=images[60_000:], y_test=labels[60_000:]
    )
