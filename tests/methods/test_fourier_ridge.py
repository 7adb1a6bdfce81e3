"""Ridge on Fourier features: kernels they stand for, the dual form, scikit-learn on the features, columns that go."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import make_circles
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel

import expunge
from expunge import FourierRidge, FourierRidgeClassifier
from expunge.errors import InvalidParameterError, OutOfRangeError
from expunge.methods.sums.fourier_features import UNIT, Features, frequencies
from methods.class_histories import a_class_vanishes_and_comes_back, integer_weights_are_repeated_records, near

FEW = {"n_frequencies": 5, "gamma": 0.3}
BOTH = pytest.mark.parametrize("method", [FourierRidge, FourierRidgeClassifier])


def waves(columns=range(3), n=64, kernel="rbf", gamma=0.5, scales=None, seed=0):
    scales = np.ones(len(columns)) if scales is None else scales
    return frequencies(list(columns), n, kernel=kernel, gamma=gamma, scales=scales, seed=seed)


def table(n=80, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + rng.normal(size=n) / 10


def frame(n=60):
    X, y = table(n)
    return pd.DataFrame(X, columns=["age", "height", "pay"]), y


def target(method, y):
    return y if method is FourierRidge else np.where(y > 0.5, "yes", "no")


# ------------------------------------------------------------------------------------------------------------ features


def test_features_are_cosines_and_sines_of_products():
    X, W = table(40)[0], waves()
    ours = Features(X, W)[:]
    turns = 2 * np.pi * X @ W.T
    theirs = np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
    assert ours.shape == theirs.shape == (40, 128)
    assert np.abs(ours - theirs).max() <= 0.51 * UNIT
    assert_array_equal(ours, np.rint(ours / UNIT) * UNIT)


@pytest.mark.parametrize(("kernel", "theirs"), [("rbf", rbf_kernel), ("laplacian", laplacian_kernel)])
def test_inner_products_are_near_the_kernel(kernel, theirs):
    X, scales = table(20)[0], np.array([1.0, 2.0, 0.5])
    m = 20_000
    Z = Features(X, waves(n=m, kernel=kernel, scales=scales))[:] / np.sqrt(m)
    K = theirs(X / scales, gamma=0.5)
    assert np.abs(Z @ Z.T - K).max() < 5 / np.sqrt(m)
    with_wrong_gamma = theirs(X / scales, gamma=0.55)
    assert np.abs(Z @ Z.T - with_wrong_gamma).max() > np.abs(Z @ Z.T - K).max()


def test_frequencies_follow_their_distributions():
    for kernel, law in (("rbf", stats.norm(scale=1.0)), ("laplacian", stats.cauchy(scale=0.5))):
        W = 2 * np.pi * waves(n=4_000, kernel=kernel)
        for column in W.T:
            assert stats.kstest(column, law.cdf).pvalue > 1e-3
        assert np.abs(stats.spearmanr(W).statistic[np.triu_indices(3, 1)]).max() < 0.06


def test_a_frequency_belongs_to_its_column():
    W = waves(["age", "height", "pay"])
    assert_array_equal(waves(["pay", "age"]), W[:, [2, 0]])
    assert_array_equal(waves(["age", "height", "pay"], n=9), W[:9])
    assert not (waves(["age", "height", "pay"], seed=1) == W).any()
    assert not (waves([0, 1, 2]) == waves(["0", "1", "2"])).any()


def test_bits_of_a_row_are_its_own():
    X, W = 1e9 * table(3_000)[0], waves()  # of large angles the last bit shows
    whole = Features(X, W)[:]
    assert_array_equal(Features(np.asfortranarray(X), W)[:], whole)
    assert_array_equal(Features(X[::-1], W)[:][::-1], whole)
    for row in (0, 1, 1_023, 1_024, 2_999):
        assert_array_equal(Features(X[row : row + 1], W)[:][0], whole[row])


@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
def test_bits_are_those_of_every_machine(kernel):
    X = np.arange(1, 61).reshape(20, 3) / 7.0
    W = waves(["age", "height", "pay"], kernel=kernel)
    found = [hashlib.sha256(a.astype("<f8").tobytes()).hexdigest()[:16] for a in (W, Features(X, W)[:])]
    assert found == BITS[kernel]


# -------------------------------------------------------------------------------------------------------------- models


def lifted(model, X):
    return Features(np.asarray(X, dtype=float), model._state().parts["map"]["frequencies"])[:]


@pytest.mark.parametrize("weighted", [False, True])
def test_without_intercept_it_is_kernel_ridge_in_the_dual(weighted):
    X, y = table()
    weight = np.arange(len(y)) % 3 + 0.5 if weighted else None
    model = FourierRidge(**FEW, alpha=0.7, fit_intercept=False).fit(X, y, sample_weight=weight)
    Z = lifted(model, X) / np.sqrt(5)
    dual = KernelRidge(alpha=0.7, kernel="precomputed").fit(Z @ Z.T, y, sample_weight=weight)
    near(model.predict(X), dual.predict(Z @ Z.T), "predictions")


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_scikit_learn_on_the_features(fit_intercept, weighted):
    X, y = table()
    weight = np.arange(len(y)) % 3 + 0.5 if weighted else None
    model = FourierRidge(**FEW, alpha=0.2, fit_intercept=fit_intercept).fit(X, y, sample_weight=weight)
    Z = lifted(model, X)
    theirs = Ridge(alpha=0.2 * 5, fit_intercept=fit_intercept).fit(Z, y, sample_weight=weight)
    near(model.coef_, theirs.coef_, "coef_")
    near(model.predict(X), theirs.predict(Z), "predictions")
    for labels in (np.where(y > 0.5, "yes", "no"), np.digitize(y, [0.0, 1.0])):
        ours = FourierRidgeClassifier(**FEW, alpha=0.2, fit_intercept=fit_intercept)
        ours.fit(X, labels, sample_weight=weight)
        their = RidgeClassifier(alpha=0.2 * 5, fit_intercept=fit_intercept).fit(Z, labels, sample_weight=weight)
        near(ours.decision_function(X), their.decision_function(Z), "decision_function")
        assert_array_equal(ours.predict(X), their.predict(Z))
        assert_array_equal(ours.classes_, their.classes_)


def test_it_sees_what_a_line_does_not():
    X, y = make_circles(400, noise=0.1, factor=0.4, random_state=0)
    assert RidgeClassifier().fit(X, y).score(X, y) < 0.7
    assert FourierRidgeClassifier(n_frequencies=20).fit(X, y).score(X, y) > 0.95


@BOTH
def test_forgetting_equals_a_fresh_fit(method, tmp_path):
    X, y = table()
    y, ids = target(method, y), np.arange(80)
    model = method(**FEW).fit(X, y)
    before, W = model.digest(), model._state().parts["map"]["frequencies"].copy()
    removal = model.forget([3, 70])
    assert removal.work == model.plan([5, 6]).work_high == 2
    assert "map" not in removal.touched
    model.forget([4])
    rest = np.setdiff1d(ids, [3, 4, 70])
    other = method(**FEW).fit(X[rest][::-1], y[rest][::-1], record_ids=rest[::-1])
    assert model.save(tmp_path / "a").read_bytes() == other.save(tmp_path / "b").read_bytes()
    assert_array_equal(model.predict(X), other.predict(X))
    assert_array_equal(model._state().parts["map"]["frequencies"], W)
    model.learn(X[[70, 3, 4]], y[[70, 3, 4]], record_ids=[70, 3, 4])
    assert model.digest() == before
    model.forget(ids)
    assert model.digest() == method(**FEW).fit(X[:0], y[:0], allow_dormant=True).digest()


@BOTH
@pytest.mark.parametrize("scales", [None, {"age": 2.0, "pay": 0.5}])
def test_a_column_goes_and_the_others_keep_their_frequencies(method, scales, tmp_path):
    X, y = frame()
    y = target(method, y)
    model = method(**FEW, scales=scales).fit(X, y)
    before = model._state().parts["map"]["frequencies"]
    model.forget(features=["height"])
    assert "_left" not in vars(model)
    fresh = method(**FEW, scales=scales).fit(X.drop(columns="height"), y)
    assert model.digest() == fresh.digest()
    assert_array_equal(model._state().parts["map"]["frequencies"], before[:, [0, 2]])
    again = expunge.load(model.save(tmp_path / "m"))
    assert again.digest() == model.digest()
    assert again.get_params()["scales"] == scales
    assert_array_equal(again.predict(X[["age", "pay"]]), model.predict(X[["age", "pay"]]))


def test_columns_of_an_array_are_known_by_position():
    X, y = table()
    model = FourierRidge(**FEW).fit(X, y)
    model.forget(features=[0])
    assert model.digest() == FourierRidge(**FEW).fit(X[:, 1:], y).digest()


def test_the_order_of_columns_changes_predictions_by_rounding_only():
    X, y = frame()
    a, b = FourierRidge(**FEW).fit(X, y), FourierRidge(**FEW).fit(X[["pay", "age", "height"]], y)
    near(a.predict(X), b.predict(X[["pay", "age", "height"]]), "predictions")


@BOTH
def test_an_export_predicts_the_same_bits(method, tmp_path):
    X, y = frame()
    model = method(**FEW).fit(X, target(method, y))
    export = expunge.load(model.export(tmp_path / "e"))
    assert_array_equal(export.predict(X), model.predict(X))


def test_integer_weights_are_repeated_records():
    integer_weights_are_repeated_records(FourierRidgeClassifier(**FEW))


def test_small_weights_lose_no_digits():
    X, y = table()
    weight, little = 1 + np.arange(80) % 3, 2.0**-17
    labels = target(FourierRidgeClassifier, y)
    for method, what, targets in (
        (FourierRidge, "predict", y), (FourierRidgeClassifier, "decision_function", labels)
    ):  # fmt: skip
        a = method(**FEW, alpha=1.0).fit(X, targets, sample_weight=weight)
        b = method(**FEW, alpha=little).fit(X, targets, sample_weight=weight * little)
        near(getattr(b, what)(X), getattr(a, what)(X), what)


def test_a_class_vanishes(tmp_path):
    a_class_vanishes_and_comes_back(FourierRidgeClassifier(**FEW), tmp_path)


def test_behind_a_scaler_it_is_not_folded():
    X, y = table()
    chain = [("scale", expunge.StandardScaler()), ("fourier", FourierRidge(**FEW))]
    model = expunge.Pipeline(chain).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    near(model.predict(X), FourierRidge(**FEW).fit(Z, y).predict(Z), "predictions")
    model.forget([3])
    rest = np.delete(np.arange(80), 3)
    assert model.digest() == expunge.Pipeline(chain).fit(X[rest], y[rest], record_ids=rest).digest()


def test_many_rows_go_through_in_blocks(monkeypatch):
    X, y = table(300)
    labels = np.where(y > 0.5, "yes", "no")
    whole = FourierRidge(**FEW).fit(X, y), FourierRidgeClassifier(**FEW).fit(X, labels, sample_weight=1 + y**2)
    monkeypatch.setattr("expunge.methods.sums.fourier_features._CELLS", 70)
    parts = FourierRidge(**FEW).fit(X, y), FourierRidgeClassifier(**FEW).fit(X, labels, sample_weight=1 + y**2)
    for a, b in zip(whole, parts, strict=True):
        assert a.digest() == b.digest()
        assert_allclose(a.predict(X) if a is whole[0] else a.decision_function(X),
                        b.predict(X) if a is whole[0] else b.decision_function(X))  # fmt: skip


@BOTH
@pytest.mark.parametrize("params", [{"n_frequencies": 0}, {"n_frequencies": 2.0}, {"n_frequencies": True},
                                    {"kernel": "poly"}, {"gamma": 0}, {"gamma": "scale"}, {"gamma": [1.0]},
                                    {"gamma": np.nan}, {"alpha": -1}, {"fit_intercept": 1}, {"scales": 0.0},
                                    {"scales": [1.0, 2.0]}, {"scales": {"x": -1.0}}, {"scales": {3: 1.0}},
                                    {"scales": {"nobody": 1.0}}, {"scales": "wide"}, {"scales": True}])  # fmt: skip
def test_wrong_arguments_are_refused(method, params):
    X, y = frame()
    with pytest.raises(InvalidParameterError):
        method(**params).fit(X, target(method, y))


def test_rows_too_far_away_are_refused_by_name_and_nothing_changes():
    X, y = table()
    model = FourierRidge(**FEW).fit(X, y)
    before = model.digest()
    far = np.array([[0, 0, 0], [0, 1e300, 0]])
    with pytest.raises(OutOfRangeError, match=r"Record 'q' \(row 1\) is more than 2\*\*40 waves away"):
        FourierRidge(**FEW).fit(far, [0, 1], record_ids=["p", "q"])
    with pytest.raises(OutOfRangeError, match=r"Record 91 \(row 1\)"):
        model.learn(far, [0, 1], record_ids=[90, 91])
    with pytest.raises(OutOfRangeError, match="Row 1 is"):
        model.predict(far)
    assert model.digest() == before


BITS = {"rbf": ["283e89afa4be15fb", "3b466141792183bc"], "laplacian": ["41a738f8fd3ef958", "2761f0a4063b66b9"]}
