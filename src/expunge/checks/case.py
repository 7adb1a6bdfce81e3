"""A method under test with the data it is tried on: the few verbs that all checks are written in."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from expunge.checks.tasks import TableKind, Task, make_tasks
from expunge.checks.verdict import expect, skip
from expunge.contract import Unlearner
from expunge.digest import first_difference, leaf
from expunge.errors import UnsupportedRequestError
from expunge.requests import has_classes

__all__ = ["Case", "Request", "Seen"]

_OUTPUTS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
_EQUAL = "The parts must be a function of the rows that are left and of the parameters alone."


@dataclasses.dataclass(frozen=True)
class Request:
    """One request of a kind a method serves: keywords of ``forget``, and what remains of the task afterwards.

    Parameters
    ----------
    kind : str
    keywords : dict
    rest : Task
    """

    kind: str
    keywords: dict[str, Any]
    rest: Task


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a model shows to the outside: its digest, its ids and the bytes of its outputs.

    Parameters
    ----------
    digest : str
    ids : tuple
    outputs : dict of str to bytes
    model : Unlearner
    """

    digest: str
    ids: tuple[Any, ...]
    outputs: dict[str, Any]
    model: Any = dataclasses.field(compare=False)


class Case:
    """An estimator and what is needed to try it.

    Parameters
    ----------
    estimator : estimator
        Cloned before each use. May be fitted or not.
    table : {"numbers", "sparse", "frame", "texts", "questions", "interactions"}, default="numbers"
        The form of X it takes; see :func:`expunge.checks.tasks.make_tasks`.
    trusted : sequence of str
        Types its files may hold; see :func:`expunge.load`.
    alternatives : dict of str to list, optional
        Other values of constructor arguments; joined with the class's ``_alternatives``.
    tried_with : dict of str to dict, optional
        For an argument that matters only beside another: what to set while it is tried; joined with ``_tried_with``.
    """

    def __init__(
        self, estimator: Any, *, table: TableKind = "numbers", trusted: Sequence[str] = (),
        alternatives: Mapping[str, Sequence[Any]] | None = None,
        tried_with: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.estimator, self.table, self.trusted = estimator, table, tuple(trusted)
        self.alternatives = {**getattr(type(estimator), "_alternatives", {}), **(alternatives or {})}
        self.tried_with = {**getattr(type(estimator), "_tried_with", {}), **(tried_with or {})}
        self.tasks = make_tasks(estimator, table)
        self._fresh: dict[bytes, Seen] = {}
        self._remembered: dict[str, Any] = {}

    def __repr__(self) -> str:
        inner = self.estimator.get_params(deep=False).get("estimator")
        return self.name + (f"({type(inner).__name__})" if hasattr(inner, "fit") else "")

    @property
    def name(self) -> str:
        """Name of the method, for sentences."""
        return type(self.estimator).__name__

    @property
    def task(self) -> Task:
        """The first task, for checks that need only one."""
        return self.tasks[0]

    @property
    def execution_params(self) -> tuple[str, ...]:
        """Constructor arguments that the method lists as without influence on the result."""
        return tuple(getattr(type(self.estimator), "_execution_params", ()))

    def new(self, **params: Any) -> Any:
        """An unfitted clone, with other parameters."""
        return clone(self.estimator).set_params(**params)

    def fit(self, task: Task, *, weight: Any = None, dormant: bool = False, **params: Any) -> Any:
        """A clone fitted on a task; ``dormant`` accepts too little data, where the method has a word for that."""
        model = self.new(**params)
        keywords: dict[str, Any] = {"record_ids": task.ids, "subject_ids": task.subjects}
        if weight is not None:
            keywords["sample_weight"] = weight
        if dormant and "allow_dormant" in inspect.signature(model.fit).parameters:
            keywords["allow_dormant"] = True
        out = model.fit(task.X, task.y, **keywords)
        expect(out is model, f"{self.name}.fit returns {type(out).__name__} and not self.", "Return self.")
        return model

    def model(self, task: Task) -> Any:
        """A model fitted on a task, to change: an independent copy of one that was fitted once."""
        return copied(self.fresh(task).model)

    def fresh(self, task: Task) -> Seen:
        """What a fresh fit on these rows shows; remembered, for many checks ask for the same."""
        key = leaf([task.name, task.X, task.y, task.ids, task.subjects])
        if key not in self._fresh:
            self._fresh[key] = self.see(self.fit(task, dormant=True), task)
        return self._fresh[key]

    def remember(self, name: str, make: Callable[[], Any]) -> Any:
        """What ``make`` gave the first time, for checks that look at the same thing."""
        if name not in self._remembered:
            self._remembered[name] = make()
        return self._remembered[name]

    def learn(self, model: Any, task: Task) -> Any:
        """Learn a task, or skip the check where the method does not learn."""
        if not hasattr(model, "learn"):
            skip(f"{self.name} has no learn")
        try:
            return model.learn(task.X, task.y, record_ids=task.ids, subject_ids=task.subjects)
        except UnsupportedRequestError as error:
            skip(f"{self.name} does not learn: {error}")

    def outputs(self, model: Any, task: Task) -> dict[str, Any]:
        """Bytes of everything the model says about the task's rows; "dormant" where it refuses to."""
        out: dict[str, Any] = {}
        for name in _OUTPUTS:
            try:
                if hasattr(model, name):
                    out[name] = frozen(getattr(model, name)(task.X))
            except NotFittedError:
                out[name] = "dormant"
        return out

    def see(self, model: Any, task: Task) -> Seen:
        """What the model shows; ``task`` gives the rows to predict (of any width that fits)."""
        task = next((t for t in self.tasks if t.name == task.name and t.features() == task.features()), task)
        return Seen(model.digest(), tuple(model.record_ids_.tolist()), self.outputs(model, task), model)

    def expect_same(self, model: Any, twin: Seen, task: Task, what: str) -> None:
        """Fail unless the model shows the same as the twin, digest and bytes."""
        seen, where = self.see(model, task), f"{self.name}, {task.name}, {what}"
        gone = sorted(map(str, set(seen.ids) ^ set(twin.ids)))[:5]
        expect(not gone, f"{where}: record_ids_ differs from what it should be in {', '.join(gone)}.", _EQUAL)
        expect(seen.ids == twin.ids, f"{where}: record_ids_ are in another order than they should be.")
        expect(
            seen.digest == twin.digest,
            f"{where}: the digest is {seen.digest[:12]}… and should be {twin.digest[:12]}…{_first(model, twin.model)}.",
            _EQUAL,
        )
        for name, value in seen.outputs.items():
            expect(
                value == twin.outputs.get(name),
                f"{where}: equal digests, but {name} gives other bytes than the model it should equal.",
                "The digest must cover everything that is read.",
            )

    def file(self, model: Any) -> bytes:
        """The bytes of the saved model."""
        with tempfile.TemporaryDirectory(prefix="expunge-check-") as folder:
            return Path(model.save(Path(folder) / "model.expunge")).read_bytes()

    def export(self, model: Any) -> bytes:
        """The bytes of the exported model."""
        with tempfile.TemporaryDirectory(prefix="expunge-check-") as folder:
            return Path(model.export(Path(folder) / "model.export")).read_bytes()

    def load(self, data: bytes) -> Any:
        """The model these bytes are the file of, also if its method is in no table."""
        kind = type(self.estimator)
        with tempfile.TemporaryDirectory(prefix="expunge-check-") as folder:
            path = Path(folder) / "model.expunge"
            path.write_bytes(data)
            if issubclass(kind, Unlearner):
                from expunge.files.storage import read_model
                from expunge.methods import OWN_ESTIMATORS, find_method

                def find(name: str) -> Any:  # the method itself need not be in the table; its steps are
                    return kind if name == kind.__name__ else find_method(name)

                return read_model(path, find=find, trusted=(*self.trusted, *OWN_ESTIMATORS))
            if hasattr(kind, "load"):
                return kind.load(path)
            from expunge.methods import load

            return load(path, trusted=self.trusted)

    def forget(self, model: Any, task: Task, rows: Any) -> Any:
        """Forget rows of the task by their ids."""
        return model.forget(task.ids[np.asarray(rows, dtype=np.intp)])

    def requests(self, model: Any, task: Task, *kinds: str) -> list[Request]:
        """One request of each of these kinds that the model serves; asked by ``plan``."""
        out = []
        for kind in kinds or ("records", "subjects", "classes", "features"):
            request = _request(kind, task) if kind != "classes" or has_classes(model) else None
            if request is None:
                continue
            try:
                model.plan(**request.keywords)
            except UnsupportedRequestError:
                continue
            out.append(request)
        return out

    def served(self, model: Any, task: Task, kind: str) -> Request:
        """The request of this kind, or skip the check."""
        found = self.requests(model, task, kind)
        if not found:
            of = {"texts": " of texts", "questions": " of texts", "interactions": " of interactions"}
            skip(f"{self.name} does not forget {kind}{of.get(self.table, '')}")
        return found[0]

    def kind(self) -> str:
        """Kind of the guarantee the method gives on the first task."""
        return str(self.remember("kind", lambda: self.model(self.task).plan(self.task.ids[:1]).guarantee.kind))

    def needs_exact(self) -> None:
        """Skip the check for a method that does not promise equality."""
        if self.kind() != "exact":
            skip(f"{self.name} promises {self.kind()}, not equality")


def _request(kind: str, task: Task) -> Request | None:
    if kind == "records":
        return Request(kind, {"record_ids": task.ids[4:9]}, task.drop(range(4, 9)))
    if kind == "subjects":
        wanted = list(dict.fromkeys(s for s in task.subjects.tolist() if s is not None))[:2]
        return Request(kind, {"subjects": wanted}, task.drop([i for i, s in enumerate(task.subjects) if s in wanted]))
    if kind == "classes" and task.y is not None:
        label = np.unique(task.y)[-1]
        return Request(kind, {"classes": [label]}, task.drop(np.flatnonzero(task.y == label)))
    if kind == "features" and len(task.features()) > 1:
        return Request(kind, {"features": [task.features()[-1]]}, task.without(task.features()[-1]))
    return None


def frozen(value: Any) -> tuple[str, tuple[int, ...], bytes]:
    """Type, shape and bytes of an output."""
    array = np.asarray(value.toarray() if hasattr(value, "toarray") else value)
    data = repr(array.tolist()).encode() if array.dtype.kind in "OUS" else array.tobytes()
    return (array.dtype.kind if array.dtype.kind in "OUS" else array.dtype.str), array.shape, data


def leaves(model: Any) -> dict[str, Any] | None:
    """Leaves of the hash tree by name, for methods that are built on :class:`expunge.Unlearner`."""
    if not isinstance(model, Unlearner):
        return None
    state = model._state()
    return {**{f"part {k}": v for k, v in state.parts.items()}, "rows": _row_arrays(state)}


def _row_arrays(state: Any) -> dict[str, npt.NDArray[Any]]:
    return {} if state.rows is None else state.rows.arrays(state.rows.slots())


def _first(model: Any, twin: Any) -> str:
    """Where two models first differ, in words, if that can be found out."""
    ours, theirs = leaves(model), leaves(twin)
    if ours is None or theirs is None:
        return ""
    if set(ours) != set(theirs):
        return f"; only one has {sorted(set(ours) ^ set(theirs))[0]}"
    for name, value in ours.items():
        where = first_difference(value, theirs[name])
        if where is not None:
            return f"; {name} differs first at {where}"
    return "; parts and rows are equal, so it is the parameters or the names of the features"


def copied(model: Any) -> Any:
    """An independent copy of a fitted model: through pickle, or where its class cannot be pickled by deepcopy."""
    try:
        return pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    except (pickle.PicklingError, AttributeError, TypeError):
        return copy.deepcopy(model)
