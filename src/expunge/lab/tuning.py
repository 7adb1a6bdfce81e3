"""Equal tuning for every method: so many settings, judged on validation records and on forget sets of its own.

The audited forget set and the held-out and test records are never looked at. Each draw of tuning has a model of its
own, a forget set of its own, and its own references; dials that suit one model and one forget set need not suit others,
so the objective is the mean over the draws. The forget set is drawn from the training records that the cell retains, by
the request of the cell (of a class: the next ones, one a draw). All seeds of a draw, of model, forget set and
references, follow from those of the cell and its number under purposes that no audited model uses.

Of a draw, the mean of the absolute gaps to the middle of a few references counts: quality (accuracy, R², ...) on the
forget set, on retained and on validation records, and how well an attack tells it from validation records. A setting
that breaks the model is as bad as can be.
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
from expunge.lab.network_methods import LAB_NETWORK_METHODS, task_maker
from expunge.lab.requests import draw_request, find_request
from expunge.lab.spec import By
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
        Of the best, on validation: the mean over the draws.
    of_draws : tuple of float
        Of the best, on each draw.
    trials : tuple of (str, float)
        Every setting that was tried, with its gap.
    """

    best: str
    gap: float
    of_draws: tuple[float, ...]
    trials: tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class _Stage:
    trial: Trial
    records: Records
    ids: Any
    places: dict[str, Any]
    wanted: dict[str, float]
    model: Any
    seed: int


def tune(cell: str, *, n_trials: int = 20, draws: int = 3, passes: float = 1.0, seed: int = 0) -> Tuned:
    """Search the space of a method.

    Parameters
    ----------
    cell : str
        Id of a cell: its method is tuned, on its workload, model and request.
    n_trials : int
        Settings; the same number for every method makes the comparison fair.
    draws : int
        Models with a forget set each, on all of which a setting is judged.
    passes : float
        So many times the passes of a setting are made: spaces are for models that are trained for forty.
    seed : int
        Of the search.

    Raises
    ------
    MissingExtraError
        optuna is not installed.
    InvalidRequestError
        The method has no dials, or there is no draw to judge it on.
    UnsupportedRequestError
        A method for networks, and a model that is none.
    """
    if draws < 1:
        raise InvalidRequestError(f"draws must be at least 1, got {draws}.", hint="Three are a good start.")
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("Tuning needs optuna.", hint="Install it with: pip install 'expunge[tune]'.") from error
    asked = Cell.parse(cell)
    name = asked.scenario.method.partition("@")[0]
    method, _ = check_method(name)
    if not method.space:
        raise InvalidRequestError(f"The method {name!r} has nothing to tune.", hint="expunge lab list shows methods.")
    if name in LAB_NETWORK_METHODS:
        task_maker(prepare(asked).learner)  # before a model is trained
    stages = _stages(asked, draws)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tried: list[tuple[str, float, tuple[float, ...]]] = []

    def objective(trial: Any) -> float:
        dials: dict[str, Any] = {}
        for dial, space in method.space.items():
            dials[dial] = _suggest(trial, dial, space, dials)
        if "epochs" in dials:
            dials["epochs"] = max(1, round(passes * dials["epochs"]))
        text = f"{name}@" + ",".join(f"{dial}={value}" for dial, value in dials.items())
        gaps = tuple(_gap(stage, text) for stage in stages)
        tried.append((text, float(np.mean(gaps)), gaps))
        return tried[-1][1]

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(1, n_trials // 3)))
    optuna.create_study(sampler=sampler).optimize(objective, n_trials=n_trials)
    best = min(tried, key=lambda one: one[1])
    return Tuned(*best, tuple((text, gap) for text, gap, _ in tried))


def _stages(cell: Cell, draws: int) -> tuple[_Stage, ...]:
    """Forget sets among the retained records, and what references say about each: for all methods once."""
    return _staged(dataclasses.replace(cell, scenario=dataclasses.replace(cell.scenario, method="")), draws)


@functools.lru_cache(maxsize=1)
def _staged(cell: Cell, draws: int) -> tuple[_Stage, ...]:
    return tuple(_stage(cell, number) for number in range(draws))


def _stage(cell: Cell, number: int) -> _Stage:
    trial = prepare(cell)
    retained = trial.parts.train & ~trial.drawn.mask()
    request = _another(cell.scenario.request, trial.data.n_classes, number)
    own = derive_seed(cell.seeds.evaluation, "lab tuning", number)
    drawn = draw_request(request, trial.data, retained, own)
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
            model = trial.learner.train(left, derive_seed(own, "reference", i))
            for name, value in _judged(trial, places, model).items():
                found[name].append(value)
        records, seed = trial.records(retained), derive_seed(cell.seeds.train, "lab tune", number)
        model = trial.learner.train(records, seed) if trial.learner.is_kept else None
    wanted = {name: float(np.median(values)) for name, values in found.items()}  # one may not have converged
    return _Stage(trial, records, trial.data.ids[gone], places, wanted, model, seed)


def _another(request: str, n_classes: int, number: int) -> str:
    """The same request, where the records of the first are gone: of a class, one of the next ones."""
    name, _, _ = request.partition("@")
    if name != "class":
        return request
    return f"class@{(int(find_request(request)[1]) + 1 + number % (n_classes - 1)) % n_classes}"


def _gap(stage: _Stage, method: str) -> float:
    learner, seed = stage.trial.learner, stage.seed
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


def _suggest(trial: Any, dial: str, space: Any, chosen: dict[str, Any]) -> Any:
    """A value of a dial; the space of a few follows from what was chosen for another one."""
    if isinstance(space, By):
        space = space.spaces[chosen[space.dial]]
    low, high = space[:2]
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(dial, low, high)
    return float(f"{trial.suggest_float(dial, low, high, log='log' in space):.3g}")
