"""Multinomial and Bernoulli naive Bayes against scikit-learn, against fractions, and against themselves."""

from fractions import Fraction
from math import log

import numpy as np
import pytest
import sklearn.naive_bayes as peers
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import datasets
from sklearn.preprocessing import minmax_scale
from sklearn.utils.estimator_checks import check_estimator

import expunge
from expunge import BernoulliNB, MultinomialNB
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError

METHODS = [MultinomialNB, BernoulliNB]
both = pytest.mark.parametrize("method", METHODS)


def counts(n=120, d=6, n_classes=3, seed=0):
    """Word counts, many of them zero."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    return rng.poisson(rng.uniform(0, 2, (n_classes, d))[y]).astype(float), y


def peer_of(model):
    params = {k: v for k, v in model.get_params().items() if k not in ("resolution", "seed")}
    return getattr(peers, type(model).__name__)(**params)


def fresh(model, X, y, keep, weight=None):
    w = None if weight is None else weight[keep]
    return type(model)(**model.get_params()).fit(X[keep], y[keep], record_ids=keep, sample_weight=w, allow_dormant=True)


def assert_near_peer(model, peer, X):
    for name in ("class_count_", "feature_count_", "class_log_prior_", "feature_log_prob_"):
        assert_allclose(getattr(model, name), getattr(peer, name), rtol=1e-6, atol=1e-9, err_msg=name)
    assert_array_equal(model.classes_, peer.classes_)
    assert_array_equal(model.predict(X), peer.predict(X))
    for name in ("predict_joint_log_proba", "predict_log_proba", "predict_proba"):
        assert_allclose(getattr(model, name)(X), getattr(peer, name)(X), rtol=1e-6, atol=1e-6, err_msg=name)


# ---------------------------------------------------------------- against scikit-learn


def scaled(load):
    X, y = load(return_X_y=True)
    return minmax_scale(X), y


@both
@pytest.mark.parametrize(
    "table",
    [
        lambda: datasets.load_digits(return_X_y=True),
        lambda: scaled(datasets.load_wine),
        lambda: scaled(datasets.load_breast_cancer),
        counts,
    ],
    ids=["digits", "wine", "breast cancer", "counts"],
)
def test_equals_scikit_learn_within_a_millionth(method, table):
    X, y = table()
    model = method().fit(X, y)
    assert_near_peer(model, peer_of(model).fit(X, y), X)


@pytest.mark.parametrize(
    "model",
    [
        MultinomialNB(alpha=0.1), MultinomialNB(alpha=[0.1, 1, 2, 0.5, 3, 1]), MultinomialNB(fit_prior=False),
        MultinomialNB(class_prior=[0.2, 0.3, 0.5]), BernoulliNB(alpha=0.1), BernoulliNB(binarize=1.0),
        BernoulliNB(fit_prior=False), BernoulliNB(class_prior=[0.2, 0.3, 0.5]), BernoulliNB(binarize=None),
    ],
    ids=repr,
)  # fmt: skip
def test_equals_scikit_learn_with_weights_and_parameters(model):
    X, y = counts()
    if isinstance(model, BernoulliNB) and model.binarize is None:
        X = np.minimum(X, 1.0)
    weight = np.random.default_rng(1).exponential(size=len(X))
    weight[:20] = 0
    for w in (None, weight):
        for table in (X, sparse.csr_array(X)):
            model.fit(table, y, sample_weight=w)
            assert_near_peer(model, peer_of(model).fit(table, y, sample_weight=w), table)


@both
def test_scikit_learns_own_checks_pass_without_exception(method):
    failed = [r for r in check_estimator(method(), on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


@both
@pytest.mark.parametrize("with_weights", [False, True])
def test_sparse_and_dense_rows_have_the_same_sums_bit_for_bit(method, with_weights):
    X, y = counts()
    X *= np.pi
    weight = np.linspace(0, 3, len(X)) if with_weights else None
    dense, csr = (method().fit(t, y, sample_weight=weight) for t in (X, sparse.csr_matrix(X)))
    for model in (dense, csr):
        model.forget(np.arange(0, len(X), 3))
    for name, array in dense._state().parts["sums"].items():
        assert_array_equal(array, csr._state().parts["sums"][name], err_msg=name)
    assert_array_equal(dense.feature_log_prob_, csr.feature_log_prob_)


@both
def test_entries_of_a_sparse_row_that_repeat_are_added_first(method):
    y = np.array([0, 1])
    parts = (np.array([0.5, 0.75, 1.0, 0.0]), np.array([1, 1, 0, 1]), np.array([0, 2, 4]))
    double = sparse.csr_array(parts, shape=(2, 2))
    clean = sparse.csr_array(double.toarray())
    models = [method(**({"binarize": 1.0} if method is BernoulliNB else {})) for _ in range(2)]
    assert models[0].fit(double, y).digest() == models[1].fit(clean, y).digest()
    assert double.nnz == 4  # the caller's matrix is as it was


# ---------------------------------------------------------------- against fractions


def slow_log_prob(X, y, weight, alpha, resolution, bernoulli):
    out = []
    for label in sorted(set(y.tolist())):
        rows = [(x, w) for x, w, own in zip(X, weight, y, strict=True) if own == label]
        total = sum(Fraction(w) for _, w in rows)
        sums = [sum(rounded(w * x[j], resolution) for x, w in rows) + Fraction(alpha) for j in range(X.shape[1])]
        whole = total + 2 * Fraction(alpha) if bernoulli else sum(sums)
        out.append([log(s / whole) for s in sums])
    return out


def rounded(x, resolution):
    r = Fraction(resolution)
    return round(Fraction(float(x)) / r) * r


@settings(max_examples=30)
@given(
    method=st.sampled_from(METHODS), seed=st.integers(0, 10**6), n=st.integers(2, 12), with_weights=st.booleans(),
    power=st.sampled_from([-32, -3, 0]),
)  # fmt: skip
def test_equals_fractions(method, seed, n, with_weights, power):
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 3, (n, 3)) * 0.7, rng.integers(0, 2, n)
    weight = rng.integers(1, 9, n) / 4 if with_weights else None
    model = method(resolution=2.0**power, alpha=0.5).fit(X, y, sample_weight=weight)
    weight = np.ones(n) if weight is None else weight
    bernoulli = method is BernoulliNB
    if bernoulli:
        X = (X > 0).astype(float)
    expected = slow_log_prob(X, y, weight, 0.5, 2.0**power, bernoulli)
    assert_allclose(model.feature_log_prob_, expected, rtol=1e-13, atol=1e-14)
    shares = [float(sum(weight[y == k]) / sum(weight)) for k in np.unique(y)]
    assert_allclose(np.exp(model.class_log_prior_), shares, rtol=1e-13)


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
@given(
    method=st.sampled_from(METHODS), history=histories(15), texts=st.booleans(), is_sparse=st.booleans(),
    with_weights=st.booleans(),
)  # fmt: skip
def test_any_history_equals_a_fresh_fit(method, history, texts, is_sparse, with_weights):
    X, y = counts(15)
    X[3] *= 1e7
    X = sparse.csr_matrix(X) if is_sparse else X
    y = np.array(["Ä", "zwölf 数", "b"])[y] if texts else y
    weight = np.linspace(0, 3, 15) + 0.1 if with_weights else None
    model = method(seed=5)
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
    X = np.array([[0.1, 0.2], [0.3, 0.4], [1e9, 2e9]])
    assert X[0, 0] + X[1, 0] + 1e9 - 1e9 != X[0, 0] + X[1, 0]  # the trap
    model = MultinomialNB().fit(X, [0, 0, 0])
    model.forget(2)
    assert model.digest() == MultinomialNB().fit(X[:2], [0, 0]).digest()
    assert_allclose(model.feature_count_, [[0.4, 0.6]], rtol=1e-9)


@both
def test_the_saved_file_of_a_model_that_forgot_is_that_of_a_fresh_fit(method, tmp_path):
    X, y = counts()
    y = np.array(["a", "b", "much longer"])[y]
    model = method().fit(sparse.csr_array(X), y)
    model.forget(classes=["much longer"])
    other = fresh(model, sparse.csr_array(X), y, np.flatnonzero(y != "much longer"))
    assert model.save(tmp_path / "a").read_bytes() == other.save(tmp_path / "b").read_bytes()
    export = expunge.load(model.export(tmp_path / "c"))
    assert_array_equal(export.predict_proba(X), model.predict_proba(X))
    assert set(export._state().solution) == {"classes", "log_prior", "log_prob"}
    assert not hasattr(export, "feature_count_")


# ---------------------------------------------------------------- what is refused, what is said


@pytest.mark.parametrize("as_table", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_negative_values_are_refused_as_in_scikit_learn(as_table):
    X, y = counts()
    model = MultinomialNB().fit(as_table(X), y)
    before = model.digest()
    X[5, 1] = -1.0
    with pytest.raises(InvalidDataError, match="Negative values in data"):
        MultinomialNB().fit(as_table(X), y)
    with pytest.raises(InvalidDataError, match="Negative values in data"):
        model.learn(as_table(X)[5:6], y[5:6], record_ids=[999])
    assert model.digest() == before
    BernoulliNB().fit(as_table(X), y)


@pytest.mark.parametrize("as_table", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("model", [MultinomialNB(), BernoulliNB(binarize=None)], ids=repr)
def test_a_value_out_of_range_is_refused_by_name_and_nothing_changes(model, as_table):
    X, y = counts()
    X[7, 2] = 2.0**31
    ids = [f"person {i}" for i in range(len(X))]
    with pytest.raises(OutOfRangeError, match=r"'person 7'.*column 2"):
        model.fit(as_table(X), y, record_ids=ids)
    model.fit(as_table(X)[:7], y[:7], record_ids=ids[:7])
    before = model.digest()
    with pytest.raises(OutOfRangeError, match=r"'person 7'.*column 2"):
        model.learn(as_table(X)[7:9], y[7:9], record_ids=ids[7:9])
    assert model.digest() == before


@both
@pytest.mark.parametrize(
    "params",
    [
        {"resolution": 0.3}, {"alpha": -1}, {"alpha": [1.0, 2.0]}, {"alpha": "x"}, {"alpha": [1.0] * 5 + [-1.0]},
        {"fit_prior": "yes"}, {"class_prior": [0.5, 0.5]}, {"class_prior": [0.5, 0.7, -0.2]}, {"class_prior": 0.5},
        {"seed": "s"},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_refused(method, params):
    X, y = counts()
    with pytest.raises(InvalidParameterError):
        method(**params).fit(X, y)


@pytest.mark.parametrize("value", [-0.5, "x", True, np.inf])
def test_a_wrong_threshold_is_refused(value):
    X, y = counts()
    with pytest.raises(InvalidParameterError, match="binarize"):
        BernoulliNB(binarize=value).fit(X, y)


@both
def test_priors_for_a_class_that_vanished_leave_a_dormant_model_until_it_comes_back(method):
    X, y = counts()
    model = method(class_prior=[0.2, 0.3, 0.5]).fit(X, y)
    before = model.digest()
    model.forget(classes=[1])
    with pytest.raises(DormantModelError):
        model.predict(X)
    back = np.flatnonzero(y == 1)
    model.learn(X[back], y[back], record_ids=back)
    assert model.digest() == before


@both
def test_work_is_the_number_of_forgotten_records(method):
    X, y = counts()
    model = method(resolution=2.0**-10).fit(X, y)
    plan, removal = model.plan([1, 5, 9]), model.forget([1, 5, 9])
    assert (plan.work_low, plan.work_high, plan.touched) == (3, 3, ("sums",))
    assert (removal.work, removal.touched) == (3, ("sums",))
    assert removal.guarantee.kind == "exact"
    assert "multiples of 2^-10 (absolute rounding at most 4.9e-04)" in removal.guarantee.statement


def test_a_resolution_and_a_smoothing_per_column():
    X, y = counts()
    X[:, 3] *= 2.0**60
    resolution, alpha = [1.0, 1.0, 1.0, 2.0**50, 1.0, 1.0], [1, 1, 1, 2.0**60, 1, 1]
    model = MultinomialNB(resolution=resolution, alpha=alpha).fit(X, y)
    assert_near_peer(model, peer_of(model).fit(X, y), X)
    before = model.digest()
    with pytest.raises(InvalidParameterError):
        model.forget(features=[0])
    assert model.digest() == before
    plain = MultinomialNB().fit(X[:, :3], y)
    plain.forget(features=[1])
    assert plain.digest() == MultinomialNB().fit(X[:, [0, 2]], y).digest()


@both
def test_without_smoothing_a_feature_that_a_class_never_had_is_impossible(method):
    X, y = counts()
    X[y == 1, 2] = 0
    model = method(alpha=0.0).fit(X, y)
    assert model.feature_log_prob_[1, 2] == -np.inf


@both
def test_what_is_handed_out_is_a_copy(method):
    X, y = counts()
    model = method().fit(X, y)
    expected = model.predict_proba(X)
    for name in ("classes_", "class_log_prior_", "feature_log_prob_", "feature_count_", "class_count_"):
        getattr(model, name)[...] = 0
    assert_array_equal(model.predict_proba(X), expected)
