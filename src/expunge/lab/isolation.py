"""A job in a process of its own, with limits: a method that runs away takes nothing else with it.

Or jobs that have much in common in one process, and several such processes side by side.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import multiprocessing
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from expunge.errors import ExpungeError, InvalidParameterError

__all__ = ["Job", "Limits", "context_of", "do", "do_isolated", "do_together"]

#: Loaded once, by the process that the others are forked from: it takes longer than many a cell. The last ones take ten
#: seconds, which a few cells do not win back.
_PRELOADED = ["expunge.lab.experiment", "sklearn.linear_model", "sklearn.neural_network", "numba", "skops.io"]
_LEAST_JOBS = 10
#: What readers of tables, compilers and loaders of libraries say when they get no memory.
_OF_MEMORY = (
    "out of memory",
    "allocate",
    "map segment",
    "load shared object",
    "start new thread",
    "error return without exception",
)

#: Told the seconds of a model.
Trained = Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a job may take.

    Parameters
    ----------
    time_s : float, optional
    memory_bytes : int, optional
        Beyond what the libraries take; held on systems that can limit a process (not on Windows).
    """

    time_s: float | None = None
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("time_s", "memory_bytes"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InvalidParameterError(f"A limit is above 0, got {name}={value!r}.")


@dataclasses.dataclass(frozen=True)
class Job:
    """The references that a cell needs, or the cell.

    Parameters
    ----------
    kind : {"references", "cell"}
    cell : str
    store : Path
    only : int, optional
        Number of the one reference that is to be trained; default: all.
    """

    kind: Literal["references", "cell"]
    cell: str
    store: Path
    only: int | None = None


def do(job: Job, trained: Trained | None = None, *, is_limited: bool = False) -> dict[str, Any]:
    """Do a job here. Errors become data: a failed cell is a result.

    Parameters
    ----------
    job : Job
    trained : callable, optional
        Told the seconds of each reference, once it is trained.
    is_limited : bool
        Whether the memory of this process is limited: what libraries say when they get none then counts as that.
    """
    from expunge.lab.cells import Cell
    from expunge.lab.environment import peak_bytes
    from expunge.lab.experiment import run_cell
    from expunge.lab.trial import prepare

    cell = Cell.parse(job.cell)
    try:
        if job.kind == "references":
            start = time.perf_counter()
            prepare(cell).references(cell, job.store, only=job.only, trained=trained)
            spent = {"elapsed_s": time.perf_counter() - start, "peak_bytes": peak_bytes()}
            return {"status": "done", "n_models": cell.n_models if job.only is None else 1, **spent}
        result = run_cell(cell, store=job.store)
    except Exception as error:  # a method of somebody else may raise anything
        if _is_out_of_memory(error, is_limited=is_limited):
            return _failed("cell-over-limit", f"It took more memory than it may ({type(error).__name__}: {error}).")
        if isinstance(error, ExpungeError):
            return _failed(error.code, str(error))
        place = traceback.extract_tb(error.__traceback__)[-1]
        return _failed("cell-failed", f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")
    return {"status": "done", "scores": result.scores, "timings": result.timings}


def do_isolated(job: Job, limits: Limits, trained: Trained | None = None, *, n_jobs_in_all: int = 1) -> dict[str, Any]:
    """Do a job in a new process, and end that when it takes too much; of many jobs more is loaded beforehand."""
    context = context_of(_PRELOADED if n_jobs_in_all > _LEAST_JOBS else _PRELOADED[:1])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(job, limits, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        end = None if limits.time_s is None else time.monotonic() + limits.time_s
        while ours.poll(None if end is None else max(0.0, end - time.monotonic())):
            told: dict[str, Any] = json.loads(ours.recv_bytes())
            if "trained_s" not in told:
                return told
            if trained is not None:
                trained(told["trained_s"])
        return _failed("cell-over-limit", f"It took more than {limits.time_s:g} s.")
    except EOFError:
        process.join()
        return _ended(process.exitcode, is_limited=limits.memory_bytes is not None)
    finally:
        process.kill()
        process.join()
        ours.close()


def do_together(groups: Sequence[Sequence[Job]], n_jobs: int) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Jobs and what they gave, as they are done: each group in a process of its own, so many side by side.

    Parameters
    ----------
    groups : sequence of sequence of Job
        What the jobs of a group share is done once.
    n_jobs : int

    Notes
    -----
    Set ``OMP_NUM_THREADS=1`` before: where there are as many processes as processors, each has one thread.
    """
    told: queue.SimpleQueue[tuple[Job, dict[str, Any]]] = queue.SimpleQueue()
    context = context_of([*_PRELOADED, "torch"])
    threads = ThreadPoolExecutor(n_jobs)
    try:
        for group in groups:
            threads.submit(_follow, context, list(group), told)
        for _ in range(sum(map(len, groups))):
            yield told.get()
    finally:
        threads.shutdown(cancel_futures=True)


def _follow(context: Any, jobs: list[Job], told: queue.SimpleQueue[Any]) -> None:
    """Hand on what a process tells of its jobs; it may end before it has told of all."""
    ours, theirs = context.Pipe(duplex=False)
    left = list(jobs)
    try:
        process = context.Process(target=_child_of_many, args=(jobs, theirs), daemon=True)
        process.start()
        theirs.close()
        while left:
            given = json.loads(ours.recv_bytes())
            told.put((left.pop(0), given))
        process.join()
    except EOFError:
        process.join()
        ended = _ended(process.exitcode, is_limited=False)
    except Exception as error:  # who waits for the answers has to get one each
        ended = _failed("cell-failed", f"{type(error).__name__}: {error}")
    for job in left:
        told.put((job, ended))
    ours.close()


def context_of(preloaded: list[str]) -> Any:
    """How child processes are made: from a server that has loaded these modules, where the system has one."""
    context: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    with contextlib.suppress(AttributeError):
        context.set_forkserver_preload(preloaded)
    return context


def _ended(code: int | None, *, is_limited: bool) -> dict[str, Any]:
    """A process that ended without an answer: killed, or unable even to begin."""
    if code == -9 or is_limited:
        return _failed("cell-over-limit", f"Its process ended with {code}, perhaps for its memory.")
    why = " before it began; a script that runs cells stands under: if __name__ == '__main__'" if code == 1 else ""
    return _failed("cell-failed", f"Its process ended with {code}{why}.")


def _child(job: Job, limits: Limits, pipe: Any) -> None:
    import warnings

    warnings.simplefilter("ignore")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if limits.memory_bytes is not None:
        _load_libraries(job)
        _limit_memory(limits.memory_bytes)

    def send(told: dict[str, Any]) -> None:
        pipe.send_bytes(json.dumps(told).encode())

    send(do(job, lambda seconds: send({"trained_s": seconds}), is_limited=limits.memory_bytes is not None))
    pipe.close()


def _child_of_many(jobs: list[Job], pipe: Any) -> None:
    import warnings

    warnings.simplefilter("ignore")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for job in jobs:
        pipe.send_bytes(json.dumps(do(job)).encode())
    pipe.close()


def _end_with_parent() -> None:
    """End this process when the one that asked for it has gone: nobody waits for the answer."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _load_libraries(job: Job) -> None:
    """What is loaded before the limit does not count."""
    from expunge.lab.cells import Cell
    from expunge.lab.models.table import family

    is_network = family(Cell.parse(job.cell).scenario.model)[0].source.startswith("expunge.lab.models.networks")
    for name in [*_PRELOADED, *(["torch"] if is_network else [])]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _is_out_of_memory(error: BaseException, *, is_limited: bool) -> bool:
    """Whether an error, or one that led to it, is about memory: not every library raises MemoryError."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, MemoryError) or (is_limited and any(word in str(found) for word in _OF_MEMORY)):
            return True
        found = found.__cause__ or found.__context__
    return False


def _limit_memory(more: int) -> None:
    """Let this process map so many bytes more than it has."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        now = pages * resource.getpagesize()
    except (ImportError, OSError):
        return
    resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"status": "failed", "error": {"code": code, "message": message}}
