"""Guards of the digest itself: it covers every stored bit, and whatever it does not tell apart behaves alike."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.checks.case import Case, copied, frozen
from expunge.checks.tasks import Task, copy_of, take_rows
from expunge.checks.verdict import expect
from expunge.contract import Unlearner
from expunge.digest import arrays
from expunge.errors import ExpungeError
from expunge.rows import Rows

__all__ = [
    "check_a_digest_kept_up_to_date_equals_one_from_scratch",
    "check_equal_digests_mean_equal_outputs",
    "check_one_flipped_bit_changes_the_digest",
    "check_the_digest_sees_every_value",
]

_COVER = "The digest must cover everything that predict, forget or learn reads."


def check_one_flipped_bit_changes_the_digest(case: Case) -> None:
    """Every stored array: those of the parts, of the rows, and inside third-party estimators."""
    task = case.task
    model = case.model(task)
    digest, flipped = model.digest(), 0
    for name, other in _flips(model):
        flipped += 1
        expect(
            other is None or other.digest() != digest,
            f"{case.name}: one bit of {name} was flipped and the digest is the same.",
            _COVER,
        )
    expect(flipped, f"{case.name}: no array of its state was found.", "Keep the state in arrays.")


def _flips(model: Any) -> Iterator[tuple[str, Any]]:
    """Copies of the model with one bit changed, by the name of the array; None where it cannot be built like that."""
    if not isinstance(model, Unlearner):
        known = set(model.get_params(deep=False))
        own = {name: value for name, value in vars(model).items() if name not in known}
        for path, changed in _flipped(own):
            other = copied(model) if changed is not None else None
            if other is not None:
                vars(other).update(changed)
            yield path, other
        return
    state, rows = model._state(), model._rows()
    for part_name, part in state.parts.items():
        for path, changed in _flipped(part):
            other = _without_leaves(model) if changed is not None else None
            if other is not None:
                other._state().parts[part_name] = changed
            yield f"{path} of part {part_name!r}", other
    stored = rows.arrays(rows.slots())
    for path, array in stored.items():
        if array.size:
            other = _without_leaves(model)
            try:
                other._state().rows = Rows.restore(rows.schema(), {**stored, path: _flip(array)}, seed=rows._seed)
            except (ExpungeError, UnicodeDecodeError):
                other = None
            yield f"rows {path}", other


def _without_leaves(model: Unlearner) -> Any:
    """A copy that hashes everything again."""
    other = copied(model)
    state = other._state()
    state.leaves, state.row_leaves = {}, {}
    return other


def _flipped(value: Any) -> Iterator[tuple[str, Any]]:
    """Copies of a value, each with one bit of one of its arrays changed.

    The cells of arrays are taken out of a pickle of the value as buffers and put back changed: so also arrays that
    compiled code holds and hands out only as copies are reached.
    """
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    pickler = _Pickler(stream, protocol=5, buffer_callback=buffers.append)
    pickler.dump(value)
    cells = [bytearray(buffer.raw()) for buffer in buffers]
    known = {array.tobytes("A"): (path, array.itemsize) for path, array in arrays(value)}
    for i, cell in enumerate(cells):
        if cell:
            path, itemsize = known.get(bytes(cell), (f"array {i} of {len(cell)} bytes", 1))
            own = [bytearray(other) for other in cells]
            own[i][_middle(len(cell), itemsize)] ^= 1
            unpickler = _Unpickler(io.BytesIO(stream.getvalue()), pickler.kept, own)
            try:
                yield path, unpickler.load()
            except ValueError:  # the object itself noticed
                yield path, None


class _Pickler(pickle.Pickler):
    """Leaves seed sequences alone: they are where generators came from, and no draw reads them."""

    kept: ClassVar[dict[str, Any]]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.kept = {}  # type: ignore[misc]

    def persistent_id(self, obj: Any) -> str | None:
        if not isinstance(obj, np.random.SeedSequence):
            return None
        self.kept[str(id(obj))] = obj
        return str(id(obj))


class _Unpickler(pickle.Unpickler):
    """Puts the seed sequences back. It reads bytes made a moment ago, and nothing else."""

    def __init__(self, stream: io.BytesIO, kept: dict[str, Any], buffers: list[bytearray]) -> None:
        super().__init__(stream, buffers=buffers)
        self.kept = kept

    def persistent_load(self, pid: Any) -> Any:
        return self.kept[pid]


def _middle(n_bytes: int, itemsize: int) -> int:
    """The first byte of the item in the middle."""
    return n_bytes // 2 // itemsize * itemsize


def _flip(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    data = bytearray(np.ascontiguousarray(array).tobytes())
    data[_middle(len(data), array.itemsize)] ^= 1
    return np.frombuffer(bytes(data), dtype=array.dtype).reshape(array.shape)


def check_the_digest_sees_every_value(case: Case) -> None:
    """Another feature value, target, id or subject of one record, a weight, or one record more gives another digest."""
    for task in case.tasks:
        digest = case.fresh(task).digest
        for what, other in _neighbours(task):
            expect(
                case.fresh(other).digest != digest,
                f"{case.name}, {task.name}: {what} of one record was changed before fit and the digest is the same.",
                _COVER,
            )


def _neighbours(task: Task) -> Iterator[tuple[str, Task]]:
    """Tasks that differ in one value."""
    X = copy_of(task.X)
    if hasattr(X, "columns"):
        for name in X.columns:
            column = X[name].astype(object)
            column.iloc[3] = next(v for v in column if v != column.iloc[3] and v == v and v is not None)
            yield f"the value in column {name!r}", task.replace(X=X.assign(**{name: column.astype(X[name].dtype)}))
    elif isinstance(X, list):
        yield "the text", task.replace(X=[*X[:3], X[3] + " plus", *X[4:]])
    else:
        X[3, 1] = X[3, 1] + 1.0
        yield "a feature", task.replace(X=X)
    if task.y is not None:
        y = task.y.copy()
        y[3] = next(v for v in y if v != y[3])
        yield "the target", task.replace(y=y)
    ids, subjects = task.ids.copy(), task.subjects.copy()
    ids[3] = 999_999 if ids.dtype != object else "another"
    subjects[3] = 999_999 if subjects.dtype != object else "another"
    yield "the id", task.replace(ids=ids)
    yield "the subject", task.replace(subjects=subjects)
    yield "the presence", task.take(range(len(task) - 1))


def check_equal_digests_mean_equal_outputs(case: Case) -> None:
    """Many models, fitted on the same and on slightly other data: those with equal digests give equal bytes."""
    for task in case.tasks:
        y = None if task.y is None else task.y[::-1].copy()
        tasks = [task, task.take(range(len(task))[::-1]), task.take(range(40)), task.drop(range(3))]
        tasks += [other for _, other in _neighbours(task)]
        tasks += (
            [task.replace(y=y)] if y is not None else [task.replace(X=take_rows(task.X, np.arange(len(task))[::-1]))]
        )
        model = case.model(task)
        case.forget(model, task, range(3))
        changed = (model, case.load(case.file(model)), copied(model))
        known: dict[str, dict[str, Any]] = {}
        for seen in (*map(case.fresh, tasks), *(case.see(one, task) for one in changed)):
            outputs = dict(seen.outputs)
            if hasattr(seen.model, "classes_"):
                outputs["classes_"] = frozen(seen.model.classes_)
            first = known.setdefault(seen.digest, outputs)
            differ = [name for name in outputs if outputs[name] != first.get(name)]
            said = f"{case.name}, {task.name}: two models with one digest differ in {', '.join(differ)}."
            expect(not differ, said, _COVER)


def check_a_digest_kept_up_to_date_equals_one_from_scratch(case: Case) -> None:
    """Asked for after each of many changes, the digest is that of a copy which was loaded or hashed all again."""
    task = case.task
    model = case.model(task)
    rng = np.random.default_rng(7)
    outside: list[int] = []
    for step in range(8):
        model.digest()
        if step % 3 == 2 and hasattr(model, "learn"):
            case.learn(model, task.take(outside[:3]))
            outside = outside[3:]
        else:
            inside = np.setdiff1d(np.arange(len(task)), outside)
            gone = rng.choice(inside, size=3, replace=False).tolist()
            case.forget(model, task, gone)
            outside += gone
        digest = model.digest()
        twins = [_without_leaves(model)] if isinstance(model, Unlearner) else []
        twins += [case.load(case.file(model))] if step in (3, 7) else []
        for twin in twins:
            expect(
                twin.digest() == digest,
                f"{case.name}: after {step + 1} changes the digest kept up to date is {digest[:12]}…, from scratch "
                f"{twin.digest()[:12]}….",
                "Drop the leaves of every part and block that a change touches.",
            )
