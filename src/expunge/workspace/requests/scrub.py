"""Nothing left: delete everything that no live version names, and empty what a database keeps of what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from expunge.errors import TamperedError
from expunge.workspace.data import datasets
from expunge.workspace.database.tables import artefacts, intents, model_versions, versions
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.models import models
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
        held = core.cache.get(model.version_id)
        live |= held.chunks() if held is not None else named_chunks(core.store, model.entry, model.name)
    return live


def scrub(core: Core, changed: Iterable[str] = (), then: Callable[[Any], None] | None = None) -> None:
    """Delete old versions, chunks that nothing names, stale predictions and all work aside. May be repeated.

    Parameters
    ----------
    core : Core
        The lock is held.
    changed : iterable of str
        Models of which a new version is in use; predictions of earlier ones are deleted.
    then : callable, optional
        Called with the connection of the transaction that takes the rows of old versions away, at its end. The
        log of the database is not emptied then: more is about to be written.
    """
    with core.read() as connection:
        live = live_chunks(core, connection)
    core.store.discard()
    core.store.sweep(live)
    faults.at("scrub-chunks-deleted")
    with core.read() as connection:
        owned = stale_predictions(core, connection, set(changed))
    for _, path in owned:
        path.unlink(missing_ok=True)
    core.empty_tmp()
    if then is not None:
        check(core)
    with core.write() as connection:
        connection.execute(versions.delete().where(versions.c.live == 0))
        connection.execute(model_versions.delete().where(model_versions.c.state == "retired"))
        for number, _ in owned:
            connection.execute(artefacts.delete().where(artefacts.c.id == number))
        connection.execute(intents.delete())
        if then is not None:
            then(connection)
    faults.at("scrub-rows-deleted")
    if then is None:
        core.db.truncate_log()


def stale_predictions(core: Core, connection: Any, changed: set[str]) -> list[tuple[int, Path]]:
    """Predictions in the workspace that were made by models which have changed since."""
    by_id = {model.id: model.name for model in models.live_models(core, connection)}
    rows = core.db.rows(connection, artefacts, artefacts.c.kind == "prediction")
    return [(row["id"], core.layout.predictions / row["place"]) for row in rows if by_id.get(row["model"]) in changed]


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
    """Read every chunk, and compare it with what is kept about it; the first that differs is named."""
    with core.read() as connection:
        for row in core.db.rows(connection, dataset_table):
            data = datasets.open_data(core, connection, row["name"])
            for name in data.buckets if data.is_copied else ():
                datasets.read_bucket(core, data, name)
        for model in models.live_models(core, connection):
            core.cache.pop(model.version_id, None)
            models.load(core, model)
