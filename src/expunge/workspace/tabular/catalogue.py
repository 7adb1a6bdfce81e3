"""The methods by the names of the command line, and what each is for."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from expunge.errors import InvalidParameterError, UnknownMethodError, UnsupportedRequestError
from expunge.methods import find_method, kebab, method_names
from expunge.methods.networks import NETWORK_METHODS, NETWORK_MODELS, STRONGEST, strongest_of
from expunge.near_names import did_you_mean
from expunge.workspace.tabular.schema import TASKS

__all__ = [
    "MethodCard",
    "blueprint_of",
    "list_all_methods",
    "list_methods",
    "list_network_methods",
    "make_method",
    "resolve_method",
    "task_of",
    "wraps_estimator",
]

#: Networks that are fitted on a table.
_FITTED = tuple(name for name in NETWORK_MODELS if name != "FrozenBackbone")

_OF_LABELS = ("classification", "recommendation")  # tasks whose targets name records
_SUFFIX = {"classification": "-classifier", "regression": "-regressor"}


@dataclasses.dataclass(frozen=True)
class MethodCard:
    """One line of the table of methods.

    Parameters
    ----------
    name : str
        Of the command line, as ``gaussian-nb``.
    python : str
        Of the class, as ``GaussianNB``.
    task : str
        One of :data:`expunge.workspace.tabular.schema.TASKS`, "network", or "other".
    guarantee : str
        The strongest kind that its removals can have.
    forgets : tuple of str
        Kinds of requests it serves.
    learns : bool
        Whether it can learn more records later.
    estimator : bool
        Whether it wraps an estimator of your choice.
    summary : str
    short : str
        What it may be called, too, because the task says the rest; empty: nothing else.
    """

    name: str
    python: str
    task: str
    guarantee: str
    forgets: tuple[str, ...]
    learns: bool
    estimator: bool
    summary: str
    short: str = ""


def list_methods() -> list[MethodCard]:
    """All methods there are, plug-ins included; one that cannot be loaded says why, and hides no other."""
    return [_card_or_reason(name) for name in method_names()]


def list_all_methods(task: str | None = None) -> list[MethodCard]:
    """All methods, those of networks too; or those for one task.

    Raises
    ------
    InvalidParameterError
        No method is for such a task.
    """
    every = [*list_methods(), *list_network_methods()]
    tasks = list(dict.fromkeys(card.task for card in every))
    if task is not None and task not in tasks:
        raise InvalidParameterError(f"No method is for the task {task!r}.", hint=f"Tasks are {', '.join(tasks)}.")
    return [card for card in every if task in (None, card.task)]


def list_network_methods() -> list[MethodCard]:
    """Networks as models, and the methods that make a trained one forget; they are listed without importing torch."""
    models = [
        MethodCard(
            kebab(name), f"{_ROOM.get(name, 'networks')}.{name}", "network", guarantee, learns=learns,
            forgets=("records", "subjects") if name in _ROOM else ("records", "subjects", "classes"),
            estimator=False, summary=f"A PyTorch network of yours, {how}: see expunge.{_ROOM.get(name, 'networks')}.",
        )
        for name, guarantee, learns, how in _MODELS
    ]  # fmt: skip
    methods = [
        MethodCard(
            kebab(name), f"networks.{name}", "network", strongest_of(name), forgets=("records",), learns=False,
            estimator=False, summary="For a PyTorch network that was trained already: see expunge.networks.",
        )
        for name in sorted(NETWORK_METHODS)
    ]  # fmt: skip
    return models + methods


#: Language models, which answer in words and so know no classes; all other networks are in ``expunge.networks``.
_ROOM = {"AdapterShards": "language", "NeighbourStore": "language"}

#: Networks as models: the guarantee, whether more records can be learned, and what they do.
_MODELS = (
    ("AdapterShards", "exact", True, "a language model, frozen, with an adapter for each shard of persons"),
    ("CertifiedNetwork", "certified", False, "trained elsewhere, that forgets with noise and keeps a budget"),
    ("DPSGDNetwork", "certified", True, "trained with noise, that some may leave as it is"),
    ("FrozenBackbone", "exact", True, "whose weights never change, before a method that forgets"),
    ("NeighbourStore", "exact", True, "a language model, frozen, with rows of what came next"),
    ("ReplayedNetwork", "exact", True, "trained such that it can be taken up again before a record was first read"),
    ("TrainedNetwork", STRONGEST, False, "trained elsewhere, that forgets by one of the methods below"),
)


def _card_or_reason(name: str) -> MethodCard:
    try:
        return _card(name)
    except (ImportError, AttributeError) as error:
        why = f"cannot be loaded: {error}"
        return MethodCard(kebab(name), name, "other", why, forgets=(), learns=False, estimator=False, summary=why)


def resolve_method(name: str, task: str | None) -> str:
    """Name of the class, from a command-line name; ``sisa`` means the classifier or the regressor by the task.

    Raises
    ------
    UnknownMethodError
        No such method; the nearest names are proposed.
    InvalidParameterError
        The method is not for this task.
    """
    if not isinstance(name, str):
        raise UnknownMethodError(f"There is no method {name!r}.", hint="See `expunge methods`.")
    known = {kebab(method): method for method in (*method_names(), *_FITTED)}
    wanted = known.get(name) or (name if name in known.values() else None)
    if wanted in _FITTED:
        return str(wanted)
    wanted = wanted or known.get(name + _SUFFIX.get(task or "", ""))
    if wanted is None and (network := _network_name(name)) is not None:
        raise UnsupportedRequestError(
            f"{kebab(network)} makes a trained network forget; it fits no table.",
            hint=f"Take one over: expunge adopt NAME --task TASK --state FILE --data DATA --method {kebab(network)}.",
        )
    if wanted is None:
        short = {long.removesuffix(suffix) for long in known for suffix in _SUFFIX.values()}
        hint = did_you_mean(name, sorted({*known, *short}), otherwise="See `expunge methods`.")
        raise UnknownMethodError(f"There is no method {name!r}{f' for {task}' if name in short else ''}.", hint=hint)
    own = task_of(wanted)
    if own == "other":
        raise UnsupportedRequestError(
            f"{wanted} is put together in Python, and not by `expunge fit`.",
            hint="Choose another: see `expunge methods --task classification`.",
        )
    if task is not None and own != task:
        hint = f"Choose a method for {task}: see `expunge methods`, or change --task."
        raise InvalidParameterError(f"{wanted} is for {own}, not for {task}.", hint=hint)
    return wanted


def _network_name(name: str) -> str | None:
    return next((own for own in NETWORK_METHODS if name in (own, kebab(own))), None)


def blueprint_of(name: str, options: Mapping[str, Any]) -> Any:
    """The blueprint that a network among the models is built by; None for every other method.

    Raises
    ------
    InvalidParameterError, UnknownNameError
        None is named, or there is no such blueprint.
    """
    if not any(name in (own, kebab(own)) for own in _FITTED):
        return None
    from expunge.methods.networks.blueprint import find_blueprint

    if "task" not in options:
        raise InvalidParameterError("A network needs its blueprint.", hint="Name it: --option task=NAME.")
    return find_blueprint(options["task"])


def task_of(name: str) -> str | None:
    """Task of a method, by the name of its class or the command line's; None for ``sisa``, which serves both."""
    known = {kebab(method): method for method in method_names()}
    if not isinstance(name, str) or (name not in known and name not in known.values()):
        return None
    from sklearn.base import ClassifierMixin, OutlierMixin, RegressorMixin, TransformerMixin

    kind = find_method(known.get(name, name))
    given = inspect.signature(kind.__init__).parameters.values()
    if any(one.default is one.empty for one in given if one.name not in ("self", "estimator", "args", "kwargs")):
        return "other"  # it is made in Python
    for mixin, task in zip((ClassifierMixin, RegressorMixin, OutlierMixin, TransformerMixin), TASKS, strict=False):
        if issubclass(kind, mixin):
            return task
    own = getattr(kind, "_task", "")
    return own if own in TASKS else "other"


def make_method(name: str, estimator: Any, options: Mapping[str, Any]) -> Any:
    """A method ready to be fitted.

    Parameters
    ----------
    name : str
        Of the class.
    estimator : estimator or None
        For methods that wrap one.
    options : mapping
        Constructor arguments; those of the estimator with two underscores, as ``estimator__model__C``.

    Raises
    ------
    InvalidParameterError
        An option that the method does not have.
    """
    kind = find_method(name)
    model = kind(estimator=estimator) if estimator is not None else kind()
    if "estimator" in options:
        raise InvalidParameterError("The estimator is chosen by --estimator, not by --option.", hint="Use --estimator.")
    try:
        model.set_params(**options)
    except ValueError as error:
        names = [option for option in model.get_params(deep=False) if option != "estimator"]
        wrong = next((option for option in options if option.partition("__")[0] not in names), next(iter(options)))
        raise InvalidParameterError(f"{name} has no option {wrong!r}.", hint=f"It has {', '.join(names)}.") from error
    return model


def wraps_estimator(name: str) -> bool:
    """Whether a method takes an estimator of your choice."""
    return "estimator" in inspect.signature(find_method(name).__init__).parameters


def _card(name: str) -> MethodCard:
    kind, task = find_method(name), task_of(name) or "other"
    text = inspect.getdoc(kind) or ""
    forgets = (what for what in getattr(kind, "_requests", ()) if what != "classes" or task in _OF_LABELS)
    return MethodCard(
        name=kebab(name), python=name, task=task, guarantee=getattr(kind, "_strongest", "not stated"),
        forgets=tuple(forgets), learns=getattr(kind, "_learns", False),
        estimator=wraps_estimator(name), summary=text.split("\n\n")[0].replace("\n", " "),
        short=short if (short := kebab(name).removesuffix(_SUFFIX.get(task, "\n"))) != kebab(name) else "",
    )  # fmt: skip
