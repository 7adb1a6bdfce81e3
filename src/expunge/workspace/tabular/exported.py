"""An exported model in a folder: it predicts, and knows no row, no id and no sum.

The folder holds ``model.expunge`` (``model.export``) and ``table.json``, which says how its table is read and holds no
value of any record. It needs no workspace.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import FileNotUsableError
from expunge.methods import load
from expunge.paths import check_path
from expunge.workspace.storage.folder import refuse_taken, write_folder, writing
from expunge.workspace.tabular.card import Card, read_card, write_card
from expunge.workspace.tabular.preparing import predictions
from expunge.workspace.tabular.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_export", "predict_export", "write_export"]

MODEL, TABLE = "model.expunge", "table.json"
_FILES = frozenset({MODEL, TABLE})


def is_export(path: str | Path) -> bool:
    """Whether a folder is that of an exported model."""
    return (check_path(path) / MODEL).is_file()


def write_export(path: str | Path, model: Any, card: Card, *, overwrite: bool = False) -> Path:
    """Write the folder, whole or not at all.

    Raises
    ------
    FileNotUsableError
        Something else is there.
    """
    path = check_path(path)
    refuse_taken(path, _FILES if overwrite else frozenset())
    with writing(path), write_folder(path) as folder:
        write_card(folder / TABLE, card)
        model.export(folder / MODEL)
    return path


def predict_export(
    path: str | Path, data: str | Path, *, delimiter: str | None = None, encoding: str | None = None,
    probabilities: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Predictions of an exported model for the rows of a table.

    Raises
    ------
    FileNotUsableError
        No such folder.
    TamperedError
        A file that is not what was written.
    """
    path = check_path(path)
    if not is_export(path):
        raise FileNotUsableError(f"{str(path)!r} holds no model.", hint="Give a folder made by `expunge export`.")
    table = read_table(data, delimiter=delimiter, encoding=encoding)
    return predictions(load(path / MODEL), read_card(path / TABLE), table, probabilities=probabilities)
