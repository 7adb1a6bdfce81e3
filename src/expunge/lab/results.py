"""The files of a run: scores as JSON lines in the order of their ids, times beside them, and what was asked for.

``cells.json``      ids of all cells that were asked for
``scores.jsonl``    a line for each cell; repeats byte for byte on the same machine
``timings.jsonl``   the same for times, which do not
``references.jsonl``  what training references took, by what shares them
``references/``     what reference models answered
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from expunge.errors import FileNotUsableError, InvalidDataError, NewerFormatError
from expunge.files.whole import write_whole
from expunge.lab.cells import Cell
from expunge.lab.spec import unknown

__all__ = ["Run", "append", "line_of", "read_run", "settle"]

_SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Run:
    """What is known of a run.

    Parameters
    ----------
    folder : Path
    asked : tuple of str
        Ids of the cells.
    scores, timings : dict of str to dict
        Lines by id. A cell without a line has not been run yet.
    references : dict of str to dict
        Time and memory of the references, by the name that their cells share.
    """

    folder: Path
    asked: tuple[str, ...]
    scores: dict[str, dict[str, Any]]
    timings: dict[str, dict[str, Any]]
    references: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Lines of the cells that failed."""
        return [line for line in self.scores.values() if line["status"] == "failed"]

    @property
    def missing(self) -> list[str]:
        """Ids of cells that have no line."""
        return [name for name in self.asked if name not in self.scores]

    def line(self, cell: str) -> dict[str, Any]:
        """The scores of a cell.

        Raises
        ------
        UnknownNameError
            It is not in this run.
        """
        if cell not in self.scores:
            raise unknown("cell", cell, self.scores)
        return self.scores[cell]

    @property
    def is_complete(self) -> bool:
        """Whether every cell has been run."""
        return not self.failed and not self.missing


def read_run(folder: str | Path) -> Run:
    """What the files of a run say. A last line that was cut off is left out.

    Raises
    ------
    FileNotUsableError
        This is no folder of a run.
    NewerFormatError
        A line of a later version.
    """
    folder = Path(folder)
    asked = _asked(folder)
    found = (_lines(folder / f"{name}.jsonl") for name in ("scores", "timings", "references"))
    return Run(folder, tuple(asked), *found)


def line_of(data: dict[str, Any]) -> str:
    """One line: keys in order, no blanks, no number that is not finite."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def append(path: Path, data: dict[str, Any]) -> None:
    """Add a line, whole or as a last one that is cut off."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line_of(data))
        file.flush()
        os.fsync(file.fileno())


def settle(folder: Path) -> None:
    """Write the lines in the order of their ids; of a cell that was run again, the last."""
    for name in ("scores.jsonl", "timings.jsonl"):
        found = _lines(folder / name)
        write(folder / name, "".join(line_of(found[cell]) for cell in sorted(found, key=Cell.parse)))
    found = _lines(folder / "references.jsonl")
    write(folder / "references.jsonl", "".join(line_of(found[name]) for name in sorted(found)))


def ask(folder: Path, cells: Iterable[Cell]) -> None:
    """Note which cells are asked for, beside those that were."""
    path = folder / "cells.json"
    before = _asked(folder) if path.exists() else []
    every = sorted({*map(Cell.parse, before), *cells})
    write(path, json.dumps({"schema": _SCHEMA, "cells": [cell.id for cell in every]}, indent=1) + "\n")


def write(path: Path, text: str) -> None:
    """Replace a file, whole or not at all."""
    write_whole(path, lambda stream: stream.write(text.encode()), for_others=True)


def _asked(folder: Path) -> list[str]:
    try:
        return list(json.loads((folder / "cells.json").read_text(encoding="utf-8"))["cells"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileNotUsableError(
            f"{str(folder)!r} holds no run of the lab.", hint="expunge lab run --out FOLDER makes one."
        ) from error


def _lines(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    out: dict[str, dict[str, Any]] = {}
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, text in enumerate(lines[:-1], 1):
        try:
            data = json.loads(text)
        except ValueError as error:
            if number == len(lines) - 1:
                break
            raise InvalidDataError(f"Line {number} of {str(path)!r} is no JSON.") from error
        if data.get("schema", 1) > _SCHEMA:
            raise NewerFormatError(f"{str(path)!r} was written by a later version.", hint="Update expunge.")
        before = out.get(data["cell"], {})
        if path.stem != "references" or data["elapsed_s"] >= before.get("elapsed_s", 0):
            out[data["cell"]] = data  # references that were only read again took no time
    return out
