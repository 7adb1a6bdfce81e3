"""The work of a batch of requests, aside from everything that is in use: new buckets, new versions of models.

Nothing here changes what a reader sees. :mod:`.carrying_out` switches to what was made, in one transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expunge.digest import leaf
from expunge.errors import ExpungeError, InvalidRequestError, UnsupportedRequestError
from expunge.params import canonical_params
from expunge.records import Removal
from expunge.workspace.data import datasets
from expunge.workspace.models import gates, models
from expunge.workspace.requests.targets import Held
from expunge.workspace.storage import faults
from expunge.workspace.storage.chunks import Entry
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.preparing import live_schema
from expunge.workspace.tabular.schema import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from expunge.workspace.models.versions import Manifest

__all__ = ["Audit", "Job", "NewData", "NewModel", "planned", "prepare_data", "prepare_models", "refuse_unable"]

#: Figures of an audit, from the model that forgot and the rows that it forgot.
Audit = Callable[[Any, Any], Mapping[str, Any]]


@dataclasses.dataclass
class Job:
    """One request on its way."""

    number: int
    kind: str
    payload: Mapping[str, Any]
    held: list[Held]


@dataclasses.dataclass
class NewData:
    """The next version of a data set, not yet in use."""

    before: datasets.DataSet
    card: datasets.DataCard
    entry: Entry
    row: dict[str, Any]
    handles: list[bytes]
    come: pa.Table | None


@dataclasses.dataclass
class NewModel:
    """The next version of a model, not yet in use."""

    before: models.Model
    made: Manifest
    removal: Removal
    digest_before: str
    gate: dict[str, Any]
    counts: dict[int, int]
    configuration: str
    features: list[str]
    audit: dict[str, Any] | None
    data: datasets.DataSet


def planned(core: Core, kind: str, payload: Mapping[str, Any], held: Sequence[Held]) -> list[tuple[str, Any]]:
    """What each model says about forgetting this; refuses what one of them cannot do. Changes nothing."""
    out = []
    for one in held:
        for model in one.models:
            live = models.load(core, model).model
            asked = _asked(live, kind, payload, one)
            if asked:
                if kind == "rectify" and not callable(getattr(live, "learn", None)):
                    raise UnsupportedRequestError(f"{model.name!r} cannot learn again.", hint="Fit it again instead.")
                out.append((model.name, live.plan(**asked)))
    return out


def refuse_unable(core: Core, kind: str, held: Sequence[Held]) -> None:
    """Refuse what the method of one of the models does not serve, without looking for the records."""
    wanted = "features" if kind == "feature" else "records"
    for one in held:
        for model in one.models:
            method = type(models.load(core, model).model)
            if wanted not in method._requests:
                raise UnsupportedRequestError(
                    f"{model.name!r} ({method.__name__}) cannot forget {wanted}.",
                    hint="Fit it again without them, with --force, first.",
                )


def _asked(live: Any, kind: str, payload: Mapping[str, Any], one: Held) -> dict[str, Any]:
    """The arguments of a model's ``forget``; empty if it knows nothing of it."""
    if kind == "feature":
        names = set(getattr(live, "feature_names_in_", ()))
        known = [name for name in one.features if name in names]
        return {"features": known} if known else {}
    if kind == "subject" and not one.data.is_copied and not one.ids:
        return {}
    known = _known(live, one.ids)
    return {"record_ids": known} if known else {}


def _known(live: Any, ids: Sequence[Any]) -> list[Any]:
    rows = live._rows()
    if not ids or not len(rows):
        return []
    from expunge.table.ids import check_ids

    wanted = check_ids(list(dict.fromkeys(ids)))
    return list(wanted[rows._ids.known(wanted, rows.alive)].tolist())


def prepare_data(core: Core, jobs: Sequence[Job]) -> dict[int, NewData]:
    """New versions of all data sets that the jobs touch, in chunks."""
    out: dict[int, NewData] = {}
    for data in {held.data.id: held.data for job in jobs for held in job.held}.values():
        mine = [held for job in jobs for held in job.held if held.data.id == data.id]
        features = [name for held in mine for name in held.features]
        come = next((_corrected(job, data) for job in jobs if job.kind == "rectify"), None)
        if features:
            card, made = datasets.drop_column(core, data, features)
            handles: list[bytes] = []
        else:
            ids = list(dict.fromkeys(value for held in mine for value in held.ids))
            card, (made, _) = data.card, datasets.replace_rows(core, data, ids, come)
            handles = list(dict.fromkeys(handle for held in mine for handle in held.handles))
        if not data.is_copied:
            made = datasets.summed_without(core, data, handles, come)
        entry, row = datasets.write_version(core, card, made)
        out[data.id] = NewData(data, card, entry, row, handles, come)
        faults.at("forget-data-written")
    return out


def _corrected(job: Job, data: datasets.DataSet) -> pa.Table:
    """The rows of a rectification, in the form of the data set."""
    import pyarrow as pa

    rows = job.payload["rows"]
    missing = [name for name in data.card.columns if name not in rows]
    if missing:
        raise InvalidRequestError(f"The corrected rows lack the column {missing[0]!r}.", hint="Give whole rows.")
    return pa.table({name: pa.array(rows[name]) for name in data.card.columns})


def prepare_models(core: Core, jobs: Sequence[Job], audit: Audit | None = None) -> list[NewModel]:
    """New versions of all models that know something of what the jobs are about, in chunks."""
    from expunge.workspace.models.versions import save_version

    out: list[NewModel] = []
    mine: dict[int, list[tuple[Job, Held, models.Model]]] = {}
    for job in jobs:
        for held in job.held:
            for model in held.models:
                mine.setdefault(model.id, []).append((job, held, model))
    for together in mine.values():
        model, data = together[0][2], together[0][1].data
        manifest = models.load(core, model)
        live = manifest.model
        asked = {job.number: _asked(live, job.kind, job.payload, held) for job, held, _ in together}
        if not any(asked.values()):
            continue
        core.cache.pop(model.version_id, None)  # it is about to change in memory, and may fail
        settings, card = model.card.gate, model.card.card
        before = _figures(core, settings, card, live)
        features = list(dict.fromkeys(name for args in asked.values() for name in args.get("features", ())))
        ids = list(dict.fromkeys(value for args in asked.values() for value in args.get("record_ids", ())))
        rows = live._rows()
        gone = rows.peek(rows.find(ids)) if audit is not None and ids else None
        with core.working_aside():
            removal = live.forget(features=features) if features else live.forget(ids)
            for job, held, _ in together:
                if job.kind == "rectify":
                    _learn_again(live, card, _corrected(job, held.data))
        out.append(NewModel(
            model, save_version(core.store, live, manifest), removal, manifest.digest,
            gates.judged(core, settings, card, before, live),
            {number: len(args.get("record_ids", ())) for number, args in asked.items() if args},
            leaf({"method": card.method, "params": _plain_params(live)}).hex(), features,
            None if audit is None or gone is None else dict(audit(live, gone)), data,
        ))  # fmt: skip
        faults.at("forget-model-written")
    return out


def _figures(core: Core, settings: Mapping[str, Any], card: Any, live: Any) -> Any:
    if not settings:
        return None
    try:
        return gates.figures(core, settings, card, live)
    except ExpungeError:
        return None


def _plain_params(live: Any) -> dict[str, Any]:
    """Constructor arguments without the seed, which is a secret."""
    return {name: value for name, value in canonical_params(live).items() if name != "seed"}


def _learn_again(live: Any, card: Any, table: pa.Table) -> None:
    rows = read_rows(table, live_schema(card, live))
    live.learn(rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects)
