"""Run one cell: train, forget, train anew without, ask all of them, measure."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from expunge.estimators.threads import one_thread
from expunge.lab import guard
from expunge.lab.cells import Cell
from expunge.lab.data import Bools, Records
from expunge.lab.environment import environment, peak_bytes
from expunge.lab.evaluation import Evaluation, Floats
from expunge.lab.measures import measure_all
from expunge.lab.methods import Answers, apply_method, check_method
from expunge.lab.trial import Trial, prepare
from expunge.lab.warming import warm
from expunge.seeds import derive_seed

__all__ = ["Result", "answers_of", "run_cell"]


@dataclasses.dataclass(frozen=True)
class Result:
    """A line of scores, which repeats byte for byte, and a line of times, which does not.

    Parameters
    ----------
    scores, timings : dict
        Plain data.
    """

    scores: dict[str, Any]
    timings: dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class _Forgotten:
    model: Any
    work: int
    guarantee: str
    elapsed_s: float
    cpu_s: float
    #: Of a sequence: after how many requests, work of each, quality on the test records.
    steps: list[int]
    works: list[int]
    drift: list[float | None]


def run_cell(cell: Cell, *, store: Path | None = None) -> Result:
    """Run a cell.

    Parameters
    ----------
    cell : Cell
    store : path, optional
        Where references are kept; default: they are trained and thrown away.

    Returns
    -------
    Result

    Raises
    ------
    ExpungeError
        Something is unknown or missing, or the method failed.
    """
    start = time.perf_counter()
    check_method(cell.scenario.method)
    trial = prepare(cell)
    references = trial.references(cell, store)
    referenced = time.perf_counter()
    learner, seed = trial.learner, derive_seed(cell.seeds.train, "lab train")
    with one_thread():
        warm(trial)
        pair = (_kept_pair if learner.is_kept else _pair)(trial, seed)
        done = _forget(cell, trial, pair)
        after, marked_after = answers_of(trial, done.model), _backdoor(trial, done.model)
        base = done.model.model if isinstance(done.model, Answers) else done.model
        digest_after = learner.digest(base)
        state_bytes = learner.n_bytes(base)
    retained = (trial.chosen(seed) | trial.drawn.mask()) & ~pair.forgotten
    evaluation = _evaluation(trial, retained, pair, after, references)
    _check_split(evaluation)
    scores = measure_all(evaluation)
    scores |= {
        "work": done.work, "work_of_a_retrain": pair.work, "work_share": done.work / max(pair.work, 1),
        "state_bytes": state_bytes, "guarantee": done.guarantee, "n_forgotten": int(pair.forgotten.sum()),
        "n_trained": len(pair.records),
        "is_equal": digest_after == pair.digest_fresh and not isinstance(done.model, Answers),
        "backdoor_before": pair.marked_before, "backdoor_after": marked_after, "backdoor_fresh": pair.marked_fresh,
    }  # fmt: skip
    many = len(pair.batches) > 1
    steps = {"steps": done.steps, "works": done.works, "drift": done.drift} if many else {}
    digests = {
        "data": trial.digest, "before": pair.digest_before, "after": digest_after, "fresh": pair.digest_fresh
    }  # fmt: skip
    line = {
        "cell": cell.id, "schema": 1, "status": "done", "scores": dict(sorted(scores.items())), "sequence": steps,
        "n_references": 0 if references is None else cell.n_references, "digests": digests,
        "seeds": dataclasses.asdict(cell.seeds), "environment": environment(),
    }  # fmt: skip
    end = time.perf_counter()
    timings = {
        "cell": cell.id, "unit": "seconds", "train_s": pair.train.wall_s, "forget_s": done.elapsed_s,
        "forget_cpu_s": done.cpu_s, "retrain_s": pair.retrain.wall_s, "retrain_cpu_s": pair.retrain.cpu_s,
        "references_s": referenced - start, "total_s": end - start, "peak_bytes": peak_bytes(),
    }  # fmt: skip
    return Result(line, timings)


class _Time(NamedTuple):
    """Of the clock, and of the processor: what a busy machine does not stretch."""

    wall_s: float
    cpu_s: float


@dataclasses.dataclass(frozen=True, eq=False)
class _Pair:
    """A model, and the retrain of its seed without what is to be forgotten."""

    records: Records
    model: Any
    batches: list[Any]
    forgotten: Bools
    before: Floats
    digest_before: str
    marked_before: float | None
    fresh: Floats
    digest_fresh: str
    marked_fresh: float | None
    work: int
    train: _Time
    retrain: _Time


def _pair(trial: Trial, seed: int) -> _Pair:
    learner, forgotten = trial.learner, trial.drawn.mask()
    everything = trial.records(trial.chosen(seed) | forgotten)
    model, train = _timed(lambda: learner.train(everything, seed))
    batches, forgotten = _batches(trial, model, forgotten)
    before, digest_before, marked_before = trial.answer(model), learner.digest(model), _backdoor(trial, model)
    left = everything.without(np.concatenate(batches))
    fresh, retrain = _timed(lambda: learner.train(left, seed))
    return _Pair(
        everything, model, batches, forgotten, before, digest_before, marked_before, trial.answer(fresh),
        learner.digest(fresh), _backdoor(trial, fresh), learner.work_of_training(fresh, left), train, retrain,
    )  # fmt: skip


#: The same for models that stay as they were, for one method after another in one process.
_kept_pair = functools.lru_cache(maxsize=8)(_pair)


def _timed(action: Callable[[], Any]) -> tuple[Any, _Time]:
    start, cpu = time.perf_counter(), time.process_time()
    out = action()
    return out, _Time(time.perf_counter() - start, time.process_time() - cpu)


def _batches(trial: Trial, model: Any, mask: Any) -> tuple[list[Any], Any]:
    """Ids of each request; of one chosen by its cost, that record alone."""
    ids = trial.data.ids
    if not trial.drawn.by_cost:
        return [ids[places] for places in trial.drawn.batches], mask
    candidates = np.concatenate(trial.drawn.batches)
    costs = [trial.learner.cost(model, ids[place]) or 0 for place in candidates]
    place = candidates[int(np.argmax(costs) if trial.drawn.by_cost == "most" else np.argmin(costs))]
    only = np.zeros_like(mask)
    only[place] = True
    return [ids[[place]]], only


def _forget(cell: Cell, trial: Trial, pair: _Pair) -> _Forgotten:
    model, records, batches = pair.model, pair.records, pair.batches
    seed = derive_seed(cell.seeds.train, "lab unlearn", cell.seeds.unlearn)
    work, elapsed, cpu, guarantees = 0, 0.0, 0.0, []
    looked_at = {round(n) for n in np.geomspace(1, len(batches), 25)}
    steps: list[int] = []
    works: list[int] = []
    drift: list[float | None] = []
    for number, ids in enumerate(batches, 1):
        own = derive_seed(seed, "step", number)
        with guard.closed():
            outcome, spent = _timed(
                lambda model=model, records=records, ids=ids, own=own: apply_method(  # type: ignore[misc]
                    cell.scenario.method, trial.learner, model, records, ids, own
                )
            )
        elapsed += outcome.elapsed_s if outcome.elapsed_s is not None else spent.wall_s
        cpu += outcome.cpu_s if outcome.cpu_s is not None else spent.cpu_s
        model, work = outcome.model, work + outcome.work
        guarantees.append(outcome.guarantee)
        records = records.without(ids)
        works.append(outcome.work)
        if number in looked_at and len(batches) > 1:
            steps.append(number)
            drift.append(_test_quality(trial, model))
    weakest = max(guarantees, key=["exact", "certified", "bounded", "empirical"].index)
    return _Forgotten(model, work, weakest, elapsed, cpu, steps, works, drift)


def answers_of(trial: Trial, model: Any, X: Any = None) -> Floats:
    """Answers on rows, by default those that are asked about; of a fake as it changes them."""
    rows = trial.data.rows(trial.query) if X is None else X
    if isinstance(model, Answers):
        return model.change(rows, answers_of(trial, model.model, rows))
    return trial.learner.answer(model, rows, trial.data.n_classes)


def _test_quality(trial: Trial, model: Any) -> float | None:
    tested = trial.query[trial.parts.test[trial.query]]
    answers = answers_of(trial, model, trial.data.rows(tested))
    labels, task = trial.data.y[tested], trial.data.task
    return task.quality(task.read(answers, labels, trial.learner.floor), labels)


def _evaluation(trial: Trial, retained: Any, pair: _Pair, after: Floats, references: Any) -> Evaluation:
    q, parts = trial.query, trial.parts
    return Evaluation(
        labels=trial.data.y[q], is_retained=retained[q], is_forgotten=pair.forgotten[q], is_held_out=parts.held_out[q],
        is_tested=parts.test[q], is_validated=parts.validation[q], before=pair.before, after=after, fresh=pair.fresh,
        references=references, floor=trial.learner.floor, task=trial.data.task,
    )  # fmt: skip


def _check_split(e: Evaluation) -> None:
    """What is known of test records, beside the references and the retrain."""
    logit = e.signals(e.after)["logit"]
    others = [e.signals(e.fresh)["logit"]]
    if e.references is not None:
        others += list(e.references.signals["logit"][e.retrains()])
    pairs = [(other[e.is_tested], other[e.is_held_out]) for other in others]
    guard.check_test_unknown(logit[e.is_tested], logit[e.is_held_out], pairs)


def _backdoor(trial: Trial, model: Any) -> float | None:
    """How often the mark of a backdoor works, on test records of other classes; None where nothing was marked."""
    if trial.drawn.mark is None:
        return None
    tested = trial.query[trial.parts.test[trial.query] & (trial.data.y[trial.query] != trial.drawn.target)]
    answers = answers_of(trial, model, trial.drawn.mark(trial.data.rows(tested)))
    return float((answers.argmax(axis=1) == trial.drawn.target).mean())
