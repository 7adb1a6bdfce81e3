"""CategoricalNB: a dictionary of counts as twin, scikit-learn through an encoder, and categories that come and go."""

from __future__ import annotations

import warnings
from collections import Counter
from fractions import Fraction
from math import inf, log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.naive_bayes import CategoricalNB as Theirs
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils.estimator_checks import check_estimator

import expunge
from expunge import CategoricalNB
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from project.test_layout import ROOT

TOWNS = ["Århus", "Köln", "東京", "", "Oslo", "a", "b\0c"]


def people(n=60, seed=0, missing=0.2):
    rng = np.random.default_rng(seed)
    y = rng.choice(["yes", "no", "maybe"], n)
    town = np.array(TOWNS, dtype=object)[(rng.integers(0, 4, n) + 2 * (y == "no")) % len(TOWNS)]
    plan = pd.Categorical(rng.choice(["free", "paid", "trial"], n))
    X = pd.DataFrame({"town": town, "plan": plan, "rooms": rng.integers(1, 5, n), "flag": rng.random(n) < 0.5})
    X.loc[rng.random(n) < missing, "town"] = None
    return X, y


def dictionary_of_counts(X, y, row, *, alpha=Fraction(1), weight=None, least=1):
    """log P(class, row) of each class by exact fractions, from dictionaries; what is missing is a category."""
    weight = [Fraction(1)] * len(y) if weight is None else [Fraction(float(w)) for w in weight]

    def cell(value):
        return "missing" if pd.isna(value) else value

    columns = [[cell(v) for v in X[name]] for name in X]
    out = []
    for label in sorted(set(y)):
        of_class = sum(w for w, c in zip(weight, y, strict=True) if c == label)
        chance = log(of_class / sum(weight)) if of_class else -inf
        for column, value in zip(columns, [cell(v) for v in row], strict=True):
            count: Counter = Counter()
            for v, c, w in zip(column, y, weight, strict=True):
                count[v] += w * (c == label)
            known = {v for v, w in zip(column, weight, strict=True) if w}
            n = max(len(known), least)
            if value not in known and n == len(known):
                continue
            p = (count[value] + alpha) / (of_class + alpha * n)
            chance += log(p) if p else -inf
        out.append(chance)
    return out


@pytest.mark.parametrize("alpha", [1.0, 0.25])
@pytest.mark.parametrize("least", [None, 2, 9])
@pytest.mark.parametrize("weighted", [False, True])
def test_joint_is_that_of_a_dictionary_of_counts(alpha, least, weighted):
    X, y = people()
    weight = np.arange(len(y)) % 4 / 2 if weighted else None
    model = CategoricalNB(alpha=alpha, min_categories=least).fit(X, y, sample_weight=weight)
    more = pd.concat([X.iloc[:8], X.iloc[:3].assign(town=["nowhere", None, "Oslo"])])
    ours = model.predict_joint_log_proba(more)
    twin = [
        dictionary_of_counts(X, y, row, alpha=Fraction(alpha), weight=weight, least=least or 1)
        for row in more.itertuples(index=False)
    ]
    assert ours.shape == np.shape(twin)
    assert_allclose(ours, twin, rtol=1e-12)
    assert_array_equal(model.predict(more), model.classes_[np.argmax(twin, axis=1)])


@pytest.mark.parametrize("params", [{}, {"alpha": 0.3, "fit_prior": False}, {"class_prior": [0.2, 0.3, 0.5]},
                                    {"alpha": 0.0, "force_alpha": False}, {"min_categories": 12},
                                    {"min_categories": [9, 3, 4, 2]}])  # fmt: skip
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.filterwarnings("ignore:alpha too small")
def test_equals_scikit_learn_through_an_encoder(params, weighted):
    X, y = people(missing=0)
    weight = np.random.default_rng(1).random(len(y)) if weighted else None
    codes = OrdinalEncoder().fit_transform(X).astype(int)
    theirs = Theirs(**params).fit(codes, y, sample_weight=weight)
    ours = CategoricalNB(**params).fit(X, y, sample_weight=weight)
    assert_array_equal(ours.classes_, theirs.classes_)
    assert_array_equal(ours.n_categories_, theirs.n_categories_)
    assert_allclose(ours.class_log_prior_, theirs.class_log_prior_, atol=1e-9)
    assert_allclose(ours.class_count_, theirs.class_count_, atol=1e-9)
    for j in range(X.shape[1]):
        assert ours.category_count_[j].shape == theirs.category_count_[j].shape
        assert_allclose(ours.category_count_[j], theirs.category_count_[j], atol=1e-9)
        assert_allclose(ours.feature_log_prob_[j], theirs.feature_log_prob_[j], atol=1e-9)
    assert_array_equal(ours.predict(X), theirs.predict(codes))
    assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(codes), atol=1e-9)
    assert_allclose(ours.predict_proba(X).sum(axis=1), 1)


def test_equals_scikit_learn_on_arrays_of_codes():
    X, y = load_digits(return_X_y=True)
    ours, theirs = CategoricalNB(min_categories=17).fit(X, y), Theirs(min_categories=17).fit(X.astype(int), y)
    assert_array_equal(ours.predict(X), theirs.predict(X.astype(int)))
    # a code that only a gap in the column separates from zero has no place of its own here
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X.astype(int)), rtol=1e-6, atol=1e-12)


def test_forms_of_one_table_give_one_prediction():
    X, y = people(missing=0)
    X = X[["town", "plan"]]
    frame = CategoricalNB().fit(X, y)
    texts = CategoricalNB().fit(X.astype(str).to_numpy(dtype=object), y)
    wide = X.astype(str)[X["town"] != "b\0c"].to_numpy(dtype="U10")
    assert_array_equal(frame.predict_proba(X), texts.predict_proba(X.astype(str).to_numpy(dtype=object)))
    assert_array_equal(frame.predict_proba(X)[(X["town"] != "b\0c").to_numpy()], texts.predict_proba(wide))
    integers, floats = np.array([[1], [2], [2]]), np.array([[1.0], [2.0], [2.0]])
    a, b = (CategoricalNB().fit(Z, [0, 1, 1]) for Z in (integers, floats))
    assert_array_equal(a.predict_proba(floats), b.predict_proba(integers))


@settings(max_examples=15)
@given(st.data())
def test_every_history_ends_as_a_fresh_fit(data):
    n = 14
    X, y = people(n, missing=0.3)
    weight = np.linspace(0, 2, n) if data.draw(st.booleans()) else None
    ids = np.arange(n)

    def given_rows(rows):
        return {"record_ids": ids[rows], "sample_weight": None if weight is None else weight[rows]}

    first = np.array(data.draw(st.lists(st.integers(0, n - 1), unique=True, min_size=1)))
    model = CategoricalNB().fit(X.iloc[first], y[first], **given_rows(first), allow_dormant=True)
    alive = set(first.tolist())
    for batch in data.draw(st.lists(st.lists(st.integers(0, n - 1), unique=True, min_size=1), max_size=5)):
        gone, new = [i for i in batch if i in alive], np.array([i for i in batch if i not in alive], dtype=int)
        if gone:
            assert model.forget(gone).work == len(gone)
        if len(new):
            try:
                model.learn(X.iloc[new], y[new], **given_rows(new))
            except InvalidDataError:  # weights of zero only
                new = new[:0]
        alive = alive.difference(gone).union(new.tolist())
    rest = np.array(sorted(alive), dtype=int)
    other = CategoricalNB().fit(X.iloc[rest], y[rest], **given_rows(rest), allow_dormant=True)
    assert model.digest() == other.digest()
    if len(rest) and (weight is None or weight[rest].any()):
        assert_array_equal(model.predict_joint_log_proba(X), other.predict_joint_log_proba(X))


def test_a_category_and_a_class_that_vanish_leave_no_trace(tmp_path):
    X, y = people(missing=0)
    X.loc[5, "town"], y[5] = "Sagres-Lagos", "only-one"
    model = CategoricalNB().fit(X, y)
    before = model.digest()
    assert "Sagres-Lagos" in model.categories_[0]
    model.forget([5])
    assert "Sagres-Lagos" not in model.categories_[0]
    assert "only-one" not in model.classes_
    rest = X.drop(index=5)
    other = CategoricalNB().fit(rest, np.delete(y, 5), record_ids=np.delete(np.arange(len(y)), 5))
    saved = model.save(tmp_path / "a").read_bytes()
    assert saved == other.save(tmp_path / "b").read_bytes()
    for data in (saved, model.export(tmp_path / "c").read_bytes()):
        for canary in ("Sagres-Lagos", "only-one"):
            assert not any(canary.encode(code) in data for code in ("utf-8", "utf-32-le", "utf-16-le"))
    model.predict(X)  # its row is still answered
    model.learn(X.loc[[5]], y[[5]], record_ids=[5])
    assert model.digest() == before


def test_the_last_missing_value_takes_its_category_along():
    X = pd.DataFrame({"town": ["a", None, "b"], "size": [1.0, 2.0, np.nan]})
    model = CategoricalNB().fit(X, ["x", "y", "y"])
    assert [c.tolist()[:2] for c in model.categories_] == [["a", "b"], [1.0, 2.0]]
    assert model.n_categories_.tolist() == [3, 3]
    model.forget([1])
    assert model.n_categories_.tolist() == [2, 2]
    model.forget([0, 2])
    with pytest.raises(DormantModelError):
        model.predict(X)
    model.learn(pd.DataFrame({"town": ["z"], "size": [9.0]}), ["w"], record_ids=[9])
    assert [c.tolist() for c in model.categories_] == [["z"], [9.0]]


def test_what_is_missing_is_missing_however_it_is_written():
    y = ["x", "y", "x", "y"]
    models = [
        CategoricalNB().fit(np.array([["a"], [gone], ["b"], ["a"]], dtype=object), y) for gone in (None, np.nan, pd.NA)
    ]
    first = models[0].predict_proba(np.array([[np.nan]], dtype=object))
    for model in models:
        for gone in (None, np.nan, pd.NA):
            assert_array_equal(model.predict_proba(np.array([[gone]], dtype=object)), first)


def test_an_unknown_category():
    X, y = [["a"], ["a"], ["b"]], ["x", "x", "y"]
    model = CategoricalNB().fit(X, y)
    assert_allclose(model.predict_proba([["new"], [None]]), [[2 / 3, 1 / 3]] * 2)
    free = CategoricalNB(min_categories=3).fit(X, y).predict_joint_log_proba([["new"]])
    assert_allclose(np.exp(free), [[2 / 3 * 1 / 5, 1 / 3 * 1 / 4]])
    strict = CategoricalNB(handle_unknown="error").fit(X, y)
    with pytest.raises(InvalidDataError, match="Column 0, row 1 has a category that the model does not know") as caught:
        strict.predict([["a"], ["secret"]])
    assert "secret" not in str(caught.value)
    CategoricalNB(handle_unknown="error", min_categories=3).fit(X, y).predict([["new"]])
    with pytest.raises(IndexError):  # what scikit-learn says
        Theirs().fit([[0], [0], [1]], y).predict([[2]])


def test_no_smoothing_makes_what_was_never_seen_impossible():
    X, y = np.array([["a"], ["a"], ["b"]], dtype=object), ["x", "x", "y"]
    model = CategoricalNB(alpha=0).fit(X, y)
    assert_array_equal(model.predict_proba(X), [[1, 0], [1, 0], [0, 1]])


@pytest.mark.parametrize("params", [{"alpha": -1.0}, {"alpha": "1"}, {"alpha": True}, {"alpha": [1.0]}, {"alpha": inf},
                                    {"force_alpha": 1}, {"fit_prior": None}, {"class_prior": [-1, 2]},
                                    {"min_categories": 0}, {"min_categories": 2.5}, {"min_categories": True},
                                    {"min_categories": [2, 3, 4]}, {"min_categories": [[2, 2, 2, 2]]},
                                    {"handle_unknown": "skip"}, {"class_prior": [0.5, 0.5]}])  # fmt: skip
def test_wrong_arguments_are_refused(params):
    with pytest.raises(InvalidParameterError):
        CategoricalNB(**params).fit(*people())


def test_bad_tables_are_one_sentence():
    y = ["x", "y"]
    mixed = np.array([["a"], [1]], dtype=object)
    cases = [
        (mixed, "Column 0 holds int and str"),
        (pd.DataFrame({"when": pd.to_datetime(["2020-01-01", "2021-01-01"])}), "Column 'when' holds values of dtype"),
        (pd.DataFrame({"x": [1.0, inf]}), "Column 'x' holds an infinity"),
        (["a", "b"], "1D array"),
        (np.array([[2**63], [2**63 + 1]], dtype=np.uint64), r"Column 0 holds numbers beyond 2\*\*53"),
        (np.array([["a"], [["b"]]], dtype=object), "holds list and str"),
    ]
    for X, says in cases:
        with pytest.raises(InvalidDataError, match=says):
            CategoricalNB().fit(X, y)
    with pytest.raises(OutOfRangeError, match="sample weight"):
        CategoricalNB().fit([["a"], ["b"]], y, sample_weight=[1, 2.0**30])


def test_texts_where_numbers_were_are_refused_and_nothing_changes():
    model = CategoricalNB().fit(np.array([["1", "a"], ["2", "b"]], dtype=object), ["x", "y"])
    before = model.digest()
    with pytest.raises(InvalidDataError, match="Column 0 held texts and now has numbers"):
        model.predict(np.array([[1, "a"]], dtype=object))
    with pytest.raises(InvalidDataError, match="Column 0 held texts and now has numbers"):
        model.learn(np.array([[1, "a"]], dtype=object), ["x"], record_ids=[7])
    assert model.digest() == before


def test_a_column_is_forgotten():
    X, y = people()
    model = CategoricalNB().fit(X, y)
    model.forget(features=["town"])
    assert model.digest() == CategoricalNB().fit(X.drop(columns="town"), y).digest()


def test_integer_weights_are_repeated_records():
    X, y = people(30)
    weight = np.arange(30) % 4
    again = X.iloc[np.repeat(np.arange(30), weight)]
    a = CategoricalNB().fit(X, y, sample_weight=weight)
    b = CategoricalNB().fit(again, y.repeat(weight), record_ids=np.arange(len(again)))
    assert_array_equal(a.predict_joint_log_proba(X), b.predict_joint_log_proba(X))


def test_passes_the_checks_of_scikit_learn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(CategoricalNB(), on_skip=None, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) > 40


def test_cost_does_not_depend_on_n():
    for n in (100, 1000):
        model = CategoricalNB().fit(*people(n))
        assert model.plan([3]).work_high == 1
        assert model.forget([3]).work == 1


def test_adult_as_it_is_equals_scikit_learn_through_an_encoder():
    path = ROOT.parent / "shared" / "data" / "adult.csv.gz"
    if not path.exists():
        pytest.skip("the real data sets are not here")
    frame = pd.read_csv(path, keep_default_na=False, nrows=3_000)
    X, y = frame.drop(columns=["income", "split", "fnlwgt"]), frame["income"]
    ours = CategoricalNB(min_categories=130).fit(X, y)
    codes = OrdinalEncoder().fit_transform(X).astype(int)
    theirs = Theirs(min_categories=130).fit(codes, y)
    assert_array_equal(ours.predict(X), theirs.predict(codes))
    keep = np.arange(1, len(X))
    ours.forget([0])
    fresh = expunge.CategoricalNB(min_categories=130).fit(X.iloc[keep], y.iloc[keep], record_ids=keep)
    assert ours.digest() == fresh.digest()
