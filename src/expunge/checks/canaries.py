"""Canaries: values that nothing else could produce, planted in a record, found before it is forgotten and not after."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.exceptions import NotFittedError

from expunge.checks.case import Case
from expunge.checks.tasks import Task, copy_of
from expunge.checks.verdict import expect, skip
from expunge.errors import UnsupportedRequestError
from expunge.requests import has_classes

__all__ = [
    "check_no_value_of_a_forgotten_feature_is_left",
    "check_no_value_of_a_forgotten_record_is_left",
    "check_no_value_of_a_forgotten_subject_is_left",
    "expect_gone",
    "expect_there",
    "expect_untold",
    "forms",
    "plain",
    "plant",
    "search",
]

#: Multiples of 2**-32 between 600 and 1000 whose 42 bits occur in no other data: fixed-point sums keep them exactly.
FLOATS = [np.rint((600.0 + 80 * np.modf(np.pi * 10.0**k)[0]) * 2**32) / 2**32 for k in range(5)]
TEXTS = ["canary-text-7f3a9c51e2d8", "canary-text-b84e06d2a97c", "canary-text-5d20fe18c63b"]
IDS = ["canary-id-4c9b7e21f05d83", "canary-id-e6a1380b5d97f2"]
PERSON, LABEL, COLUMN = "canary-person-93b1d7f04e", "canary-label-1f6c82ea5d0b", "canary-column-a07d49c3be"
NUMBERS = [0x5EC2_E7C0_FFEE_1234, 0x0B5E_55ED_CAFE_5678]
_FIXED = (-32, -20, -16)  # exponents of resolutions in which a value may have been scaled to an integer


def forms(value: Any) -> list[bytes]:
    """The bytes a value can leave behind: binary in several widths and orders, scaled integers, decimal text."""
    if isinstance(value, str):
        escaped = json.dumps(value)[1:-1].encode()
        return [value.encode(), escaped, value.encode("utf-16-le"), value.encode("utf-32-le")]
    if isinstance(value, (int, np.integer)):
        return [struct.pack("<q", int(value)), struct.pack(">q", int(value)), str(int(value)).encode()]
    value = float(value)
    binary = [struct.pack(kind, value) for kind in ("<d", ">d", "<f", ">f")]
    scaled = [struct.pack("<q", round(value * 2.0**-e)) for e in _FIXED] + [struct.pack("<d", value * 2.0**32)]
    text = [repr(value), format(value, ".17g"), format(value, ".9g"), value.hex()]
    return [*binary, *scaled, *(t.encode() for t in text)]


def layers(data: bytes) -> Iterator[bytes]:
    """The bytes themselves and, of an archive, every member unpacked, archives inside archives too."""
    yield data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from layers(archive.read(name))


def search(data: bytes, canaries: Mapping[str, list[bytes]]) -> list[str]:
    """Names of the canaries that occur in the bytes."""
    unpacked = list(layers(data))
    return [name for name, kinds in canaries.items() if any(form in part for form in kinds for part in unpacked)]


def plant(case: Case, task: Task, row: int, *, number: bool, label: bool) -> tuple[Task, dict[str, list[bytes]]]:
    """The task with canaries in one row; those that the model takes as they are, by name."""
    X, ids, subjects = copy_of(task.X), task.ids.astype(object), task.subjects.astype(object)
    y = None if task.y is None else task.y.copy()
    ids[row], subjects[row] = (NUMBERS[0], NUMBERS[1]) if number else (IDS[0], PERSON)
    found: dict[str, list[bytes]] = {"the record id": forms(ids[row]), "the subject id": forms(subjects[row])}
    if number:
        ids, subjects = ids.astype(np.int64), subjects.astype(np.int64)
    if hasattr(X, "columns"):
        import pandas as pd

        X = X.reset_index(drop=True)
        for j, name in enumerate(X.columns):
            if X[name].dtype.kind in "fiu":
                X[name] = X[name].astype(float)
                X.loc[row, name] = FLOATS[j % 5]
            else:
                text = isinstance(X[name].dtype, pd.CategoricalDtype)
                X[name] = X[name].astype(object)
                X.loc[row, name] = TEXTS[j % 3]
                X[name] = X[name].astype("category") if text else X[name]
            found[f"the value in column {name!r}"] = forms(X.loc[row, name])
    elif hasattr(X, "shape"):
        for j, value in enumerate(FLOATS[: X.shape[1]]):
            X[row, j] = value
            found[f"the value in column {j}"] = forms(value)
    else:
        X[row] = " ".join(TEXTS).replace("-", "")
        found["the text"] = forms(TEXTS[0].replace("-", ""))
    if label and y is not None and has_classes(case.estimator):
        y = y.astype(str).astype(object)
        y[row] = LABEL
        found["the label"] = forms(LABEL)
    elif y is not None and is_regressor(case.estimator):
        y[row] = FLOATS[4]
        found["the target"] = forms(FLOATS[4])
    return task.replace(name=f"{task.name} with canaries", X=X, y=y, ids=ids, subjects=subjects), found


def plain(case: Case, *, number: bool) -> Task:
    """A task with ids and subjects of one kind, nobody left out."""
    task = case.task
    count = np.arange(1, len(task) + 1, dtype=np.int64)
    if number:
        return task.replace(ids=count * 3, subjects=count // 4)
    texts = np.array([f"row-{i}" for i in count], dtype=object)
    return task.replace(ids=texts, subjects=np.array([f"person-{i // 4}" for i in count], dtype=object))


def expect_gone(case: Case, model: Any, canaries: dict[str, list[bytes]], what: str) -> None:
    """File, pickle and export hold none of the canaries."""
    places = {"saved file": case.file(model), "pickle": pickle.dumps(model)}
    with suppress(
        AttributeError, NotFittedError, UnsupportedRequestError
    ):  # none, or it refuses: asleep, or holding rows
        places["export"] = case.export(model)
    for place, data in places.items():
        left = search(data, canaries)
        held = f"{case.name}: after {what} the {place} still holds {', '.join(left)}."
        expect(not left, held, "Recompute or clear it.")


def expect_untold(case: Case, done: Any, model: Any, canaries: dict[str, list[bytes]]) -> None:
    """What is told about a change, and the model printed, hold none of the canaries."""
    held = search((json.dumps(done.to_dict()) + str(done) + repr(model)).encode(), canaries)
    told = f"{case.name}: the {type(done).__name__.lower()} tells {', '.join(held)}."
    expect(not held, told, "A record of what was done holds no personal data: look at touched and the statement.")


def expect_there(case: Case, model: Any, canaries: dict[str, list[bytes]]) -> None:
    """The search must be able to find what it will look for."""
    missing = set(canaries) - set(search(case.file(model), canaries))
    expect(
        not missing,
        f"{case.name}: {', '.join(sorted(missing))} cannot be found in the saved file before the forgetting, so "
        "that not finding it afterwards would prove nothing.",
        "Write files without compression and values in a plain form.",
    )


def check_no_value_of_a_forgotten_record_is_left(case: Case) -> None:
    """Features, target or label, record id and subject id of one record, named by texts."""
    if case.kind() != "exact":
        skip(f"{case.name} promises {case.kind()}, not equality")
    row = 17
    task, canaries = plant(case, plain(case, number=False), row, number=False, label=True)
    model = case.fit(task)
    expect_there(case, model, canaries)
    removal = model.forget([IDS[0]], digest=True)
    expect_untold(case, removal, model, canaries)
    expect_gone(case, model, canaries, "one record is forgotten")
    loaded = case.load(case.file(model))
    expect_gone(case, loaded, canaries, "one record is forgotten, saved and loaded")


def check_no_value_of_a_forgotten_subject_is_left(case: Case) -> None:
    """As for a record, with integers as ids, learned later, forgotten by the person; then everything else too."""
    if case.kind() != "exact":
        skip(f"{case.name} promises {case.kind()}, not equality")
    row = 23
    task, canaries = plant(case, plain(case, number=True), row, number=True, label=False)
    model = case.fit(task)
    expect_there(case, model, canaries)
    case.served(model, task, "subjects")
    model.forget(subjects=[NUMBERS[1]])
    expect_gone(case, model, canaries, "a subject is forgotten")
    model = case.fit(task.drop([row]))
    if hasattr(model, "learn"):
        case.learn(model, task.take([row]))
        expect_there(case, model, canaries)
        model.forget(subjects=NUMBERS[1])
        expect_gone(case, model, canaries, "a record is learned and its subject forgotten")
    model = case.fit(task)
    model.forget(task.ids)
    expect_gone(case, model, canaries, "everything is forgotten")


def check_no_value_of_a_forgotten_feature_is_left(case: Case) -> None:
    """The name of a column and the values in it."""
    import pandas as pd

    task = case.task
    if case.table in ("texts", "sparse", "questions", "interactions"):
        skip(f"{case.name} is tried on {case.table}: columns without names, or of texts alone")
    X = pd.DataFrame(task.X).rename(columns=str).reset_index(drop=True)
    X = X.rename(columns={X.columns[-1]: COLUMN})
    X[COLUMN] = X[COLUMN].astype(float)
    X.loc[3, COLUMN] = FLOATS[0]
    named = task.replace(name=f"{task.name} with a named column", X=X)
    model = case.fit(named)
    request = case.served(model, named, "features")
    canaries = {"the name of the feature": forms(COLUMN), "a value of the feature": forms(FLOATS[0])}
    expect_there(case, model, canaries)
    model.forget(**request.keywords)
    expect_gone(case, model, canaries, "a feature is forgotten")
