"""From models to files and back: arrays and JSON, third-party estimators through skops, nothing else.

The file of a model that forgot is the file of a model that never knew, byte for byte: rows stand in canonical order,
and no date, path or memory address is written.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from expunge.digest import leaf
from expunge.errors import (
    ExpungeError,
    NewerFormatError,
    TamperedError,
    UnknownMethodError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.estimators import dump_estimator, load_estimator
from expunge.files.archive import array_bytes, array_from_bytes, read_archive, write_archive
from expunge.files.export_guard import refuse_rows
from expunge.files.libraries import differing, libraries_of
from expunge.files.migrations import CHANGED
from expunge.params import added_params, canonical_params, record_params
from expunge.rows import Rows
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
        name: _pack(part, f"parts/{i:05d}", entries)
        for i, (name, part) in enumerate(sorted(model._state().parts.items()))
    }
    arrays = rows.arrays(rows.slots())
    entries.update((f"rows/{name}.npy", array_bytes(array)) for name, array in arrays.items())
    manifest = _head(model, entries) | {"kind": "model", "rows": rows.schema(), "parts": parts}
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
    parts = {"solution": _pack(solution, "solution", entries)}
    manifest = _head(model, entries) | {"kind": "export", "parts": parts, "digest": leaf(solution).hex()}
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


def _restored(
    manifest: Mapping[str, Any],
    entries: dict[str, bytes],
    find: Callable[[str], type[Unlearner]],
    trusted: Sequence[str],
) -> Unlearner:
    """The model of a manifest; takes each entry out and refuses what is left over."""
    kind = find(str(manifest["method"]))
    model = _made(kind, _unpack(manifest["params"], entries, trusted, find))
    for name, value in manifest["attributes"].items():
        if name not in ("n_features_in_", "feature_names_in_"):
            raise TamperedError(f"The file sets the unknown attribute {name!r}.")
        setattr(model, name, np.array(value, dtype=object) if isinstance(value, list) else value)
    parts = {name: _unpack(part, entries, trusted, find) for name, part in manifest["parts"].items()}
    if manifest["kind"] == "export":
        fitted = Fitted(None, record_params(model))
        fitted.solution, fitted.is_solved = parts["solution"], True
    else:
        names = [name for name in entries if name.startswith("rows/")]
        arrays = {name[len("rows/") : -len(".npy")]: array_from_bytes(entries.pop(name)) for name in names}
        width = getattr(model, "n_features_in_", None)
        rows = Rows.restore(manifest["rows"], arrays, seed=model.seed, width=None if width is None else int(width))
        if rows.arrays(rows.slots()[:1]).keys() != arrays.keys():
            raise TamperedError("The file holds columns that its schema does not know.")
        fitted = Fitted(rows, record_params(model))
        fitted.commit(parts)
        fitted.doubt = manifest["doubt"]
    if entries:
        raise TamperedError(f"The file holds {sorted(entries)[0]!r}, which belongs to nothing.")
    model._fitted = fitted
    return model


def _head(model: Unlearner, entries: dict[str, bytes]) -> dict[str, Any]:
    params = {
        name: value
        for name, value in canonical_params(model).items()
        if hasattr(value, "get_params") or not callable(value)
    }
    attributes = {
        name: getattr(model, name) for name in ("n_features_in_", "feature_names_in_") if hasattr(model, name)
    }
    if "feature_names_in_" in attributes:
        attributes["feature_names_in_"] = [str(name) for name in attributes["feature_names_in_"]]
    return {"method": type(model).__name__, "params": _pack(params, "params", entries), "attributes": attributes}


def _pack(part: Mapping[str, Any], prefix: str, entries: dict[str, bytes]) -> dict[str, Any]:
    """A part as JSON, its arrays and estimators as entries of their own."""
    return {name: _pack_value(part[name], name, f"{prefix}.{i:03d}", entries) for i, name in enumerate(sorted(part))}


def _pack_value(value: Any, name: str, entry: str, entries: dict[str, bytes]) -> dict[str, Any]:
    if isinstance(value, np.ndarray) and value.dtype != object:
        entries[f"{entry}.npy"] = array_bytes(value)
        return {"array": f"{entry}.npy"}
    if hasattr(value, "get_params") or hasattr(value, "predict"):
        entries[f"{entry}.skops"] = dump_estimator(value)
        return {"estimator": f"{entry}.skops"}
    if isinstance(value, np.generic):
        return {"json": value.item()}
    if isinstance(value, dict) and all(isinstance(item, (int, float)) for item in value.values()):
        return {"mapping": value}
    if isinstance(value, dict) and value.keys() == {"method", "params"}:
        return {"method": value["method"], "params": _pack(value["params"], entry, entries)}
    if isinstance(value, dict) and value.keys() == {"selector"}:
        return value
    if isinstance(value, (list, tuple)) and not _is_json(value):
        items = [_pack_value(item, name, f"{entry}.{i:03d}", entries) for i, item in enumerate(value)]
        return {"items": items, "is_tuple": isinstance(value, tuple)}
    if isinstance(value, tuple):
        return {"tuple": list(value)}
    if value is None or isinstance(value, (bool, int, float, str, list)):
        return {"json": value}
    raise UnsupportedRequestError(
        f"Part {name!r} holds a {type(value).__name__}, which no file can hold.",
        hint="Parts hold arrays, JSON values and estimators.",
    )


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    if isinstance(value, tuple):
        return all(item is None or isinstance(item, (bool, int, float, str)) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _unpack(
    packed: Mapping[str, Any], entries: dict[str, bytes], trusted: Sequence[str], find: Callable[[str], Any]
) -> dict[str, Any]:
    return {name: _unpack_value(value, entries, trusted, find) for name, value in packed.items()}


def _unpack_value(
    value: Mapping[str, Any], entries: dict[str, bytes], trusted: Sequence[str], find: Callable[[str], Any]
) -> Any:
    if "array" in value:
        return array_from_bytes(entries.pop(value["array"]))
    if "estimator" in value:
        return load_estimator(entries.pop(value["estimator"]), trusted=trusted)
    if "method" in value:
        return _made(find(str(value["method"])), _unpack(value["params"], entries, trusted, find))
    if "mapping" in value:
        return dict(value["mapping"])
    if "selector" in value:
        from sklearn.compose import make_column_selector

        wanted = value["selector"]
        return make_column_selector(
            wanted["pattern"], dtype_include=wanted["dtype_include"], dtype_exclude=wanted["dtype_exclude"]
        )
    if "items" in value:
        items = [_unpack_value(item, entries, trusted, find) for item in value["items"]]
        return tuple(items) if value["is_tuple"] else items
    return value["json"] if "json" in value else tuple(value["tuple"])


def _made(kind: type[Unlearner], params: Mapping[str, Any]) -> Unlearner:
    """A method with the arguments of a file."""
    if unknown := sorted(params.keys() - set(kind._get_param_names())):
        raise NewerFormatError(
            f"The file sets {unknown[0]!r}, which {kind.__name__} of this version does not have.", hint="Update."
        )
    return kind(**{**added_params(kind), **params})
