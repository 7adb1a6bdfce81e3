"""Gates: a new version of a model is a candidate until it predicts well enough beside the one before it.

A gate names a data set of the workspace that the model did not learn from, the largest drop of accuracy (or, for
numbers, the largest rise of the mean absolute error, as a share), and perhaps a column whose groups are looked at: the
gap between the best and the worst group may not exceed a limit. It holds figures, no value of a record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from expunge.errors import (
    ExpungeError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnsupportedRequestError,
)
from expunge.workspace.data import datasets
from expunge.workspace.database.tables import model_versions
from expunge.workspace.models.models import Model, open_model
from expunge.workspace.tabular.preparing import live_schema
from expunge.workspace.tabular.reading import read_rows

if TYPE_CHECKING:
    from expunge.workspace.storage.core import Core
    from expunge.workspace.tabular.card import Card
    from expunge.workspace.tabular.schema import Schema

__all__ = ["checked", "figures", "figures_before", "judged", "promote"]

_NUMBERS = ("max_drop", "max_gap")
SETTINGS = ("data", "max_drop", "max_gap", "subgroup")
#: Groups of fewer rows say nothing.
LEAST_GROUP = 20
_RENEW = "Fit the model again with another gate."


def checked(core: Core, gate: Mapping[str, Any], schema: Schema, model: Any) -> dict[str, Any]:
    """The settings of a gate, refused if they make no sense.

    Raises
    ------
    InvalidParameterError
        A setting that is not known or not of its form.
    UnsupportedRequestError
        The certificate of the model does not cover a choice by what its versions answer.
    """
    settings = {name: value for name, value in gate.items() if value is not None}
    if not settings:
        return {}
    if not getattr(model, "_takes_gate", True):
        raise UnsupportedRequestError(
            f"A {type(model).__name__} takes no gate: it would choose by the answers of the networks before and after "
            "a removal which one is published, and no certificate covers that choice.",
            hint="Leave out --gate; look at accuracy before the network comes into the workspace.",
        )
    if unknown := sorted(settings.keys() - set(SETTINGS)):
        raise InvalidParameterError(f"A gate has no setting {unknown[0]!r}.", hint=f"It has {', '.join(SETTINGS)}.")
    if "data" not in settings or not settings.keys() & set(_NUMBERS):
        raise InvalidParameterError(
            "A gate needs data and a limit.", hint="As --gate data=holdout --gate max_drop=0.02."
        )
    if ("max_gap" in settings) != ("subgroup" in settings):
        raise InvalidParameterError(
            "subgroup and max_gap go together: the column of the groups, and how far apart they may be.",
            hint="As --gate subgroup=region --gate max_gap=0.1.",
        )
    for name in _NUMBERS:
        try:
            settings[name] = float(settings.get(name, np.inf))
        except ValueError as error:
            raise InvalidParameterError(f"{name} is a number, not {settings[name]!r}.", hint="As 0.02.") from error
        if not settings[name] >= 0:
            raise InvalidParameterError(f"{name} is not negative, got {settings[name]}.", hint="As 0.02.")
    settings = {name: value for name, value in settings.items() if value != np.inf}
    with core.read() as connection:
        data = datasets.open_data(core, connection, str(settings["data"]))
    needed = [schema.target, *([settings["subgroup"]] if "subgroup" in settings else [])]
    if missing := [name for name in needed if name not in data.card.columns]:
        raise InvalidParameterError(f"The data set {data.name!r} has no column {missing[0]!r}.", hint="Check the gate.")
    return settings


def figures(core: Core, settings: Mapping[str, Any], card: Card, model: Any) -> dict[str, float]:
    """What the gate looks at, for one version: its score, and the gap between its groups.

    Raises
    ------
    InvalidDataError
        Its data set has lost every record, or the column of the groups, to forgetting.
    """
    with core.read() as connection:
        data = datasets.open_data(core, connection, str(settings["data"]))
    table = datasets.read(core, data)
    if not table.num_rows:
        raise InvalidDataError(f"The data set {data.name!r} of the gate has no record left.", hint=_RENEW)
    if (group := settings.get("subgroup")) is not None and group not in table.column_names:
        raise InvalidDataError(f"The data set {data.name!r} of the gate has no column {group!r} any more.", hint=_RENEW)
    schema = live_schema(card, model)
    groups = None if "subgroup" not in settings else np.array(table[settings["subgroup"]].to_pylist(), dtype=object)
    extra = [name for name in table.column_names if name not in (schema.record_id, schema.target, *schema.columns)]
    rows = read_rows(table.drop_columns([name for name in extra if name != schema.subject_id]), schema)
    predicted, truth = np.asarray(model.predict(rows.X)), np.asarray(rows.y)
    if schema.task == "classification":
        right = (predicted.astype(object) == truth.astype(object)).astype(float)
    else:
        right = -np.abs(predicted - truth)
    out = {"score": float(right.mean())}
    if groups is not None:
        means = [float(right[groups == g].mean()) for g in set(groups.tolist()) if (groups == g).sum() >= LEAST_GROUP]
        out["gap"] = max(means) - min(means) if means else 0.0
    return out


def figures_before(core: Core, settings: Mapping[str, Any], card: Card, model: Any) -> dict[str, float] | None:
    """As :func:`figures`, of the version in use; None where there is no gate, or it cannot predict."""
    try:
        return figures(core, settings, card, model) if settings else None
    except ExpungeError:
        return None


def judged(core: Core, settings: Mapping[str, Any], card: Card, before: Any, after: Any) -> dict[str, Any]:
    """Whether a new version passes its gate, with the figures and, if not, why not.

    Parameters
    ----------
    core : Core
    settings : mapping
    card : Card
    before : dict or None
        Figures of the version before; None if it could not predict.
    after : Unlearner

    Returns
    -------
    dict
        Empty where there is no gate.
    """
    if not settings:
        return {}
    try:
        now = figures(core, settings, card, after)
    except ExpungeError as error:
        return {"passed": False, "why": f"the gate could not look at the new version: {error.message}"}
    found: dict[str, Any] = {"before": before, "after": now, "passed": True}
    if before is not None and "max_drop" in settings:
        drop = before["score"] - now["score"]
        if card.schema.task == "regression":
            drop = drop / max(-before["score"], np.finfo(float).tiny)
        found["drop"] = drop
        if drop > settings["max_drop"]:
            found |= {"passed": False, "why": f"its score fell by {drop:.4g}, more than {settings['max_drop']:g}"}
    if "max_gap" in settings and now.get("gap", 0.0) > settings["max_gap"]:
        why = f"its groups are {now['gap']:.4g} apart, more than {settings['max_gap']:g}"
        found |= {"passed": False, "why": why}
    return found


def promote(core: Core, name: str, reason: str) -> Model:
    """Put a candidate into use that did not pass; the reason is kept beside the figures.

    Raises
    ------
    InvalidRequestError
        No reason is given.
    """
    if not reason.strip():
        raise InvalidRequestError("Say why the version is put into use.", hint="With --reason.")
    with core.lock.held(), core.write() as connection:
        made = open_model(core, connection, name)
        gate = {**made.gate, "promoted": reason}
        core.db.update(connection, model_versions, made.version_id, state="current", gate=json.dumps(gate))
        return open_model(core, connection, name)
