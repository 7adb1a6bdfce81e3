"""Fetch data by its public name at OpenML and write it in the form that the loaders read. Only when asked to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import FileNotUsableError
from expunge.lab.spec import unknown
from expunge.lab.workloads.files import FETCHED, data_folder
from expunge.lab.workloads.table import WORKLOADS

__all__ = ["fetch"]

_TRAINED = 60_000  # images of the training part, which come first


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
    # As bytes, or as the texts that stand there: categories that are numbers scikit-learn cannot read by every pandas.
    how = {"dtype": "uint8" if WORKLOADS[name].file.endswith(".npz") else "str"}
    try:
        found = fetch_openml(
            public, version=version, as_frame=True, parser="pandas", cache=False, read_csv_kwargs=how
        )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise FileNotUsableError(f"{name!r} could not be fetched: {error}.", hint="Is there a network?") from error
    path = data_folder() / WORKLOADS[name].file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")  # the file itself is there whole or not at all
        _write(part, name, found.frame)
        os.replace(part, path)
    except OSError as error:
        raise FileNotUsableError(f"Cannot write {str(path)!r}: {error.strerror}.") from error
    return path


def _write(path: Path, name: str, frame: Any) -> None:
    if path.suffix != ".npz":
        target = {"adult": "income", "bank": "y"}[name]
        names = [*(str(name).replace("-", "_") for name in frame.columns[:-1]), target]
        texts = frame.set_axis(names, axis=1).apply(lambda column: column.str.strip("'"))
        texts.to_csv(path, index=False, na_rep="?")
        return
    pixels, labels = frame.iloc[:, :-1].to_numpy(dtype=np.uint8), frame.iloc[:, -1].to_numpy(dtype=np.uint8)
    images = pixels.reshape(-1, 28, 28)
    np.savez_compressed(
        path, x_train=images[:_TRAINED], y_train=labels[:_TRAINED], x_test=images[_TRAINED:], y_test=labels[_TRAINED:]
    )
