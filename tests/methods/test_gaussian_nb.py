"""Gaussian naive Bayes against scikit-learn, against fractions, and against itself after any history."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import datasets
from sklearn.naive_bayes import GaussianNB as Peer
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator

import expunge
from expunge import GaussianNB
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError, UnsupportedRequestError


def random_table(n=200, d=4, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    return rng.normal(size=(n, d)) * [1, 10, 0.1, 100][:d] + y[:, np.newaxis], y


def breast_cancer():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return scale(X), y


def fresh(model, X, y, keep, weight=None):
    """A model that never saw the others."""
    w = None if weight is None else weight[keep]
    return type(model)(**model.get_params()).fit(X[keep], y[keep], record_ids=keep, sample_weight=w, allow_dormant=True)


def assert_near_peer(model, peer, X):
    for name in ("theta_", "var_", "class_prior_", "class_count_", "epsilon_"):
        ours, theirs = getattr(model, name), getattr(peer, name)
        assert np.shape(ours) == np.shape(theirs), name
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9, err_msg=name)
    assert_array_equal(model.classes_, peer.classes_)
    assert_array_equal(model.predict(X), peer.predict(X))
    for name in ("predict_joint_log_proba", "predict_log_proba", "predict_proba"):
        assert_allclose(getattr(model, name)(X), getattr(peer, name)(X), rtol=1e-6, atol=1e-6, err_msg=name)


# ---------------------------------------------------------------- against scikit-learn


@pytest.mark.parametrize(
    "table",
    [
        lambda: datasets.load_digits(return_X_y=True),
        lambda: datasets.load_wine(return_X_y=True),
        lambda: datasets.load_iris(return_X_y=True),
        breast_cancer,
        random_table,
    ],
    ids=["digits", "wine", "iris", "breast cancer", "random"],
)
def test_equals_scikit_learn_within_a_millionth(table):
    X, y = table()
    assert_near_peer(GaussianNB().fit(X, y), Peer().fit(X, y), X)


def test_equals_scikit_learn_with_weights_and_parameters():
    X, y = random_table()
    weight = np.random.default_rng(1).exponential(size=len(X))
    weight[:20] = 0
    for params in ({}, {"var_smoothing": 1e-2}, {"priors": [0.2, 0.3, 0.5]}):
        ours = GaussianNB(**params).fit(X, y, sample_weight=weight)
        assert_near_peer(ours, Peer(**params).fit(X, y, sample_weight=weight), X)


def test_scikit_learns_own_checks_pass_without_exception():
    failed = [r for r in check_estimator(GaussianNB(), on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


def test_a_class_whose_records_weigh_nothing_is_never_predicted():
    X, y = random_table()
    weight = np.where(y == 1, 0.0, 2.0)
    ours, peer = GaussianNB().fit(X, y, sample_weight=weight), Peer().fit(X, y, sample_weight=weight)
    with np.errstate(divide="ignore"):  # the peer's logarithm of zero
        assert_near_peer(ours, peer, X)
    assert ours.classes_.tolist() == [0, 1, 2]
    assert 1 not in ours.predict(X)


def test_weights_of_one_learn_the_same_numbers_as_no_weights():
    X, y = random_table()
    plain, weighted = GaussianNB().fit(X, y), GaussianNB().fit(X, y, sample_weight=np.ones(len(X)))
    for name in ("theta_", "var_", "class_prior_", "epsilon_"):
        assert_array_equal(getattr(plain, name), getattr(weighted, name))


def test_only_weights_of_zero_are_refused_by_fit_and_leave_a_dormant_model_after_forget():
    X, y = random_table()
    weight = np.where(np.arange(len(X)) < 5, 1.0, 0.0)
    with pytest.raises(InvalidDataError, match="at least one non-zero"):
        GaussianNB().fit(X, y, sample_weight=0 * weight)
    model = GaussianNB().fit(X, y, sample_weight=weight)
    model.forget([0, 1, 2, 3, 4])
    with pytest.raises(DormantModelError):
        model.predict(X)
    assert model.digest() == fresh(model, X, y, np.arange(5, len(X)), weight).digest()


# ---------------------------------------------------------------- against fractions


def slow_solution(X, y, weight, resolution):
    """Means and variances by definition: of the rounded terms, in fractions, rounded at the end."""
    theta, var = [], []
    for label in sorted(set(y.tolist())):
        rows = [(x, w) for x, w, own in zip(X, weight, y, strict=True) if own == label]
        total = sum(Fraction(w) for _, w in rows)
        means = [sum(rounded(w * x[j], r) for x, w in rows) / total for j, r in enumerate(resolution)]
        squares = [sum(rounded(w**0.5 * x[j], r) ** 2 for x, w in rows) / total for j, r in enumerate(resolution)]
        theta.append([float(m) for m in means])
        var.append([float(max(0, q - m * m)) for q, m in zip(squares, means, strict=True)])
    return np.array(theta), np.array(var)


def rounded(x, resolution):
    r = Fraction(resolution)
    return round(Fraction(float(x)) / r) * r


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6), n=st.integers(2, 12), with_weights=st.booleans(), power=st.sampled_from([-32, -3, 2])
)
def test_equals_fractions_to_the_last_bit(seed, n, with_weights, power):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, 2)) * [1.0, 1e6] + [0.0, 1e8], rng.integers(0, 2, n)
    weight = rng.integers(1, 9, n) / 4 if with_weights else None
    resolution = [2.0**power, 1.0]
    model = GaussianNB(resolution=resolution, var_smoothing=0.0).fit(X, y, sample_weight=weight)
    theta, var = slow_solution(X, y, np.ones(n) if weight is None else weight, resolution)
    assert_array_equal(model.theta_, theta)
    assert_array_equal(model.var_, var)


# ---------------------------------------------------------------- any history


@st.composite
def histories(draw, n):
    """A first set of rows, then lists of rows to forget if they are there and to learn if not."""
    rows = st.lists(st.integers(0, n - 1), unique=True, min_size=1)
    return draw(rows), draw(st.lists(rows, max_size=6))


def live_through(model, X, y, history, weight=None):
    """Fit, then forget and learn in batches; returns the rows that are left."""
    first, batches = history
    first = np.array(first)
    model.fit(X[first], y[first], record_ids=first, sample_weight=None if weight is None else weight[first])
    alive = set(first.tolist())
    for batch in batches:
        gone, new = [i for i in batch if i in alive], np.array([i for i in batch if i not in alive], dtype=int)
        if gone:
            model.forget(gone)
        if len(new):
            model.learn(X[new], y[new], record_ids=new, sample_weight=None if weight is None else weight[new])
        alive = alive.difference(gone).union(new.tolist())
    return np.array(sorted(alive), dtype=int)


@settings(max_examples=60)
@given(history=histories(15), labels=st.sampled_from(["integers", "texts", "booleans"]), with_weights=st.booleans())
def test_any_history_equals_a_fresh_fit(history, labels, with_weights):
    X, y = random_table(15)
    X[3] *= 1e7
    y = {"integers": y, "texts": np.array(["Ä", "zwölf 数", "b"])[y], "booleans": y > 0}[labels]
    weight = np.linspace(0, 3, 15) + 0.1 if with_weights else None
    model = GaussianNB(seed=5)
    alive = live_through(model, X, y, history, weight)
    other = fresh(model, X, y, alive, weight)
    assert model.digest() == other.digest()
    if len(alive):
        assert_array_equal(model.predict_proba(X), other.predict_proba(X))
        assert_array_equal(model.classes_, np.unique(y[alive]))
    else:
        with pytest.raises(DormantModelError):
            model.predict(X)


def test_forgetting_huge_records_leaves_no_trace_where_float_subtraction_would():
    x = np.array([1.0, 2.0, 3.0])
    running = np.sum(x**2) + 1e9**2 * 7.0 - 1e9**2 * 7.0
    assert running != np.sum(x**2)  # the trap
    X = np.concatenate([x, [1e9, 1.1e9, -2e9]])[:, np.newaxis]
    y = np.zeros(6, dtype=int)
    model = GaussianNB(var_smoothing=0.0).fit(X, y)
    model.forget([3, 4, 5])
    assert model.theta_.tolist() == [[2.0]]
    assert model.var_.tolist() == [[2 / 3]]
    assert model.digest() == fresh(model, X, y, np.arange(3)).digest()


def test_the_saved_file_of_a_model_that_forgot_is_that_of_a_fresh_fit(tmp_path):
    X, y = random_table()
    y = np.array(["a", "b", "much longer"])[y]
    model = GaussianNB().fit(X, y)
    model.forget(classes=["much longer"])
    other = fresh(model, X, y, np.flatnonzero(y != "much longer"))
    assert model.save(tmp_path / "a").read_bytes() == other.save(tmp_path / "b").read_bytes()
    loaded = expunge.load(tmp_path / "a")
    assert loaded.forget([int(model.record_ids_[0])]).work == 1


def test_everything_forgotten_then_learned_again():
    X, y = random_table()
    model = GaussianNB().fit(X, y)
    before = model.digest()
    model.forget(np.arange(len(X)))
    with pytest.raises(DormantModelError):
        model.predict(X)
    assert not hasattr(model, "theta_")
    model.learn(X, y)
    assert model.digest() == before


# ---------------------------------------------------------------- what is refused, what is said


@pytest.mark.parametrize("value", [2.0**31, -3e9, 1e300])
def test_a_value_out_of_range_is_refused_by_name_and_nothing_changes(value):
    X, y = random_table()
    X[7, 2] = value
    ids = [f"person {i}" for i in range(len(X))]
    with pytest.raises(OutOfRangeError, match=r"'person 7'.*column 2"):
        GaussianNB().fit(X, y, record_ids=ids)
    model = GaussianNB().fit(X[:7], y[:7], record_ids=ids[:7])
    before = model.digest()
    with pytest.raises(OutOfRangeError, match=r"'person 7'.*column 2"):
        model.learn(X[7:9], y[7:9], record_ids=ids[7:9])
    assert model.digest() == before


def test_a_weight_out_of_range_is_refused_by_name():
    X, y = random_table()
    weight = np.ones(len(X))
    weight[3] = 2.0**23
    with pytest.raises(OutOfRangeError, match=r"Record 3 .*sample weight"):
        GaussianNB().fit(X, y, sample_weight=weight)


def test_a_resolution_per_column_reaches_as_far_as_each_needs():
    X, y = random_table()
    X[:, 3] *= 2.0**60
    resolution = [2.0**-32, 2.0**-32, 2.0**-50, 2.0**20]
    ours, peer = GaussianNB(resolution=resolution, var_smoothing=0.0).fit(X, y), Peer(var_smoothing=0.0).fit(X, y)
    assert_allclose(ours.theta_, peer.theta_, rtol=1e-6)
    assert_allclose(ours.predict_proba(X), peer.predict_proba(X), rtol=1e-6, atol=1e-9)
    said = ours.forget(0).guarantee
    assert said.kind == "exact"
    assert "multiples of 2^-50 to 2^20, by column (absolute rounding at most 5.2e+05)" in said.statement
    assert "2^-32 (absolute rounding at most 1.2e-10)" in GaussianNB().fit(X[:, :3], y).forget(0).guarantee.statement


@pytest.mark.parametrize(
    "params",
    [
        {"resolution": 0.3}, {"resolution": -1.0}, {"resolution": "fine"}, {"resolution": [[1.0]]}, {"resolution": []},
        {"resolution": [1.0, 1.0]}, {"var_smoothing": -1}, {"var_smoothing": "x"}, {"priors": [0.5, 0.6, 0.1]},
        {"priors": [-0.5, 1.0, 0.5]}, {"priors": [0.5, 0.5]}, {"priors": ["a"]}, {"seed": -1},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_refused(params):
    X, y = random_table()
    with pytest.raises(InvalidParameterError):
        GaussianNB(**params).fit(X, y)


def test_priors_for_a_class_that_vanished_leave_a_dormant_model_until_it_comes_back():
    X, y = random_table()
    model = GaussianNB(priors=[0.2, 0.3, 0.5]).fit(X, y)
    before = model.digest()
    model.forget(classes=[1])
    with pytest.raises(DormantModelError):
        model.predict(X)
    assert model.digest() == fresh(model, X, y, np.flatnonzero(y != 1)).digest()
    back = np.flatnonzero(y == 1)
    model.learn(X[back], y[back], record_ids=back)
    assert model.digest() == before
    with pytest.raises(InvalidParameterError, match="Number of priors"):
        model.learn(X[:1], [9], record_ids=[999])
    assert model.digest() == before


def test_work_is_the_number_of_forgotten_records():
    X, y = random_table()
    model = GaussianNB().fit(X, y)
    plan = model.plan([1, 5, 9])
    removal = model.forget([1, 5, 9])
    assert (plan.work_low, plan.work_high, plan.touched) == (3, 3, ("sums",))
    assert (removal.work, removal.touched) == (3, ("sums",))
    assert model.plan(features=[0]).work_high == len(X) - 3


def test_forgetting_a_feature_equals_a_fit_without_it():
    X, y = random_table()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = GaussianNB().fit(frame, y)
    model.forget(features=["b"])
    assert model.digest() == GaussianNB().fit(frame[["a", "c", "d"]], y).digest()
    model = GaussianNB(resolution=[1.0, 0.5, 0.25, 1.0]).fit(frame, y)
    before = model.digest()
    with pytest.raises(InvalidParameterError, match="resolution"):
        model.forget(features=["b"])
    assert model.digest() == before


def test_an_export_predicts_the_same_and_holds_no_sums(tmp_path):
    X, y = random_table()
    model = GaussianNB().fit(X, y)
    export = expunge.load(model.export(tmp_path / "m"))
    assert_array_equal(export.predict_proba(X), model.predict_proba(X))
    assert set(export._state().solution) == {"classes", "theta", "var", "prior"}
    assert not hasattr(export, "class_count_")
    assert not hasattr(export, "epsilon_")
    with pytest.raises(UnsupportedRequestError):
        export.forget(0)


def test_what_is_handed_out_is_a_copy():
    X, y = random_table()
    model = GaussianNB().fit(X, y)
    expected = model.predict_proba(X)
    for name in ("classes_", "theta_", "var_", "class_prior_", "class_count_"):
        getattr(model, name)[...] = 0
    assert_array_equal(model.predict_proba(X), expected)
