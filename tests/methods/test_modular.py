"""Modules against scikit-learn's one-vs-one, against densities by hand, and against themselves after any history."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import logsumexp, softmax
from sklearn import datasets
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsOneClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from expunge.checks.counting import counting
from expunge.contract import DormantModelError
from expunge.digest import leaf
from expunge.errors import InvalidDataError, InvalidParameterError, InvalidRequestError, UnsupportedEstimatorError
from expunge.methods.sharded.modular import ModularClassifier
from expunge.methods.sharded.modular_votes import couple

X, Y = datasets.load_iris(return_X_y=True)
TREE = DecisionTreeClassifier(max_features=1, max_depth=3)
FRAME = pd.DataFrame(X, columns=["sepal length", "sepal width", "petal length", "petal width"])
LISTED = [["petal width", "sepal length"], ["petal length", "sepal width"]]

SHAPES = {
    "pairs": ModularClassifier(TREE),
    "densities": ModularClassifier(GaussianMixture(), priors="empirical"),
    "detectors": ModularClassifier(IsolationForest(n_estimators=2, max_samples=8)),
    "columns": ModularClassifier(TREE, by="columns"),
    "groups": ModularClassifier(TREE, by="columns", groups=[[3, 0], [1, 2]]),
}


def fresh(model, keep, X=X, Y=Y, **keywords):
    keep = np.asarray(keep, dtype=np.int64)
    rows = X.iloc[keep] if hasattr(X, "iloc") else X[keep]
    return clone(model).fit(rows, Y[keep], record_ids=keep, allow_dormant=True, **keywords)


def estimators(model):
    return {name: part["estimator"] for name, part in model._fitted.parts.items() if "estimator" in part}


def leaves(model):
    return {leaf(estimator) for estimator in estimators(model).values()}


def counted_fits(monkeypatch, kind):
    """A list that gets the number of records at each fit of this kind of estimator."""
    original, sizes = kind.fit, []

    def fit(self, X, *args, **keywords):
        sizes.append(X.shape[0])
        return original(self, X, *args, **keywords)

    monkeypatch.setattr(kind, "fit", fit)
    return sizes


# ------------------------------------------------------------------ the slow twins


@pytest.mark.parametrize("estimator", [SVC(), LogisticRegression(max_iter=200), LinearSVC(dual=False)])
@pytest.mark.parametrize("task", [datasets.load_iris, datasets.load_wine])
def test_pairs_are_scikit_learns_one_vs_one(estimator, task):
    X, y = task(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = ModularClassifier(estimator).fit(X, y)
    gone = np.arange(0, len(y), 7)
    model.forget(gone)
    order = model.record_ids_
    assert set(order) == set(range(len(y))) - set(gone)
    with threadpool_limits(1):
        theirs = OneVsOneClassifier(clone(estimator)).fit(X[order], y[order])
        np.testing.assert_allclose(model.decision_function(X), theirs.decision_function(X), rtol=1e-6)
        assert model.predict(X).tolist() == theirs.predict(X).tolist()
    model.forget(classes=[1])
    order = model.record_ids_
    with threadpool_limits(1):
        theirs = OneVsOneClassifier(clone(estimator)).fit(X[order], y[order])
        np.testing.assert_allclose(model.decision_function(X), theirs.decision_function(X), rtol=1e-6)
    assert model.predict(X).tolist() == theirs.predict(X).tolist()
    assert (model.predict(X) == model.classes_[(model.decision_function(X) > 0).astype(int)]).all()


def test_pairs_without_a_decision_function_vote_with_centred_probabilities():
    model = ModularClassifier(GaussianNB()).fit(X, Y)
    votes, sums = np.zeros((150, 3)), np.zeros((150, 3))
    for i, j in combinations(range(3), 2):
        pair = np.isin(Y, [i, j])
        proba = GaussianNB().fit(X[pair], Y[pair]).predict_proba(X)
        winner = np.where(proba[:, 1] > proba[:, 0], j, i)
        votes += winner[:, None] == np.arange(3)
        sums[:, i] += proba[:, 0] - proba[:, 1]
        sums[:, j] += proba[:, 1] - proba[:, 0]
    best = [max(range(3), key=lambda k: (votes[r, k], round(sums[r, k], 9), -k)) for r in range(150)]
    assert model.predict(X).tolist() == best
    assert np.abs(model.decision_function(X) - votes).max() < 1 / 3
    assert (np.sign(model.decision_function(X) - votes) == np.sign(np.round(sums, 12))).all()


class Fixed:
    """A pair that always answers with the same probabilities."""

    def __init__(self, first):
        self.first = first

    def predict_proba(self, X):
        return np.tile([self.first, 1.0 - self.first], (len(X), 1))


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=7))
def test_pairs_that_agree_give_back_the_probabilities(weights):
    p = np.array(weights) / np.sum(weights)
    models = {(i, j): Fixed(p[i] / (p[i] + p[j])) for i, j in combinations(range(len(p)), 2)}
    np.testing.assert_allclose(couple(models, np.zeros((2, 1)), 2, len(p)), [p, p], rtol=1e-7)


@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6))
def test_pairs_that_disagree_are_coupled_by_the_equation(values):
    models = {pair: Fixed(r) for pair, r in zip(combinations(range(4), 2), values, strict=True)}
    found = couple(models, np.zeros((1, 1)), 1, 4)[0]
    clipped = np.clip(values, 1e-9, 1 - 1e-9)
    r = np.zeros((4, 4))
    for (i, j), first in zip(combinations(range(4), 2), clipped, strict=True):
        r[i, j], r[j, i] = first, 1 - first
    solved = [1 / (sum(1 / r[i, j] for j in range(4) if j != i) - 2) for i in range(4)]
    np.testing.assert_allclose(found, np.array(solved) / np.sum(solved), rtol=1e-6)
    assert found.sum() == pytest.approx(1.0)


def test_a_pair_that_knows_nothing_counts_as_one_half():
    known = {(0, 1): Fixed(0.8), (0, 2): Fixed(0.5), (1, 2): Fixed(0.3)}
    unknown = {pair: model for pair, model in known.items() if pair != (0, 2)}
    np.testing.assert_allclose(couple(known, np.zeros((1, 1)), 1, 3), couple(unknown, np.zeros((1, 1)), 1, 3))


@pytest.mark.parametrize("priors", [None, "empirical"])
@pytest.mark.parametrize("estimator", [GaussianMixture(), KernelDensity(bandwidth=0.4), PCA(2)])
def test_densities_are_bayes_rule(estimator, priors):
    keep = np.r_[0:50, 60:100, 120:150]
    model = ModularClassifier(estimator, priors=priors).fit(X, Y)
    model.forget(np.setdiff1d(np.arange(150), keep))
    shares = np.array([50, 40, 30]) / 120
    scores = np.stack([clone(estimator).fit(X[keep][Y[keep] == k]).score_samples(X) for k in range(3)], axis=1)
    scores = scores + (np.log(shares) if priors else 0.0)
    np.testing.assert_allclose(model.decision_function(X), scores, rtol=1e-9, atol=1e-9)
    posterior = np.exp(scores - logsumexp(scores, axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_proba(X), posterior, atol=1e-9)
    assert model.predict(X).tolist() == scores.argmax(axis=1).tolist()
    model.forget(classes=[0])
    np.testing.assert_allclose(
        model.decision_function(X), scores[:, 2] - scores[:, 1] - (np.log(30 / 40) if priors else 0)
        + (np.log(30 / 70) - np.log(40 / 70) if priors else 0), atol=1e-9,
    )  # fmt: skip


def test_priors_are_shares_of_the_weight():
    weight = np.where(Y == 0, 3.0, 1.0)
    model = ModularClassifier(KernelDensity(), priors="empirical").fit(X, Y, sample_weight=weight)
    flat = ModularClassifier(KernelDensity()).fit(X, Y, sample_weight=weight)
    added = model.decision_function(X) - flat.decision_function(X)
    np.testing.assert_allclose(added, np.log([[0.6, 0.2, 0.2]] * 150), atol=1e-9)


def test_where_no_density_reaches_all_classes_are_equally_likely():
    model = ModularClassifier(KernelDensity(kernel="tophat", bandwidth=0.1)).fit(X, Y)
    assert model.predict_proba([[99.0] * 4]).tolist() == [[1 / 3] * 3]
    model.forget(classes=[2])
    assert model.decision_function([[99.0] * 4]).tolist() == [0.0]


@pytest.mark.parametrize(
    "estimator", [OneClassSVM(), LocalOutlierFactor(novelty=True), make_pipeline(PCA(2), OneClassSVM())]
)
def test_detectors_are_fitted_on_their_class_alone(estimator):
    model = ModularClassifier(estimator).fit(X, Y)
    order = model.record_ids_
    parts = [X[order[Y[order] == k]] for k in range(3)]
    scores = np.stack([clone(estimator).fit(part).score_samples(X) for part in parts], axis=1)
    np.testing.assert_allclose(model.decision_function(X), scores, rtol=1e-6)
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize("estimator", [GaussianNB(), LinearSVC(dual=False)])
def test_columns_are_averaged(estimator):
    model = ModularClassifier(estimator, by="columns", groups=[[3, 0], [1, 2]]).fit(X, Y)
    model.forget(np.arange(0, 150, 7))
    order = model.record_ids_
    expected = np.zeros((150, 3))
    for columns in ([0, 3], [1, 2]):
        part = X[:, columns]
        with threadpool_limits(1):
            twin = clone(estimator).fit(part[order], Y[order])
        if hasattr(twin, "predict_proba"):
            expected += twin.predict_proba(part) / 2
        else:
            expected += (twin.predict(part)[:, None] == np.arange(3)) / 2
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-9)
    assert model.predict(X).tolist() == model.predict_proba(X).argmax(axis=1).tolist()
    assert not hasattr(model, "decision_function")


# ------------------------------------------------------------------ what is trained again


def digits():
    X, y = datasets.load_digits(return_X_y=True)
    return X[:400], y[:400]


@pytest.mark.parametrize("gone", [[17], [3, 17, 40]])
def test_a_record_trains_the_pairs_of_its_class(monkeypatch, gone):
    X, y = digits()
    model = ModularClassifier(GaussianNB()).fit(X, y)
    plan, before = model.plan(gone), leaves(model)
    sizes = counted_fits(monkeypatch, GaussianNB)
    removal = model.forget(gone)
    left = np.delete(y, gone)
    touched = {int(k) for k in y[gone]}
    expected = sorted(np.isin(left, pair).sum() for pair in combinations(range(10), 2) if touched & set(pair))
    assert sorted(sizes) == expected
    assert len(before - leaves(model)) == len(sizes) == len(removal.touched)
    if len(gone) == 1:
        assert len(sizes) == 9
    assert plan.work_low == plan.work_high == removal.work == sum(sizes)
    assert plan.touched == removal.touched


def test_a_record_trains_the_one_detector_of_its_class(monkeypatch):
    X, y = digits()
    model = ModularClassifier(KernelDensity()).fit(X, y)
    before = leaves(model)
    sizes = counted_fits(monkeypatch, KernelDensity)
    plan, removal = model.plan(17), model.forget(17)
    assert sizes == [removal.work] == [plan.work_high] == [(y == y[17]).sum() - 1]
    assert len(before - leaves(model)) == 1
    assert len(leaves(model)) == 10


@pytest.mark.parametrize("estimator", [GaussianNB(), KernelDensity()])
def test_a_class_takes_its_modules_along_and_trains_none(monkeypatch, estimator):
    X, y = digits()
    model = ModularClassifier(estimator).fit(X, y)
    before = leaves(model)
    sizes = counted_fits(monkeypatch, type(estimator))
    plan, removal = model.plan(classes=[4]), model.forget(classes=[4])
    assert sizes == []
    assert plan.work_high == removal.work == 0
    assert len(removal.touched) == (9 if isinstance(estimator, GaussianNB) else 1)
    assert set(plan.touched) == set(removal.touched)
    assert leaves(model) < before
    assert 4 not in model.classes_


def test_by_columns_a_record_trains_all_and_a_feature_one(monkeypatch):
    model = ModularClassifier(GaussianNB(), by="columns", groups=LISTED).fit(FRAME, Y)
    sizes = counted_fits(monkeypatch, GaussianNB)
    plan, removal = model.plan(17), model.forget(17)
    assert sizes == [149, 149]
    assert plan.work_high == removal.work == 298
    sizes.clear()
    plan, removal = model.plan(features=["petal length"]), model.forget(features=["petal length"])
    assert sizes == [149]
    assert plan.work_low == plan.work_high == removal.work == 149
    assert plan.touched == removal.touched
    sizes.clear()
    plan, removal = model.plan(features=["sepal width"]), model.forget(features=["sepal width"])
    assert sizes == []
    assert plan.work_high == removal.work == 0
    assert plan.touched == removal.touched
    assert len(removal.touched) == 1
    assert model.groups == [["petal width", "sepal length"]]
    assert model.predict(FRAME[["sepal length", "petal width"]]).shape == (150,)


@pytest.mark.parametrize("name", ["pairs", "densities"])
def test_by_class_a_feature_trains_all(name):
    model = clone(SHAPES[name]).fit(X, Y)
    plan = model.plan(features=[2])
    with counting(model) as counter:
        removal = model.forget(features=[2])
    assert counter.count == plan.work_low == plan.work_high == removal.work == (300 if name == "pairs" else 150)
    assert model.digest() == clone(SHAPES[name]).fit(np.delete(X, 2, axis=1), Y).digest()


# ------------------------------------------------------------------ columns that go


@pytest.mark.parametrize("table", [X, FRAME, sparse.csr_array(X), FRAME.set_axis(range(4), axis=1)])
@pytest.mark.parametrize("groups", [None, 2, 3, "listed"])
@pytest.mark.parametrize("gone", [[2], [3, 0]])
def test_forgotten_columns_equal_a_fit_without_them(tmp_path, table, groups, gone):
    names = list(table.columns) if hasattr(table, "columns") else list(range(4))
    named = isinstance(names[0], str)
    if groups == "listed":
        groups = LISTED if named else [[3, 0], [2, 1]]
    model = ModularClassifier(TREE, by="columns", groups=groups).fit(table, Y)
    plan = model.plan(features=[names[c] if named else c for c in gone])
    with counting(model) as counter:
        removal = model.forget(features=[names[c] if named else c for c in gone])
    assert counter.count == plan.work_low == plan.work_high == removal.work
    assert plan.touched == removal.touched
    kept = [c for c in range(4) if c not in gone]
    left = table.iloc[:, kept] if hasattr(table, "iloc") else table[:, kept]
    twin = ModularClassifier(TREE, by="columns", groups=model.groups).fit(left, Y)
    assert model.digest() == twin.digest()
    assert model.save(tmp_path / "a").read_bytes() == twin.save(tmp_path / "b").read_bytes()
    assert model.predict_proba(left).tobytes() == twin.predict_proba(left).tobytes()
    if named and groups is not None:
        assert model.digest() == ModularClassifier(TREE, by="columns", groups=groups).fit(left, Y).digest()
    for one in (model, twin):
        one.forget([5, 6])
    assert model.digest() == twin.digest()


def test_modules_of_other_columns_keep_their_bits(monkeypatch):
    for table, gone in ((X, 1), (FRAME, "sepal width")):
        model = ModularClassifier(TREE, by="columns").fit(table, Y)
        before = leaves(model)
        sizes = counted_fits(monkeypatch, DecisionTreeClassifier)
        model.forget(features=[gone])
        assert sizes == []
        assert leaves(model) < before


def test_no_name_of_a_forgotten_column_is_left(tmp_path):
    model = ModularClassifier(TREE, by="columns", groups=LISTED).fit(FRAME, Y)
    assert b"petal length" in model.save(tmp_path / "before").read_bytes()
    model.forget(features=["petal length"])
    assert b"petal length" not in model.save(tmp_path / "after").read_bytes()
    assert b"petal length" not in model.export(tmp_path / "export").read_bytes()
    assert "petal length" not in repr(clone(model))


def test_columns_go_from_a_model_that_sleeps():
    model = ModularClassifier(TREE, by="columns", groups=LISTED).fit(FRAME, Y)
    model.forget(np.arange(150))
    assert model.plan(features=["petal length"]).work_high == 0
    assert model.forget(features=["petal length"]).work == 0
    left = FRAME.drop(columns="petal length")
    model.learn(left, Y, record_ids=np.arange(150))
    assert model.digest() == ModularClassifier(TREE, by="columns", groups=LISTED).fit(left, Y).digest()


def test_columns_that_the_estimator_needs_are_not_taken():
    model = ModularClassifier(make_pipeline(PCA(2), GaussianNB()), by="columns", groups=LISTED).fit(FRAME, Y)
    before = model.digest()
    with pytest.raises(InvalidRequestError, match="cannot be fitted without these columns"):
        model.forget(features=["petal width"])
    assert model.digest() == before
    model.forget(features=["petal width", "sepal length"])
    assert len(estimators(model)) == 1


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([["sepal length"], ["petal length", "sepal width"]], "petal width"),
        ([[0, 1], [2, 3]], "sepal length"),
    ],
)
def test_a_column_in_no_group_is_refused(groups, message):
    with pytest.raises(InvalidDataError, match=message):
        ModularClassifier(TREE, by="columns", groups=groups).fit(FRAME, Y)


# ------------------------------------------------------------------ what the seeds follow from


@pytest.mark.parametrize("name", ["pairs", "detectors"])
def test_a_class_more_or_less_moves_no_other_module(name):
    whole, part = clone(SHAPES[name]).fit(X, Y), fresh(SHAPES[name], np.flatnonzero(Y != 1))
    for module, estimator in estimators(part).items():
        assert leaf(estimator) == leaf(estimators(whole)[module])


def test_modules_have_seeds_of_their_own():
    found = [e.random_state for e in estimators(clone(SHAPES["pairs"]).fit(X, Y)).values()]
    assert len(set(found)) == 3
    found = [e.random_state for e in estimators(clone(SHAPES["columns"]).fit(FRAME, Y)).values()]
    assert len(set(found)) == 4
    other = clone(SHAPES["columns"]).set_params(seed=1).fit(FRAME, Y)
    assert not set(found) & {e.random_state for e in estimators(other).values()}


def test_no_label_is_told():
    labels = np.array(["anna", "bert", "carl"])[Y]
    model = ModularClassifier(GaussianNB()).fit(X, labels)
    said = [model.plan(classes=["anna"]), model.forget(classes=["anna"])]
    assert not any("anna" in str(record.to_dict()) or "bert" in str(record.to_dict()) for record in said)
    assert model.predict(X[100:]).tolist().count("carl") > 40


@pytest.mark.parametrize("kind", [bool, np.int32, np.float64, str, object])
def test_labels_of_any_kind_forget_and_learn(kind):
    y = (Y == 2).astype(np.int64).astype(str if kind is object else kind).astype(kind)
    model = ModularClassifier(GaussianNB()).fit(X, y)
    before = model.digest()
    model.forget([3, 149])
    model.learn(X[[3, 149]], y[[3, 149]], record_ids=[3, 149])
    assert model.digest() == before
    if kind is np.float64:
        model.forget([3])
        model.learn(X[[3]], [0], record_ids=[3])
        assert model.digest() == before
    assert model.predict(X[[0]])[0] == y[0]


@pytest.mark.parametrize("name", SHAPES)
def test_jobs_and_progress_change_nothing(name, capsys):
    one = clone(SHAPES[name]).fit(X, Y)
    two = clone(SHAPES[name]).set_params(n_jobs=2, verbose=1).fit(X, Y)
    assert one.digest() == two.digest()
    assert "Training modules" in capsys.readouterr().err


# ------------------------------------------------------------------ any history


@settings(max_examples=8, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", SHAPES)
def test_any_history_equals_a_fresh_fit(name, data):
    model = clone(SHAPES[name]).fit(X, Y)
    known = np.arange(150)
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()) or len(known) < 150:
            gone = data.draw(st.sets(st.sampled_from(known.tolist()), min_size=1, max_size=len(known)))
            model.forget(sorted(gone))
            known = np.setdiff1d(known, sorted(gone))
        if len(known) < 3:
            break
        if data.draw(st.booleans()):
            label = data.draw(st.sampled_from(sorted(set(Y[known].tolist()))))
            model.forget(classes=[label])
            known = known[Y[known] != label]
        back = np.setdiff1d(np.arange(150), known)
        if len(back) and data.draw(st.booleans()):
            model.learn(X[back], Y[back], record_ids=back)
            known = np.arange(150)
    assert model.digest() == fresh(SHAPES[name], known).digest()


def test_a_module_that_is_too_small_takes_no_part():
    model = ModularClassifier(GaussianMixture()).fit(X, Y)
    removal = model.forget(np.arange(1, 50))
    assert removal.notes == ("a module of a class is too small for GaussianMixture now and takes no part",)
    assert model.digest() == fresh(model, np.r_[0, 50:150]).digest()
    assert model.classes_.tolist() == [0, 1, 2]
    assert 0 not in model.predict(X)
    assert (model.predict_proba(X)[:, 0] == 0).all()
    np.testing.assert_allclose(model.predict_proba(X)[:, 1:], softmax(model.decision_function(X)[:, 1:], axis=1))
    model.forget(np.arange(51, 150))
    with pytest.raises(DormantModelError):
        model.predict(X)
    model.learn(X[1:50], Y[1:50], record_ids=np.arange(1, 50))
    assert set(model.predict(X)) == {0}
    assert model.digest() == fresh(model, np.arange(51)).digest()


def test_pairs_that_are_too_small_do_not_vote():
    model = ModularClassifier(KNeighborsClassifier(n_neighbors=40)).fit(X, Y)
    removal = model.forget(np.r_[5:50, 60:100])
    assert len(removal.notes) == 1  # only the pair of the two small classes
    assert model.digest() == fresh(model, np.r_[0:5, 50:60, 100:150]).digest()
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(150))
    assert set(model.predict(X)) == {2}


@pytest.mark.parametrize("estimator", [GaussianNB(), KernelDensity()])
def test_a_class_that_is_left_alone_is_predicted(estimator):
    model = ModularClassifier(estimator).fit(X, Y)
    model.forget(classes=[0, 2])
    assert set(model.predict(X)) == {1}
    assert model.predict_proba(X).tolist() == [[1.0]] * 150
    assert model.decision_function(X).shape == (150, 1)
    assert model.plan(features=[1]).work_high == model.forget(features=[1]).work
    model.forget(np.arange(50, 100))
    with pytest.raises(DormantModelError):
        model.predict(X[:, :3])


def test_a_class_may_be_learned_one_record_after_the_other():
    model = ModularClassifier(GaussianMixture()).fit(X[50:], Y[50:], record_ids=np.arange(50, 150))
    for i in range(3):
        model.learn(X[[i]], Y[[i]], record_ids=[i])
        assert model.digest() == fresh(model, np.r_[: i + 1, 50:150]).digest()
    with pytest.raises(InvalidDataError, match=r"class 0 with 1 records"):
        ModularClassifier(GaussianMixture()).fit(X[49:], Y[49:])


def test_texts_and_sparse_matrices():
    texts = np.array(["good film", "bad film", "very good", "very bad", "secret good", "odd film", "very odd"] * 4)
    labels = np.array(["+", "-", "+", "-", "+", "?", "?"] * 4)
    model = ModularClassifier(make_pipeline(CountVectorizer(), MultinomialNB())).fit(texts.tolist(), labels)
    assert model.score(texts.tolist(), labels) == 1.0
    model.forget(np.flatnonzero(texts == "secret good"))
    words = {word for e in estimators(model).values() for word in e[0].vocabulary_}
    assert "good" in words
    assert "secret" not in words
    with pytest.raises(InvalidDataError, match="Texts have no columns"):
        ModularClassifier(MultinomialNB(), by="columns").fit(texts.tolist(), labels)
    S = sparse.csr_array(X)
    assert (
        ModularClassifier(LogisticRegression()).fit(S, Y).predict(S).tolist()
        == ModularClassifier(LogisticRegression()).fit(X, Y).predict(X).tolist()
    )


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"estimator": LinearRegression()}, "is no classifier, and has neither"),
        ({"estimator": LocalOutlierFactor()}, "is no classifier, and has neither"),
        ({"estimator": GaussianMixture(), "by": "columns"}, "must be a classifier"),
        ({"estimator": GaussianNB}, "must be a scikit-learn estimator"),
        ({"estimator": GaussianNB(), "by": "rows"}, "by must be"),
        ({"estimator": GaussianNB(), "groups": 2}, "groups are groups of columns"),
        ({"estimator": GaussianNB(), "by": "columns", "groups": 0}, "groups must be"),
        ({"estimator": GaussianNB(), "by": "columns", "groups": ["a"]}, "groups must be"),
        ({"estimator": GaussianNB(), "by": "columns", "groups": [[0, 1], [1]]}, "twice"),
        ({"estimator": GaussianNB(), "priors": "empirical"}, "priors are for density estimators"),
        ({"estimator": OneClassSVM(), "priors": "empirical"}, "priors are for density estimators"),
        ({"estimator": KernelDensity(), "priors": [0.5, 0.5]}, "priors must be"),
    ],
)
def test_arguments_that_are_refused(keywords, message):
    with pytest.raises((InvalidParameterError, InvalidRequestError, UnsupportedEstimatorError), match=message):
        ModularClassifier(**keywords).fit(X, Y)
