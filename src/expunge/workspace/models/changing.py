"""Changing by which method, how strongly and within which limits a network of a workspace forgets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from expunge.errors import InvalidRequestError, UnsupportedRequestError
from expunge.params import record_params
from expunge.workspace.database.tables import models as model_table
from expunge.workspace.models import fitting, models
from expunge.workspace.storage.core import Core

__all__ = ["change"]


def change(
    core: Core, name: str, *, method: str | None = None, options: Mapping[str, Any] | None = None
) -> models.Model:
    """Change how a trained network forgets from here on. Its weights and what it answers stay. The lock is held.

    A new version is entered, and the log says so, as of every other: how it forgets is part of what a model is.
    Requests may be open; the next run goes by what was changed.

    Parameters
    ----------
    core : Core
    name : str
    method : str, optional
        As of :func:`expunge.workspace.adopting_networks.adopt`. Options of the method before are dropped.
    options : mapping, optional
        Arguments of the method, limits and strength, as there; those that are not named stay. A limit of None is none.

    Raises
    ------
    InvalidRequestError
        Nothing is named.
    UnsupportedRequestError
        A model that is no such network, or a method that keeps a budget.
    UnknownMethodError, InvalidParameterError
        No such method, or an option that it does not have.
    """
    from expunge.workspace.models.versions import save_version

    with core.read() as connection:
        known = models.open_model(core, connection, name)
    if known.card.card.method != "TrainedNetwork":
        raise UnsupportedRequestError(
            f"{name!r} is a {known.card.card.method}: how it forgets follows from how it was fitted.",
            hint=f"Fit it again (expunge fit {name} --force).",
        )
    if method is None and not options:
        raise InvalidRequestError("Name what to change.", hint="With --method, or --option max_retain_drop=0.05.")
    manifest = models.load(core, known)
    live = manifest.model
    core.cache.pop(known.version_id, None)  # it is about to change in memory, and may be refused
    given = _merged(live, method, dict(options or {}))
    live.set_params(**given)
    live._check_params()
    live._method(live._fitted.parts)._check()
    live._fitted.params = record_params(live)
    made = save_version(core.store, live, manifest)
    core.store.flush()
    card = dataclasses.replace(known.card.card, options={**known.card.card.options, **given})
    kept = dataclasses.replace(known.card, card=card)
    with core.write() as connection:
        core.db.update(connection, model_table, known.id, card=kept.to_json())
        fitting.retire(core, connection, known)
        gate = {} if known.state == "current" else dict(known.gate)
        fitting.insert_version(
            core, connection, known.id, name, known.version + 1, known.data_version, made, gate=gate, request=None
        )
    with core.read() as connection:
        found = models.open_model(core, connection, name)
    core.cache[found.version_id] = made
    return found


def _merged(live: Any, method: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Constructor arguments of the network: those that it has, and what is given."""
    from expunge.methods.networks.adopted_weights import method_of
    from expunge.methods.networks.limits import Limits

    names = [field.name for field in dataclasses.fields(Limits)]
    limits = dict(live.limits or {}) | {name: given.pop(name) for name in names if name in given}
    strength = given.pop("strength", live.strength)
    wanted = live.method if method is None else method
    same = method_of(wanted, None)[0] is method_of(live.method, None)[0]
    options = {**(live.options or {} if same else {}), **given}
    method_of(wanted, options, beside=[*names, "strength"])
    kept = {name: value for name, value in limits.items() if value is not None}
    return {
        "method": wanted, "strength": float(strength) if type(strength) is int else strength,
        "options": options or None, "limits": kept or None,
    }  # fmt: skip
