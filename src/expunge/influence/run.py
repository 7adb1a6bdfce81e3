"""Which records moved a model, and by how much: one call for every model and every method."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice
from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError, InvalidRequestError, UnknownMethodError
from expunge.influence.case import Case, InfluenceMethod, Progress
from expunge.influence.quantities import refuse_without_predictions
from expunge.influence.result import Influence
from expunge.influence.targets import SELF, Target, refuse_other_targets, target_of
from expunge.influence.view import View
from expunge.seeds import check_seed
from expunge.table.ids import IdIndex, check_ids

__all__ = ["INFLUENCE_METHODS", "influence"]

#: Names and where they live.
INFLUENCE_METHODS: dict[str, str] = {
    "influence-functions": "expunge.influence.influence_functions:InfluenceFunctions",
    "leave-one-out": "expunge.influence.leave_one_out:LeaveOneOut",
    "tracin": "expunge.influence.tracin:TracIn",
    "trak": "expunge.influence.trak:TRAK",
}


def influence(
    model: Any, task: Any = None, *, on: Any = SELF, method: str | InfluenceMethod | None = None, ids: Any = None,
    by: Literal["record", "subject"] = "record", seed: int = 0, progress: Progress | None = None,
) -> Influence:  # fmt: skip
    """Say what forgetting each record would change: for whoever looks for records that harm, or that matter.

    Parameters
    ----------
    model : Unlearner or torch Module
        A fitted model of the library, or a trained network. Not changed.
    task : Task, optional
        Of a network: what it was trained on.
    on : "self", MeanLoss, EqualOpportunity, Task or pair (X, y), default="self"
        The quantity: each record's own loss; the mean loss of a test set, given as a task or a pair; or a gap.
    method : str or InfluenceMethod, optional
        "leave-one-out", "influence-functions", "tracin", "trak", or one of their classes with arguments. Default:
        leave-one-out for a model of the library, influence functions for a network and for a model that is one.
    ids : sequence of ids, optional
        Records (or persons) to ask about; default: all that the model knows.
    by : {"record", "subject"}, default="record"
        Each record, or each person with all records. Leave-one-out forgets a person as a whole; elsewhere the scores of
        a person's records are added.
    seed : int
        Of what is drawn: targets for the Fisher matrix, projections.
    progress : callable (seconds spent, seconds in all), optional
        Called by leave-one-out.

    Returns
    -------
    Influence

    Raises
    ------
    InvalidRequestError
        A network without its task; persons, where none are known.
    UnsupportedRequestError
        A method that does not serve this model, or a model without predictions.
    InvalidDataError
        Rows of a target without a finite target each.
    UnknownMethodError
        A name that is none of those above.
    UnsupportedEstimatorError
        A network in half precision, or without trainable parameters.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from expunge import GaussianNB
    >>> X, y = load_wine(return_X_y=True)
    >>> found = influence(GaussianNB().fit(X[::2], y[::2]), on=(X[1::2], y[1::2]))
    >>> print(found.sentence())
    89 records, leave-one-out, on the mean loss of 89 records, which is 0.3234 now.
    """
    check_seed(seed)
    target, started = target_of(on), time.perf_counter()
    is_network = not isinstance(model, Unlearner) or hasattr(type(model), "network_")
    how = _method(method, "influence-functions" if is_network else "leave-one-out")
    how.check()
    check_choice("by", by, ("record", "subject"))
    with _opened(model, task, target, seed) as (known, subjects, make_view):
        positions, asked = _wanted(known, subjects, ids, by)
        is_whole = by == "subject" and how.asks_whole
        names = asked if is_whole else known[positions]
        case = Case(model, target, names, by if is_whole else "record", positions, make_view, progress)
        scores, value, words = how.scores(case), how.value(case), how.guarantee(case)
    if by == "subject" and not how.asks_whole:
        scores = _summed(asked, subjects[positions], scores)
    found = asked if by == "subject" else known[positions]
    about = None if by == "subject" or subjects is None else subjects[positions]
    return Influence(
        ids=found, scores=scores, method=how.name, on="their own loss" if target == SELF else target.words, value=value,
        guarantee=words, by=by, subjects=about, elapsed_s=time.perf_counter() - started,
    )  # fmt: skip


def _method(given: Any, default: str) -> InfluenceMethod:
    name = default if given is None else given
    if not isinstance(name, str):
        if not all(hasattr(name, part) for part in ("scores", "check", "guarantee", "asks_whole")):
            raise InvalidParameterError(f"method must be a name or an InfluenceMethod, got {name!r}.")
        return name  # type: ignore[no-any-return]
    if name not in INFLUENCE_METHODS:
        raise UnknownMethodError(
            f"There is no method of influence {name!r}.", hint=f"There are {', '.join(INFLUENCE_METHODS)}."
        )
    module, _, kind = INFLUENCE_METHODS[name].partition(":")
    found: InfluenceMethod = getattr(importlib.import_module(module), kind)()
    return found


@contextlib.contextmanager
def _opened(model: Any, task: Any, target: Target, seed: int) -> Iterator[tuple[Any, Any, Any]]:
    """Ids and persons of all that the model knows, in one order, and how to see it as a function of its weights."""
    if isinstance(model, Unlearner):
        if task is not None:
            raise InvalidRequestError("A model of the library knows its data.", hint="Leave the task out.")
        refuse_without_predictions(model)
        refuse_other_targets(target)
        rows = model._rows()
        table = rows.peek_beside(rows.slots())
        if hasattr(type(model), "network_"):
            from expunge.influence.network_models import as_network

            module, own, asked = as_network(model, target)
            with _network(module, own, asked, seed) as make_view:
                yield table.ids, table.subjects, make_view
            return

        def linear() -> View:
            from expunge.influence.linear_view import LinearView

            return LinearView(model, target)

        yield table.ids, table.subjects, linear
        return
    if task is None:
        raise InvalidRequestError(
            f"A {type(model).__name__} does not know what it was trained on.", hint="Give the task, as to forget."
        )
    with _network(model, task, target, seed) as make_view:
        yield task.ids, None, make_view


@contextlib.contextmanager
def _network(model: Any, task: Any, target: Target, seed: int) -> Iterator[Callable[[], View]]:
    """A network as a function of its weights, while generators are seeded."""
    from expunge.influence.network_view import NetworkView
    from expunge.methods.networks.repeatable import device_of, repeatable
    from expunge.methods.networks.task import as_module

    module = as_module(model)
    with repeatable(seed, device_of(module)) as generator:
        yield lambda: NetworkView(module, task, target, seed=seed, generator=generator)


def _wanted(known: npt.NDArray[Any], subjects: Any, ids: Any, by: str) -> tuple[npt.NDArray[np.intp], Any]:
    """Positions of the records that are asked about, and the persons, in the order of their records."""
    if by == "record":
        if ids is None:
            return np.arange(len(known)), None
        return IdIndex(known).find(check_ids(ids), np.ones(len(known), dtype=bool)), None
    if subjects is None:
        raise InvalidRequestError("No persons are known.", hint="Pass subject_ids to fit.")
    named = [one for one in dict.fromkeys(subjects.tolist()) if one is not None]
    asked = check_ids(named if ids is None else ids, what="subjects")
    every = check_ids(named, what="subjects")
    IdIndex(every).find(asked, np.ones(len(every), dtype=bool))
    wanted = set(asked.tolist())
    return np.flatnonzero([one in wanted for one in subjects.tolist()]), asked


def _summed(persons: npt.NDArray[Any], subjects: npt.NDArray[Any], scores: Any) -> npt.NDArray[np.float64]:
    place = {one: i for i, one in enumerate(persons.tolist())}
    total = np.zeros(len(persons))
    np.add.at(total, [place[one] for one in subjects.tolist()], scores)
    return total
