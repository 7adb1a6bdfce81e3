"""Promises that were once broken: each test is a counterexample that was found by looking for one."""

from __future__ import annotations

import contextlib
import copy
import json
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import expunge
from expunge.errors import (
    ExpungeError,
    InvalidDataError,
    InvalidIdError,
    InvalidRequestError,
    TamperedError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.files import archive
from interruptions import interrupt

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        expunge.Ridge(alpha=np.float64(0.1), seed=np.int64(3)),
        expunge.Ridge(resolution=[np.float64(2.0**-32)] * 3),
        expunge.SISAClassifier(LogisticRegression(), n_shards=np.int64(2)),
        expunge.GaussianNB(priors=list(np.array([0.5, 0.5]))),
    ],
)
def test_numpy_numbers_as_arguments_come_back(model: Any, tmp_path: Path) -> None:
    model.fit(X, Y)
    assert expunge.load(model.save(tmp_path / "m")).digest() == model.digest()


def test_what_the_estimator_learned_elsewhere_is_not_saved(tmp_path: Path) -> None:
    fitted = KNeighborsClassifier().fit(X, Y)
    model = expunge.RetrainClassifier(fitted).fit(X, Y)
    model.forget([7])
    assert X[7].tobytes() not in model.save(tmp_path / "m").read_bytes()
    fresh = expunge.RetrainClassifier(KNeighborsClassifier()).fit(
        np.delete(X, 7, 0), np.delete(Y, 7), record_ids=np.delete(np.arange(40), 7)
    )
    assert fresh.save(tmp_path / "f").read_bytes() == (tmp_path / "m").read_bytes()
    with pytest.raises(UnsupportedEstimatorError, match="FrozenEstimator"):
        expunge.RetrainClassifier(make_pipeline(FrozenEstimator(StandardScaler().fit(X)), LogisticRegression())).fit(
            X, Y
        )


def test_arguments_changed_in_place_are_seen() -> None:
    weights = {0: 1.0, 1: 1.0}
    model = expunge.SISAClassifier(LogisticRegression(class_weight=weights), n_shards=2).fit(X, Y)
    weights[1] = 50.0
    for verb in (lambda: model.forget([7]), lambda: model.predict(X), model.digest):
        with pytest.raises(InvalidRequestError, match="another estimator"):
            verb()
    ridge = expunge.Ridge().fit(X, Y)
    ridge.predict(X)
    ridge.set_params(alpha=100.0)
    with pytest.raises(InvalidRequestError, match="another alpha"):
        ridge.predict(X)


def test_another_partition_is_another_model() -> None:
    frame = pd.DataFrame({"a": np.linspace(0, 1, 40), "b": np.linspace(1, 0, 40), "c": X[:, 0]})
    model = expunge.SISAClassifier(LogisticRegression(), partition="a").fit(frame, Y)
    model.set_params(partition="b")
    with pytest.raises(InvalidRequestError, match="another partition"):
        model.forget([3])


def test_subjects_leave_no_dtype_behind(tmp_path: Path) -> None:
    subjects = [1, 2, None, *range(3, 40)]
    model = expunge.Ridge().fit(X, Y, subject_ids=subjects)
    model.forget([2])
    keep = np.delete(np.arange(40), 2)
    fresh = expunge.Ridge().fit(X[keep], Y[keep], record_ids=keep, subject_ids=[subjects[i] for i in keep])
    assert model.digest() == fresh.digest()
    assert model.save(tmp_path / "a").read_bytes() == fresh.save(tmp_path / "b").read_bytes()
    with pytest.raises(InvalidIdError, match="mixes"):
        model.learn(X[:1], Y[:1], record_ids=[99], subject_ids=["1"])


def test_sparse_rows_keep_their_dtype(tmp_path: Path) -> None:
    S = sparse.csr_matrix((X > 0).astype(np.int64))
    model = expunge.RetrainClassifier(LogisticRegression()).fit(S, Y)
    before = model.save(tmp_path / "a").read_bytes()
    model.learn(sparse.csr_matrix(np.array([[1.0, 0.0, 1.0]])), Y[:1], record_ids=[99])
    model.forget([99])
    assert model.save(tmp_path / "b").read_bytes() == before
    with pytest.raises(ExpungeError, match="do not fit"):
        model.learn(sparse.csr_matrix(np.array([[0.5, 0.0, 1.0]])), Y[:1], record_ids=[99])


def test_an_estimator_that_never_repeats_is_found_when_there_is_enough_to_see() -> None:
    model = expunge.RetrainClassifier(Noisy()).fit(X[:0], Y[:0], allow_dormant=True)
    with pytest.warns(UserWarning, match="will not be exact"):
        model.learn(X, Y, record_ids=range(40))
    assert model.forget([3]).guarantee.kind == "empirical"


class Noisy(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.noise_ = np.random.default_rng().normal()
        return self


def test_doubt_cannot_be_edited_away(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="will not be exact"):
        model = expunge.RetrainClassifier(Noisy()).fit(X, Y)
    trusted = [f"{Noisy.__module__}.Noisy"]
    manifest, entries = archive.read_archive(model.save(tmp_path / "m"))
    assert manifest["doubt"]
    path = archive.write_archive(tmp_path / "n", {**manifest, "doubt": None}, entries)
    with pytest.raises(ExpungeError):
        expunge.load(path, trusted=trusted)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("kind", ["dense", "one column", "sparse"])
def test_an_export_holds_no_rows_however_they_are_kept(kind: str, scaled: bool, tmp_path: Path) -> None:
    rows = {"dense": X, "one column": X[:, :1], "sparse": sparse.csr_matrix(X)}[kind]
    steps = [StandardScaler(with_mean=False)] if scaled else []
    model = expunge.RetrainClassifier(make_pipeline(*steps, KNeighborsClassifier())).fit(rows, Y)
    with pytest.raises(UnsupportedRequestError, match="training rows"):
        model.export(tmp_path / "e")


def test_an_edited_export_is_refused(tmp_path: Path) -> None:
    model = expunge.Ridge(seed=12345678901234567890).fit(X, Y)
    path = model.export(tmp_path / "e")
    manifest, entries = archive.read_archive(path)
    assert b"12345678901234567890" not in path.read_bytes()
    manifest["parts"]["solution"]["intercept"] = {"json": 1e6}
    with pytest.raises(TamperedError):
        expunge.load(archive.write_archive(tmp_path / "f", manifest, entries))


def test_neighbours_too_few_to_answer_take_no_part() -> None:
    model = expunge.SISAClassifier(KNeighborsClassifier(5), n_shards=4).fit(X, Y)
    shard = np.array([i for i in range(40) if model._rows().places()[i] == 0])
    removal = model.forget(shard[3:])
    assert "shard 0 is too small" in removal.notes[0]
    assert len(model.predict(X)) == 40
    lone = expunge.RetrainClassifier(KNeighborsClassifier(5)).fit(X, Y)
    keep = [int(np.flatnonzero(label == Y)[0]) for label in (0, 1)]
    lone.forget(np.delete(np.arange(40), keep))
    with pytest.raises(NotFittedError):
        lone.predict(X)


def test_an_emptied_model_learns_anything_and_a_refusal_changes_nothing(tmp_path: Path) -> None:
    model = expunge.Ridge().fit(X, Y)
    model.forget(np.arange(40))
    empty = expunge.Ridge().fit(X[:0], Y[:0], record_ids=[], allow_dormant=True)
    assert model.digest() == empty.digest()
    before = model.save(tmp_path / "a").read_bytes()
    assert empty.save(tmp_path / "b").read_bytes() == before
    with pytest.raises(ExpungeError):
        model.learn([[1e300, 1, 1]], [1.0], record_ids=["a"])
    assert model.save(tmp_path / "a").read_bytes() == before
    with pytest.raises(KeyError):
        model.forget("x")
    model.learn(X, Y, record_ids=[f"r{i}" for i in range(40)])
    fresh = expunge.Ridge().fit(X, Y, record_ids=[f"r{i}" for i in range(40)])
    assert model.digest() == fresh.digest()


def test_a_forgotten_category_orders_nothing() -> None:
    def table(values: list[str], order: list[str]) -> pd.DataFrame:
        return pd.DataFrame({"k": pd.Categorical(values, categories=order, ordered=True)})

    pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model = expunge.RetrainClassifier(pipeline).fit(table(["a", "b", "c"] * 4, ["a", "b", "c"]), [0, 1, 1] * 4)
    again, before = (table(["b"], ["a", "c", "b"]), [1]), model.digest()
    with pytest.raises(InvalidDataError, match="order"):
        model.learn(*again, record_ids=[99])
    assert model.digest() == before
    model.forget([1, 4, 7, 10])
    model.learn(*again, record_ids=[99])
    keep = [0, 2, 3, 5, 6, 8, 9, 11, 99]
    other = table(["a", "c"] * 4 + ["b"], ["a", "c", "b"])
    fresh = expunge.RetrainClassifier(pipeline).fit(other, [0, 1] * 4 + [1], record_ids=keep)
    assert sorted(model.record_ids_.tolist()) == keep
    assert model.digest() == fresh.digest()


def test_nan_and_none_in_object_columns_stay_what_they_are() -> None:
    column = np.array([["a"], [np.nan], ["a"], ["b"]] * 10, dtype=object)
    frame = pd.DataFrame({"k": pd.Series(column.ravel(), dtype=object)})
    y = [0, 1, 0, 1] * 10
    pipeline = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(), LogisticRegression())
    ours = expunge.RetrainClassifier(pipeline).fit(frame, y)
    assert ours._solution()["estimator"][1].categories_[0].tolist() == ["a", "b"]
    np.testing.assert_allclose(ours.predict_proba(frame), pipeline.fit(frame, y).predict_proba(frame), atol=1e-3)


def test_an_interruption_after_the_decision_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.state import Fitted

    keep = np.delete(np.arange(40), 7)
    fresh = expunge.Ridge().fit(X[keep], Y[keep], record_ids=keep).digest()
    for step in ("commit", "forget_leaves"):
        model = expunge.Ridge().fit(X, Y)
        model.digest()
        with monkeypatch.context() as patch:
            patch.setattr(Fitted, step, _interrupt)
            with pytest.raises(KeyboardInterrupt):
                model.forget([7])
        assert model.digest() == fresh


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_an_interruption_at_any_line_of_a_change_leaves_no_half(monkeypatch: pytest.MonkeyPatch) -> None:
    keep = np.delete(np.arange(40), 7)
    whole, rest = expunge.Ridge().fit(X, Y).digest(), expunge.Ridge().fit(X[keep], Y[keep], record_ids=keep).digest()
    for count in range(1, 30):
        model, lines = expunge.Ridge().fit(X, Y), 0
        model.digest()

        def trace(frame: Any, event: str, _: Any, last: int = count) -> Any:
            nonlocal lines
            if frame.f_code.co_name != "apply_change":
                return trace if event == "call" else None
            lines += event == "line"
            if lines == last and event == "line":
                raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        with contextlib.suppress(KeyboardInterrupt):
            model.forget([7])
        sys.settrace(None)
        assert model.digest() == (whole if 7 in model.record_ids_ else rest), count


def test_an_interruption_while_the_last_records_go_loses_nothing() -> None:
    """Also once the slots that are wiped are taken back, for nothing is left."""
    counts, step, where = sparse.csr_array(np.abs(np.rint(X[:4]))), 0, "before"
    model = expunge.MultinomialNB()
    nothing = model.fit(counts, Y[:4]).forget(range(4), digest=True).digest_after
    while where:
        model.fit(counts, Y[:4])
        where = interrupt(lambda: model.forget(range(4)), step, ("truncate",))
        assert model.digest() == nothing, where
        step += 1
    assert step > 50


def test_an_interruption_of_a_second_fit_leaves_one_of_the_two() -> None:
    """The number and the names of columns are those of what was learned."""
    first, step, where = expunge.GaussianNB().fit(pd.DataFrame(X, columns=list("abc")), Y), 0, "before"
    while where:
        model = copy.copy(first)
        where = interrupt(partial(model.fit, X[:, :2], Y), step, {"Unlearner.fit", "shape_kept"})
        width = model._rows().peek(np.arange(1)).X.shape[1]
        assert (model.n_features_in_, hasattr(model, "feature_names_in_")) == (width, width == 3), where
        step += 1
    assert step > 50


TEXTS = np.array(
    [f"{word} of {other}" for word in ("storm", "calm") for other in ("north", "south", "sea")], dtype=object
)
LOVED = pd.DataFrame({"user": [f"u{i // 2}" for i in range(6)], "item": list("abacbc")})


@pytest.mark.parametrize(
    ("model", "rows", "functions"),
    [
        (expunge.GaussianNB(), X[:6], {f"{kind}.append" for kind in ("Rows", "IdIndex", "Dense")}),
        (
            expunge.CategoricalNB(),
            pd.DataFrame({"a": list("xyxyzx"), "b": range(6)}),
            {f"{kind}.append" for kind in ("Rows", "Frame", "Cells")},
        ),
        (
            expunge.text.PassageIndex(),
            TEXTS,
            {f"Postings.{name}" for name in ("append", "wipe", "_extend", "_take_out")},
        ),
        pytest.param(expunge.recommend.ItemKNN(), LOVED, {"ByUser.catch_up", "ByUser.wipe"}, marks=pytest.mark.slow),
    ],
)
def test_an_interruption_leaves_no_half_of_rows_or_of_what_is_remembered_beside_them(
    model: Any, rows: Any, functions: set[str]
) -> None:
    """What is remembered can be made anew; half of it would be read as if it were all."""
    y = None if type(model).__name__ in ("PassageIndex", "ItemKNN") else Y[:6] * 0 + np.arange(6) % 2

    def taken(ids: list[int]) -> dict[str, Any]:
        X = rows.iloc[ids] if hasattr(rows, "iloc") else rows[ids]
        return {"X": X, "record_ids": ids} | ({} if y is None else {"y": y[ids]})

    def asked(one: Any) -> Any:
        told = one.recommend().to_numpy() if hasattr(one, "recommend") else one.predict(rows)
        return one.digest(), str(told), one.plan([2]).work_high

    fitted = clone(model).fit(**taken([0, 1, 2, 3]))
    for change in (lambda one: one.learn(**taken([4])), lambda one: one.forget([1])):
        step, where, wanted = -7, "before", None
        while where:
            one = copy.deepcopy(fitted)
            before = asked(one)
            act = partial(change, one)
            where = interrupt(act, step, functions) if wanted else str(act())
            if one.digest() == before[0]:
                act()
            wanted = wanted or asked(one)
            assert asked(one) == wanted, where
            step += 7  # many lines are met


def test_a_digest_is_not_computed_in_the_middle_of_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge import state

    keep = np.delete(np.arange(40), [7, 8])
    model, leaf = expunge.Ridge().fit(X, Y), state.leaf
    model.forget(8)  # what is loaded at first use is loaded now
    writer = threading.Thread(target=model.forget, args=(7,))

    def slow(value: Any) -> bytes:
        found = leaf(value)
        if not writer.ident:
            writer.start()
            writer.join(0.5)  # whoever forgets now has to wait
        return found

    monkeypatch.setattr(state, "leaf", slow)
    model.digest()
    writer.join()
    assert model.digest() == expunge.Ridge().fit(X[keep], Y[keep], record_ids=keep).digest()


def test_two_threads_forget_one_after_the_other() -> None:
    model = expunge.Ridge().fit(X, Y)

    def forget(part: range) -> None:
        for i in part:
            model.forget(i)

    threads = [threading.Thread(target=forget, args=(part,)) for part in (range(10), range(20, 30))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keep = [*range(10, 20), *range(30, 40)]
    assert model.digest() == expunge.Ridge().fit(X[keep], Y[keep], record_ids=keep).digest()


@pytest.mark.parametrize(
    "request_",
    [
        {"classes": [1, 1]}, {"classes": [True]}, {"classes": [[1]]}, {"classes": [np.array([1, 0])]},
        {"features": [np.True_]}, {"record_ids": np.arange(3).astype("M8[ns]")}, {"record_ids": {1, 2}},
        {"record_ids": pa.array(["a"])},
    ],
)  # fmt: skip
def test_requests_that_look_right_are_refused(request_: dict[str, Any]) -> None:
    model = expunge.GaussianNB().fit(X, Y)
    before = model.digest()
    with pytest.raises(ExpungeError):
        model.forget(**request_)
    assert model.digest() == before


def test_integers_that_a_float_cannot_hold_are_refused() -> None:
    model = expunge.RetrainClassifier(LogisticRegression()).fit(X, Y)
    with pytest.raises(ExpungeError, match="do not fit"):
        model.learn(np.array([[2**53 + 1, 0, 0]]), [1], record_ids=[99])


def test_an_entry_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    model = expunge.Ridge().fit(X, Y)
    manifest, entries = archive.read_archive(model.save(tmp_path / "m"))
    for name in ("extra", "rows/X.zzz.npy", "rows/foo"):
        path = archive.write_archive(tmp_path / "n", manifest, {**entries, name: entries["rows/X.values.npy"]})
        with pytest.raises(TamperedError):
            expunge.load(path)
    for name, data in {"rows/X.values.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'shape': (10**15,)}"}.items():
        path = archive.write_archive(tmp_path / "n", manifest, {**entries, name: data})
        with pytest.raises(TamperedError):
            expunge.load(path)
    assert json.dumps(manifest)


def test_forgetting_stays_quick_with_many_persons() -> None:
    """The lookup of persons is kept up to date, not searched: no pass over all persons for each removal."""
    n = 2_000
    model = expunge.Ridge().fit(RNG.normal(size=(n, 2)), np.zeros(n), subject_ids=[f"p{i // 2}" for i in range(n)])
    model.forget(subjects=["p0"])
    table = model._rows()._by_subject
    model.forget([100])
    model.forget(subjects=["p50"])
    model.learn([[1.0, 2.0]], [0.0], record_ids=[n], subject_ids=["p0"])
    assert model._rows()._by_subject is table
    assert model.forget(subjects=["p0"]).n_forgotten == 1
