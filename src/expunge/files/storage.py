"""From models to files and back: arrays and JSON, third-party estimators through skops, nothing else.

The file of a model that forgot is the file of a model that never knew, byte for byte: rows stand in canonical order,
and no date, path or memory address is written.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.digest import leaf
from expunge.errors import (
    ExpungeError,
    NewerFormatError,
    TamperedError,
    UnknownMethodError,
    UnsupportedEstimatorError,
)
from expunge.files.archive import array_bytes, array_from_bytes, read_archive, write_archive
from expunge.files.export_guard import refuse_rows
from expunge.files.libraries import differing, libraries_of
from expunge.files.migrations import CHANGED
from expunge.files.packing import Find, head, pack, pack_part, rebuilt, unpack, unpack_head
from expunge.params import record_params
from expunge.state import Fitted

if TYPE_CHECKING:
    from expunge.contract import Unlearner

__all__ = ["export_model", "read_model", "save_model"]


def save_model(model: Unlearner, path: str | Path) -> Path:
    """Write everything a model is. See :meth:`expunge.contract.Unlearner.save`."""
    with model._state().lock:  # no change in another thread begins or ends in between
        return _save(model, path)


def _save(model: Unlearner, path: str | Path) -> Path:
    rows = model._rows()
    entries: dict[str, bytes] = {}
    parts = {
        name: pack_part(part, f"parts/{i:05d}", entries)
        for i, (name, part) in enumerate(sorted(model._state().parts.items()))
    }
    arrays = rows.arrays(rows.slots())
    entries.update((f"rows/{name}.npy", array_bytes(array)) for name, array in arrays.items())
    manifest = head(model, entries) | {"kind": "model", "rows": rows.schema(), "parts": parts}
    manifest |= {"doubt": model._state().doubt, "digest": model.digest(), "libraries": libraries_of(entries)}
    return write_archive(path, manifest, entries)


def export_model(model: Unlearner, path: str | Path) -> Path:
    """Write what ``predict`` reads. See :meth:`expunge.contract.Unlearner.export`."""
    with model._state().lock:
        return _export(model, path)


def _export(model: Unlearner, path: str | Path) -> Path:
    rows, solution = model._rows(), model._solution()
    refuse_rows(solution, rows)
    entries: dict[str, bytes] = {}
    parts = {"solution": pack(solution, "solution", entries)}
    manifest = head(model, entries) | {"kind": "export", "parts": parts, "digest": leaf(solution).hex()}
    manifest["libraries"] = libraries_of(entries)
    manifest["params"].pop("seed", None)  # whoever holds an export must not learn where records are placed
    return write_archive(path, manifest, entries)


def read_model(path: str | Path, *, find: Callable[[str], type[Unlearner]], trusted: Sequence[str] = ()) -> Unlearner:
    """Read a file that :func:`save_model` or :func:`export_model` wrote.

    Parameters
    ----------
    path : path
    find : callable
        From the name of a method to its class, through a table; no class path is ever read from a file.
    trusted : list of str
        More types, as "module.Class", that third-party estimators in the file may consist of.

    Raises
    ------
    TamperedError
        The file is not what was written, or its digest is not that of its contents.
    UnsupportedEstimatorError
        Its estimators come from other versions of their libraries, and do not come back here as they were.

    Warns
    -----
    UserWarning
        They come from other versions and do come back; what those libraries compute from them is theirs to keep.
    """
    manifest, entries = read_archive(path)
    others = differing(manifest.get("libraries"))
    try:
        model = _restored(manifest, entries, find, trusted)
        found = model.digest() if manifest["kind"] == "model" else leaf(model._state().solution).hex()
    except Exception as error:  # bytes that nobody wrote can fail anywhere
        if isinstance(error, (UnknownMethodError, UnsupportedEstimatorError, NewerFormatError)):
            raise
        if others:
            raise _of_another_time(path, others) from error
        if isinstance(error, TamperedError):
            raise
        why = str(error) if isinstance(error, ExpungeError) else f"{error!r}."
        raise TamperedError(f"{str(path)!r} is not a model file: {why}", hint="Restore it from a copy.") from error
    if manifest.get("digest") is not CHANGED and found != manifest.get("digest"):
        if others:
            raise _of_another_time(path, others)
        raise TamperedError(f"{str(path)!r} was changed: its digest is not that of its contents.")
    if others:
        warnings.warn(f"The estimators in {str(path)!r} were made with {others}.", stacklevel=3)
    return model


def _of_another_time(path: str | Path, others: str) -> UnsupportedEstimatorError:
    return UnsupportedEstimatorError(
        f"The estimators in {str(path)!r} were made with {others}, and do not come back here as they were.",
        hint="Install that version to read the file, or fit again.",
    )


def _restored(manifest: Mapping[str, Any], entries: dict[str, bytes], find: Find, trusted: Sequence[str]) -> Unlearner:
    """The model of a manifest; takes each entry out and refuses what is left over."""
    model: Unlearner = unpack_head(manifest, entries, trusted, find)
    parts = {name: unpack(part, entries, trusted, find) for name, part in manifest["parts"].items()}
    if manifest["kind"] == "export":
        fitted = Fitted(None, record_params(model))
        fitted.solution, fitted.is_solved = parts["solution"], True
    else:
        names = [name for name in entries if name.startswith("rows/")]
        arrays = {name[len("rows/") : -len(".npy")]: array_from_bytes(entries.pop(name)) for name in names}
        fitted = rebuilt(model, manifest["rows"], arrays, parts, manifest["doubt"])
    if entries:
        raise TamperedError(f"The file holds {sorted(entries)[0]!r}, which belongs to nothing.")
    model._fitted = fitted
    return model
