"""Fitting a model on a data set of a workspace."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError, InvalidParameterError, InvalidRequestError
from expunge.ledger.blinding import blind
from expunge.paths import check_path
from expunge.table.ids import listed
from expunge.workspace.data import datasets, guard
from expunge.workspace.database.tables import model_versions
from expunge.workspace.database.tables import models as model_table
from expunge.workspace.models import gates, models, predictions
from expunge.workspace.rules.names import check_own_name
from expunge.workspace.storage import faults, journal
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.tabular.card import Card, read_schema
from expunge.workspace.tabular.catalogue import blueprint_of, resolve_method, task_of, wraps_estimator
from expunge.workspace.tabular.pipelines import default_estimator
from expunge.workspace.tabular.preparing import (
    prepared,
    refuse_unfit,
    told_as_invalid_data,
    warn_of_days,
    warn_of_many_classes,
    warn_of_names,
)
from expunge.workspace.tabular.reading import TableRows, read_rows, with_target
from expunge.workspace.tabular.schema import Schema, choose_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from expunge.workspace.models.versions import Manifest

__all__ = ["Fit", "enter", "fitted_on", "insert_version", "prepare_fit", "refuse_known", "retire"]

Learn = Callable[[Any, TableRows], object]


@dataclasses.dataclass(frozen=True)
class Fit:
    """A model that was fitted and not yet entered, what it was fitted on, and the files that it was taken over from.

    Parameters
    ----------
    model : Unlearner
    card : Card
    table : pyarrow Table
    taken_from : tuple of str
        Names of the files, if any.
    """

    model: Any
    card: Card
    table: pa.Table
    taken_from: tuple[str, ...] = ()


def prepare_fit(
    core: Core, data: datasets.DataSet, *, target: str | None, method: str, estimator: str | None, task: str | None,
    options: Mapping[str, Any], columns: Mapping[str, str], ignore: Sequence[str], schema: str | Path | None,
    override: str = "", bare: bool = False, drop_missing_target: bool = False, learn: Learn | None = None,
) -> Fit:  # fmt: skip
    """Fit a model; nothing is entered yet. The parameters are those of :meth:`expunge.workspace.Workspace.fit`.

    ``learn`` is given the model and the rows, in the place of a fit.

    Raises
    ------
    InvalidParameterError
        A schema is given, and what it fixes, too; or what the method has no use for.
    """
    given = None if schema is None else read_schema(check_path(schema))
    if given is not None and (columns or ignore or target is not None or task is not None):
        raise InvalidParameterError("A schema fixes columns, ids, target and task.", hint="Give it, or give them.")
    blueprint = blueprint_of(method, options)
    if blueprint is not None and given is None:
        task, target = task or blueprint.kind, target or blueprint.target
    task = task or (None if given else task_of(method))
    if task == "other":
        resolve_method(method, None)  # says why it is not fitted here
    table = datasets.read(core, data)
    chosen = given or _schema(data, table, target, task, columns, ignore)
    wanted = resolve_method(method, chosen.task)
    estimator = (estimator or default_estimator(chosen.task)) if wraps_estimator(wanted) else estimator
    if bare and learn is None and wraps_estimator(wanted):
        raise InvalidParameterError(
            f"{wanted} wraps an estimator, which has transformers of its own.",
            hint="Leave --bare out, or choose a method of numbers: see `expunge methods`.",
        )
    if drop_missing_target and chosen.target is None:
        raise InvalidParameterError(
            f"A model for {chosen.task} learns from no target.", hint="Leave --drop-missing-target out."
        )
    card = Card(
        schema=chosen, method=wanted, estimator=estimator, options=dict(options), bare=bare,
        drop_missing_target=drop_missing_target,
    )  # fmt: skip
    return Fit(fitted_on(core, card, data, table, override=override, learn=learn), card, table)


def enter(
    core: Core, name: str, data: datasets.DataSet, fit: Fit, *, gate: Mapping[str, Any], replace: bool, override: str
) -> models.Model:
    """Put a fitted model into chunks and make it current. The lock is held."""
    from expunge.workspace.models.versions import save_version

    known = refuse_known(core, name, replace=replace)
    settings = gates.checked(core, gate, fit.card.schema, fit.model)
    made = save_version(core.store, fit.model)
    core.store.flush()
    faults.at("fit-chunks-written")
    with core.write() as connection:
        now = stamp(core.now())
        before = known.card.taken_from if known else ()  # a model that was fitted anew deletes no file
        kept = models.ModelCard(card=fit.card, gate=settings, taken_from=fit.taken_from or before)
        if known:
            number = known.id
            core.db.update(connection, model_table, number, dataset=data.id, card=kept.to_json())
            retire(core, connection, known)
            if gone := predictions.outdate(core, connection, models=[known.id]):
                warnings.warn(f"Kept predictions were deleted: {', '.join(gone)}.", UserWarning, stacklevel=2)
        else:
            row = {"name": name, "dataset": data.id, "card": kept.to_json(), "created": now}
            number = core.db.insert(connection, model_table, row)
        version = 1 + (known.version if known else int(core.db.get_meta(connection, f"last-version/{name}", "0")))
        insert_version(core, connection, number, name, version, data.version, made, gate={}, request=None)
        guard.log_override(core, connection, data.name, override)
    faults.at("fit-committed")
    with core.read() as connection:
        found = models.open_model(core, connection, name)
    core.cache[found.version_id] = made
    return found


def refuse_known(
    core: Core, name: str, *, replace: bool, hint: str = "Choose another name, or give --force."
) -> models.Model | None:
    """The model of this name, if there is one and it is to be replaced; the hint says what else can be done.

    Raises
    ------
    InvalidRequestError
        The name is taken.
    """
    check_own_name(name, "model")
    with core.read() as connection:
        known = next((model for model in models.live_models(core, connection) if model.name == name), None)
    if known is not None and not replace:
        raise InvalidRequestError(f"There is a model {name!r} already.", hint=hint)
    return known


def _schema(
    data: datasets.DataSet, table: pa.Table, target: str | None, task: str | None, columns: Mapping[str, str],
    ignore: Sequence[str],
) -> Schema:  # fmt: skip
    card = data.card
    left_out = [name for name in (card.time_column,) if name and name not in columns and name != target]
    for name in left_out:
        if name not in listed(ignore):
            warnings.warn(
                f"The column {name!r} is the time that counts for how long records are kept, and is not learned from. "
                f"Say --columns {name}=text (or number), where it is to be.", UserWarning, stacklevel=2,
            )  # fmt: skip
    return choose_schema(
        table, record_id=card.record_id, target=target, subject_id=card.subject_id, task=task, columns=columns,
        ignore=[*listed(ignore), *left_out],
    )  # fmt: skip


def fitted_on(
    core: Core, card: Card, data: datasets.DataSet, table: pa.Table, *, override: str = "", dormant: bool = False,
    learn: Learn | None = None,
) -> Any:  # fmt: skip
    """A fresh fit of a card on a table, under a seed that nobody can guess.

    Parameters
    ----------
    core, card, data, table
    override : str
        Why what was forgotten may come in again.
    dormant : bool
        Whether too little data is no error, as after forgetting.
    learn : callable, optional
        From the model and the rows, in the place of a fit: for a model that was trained elsewhere.

    Raises
    ------
    ForgottenBeforeError
        A row was forgotten before.
    """
    rows = read_rows(with_target(table, card.schema) if card.drop_missing_target else table, card.schema)
    guard.refuse_forgotten(core, data.name, rows.ids, rows.subjects, override=override)
    model = prepared(card, from_elsewhere=learn is not None)
    model.set_params(seed=core.secrets.seed(f"seed {card.options.get('seed', 0)!r}"))
    if not dormant:
        if not rows.ids:
            raise InvalidDataError(f"No record has a target {card.schema.target!r}.", hint="Fill it in.")
        refuse_unfit(model, card, rows, from_elsewhere=learn is not None)
        warn_of_days(model, card, rows)
        warn_of_names(model, card, rows)
        warn_of_many_classes(card, rows)
    with core.working_aside(), told_as_invalid_data(list(card.schema.columns)):
        if learn is not None:
            learn(model, rows)
        else:
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
