"""Ridge regression against scikit-learn, against fractions, and against itself after any history."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import datasets
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as Peer
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

import expunge
from expunge import Ridge
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.maths import exact


def random_table(n=150, d=4, n_targets=0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * ([1, 10, 0.1, 3][:d]) + 2
    y = X @ rng.normal(size=(d, max(1, n_targets))) + rng.normal(size=(n, max(1, n_targets)))
    return X, y if n_targets else y[:, 0]


def scaled(load):
    X, y = load(return_X_y=True)
    return scale(X), y


def fresh(model, X, y, keep, weight=None):
    w = None if weight is None else weight[keep]
    return type(model)(**model.get_params()).fit(X[keep], y[keep], record_ids=keep, sample_weight=w, allow_dormant=True)


def assert_near_peer(model, peer, X):
    assert np.shape(model.coef_) == np.shape(peer.coef_)
    assert np.shape(model.intercept_) == np.shape(peer.intercept_)
    size = np.abs(peer.coef_).max()
    assert_allclose(model.coef_, peer.coef_, rtol=1e-6, atol=1e-6 * size)
    assert_allclose(model.intercept_, peer.intercept_, rtol=1e-6, atol=1e-6 * size)
    ours, theirs = model.predict(X), peer.predict(X)
    assert ours.shape == theirs.shape
    assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())


# ---------------------------------------------------------------- against scikit-learn


@pytest.mark.parametrize("params", [{}, {"alpha": 1e-3}, {"alpha": 100.0}, {"fit_intercept": False}], ids=str)
@pytest.mark.parametrize(
    "table",
    [
        lambda: datasets.load_digits(return_X_y=True),
        lambda: datasets.load_diabetes(return_X_y=True),
        lambda: scaled(datasets.load_wine),
        lambda: scaled(datasets.load_breast_cancer),
        random_table,
        lambda: random_table(n_targets=1),
        lambda: random_table(n_targets=3),
        lambda: random_table(n=3),
    ],
    ids=["digits", "diabetes", "wine", "breast cancer", "random", "one target in a column", "three targets", "n < d"],
)
def test_equals_scikit_learn_within_a_millionth(table, params):
    X, y = table()
    assert_near_peer(Ridge(**params).fit(X, y), Peer(**params).fit(X, y), X)


@pytest.mark.parametrize("alpha", [1.0, [0.1, 1.0, 10.0], [2.0]], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_equals_scikit_learn_with_weights_and_a_penalty_per_target(alpha, fit_intercept):
    X, y = random_table(n_targets=3)
    weight = np.random.default_rng(1).exponential(size=len(X))
    weight[:20] = 0
    for w in (None, weight, weight * 1e-5):
        params = {"alpha": alpha, "fit_intercept": fit_intercept}
        assert_near_peer(Ridge(**params).fit(X, y, sample_weight=w), Peer(**params).fit(X, y, sample_weight=w), X)


def test_without_penalty_dependent_features_get_the_solution_of_least_norm():
    X, y = random_table()
    X = np.column_stack([X, X[:, 0], np.ones(len(X)), X[:, 1] + X[:, 2]])
    ours, peer = Ridge(alpha=0.0).fit(X, y), LinearRegression().fit(X, y)
    assert_allclose(ours.coef_, peer.coef_, rtol=1e-6, atol=1e-6)
    assert_allclose(ours.predict(X), peer.predict(X), rtol=1e-6, atol=1e-6)


def test_features_of_very_different_size_are_not_taken_for_dependent_ones():
    X, y = random_table()
    size = 10.0 ** np.array([-5, 0, 5, 8])
    resolution = 2.0 ** (np.floor(np.log2(size)) - 36)
    ours = Ridge(alpha=0.0, resolution=resolution).fit(X * size, y)
    assert_allclose(ours.coef_ * size, LinearRegression().fit(X, y).coef_, rtol=1e-6)


def test_scikit_learns_own_checks_pass_without_exception():
    failed = [r for r in check_estimator(Ridge(), on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


def test_weights_of_one_learn_the_same_sums_as_no_weights():
    X, y = random_table()
    plain, weighted = Ridge().fit(X, y), Ridge().fit(X, y, sample_weight=np.ones(len(X)))
    assert_array_equal(plain._state().parts["sums"]["products"], weighted._state().parts["sums"]["products"])


def test_only_weights_of_zero_are_refused_by_fit_and_leave_a_dormant_model_after_forget():
    X, y = random_table()
    weight = np.where(np.arange(len(X)) < 5, 1.0, 0.0)
    with pytest.raises(InvalidDataError, match="at least one non-zero"):
        Ridge().fit(X, y, sample_weight=0 * weight)
    model = Ridge().fit(X, y, sample_weight=weight)
    model.forget([0, 1, 2, 3, 4])
    with pytest.raises(DormantModelError):
        model.predict(X)
    assert model.digest() == fresh(model, X, y, np.arange(5, len(X)), weight).digest()


# ---------------------------------------------------------------- against fractions


def slow_ridge(X, y, alpha, fit_intercept):
    """Gaussian elimination on the normal equations, in fractions."""
    rows = [[Fraction(1), *map(Fraction, x)] if fit_intercept else list(map(Fraction, x)) for x in X.tolist()]
    m = len(rows[0])
    A = [[sum(r[i] * r[j] for r in rows) for j in range(m)] for i in range(m)]
    for i in range(int(fit_intercept), m):
        A[i][i] += Fraction(alpha)
    A = [[*a, sum(r[i] * Fraction(t) for r, t in zip(rows, y.tolist(), strict=True))] for i, a in enumerate(A)]
    for i in range(m):
        pivot = next(k for k in range(i, m) if A[k][i])
        A[i], A[pivot] = A[pivot], A[i]
        A[i] = [a / A[i][i] for a in A[i]]
        for k in range(m):
            if k != i:
                A[k] = [a - A[k][i] * b for a, b in zip(A[k], A[i], strict=True)]
    solution = [float(a[-1]) for a in A]
    return (solution[1:], solution[0]) if fit_intercept else (solution, 0.0)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 8), fit_intercept=st.booleans(), offset=st.sampled_from([0, 10**6]))
def test_equals_fractions(seed, n, fit_intercept, offset):
    rng = np.random.default_rng(seed)
    X, y = rng.integers(-8, 8, (n, 3)) / 4 + offset * fit_intercept, rng.integers(-8, 8, n) / 4
    model = Ridge(alpha=0.5, fit_intercept=fit_intercept).fit(X, y)
    coef, intercept = slow_ridge(X, y, 0.5, fit_intercept)
    assert_allclose(model.coef_, coef, rtol=1e-10, atol=1e-12)
    assert_allclose(model.intercept_, intercept, rtol=1e-10, atol=1e-12 * max(1, offset))


def test_the_sums_are_those_of_the_rounded_rows():
    X, y = random_table(n=20)
    model = Ridge(resolution=[2.0**-10, 1.0, 2.0**-32, 2.0**-5], target_resolution=0.25).fit(X, y)
    units = [2.0**-40, 2.0**-10, 1.0, 2.0**-32, 2.0**-5, 0.25]
    Z = np.column_stack([np.ones(20), X, y])
    q = [[round(Fraction(z) / Fraction(r)) for z, r in zip(row, units, strict=True)] for row in Z.tolist()]
    expected = [[sum(row[i] * row[j] for row in q) for j in range(6)] for i in range(6)]
    assert exact.to_integers(model._state().parts["sums"]["products"]).tolist() == expected


# ---------------------------------------------------------------- any history


@st.composite
def histories(draw, n):
    rows = st.lists(st.integers(0, n - 1), unique=True, min_size=1)
    return draw(rows), draw(st.lists(rows, max_size=6))


def live_through(model, X, y, history, weight=None):
    """Fit, then forget what is there and learn what is not, in batches; returns the rows that are left."""
    first, batches = np.array(history[0]), history[1]
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
@given(history=histories(15), n_targets=st.sampled_from([0, 1, 2]), with_weights=st.booleans())
def test_any_history_equals_a_fresh_fit(history, n_targets, with_weights):
    X, y = random_table(15, n_targets=n_targets)
    X[3] *= 1e7
    weight = np.linspace(0, 3, 15) + 0.1 if with_weights else None
    model = Ridge(seed=5)
    alive = live_through(model, X, y, history, weight)
    other = fresh(model, X, y, alive, weight)
    assert model.digest() == other.digest()
    if len(alive):
        assert_array_equal(model.predict(X), other.predict(X))
        assert_array_equal(model.coef_, other.coef_)
    else:
        with pytest.raises(DormantModelError):
            model.predict(X)


def test_forgetting_huge_records_leaves_no_trace_where_float_subtraction_would():
    X, y = random_table(n=10)
    huge, target = np.full((3, 4), 1e9) * [[1.0], [-1.5], [2.0]], np.array([1e9, -2e9, 1.5e9])
    kept = X.T @ X
    assert not np.allclose(kept + huge.T @ huge - huge.T @ huge, kept)  # the trap
    model = Ridge().fit(np.concatenate([X, huge]), np.concatenate([y, target]))
    model.forget([10, 11, 12])
    assert model.digest() == Ridge().fit(X, y).digest()
    assert_near_peer(model, Peer().fit(X, y), X)


def test_the_coefficients_do_not_depend_on_the_number_of_threads_or_the_order_of_rows():
    X, y = random_table(n=500, d=4)
    order = np.random.default_rng(0).permutation(500)
    bits = set()
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            for model in (Ridge().fit(X, y), Ridge().fit(X[order], y[order], record_ids=order)):
                bits.add((model.digest(), model.coef_.tobytes(), model.intercept_))
    assert len(bits) == 1


def test_chunks_do_not_matter(monkeypatch):
    X, y = random_table()
    whole = Ridge().fit(X, y).digest()
    monkeypatch.setattr("expunge.methods.sums.ridge.CHUNK", 7)
    assert Ridge().fit(X, y).digest() == whole


def test_the_saved_file_of_a_model_that_forgot_is_that_of_a_fresh_fit(tmp_path):
    X, y = random_table(n_targets=2)
    model = Ridge().fit(X, y)
    model.forget([0, 5])
    keep = np.array([i for i in range(len(X)) if i not in (0, 5)])
    assert model.save(tmp_path / "a").read_bytes() == fresh(model, X, y, keep).save(tmp_path / "b").read_bytes()
    export = expunge.load(model.export(tmp_path / "c"))
    assert_array_equal(export.predict(X), model.predict(X))
    assert set(export._state().solution) == {"coef", "intercept"}


def test_everything_forgotten_then_learned_again():
    X, y = random_table()
    model = Ridge().fit(X, y)
    before = model.digest()
    model.forget(np.arange(len(X)))
    assert not hasattr(model, "coef_")
    model.learn(X, y)
    assert model.digest() == before


# ---------------------------------------------------------------- what is refused, what is said


@pytest.mark.parametrize("with_weights", [False, True])
@pytest.mark.parametrize("place", ["column 2", "target"])
def test_a_value_out_of_range_is_refused_by_name_and_nothing_changes(place, with_weights, monkeypatch):
    monkeypatch.setattr("expunge.methods.sums.ridge.CHUNK", 5)
    X, y = random_table()
    (X[7] if place == "column 2" else y[7:])[2 if place == "column 2" else 0] = -(2.0**31)
    weight = np.ones(len(X)) if with_weights else None
    ids = [f"person {i}" for i in range(len(X))]
    with pytest.raises(OutOfRangeError, match=rf"'person 7' \(row 7\).*{place}"):
        Ridge().fit(X, y, record_ids=ids, sample_weight=weight)
    model = Ridge().fit(X[:7], y[:7], record_ids=ids[:7], sample_weight=None if weight is None else weight[:7])
    before = model.digest()
    with pytest.raises(OutOfRangeError, match=rf"'person 7'.*{place}"):
        model.learn(X[7:9], y[7:9], record_ids=ids[7:9], sample_weight=None if weight is None else weight[7:9])
    assert model.digest() == before


def test_a_refused_column_is_called_by_its_name():
    X, y = random_table()
    frame = pd.DataFrame(X, columns=["age", "height", "income", "rooms"])
    frame.loc[3, "income"] = 1e30
    with pytest.raises(OutOfRangeError, match=r"Record 3 .*column 'income'"):
        Ridge().fit(frame, y)


def test_resolutions_per_column_and_target_are_in_the_guarantee():
    X, y = random_table(n_targets=2)
    model = Ridge(resolution=[2.0**-32, 2.0**-20, 2.0**-40, 2.0**-32], target_resolution=[2.0**-10, 2.0**-32]).fit(X, y)
    said = model.forget(0).guarantee
    assert said.kind == "exact"
    assert (
        "values rounded to multiples of 2^-40 to 2^-20, by column (absolute rounding at most 4.8e-07)" in said.statement
    )
    assert (
        "targets rounded to multiples of 2^-32 to 2^-10, by column (absolute rounding at most 4.9e-04)"
        in said.statement
    )
    assert "targets" not in Ridge().fit(X, y).forget(0).guarantee.statement


@pytest.mark.parametrize(
    "params",
    [
        {"resolution": 0.3}, {"resolution": [1.0, 1.0]}, {"target_resolution": 3.0}, {"target_resolution": [1.0, 1.0]},
        {"alpha": -1.0}, {"alpha": "x"}, {"alpha": [1.0, 2.0]}, {"alpha": [-1.0]}, {"fit_intercept": 1}, {"seed": 0.5},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_refused(params):
    X, y = random_table()
    with pytest.raises(InvalidParameterError):
        Ridge(**params).fit(X, y)


def test_work_is_the_number_of_forgotten_records():
    X, y = random_table()
    model = Ridge().fit(X, y)
    plan, removal = model.plan([1, 5, 9]), model.forget([1, 5, 9])
    assert (plan.work_low, plan.work_high, plan.touched) == (3, 3, ("sums",))
    assert (removal.work, removal.touched) == (3, ("sums",))


def test_forgetting_a_feature_equals_a_fit_without_it():
    X, y = random_table()
    model = Ridge().fit(X, y)
    model.forget(features=[1])
    assert model.digest() == Ridge().fit(X[:, [0, 2, 3]], y).digest()


def test_what_is_handed_out_is_a_copy():
    X, y = random_table(n_targets=2)
    model = Ridge().fit(X, y)
    expected = model.predict(X)
    model.coef_[...] = 0
    model.intercept_[...] = 0
    assert_array_equal(model.predict(X), expected)
