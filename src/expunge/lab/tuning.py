"""Equal tuning for every method: so many settings, judged on validation records and on a forget set of its own.

The audited forget set and the held-out and test records are never looked at. The forget set of tuning is drawn from the
training records that the cell retains, by the request of the cell under a seed of its own (of a class: the next one);
the objective is the mean of the absolute gaps to the middle of a few references: quality (accuracy, R², ...) on it, on
retained and on validation records, and how well an attack tells it from validation records. A setting that breaks the
model is as bad as can be.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from typing import Any

import numpy as np

from expunge.audit.statistics import auc
from expunge.errors import InvalidRequestError, LimitBrokenError, MissingExtraError
from expunge.estimators.threads import one_thread
from expunge.lab import guard
from expunge.lab.cells import Cell
from expunge.lab.data import Records
from expunge.lab.experiment import answers_of
from expunge.lab.methods import apply_method, check_method
from expunge.lab.requests import draw_request, find_request
from expunge.lab.trial import Trial, prepare
from expunge.seeds import derive_seed

__all__ = ["Tuned", "tune"]

_N_REFERENCES = 4


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Parameters
    ----------
    best : str
        The method with its dials, as the lab writes it.
    gap : float
        Of the best, on validation.
    trials : tuple of (str, float)
        Every setting that was tried, with its gap.
    """

    best: str
    gap: float
    trials: tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class _Stage:
    trial: Trial
    records: Records
    ids: Any
    places: dict[str, Any]
    wanted: dict[str, float]
    model: Any


def tune(cell: str, *, n_trials: int = 20, seed: int = 0) -> Tuned:
    """Search the space of a method.

    Parameters
    ----------
    cell : str
        Id of a cell: its method is tuned, on its workload, model and request.
    n_trials : int
        Settings; the same number for every method makes the comparison fair.
    seed : int
        Of the search.

    Raises
    ------
    MissingExtraError
        optuna is not installed.
    InvalidRequestError
        The method has no dials.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("Tuning needs optuna.", hint="Install it with: pip install 'expunge[tune]'.") from error
    asked = Cell.parse(cell)
    name = asked.scenario.method.partition("@")[0]
    method, _ = check_method(name)
    if not method.space:
        raise InvalidRequestError(f"The method {name!r} has nothing to tune.", hint="expunge lab list shows methods.")
    stage = _stage(asked)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tried: list[tuple[str, float]] = []

    def objective(trial: Any) -> float:
        dials = {dial: _suggest(trial, dial, space) for dial, space in method.space.items()}
        text = f"{name}@" + ",".join(f"{dial}={value}" for dial, value in dials.items())
        tried.append((text, _gap(stage, text, derive_seed(asked.seeds.train, "lab tune"))))
        return tried[-1][1]

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(1, n_trials // 3)))
    optuna.create_study(sampler=sampler).optimize(objective, n_trials=n_trials)
    best = min(tried, key=lambda pair: pair[1])
    return Tuned(*best, tuple(tried))


def _stage(cell: Cell) -> _Stage:
    """A forget set of its own among the retained records, and what references say about it: for all methods once."""
    return _staged(dataclasses.replace(cell, scenario=dataclasses.replace(cell.scenario, method="")))


@functools.lru_cache(maxsize=1)
def _staged(cell: Cell) -> _Stage:
    trial = prepare(cell)
    retained = trial.parts.train & ~trial.drawn.mask()
    request = _another(cell.scenario.request, trial.data.n_classes)
    drawn = draw_request(request, trial.data, retained, derive_seed(cell.seeds.evaluation, "lab tuning"))
    trial = dataclasses.replace(trial, data=drawn.data)
    gone = drawn.mask()
    places = {
        "forget": np.flatnonzero(gone), "retain": np.flatnonzero(retained & ~gone)[:500],
        "validation": np.flatnonzero(trial.parts.validation),
    }  # fmt: skip
    left = trial.records(retained & ~gone)
    found: dict[str, list[float]] = defaultdict(list)
    with one_thread():
        for i in range(_N_REFERENCES):
            model = trial.learner.train(left, derive_seed(cell.seeds.evaluation, "lab tuning", i))
            for name, value in _judged(trial, places, model).items():
                found[name].append(value)
        records, seed = trial.records(retained), derive_seed(cell.seeds.train, "lab tune")
        model = trial.learner.train(records, seed) if trial.learner.is_kept else None
    wanted = {name: float(np.median(values)) for name, values in found.items()}  # one may not have converged
    return _Stage(trial, records, trial.data.ids[gone], places, wanted, model)


def _another(request: str, n_classes: int) -> str:
    """The same request, where the records of the first are gone: of a class, the next one."""
    name, _, _ = request.partition("@")
    return request if name != "class" else f"class@{(int(find_request(request)[1]) + 1) % n_classes}"


def _gap(stage: _Stage, method: str, seed: int) -> float:
    learner = stage.trial.learner
    with one_thread():
        model = learner.train(stage.records, seed) if stage.model is None else stage.model
        try:
            with guard.closed():
                outcome = apply_method(method, learner, model, stage.records, stage.ids, seed)
        except LimitBrokenError:  # the weights are no longer numbers
            return 1.0
        found = _judged(stage.trial, stage.places, outcome.model)
    if not found:
        return 1.0
    return float(np.mean([abs(found[name] - stage.wanted[name]) for name in found]))


def _judged(trial: Trial, places: dict[str, Any], model: Any) -> dict[str, float]:
    """Quality on each part, and the AUC of what attacks look at, for forgotten against validation records.

    What cannot be told of a part, as the AUC of normal records alone, is left out; of a model that answers no numbers
    everything is.
    """
    task, every = trial.data.task, np.concatenate(list(places.values()))
    answers, labels = answers_of(trial, model, trial.data.rows(every)), trial.data.y[every]
    if not np.isfinite(answers).all():
        return {}
    signals = task.read(answers, labels, trial.learner.floor)
    out: dict[str, float] = {}
    parts, start = {}, 0
    for name, where in places.items():
        parts[name] = part = slice(start, start := start + len(where))
        found = task.quality({signal: of[part] for signal, of in signals.items()}, labels[part])
        if found is not None:
            out[name] = found
    forgotten, others = (signals["logit"][parts[name]] for name in ("forget", "validation"))
    if forgotten.size and others.size:
        out["attack"] = auc(forgotten, others)
    return out


def _suggest(trial: Any, dial: str, space: tuple[Any, ...]) -> Any:
    low, high = space[:2]
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(dial, low, high)
    return float(f"{trial.suggest_float(dial, low, high, log='log' in space):.3g}")
