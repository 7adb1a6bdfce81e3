"""Principal components against scikit-learn, against rows repeated, and against themselves after any history."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import datasets
from sklearn.decomposition import PCA as Peer  # noqa: N811
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from expunge.checks import Case, check_unlearner
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError, UnsupportedRequestError
from expunge.maths.moments import Moments, ReadsMoments
from expunge.maths.product_moments import product_moments, row_products
from expunge.methods.sums.pca import PCA

LEARNED = ("components_", "explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_")


def random_table(n=80, d=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d) * 3


def fresh(model, X, keep, weight=None):
    w = None if weight is None else weight[keep]
    return type(model)(**model.get_params()).fit(X[keep], record_ids=keep, sample_weight=w, allow_dormant=True)


def assert_near(model, peer, X, learned=LEARNED):
    for name in learned:
        ours, theirs = getattr(model, name), getattr(peer, name)
        assert np.shape(ours) == np.shape(theirs), name
        size = np.abs(X).max() if name == "mean_" else np.abs(theirs).max()
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * size, err_msg=name)
    ours, theirs = model.transform(X), peer.transform(X)
    assert ours.shape == theirs.shape
    assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())
    back = peer.inverse_transform(theirs)
    assert_allclose(model.inverse_transform(ours), back, rtol=1e-6, atol=1e-6 * np.abs(back).max())


# ---------------------------------------------------------------- against scikit-learn


@pytest.mark.parametrize("solver", ["full", "covariance_eigh"])
@pytest.mark.parametrize("params", [{}, {"n_components": 2}, {"n_components": 0.8}, {"whiten": True}], ids=str)
@pytest.mark.parametrize(
    "load", [datasets.load_iris, datasets.load_wine, datasets.load_diabetes], ids=["iris", "wine", "diabetes"]
)
def test_equals_scikit_learn_within_a_millionth(load, params, solver):
    X, _ = load(return_X_y=True)
    ours, peer = PCA(**params).fit(X), Peer(**params, svd_solver=solver).fit(X)
    assert_near(ours, peer, X)
    assert ours.n_components_ == peer.n_components_
    assert ours.noise_variance_ == pytest.approx(peer.noise_variance_, rel=1e-6, abs=1e-9)
    assert_array_equal(ours.get_feature_names_out(), peer.get_feature_names_out())


def test_digits_equal_scikit_learn_where_components_are_apart():
    X, _ = datasets.load_digits(return_X_y=True)
    assert_near(PCA(n_components=20, resolution=1.0).fit(X), Peer(n_components=20, svd_solver="full").fit(X), X)


def test_with_fewer_records_than_features_there_are_as_many_components_as_records():
    X = random_table(n=4, d=7)
    ours, peer = PCA().fit(X), Peer(svd_solver="full").fit(X)
    assert ours.components_.shape == peer.components_.shape == (4, 7)
    assert_allclose(ours.components_[:3], peer.components_[:3], atol=1e-6)  # the last is any that is left over
    assert_allclose(ours.explained_variance_, peer.explained_variance_, atol=1e-6)
    two, theirs = PCA(n_components=2).fit(X), Peer(n_components=2, svd_solver="full").fit(X)
    assert two.noise_variance_ == pytest.approx(theirs.noise_variance_, rel=1e-6)


def test_a_large_offset_costs_no_digits():
    X = random_table()
    near, far = PCA(resolution=2.0**-20).fit(np.rint(X * 2**10) / 2**10), PCA(resolution=2.0**-20)
    far.fit(np.rint(X * 2**10) / 2**10 + 2.0**40)
    assert_array_equal(near.components_, far.components_)
    assert_array_equal(near.explained_variance_, far.explained_variance_)


@pytest.mark.parametrize("params", [{}, {"n_components": 1, "whiten": True}], ids=str)
def test_scikit_learns_own_checks_pass_without_exception(params):
    failed = [r for r in check_estimator(PCA(**params), on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


@pytest.mark.parametrize("params", [{}, {"n_components": 0.9}], ids=str)
def test_keeps_the_contract(params):
    results = check_unlearner(Case(PCA(**params)), on_fail=None)
    assert [str(r) for r in results if r.status == "failed"] == []
    assert isinstance(PCA(), ReadsMoments)


# ---------------------------------------------------------------- weights


def test_a_weight_that_is_an_integer_counts_as_that_many_records():
    X = random_table(n=30)
    weight = np.random.default_rng(1).integers(0, 4, size=len(X))
    weighted, repeated = (
        PCA(whiten=True).fit(X, sample_weight=weight),
        PCA(whiten=True).fit(np.repeat(X, weight, axis=0)),
    )
    assert_array_equal(weighted._state().parts["sums"]["products"], repeated._state().parts["sums"]["products"])
    for name in LEARNED:
        assert_array_equal(getattr(weighted, name), getattr(repeated, name), name)


def test_weights_of_any_size_against_the_weighted_covariance():
    X = random_table()
    weight = np.random.default_rng(2).exponential(size=len(X))
    model = PCA().fit(X, sample_weight=weight)
    mean = np.average(X, axis=0, weights=weight)
    covariance = (X - mean).T @ np.diag(weight) @ (X - mean) / (weight.sum() - 1)
    assert_allclose(model.mean_, mean, rtol=1e-8)
    ours = model.components_.T @ np.diag(model.explained_variance_) @ model.components_
    assert_allclose(ours, covariance, rtol=1e-7, atol=1e-7 * covariance.max())


def test_weights_that_sum_to_one_are_refused_with_a_way_out():
    X = random_table()
    with pytest.raises(InvalidDataError, match="more than one record"):
        PCA().fit(X, sample_weight=np.full(len(X), 1 / len(X) / 2))
    with pytest.raises(InvalidDataError, match="non-zero"):
        PCA().fit(X, sample_weight=np.zeros(len(X)))


# ---------------------------------------------------------------- forgetting


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_history_equals_a_fresh_fit_bit_for_bit(data):
    X = random_table(n=20, d=3, seed=data.draw(st.integers(0, 99)))
    weight = data.draw(st.sampled_from([None, np.random.default_rng(3).exponential(size=20)]))
    model = PCA(n_components=data.draw(st.sampled_from([None, 1, 2, 0.7])))
    model.fit(X, record_ids=np.arange(20), sample_weight=weight)
    known = set(range(20))
    for _ in range(data.draw(st.integers(1, 4))):
        gone = sorted(set(range(20)) - known)
        if gone and data.draw(st.booleans()):
            back = np.array(data.draw(st.lists(st.sampled_from(gone), min_size=1, unique=True)))
            model.learn(X[back], record_ids=back, sample_weight=None if weight is None else weight[back])
            known |= set(back.tolist())
        elif known:
            out = data.draw(st.lists(st.sampled_from(sorted(known)), min_size=1, unique=True))
            assert model.forget(out).work == len(out)
            known -= set(out)
    twin = fresh(model, X, np.array(sorted(known), dtype=np.int64), weight)
    assert model.digest() == twin.digest()
    try:
        expected = twin.transform(X)
    except DormantModelError:
        with pytest.raises(DormantModelError):
            model.transform(X)
    else:
        assert_array_equal(model.transform(X), expected)
        assert_array_equal(model.components_, twin.components_)


def test_too_few_records_are_refused_by_fit_and_leave_a_dormant_model_that_wakes_up():
    X = random_table(n=4)
    with pytest.raises(InvalidDataError, match="n_components=5 must be at most n_samples = 4"):
        PCA(n_components=5).fit(X)
    with pytest.raises(InvalidDataError, match="n_components=6 must be at most"):
        PCA(n_components=6).fit(random_table(d=5))
    with pytest.raises(InvalidDataError, match="n_samples = 1"):
        PCA().fit(X[:1])
    model = PCA(n_components=3).fit(X)
    before = model.digest()
    model.forget([0, 1])
    with pytest.raises(DormantModelError):
        model.transform(X)
    with pytest.raises(NotFittedError):
        model.get_feature_names_out()
    model.learn(X[:2], record_ids=[0, 1])
    assert model.digest() == before


def test_targets_are_ignored_and_not_kept():
    X = random_table()
    model = PCA().fit(X, np.arange(len(X)))
    assert model.digest() == PCA().fit(X).digest()
    with pytest.raises(UnsupportedRequestError):
        model.forget(classes=[3])
    assert_array_equal(PCA().fit_transform(X, record_ids=np.arange(len(X))), model.transform(X))


# ---------------------------------------------------------------- outputs, arguments


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 99), st.booleans())
def test_the_output_for_a_row_does_not_depend_on_the_others(n, d, seed, is_sparse):
    rng = np.random.default_rng(seed)
    X, W = rng.normal(size=(n, d)), rng.normal(size=(int(rng.integers(1, 9)), d))
    given_X = sparse.csr_array(X) if is_sparse else X
    whole = row_products(given_X, W)
    assert whole.shape == (n, len(W))
    assert_allclose(whole, X @ W.T, rtol=1e-12, atol=1e-12)
    rows = rng.permutation(n)[: int(rng.integers(1, n + 1))]
    assert_array_equal(row_products(given_X[rows], W), whole[rows])


def test_blocks_of_rows_do_not_show_in_the_output():
    X = random_table(n=3000)
    model = PCA(n_components=2).fit(X[:100])
    assert_array_equal(model.transform(X)[1000:1100], model.transform(X[1000:1100]))


def test_frames_come_back_as_frames():
    frame = pd.DataFrame(random_table(n=10, d=3), columns=["a", "b", "c"], index=[f"r{i}" for i in range(10)])
    out = PCA(n_components=2).set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == ["pca0", "pca1"]
    assert list(out.index) == list(frame.index)


def test_the_solution_is_a_function_of_moments():
    X = random_table()
    model = PCA(n_components=2).fit(X)
    centred = X - X.mean(axis=0)
    moments = Moments(len(X), float(len(X)), X.mean(axis=0), centred.T @ centred)
    assert model._lack(moments) is None
    assert_allclose(model._from_moments(moments)["components"], model.components_, atol=1e-7)
    assert isinstance(PCA(n_components=9)._lack(moments), InvalidDataError)
    kept = product_moments(model._state().parts["sums"]["products"], len(X), model.resolution)
    assert (kept.n, kept.weight, kept.targets) == (len(X), len(X), None)
    assert_allclose(kept.scatter, moments.scatter, rtol=1e-7, atol=1e-6)


def test_constant_features_explain_nothing():
    model = PCA(n_components=0.5).fit(np.ones((5, 3)))
    assert_array_equal(model.explained_variance_ratio_, 0.0)
    assert_array_equal(model.transform(np.ones((2, 3))), 0.0)


@pytest.mark.parametrize("k", [0, -1, 1.0, 0.0, 1.5, True, "mle", float("nan")], ids=str)
def test_wrong_numbers_of_components_are_refused(k):
    with pytest.raises(InvalidParameterError, match="n_components"):
        PCA(n_components=k).fit(random_table())


def test_a_value_out_of_range_is_refused_by_record_and_column():
    X = random_table(n=6, d=2)
    frame = pd.DataFrame(X, columns=["age", "pay"], index=list("abcdef"))
    frame.loc["d", "pay"] = 2.0**40
    with pytest.raises(OutOfRangeError, match=r"Record 'd' \(row 3\) has 1099511627776.0 in column 'pay'"):
        PCA().fit(frame)
    with pytest.raises(OutOfRangeError, match=r"Record 2 \(row 2\) has .* in column 0 with weight 4194304.0"):
        PCA(resolution=2.0**-42).fit(X + 2.0**10, sample_weight=np.where(np.arange(6) == 2, 2.0**22, 1.0))
    with pytest.raises(InvalidDataError, match="2 components"):
        PCA().fit(X).inverse_transform(np.ones((1, 3)))
