"""Correcting records: in every form a caller may give, against fresh fits on the corrected table, and refused whole."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import expunge
from expunge.checks.counting import counting
from expunge.errors import (
    DuplicateRecordError,
    ExpungeError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnknownRecordError,
)
from expunge.table.columns import Cells

N = 40
RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(N, 3)), 3)
Y = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
IDS = np.array([f"r{i:02d}" for i in range(N)], dtype=object)
PEOPLE = np.array([f"p{i // 3}" for i in range(N)], dtype=object)


def frame():
    """Columns of every kind that a model may keep."""
    i = np.arange(N)
    return pd.DataFrame(
        {
            "age": 20.0 + i,
            "rooms": i % 5,
            "town": [("Oslo", "Aarhus", "Köln")[k % 3] for k in i],
            "colour": pd.Categorical([("red", "green")[k % 2] for k in i]),
            "size": pd.Categorical([("S", "M", "L")[k % 3] for k in i], categories=["S", "M", "L"], ordered=True),
            "visits": pd.array([k % 4 for k in i], dtype="Int64"),
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(i, unit="D"),
            "flag": i % 2 == 0,
            "note": pd.Series([("a", 1, None)[k % 3] for k in i], dtype=object),
        },
        index=IDS,
    )


def keeps_frames():
    """A model that keeps its rows as they came; it reads the numbers among them."""
    numbers = make_column_transformer(("passthrough", make_column_selector(pattern="age|rooms")))
    return expunge.RetrainClassifier(make_pipeline(numbers, DecisionTreeClassifier()))


def same(model, X, y, **keywords):
    """Whether the model is that of a fresh fit, by digest and by file."""
    keywords.setdefault("record_ids", IDS[: len(y)])
    return model.digest() == clone(model).fit(X, y, **keywords).digest()


# ------------------------------------------------------------------ in every form

CELLS = [
    ("age", [33.0]), ("age", [33]), ("age", 33), ("age", [None]), ("age", np.array([33.5])), ("rooms", [7]),
    ("rooms", [7.0]), ("town", ["Oslo"]), ("town", ["Bergen"]), ("town", [None]), ("colour", ["green"]),
    ("colour", ["blue"]), ("colour", [None]), ("size", ["L"]), ("size", pd.Series(["L"])), ("visits", [3]),
    ("visits", [None]), ("seen", [pd.Timestamp("2020-02-02")]), ("flag", [False]), ("note", [2]), ("note", ["z"]),
    ("note", ["\ud800half"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values"), CELLS)
def test_a_cell_of_any_kind(name, values):
    table, right = frame(), frame()
    model = keeps_frames().fit(table, Y)
    model.rectify("r04", {name: values})
    value = values if np.isscalar(values) else next(iter(values))
    column = right[name].astype(object)
    column.iloc[4] = value
    if str(table[name].dtype) == "category":
        order = list(table[name].cat.categories) if table[name].cat.ordered else None
        right[name] = pd.Categorical(column, categories=order, ordered=order is not None)
    else:
        right[name] = pd.Series(column.tolist(), index=IDS, dtype=table[name].dtype)
    assert same(model, right, Y)


def test_integer_categories_stay_integers_beside_a_missing_one():
    ranks = [(1, 2, None)[k % 3] for k in range(N)]
    model = expunge.OneHotEncoder(handle_unknown="ignore")
    model.fit(pd.DataFrame({"rank": pd.Categorical(ranks)}), Y, record_ids=IDS)
    model.rectify(["r04", "r05"], {"rank": [None, 3]})
    ranks[4:6] = [None, 3]
    assert same(model, pd.DataFrame({"rank": pd.Categorical(ranks)}), Y)


WRONG_CELLS = [
    ({"age": ["old"]}, InvalidDataError), ({"rooms": [7.5]}, InvalidDataError), ({"rooms": [None]}, InvalidDataError),
    ({"town": [3]}, InvalidDataError), ({"size": ["XL"]}, InvalidDataError), ({"visits": [1.5]}, InvalidDataError),
    ({"visits": ["many"]}, InvalidDataError), ({"seen": ["yesterday"]}, InvalidDataError),
    ({"age": [1.0, 2.0]}, InvalidDataError), ({"age": [[1.0]]}, InvalidDataError),
    ({"agee": [1.0]}, InvalidRequestError),
    ({}, InvalidRequestError), ({0: [1.0]}, InvalidRequestError), ({"note": [object()]}, ExpungeError),
    ({"age": {"a": 1}}, InvalidDataError), ({"age": [1.0], "rooms": [7.5]}, InvalidDataError),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "error"), WRONG_CELLS, ids=lambda value: str(value)[:30])
def test_a_cell_that_does_not_fit_is_refused_and_nothing_changes(cells, error, tmp_path):
    model = keeps_frames().fit(frame(), Y, subject_ids=PEOPLE)
    before = model.save(tmp_path / "before").read_bytes()
    with pytest.raises(error) as caught:
        model.rectify("r04", cells)
    assert caught.value.hint or "column" in str(caught.value).lower()
    assert model.save(tmp_path / "after").read_bytes() == before
    model.rectify("r04", {"age": [1.0]})
    assert model.record_ids_.tolist().count("r04") == 1


def test_an_ordered_category_that_is_new_says_where_it_stands():
    model = keeps_frames().fit(frame(), Y)
    sizes = pd.Categorical(["XL"], categories=["S", "M", "L", "XL"], ordered=True)
    model.rectify("r04", {"size": sizes})
    right = frame()
    column = right["size"].astype(object)
    column.iloc[4] = "XL"
    right["size"] = pd.Categorical(column, categories=["S", "M", "L", "XL"], ordered=True)
    assert same(model, right, Y)


def test_frames_with_fewer_columns_or_in_another_order():
    table = frame()
    model = keeps_frames().fit(table, Y)
    right = frame()
    right.iloc[[4, 7], right.columns.get_loc("age")] = [50.0, 51.0]
    right.iloc[[4, 7], right.columns.get_loc("town")] = ["Rome", "Oslo"]
    part = right.loc[["r04", "r07"], ["town", "age"]]
    for X_new in (part, part.reset_index(drop=True), right.loc[part.index], right.loc[part.index, table.columns[::-1]]):
        model = keeps_frames().fit(table, Y)
        model.rectify(["r04", "r07"], X_new)
        assert same(model, right, Y)
    with pytest.raises(InvalidDataError, match="another order"):
        model.rectify(["r07", "r04"], part)
    with pytest.raises(InvalidDataError, match="another order"):
        model.rectify(["r07", "r04"], right.loc[part.index])


def test_one_label_for_all_and_one_person():
    model = expunge.GaussianNB().fit(X, Y, record_ids=IDS, subject_ids=PEOPLE)
    model.rectify(IDS[:3], y="no", subject_ids="p9")
    y, people = Y.copy(), PEOPLE.copy()
    y[:3], people[:3] = "no", "p9"
    assert same(model, X, y, subject_ids=people)
    with pytest.raises(UnknownRecordError):
        model.forget(subjects=["p0"])
    assert model.forget(subjects=["p9"]).n_forgotten == 6
    model.rectify("r03", subject_ids=[None])
    assert model.plan(subjects=["p1"]).n_records == 2


def test_labels_alone_of_named_columns_say_nothing(recwarn):
    named = pd.DataFrame(X, columns=list("abc"))
    for table in (named, named.astype(pd.SparseDtype(float, 0.0))):
        for kind in (expunge.GaussianNB, expunge.MultinomialNB):
            model = kind().fit(np.abs(table) if kind is expunge.MultinomialNB else table, Y)
            model.rectify(3, y="no")
            model.rectify(4, {"b": 0.25})
    assert [w for w in recwarn if "feature names" in str(w.message)] == []


@pytest.mark.parametrize("make", [np.array, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("values", [[5.0, 6.0], [5, 6], np.float32([5.0, 6.5]), 0.0])
def test_columns_of_arrays_by_position(make, values):
    model = expunge.MultinomialNB().fit(make(np.abs(X)), Y, record_ids=IDS)
    model.rectify(["r05", "r01"], {2: values})
    right = np.abs(X)
    right[[5, 1], 2] = values
    assert same(model, make(right), Y)
    before = model.digest()
    for wrong in ({3: [1.0, 2.0]}, {"c": [1.0, 2.0]}, {2: ["a", "b"]}, {2: [np.nan, 1.0]}, {True: [1.0, 1.0]}):
        with pytest.raises(ExpungeError):
            model.rectify(["r05", "r01"], wrong)
    assert model.digest() == before


def test_integers_stay_integers_and_large_ones_keep_their_digits():
    table = np.arange(3 * N).reshape(N, 3)
    table[0, 0] = 2**60 + 1
    model = expunge.RetrainClassifier(DecisionTreeClassifier()).fit(table, Y)
    model.rectify(2, {0: [2**60 + 3]})
    right = table.copy()
    right[2, 0] = 2**60 + 3
    assert same(model, right, Y, record_ids=None)
    for wrong in (0.5, 2**70, "7", None):
        with pytest.raises(InvalidDataError, match="Column 0 holds int64, and cannot hold"):
            model.rectify(2, {0: [wrong]})
    small = expunge.RetrainClassifier(DecisionTreeClassifier()).fit(X.astype(np.float32), Y)
    small.rectify(2, {0: [0.1]})
    right = X.astype(np.float32)
    right[2, 0] = 0.1
    assert same(small, right, Y, record_ids=None)


def test_texts_are_given_whole():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    texts = [f"word{i % 5} secret{i}" for i in range(N)]
    model = expunge.SISAClassifier(make_pipeline(CountVectorizer(), MultinomialNB()), n_shards=2).fit(texts, Y)
    model.rectify([3, 4], ["plain", "words"])
    assert same(model, [*texts[:3], "plain", "words", *texts[5:]], Y, record_ids=None)
    model.rectify(3, y="no")
    with pytest.raises(InvalidRequestError, match="give them whole"):
        model.rectify(3, {0: ["plain"]})


def test_requests_that_make_no_sense():
    model = expunge.GaussianNB().fit(X, Y, record_ids=IDS)
    before = model.digest()
    for error, ids, keywords in (
        (InvalidRequestError, "r01", {}), (InvalidRequestError, None, {"y": "no"}),
        (InvalidRequestError, [], {"y": []}),
        (UnknownRecordError, "r99", {"y": "no"}), (UnknownRecordError, 1, {"y": "no"}),
        (DuplicateRecordError, ["r01", "r01"], {"y": "no"}), (InvalidDataError, "r01", {"subject_ids": "p"}),
        (InvalidDataError, "r01", {"sample_weight": 2.0}), (InvalidDataError, ["r01", "r02"], {"y": ["no"]}),
        (InvalidDataError, "r01", {"y": [None]}), (InvalidDataError, "r01", {"X": X[:2]}),
        (InvalidDataError, "r01", {"X": [[np.nan, 1.0, 1.0]]}), (InvalidDataError, "r01", {"X": X[:1, :2]}),
    ):  # fmt: skip
        for verb in (model.rectify, model.plan_rectify):
            with pytest.raises(error) as caught:
                verb(ids, **keywords)
            assert caught.value.message
    assert model.digest() == before
    weighted = expunge.GaussianNB().fit(X, Y, sample_weight=np.ones(N))
    with pytest.raises(InvalidDataError, match="not negative"):
        weighted.rectify(0, sample_weight=-1.0)
    transformer = expunge.StandardScaler().fit(X)
    with pytest.raises(InvalidDataError, match="without y"):
        transformer.rectify(0, y="no")


def test_an_export_and_an_unfitted_model_refuse(tmp_path):
    export = expunge.load(expunge.GaussianNB().fit(X, Y).export(tmp_path / "export"))
    with pytest.raises(ExpungeError, match="export"):
        export.rectify(0, y="no")
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        expunge.GaussianNB().rectify(0, y="no")


# ------------------------------------------------------------------ what is left behind, and what it costs


def test_a_record_may_be_rectified_again_and_again(tmp_path):
    model = expunge.Ridge().fit(X, X[:, 0], record_ids=IDS, subject_ids=PEOPLE)
    size = len(model.save(tmp_path / "m").read_bytes())
    for k in range(20):
        model.rectify(["r01", "r02"], {0: [float(k), float(-k)]}, y=[float(k)] * 2)
    assert len(model.save(tmp_path / "n").read_bytes()) <= size + 64
    right, y = X.copy(), X[:, 0].copy()
    right[[1, 2], 0], y[[1, 2]] = [19.0, -19.0], 19.0
    assert same(model, right, y, subject_ids=PEOPLE)
    model.forget("r01")
    model.learn(right[[1]], y[[1]], record_ids=["r01"], subject_ids=["p0"])
    assert same(model, right, y, subject_ids=PEOPLE)


def test_all_records_of_a_model_may_be_rectified():
    for ids in (IDS, np.arange(N)):
        model = expunge.GaussianNB().fit(X, Y, record_ids=ids, subject_ids=PEOPLE)
        model.rectify(ids, X[::-1], Y[::-1], subject_ids=np.arange(N))
        assert same(model, X[::-1], Y[::-1], record_ids=ids, subject_ids=np.arange(N))
        model.forget(subjects=[3])
        assert len(model.record_ids_) == N - 1


def test_a_mix_of_kinds_of_persons_is_refused():
    model = expunge.GaussianNB().fit(X, Y, subject_ids=PEOPLE)
    before = model.digest()
    with pytest.raises(ExpungeError, match="mixes"):
        model.rectify(0, subject_ids=17)
    assert model.digest() == before


def test_a_shard_is_trained_once(monkeypatch):
    model = expunge.SISAClassifier(GaussianNB(), n_shards=4).fit(X, Y, record_ids=IDS)
    fits, original = [], GaussianNB.fit
    monkeypatch.setattr(GaussianNB, "fit", lambda self, X, *a, **k: fits.append(len(X)) or original(self, X, *a, **k))
    plan = model.plan_rectify("r07", X[[3]], Y[[3]])
    done = model.rectify("r07", X[[3]], Y[[3]])
    assert len(fits) == 1
    assert fits == [done.work] == [plan.work_low] == [plan.work_high]
    assert len(done.touched) == 1


def test_a_module_is_trained_once_and_so_are_those_of_the_new_class(monkeypatch):
    y = np.arange(N) % 4
    model = expunge.ModularClassifier(GaussianNB()).fit(X, y)
    plan, other = model.plan_rectify(5, y=2), model.plan_rectify(5, {0: 1.5})
    with counting(model) as counter:
        done = model.rectify(5, y=2)
    assert counter.count == done.work == plan.work_low == plan.work_high
    assert len(done.touched) == 5  # pairs with the old class or the new one
    assert len(other.touched) == 3
    assert other.work_high < plan.work_high
    y[5] = 2
    assert same(model, X, y, record_ids=None)


def test_a_record_moves_to_the_shard_of_its_new_value(tmp_path):
    by_value = expunge.SISAClassifier(GaussianNB(), n_shards=2, partition=lambda record_id, x: float(x[0] > 0))
    model = by_value.fit(X, Y, record_ids=IDS)
    row = int(np.flatnonzero(X[:, 0] < 0)[0])
    done = model.rectify(IDS[row], {0: 3.0})
    assert len(done.touched) == 2
    right = X.copy()
    right[row, 0] = 3.0
    assert same(model, right, Y)
    loaded = expunge.load(model.save(tmp_path / "m"))
    with pytest.raises(InvalidParameterError, match="partition"):
        loaded.rectify(IDS[row], {0: -3.0})


def test_a_label_is_taken_even_if_it_leaves_too_little():
    y = np.array(["a"] * 20 + ["b"] * 17 + ["c"] * 3)
    density = expunge.ModularClassifier(GaussianMixture()).fit(X, y)
    done = density.rectify([37, 38], y="a")
    assert done.notes == ("a module of a class is too small for GaussianMixture now and takes no part",)
    assert same(density, X, np.where(np.isin(np.arange(N), [37, 38]), "a", y), record_ids=None, allow_dormant=True)
    density.rectify([37, 38], y="c")
    assert same(density, X, y, record_ids=None)


def test_a_value_that_cannot_be_learned_from_makes_no_shard_dormant():
    table = frame()[["age", "rooms"]]
    logistic = make_pipeline(make_column_transformer(("passthrough", ["age", "rooms"])), LogisticRegression())
    model = expunge.SISAClassifier(logistic, n_shards=2).fit(table, Y)
    before = model.digest()
    with pytest.raises(ValueError, match="NaN"):
        model.rectify("r04", {"age": [np.nan]})
    assert model.digest() == before


def test_a_failure_between_the_columns_leaves_everything(monkeypatch, tmp_path):
    model = keeps_frames().fit(frame(), Y, subject_ids=PEOPLE)
    model.plan(subjects=["p1"])
    before, original, calls = model.save(tmp_path / "a").read_bytes(), Cells.append, []

    def append(self, more):
        calls.append(1)
        if len(calls) == stop:
            raise MemoryError
        return original(self, more)

    for stop in range(1, 8):  # noqa: B007 - append reads it
        calls.clear()
        monkeypatch.setattr(Cells, "append", append)
        with pytest.raises(MemoryError):
            model.rectify(
                ["r04", "r05"], frame().iloc[[8, 9]].reset_index(drop=True), Y[8:10], subject_ids=["p1", "p2"]
            )
        monkeypatch.setattr(Cells, "append", original)
        assert model.save(tmp_path / "b").read_bytes() == before
        assert model.plan(subjects=["p1"]).n_records == 3


# ------------------------------------------------------------------ any history

SGD = SGDClassifier(loss="log_loss", max_iter=2, tol=None)
COLUMNS = expunge.ColumnTransformer([("town", expunge.OneHotEncoder(), ["town"])], remainder=expunge.StandardScaler())
MODELS = {
    "GaussianNB": (expunge.GaussianNB(), X),
    "slices": (expunge.SISAClassifier(SGD, n_shards=2, n_slices=3, aggregation="weighted"), X),
    "pairs": (expunge.ModularClassifier(GaussianNB()), X),
    "columns": (expunge.ModularClassifier(GaussianNB(), by="columns", groups=2), X),
    "folded": (
        expunge.make_pipeline(COLUMNS, expunge.RidgeClassifier()),
        frame()[["town", "age"]].reset_index(drop=True),
    ),
    "in turn": (expunge.make_pipeline(expunge.StandardScaler(), expunge.PCA(), expunge.GaussianNB()), X),
}


@settings(max_examples=10)
@given(st.data())
@pytest.mark.parametrize("name", MODELS)
def test_any_history_equals_a_fresh_fit(name, data):
    model, table = clone(MODELS[name][0]), MODELS[name][1].copy()
    y, people = np.array(["a", "b", "c", "a"] * (N // 4), dtype=object), PEOPLE.copy()
    weight = np.ones(N) if name != "columns" else None
    model.fit(table, y, record_ids=IDS, subject_ids=people, sample_weight=weight)
    known = np.ones(N, dtype=bool)
    for _ in range(data.draw(st.integers(1, 4))):
        here = np.flatnonzero(known).tolist()
        rows = np.array(data.draw(st.lists(st.sampled_from(here), min_size=1, max_size=6, unique=True)))
        verb = data.draw(st.sampled_from(["rectify", "labels", "cells", "forget"]))
        source = data.draw(st.lists(st.integers(0, N - 1), min_size=len(rows), max_size=len(rows)))
        if verb == "forget":
            model.forget(IDS[rows])
            known[rows] = False
            if not known.any():
                break
            continue
        if verb in ("rectify", "labels"):
            y[rows] = np.array(data.draw(st.lists(st.sampled_from("abcd"), min_size=len(rows), max_size=len(rows))))
        if verb == "labels":
            model.rectify(IDS[rows], y=y[rows])
        elif hasattr(table, "iloc"):
            table.loc[rows, "town"] = table["town"].to_numpy()[source]
            if verb == "cells":
                model.rectify(IDS[rows], {"town": table.loc[rows, "town"].tolist()})
            else:
                people[rows] = people[source]
                model.rectify(IDS[rows], table.loc[rows].reset_index(drop=True), y[rows], subject_ids=people[rows])
        elif verb == "cells":
            table[rows, 1] = X[source, 1]
            model.rectify(IDS[rows], {1: table[rows, 1]})
        else:
            table[rows], people[rows] = X[source], people[source]
            model.rectify(IDS[rows], table[rows], y[rows], subject_ids=people[rows])
    left = np.flatnonzero(known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = clone(MODELS[name][0]).fit(
            table.iloc[left] if hasattr(table, "iloc") else table[left], y[left], record_ids=IDS[left],
            subject_ids=people[left], sample_weight=None if weight is None else weight[left], allow_dormant=True,
        )  # fmt: skip
    assert model.digest() == twin.digest()


def test_a_model_that_sleeps_may_be_rectified_step_by_step():
    missing = X.copy()
    missing[:2, 1] = np.nan
    model = expunge.StandardScaler().fit(missing[:4])
    model.forget([2, 3])
    model.rectify(0, {0: 2.0})
    model.rectify(0, {1: 5.0})
    right = missing[:2].copy()
    right[0] = [2.0, 5.0, X[0, 2]]
    assert model.digest() == expunge.StandardScaler().fit(right).digest()
