"""Models of a workspace: rows of the database, versions in chunks, and one cache of what is in memory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidRequestError, UnknownMethodError, UnknownNameError
from expunge.files.archive import canonical_json
from expunge.near_names import near_name
from expunge.workspace.database.tables import model_versions, models
from expunge.workspace.storage.chunks import Entry
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.card import Card
from expunge.workspace.tabular.schema import Schema

if TYPE_CHECKING:
    from expunge.workspace.models.versions import Manifest

__all__ = ["NOT_INSTALLED", "Model", "ModelCard", "in_memory", "live_models", "load", "open_model", "usable"]

#: What is raised of a method, or a blueprint of a network, whose package is not there.
NOT_INSTALLED = (UnknownMethodError, UnknownNameError)
#: States of versions that hold what a model is. A workspace has one such version of each model.
_LIVE = ("candidate", "current")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelCard:
    """How a model was made, without any value of a record.

    Parameters
    ----------
    card : Card
        Schema, method, estimator and options.
    gate : mapping
        Settings of its gate, see :mod:`expunge.workspace.models.gates`; empty: there is none.
    taken_from : tuple of str
        Files of what was taken over, by their absolute paths. They stay with their owner, and know whom they knew.
    """

    card: Card
    gate: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    taken_from: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As text."""
        card = {**dataclasses.asdict(self.card), "schema": self.card.schema.to_dict()}
        more = {"taken_from": list(self.taken_from)} if self.taken_from else {}
        return canonical_json({"card": card, "gate": dict(self.gate), **more}).decode()

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """The inverse of :meth:`to_json`."""
        data = json.loads(text)
        card = Card(**{**data["card"], "schema": Schema.from_dict(data["card"]["schema"])})
        return cls(card=card, gate=data["gate"], taken_from=tuple(data.get("taken_from", ())))


@dataclasses.dataclass(frozen=True)
class Model:
    """A model and its live version, as the database has them.

    Parameters
    ----------
    id, dataset, version_id, version, data_version, n_records : int
    name, created, state, digest, learned : str
    card : ModelCard
    entry : Entry
    gate : mapping
    """

    id: int
    name: str
    dataset: int
    card: ModelCard
    created: str
    version_id: int
    version: int
    state: str
    data_version: int
    entry: Entry
    digest: str
    n_records: int
    learned: str
    gate: Mapping[str, Any]


def _model(row: Mapping[str, Any], live: Mapping[str, Any]) -> Model:
    return Model(
        row["id"], row["name"], row["dataset"], ModelCard.from_json(row["card"]), row["created"], live["id"],
        live["number"], live["state"], live["data_version"], Entry(live["manifest"], live["mac"]), live["digest"],
        live["n_records"], live["created"], json.loads(live["gate"]),
    )  # fmt: skip


def live_models(core: Core, connection: Any, *, dataset: int | None = None) -> list[Model]:
    """All models with their live versions, or those of one data set."""
    where = [] if dataset is None else [models.c.dataset == dataset]
    rows = core.db.rows(connection, models, *where)
    live = {row["model"]: row for row in core.db.rows(connection, model_versions, model_versions.c.state.in_(_LIVE))}
    for known in core.cache.keys() - {row["id"] for row in live.values()}:
        core.cache.pop(known, None)  # another process has changed the model: what it knew before stays nowhere
    return [_model(row, live[row["id"]]) for row in rows if row["id"] in live]


def open_model(core: Core, connection: Any, name: str) -> Model:
    """A model by its name.

    Raises
    ------
    UnknownNameError
        There is none of that name.
    """
    every = live_models(core, connection)
    found = next((model for model in every if model.name == name), None)
    if found is None:
        hint = near_name(name, [model.name for model in every]) if every else "Fit one with `expunge fit`."
        raise UnknownNameError(f"There is no model {name!r}.", hint=hint)
    return found


def usable(model: Model) -> Model:
    """The model, if its version may be used.

    Raises
    ------
    InvalidRequestError
        It did not pass its gate.
    """
    if model.state != "current":
        why = str(model.gate.get("why", "its gate has not been tried"))
        raise InvalidRequestError(
            f"Version {model.version} of {model.name!r} is a candidate and not in use: {why}.",
            hint=f"Fit it again (expunge fit {model.name} --force), or promote it (expunge promote {model.name}).",
        )
    return model


def load(core: Core, model: Model) -> Manifest:
    """The version of a model in memory; read from its chunks when first needed.

    Raises
    ------
    UnknownMethodError, UnknownNameError
        Its method, or the blueprint of its network, belongs to a package that is not installed.
    """
    held = in_memory(core, model)
    if held is None:
        from expunge.workspace.models.versions import load_version  # with all that models are made of

        try:
            held = load_version(core.store, model.entry, model.name)
        except NOT_INSTALLED as error:
            said = error.message[:1].lower() + error.message[1:]
            raise type(error)(
                f"Model {model.name!r} cannot be read: {said}", hint="Install the package that brings it."
            ) from error
        core.cache[model.version_id] = held
    return held


def in_memory(core: Core, model: Model) -> Manifest | None:
    """The version of a model, if it is in memory. Its number may be that of another one since: where another process
    took out the newest, that is given again."""
    held: Manifest | None = core.cache.get(model.version_id)
    return held if held is not None and held.entry.name == model.entry.name else None
