"""Fitting a model on a data set of a workspace."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidParameterError, InvalidRequestError
from expunge.ledger.blinding import blind
from expunge.ledger.fields import check_name
from expunge.workspace.data import datasets, guard
from expunge.workspace.database.tables import model_versions
from expunge.workspace.database.tables import models as model_table
from expunge.workspace.models import gates, models
from expunge.workspace.storage import faults, journal
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.tabular.card import Card, read_schema
from expunge.workspace.tabular.catalogue import resolve_method, task_of, wraps_estimator
from expunge.workspace.tabular.pipelines import default_estimator
from expunge.workspace.tabular.preparing import prepared, refuse_unfit, told_as_invalid_data
from expunge.workspace.tabular.schema import Schema, choose_schema, read_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from expunge.workspace.models.versions import Manifest

__all__ = ["Fit", "enter", "fitted_on", "insert_version", "prepare_fit", "refuse_known", "retire"]


@dataclasses.dataclass(frozen=True)
class Fit:
    """A model that was fitted and not yet entered, and what it was fitted on."""

    model: Any
    card: Card
    table: pa.Table


def prepare_fit(
    core: Core, data: datasets.DataSet, *, target: str | None, method: str, estimator: str | None, task: str | None,
    options: Mapping[str, Any], columns: Mapping[str, str], ignore: Sequence[str], schema: str | Path | None,
    override: str = "", bare: bool = False,
) -> Fit:  # fmt: skip
    """Fit a model; nothing is entered yet. The parameters are those of :meth:`expunge.workspace.Workspace.fit`."""
    given = None if schema is None else read_schema(Path(schema))
    if given is not None and (columns or ignore or target is not None or task is not None):
        raise InvalidParameterError("A schema fixes columns, ids, target and task.", hint="Give it, or give them.")
    task = task or (None if given else task_of(method))
    table = datasets.read(core, data)
    chosen = given or _schema(data, table, target, task, columns, ignore)
    wanted = resolve_method(method, chosen.task)
    estimator = (estimator or default_estimator(chosen.task)) if wraps_estimator(wanted) else estimator
    card = Card(schema=chosen, method=wanted, estimator=estimator, options=dict(options), bare=bare)
    return Fit(fitted_on(core, card, data, table, override=override), card, table)


def enter(
    core: Core, name: str, data: datasets.DataSet, fit: Fit, *, gate: Mapping[str, Any], replace: bool, override: str
) -> models.Model:
    """Put a fitted model into chunks and make it current. The lock is held."""
    from expunge.workspace.models.versions import save_version

    known = refuse_known(core, name, replace=replace)
    settings = gates.checked(core, gate, fit.card.schema)
    made = save_version(core.store, fit.model)
    core.store.flush()
    faults.at("fit-chunks-written")
    with core.write() as connection:
        now = stamp(core.now())
        kept = models.ModelCard(card=fit.card, gate=settings)
        if known:
            number = known.id
            core.db.update(connection, model_table, number, dataset=data.id, card=kept.to_json())
            retire(core, connection, known)
        else:
            row = {"name": name, "dataset": data.id, "card": kept.to_json(), "created": now}
            number = core.db.insert(connection, model_table, row)
        version = known.version + 1 if known else 1
        insert_version(core, connection, number, name, version, data.version, made, gate={}, request=None)
        guard.log_override(core, connection, data.name, override)
    faults.at("fit-committed")
    with core.read() as connection:
        found = models.open_model(core, connection, name)
    core.cache[found.version_id] = made
    return found


def refuse_known(core: Core, name: str, *, replace: bool) -> models.Model | None:
    """The model of this name, if there is one and it is to be replaced."""
    check_name(name, "The name of a model")
    with core.read() as connection:
        known = next((model for model in models.live_models(core, connection) if model.name == name), None)
    if known is not None and not replace:
        raise InvalidRequestError(f"There is a model {name!r} already.", hint="Choose another name, or give --force.")
    return known


def _schema(
    data: datasets.DataSet, table: pa.Table, target: str | None, task: str | None, columns: Mapping[str, str],
    ignore: Sequence[str],
) -> Schema:  # fmt: skip
    card = data.card
    left_out = [name for name in (card.time_column,) if name and name not in columns and name != target]
    return choose_schema(
        table, record_id=card.record_id, target=target, subject_id=card.subject_id, task=task, columns=columns,
        ignore=[*ignore, *left_out],
    )  # fmt: skip


def fitted_on(
    core: Core, card: Card, data: datasets.DataSet, table: pa.Table, *, override: str = "", dormant: bool = False
) -> Any:
    """A fresh fit of a card on a table, under a seed that nobody can guess.

    Parameters
    ----------
    core, card, data, table
    override : str
        Why what was forgotten may come in again.
    dormant : bool
        Whether too little data is no error, as after forgetting.

    Raises
    ------
    ForgottenBeforeError
        A row was forgotten before.
    """
    rows = read_rows(table, card.schema)
    guard.refuse_forgotten(core, data.name, rows.ids, rows.subjects, override=override)
    model = prepared(card)
    model.set_params(seed=core.secrets.seed(f"seed {card.options.get('seed', 0)!r}"))
    if not dormant:
        refuse_unfit(model, card.schema, rows)
    with core.working_aside(), told_as_invalid_data(list(card.schema.columns)):
        model.fit(rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects, allow_dormant=dormant)
    return model


def insert_version(
    core: Core, connection: Any, model: int, name: str, version: int, data_version: int, made: Manifest, *,
    gate: Mapping[str, Any], request: str | None, commitment: str | None = None,
) -> int:  # fmt: skip
    """Enter a version: current, or a candidate if its gate failed. Its digest stands in the log, blinded."""
    row = {
        "model": model, "number": version, "state": "candidate" if gate.get("passed") is False else "current",
        "data_version": data_version, "manifest": made.entry.name, "mac": made.entry.mac, "digest": made.digest,
        "n_records": len(made.model._rows()), "created": stamp(core.now()), "gate": json.dumps(dict(gate)),
    }  # fmt: skip
    number = core.db.insert(connection, model_versions, row)
    fields = {"model": name, "version": version, "digest": commitment or blind(made.digest)[0], "request": request}
    journal.append(core, connection, "new-version", fields)
    return number


def retire(core: Core, connection: Any, model: models.Model) -> None:
    """Take a version out of use for good; the next scrub deletes it."""
    core.db.update(connection, model_versions, model.version_id, state="retired")
    core.cache.pop(model.version_id, None)
