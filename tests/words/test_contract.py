"""The machinery of the contract: refused means untouched, and a file is exactly what was written."""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import ClassifierMixin, OutlierMixin, RegressorMixin, TransformerMixin

import expunge
from expunge.errors import (
    DuplicateRecordError,
    InvalidDataError,
    InvalidIdError,
    InvalidParameterError,
    InvalidRequestError,
    TamperedError,
    UnknownMethodError,
    UnknownRecordError,
    UnsupportedRequestError,
)
from expunge.files import archive
from expunge.methods import METHODS, find_method
from expunge.methods.networks import NETWORK_METHODS, NETWORK_MODELS
from expunge.rows import Rows
from expunge.state import Change, Part


class TargetSum(RegressorMixin, expunge.Unlearner):
    """Predicts the sum of all integer targets; fails on demand."""

    failure: type[BaseException] | None = None

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("sum", {"total": 0})["total"]
        new = old - int(change.removed.y.sum()) + int(change.added.y.sum())
        if self.failure is not None:
            raise self.failure("on demand")
        return {"sum": {"total": new}}

    def _solve(self, rows: Rows, parts: dict[str, Part]) -> Part | None:
        return dict(parts["sum"]) if len(rows) else None

    def predict(self, X: Any) -> Any:
        """The sum, for every row."""
        return np.full(len(X), float(self._solution()["total"]))


@pytest.fixture
def model() -> TargetSum:
    X = pd.DataFrame({"a": range(6), "b": range(6)}, index=[f"r{i}" for i in range(6)])
    return TargetSum().fit(X, np.arange(6.0), subject_ids=["p", "p", "q", "q", None, "r"])


def test_the_verbs(model: TargetSum) -> None:
    before = model.digest()
    plan = model.plan(["r1"])
    assert (plan.n_records, plan.guarantee.kind) == (1, "exact")
    removal = model.forget(["r1"], subjects="q", digest=True)
    assert (removal.n_forgotten, removal.work, removal.touched) == (3, 3, ("sum",))
    assert (removal.digest_before, removal.digest_after) == (before, model.digest())
    assert model.predict([[0, 0]]) == [0 + 4 + 5]
    assert sorted(model.record_ids_) == ["r0", "r4", "r5"]
    back = pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}, index=["r1", "r2", "r3"])
    addition = model.learn(back, [1, 2, 3], subject_ids=["p", "q", "q"])
    assert (addition.n_learned, addition.work) == (3, 3)
    assert model.digest() == before


class Weightless(TargetSum):
    """Takes no weights."""

    _instead_of_weights = "Add them up."


def test_a_method_that_takes_no_weights_says_what_to_do_instead_and_is_not_changed() -> None:
    X, y = np.zeros((4, 2)), np.arange(4.0)
    behind = expunge.make_pipeline(expunge.StandardScaler(), Weightless())
    for model in (Weightless(), behind):
        with pytest.raises(InvalidParameterError, match="takes no sample_weight") as refused:
            model.fit(X, y, sample_weight=np.ones(4))
        assert refused.value.hint == "Add them up."
        assert not model.__sklearn_is_fitted__()
        digest = model.fit(X, y).digest()
        with pytest.raises(InvalidParameterError, match="takes no sample_weight"):
            model.learn(X[:1], y[:1], record_ids=[9], sample_weight=[2.0])
        assert model.digest() == digest


@pytest.mark.parametrize("failure", [RuntimeError, MemoryError, KeyboardInterrupt])
def test_a_failure_halfway_leaves_everything_as_it_was(
    model: TargetSum, failure: type[BaseException], tmp_path: Path
) -> None:
    before, file = model.digest(), model.save(tmp_path / "a").read_bytes()
    model.failure = failure
    with pytest.raises(failure):
        model.forget(["r1"])
    with pytest.raises(failure):
        model.learn(pd.DataFrame({"a": [1], "b": [1]}, index=["new"]), [1.0], subject_ids=[None])
    with pytest.raises(failure):
        model.fit([[1, 2]], [1.0])
    with pytest.raises(failure):
        model.forget(features=["a"])
    model.failure = None
    assert model.digest() == before
    assert model.save(tmp_path / "b").read_bytes() == file
    assert model.predict([[0, 0]]) == [15]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"record_ids": ["r9"]}, UnknownRecordError),
        ({"record_ids": ["r1", "r1"]}, DuplicateRecordError),
        ({"record_ids": [1]}, UnknownRecordError),
        ({"record_ids": [1.0]}, InvalidIdError),
        ({"record_ids": [True]}, InvalidIdError),
        ({"record_ids": []}, InvalidRequestError),
        ({}, InvalidRequestError),
        ({"subjects": ["nobody"]}, UnknownRecordError),
        ({"classes": [1.0]}, UnsupportedRequestError),
        ({"features": ["z"]}, InvalidRequestError),
        ({"features": ["a", "b"]}, InvalidRequestError),
        ({"features": ["a"], "record_ids": ["r1"]}, InvalidRequestError),
    ],
)
def test_refused_requests_change_nothing(model: TargetSum, request_: dict, error: type[Exception]) -> None:
    before = model.digest()
    for verb in (model.plan, model.forget):
        with pytest.raises(error):
            verb(**request_)
    assert model.digest() == before


@pytest.mark.parametrize(
    ("kind", "asked", "hint"),
    [
        (ClassifierMixin, "features", "RetrainClassifier can."),
        (RegressorMixin, "features", "RetrainRegressor can."),
        (RegressorMixin, "classes", "Fit again without them."),
        (TransformerMixin, "features", "Fit again without them."),
        (OutlierMixin, "classes", "Fit again without them."),
    ],
)
def test_what_is_proposed_can_stand_in(kind: type, asked: str, hint: str) -> None:
    class Narrow(kind, expunge.Unlearner):  # type: ignore[misc, valid-type]
        _requests, failure = ("records",), None
        __init__, _update, _solve = TargetSum.__init__, TargetSum._update, TargetSum._solve

    model = Narrow().fit([[0], [1], [2]], [0, 1, 1])
    with pytest.raises(UnsupportedRequestError, match=f"^Narrow cannot forget {asked}") as caught:
        model.plan(**{asked: [0]})
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"record_ids": ["a", "a"]}, DuplicateRecordError),
        ({"record_ids": ["a"]}, InvalidDataError),
        ({"record_ids": ["a", 1]}, InvalidIdError),
        ({"subject_ids": ["a"]}, InvalidDataError),
        ({"sample_weight": [1.0, -1.0]}, InvalidDataError),
        ({"sample_weight": [1.0, float("nan")]}, InvalidDataError),
        ({"y": [1.0, float("inf")]}, ValueError),
        ({"y": None}, InvalidDataError),
        ({"X": [[1.0, 2.0]]}, ValueError),
        ({"X": [[1.0], [float("nan")]]}, ValueError),
        ({"X": np.empty((0, 2)), "y": []}, ValueError),
    ],
)
def test_bad_input_to_fit(arguments: dict, error: type[Exception]) -> None:
    model = TargetSum()
    with pytest.raises(error):
        model.fit(**{"X": [[1.0], [2.0]], "y": [1.0, 2.0], **arguments})
    assert not hasattr(model, "_fitted")


def test_a_bad_seed_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="seed"):
        TargetSum(seed=-1).fit([[1.0]], [1.0])


def test_arrow_tables_are_taken() -> None:
    table = pa.table({"a": [1.0, 2.0]})
    assert TargetSum().fit(table, [1, 2]).digest() == TargetSum().fit(table.to_pandas(), [1, 2]).digest()


def test_logs_name_no_one(model: TargetSum, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="expunge"):
        model.forget(subjects=["p"])
    assert "forgot 2 records" in caplog.text
    assert "r0" not in caplog.text
    assert "'p'" not in caplog.text


def test_the_library_is_silent_by_default() -> None:
    assert any(isinstance(h, logging.NullHandler) for h in logging.getLogger("expunge").handlers)


def test_unknown_methods_get_a_proposal() -> None:
    with pytest.raises(UnknownMethodError, match="RetrainClassifier"):
        find_method("RetrainClasifier")


def test_a_file_edited_by_hand_is_refused(tmp_path: Path) -> None:
    """Each entry of a saved model is changed with its checksum made right again: the digest still tells."""
    from sklearn.tree import DecisionTreeClassifier

    model = expunge.RetrainClassifier(DecisionTreeClassifier(max_depth=2))
    model.fit([[0.0, 1], [1, 0], [2, 2], [3, 1]], ["a", "b", "a", "b"], subject_ids=["p", "q", None, "r"])
    manifest, entries = archive.read_archive(model.save(tmp_path / "m"))
    refused = 0
    for name in entries:
        changed = bytearray(entries[name])
        changed[-1 if name.endswith("npy") else len(changed) // 2] ^= 1  # the end of a zip holds no contents
        path = archive.write_archive(tmp_path / "edited", manifest, {**entries, name: bytes(changed)})
        with pytest.raises(TamperedError):
            expunge.load(path)
        refused += 1
    assert refused == len(entries) > 5
    edits: list[dict[str, Any]] = [
        {"attributes": {**manifest["attributes"], "n_features_in_": 3}},
        {"attributes": {**manifest["attributes"], "__class__": 3}},
        {"params": {**manifest["params"], "seed": {"json": 1}}},
        {"parts": {}},
        {"rows": {}},
        {"method": None},
    ]
    for edit in edits:
        path = archive.write_archive(tmp_path / "edited", {**manifest, **edit}, entries)
        with pytest.raises((TamperedError, UnknownMethodError)):
            expunge.load(path)
    assert json.dumps(manifest)


def test_a_file_names_no_class_path(tmp_path: Path) -> None:
    """A method is found by its name in the table; a path in its place finds nothing."""
    from sklearn.tree import DecisionTreeClassifier

    model = expunge.RetrainClassifier(DecisionTreeClassifier()).fit([[0.0], [1.0]], [0, 1])
    manifest, entries = archive.read_archive(model.save(tmp_path / "m"))
    path = archive.write_archive(tmp_path / "n", {**manifest, "method": "os:system"}, entries)
    with pytest.raises(UnknownMethodError):
        expunge.load(path)


def test_arguments_set_after_a_fit_are_held_against_it() -> None:
    from sklearn.linear_model import LogisticRegression

    model = expunge.RetrainClassifier(LogisticRegression()).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    model.set_params(estimator__C=1.0)
    model.set_params(estimator=LogisticRegression())  # the same arguments again
    before = model.digest()
    for change in ({"estimator__C": 2.0}, {"seed": 1}):
        old = {name: model.get_params()[name] for name in change}
        model.set_params(**change)
        for verb in (lambda: model.forget(0), lambda: model.plan(0), lambda: model.save("never-written")):
            with pytest.raises(InvalidRequestError, match="was fitted with another"):
                verb()
        model.set_params(**old)
    assert model.digest() == before
    assert not Path("never-written").exists()


def test_a_pipeline_that_names_a_column_does_not_lose_it(tmp_path: Path) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    X = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 0, 1, 0]})
    pipeline = make_pipeline(make_column_transformer(("passthrough", ["a"])), LogisticRegression())
    model = expunge.RetrainClassifier(pipeline).fit(X, [0, 1, 0, 1])
    before = model.digest()
    with pytest.raises(InvalidRequestError, match="cannot be fitted without"):
        model.forget(features=["a"])
    assert model.digest() == before
    assert model.forget(features=["b"]).guarantee.kind == "exact"


def test_learning_a_few_records_warns_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    model = expunge.GaussianNB().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    model.learn([[4.0]], [2], record_ids=[9])
    assert [str(w.message) for w in recwarn.list] == []


def test_a_plug_in_is_found_by_both_names_and_a_broken_one_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    from expunge.workspace import list_methods

    points = [
        importlib.metadata.EntryPoint("nearest", "expunge.methods.sums.ridge:Ridge", "expunge.methods"),
        importlib.metadata.EntryPoint("broken", "no_such_package:Nothing", "expunge.methods"),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    assert find_method("nearest") is find_method("Ridge")
    cards = {card.name: card for card in list_methods()}
    assert "cannot be loaded" in cards["broken"].guarantee
    assert cards["ridge"].guarantee == cards["nearest"].guarantee == "exact"


def stated(name: str) -> str | None:
    """The kind that a docstring states under *Guarantee*, itself or by pointing to another method."""
    kind = network_method(name) if name in NETWORK_METHODS else find_method(name)
    text = inspect.getdoc(kind) or ""
    section = re.search(r"^Guarantee\n-+\n(.*?)(?:\n\n\w+\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    assert section is not None, f"{name} has no Guarantee in its docstring"
    found = re.match(r"``(\w+)``|As (?:for )?:class:`~?(?:[\w.]*\.)?(\w+)`", section[1])
    assert found is not None, f"{name}: {section[1]}"
    return found[1] or stated(found[2])


def network_method(name: str) -> Any:
    module, _, attribute = NETWORK_METHODS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", [*METHODS, *NETWORK_METHODS, *NETWORK_MODELS])
def test_docstring_and_value_name_the_same_guarantee(name: str) -> None:
    kind = network_method(name) if name in NETWORK_METHODS else find_method(name)
    assert stated(name) == kind._strongest


class CompiledSum(TargetSum):
    """Compiles a loop when it is fitted, and notes how long the first call of it takes."""

    compiled_s = 0.0

    def _update(self, change: Change) -> dict[str, Part | None]:
        import numba

        @numba.njit
        def total(values: Any) -> Any:
            out = 0
            for value in values:
                out += value
            return out

        start = time.perf_counter()
        total(np.arange(3))
        type(self).compiled_s = time.perf_counter() - start
        return super()._update(change)


def test_a_plan_reckons_without_the_time_that_compiling_took() -> None:
    importlib.import_module("numba")
    start = time.perf_counter()
    model = CompiledSum().fit(np.zeros((4, 1)), np.arange(4))
    elapsed = time.perf_counter() - start
    expected = model.plan([0]).expected_s
    assert expected is not None
    per_fit = expected / model.plan([0]).work_high * 4  # of the four records that the fit has read
    assert 0 <= per_fit <= elapsed - 0.8 * CompiledSum.compiled_s
