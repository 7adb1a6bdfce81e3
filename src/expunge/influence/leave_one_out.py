"""Leave-one-out: the model itself forgets each record, on a copy, and the target is measured again. No estimate."""

from __future__ import annotations

import copy
import dataclasses
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.contract import DormantModelError, Unlearner
from expunge.errors import InvalidRequestError, UnsupportedRequestError
from expunge.influence.case import Case
from expunge.influence.quantities import quantities, refuse_without_predictions
from expunge.influence.targets import SELF
from expunge.methods.pipeline.pipeline import Pipeline
from expunge.methods.private.do_nothing import DoNothing
from expunge.records import Guarantee
from expunge.requests import named_rows

__all__ = ["LeaveOneOut"]

Floats = npt.NDArray[np.float64]

#: Forgetting that reads no more than so many records for each that goes is undone by learning, else by a new copy.
CHEAP = 10


class LeaveOneOut:
    """Influence by forgetting each record in turn: what exact methods can afford, and no other.

    Guarantee
    ---------
    As of the model's own removals: ``exact`` where forgetting equals a fit without the record, bit for bit.

    Notes
    -----
    One removal and one prediction for each record, and learning it back, or a copy of the model. For sums that is
    O(d²) and solving again, O(d³); ``model.plan`` says what others read. Persons are forgotten whole, so that theirs
    is no sum of the influences of their records. A model that forgets by doing nothing is refused.

    References
    ----------
    R. D. Cook, "Detection of influential observation in linear regression", Technometrics 19, 1977.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from expunge import Ridge
    >>> from expunge.influence import influence
    >>> X, y = load_diabetes(return_X_y=True)
    >>> found = influence(Ridge().fit(X[:60], y[:60]), on=(X[60:], y[60:]), method=LeaveOneOut())
    >>> found.guarantee.kind, len(found.top(3))
    ('exact', 3)
    """

    name = "leave-one-out"
    asks_whole = True

    def check(self) -> None:
        """It has no arguments."""

    def scores(self, case: Case) -> Floats:
        model = _library_model(case.model)
        fixed = None if case.target == SELF else _Probe.of(model, case.target)
        scratch, out = copy.deepcopy(model), np.zeros(len(case.ids))
        started, first = time.perf_counter(), 0.0
        is_exact = model._guarantee().kind == "exact"
        for i, one in enumerate(case.ids.tolist()):
            request: dict[str, Any] = {"record_ids" if case.by == "record" else "subjects": [one]}
            rows = scratch._rows()
            table = rows.peek(rows.find([one]) if case.by == "record" else rows.find_subjects([one]))
            table = dataclasses.replace(table, X=named_rows(scratch, table.X))
            probe = fixed or _Probe.own(scratch, table)
            is_cheap = scratch.plan(**request).work_low <= CHEAP * len(table)
            scratch.forget(**request)
            try:
                out[i] = probe.change(scratch)
            except DormantModelError:
                raise InvalidRequestError(
                    f"Without {case.by} {one!r} too little is left to predict from.", hint="Name others with ids."
                ) from None
            if is_exact and is_cheap:
                about = {"subject_ids": table.subjects, "sample_weight": table.weight}
                scratch.learn(table.X, table.y, record_ids=table.ids, **about)
            else:
                scratch = copy.deepcopy(model)
            spent = time.perf_counter() - started
            first = first or spent  # it compiles loops and wakes a model that comes from a file: no measure of others
            if case.progress is not None and (i or len(case.ids) == 1):
                case.progress(spent, first + (spent - first) * (len(case.ids) - 1) / max(1, i))
        return out

    def guarantee(self, case: Case) -> Guarantee:
        own: Guarantee = _library_model(case.model)._guarantee()
        return dataclasses.replace(own, statement=f"measured on a model that has forgotten it; {own.statement}")

    def value(self, case: Case) -> float | None:
        if case.target == SELF:
            return None
        probe = _Probe.of(_library_model(case.model), case.target)
        return float((probe.weights * probe.before).sum())


@dataclasses.dataclass(frozen=True)
class _Probe:
    """Rows to look at, the weights of their quantities, and the quantities before anything is forgotten."""

    X: Any
    y: Any
    chance: Any
    weights: Floats
    before: Floats

    @classmethod
    def of(cls, model: Any, target: Any) -> _Probe:
        """Of a target."""
        now = quantities(model, target.data, target.y, target.chance)
        return cls(target.data, target.y, target.chance, target.weights(target.y, now), now)

    @classmethod
    def own(cls, model: Any, table: Any) -> _Probe:
        """Of records that are going to be forgotten."""
        return cls(table.X, table.y, None, np.ones(len(table)), quantities(model, table.X, table.y))

    def change(self, model: Any) -> float:
        """By how much the target of a model is more than before."""
        after = quantities(model, self.X, self.y, self.chance)
        return float((self.weights * (after - self.before)).sum())


def _library_model(model: Any) -> Any:
    """A model that forgets by itself; a network does not."""
    if not isinstance(model, Unlearner):
        raise UnsupportedRequestError(
            f"A {type(model).__name__} does not forget by itself, so nothing can be left out exactly.",
            hint="Take influence functions, TracIn or TRAK.",
        )
    refuse_without_predictions(model)
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if isinstance(last, DoNothing):
        raise UnsupportedRequestError(
            f"{type(last).__name__} forgets by doing nothing, within its noise: no record would show any influence.",
            hint="Ask a model of the same records that was fitted without noise.",
        )
    return model
