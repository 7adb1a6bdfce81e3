"""Versions of models as chunks: a manifest, one chunk for each part, one for each group of row blocks.

The leaves of the digest name the chunks, so a removal writes what it touched and nothing else, and saving hashes
nothing that the model has not hashed already. What is read back has the digest that was written, or is refused.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from expunge.digest import root
from expunge.errors import ExpungeError, TamperedError
from expunge.files.archive import archive_bytes, archive_contents, array_bytes, array_from_bytes
from expunge.files.libraries import differing, libraries_of
from expunge.files.packing import head, pack_part, rebuilt, unpack, unpack_head
from expunge.methods import OWN_ESTIMATORS, find_method
from expunge.rows import N_BLOCKS
from expunge.table.columns import joined
from expunge.workspace.storage.chunks import ChunkStore, Entry

__all__ = ["GROUPS", "Manifest", "load_version", "save_version"]

#: Rows are cut into so many chunks, each of a run of blocks of the digest.
GROUPS = 64

_BLOCKS = N_BLOCKS // GROUPS


@dataclasses.dataclass
class Manifest:
    """What the manifest of a version says of its chunks, and the model itself.

    Parameters
    ----------
    model : Unlearner
    entry : Entry
    digest : str
    parts, groups : dict of str to dict
    """

    model: Any
    entry: Entry
    digest: str
    parts: dict[str, dict[str, Any]]
    groups: dict[str, dict[str, Any]]

    def chunks(self) -> set[str]:
        """Names of all chunks of the version, its manifest included."""
        return _chunks(self.entry, self.parts, self.groups)


def save_version(store: ChunkStore, model: Any, before: Manifest | None = None) -> Manifest:
    """Put a model into chunks.

    Parameters
    ----------
    store : ChunkStore
        Flushed by the caller.
    model : Unlearner
    before : Manifest, optional
        Of the version that it comes from: chunks that are the same are not made again.

    Returns
    -------
    Manifest
    """
    digest, state = model.digest(), model._state()
    old = (
        {} if before is None else {chunk["chunk"]: chunk for chunk in [*before.parts.values(), *before.groups.values()]}
    )
    parts = {}
    for name, part in sorted(state.parts.items()):
        leaf = state.leaves[name]
        kept = old.get(store.name_of("part", leaf))
        parts[name] = kept or _put_part(store, part, leaf)
    groups: dict[str, dict[str, Any]] = {}
    blocked = state.rows.blocked()
    for group in range(GROUPS):
        inside = {b: blocked[b] for b in range(group * _BLOCKS, (group + 1) * _BLOCKS) if b in blocked}
        if not inside:
            continue
        leaves = {str(block): state.row_leaves[block] for block in inside}
        kept = old.get(store.name_of("rows", root(leaves)))
        groups[f"{group:02d}"] = kept or _put_group(store, state.rows, inside, leaves)
    entries: dict[str, bytes] = {}
    manifest = head(model, entries) | {
        "kind": "version", "parts": parts, "groups": groups, "rows": state.rows.schema(), "doubt": state.doubt,
        "rate": state.rate, "digest": digest,
    }  # fmt: skip
    manifest["libraries"] = libraries_of(entries)
    data = archive_bytes(manifest, entries)
    entry = store.put("version", hashlib.sha256(data).digest(), data)
    return Manifest(model, entry, digest, parts, groups)


def _put_part(store: ChunkStore, part: Mapping[str, Any], leaf: bytes) -> dict[str, Any]:
    entries: dict[str, bytes] = {}
    packed = pack_part(part, "part", entries)
    data = archive_bytes({"kind": "part", "part": packed}, entries)
    entry = store.put("part", leaf, data)
    return {"chunk": entry.name, "mac": entry.mac, "leaf": leaf.hex(), "libraries": libraries_of(entries)}


def _put_group(store: ChunkStore, rows: Any, inside: Mapping[int, Any], leaves: Mapping[str, bytes]) -> dict[str, Any]:
    arrays = rows.arrays(np.concatenate(list(inside.values())))
    data = archive_bytes({"kind": "rows"}, {f"{name}.npy": array_bytes(array) for name, array in arrays.items()})
    entry = store.put("rows", root(leaves), data)
    return {"chunk": entry.name, "mac": entry.mac, "leaves": {block: leaf.hex() for block, leaf in leaves.items()}}


def load_version(store: ChunkStore, entry: Entry, name: str) -> Manifest:
    """The model of a version.

    Parameters
    ----------
    store : ChunkStore
    entry : Entry
        Of its manifest, as the database has it.
    name : str
        For sentences of errors.

    Raises
    ------
    TamperedError
        A chunk is missing or is not what was written; which one is said.
    """
    raw = store.get(entry, f"manifest of model {name}")
    manifest, entries = archive_contents(raw, f"manifest of model {name}")
    try:
        model = unpack_head(manifest, entries, OWN_ESTIMATORS, find_method)
        parts = {
            key: _read_part(store, chunk, f"part {key} of model {name}") for key, chunk in manifest["parts"].items()
        }
        groups = [
            _read_group(store, chunk, f"rows {group} of model {name}") for group, chunk in manifest["groups"].items()
        ]
        fitted = rebuilt(model, manifest["rows"], joined(groups), parts, manifest["doubt"])
    except ExpungeError as error:
        others = differing(_libraries(manifest))
        if others and not isinstance(error, TamperedError):
            raise type(error)(f"{error.message} It was made with {others}.", hint=error.hint) from error
        raise
    fitted.leaves = {key: bytes.fromhex(chunk["leaf"]) for key, chunk in manifest["parts"].items()}
    fitted.row_leaves = {
        int(block): bytes.fromhex(leaf)
        for chunk in manifest["groups"].values()
        for block, leaf in chunk["leaves"].items()
    }
    fitted.rate = manifest["rate"]
    model._fitted = fitted
    if model.digest() != manifest["digest"]:
        raise TamperedError(f"Model {name} is not what was written: its digest differs.", hint="Restore it.")
    return Manifest(model, entry, manifest["digest"], dict(manifest["parts"]), dict(manifest["groups"]))


def named_chunks(store: ChunkStore, entry: Entry, name: str) -> set[str]:
    """Names of all chunks of a version, without reading them."""
    manifest, _ = archive_contents(store.get(entry, f"manifest of model {name}"), f"manifest of model {name}")
    return _chunks(entry, manifest["parts"], manifest["groups"])


def _chunks(entry: Entry, *held: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {entry.name, *(chunk["chunk"] for one in held for chunk in one.values())}


def _libraries(manifest: Mapping[str, Any]) -> dict[str, str]:
    out = dict(manifest["libraries"])
    for chunk in manifest["parts"].values():
        out.update(chunk["libraries"])
    return out


def _read_part(store: ChunkStore, chunk: Mapping[str, Any], what: str) -> dict[str, Any]:
    manifest, entries = archive_contents(store.get(Entry(chunk["chunk"], chunk["mac"]), what), what)
    return unpack(manifest["part"], entries, OWN_ESTIMATORS, find_method)


def _read_group(store: ChunkStore, chunk: Mapping[str, Any], what: str) -> dict[str, Any]:
    _, entries = archive_contents(store.get(Entry(chunk["chunk"], chunk["mac"]), what), what)
    return {name.removesuffix(".npy"): array_from_bytes(data) for name, data in entries.items()}
