"""``table.json``: how the table of a model is read, and how the model was made. Holds no value of any record."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from expunge.errors import NewerFormatError, TamperedError
from expunge.files.archive import canonical_json
from expunge.files.whole import read_whole, write_whole
from expunge.workspace.tabular.schema import Schema

__all__ = ["Card", "read_card", "read_schema", "write_card"]

#: Number of the file format. Files of every earlier number stay readable.
FORMAT = 1

_CHECKSUM = "checksum"


@dataclasses.dataclass(frozen=True)
class Card:
    """What ``table.json`` says.

    Parameters
    ----------
    schema : Schema
    method : str
        Name of the class.
    estimator : str or None
        Name as in :mod:`expunge.workspace.tabular.pipelines`.
    options : dict
        Constructor arguments that were given.
    bare : bool
        Whether a method of numbers stands alone, without transformers before it.
    drop_missing_target : bool
        Whether rows without a target are not learned from; else they are refused.
    """

    schema: Schema
    method: str
    estimator: str | None
    options: dict[str, Any]
    bare: bool = False
    drop_missing_target: bool = False


def write_card(path: Path, card: Card) -> None:
    """Write the file, atomically."""
    data = {"format": FORMAT, **dataclasses.asdict(card), "schema": card.schema.to_dict()}
    text = json.dumps({**data, _CHECKSUM: _checksum(data)}, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, lambda stream: stream.write(text.encode("utf-8", "surrogatepass")))


def read_card(path: Path) -> Card:
    """Read the file of a model.

    Raises
    ------
    FileNotUsableError
        It is not there.
    TamperedError
        It is not what was written.
    NewerFormatError
        Written by a later version.
    """
    data = _read(path)
    if _checksum({name: value for name, value in data.items() if name != _CHECKSUM}) != data.get(_CHECKSUM):
        raise TamperedError(
            f"{str(path)!r} was changed.", hint="Restore it from a copy; to change the model, fit it again."
        )
    return _parsed(data, path)


def read_schema(path: Path) -> Schema:
    """The schema of a ``table.json``, which may have been edited by hand: it is a wish, not the state of a model."""
    return _parsed(_read(path), path).schema


def _read(path: Path) -> dict[str, Any]:
    raw = read_whole(path)
    try:
        data = json.loads(raw)
    except ValueError as error:
        raise TamperedError(f"{str(path)!r} is not JSON.", hint="Restore it from a copy.") from error
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise TamperedError(f"{str(path)!r} is not the table.json of a model.", hint="Restore it from a copy.")
    if data["format"] > FORMAT:
        raise NewerFormatError(
            f"{str(path)!r} has format {data['format']}; this version reads up to {FORMAT}.", hint="Update expunge."
        )
    return data


def _parsed(data: dict[str, Any], path: Path) -> Card:
    try:
        fields = {name: data[name] for name in ("method", "estimator", "options")}
        fields |= {name: data.get(name, False) for name in ("bare", "drop_missing_target")}
        return Card(**{**fields, "schema": Schema.from_dict(data["schema"])})
    except (KeyError, TypeError, ValueError) as error:
        raise TamperedError(
            f"{str(path)!r} is not the table.json of a model: {error}.", hint="Restore it from a copy."
        ) from error


def _checksum(data: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(data)).hexdigest()
