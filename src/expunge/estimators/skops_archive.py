"""Archives of skops in one canonical form: equal estimators become equal bytes, for files that are compared.

What skops writes depends on addresses in memory, random file names, the time, the hash seed of the process and the
past of an object. :func:`canonical` rewrites its archive without any of them, and :func:`members` reads such an
archive and refuses every other. The result is still an archive that skops loads.

- The schema names no object identities: a value is written wherever it appears, as the digest reads it.
- Array files are named by the SHA-256 of their bytes, so equal arrays are stored once.
- Keys of dicts (but of ``OrderedDict``) and items of sets are sorted; text is UTF-8, not escaped.
- Records have zeros for padding, cells of text arrays the width of the longest one.
- What is not state (:data:`expunge.canonical.objects.NOT_STATE`) is not written; masked numbers are zero.
- Members are sorted, stored without compression, so that they can be searched, and dated 1 January 1980.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.canonical.objects import NEIGHBOUR_TREES, QUERY_COUNTERS, not_state
from expunge.errors import TamperedError, UnsupportedEstimatorError

__all__ = ["canonical", "members"]

SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_CONTENT_NAME = re.compile(r"([0-9a-f]{64})\.(npy|npz|bin)")


def canonical(data: bytes) -> bytes:
    """Rewrite an archive that skops has just written.

    Parameters
    ----------
    data : bytes
        What ``skops.io.dumps`` returned.

    Returns
    -------
    bytes
        An archive of the same estimator; a function of its value alone.

    Raises
    ------
    UnsupportedEstimatorError
        If a dict has keys that skops mixes up, such as 1 and "1".
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files.pop(SCHEMA))
    written: dict[str, bytes] = {}
    schema = _node(schema, files, written)
    written[SCHEMA] = json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return _pack(written)


def members(data: bytes) -> dict[str, bytes]:
    """Read an archive in canonical form, checking each member against its name.

    Parameters
    ----------
    data : bytes
        What :func:`canonical` returned.

    Returns
    -------
    dict of str to bytes
        Content of each member by name.

    Raises
    ------
    TamperedError
        If these are not the bytes of such an archive.
    """
    files = _stored(data)
    for name, content in files.items():
        match = _CONTENT_NAME.fullmatch(name)
        if name != SCHEMA and (match is None or match[1] != hashlib.sha256(content).hexdigest()):
            raise TamperedError(f"Member {name!r} of the stored estimator does not match its name.", hint=_RESTORE)
        if name.endswith(".npz"):
            _stored(content)
    if SCHEMA not in files:
        raise TamperedError("The stored estimator has no schema.", hint=_RESTORE)
    return files


_RESTORE = "Restore the file from where it was written."


def _stored(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            plain = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            size = sum(entry.file_size for entry in entries)
            if not plain or size > len(data) or len({entry.filename for entry in entries}) < len(entries):
                raise TamperedError("The stored estimator is not in the form it was written in.", hint=_RESTORE)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, KeyError) as error:
        if isinstance(error, TamperedError):
            raise
        raise TamperedError(f"The stored estimator cannot be read: {error}.", hint=_RESTORE) from error


def _pack(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


# ------------------------------------------------------------------------------------------------- nodes of the schema


def _node(node: Any, files: Mapping[str, bytes], written: dict[str, bytes], narrow: bool = True) -> Any:
    """Return a node of the schema in canonical form; files it names go to ``written``."""
    if isinstance(node, list):
        return [_node(item, files, written, narrow) for item in node]
    if not isinstance(node, dict):
        return node
    loader = node.get("__loader__")
    node = {key: item for key, item in node.items() if key != "__id__"}
    if loader == "JsonNode":
        return node | {"content": json.dumps(json.loads(node["content"]), ensure_ascii=False)}
    if loader == "DictNode":
        node = _sorted(node)
    elif loader == "ObjectNode":
        node = _without_what_is_not_state(node)
    elif loader == "NdArrayNode" and node["__class__"] == "memmap":
        node["__class__"] = "ndarray"
    elif loader == "MaskedArrayNode":
        files = dict(files)
        _clear_masked(node["content"], files)
    if "file" in node and loader is not None:
        extension = node["file"].rpartition(".")[2]
        content = _file(files[node["file"]], extension, narrow)
        node["file"] = f"{hashlib.sha256(content).hexdigest()}.{extension}"
        written[node["file"]] = content
    narrow = narrow and loader != "DTypeNode"
    result: dict[str, Any] = {}
    for key, item in node.items():
        if loader == "DictNode" and key == "content":  # its keys are the user's, not skops' words
            result[key] = {name: _node(value, files, written, narrow) for name, value in item.items()}
        else:
            result[key] = _node(item, files, written, narrow)
    if loader == "SetNode":
        result["content"].sort(key=lambda item: json.dumps(item))
    return result


def _select(node: dict[str, Any], keep: Callable[[str], bool]) -> dict[str, Any]:
    """Return a DictNode with some of its keys."""
    pairs = list(zip(node["key_types"]["content"], node["content"].items(), strict=True))
    kept = [(kind, pair) for kind, pair in pairs if keep(pair[0])]
    key_types = node["key_types"] | {"content": [kind for kind, _ in kept]}
    return node | {"content": dict(pair for _, pair in kept), "key_types": key_types}


def _sorted(node: dict[str, Any]) -> dict[str, Any]:
    kinds = node["key_types"]["content"]
    if len(kinds) != len(node["content"]):
        raise UnsupportedEstimatorError(
            f"A dict has keys that become the same text in a file: {sorted(node['content'])[:5]}.",
            hint="Use keys of one type.",
        )
    if node["__class__"] == "OrderedDict":
        return node
    pairs = sorted(zip(kinds, node["content"].items(), strict=True), key=lambda pair: pair[1][0])
    key_types = node["key_types"] | {"content": [kind for kind, _ in pairs]}
    return node | {"content": dict(pair for _, pair in pairs), "key_types": key_types}


def _without_what_is_not_state(node: dict[str, Any]) -> dict[str, Any]:
    state = node.get("content")
    if state is None:
        return node
    if node["__module__"] in NEIGHBOUR_TREES and state["__loader__"] == "TupleNode":
        items = list(state["content"])
        items[QUERY_COUNTERS] = [item | {"content": "0"} for item in items[QUERY_COUNTERS]]
        return node | {"content": state | {"content": items}}
    dropped = not_state(getattr(sys.modules.get(node["__module__"]), node["__class__"], object))
    if not dropped or state["__loader__"] != "DictNode":
        return node
    state = _select(state, lambda key: key not in dropped)
    results = state["content"].get("cv_results_")
    if "refit_time_" in dropped and results and results["__loader__"] == "DictNode":
        state["content"]["cv_results_"] = _select(results, lambda key: not key.endswith("_time"))
    return node | {"content": state}


# -------------------------------------------------------------------------------------------------------------- files


def _file(content: bytes, extension: str, narrow: bool) -> bytes:
    if extension == "npz":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _pack({name: _file(archive.read(name), "npy", narrow) for name in archive.namelist()})
    if extension != "npy":
        return content
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.kind in "US" and narrow:
        width = int(np.strings.str_len(array).max()) if array.size else 0
        return _saved(array.astype(f"{array.dtype.str[:2]}{max(1, width)}"))
    if array.dtype.names is not None:
        cleared = np.zeros(array.shape, array.dtype, order="F" if np.isfortran(array) else "C")
        for name in array.dtype.names:
            cleared[name] = array[name]
        return _saved(cleared)
    return content


def _saved(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _clear_masked(parts: dict[str, Any], files: dict[str, bytes]) -> None:
    data, mask = parts["data"], parts["mask"]
    if data.get("type") == "numpy":
        cells = np.load(io.BytesIO(files[data["file"]]), allow_pickle=False)
        cells[np.load(io.BytesIO(files[mask["file"]]), allow_pickle=False)] = np.zeros((), cells.dtype)
        files[data["file"]] = _saved(cells)
