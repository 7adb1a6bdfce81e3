"""Who continues training, and that a checkpoint knows nothing but its own records."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from expunge.digest import leaf
from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedEstimatorError
from expunge.methods.sharded.continuation import WARM_STARTERS, Shard, Template, how_to_continue, prefix, train_shard
from expunge.rows import Table


def table_of(n=60, n_classes=3, seed=0, weight=False):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    y[:n_classes] = np.arange(n_classes)
    return Table(np.arange(n), rng.normal(size=(n, 3)) + y[:, np.newaxis], y, np.ones(n) if weight else None)


def chain(estimator, table, ends, *, previous=None, previous_end=0, tolerant=False):
    shard = Shard(0, table, ends, previous, previous_end, tolerant)
    return train_shard(estimator, Template(estimator, 0), shard, seed=0)


@pytest.mark.parametrize(
    ("estimator", "how"),
    [
        (SGDClassifier(), "partial_fit"),
        (MLPClassifier(), "partial_fit"),
        (GaussianNB(), "partial_fit"),
        (OneVsRestClassifier(SGDClassifier()), "partial_fit"),
        (LogisticRegression(), "warm_start"),
        (Lasso(), "warm_start"),
        (make_pipeline(HashingVectorizer(), "passthrough", SGDClassifier()), "partial_fit"),
        (make_pipeline(Normalizer(), LogisticRegression()), "warm_start"),
    ],
)
def test_who_continues(estimator, how):
    assert how_to_continue(estimator) == how


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (RandomForestClassifier(), "leaves the old"),
        (BaggingClassifier(), "leaves the old"),
        (GradientBoostingClassifier(), "leaves the old"),
        (HistGradientBoostingClassifier(), "leaves the old"),
        (LinearRegression(), "no partial_fit"),
        (LinearSVC(), "no partial_fit"),
        (LogisticRegression(solver="liblinear"), "liblinear"),
        (OneVsRestClassifier(LinearSVC()), "no partial_fit"),
        (make_pipeline(StandardScaler(), SGDClassifier()), "learns from all records"),
        (make_pipeline(Normalizer(), RandomForestClassifier()), "leaves the old"),
    ],
)
def test_who_does_not_and_what_to_do(estimator, words):
    with pytest.raises(UnsupportedEstimatorError, match=words) as caught:
        how_to_continue(estimator)
    assert "n_slices=1" in caught.value.hint


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_listed_one_exists_and_starts_from_the_last_coefficients():
    """After one iteration from the solution it is still there; from zero it is not."""
    import sklearn.linear_model

    table = table_of(200, 2)
    for name in sorted(WARM_STARTERS):
        estimator = getattr(sklearn.linear_model, name)()
        y = np.stack([table.y, -table.y], axis=1) if name.startswith("Multi") else table.y
        y = y + 1.0 if name == "GammaRegressor" else y
        extra = {"alpha": 0.01} if name.startswith(("Lasso", "Multi", "Elastic")) else {}
        solved = estimator.set_params(tol=1e-9, max_iter=2000, **extra).fit(table.X, y)
        goal = solved.coef_.copy()
        warm = solved.set_params(warm_start=True, max_iter=1).fit(table.X, y).coef_
        cold = solved.set_params(warm_start=False, max_iter=1).fit(table.X, y).coef_
        assert np.abs(warm - goal).max() < 0.1 * np.abs(cold - goal).max(), name


@pytest.mark.parametrize(
    "estimator", [SGDClassifier(), LogisticRegression(), MLPClassifier((4,), max_iter=3), GaussianNB()]
)
def test_a_checkpoint_is_not_changed_by_going_on(estimator):
    table = table_of()
    first = chain(estimator, table.head(20), {0: 20})[0]
    before = leaf(first)
    second = chain(estimator, table, {1: 40, 2: 60}, previous=first, previous_end=20)
    assert leaf(first) == before
    assert [leaf(m) for m in chain(estimator, table, {0: 20, 1: 40, 2: 60})] == [before, *map(leaf, second)]


@pytest.mark.parametrize("estimator", [SGDClassifier(), LogisticRegression(max_iter=500)])
def test_an_earlier_checkpoint_depends_on_no_later_record(estimator):
    table = table_of()
    other = Table(table.ids, np.concatenate([table.X[:40], table.X[40:] * 9]), np.r_[table.y[:40], table.y[40:] + 7])
    ends = {0: 20, 2: 40, 3: 60}
    a, b = chain(estimator, table, ends), chain(estimator, other, ends)
    assert [leaf(m) for m in a[:2]] == [leaf(m) for m in b[:2]]
    assert leaf(a[2]) != leaf(b[2])


def test_a_longer_label_further_back_leaves_no_trace():
    labels = np.array(["a", "b"] * 15 + ["a label as long as a sentence"] * 10, dtype=object)
    table = Table(np.arange(40), np.random.default_rng(0).normal(size=(40, 2)), labels)
    first, second = chain(SGDClassifier(), table, {0: 30, 1: 40})
    assert first.classes_.dtype == "<U1"
    assert second.classes_.tolist() == ["a", "a label as long as a sentence", "b"]


def test_a_category_further_back_leaves_no_trace():
    frame = pd.DataFrame({"c": pd.Categorical(["x", "x", "y", "secret"]), "n": [1, 2, 3, 4]})
    X = prefix(Table(np.arange(4), frame, np.zeros(4)), 3).X
    assert X["c"].cat.categories.tolist() == ["x", "y"]
    assert frame["c"].cat.categories.tolist() == ["secret", "x", "y"]


def test_a_new_class_starts_anew():
    table = table_of(60, 2)
    table.y[50:] = 2
    continued = chain(SGDClassifier(), table, {0: 20, 1: 40, 2: 60})
    anew = chain(SGDClassifier(), table, {2: 60})
    assert leaf(continued[2]) == leaf(anew[0])
    assert leaf(continued[1]) != leaf(chain(SGDClassifier(), table, {1: 40})[0])


def test_one_class_is_a_constant_until_there_are_two():
    table = table_of(30, 2)
    table.y[:10], table.y[10:20] = 1, 0
    first, second = chain(LogisticRegression(), table, {0: 10, 1: 20})
    assert first.predict(table.X).tolist() == [1] * 30
    assert leaf(second) == leaf(chain(LogisticRegression(), table, {1: 20})[0])


def test_weights_reach_partial_fit_or_are_refused():
    table = table_of(weight=True)
    table.weight[::2] = 50
    plain = Table(table.ids, table.X, table.y)
    for estimator in (SGDClassifier(), LogisticRegression(), make_pipeline(Normalizer(), SGDClassifier())):
        assert leaf(chain(estimator, table, {0: 60})[0]) != leaf(chain(estimator, plain, {0: 60})[0])
    with pytest.raises(InvalidParameterError, match="sample_weight"):
        chain(OneVsRestClassifier(SGDClassifier()), table, {0: 60})


def test_steps_have_seeds_of_their_own():
    models = chain(OneVsRestClassifier(SGDClassifier()), table_of(), {0: 30, 1: 60})
    assert len({m.estimator.random_state for m in models}) == 2
    assert len({m.random_state for m in chain(SGDClassifier(), table_of(), {0: 30, 1: 60})}) == 2


class Choosy(SGDRegressor):
    def partial_fit(self, X, y, sample_weight=None):
        if len(X) < 10:
            raise ValueError("Too few for me.")
        return super().partial_fit(X, y, sample_weight)


def test_what_fails_in_an_earlier_slice_is_none_and_in_the_last_an_error():
    table = table_of(20)
    first, second = chain(Choosy(), table, {0: 5, 1: 20})
    assert first is None
    assert second.coef_.shape == (3,)
    assert chain(Choosy(), table.head(9), {0: 5, 1: 9}, tolerant=True) == [None, None]
    with pytest.raises(InvalidDataError, match=r"shard 0 with its 9 records: Too few for me\. Use fewer shards"):
        chain(Choosy(), table.head(9), {0: 5, 1: 9})
    with pytest.raises(ValueError, match="alpha"):
        chain(ElasticNet(alpha="a"), table, {0: 10, 1: 20}, tolerant=True)
