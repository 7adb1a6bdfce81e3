"""Files: that of a model which forgot is that of a fresh fit; loaded models go on; exports predict and know no row."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from expunge.checks.canaries import forms, search
from expunge.checks.case import Case
from expunge.checks.verdict import expect, expect_refused, skip
from expunge.errors import UnsupportedRequestError

__all__ = [
    "check_a_changed_file_is_refused",
    "check_a_loaded_model_forgets_like_the_original",
    "check_export_predicts_the_same_and_knows_no_row",
    "check_saved_file_equals_that_of_a_fresh_fit",
]


def check_saved_file_equals_that_of_a_fresh_fit(case: Case) -> None:
    """Byte for byte: after some records, all but one, everything, a class, subjects, a feature."""
    case.needs_exact()
    for task in case.tasks:
        some = np.random.default_rng(6).choice(len(task), size=10, replace=False)
        for rows in (some, np.arange(1, len(task)), np.arange(len(task))):
            model, rest = case.fit(task), task.drop(rows)
            case.forget(model, task, rows)
            _same_file(case, model, case.fresh(rest).model, f"{len(rows)} of {len(task)} records forgotten")
    for request in case.requests(case.model(case.task), case.task, "classes", "subjects", "features"):
        model = case.model(case.task)
        model.forget(**request.keywords)
        _same_file(case, model, case.fresh(request.rest).model, f"{request.kind} forgotten")


def _same_file(case: Case, model: Any, twin: Any, what: str) -> None:
    ours, theirs = case.file(model), case.file(twin)
    expect(
        ours == theirs,
        f"{case.name}: {what}: the file has {len(ours)} bytes, that of a fresh fit {len(theirs)}; they differ "
        f"{_where(ours, theirs)}.",
        "Write no date, counter, path or history.",
    )


def _where(ours: bytes, theirs: bytes) -> str:
    """The first member of the archives that differs, or the first byte."""
    if ours[:2] == theirs[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(ours)) as a, zipfile.ZipFile(io.BytesIO(theirs)) as b:
            if a.namelist() != b.namelist():
                return f"in the presence of {sorted(set(a.namelist()) ^ set(b.namelist()))[:3]}"
            for name in reversed(a.namelist()):  # a manifest at the start differs whenever another member does
                if a.read(name) != b.read(name):
                    return f"in {name}"
    at = next((i for i, (x, y) in enumerate(zip(ours, theirs, strict=False)) if x != y), min(len(ours), len(theirs)))
    return f"from byte {at} on, near {ours[max(0, at - 30) : at + 30]!r}"


def check_a_loaded_model_forgets_like_the_original(case: Case) -> None:
    """Save, load, forget, learn: equal to the model that stayed; saving the loaded one gives the same bytes."""
    for task in case.tasks:
        model = case.model(task)
        case.forget(model, task, [2, 3])
        file, before = case.file(model), case.see(model, task)
        copies = {"loaded": case.load(file), "unpickled": pickle.loads(pickle.dumps(model))}  # noqa: S301 - our own bytes
        case.forget(model, task, [5, 7, 11])
        after = case.see(model, task)
        for how, twin in copies.items():
            case.expect_same(twin, before, task, f"a {how} model")
            same = case.file(twin) == file
            expect(same, f"{case.name}: saving a {how} model gives other bytes.", "Write what was read.")
            expect(type(twin) is type(model), f"{case.name}: a {how} model is a {type(twin).__name__}.")
            case.forget(twin, task, [5, 7, 11])
            case.expect_same(twin, after, task, f"three records forgotten by a {how} model")


def check_export_predicts_the_same_and_knows_no_row(case: Case) -> None:
    """The export gives the same bytes for every output, refuses to forget or learn, and holds no id and no row."""
    task = case.task
    model = case.model(task)
    try:
        data = case.export(model)
    except (AttributeError, UnsupportedRequestError) as error:
        skip(f"{case.name} does not export: {error}")
    export, same = case.load(data), f"{case.name}: the export predicts other bytes than the model."
    expect(case.outputs(export, task) == case.outputs(model, task), same, "Export what predict reads.")
    expect(data == case.export(model), f"{case.name}: two exports of one model differ.", "Write no date and no path.")
    calls: dict[str, Callable[[], Any]] = {
        "forget": lambda: export.forget(task.ids[:1]),
        "plan": lambda: export.plan(task.ids[:1]),
        "learn": lambda: export.learn(task.X, task.y, record_ids=task.ids),
        "save": lambda: case.file(export),
        "record_ids_": lambda: export.record_ids_,
    }
    for what, call in calls.items():
        expect_refused(call, f"{case.name}: {what} of an export", NotImplementedError)
    for task in case.tasks:
        tokens = {f"the id {i!r}": forms(i) for i in task.ids.tolist() if isinstance(i, str)}
        if isinstance(task.X, np.ndarray):
            tokens |= {f"the features of row {i}": [row.tobytes()] for i, row in enumerate(task.X)}
        found = search(case.export(case.model(task)), tokens)
        expect(not found, f"{case.name}: an export holds {', '.join(found[:3])}.", "It must hold the solution alone.")


def check_a_changed_file_is_refused(case: Case) -> None:
    """A byte changed anywhere is noticed; a file that is none is refused by a sentence."""
    file = case.file(case.model(case.task))
    for at in np.linspace(40, len(file) - 60, 12).astype(int):
        changed = bytearray(file)
        changed[at] ^= 1
        try:
            model = case.load(bytes(changed))
        except ValueError:
            continue
        same = model.digest() == case.fresh(case.task).digest
        expect(same, f"{case.name}: a file with byte {at} changed loads as another model.", "Compare checksums.")
    expect_refused(lambda: case.load(b"nothing"), f"{case.name}: loading a file that is none", ValueError)
