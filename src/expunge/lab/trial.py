"""What cells share: data, parts, the drawn request, the learner, the records that are asked about, the references."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.audit.inputs import References
from expunge.audit.references import plan_around, references
from expunge.digest import leaf
from expunge.estimators.threads import one_thread
from expunge.lab.cells import Cell
from expunge.lab.data import Bools, Data, Records, Split, split
from expunge.lab.environment import environment
from expunge.lab.learners import Learner
from expunge.lab.models import build
from expunge.lab.requests import Drawn, draw_request
from expunge.lab.workloads import load_workload
from expunge.seeds import derive_seed, uniform64

__all__ = ["Trial", "prepare"]

#: At most so many records of each part are asked about.
_ASKED = {"train": 500, "validation": 300, "held_out": 400, "test": 500, "forget": 400}


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """Everything before a model is trained.

    Parameters
    ----------
    data : Data
        With what the request planted.
    parts : Split
    drawn : Drawn
    learner : Learner
    query : ndarray of int, shape (n,)
        Places of the records asked about.
    digest : str
        Of the data as it was loaded.
    """

    data: Data
    parts: Split
    drawn: Drawn
    learner: Learner
    query: npt.NDArray[np.intp]
    digest: str

    def chosen(self, seed: int) -> Bools:
        """Training records of a model, without the forget set: a draw of the learner's ``keep``."""
        kept = self.parts.train & ~self.drawn.mask()
        if self.learner.keep == 1:
            return kept
        share = uniform64(seed, "lab draw", self.data.ids) < np.uint64(self.learner.keep * 2.0**64)
        return np.asarray(kept & share)

    def records(self, chosen: Bools) -> Records:
        """These records, as a method sees them."""
        return Records.of(self.data, chosen)

    def answer(self, model: Any) -> npt.NDArray[np.float64]:
        """Answers on the records asked about."""
        return self.learner.answer(model, self.data.rows(self.query), self.data.n_classes)

    def references(
        self, cell: Cell, store: Path | None, *, n_jobs: int = 1, only: int | None = None,
        trained: Callable[[float], None] | None = None,
    ) -> References | None:  # fmt: skip
        """Models without the forget set, then with it; trained once, kept in the store. Or the one of a number only.

        ``trained`` is told the seconds of each that is trained now.

        Notes
        -----
        They are draws of the same kind as the model of any training seed: the same share of the retained records, and
        seeds of their own.
        """
        if not cell.n_references or self.drawn.by_cost:
            return None
        forgotten = self.drawn.mask()
        plan = plan_around(
            self.data.ids, is_forgotten=forgotten, is_held_out=~self.parts.train & ~forgotten, n=cell.n_references,
            n_unforgotten=cell.n_unforgotten, keep=self.learner.keep,
            seed=derive_seed(cell.seeds.evaluation, "lab references", cell.shared),
        )  # fmt: skip
        if only is not None:
            plan = dataclasses.replace(plan, members=plan.members[[only]], seeds=(plan.seeds[only],))
        train = functools.partial(self._train, trained=trained)
        with one_thread():
            return references(
                train, plan, self.data.y[self.query], query=self.query, store=store,
                content=None if store is None else [cell.shared, self.digest, self.learner_digest(), environment()],
                n_jobs=n_jobs,
                read=lambda answers, labels: self.data.task.read(answers, labels, self.learner.floor),
            )  # fmt: skip

    def learner_digest(self) -> str:
        """Of the source of a model from outside the library; empty of one of ours, which the code of the lab covers."""
        kind = type(getattr(self.learner, "estimator", self.learner))
        if kind.__module__.partition(".")[0] == "expunge":
            return ""
        try:
            return leaf(inspect.getsource(inspect.getmodule(kind) or kind)).hex()
        except (OSError, TypeError):  # typed in by hand: there is no file of it
            return kind.__qualname__

    def _train(
        self, members: Bools, seeds: tuple[int, ...], *, trained: Callable[[float], None] | None
    ) -> npt.NDArray[np.float64]:
        out = []
        for chosen, seed in zip(members, seeds, strict=True):
            start = time.perf_counter()
            out.append(self.answer(self.learner.train(self.records(chosen), seed)))
            if trained is not None:
                trained(time.perf_counter() - start)
        return np.stack(out)


def prepare(cell: Cell) -> Trial:
    """What a cell shares with others of the same workload, model, request and evaluation seed."""
    s = cell.scenario
    return _prepare(s.workload, s.model, s.request, cell.seeds.evaluation)


@functools.lru_cache(maxsize=2)
def _prepare(workload: str, model: str, request: str, seed: int) -> Trial:
    data = load_workload(workload)
    parts = split(data, seed)
    drawn = draw_request(request, data, parts.train, seed)
    learner = build(model, drawn.data)
    if hasattr(learner, "unseen"):
        learner.unseen = Records.of(drawn.data, parts.validation)
    return Trial(
        data=drawn.data, parts=parts, drawn=drawn, learner=learner,
        query=_query(data, parts, drawn, seed), digest=data.digest(),
    )  # fmt: skip


def _query(data: Data, parts: Split, drawn: Drawn, seed: int) -> npt.NDArray[np.intp]:
    forgotten = drawn.mask() & (not drawn.by_cost)
    masks = {**parts._asdict(), "train": parts.train & ~forgotten, "forget": forgotten}
    out = []
    for name, mask in masks.items():
        places = np.flatnonzero(mask)
        order = np.argsort(uniform64(seed, "lab asked", data.ids[places]), kind="stable")
        out.append(places[order[: _ASKED[name]]])
    return np.sort(np.concatenate(out))
