"""Train references by a plan: repeatable, cached by content, resumable, in parallel, and with an estimate first."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from expunge.arguments import check_count, check_jobs
from expunge.audit.inputs import References, signals_of
from expunge.audit.logit import FLOOR
from expunge.audit.references.plan import ReferencePlan
from expunge.audit.references.store import ReferenceStore
from expunge.audit.squared_error import signals_of_values
from expunge.errors import InvalidDataError, InvalidParameterError

__all__ = ["Progress", "Train", "references"]

Floats = npt.NDArray[np.float64]

#: From members of shape (b, N) and b seeds to probabilities of shape (b, n, k) of the n records that are asked about.
Train = Callable[[npt.NDArray[np.bool_], tuple[int, ...]], Floats]
#: From the outputs of one model on n records, and their labels, to its signals.
Read = Callable[[Any, Any], Mapping[str, Floats]]
#: Told (done, total, seconds that the rest will take); first before anything but one batch is trained.
Progress = Callable[[int, int, float], None]


def references(
    train: Train, plan: ReferencePlan, labels: Any, *, query: Any = None, batch: int = 1,
    store: str | Path | None = None, content: Any = None, n_jobs: int = 1, progress: Progress | None = None,
    floor: float = FLOOR, task: Literal["classification", "regression"] = "classification", read: Read | None = None,
) -> References:  # fmt: skip
    """Train the models of a plan and keep what they say.

    Parameters
    ----------
    train : callable
        ``train(members, seeds)`` with members of shape (b, N) gives probabilities of shape (b, n, k), or predictions of
        shape (b, n) of regressions. A function of its arguments alone: equal members and seeds give equal outputs.
    plan : ReferencePlan
    labels : array of shape (n,)
        Columns of the true classes of the n records asked about; targets of regressions.
    query : array of int, shape (n,), optional
        Positions of these records among the N of the plan; default: all.
    batch : int
        Models a call; more than 1 for the fast paths, which train many at once.
    store : path, optional
        Folder to keep outputs in; default: nothing is written. An interrupted call goes on where it stopped.
    content : object
        What the outputs follow from besides members and seeds (data, parameters, query): required with ``store``, since
        it makes the names of the files.
    n_jobs : int
        Processes, by joblib; changes nothing but the time.
    progress : callable, optional
        ``progress(done, total, seconds_left)``.
    floor : float
        As in :func:`expunge.audit.signals_of`.
    task : {"classification", "regression"}
    read : callable, optional
        ``read(outputs, labels)`` gives the signals of one model, for outputs that are neither probabilities nor
        predictions; ``task`` then says nothing.

    Returns
    -------
    References
        Of the n records; of classifiers, unless ``read`` is given, with their outputs.

    Raises
    ------
    InvalidDataError
        Outputs of a wrong shape, or that are no probabilities.
    """
    check_count("batch", batch)
    jobs = check_jobs(n_jobs)
    if store is not None and content is None:
        raise InvalidParameterError(
            "A store needs content: all that training and querying follow from.", hint="content=(X, y, parameters)."
        )
    y = np.asarray(labels)
    kept = None if store is None else ReferenceStore(store, content)
    is_classifier = task == "classification" and read is None
    n_axes = None if read is not None else 3 if is_classifier else 2
    read_one = read or (partial(signals_of, floor=floor) if is_classifier else signals_of_values)
    signals: dict[int, dict[str, Floats]] = {}
    outputs: dict[int, Floats] = {}

    def take(i: int, of_model: Any) -> None:
        outputs[i] = np.asarray(of_model, dtype=np.float64)
        signals[i] = dict(read_one(outputs[i], y))

    for i, seed in enumerate(plan.seeds):
        held = None if kept is None else kept.read(plan.members[i], seed)
        if held is not None:
            take(i, held)
    todo = [i for i in range(len(plan)) if i not in outputs]
    # The first batch alone tells how long the rest will take.
    batches = [todo[at : at + batch] for at in range(0, len(todo), batch)]
    start, trained = time.perf_counter(), 0
    for group in _in_turn(batches, jobs or 1):
        members = [plan.members[chosen] for chosen in group]
        seeds = [tuple(plan.seeds[i] for i in chosen) for chosen in group]
        done = Parallel(n_jobs=jobs)(delayed(train)(m, s) for m, s in zip(members, seeds, strict=True))
        for chosen, made in zip(group, done, strict=True):
            _check(made, len(chosen), len(y), n_axes)
            for i, of_model in zip(chosen, made, strict=True):
                take(i, of_model)
                if kept is not None:
                    kept.write(plan.members[i], plan.seeds[i], outputs[i])
            trained += len(chosen)
        if progress is not None:
            spent = time.perf_counter() - start
            progress(len(plan) - len(todo) + trained, len(plan), spent / trained * (len(todo) - trained))
    positions = slice(None) if query is None else np.asarray(query)
    every = range(len(plan))
    return References(
        signals={name: np.array([signals[i][name] for i in every]) for name in signals[0]},
        members=plan.members[:, positions],
        outputs=np.array([outputs[i] for i in every]) if is_classifier else None,
    )


def _in_turn(batches: list[list[int]], n_jobs: int) -> list[list[list[int]]]:
    """Groups of batches that run side by side; the first has one batch."""
    width = max(1, abs(n_jobs)) * 4 if n_jobs != 1 else 1
    return [batches[:1], *(batches[at : at + width] for at in range(1, len(batches), width))] if batches else []


def _check(outputs: Any, n_models: int, n_records: int, n_axes: int | None) -> None:
    shape = np.shape(outputs)
    if len(shape) != (n_axes or len(shape)) or shape[:2] != (n_models, n_records):
        wanted = f"({n_models}, {n_records}{', classes' if n_axes == 3 else '' if n_axes else ', ...'})"
        raise InvalidDataError(
            f"train gave outputs of shape {shape}; expected {wanted}.",
            hint="It is called with members of shape (models, records) and one seed for each model.",
        )
