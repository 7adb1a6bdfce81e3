"""The work of a batch of requests, aside from everything that is in use: new buckets, new versions of models.

Nothing here changes what a reader sees. :mod:`.carrying_out` switches to what was made, in one transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expunge.digest import leaf
from expunge.errors import LimitBrokenError, UnsupportedRequestError
from expunge.params import canonical_params
from expunge.records import Rectification, Removal
from expunge.workspace.data import datasets
from expunge.workspace.data.data_card import DataCard
from expunge.workspace.models import gates, models
from expunge.workspace.requests import auditing, correcting
from expunge.workspace.requests.targets import Held
from expunge.workspace.storage import faults
from expunge.workspace.storage.chunks import Entry
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.preparing import live_schema, prepared

if TYPE_CHECKING:
    import pyarrow as pa

    from expunge.workspace.models.versions import Manifest

__all__ = ["Audit", "Job", "NewData", "NewModel", "planned", "prepare_data", "prepare_models", "refuse_unable"]

#: Figures of an audit, from the model that forgot and the rows that it forgot.
Audit = Callable[[Any, Any], Mapping[str, Any]]


@dataclasses.dataclass
class Job:
    """One request on its way.

    Parameters
    ----------
    number : int
    kind : str
    payload : mapping
    held : list of Held
    """

    number: int
    kind: str
    payload: Mapping[str, Any]
    held: list[Held]


@dataclasses.dataclass
class NewData:
    """The next version of a data set, not yet in use.

    Parameters
    ----------
    before : DataSet
    card : DataCard
    entry : Entry
    row : dict
    handles : list of bytes
    come : pyarrow Table or None
    """

    before: datasets.DataSet
    card: DataCard
    entry: Entry
    row: dict[str, Any]
    handles: list[bytes]
    come: pa.Table | None


@dataclasses.dataclass
class NewModel:
    """The next version of a model, not yet in use.

    Parameters
    ----------
    before : Model
    made : Manifest
    removal : Removal or Rectification
    digest_before, configuration : str
    gate, counts : dict
    features : list of str
    audit : dict or None
    data : DataSet
    """

    before: models.Model
    made: Manifest
    removal: Removal | Rectification
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
        table = correcting.corrected(core, one.data, payload["rows"]) if kind == "rectify" else None
        for model in one.models:
            live = models.load(core, model).model
            asked = _asked(live, kind, payload, one, model, table)
            if asked:
                out.append((model.name, (live.plan_rectify if kind == "rectify" else live.plan)(**asked)))
    return out


def refuse_unable(kind: str, held: Sequence[Held]) -> None:
    """Refuse what the method of one of the models does not serve, without reading a model.

    A model is not asked about columns that it was fitted without. Of a method whose package is not installed nobody
    knows: the request is taken in, and waits for it.

    Raises
    ------
    UnsupportedRequestError
        The method does not serve this request.
    """
    wanted = "features" if kind == "feature" else "records"
    for one in held:
        for model in one.models:
            card = model.card.card
            if kind == "feature" and not set(one.features).intersection(card.schema.columns):
                continue
            try:
                method = prepared(card)
            except models.NOT_INSTALLED:
                continue
            _refuse_unserved(model, method, wanted)


def _refuse_unserved(model: models.Model, method: Any, wanted: str) -> None:
    from expunge.requests import serves

    if not serves(method, wanted):
        raise UnsupportedRequestError(
            f"{model.name!r} ({type(method).__name__}) cannot forget {wanted}.",
            hint=f"Fit it again without them, with --force, or take it out first: expunge model remove {model.name}.",
        )


def _asked(
    live: Any, kind: str, payload: Mapping[str, Any], one: Held, model: models.Model, table: pa.Table | None
) -> dict[str, Any]:
    """The arguments of a model's ``forget`` or ``rectify``; empty if it knows nothing of it.

    Which columns a model has learned its card says: one that learned texts calls them by no name.

    Raises
    ------
    UnsupportedRequestError
        It has learned a column, and cannot do without.
    """
    card = model.card.card
    if kind == "feature":
        columns = live_schema(card, live).columns
        names = [name for name in one.features if name in columns]
        if names:
            _refuse_unserved(model, live, "features")
        return {"features": names} if names else {}
    if kind == "subject" and not one.data.is_copied and not one.ids:
        return {}
    known = live._rows().known(one.ids)
    if known and table is not None:
        return correcting.arguments(live, card, table, payload["rows"], known)
    return {"record_ids": known} if known else {}


def prepare_data(core: Core, jobs: Sequence[Job]) -> dict[int, NewData]:
    """New versions of all data sets that the jobs touch, in chunks."""
    out: dict[int, NewData] = {}
    for data in {held.data.id: held.data for job in jobs for held in job.held}.values():
        mine = [held for job in jobs for held in job.held if held.data.id == data.id]
        features = [name for held in mine for name in held.features]
        come = next(
            (correcting.corrected(core, data, job.payload["rows"]) for job in jobs if job.kind == "rectify"), None
        )
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
        settings, card = model.card.gate, model.card.card
        correction = next((job for job, _, _ in together if job.kind == "rectify"), None)
        table = None if correction is None else correcting.corrected(core, data, correction.payload["rows"])
        asked = {job.number: _asked(live, job.kind, job.payload, held, model, table) for job, held, _ in together}
        if not any(asked.values()):
            continue
        core.cache.pop(model.version_id, None)  # it is about to change in memory, and may fail
        before = gates.figures_before(core, settings, card, live)
        features = list(dict.fromkeys(name for args in asked.values() for name in args.get("features", ())))
        ids = list(dict.fromkeys(value for args in asked.values() for value in args.get("record_ids", ())))
        rows = live._rows()
        is_asked = audit is not None or any(job.payload.get("audit") for job, _, _ in together)
        gone = rows.peek(rows.find(ids)) if is_asked and ids and correction is None else None
        with core.working_aside():
            removal = _changed(model.name, live, ids, features, asked[correction.number] if correction else None)
        out.append(NewModel(
            model, save_version(core.store, live, manifest), removal, manifest.digest,
            gates.judged(core, settings, card, before, live),
            {number: len(args.get("record_ids", ())) for number, args in asked.items() if args},
            leaf({"method": card.method, "params": _plain_params(live)}).hex(), features,
            _audited(core, audit, model, data, live, gone, [job for job, _, _ in together]), data,
        ))  # fmt: skip
        faults.at("forget-model-written")
    return out


def _changed(
    name: str, live: Any, ids: Sequence[Any], features: Sequence[str], correction: Mapping[str, Any] | None
) -> Removal | Rectification:
    """Have a model forget or correct; where its limits break, the sentence names it, and what changes them."""
    try:
        if correction is not None:
            return live.rectify(**correction)  # type: ignore[no-any-return]
        return live.forget(features=features) if features else live.forget(ids)  # type: ignore[no-any-return]
    except LimitBrokenError as error:
        raise LimitBrokenError(
            f"Model {name!r} stops the request. {error.message}",
            hint=f"{error.hint} `expunge model change {name} --option NAME=VALUE` changes limits and strength, "
            "--method the method.",
        ) from error


def _audited(
    core: Core, audit: Audit | None, model: models.Model, data: datasets.DataSet, live: Any, gone: Any,
    jobs: Sequence[Job],
) -> dict[str, Any] | None:  # fmt: skip
    """Figures of an audit, by the function of a caller or as the requests ask; the most that one of them asks."""
    if gone is None:
        return None
    if audit is not None:
        return dict(audit(live, gone))
    most = max((job.payload for job in jobs), key=lambda payload: int(payload.get("audit", 0)))
    return auditing.audited(
        core, model, data, live, gone.ids.tolist(), n_references=most["audit"], held_out=most["held_out"]
    )


def _plain_params(live: Any) -> dict[str, Any]:
    """Constructor arguments without the seed, which is a secret."""
    return {name: value for name, value in canonical_params(live).items() if name != "seed"}
