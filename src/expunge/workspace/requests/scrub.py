"""Nothing left: delete everything that no live version names, and empty what a database keeps of what was there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from expunge.errors import TamperedError
from expunge.workspace.data import datasets
from expunge.workspace.data.comparing import compare_index
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.database.tables import intents, model_versions, versions
from expunge.workspace.models import models, predictions
from expunge.workspace.storage import faults
from expunge.workspace.storage.core import Core

__all__ = ["check", "live_chunks", "scrub"]


def live_chunks(core: Core, connection: Any) -> set[str]:
    """Names of all chunks that a live version of a data set or model names."""
    from expunge.workspace.models.versions import named_chunks

    live: set[str] = set()
    for row in core.db.rows(connection, dataset_table):
        data = datasets.open_data(core, connection, row["name"])
        live |= {bucket["chunk"] for bucket in data.buckets.values() if "chunk" in bucket}
        live |= {data.manifest.name} if data.manifest is not None else set()
    for model in models.live_models(core, connection):
        held = models.in_memory(core, model)
        live |= held.chunks() if held is not None else named_chunks(core.store, model.entry, model.name)
    return live


def scrub(core: Core, then: Callable[[Any], None] | None = None) -> None:
    """Delete old versions, chunks that nothing names, outdated predictions and all work aside. May be repeated.

    Parameters
    ----------
    core : Core
        The lock is held.
    then : callable, optional
        Called with the connection of the transaction that takes the rows of old versions away, at its end. The
        log of the database is not emptied then: more is about to be written.
    """
    core.layout.refuse_links()
    with core.read() as connection:
        live = live_chunks(core, connection)
    core.store.discard()
    core.store.sweep(live)
    faults.at("scrub-chunks-deleted")
    with core.read() as connection:
        outdated = predictions.delete_outdated(core, connection)
    core.empty_tmp()
    if then is not None:
        check(core)
    with core.write() as connection:
        connection.execute(versions.delete().where(versions.c.live == 0))
        connection.execute(model_versions.delete().where(model_versions.c.state == "retired"))
        predictions.drop(connection, outdated)
        connection.execute(intents.delete())
        if then is not None:
            then(connection)
    faults.at("scrub-rows-deleted")
    if then is None:
        core.db.truncate_log()


def check(core: Core) -> None:
    """Refuse a workspace in which a chunk is missing, or is there without being named.

    Raises
    ------
    TamperedError
        The chunk is named.
    """
    with core.read() as connection:
        live = live_chunks(core, connection)
    found = core.store.names()
    if missing := sorted(live - found):
        raise TamperedError(f"Chunk {missing[0][:12]} is missing.", hint="Restore it from a copy.")
    if left := sorted(found - live):
        raise TamperedError(f"Chunk {left[0][:12]} is named by nothing and could not be deleted.", hint="Delete it.")


def read_everything(core: Core) -> None:
    """Read every chunk, and compare it with what is kept about it, and the index with the rows; names what differs."""
    with core.read() as connection:
        for row in core.db.rows(connection, dataset_table):
            data = datasets.open_data(core, connection, row["name"])
            compare_index(core, connection, data)
        for model in models.live_models(core, connection):
            core.cache.pop(model.version_id, None)
            models.load(core, model)
