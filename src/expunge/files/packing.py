"""One packing of what a model holds: parts as JSON whose arrays and estimators are entries of their own.

The file of a model is one archive of all entries; a store of chunks has an archive for each part and for each group of
rows. Both call the functions here, so that what one of them reads the other can write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from expunge.errors import NewerFormatError, TamperedError, UnsupportedRequestError
from expunge.estimators import dump_estimator, load_estimator
from expunge.files.archive import array_bytes, array_from_bytes
from expunge.params import added_params, canonical_params, record_params
from expunge.rows import Rows
from expunge.state import Fitted, Living

if TYPE_CHECKING:
    from expunge.contract import Unlearner

__all__ = ["Find", "head", "pack", "pack_part", "rebuilt", "unpack", "unpack_head"]

Find = Callable[[str], Any]


def head(model: Unlearner, entries: dict[str, bytes]) -> dict[str, Any]:
    """Method, constructor arguments and attributes of a model; estimators among the arguments go to the entries."""
    return _head(model, canonical_params(model), "params", entries)


def _head(model: Unlearner, given: Mapping[str, Any], prefix: str, entries: dict[str, bytes]) -> dict[str, Any]:
    params = {name: value for name, value in given.items() if hasattr(value, "get_params") or not callable(value)}
    attributes = {
        name: getattr(model, name) for name in ("n_features_in_", "feature_names_in_") if hasattr(model, name)
    }
    if "feature_names_in_" in attributes:
        attributes["feature_names_in_"] = [str(name) for name in attributes["feature_names_in_"]]
    return {"method": type(model).__name__, "params": pack(params, prefix, entries), "attributes": attributes}


def unpack_head(manifest: Mapping[str, Any], entries: dict[str, bytes], trusted: Sequence[str], find: Find) -> Any:
    """A model that is not fitted yet, from what :func:`head` gave.

    Raises
    ------
    TamperedError
        The file sets an attribute that the method does not have.
    """
    model = _made(find(str(manifest["method"])), unpack(manifest["params"], entries, trusted, find))
    for name, value in manifest["attributes"].items():
        if name not in ("n_features_in_", "feature_names_in_"):
            raise TamperedError(f"The file sets the unknown attribute {name!r}.")
        setattr(model, name, np.array(value, dtype=object) if isinstance(value, list) else value)
    return model


def rebuilt(model: Any, schema: dict[str, Any], arrays: dict[str, Any], parts: Mapping[str, Any], doubt: Any) -> Fitted:
    """What a model holds, from its rows as canonical arrays and its parts.

    Raises
    ------
    TamperedError
        The columns are not those that the schema knows.
    """
    rows = Rows.restore(schema, arrays, seed=model.seed, width=getattr(model, "n_features_in_", None))
    if rows.arrays(rows.slots()[:1]).keys() != arrays.keys():
        raise TamperedError("The file holds columns that its schema does not know.")
    fitted = Fitted(rows, record_params(model))
    fitted.commit({name: model._revive(name, part) for name, part in parts.items()})
    fitted.doubt = doubt
    return fitted


def pack_part(part: Any, prefix: str, entries: dict[str, bytes]) -> dict[str, Any]:
    """As :func:`pack`, of a part of the state, which may be one that lives."""
    return pack(part.plain() if isinstance(part, Living) else part, prefix, entries)


def pack(part: Mapping[str, Any], prefix: str, entries: dict[str, bytes]) -> dict[str, Any]:
    """A part as JSON, its arrays and estimators as entries of their own."""
    return {name: _pack_value(part[name], name, f"{prefix}.{i:03d}", entries) for i, name in enumerate(sorted(part))}


def _pack_value(value: Any, name: str, entry: str, entries: dict[str, bytes]) -> dict[str, Any]:
    if isinstance(value, np.ndarray) and value.dtype != object:
        entries[f"{entry}.npy"] = array_bytes(value)
        return {"array": f"{entry}.npy"}
    if hasattr(value, "_execution_params"):
        return _pack_method(value, entry, entries)
    if hasattr(value, "get_params") or hasattr(value, "predict"):
        entries[f"{entry}.skops"] = dump_estimator(value)
        return {"estimator": f"{entry}.skops"}
    if isinstance(value, np.generic):
        return {"json": value.item()}
    if isinstance(value, dict) and all(isinstance(item, (int, float)) for item in value.values()):
        if all(isinstance(key, str) for key in value):
            return {"mapping": value}
        pairs = sorted(value.items(), key=lambda pair: (type(pair[0]).__name__, pair[0]))
        return {"pairs": pairs}  # of keys JSON would make texts
    if isinstance(value, dict) and value.keys() == {"method", "params"}:
        return {"method": value["method"], "params": pack(value["params"], entry, entries)}
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


def _pack_method(model: Unlearner, entry: str, entries: dict[str, bytes]) -> dict[str, Any]:
    """A method of ours within a part, as the file of a model has it; its rows are those of the part."""
    packed = _head(model, model.get_params(deep=False), entry, entries)
    if not hasattr(model, "_fitted"):
        return {"method": packed["method"], "params": packed["params"]}
    rows, parts = model._rows(), model._state().parts
    packed["parts"] = {
        name: pack_part(part, f"{entry}.parts/{i:05d}", entries) for i, (name, part) in enumerate(sorted(parts.items()))
    }
    packed |= {"rows": rows.schema(), "arrays": pack(rows.arrays(rows.slots()), f"{entry}.rows", entries)}
    return {"model": packed | {"doubt": model._state().doubt}}


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    if isinstance(value, tuple):
        return all(item is None or isinstance(item, (bool, int, float, str)) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def unpack(packed: Mapping[str, Any], entries: dict[str, bytes], trusted: Sequence[str], find: Find) -> dict[str, Any]:
    """The inverse of :func:`pack`; takes the entries it reads out."""
    return {name: _unpack_value(value, entries, trusted, find) for name, value in packed.items()}


def _unpack_value(value: Mapping[str, Any], entries: dict[str, bytes], trusted: Sequence[str], find: Find) -> Any:
    if "array" in value:
        return array_from_bytes(entries.pop(value["array"]))
    if "estimator" in value:
        return load_estimator(entries.pop(value["estimator"]), trusted=trusted)
    if "model" in value:
        packed = value["model"]
        model = unpack_head(packed, entries, trusted, find)
        arrays = unpack(packed["arrays"], entries, trusted, find)
        parts = {name: unpack(part, entries, trusted, find) for name, part in packed["parts"].items()}
        model._fitted = rebuilt(model, packed["rows"], arrays, parts, packed["doubt"])
        return model
    if "method" in value:
        return _made(find(str(value["method"])), unpack(value["params"], entries, trusted, find))
    if "mapping" in value:
        return dict(value["mapping"])
    if "pairs" in value:
        return dict(value["pairs"])
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
