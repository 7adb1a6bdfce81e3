"""Singular vectors by Gram matrix against scikit-learn's, dense against sparse, and after any history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import datasets
from sklearn.decomposition import TruncatedSVD as Peer
from sklearn.utils.estimator_checks import check_estimator

from expunge.checks import Case, check_unlearner
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.maths import exact, product_moments
from expunge.maths.moments import ReadsMoments
from expunge.methods.sums.truncated_svd import TruncatedSVD

LEARNED = ("components_", "singular_values_", "explained_variance_", "explained_variance_ratio_")


def counts(n=60, d=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(np.exp(rng.normal(size=(n, 2)) @ rng.normal(size=(2, d)) - 1)).astype(float)


def assert_near(model, peer, X):
    for name in LEARNED:
        ours, theirs = getattr(model, name), getattr(peer, name)
        assert ours.shape == theirs.shape, name
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max(), err_msg=name)
    assert_allclose(model.transform(X), peer.transform(X), rtol=1e-6, atol=1e-6 * np.abs(X).max())
    out = peer.transform(X)
    assert_allclose(model.inverse_transform(out), peer.inverse_transform(out), atol=1e-6 * np.abs(X).max())


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("load", [datasets.load_digits, datasets.load_wine, lambda **_: (counts(), None)])
def test_equals_scikit_learn_within_a_millionth(load, k):
    X, _ = load(return_X_y=True)
    assert_near(TruncatedSVD(n_components=k).fit(X), Peer(n_components=k, algorithm="arpack").fit(X), X)


def test_far_from_the_origin_variances_are_still_those_of_the_outputs():
    X = counts() + 1000.0
    model = TruncatedSVD(n_components=3).fit(X)
    _, singular, axes = np.linalg.svd(X, full_matrices=False)
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, np.newaxis]
    assert_allclose(model.components_, axes[:3], atol=1e-6)
    assert_allclose(model.singular_values_, singular[:3], rtol=1e-8)
    assert_allclose(model.explained_variance_, model.transform(X).var(axis=0), rtol=1e-6)


def test_sparse_and_dense_learn_the_same_bits_with_repeated_entries_and_weights():
    X = counts()
    twice = sparse.csr_array((np.ones(3), ([0, 0, 1], [2, 2, 3])), shape=X.shape)
    dense, csr = X + twice.toarray(), sparse.csr_array(X) + twice
    weight = np.random.default_rng(0).exponential(size=len(X))
    for w in (None, weight):
        a, b = TruncatedSVD().fit(dense, sample_weight=w), TruncatedSVD().fit(csr, sample_weight=w)
        assert_array_equal(a._state().parts["sums"]["products"], b._state().parts["sums"]["products"])
        assert_array_equal(a.components_, b.components_)
        assert_allclose(a.transform(dense), b.transform(csr), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_sums_of_several_blocks_are_those_of_the_whole(is_sparse, monkeypatch):
    monkeypatch.setattr(product_moments, "_CELLS", 1)  # blocks of 512 records
    X = counts(n=1300)
    model = TruncatedSVD(resolution=1.0).fit(sparse.csr_array(X) if is_sparse else X)
    total = exact.to_integers(model._state().parts["sums"]["products"])
    assert_array_equal(total[1:, 1:].astype(np.int64), (X.T @ X).astype(np.int64))
    assert_array_equal(total[1:, 0].astype(np.int64), X.sum(axis=0).astype(np.int64) << 40)


def test_a_weight_that_is_an_integer_counts_as_that_many_records():
    X = counts()
    weight = np.random.default_rng(1).integers(0, 4, size=len(X))
    weighted, repeated = TruncatedSVD().fit(X, sample_weight=weight), TruncatedSVD().fit(np.repeat(X, weight, axis=0))
    for name in LEARNED:
        assert_array_equal(getattr(weighted, name), getattr(repeated, name), name)


def test_scikit_learns_own_checks_pass_without_exception():
    failed = [r for r in check_estimator(TruncatedSVD(), on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


@pytest.mark.parametrize("table", ["numbers", "sparse"])
def test_keeps_the_contract(table):
    results = check_unlearner(Case(TruncatedSVD(), table=table), on_fail=None)
    assert [str(r) for r in results if r.status == "failed"] == []
    assert isinstance(TruncatedSVD(), ReadsMoments)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 12), st.integers(1, 5), st.booleans())
def test_forgetting_in_any_order_and_batch_equals_a_fresh_fit(order, n_gone, batch, is_sparse):
    X = counts(n=12, d=4) / 3
    X = sparse.csr_array(X) if is_sparse else X
    model = TruncatedSVD().fit(X, record_ids=np.arange(12))
    for start in range(0, n_gone, batch):
        model.forget(order[start : min(start + batch, n_gone)])
    keep = np.array(sorted(order[n_gone:]), dtype=np.int64)
    twin = TruncatedSVD().fit(X[keep], record_ids=keep, allow_dormant=True)
    assert model.digest() == twin.digest()
    if len(keep) < 2:
        with pytest.raises(DormantModelError):
            model.transform(X)
    else:
        assert_array_equal(model.transform(X), twin.transform(X))


def test_wrong_arguments_and_too_little_data_are_refused():
    for k in (0, 1.5, True, "2", None):
        with pytest.raises(InvalidParameterError, match="n_components"):
            TruncatedSVD(n_components=k).fit(counts())
    with pytest.raises(InvalidDataError, match="n_components=9 must be at most"):
        TruncatedSVD(n_components=9).fit(counts(d=8))
    with pytest.raises(InvalidDataError, match="n_samples = 1"):
        TruncatedSVD().fit(counts(n=1))
    with pytest.raises(InvalidDataError, match="non-zero"):
        TruncatedSVD().fit(counts(), sample_weight=np.zeros(60))
    far = sparse.csr_array(counts() * 2.0**40)
    with pytest.raises(OutOfRangeError, match=r"in column \d+: not below"):
        TruncatedSVD().fit(far)
    with pytest.raises(InvalidDataError, match="2 components"):
        TruncatedSVD().fit(counts()).inverse_transform(np.ones((1, 3)))
