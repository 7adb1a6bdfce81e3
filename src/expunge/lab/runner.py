"""Run cells: references first and once, then the cells, side by side. What was done is kept; a killed run goes on."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs

from expunge.arguments import check_jobs
from expunge.errors import CellFailedError, CellOverLimitError, FileNotUsableError, InvalidRequestError
from expunge.lab.cells import Cell
from expunge.lab.environment import check_device, environment
from expunge.lab.isolation import Job, Limits, do, do_isolated, do_together
from expunge.lab.methods import check_method
from expunge.lab.models.table import family
from expunge.lab.requests import find_request
from expunge.lab.results import append, ask, read_run, settle
from expunge.lab.workloads import check_workload

__all__ = ["Report", "check_cells", "run_cells"]

#: Jobs, and what they gave as they are done.
Work = Callable[[list[Job]], Iterable[tuple[Job, dict[str, Any]]]]
#: So many trainings take about as long as a cell: its model, the retrain, the removal and what is measured.
_CELL = 4
#: Told (seconds done, seconds in all as they are foreseen), after the second model and after each job.
Progress = Callable[[float, float], None]


@dataclasses.dataclass(frozen=True)
class Report:
    """What a call of :func:`run_cells` did.

    Parameters
    ----------
    folder : Path
    n_asked, n_run, n_kept : int
        Cells asked for; run now; done before.
    failed : tuple of dict
        Lines of the cells that failed.
    elapsed_s : float
    """

    folder: Path
    n_asked: int
    n_run: int
    n_kept: int
    failed: tuple[dict[str, Any], ...]
    elapsed_s: float

    def check(self) -> None:
        """Raise if a cell failed.

        Raises
        ------
        CellOverLimitError
            Every failed cell took too much time or memory.
        CellFailedError
        """
        if not self.failed:
            return
        first = self.failed[0]
        limits = all(line["error"]["code"] == "cell-over-limit" for line in self.failed)
        kind = CellOverLimitError if limits else CellFailedError
        raise kind(
            f"{len(self.failed)} of {self.n_asked} cells failed, first {first['cell']}: {first['error']['message']}",
            hint="expunge lab show CELL says more; the same command runs the failed ones again.",
        )


def check_cells(cells: Iterable[Cell]) -> None:
    """Refuse cells whose names are in no table, or whose data or device is not there, before anything is run."""
    check_device()
    for cell in cells:
        find_request(cell.scenario.request)
        check_method(cell.scenario.method)
        family(cell.scenario.model)
        check_workload(cell.scenario.workload)


def run_cells(
    cells: Sequence[Cell], folder: str | Path, *, n_jobs: int = 1, limits: Limits | None = None, isolate: bool = True,
    progress: Progress | None = None,
) -> Report:  # fmt: skip
    """Run cells into a folder.

    Parameters
    ----------
    cells : sequence of Cell
    folder : path
        Made if it is not there. Cells that are done in it are not run again; those that failed are.
    n_jobs : int
        Jobs side by side, by joblib.
    limits : Limits, optional
        Of each job.
    isolate : bool
        Each job in a process of its own; else without limits, and cells of one model share what they have in common:
        all here, or with more jobs than one those of a training seed in a process.
    progress : callable, optional

    Returns
    -------
    Report

    Raises
    ------
    UnknownNameError, InvalidParameterError, FileNotUsableError
        A name that is in no table, a dial that is none, data that is missing. Nothing was run.
    """
    if not cells:
        raise InvalidRequestError("No cell is asked for.", hint="expunge lab list shows them.")
    check_cells(cells)
    n_jobs = effective_n_jobs(check_jobs(n_jobs))
    start, folder = time.perf_counter(), Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileNotUsableError(f"Cannot make the folder {str(folder)!r}: {error.strerror}.") from error
    ask(folder, cells)
    settle(folder)
    before = read_run(folder).scores
    todo = [cell for cell in sorted(set(cells)) if before.get(cell.id, {}).get("status") != "done"]
    shared = {cell.shared: cell for cell in reversed(todo) if cell.n_references}
    store, one_each = folder / "references", n_jobs != 1 and not isolate
    of_references = [
        Job("references", cell.id, store, number)
        for cell in shared.values()
        for number in (range(cell.n_models) if one_each else (None,))
    ]
    n = len(of_references) + len(todo)
    n_models = sum(cell.n_models for cell in shared.values()) + _CELL * len(todo)
    clock = _Clock(n, n_models / max(1, n_jobs), progress)
    if not one_each:
        limited = partial(do_isolated, limits=limits or Limits(), n_jobs_in_all=n) if isolate else do
        work: Work = partial(_side_by_side, partial(limited, trained=clock.trained), n_jobs=n_jobs)
    else:
        work = partial(_in_groups, n_jobs=n_jobs)
    broken = _train_references(of_references, work, clock)
    jobs = [Job("cell", cell.id, store) for cell in todo if cell.shared not in broken]
    for cell in todo:
        if cell.shared in broken:
            _note(folder, cell.id, broken[cell.shared])
            clock.tick()
    for job, told in work(jobs):
        _note(folder, job.cell, told)
        clock.tick()
    settle(folder)
    wanted = {cell.id for cell in cells}
    failed = tuple(line for line in read_run(folder).failed if line["cell"] in wanted)
    return Report(folder, len(wanted), len(todo), len(wanted) - len(todo), failed, time.perf_counter() - start)


def _train_references(jobs: list[Job], work: Work, clock: _Clock) -> dict[str, dict[str, Any]]:
    """Train references that cells share; by name, what went wrong."""
    broken: dict[str, dict[str, Any]] = {}
    done: dict[str, list[dict[str, Any]]] = defaultdict(list)
    n_jobs = Counter(Cell.parse(job.cell).shared for job in jobs)
    for job, told in work(jobs):
        name = Cell.parse(job.cell).shared
        clock.tick()
        if told["status"] != "done":
            broken[name] = told
            continue
        every = done[name]
        every.append(told)
        if len(every) == n_jobs[name]:
            spent = {what: sum(one[what] for one in every) for what in ("n_models", "elapsed_s")}
            spent["peak_bytes"] = max(one["peak_bytes"] for one in every)
            append(job.store.parent / "references.jsonl", {"cell": name, "unit": "seconds", **spent})
    return broken


def _side_by_side(one: Callable[[Job], dict[str, Any]], jobs: list[Job], n_jobs: int) -> Any:
    """Each job by itself. Threads wait for processes, unless a backend of a cluster is set."""
    call = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator_unordered")
    return call(delayed(_with_job)(one, job) for job in jobs)


def _in_groups(jobs: list[Job], n_jobs: int) -> Iterable[tuple[Job, dict[str, Any]]]:
    """Cells of one model and training seed in a process, and each reference: the largest groups first."""
    groups: dict[tuple[str, int, int | None], list[Job]] = defaultdict(list)
    for job in jobs:
        cell = Cell.parse(job.cell)
        groups[cell.shared, cell.seeds.train, job.only].append(job)
    return do_together(sorted(groups.values(), key=len, reverse=True), n_jobs)


def _with_job(one: Callable[[Job], dict[str, Any]], job: Job) -> tuple[Job, dict[str, Any]]:
    return job, one(job)


def _note(folder: Path, cell: str, told: dict[str, Any]) -> None:
    if told["status"] == "done":
        append(folder / "timings.jsonl", told["timings"])  # first: a cell is done once its scores are there
        append(folder / "scores.jsonl", told["scores"])
    else:
        line = {"cell": cell, "schema": 1, "status": "failed", "error": told["error"], "environment": environment()}
        append(folder / "scores.jsonl", line)


class _Clock:
    """Counts jobs, and tells how long all will take: by the second model that was trained, then by what was done."""

    def __init__(self, total: int, n_models: float, progress: Progress | None) -> None:
        self.total, self.done, self.start, self.progress = total, 0, time.perf_counter(), progress
        self.n_models, self.n_trained = n_models, 0

    def trained(self, seconds: float) -> None:
        self.n_trained += 1
        if self.progress is not None and self.n_trained == 2:  # the first may have been compiled, too
            spent = time.perf_counter() - self.start
            self.progress(spent, spent + seconds * self.n_models)

    def tick(self) -> None:
        self.done += 1
        if self.progress is not None:
            spent = time.perf_counter() - self.start
            self.progress(spent, spent / self.done * self.total)
