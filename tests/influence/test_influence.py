"""Influence against retrained models, closed forms, differences and sums by hand: values, and above all signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

import expunge
from expunge.certified import CertifiedLogisticRegression, CertifiedRidge, DescentToDelete, LangevinLogisticRegression
from expunge.errors import (
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnknownMethodError,
    UnknownRecordError,
    UnsupportedRequestError,
)
from expunge.influence import (
    INFLUENCE_METHODS,
    TRAK,
    EqualOpportunity,
    InfluenceFunctions,
    MeanLoss,
    TracIn,
    influence,
    plot_regions,
    try_repair,
)

rng = np.random.default_rng(0)
N, D = 60, 4
X = rng.normal(size=(N, D)) / 2
TRUE = np.array([1.0, -2.0, 0.5, 0.0])
Y = X @ TRUE + 0.3 * rng.normal(size=N)
X_TEST = rng.normal(size=(15, D)) / 2
Y_TEST = X_TEST @ TRUE + 0.3 * rng.normal(size=15)
LABELS = np.where(X @ TRUE + 0.6 * rng.normal(size=N) > 0, "yes", "no").astype(object)
LABELS_TEST = np.where(X_TEST @ TRUE > 0, "yes", "no").astype(object)
THREE = np.array(["a", "b", "c"], dtype=object)[np.digitize(X @ TRUE + 0.3 * rng.normal(size=N), [-0.5, 0.5])]
THREE_TEST = np.array(["a", "b", "c"], dtype=object)[np.digitize(X_TEST @ TRUE, [-0.5, 0.5])]
GROUPS = np.array(["f", "m"] * 8)[:15]
IDS = [f"r{i:02d}" for i in range(N)]


def in_order(found: Any, ids: Any = None) -> np.ndarray:
    """Scores in the order of the rows."""
    score = dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))
    return np.array([score[one] for one in (IDS if ids is None else ids)])


def ridge(alpha: float = 0.3) -> Any:
    return CertifiedRidge(alpha=alpha, sigma=1e-8, noise_seed=0, norm_bound=10.0, allow_large_delta=True, delta=0.01,
                          fit_intercept=False).fit(X, Y, record_ids=IDS)  # fmt: skip


def logistic(y: Any = LABELS, weights: Any = None, kind: Any = CertifiedLogisticRegression, **more: Any) -> Any:
    given = {"alpha": 1.0, "norm_bound": 10.0, "noise_seed": 0, "allow_large_delta": True, "delta": 0.01, **more}
    given |= {"sigma": 1e-6} if kind is CertifiedLogisticRegression else {}
    return kind(**given).fit(X, y, record_ids=IDS, sample_weight=weights)


# ---------------------------------------------------------------- leave-one-out


def test_leave_one_out_of_a_ridge_is_the_closed_form() -> None:
    """PRESS: without record i its residual is e / (1 - h)."""
    found = influence(expunge.Ridge(alpha=0.3, fit_intercept=False).fit(X, Y, record_ids=IDS))
    hat = X @ np.linalg.solve(X.T @ X + 0.3 * np.eye(D), X.T)
    residual, leverage = Y - hat @ Y, np.diag(hat)
    np.testing.assert_allclose(in_order(found), 0.5 * ((residual / (1 - leverage)) ** 2 - residual**2), rtol=1e-6)
    assert (found.guarantee.kind, found.value, found.method) == ("exact", None, "leave-one-out")


@pytest.mark.parametrize("name", ["GaussianNB", "LinearDiscriminantAnalysis", "ForestClassifier", "RetrainClassifier"])
def test_leave_one_out_is_a_fit_without_the_record_and_leaves_the_model_alone(name: str) -> None:
    from sklearn.tree import DecisionTreeClassifier

    kind = getattr(expunge, name)
    method = {"ForestClassifier": lambda: kind(n_estimators=4, max_depth=3),
              "RetrainClassifier": lambda: kind(DecisionTreeClassifier(max_depth=2))}.get(name, kind)()  # fmt: skip
    model = clone(method).fit(X, LABELS, record_ids=IDS)
    before = model.digest()
    asked = IDS[3:40:6]
    found = influence(model, on=(X_TEST, LABELS_TEST), ids=asked)
    assert model.digest() == before
    assert found.ids.tolist() == asked

    def loss(fitted: Any) -> float:
        place = fitted.classes_.tolist()
        chances = fitted.predict_proba(X_TEST)[range(15), [place.index(label) for label in LABELS_TEST]]
        return float(-np.log(np.maximum(chances, 1e-6)).mean())

    rest = [[i for i in range(N) if IDS[i] != one] for one in asked]
    without = [clone(method).fit(X[r], LABELS[r], record_ids=[IDS[i] for i in r]) for r in rest]
    np.testing.assert_allclose(found.scores, [loss(one) - loss(model) for one in without], atol=1e-12)
    assert np.abs(found.scores).max() > 0
    assert found.value == pytest.approx(loss(model))


def test_a_person_is_forgotten_whole_or_added_up() -> None:
    persons = np.array([f"p{i % 7}" for i in range(N)], dtype=object)
    model = expunge.GaussianNB().fit(X, LABELS, record_ids=IDS, subject_ids=persons)
    found = influence(model, on=(X_TEST, LABELS_TEST), by="subject", ids=["p3", "p5"])
    other = clone(model).fit(X[persons != "p3"], LABELS[persons != "p3"])
    ask = MeanLoss(X_TEST, LABELS_TEST)
    assert found.scores[0] == pytest.approx(influence(other, on=ask, ids=[0]).value - found.value)
    assert (found.ids.tolist(), found.by, found.subjects) == (["p3", "p5"], "subject", None)
    records = influence(model, on=ask)
    assert set(records.subjects.tolist()) == set(persons)
    assert records[0].subject == persons[IDS.index(records[0].id)]

    certified = logistic().fit(X, LABELS, record_ids=IDS, subject_ids=persons)
    how = InfluenceFunctions()
    alone, people = influence(certified, method=how), influence(certified, method=how, by="subject")
    sums = {p: in_order(alone)[persons == p].sum() for p in persons}
    np.testing.assert_allclose(people.scores, [sums[p] for p in people.ids.tolist()])


# ---------------------------------------------------------------- linear models


def test_influence_of_a_quadratic_is_leave_one_out_but_for_the_leverage() -> None:
    """For a target linear in the weights, leaving out changes 1 / (1 - h) times what the derivative says."""
    model, leverage = ridge(), np.diag(X @ np.linalg.solve(X.T @ X + 0.3 * np.eye(D), X.T))
    estimate = in_order(influence(model, on=(X_TEST, Y_TEST), method="influence-functions"))
    full = np.linalg.solve(X.T @ X + 0.3 * np.eye(D), X.T @ Y)
    slope = X_TEST.T @ (X_TEST @ full - Y_TEST) / 15
    for i in range(N):
        rest = np.arange(N) != i
        without = np.linalg.solve(X[rest].T @ X[rest] + 0.3 * np.eye(D), X[rest].T @ Y[rest])
        assert estimate[i] == pytest.approx((1 - leverage[i]) * slope @ (without - full), rel=1e-4, abs=1e-9)
    measured = in_order(influence(model, on=(X_TEST, Y_TEST), method="leave-one-out"))
    assert np.corrcoef(estimate, measured)[0, 1] > 0.98


@pytest.mark.parametrize("y", ["two", "three"])
@pytest.mark.parametrize("target", ["loss", "gap"])
def test_influence_is_the_derivative_in_the_weight_of_a_record(y: str, target: str) -> None:
    train, test = (LABELS, LABELS_TEST) if y == "two" else (THREE, THREE_TEST)
    ask: Any = MeanLoss(X_TEST, test)
    if target == "gap":
        ask = EqualOpportunity(X_TEST, test, groups=GROUPS, positive=test[0])
    found = in_order(influence(logistic(train), on=ask, method="influence-functions"))
    for i in (0, 7, 19):
        values = []
        for step in (-1e-4, 1e-4):
            weights = np.ones(N)
            weights[i] += step
            values.append(influence(logistic(train, weights), on=ask, method="influence-functions", ids=IDS[:1]).value)
        assert found[i] == pytest.approx(-(values[1] - values[0]) / 2e-4, rel=2e-3, abs=1e-7)


def test_self_influence_of_a_logistic_regression_is_the_dense_formula() -> None:
    model = logistic()
    Z, t = np.hstack([X, np.ones((N, 1))]), np.where(LABELS == "yes", 1.0, -1.0)
    theta = np.append(model.coef_[0], model.intercept_)
    p = expit(Z @ theta)
    G = -(t * expit(-t * (Z @ theta)))[:, None] * Z
    H = (Z.T * (p * (1 - p))) @ Z + np.eye(D + 1)
    found = influence(model, method="influence-functions")
    np.testing.assert_allclose(in_order(found), np.einsum("ij,jk,ik->i", G, np.linalg.inv(H), G), rtol=1e-6)
    assert (in_order(found) > 0).all()
    np.testing.assert_allclose(in_order(influence(model, method="tracin")), (G**2).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(
        in_order(influence(model, method=TRAK(damping=0.0))), np.einsum("ij,jk,ik->i", G, np.linalg.inv(Z.T @ Z), G)
    )


def test_behind_scales_and_of_other_certified_models() -> None:
    steps = [("scale", expunge.StandardScaler()), ("model", logistic())]
    model = expunge.Pipeline(steps).fit(X, LABELS, record_ids=IDS)
    mean, spread = X.mean(axis=0), X.std(axis=0)
    alone = clone(steps[1][1]).fit((X - mean) / spread, LABELS, record_ids=IDS)
    target = MeanLoss(X_TEST, LABELS_TEST)
    found = in_order(influence(model, on=target, method="influence-functions"))
    other = MeanLoss((X_TEST - mean) / spread, LABELS_TEST)
    np.testing.assert_allclose(found, in_order(influence(alone, on=other, method="influence-functions")), rtol=1e-6)
    t = np.where(LABELS == "yes", 1.0, -1.0)
    for kind in (DescentToDelete, LangevinLogisticRegression):
        steady = logistic(kind=kind, fit_intercept=False)
        scores = X @ steady.coef_[0]
        p = expit(scores)
        H = (X.T * (p * (1 - p))) @ X + np.eye(D)
        G = -(t * expit(-t * scores))[:, None] * X
        own = in_order(influence(steady, method="influence-functions"))
        np.testing.assert_allclose(own, np.einsum("ij,jk,ik->i", G, np.linalg.inv(H), G), rtol=1e-6)


# ---------------------------------------------------------------- targets


def test_a_gap_is_that_of_the_mean_chances_and_where_there_is_none_nothing_moves_it() -> None:
    model = logistic()
    ask = EqualOpportunity(X_TEST, LABELS_TEST, groups=GROUPS, positive="yes")
    chance = model.predict_proba(X_TEST)[:, 1]
    rates = [chance[(LABELS_TEST == "yes") & (g == GROUPS)].mean() for g in "fm"]
    found = influence(model, on=ask, method="influence-functions")
    assert found.value == pytest.approx(abs(rates[0] - rates[1]))
    measured = influence(model, on=ask, method="leave-one-out")
    assert np.corrcoef(found.scores, measured.scores)[0, 1] > 0.98
    twice = EqualOpportunity(np.vstack([X_TEST] * 2), np.tile(LABELS_TEST, 2), groups=np.repeat(["f", "m"], 15),
                             positive="yes")  # fmt: skip
    none = influence(model, on=twice, method="influence-functions")
    assert none.value == pytest.approx(0.0)
    assert np.abs(none.scores).max() < 1e-12


def test_losses_of_every_kind_of_model() -> None:
    hard = expunge.RidgeClassifier().fit(X, LABELS)
    assert influence(hard, on=(X_TEST, LABELS_TEST), ids=[0]).value == np.mean(hard.predict(X_TEST) != LABELS_TEST)
    numbers = expunge.Ridge().fit(X, Y)
    value = influence(numbers, on=(X_TEST, Y_TEST), ids=[0]).value
    assert value == pytest.approx(0.5 * np.mean((numbers.predict(X_TEST) - Y_TEST) ** 2))
    strange = influence(logistic(), on=(X_TEST[:1], ["never seen"]), method="leave-one-out", ids=IDS[:1])
    assert strange.value == pytest.approx(-np.log(1e-6))


def gap(y: Any, groups: Any, positive: Any) -> EqualOpportunity:
    return EqualOpportunity(X_TEST, y, groups=groups, positive=positive)


def private() -> Any:
    return expunge.PrivateLogisticRegression(group_size=2, allow_large_delta=True, noise_seed=0).fit(X, LABELS)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: influence(expunge.StandardScaler().fit(X)), UnsupportedRequestError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), method="influence-functions"), UnsupportedRequestError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), method="magic"), UnknownMethodError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), method=3), InvalidParameterError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), ids=[1, 999]), UnknownRecordError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), by="subject"), InvalidRequestError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), by="row"), InvalidParameterError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), on="loss"), InvalidParameterError),
        (lambda: influence(expunge.GaussianNB().fit(X, LABELS), task=1), InvalidRequestError),
        (lambda: influence(object()), InvalidRequestError),
        (lambda: influence(logistic(), on=(X_TEST, ["?"] * 15), method="tracin"), InvalidDataError),
        (lambda: influence(expunge.Ridge().fit(X[:1], Y[:1])), InvalidRequestError),
        (lambda: influence(logistic(THREE), method="trak"), UnsupportedRequestError),
        (lambda: influence(logistic(), method=TracIn(checkpoints=[{}])), InvalidRequestError),
        (lambda: influence(logistic(), method=TracIn(checkpoints=[])), InvalidParameterError),
        (lambda: influence(logistic(), method=TracIn(lr=[0.1, 0.2])), InvalidParameterError),
        (lambda: influence(logistic(), method=TRAK(n_projections=0)), InvalidParameterError),
        (lambda: influence(logistic(), method=InfluenceFunctions(solver="magic")), InvalidParameterError),
        (lambda: influence(logistic(), method=InfluenceFunctions(damping=-1.0)), InvalidParameterError),
        (lambda: influence(ridge(), on=gap(Y_TEST, GROUPS, 1.0)), InvalidParameterError),
        (lambda: influence(ridge(), on=(X_TEST, Y_TEST[:-1]), ids=[1]), InvalidDataError),
        (lambda: influence(ridge(), on=(X_TEST, [np.nan, *Y_TEST[1:]]), ids=[1]), InvalidDataError),
        (lambda: influence(expunge.Ridge().fit(X, Y), on=(X_TEST, Y_TEST[:-1]), ids=[1]), InvalidDataError),
        (lambda: influence(expunge.Ridge().fit(X, Y), on=MeanLoss(X_TEST), ids=[1]), InvalidDataError),
        (lambda: influence(private(), ids=[1], method="leave-one-out"), UnsupportedRequestError),
        (lambda: influence(expunge.make_pipeline(expunge.StandardScaler(), private()).fit(X, LABELS), ids=[1]),
         UnsupportedRequestError),
        (lambda: gap(LABELS, ["f"] * 60, "yes").weights(LABELS, np.ones(60)), InvalidDataError),
        (lambda: gap(LABELS, ["f"] * 3, "yes").weights(LABELS, np.ones(60)), InvalidDataError),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_every_method_has_its_name() -> None:
    import importlib

    for name, target in INFLUENCE_METHODS.items():
        module, _, kind = target.partition(":")
        assert getattr(importlib.import_module(module), kind).name == name


# ---------------------------------------------------------------- what is made of it


def test_order_picture_and_plain_data(tmp_path: Any) -> None:
    model = logistic()
    found = influence(model, on=(X_TEST, LABELS_TEST), method="influence-functions")
    sizes = [abs(one.score) for one in found.top(10)]
    assert sizes == sorted(sizes, reverse=True)
    up, down = found.top(N, which="raises"), found.top(N, which="lowers")
    assert len(up) + len(down) == N
    assert up[0].score == found.scores.max()
    assert down[0].score == found.scores.min()
    told = found.to_dict(3)
    assert [one["id"] for one in told["top"]] == [one.id for one in found.top(3)]
    assert (told["n"], told["guarantee"]["kind"], "subject" in told["top"][0]) == (N, "empirical", False)
    assert found.plot(tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")
    flat = expunge.GaussianNB().fit(X[:, :2], LABELS)
    plot_regions(flat, influence(flat), X[:, :2], LABELS, tmp_path / "regions.png", n=3)
    assert (tmp_path / "regions.png").stat().st_size > 10_000
    for wrong in (0, True, 2.0):
        with pytest.raises(InvalidParameterError):
            found.top(wrong)
    with pytest.raises(InvalidParameterError):
        found.top(1, which="up")
    with pytest.raises(InvalidDataError):
        plot_regions(model, found, X, LABELS, tmp_path / "no.png")


def test_repair_finds_wrong_labels_on_a_copy() -> None:
    Z, y = load_breast_cancer(return_X_y=True)
    Z = scale(Z)
    wrong = np.arange(0, 200, 20)
    y_bad = y.copy()
    y_bad[wrong] = 1 - y_bad[wrong]
    model = expunge.LinearDiscriminantAnalysis(shrinkage=0.1).fit(Z[:200], y_bad[:200])
    before = model.digest()
    found = influence(model, on=(Z[200:300], y[200:300]))
    tried = try_repair(model, found, 10, {"accuracy": lambda m: m.score(Z[300:], y[300:])}, n_random=3)
    assert model.digest() == before
    assert len(set(tried.ids) & set(wrong.tolist())) >= 5  # of ten, and by chance one in twenty
    (row,) = tried.rows
    assert row.after > row.before
    assert len(row.at_random) == 3
    assert len(set(row.at_random)) > 1 or row.at_random[0] != row.after
    model.forget(list(tried.ids))
    assert row.after == model.score(Z[300:], y[300:])
    assert "as many at random" in str(tried)
    with pytest.raises(InvalidRequestError, match="and k is 300"):
        try_repair(model, found, 300, {})
    with pytest.raises(InvalidRequestError):
        try_repair(None, found, 1, {})
    other = try_repair(None, found, 2, {"n": lambda m: 0.0 if m is None else len(m)}, without=tuple, n_random=0)
    assert str(other) == "without 2 records\nn: 0 -> 2"
