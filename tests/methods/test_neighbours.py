"""Nearest neighbours against scikit-learn, against a loop over fractions, and against themselves after any history."""

import runpy
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neighbors as theirs
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import scale

import expunge
from expunge import KNeighborsClassifier, KNeighborsRegressor
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedRequestError
from expunge.maths.nearest import METRICS, nearest
from expunge.seeds import uniform64
from methods.class_histories import end_of, histories, random_table

WEIGHTS = ("uniform", "distance")


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("metric", METRICS)
def test_answers_are_those_of_scikit_learn_where_no_distances_are_equal(metric, weights):
    X, y = load_breast_cancer(return_X_y=True)
    X, params = scale(X), {"n_neighbors": 7, "metric": metric, "weights": weights}
    known, asked = X[:400], np.vstack([X[400:], X[:5]])
    ours = KNeighborsClassifier(**params).fit(known, y[:400])
    peer = theirs.KNeighborsClassifier(**params).fit(known, y[:400])
    assert_allclose(ours.predict_proba(asked), peer.predict_proba(asked), atol=1e-12)
    away, ids = ours.kneighbors(asked[:-5])
    peer_away, peer_ids = peer.kneighbors(asked[:-5])
    assert_array_equal(ids, peer_ids)
    assert_allclose(away, peer_away, atol=1e-12)
    X, y = load_diabetes(return_X_y=True)
    ours, peer = (kind(**params).fit(X[:300], y[:300]) for kind in (KNeighborsRegressor, theirs.KNeighborsRegressor))
    assert_allclose(ours.predict(X), peer.predict(X), rtol=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_neighbours_are_those_of_rational_arithmetic_with_ties_in_keyed_order(data):
    """Small integers, so that many distances are equal, and every sum is exact."""
    n, d, k = data.draw(st.integers(4, 30)), data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    X, metric = rng.integers(-2, 3, (n, d)).astype(float), data.draw(st.sampled_from(METRICS[:2]))
    query = rng.integers(-2, 3, d).astype(float)
    power = 2 if metric == "euclidean" else 1
    far = [sum(abs(Fraction(a) - Fraction(b)) ** power for a, b in zip(x, query, strict=True)) for x in X.tolist()]
    keys = uniform64(5, "order", np.arange(n)).tolist()
    expected = sorted(range(n), key=lambda i: (far[i], keys[i]))[:k]
    model = KNeighborsRegressor(n_neighbors=k, metric=metric, seed=5).fit(X, np.zeros(n))
    assert model.kneighbors([query])[1][0].tolist() == expected


def test_a_distance_has_the_same_bits_in_any_company():
    X, y = random_table(900)
    model = KNeighborsRegressor(n_neighbors=5, metric="cosine", weights="distance").fit(X, y)
    asked = X[:40] + 0.25
    alone = np.concatenate([model.predict(asked[i : i + 1]) for i in range(40)])
    order = np.random.default_rng(3).permutation(900)
    moved = KNeighborsRegressor(n_neighbors=5, metric="cosine", weights="distance")
    moved.fit(X[order], y[order], record_ids=order)
    assert alone.tobytes() == model.predict(asked).tobytes() == moved.predict(asked).tobytes()
    assert moved.digest() == model.digest()


@pytest.mark.parametrize("model", [KNeighborsClassifier(n_neighbors=3), KNeighborsRegressor(n_neighbors=3)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
@settings(max_examples=12, deadline=None)
@given(history=histories())
def test_any_history_ends_as_a_fresh_fit(model, weighted, history):
    def forget(model, gone):
        assert model.forget(gone).work == len(gone)

    weight = np.linspace(0, 3, 15) if weighted else None
    end_of(partial(clone, model), *random_table(15), weight, history, forget, may_refuse=True)


def test_with_fewer_records_than_neighbours_it_sleeps_and_wakes_up():
    X, y = random_table(6)
    with pytest.raises(InvalidDataError, match="n_samples = 4"):
        KNeighborsClassifier().fit(X[:4], y[:4])
    model = KNeighborsClassifier().fit(X, y)
    model.forget([0, 1])
    with pytest.raises(DormantModelError):
        model.predict(X)
    model.learn(X[:1], y[:1], record_ids=[0])
    assert model.digest() == KNeighborsClassifier().fit(np.delete(X, 1, 0), np.delete(y, 1), record_ids=[0, 2, 3, 4, 5]
                                                        ).digest()  # fmt: skip


def test_weights_are_votes_and_weight_zero_is_no_neighbour():
    X, y = [[0.0], [1.0], [2.0], [9.0]], ["a", "b", "b", "c"]
    model = KNeighborsClassifier(n_neighbors=3).fit(X, y, sample_weight=[3.0, 1.0, 1.0, 0.0])
    assert model.classes_.tolist() == ["a", "b"]
    assert model.predict([[9.0]]).tolist() == ["a"]
    assert_allclose(model.predict_proba([[0.0]]), [[0.6, 0.4]])
    number = KNeighborsRegressor(n_neighbors=2).fit(X, [0.0, 3.0, 9.0, 70.0], sample_weight=[1.0, 1.0, 2.0, 0.0])
    assert_allclose(number.predict([[5.0]]), [7.0])


@pytest.mark.parametrize("metric", METRICS)
def test_values_at_the_edge_of_the_range_give_answers(metric):
    X = np.array([[1e300, 1e300], [1e300, -1e300], [1e-300, 1e-300], [0.0, 0.0], [-1e308, 1e308]])
    for weights in WEIGHTS:
        model = KNeighborsRegressor(n_neighbors=3, metric=metric, weights=weights).fit(X, [1.0, 2.0, 3.0, 4.0, 5.0])
        assert np.isfinite(model.predict(X)).all()
    near = KNeighborsRegressor(n_neighbors=1, metric="cosine").fit(X, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert near.predict([[2e300, -2e300]]).tolist() == [2.0]


def test_giving_up_early_changes_no_answer():
    rng = np.random.default_rng(1)
    X, asked = rng.normal(size=(300, 70)), rng.normal(size=(20, 70))
    found, away = nearest(X, asked, 4, 0)
    every = ((asked[:, np.newaxis] - X) ** 2).sum(axis=2)
    assert_array_equal(found, np.argsort(every, axis=1)[:, :4])
    assert_allclose(away, np.sort(every, axis=1)[:, :4])


@pytest.mark.parametrize(
    "params", [{"n_neighbors": 0}, {"n_neighbors": 2.0}, {"weights": "both"}, {"metric": "minkowski"}], ids=str
)
def test_arguments_of_another_form_are_refused(params):
    with pytest.raises(InvalidParameterError):
        KNeighborsClassifier(**params).fit(*random_table())


def test_an_export_is_refused_for_it_would_hold_rows_also_behind_a_scale(tmp_path):
    scaled = expunge.make_pipeline(expunge.StandardScaler(), KNeighborsClassifier())
    for model in (KNeighborsClassifier(), scaled):
        with pytest.raises(UnsupportedRequestError, match="rows"):
            model.fit(*random_table()).export(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_behind_a_scale_it_answers_as_on_scaled_rows_and_forgets_as_a_fresh_fit():
    X, y = random_table()
    model = expunge.make_pipeline(expunge.StandardScaler(), KNeighborsClassifier(weights="distance")).fit(X, y)
    model.forget([3, 40])
    rest = np.delete(np.arange(120), [3, 40])
    fresh = type(model)(**model.get_params(deep=False)).fit(X[rest], y[rest], record_ids=rest)
    assert model.digest() == fresh.digest()
    by_hand = theirs.KNeighborsClassifier(weights="distance").fit(scale(X[rest]), y[rest])
    mean, std = X[rest].mean(axis=0), X[rest].std(axis=0)
    assert_allclose(model.predict_proba(X), by_hand.predict_proba((X - mean) / std), atol=1e-6)


@pytest.mark.parametrize("name", ["k-neighbors-classifier", "k-neighbors-regressor"])
def test_a_workspace_fits_forgets_and_gives_a_receipt(tmp_path, name):
    lines = ["id,person,a,b,target"] + [
        f"r{i},p{i % 12},{7777.125 if i % 12 == 3 else i * 7 % 11},{i * 5 % 13},{i % 2}" for i in range(36)
    ]
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "data.csv", record_id="id", subject_id="person")
    ws.fit("m", data="data", target="target", method=name)
    answer = ws.forget(subjects=["p3"])[0]
    assert ws.verify(answer.receipt, replay=True)
    assert answer.models[0]["guarantee"]["kind"] == "exact"
    for file in (file for file in (tmp_path / "ws").rglob("*") if file.is_file()):
        content = file.read_bytes()
        assert not any(value in content for value in (b"7777.125", np.float64(7777.125).tobytes())), file


def test_the_example_runs(capsys, monkeypatch):
    path = Path(__file__).parents[2] / "examples" / "forget_a_neighbour.py"
    monkeypatch.setattr(sys, "argv", [str(path)])
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    runpy.run_path(str(path), run_name="__main__")
    assert "The nearest record is about person" in capsys.readouterr().out
