"""Retraining: the oracle of all other methods, against scikit-learn and against itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator

import expunge
from expunge import RetrainClassifier, RetrainRegressor
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedRequestError

X, Y = datasets.load_iris(return_X_y=True)


def fresh(model, keep, **keywords):
    return clone(model).fit(X[keep], Y[keep], record_ids=keep, allow_dormant=True, **keywords)


@pytest.mark.parametrize(
    "model",
    [
        RetrainClassifier(LogisticRegression()),
        RetrainRegressor(Ridge()),
        RetrainClassifier(DecisionTreeClassifier()),
        RetrainRegressor(DecisionTreeRegressor()),
    ],
    ids=lambda model: type(model.estimator).__name__,
)
def test_scikit_learn_accepts_it_without_a_waiver(model):
    assert {
        r["check_name"]: r["exception"] for r in check_estimator(model, on_fail=None) if r["status"] == "failed"
    } == {}


def test_it_predicts_what_the_estimator_would():
    train, rest = train_test_split(np.arange(150), random_state=0)
    model = RetrainClassifier(make_pipeline(StandardScaler(), LogisticRegression())).fit(X[train], Y[train])
    peer = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[train], Y[train])
    np.testing.assert_allclose(model.predict_proba(X[rest]), peer.predict_proba(X[rest]), atol=1e-4)
    assert model.classes_.tolist() == [0, 1, 2]


@settings(max_examples=15)
@given(st.lists(st.sets(st.integers(0, 149), min_size=1, max_size=30), min_size=1, max_size=4), st.randoms())
def test_any_history_ends_where_a_fresh_fit_does(requests, random):
    model = RetrainClassifier(DecisionTreeClassifier(max_features=2), seed=5).fit(X, Y)
    known = set(range(150))
    for wanted in requests:
        gone, back = sorted(wanted & known), sorted(wanted - known)
        random.shuffle(gone)
        if gone:
            removal = model.forget(gone)
            assert removal.guarantee.kind == "exact"
            assert removal.work == len(known) - len(gone)
        if back:
            model.learn(X[back], Y[back], record_ids=back)
        known = (known - set(gone)) | set(back)
    assert model.digest() == fresh(model, np.array(sorted(known))).digest()


def test_a_plan_is_kept_and_changes_nothing():
    model = RetrainClassifier(LogisticRegression(max_iter=1000)).fit(X, Y)
    before = model.digest()
    plan = model.plan(classes=[2])
    assert (plan.work_low, plan.work_high, plan.n_records) == (100, 100, 50)
    assert model.digest() == before
    assert model.forget(classes=[2]).work == 100
    assert model.classes_.tolist() == [0, 1]


def test_saved_bytes_are_those_of_a_fresh_fit_and_a_loaded_model_goes_on(tmp_path):
    model = RetrainClassifier(LogisticRegression(max_iter=1000), seed=2**100).fit(X, Y)
    model.forget([3, 140])
    keep = np.setdiff1d(np.arange(150), [3, 140])
    a, b = model.save(tmp_path / "a"), fresh(model, keep).save(tmp_path / "b")
    assert a.read_bytes() == b.read_bytes()
    loaded = expunge.load(a)
    loaded.forget(7)
    model.forget(7)
    assert loaded.digest() == model.digest()
    export = expunge.load(model.export(tmp_path / "c"))
    assert np.array_equal(export.predict_proba(X), model.predict_proba(X))
    with pytest.raises(UnsupportedRequestError):
        export.forget(8)


def test_little_data_is_refused_by_fit_and_makes_forget_dormant():
    pipeline = make_pipeline(TfidfVectorizer(stop_words=["the"]), LogisticRegression())
    with pytest.raises(ValueError, match="empty vocabulary"):
        RetrainClassifier(pipeline).fit(["the", "the"], [0, 1])
    model = RetrainClassifier(pipeline).fit(["the", "the", "cat"], [0, 1, 1])
    model.forget(2)
    with pytest.raises(DormantModelError):
        model.predict(["cat"])
    twin = RetrainClassifier(pipeline).fit(["the", "the"], [0, 1], allow_dormant=True)
    assert model.digest() == twin.digest()
    model.learn(["the"], [1], record_ids=[9])  # still too little: dormant before, dormant after
    model.learn(["cat"], [1], record_ids=[2])
    assert model.predict(["cat"]).tolist() == [1]
    model.forget(model.record_ids_)
    assert len(model.record_ids_) == 0


def test_a_wrong_argument_of_the_estimator_is_never_taken_for_too_little_data():
    with pytest.raises(ValueError, match="'C' parameter"):
        RetrainClassifier(LogisticRegression(C=-1)).fit(X, Y, allow_dormant=True)


def test_a_class_that_is_left_alone_becomes_a_constant():
    model = RetrainClassifier(LogisticRegression(max_iter=1000)).fit(X, Y)
    model.forget(classes=[0, 1])
    assert set(model.predict(X)) == {2}
    assert model.predict_proba(X).shape == (150, 1)


def test_features_and_subjects_are_forgotten():
    people = [f"p{i % 50}" for i in range(150)]
    model = RetrainClassifier(LogisticRegression(max_iter=1000)).fit(X, Y, subject_ids=people)
    assert model.forget(subjects=["p1", "p2"]).n_forgotten == 6
    model.forget(features=[0])
    keep = np.array([i for i in range(150) if people[i] not in ("p1", "p2")])
    kept = [people[i] for i in keep]
    twin = clone(model).fit(X[keep][:, 1:], Y[keep], record_ids=keep, subject_ids=kept)
    assert model.digest() == twin.digest()


def test_weights_reach_the_last_step():
    weight = np.where(Y == 0, 5.0, 1.0)
    pipeline = make_pipeline(StandardScaler(), LinearRegression())
    model = RetrainRegressor(pipeline).fit(X, Y.astype(float), sample_weight=weight)
    peer = clone(pipeline).fit(X, Y, linearregression__sample_weight=weight)
    np.testing.assert_allclose(model.predict(X), peer.predict(X))
    assert not np.allclose(model.predict(X), clone(pipeline).fit(X, Y).predict(X), atol=1e-6)
    with pytest.raises(InvalidParameterError, match="sample_weight"):
        RetrainClassifier(Unseeded()).fit(X, Y, sample_weight=weight)


def test_missing_values_reach_a_pipeline_that_fills_them():
    holes = X.copy()
    holes[::5, 1] = np.nan
    model = RetrainClassifier(make_pipeline(SimpleImputer(), LogisticRegression(max_iter=1000))).fit(holes, Y)
    assert model.score(holes, Y) > 0.9
    with pytest.raises(ValueError, match="NaN"):
        RetrainClassifier(LogisticRegression()).fit(holes, Y)


def test_several_targets():
    y = np.stack([Y, Y * 2.0 + 1], axis=1)
    model = RetrainRegressor(Ridge()).fit(X, y)
    model.forget([1, 2])
    keep = np.setdiff1d(np.arange(150), [1, 2])
    np.testing.assert_allclose(model.predict(X), Ridge().fit(X[keep], y[keep]).predict(X))


class Unseeded(ClassifierMixin, BaseEstimator):
    """Draws from the global generator, which no parameter seeds."""

    def __init__(self, shuffle=True):
        self.shuffle = shuffle

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.coef_ = np.random.random(X.shape[1])
        return self

    def predict(self, X):
        return self.classes_[(X @ self.coef_ > 1).astype(int)]


def test_an_estimator_that_does_not_repeat_is_not_called_exact():
    with pytest.warns(UserWarning, match="shuffle"):
        model = RetrainClassifier(Unseeded()).fit(X, Y)
    guarantee = model.forget(3).guarantee
    assert guarantee.kind == "empirical"
    assert "coef_" in guarantee.statement
    assert "shuffle" in guarantee.statement


@pytest.mark.parametrize(
    ("estimator", "words"),
    [(LogisticRegression, "instance"), (None, "estimator"), (Ridge(), "regressor")],
)
def test_what_is_no_classifier_is_refused(estimator, words):
    with pytest.raises(InvalidParameterError, match=words):
        RetrainClassifier(estimator).fit(X, Y)


def test_the_estimator_given_stays_as_it_was():
    estimator = LogisticRegression(max_iter=1000)
    RetrainClassifier(estimator).fit(X, Y)
    assert not hasattr(estimator, "coef_")
    assert estimator.random_state is None


def test_unusable_rows_are_refused():
    with pytest.raises(InvalidDataError):
        RetrainClassifier(LogisticRegression()).fit(X, None)
