"""k-means against a search in rational arithmetic, against scikit-learn, and against itself after any history."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn import cluster as theirs
from sklearn.datasets import load_digits

import expunge
from expunge import KMeans
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError
from methods.class_histories import end_of, histories, random_table


def test_centres_are_the_rational_means_of_the_nearest_records():
    """The last step by hand: each record to the nearest centre of the search, and a mean in fractions."""
    X = np.round(random_table(90)[0] * 64) / 64
    w = np.arange(90) % 4
    model = KMeans(n_clusters=4, max_samples=30).fit(X, sample_weight=w)
    before = model._state().parts["search"]["centres"]
    sums = [[[Fraction(0)] * 4, Fraction(0)] for _ in before]
    for x, weight in zip(X.tolist(), w.tolist(), strict=True):
        away = [sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(x, c, strict=True)) for c in before.tolist()]
        held = sums[away.index(min(away))]
        held[0], held[1] = [s + weight * Fraction(a) for s, a in zip(held[0], x, strict=True)], held[1] + weight
    by_hand = [[float(s / n) for s in line] if n else c for (line, n), c in zip(sums, before.tolist(), strict=True)]
    assert_allclose(model.cluster_centers_, by_hand, rtol=1e-15, atol=1e-15)


def test_centres_of_the_search_lie_on_a_lattice_that_follows_from_the_seed():
    X = random_table(200)[0]
    found = KMeans(n_clusters=5, max_samples=60, grain=0.5).fit(X)._state().parts["search"]["centres"]
    other = KMeans(n_clusters=3, max_samples=60, grain=0.5).fit(X)._state().parts["search"]["centres"]
    steps = 2.0 ** np.rint(np.log2(X.std(axis=0))) / 2  # of all records here, of a sample there: alike in their power
    apart = (found[:, np.newaxis] - other) / (steps / 8)
    assert np.abs(apart - np.rint(apart)).max() < 1e-6


def test_a_search_ends_where_a_step_changes_nothing_or_after_as_many_as_allowed():
    X = np.random.default_rng(4).normal(size=(200, 2))
    model = KMeans(n_clusters=4, max_iter=50).fit(X)
    assert 2 < model.n_iter_ < 50
    assert np.array_equal(KMeans(n_clusters=4, max_iter=model.n_iter_).fit(X).cluster_centers_, model.cluster_centers_)
    assert KMeans(n_clusters=4, n_init=1, max_iter=1).fit(X).n_iter_ == 1


def test_groups_are_about_as_tight_as_those_of_scikit_learn():
    X, _ = load_digits(return_X_y=True)
    ours = np.mean([-KMeans(n_clusters=10, seed=seed).fit(X).score(X) for seed in range(5)])
    peer = np.mean([theirs.KMeans(10, random_state=seed).fit(X).inertia_ for seed in range(5)])
    assert ours < 1.05 * peer


@pytest.mark.parametrize("weighted", [False, True])
@settings(max_examples=12, deadline=None)
@given(history=histories(), most=st.sampled_from([3, 6, 100]))
def test_any_history_ends_as_a_fresh_fit(weighted, history, most):
    def forget(model, gone):
        plan = model.plan(gone)
        assert plan.work_low <= model.forget(gone).work <= plan.work_high

    weight = np.linspace(0, 3, 15) if weighted else None
    made = partial(KMeans, n_clusters=3, max_samples=most, n_init=2)
    end_of(made, random_table(15)[0], None, weight, history, forget)


@pytest.mark.parametrize("gone", range(13))
def test_the_record_with_which_all_are_looked_at_leaves_no_trace(gone):
    X, rest = random_table(13)[0], np.delete(np.arange(13), gone)
    made = KMeans(n_clusters=2, max_samples=12, n_init=1)
    model = KMeans(n_clusters=2, max_samples=12, n_init=1).fit(X)
    model.forget([gone])
    assert model.digest() == made.fit(X[rest], record_ids=rest).digest()


def test_a_record_that_the_search_never_saw_costs_one_subtraction_and_is_announced():
    X = random_table(400)[0]
    model = KMeans(n_clusters=3, max_samples=50).fit(X)
    work = []
    for record in range(200):
        plan = model.plan(record)
        removal = model.forget(record)
        assert plan.work_low <= removal.work <= plan.work_high
        work.append(removal.work)
    work = np.array(work)
    assert 0.6 < (work == 1).mean() < 0.95
    assert ((work == 51) | (work == 1) | (work >= 250)).all()
    assert (work == 51).any(), "the search ends where it did, so one sum is changed and no more"
    assert (work >= 250).any(), "it ends elsewhere, so all are read"


def test_with_fewer_records_than_clusters_it_sleeps_and_wakes_up():
    X = random_table(5)[0]
    with pytest.raises(InvalidDataError, match="n_samples = 5"):
        KMeans(n_clusters=6).fit(X)
    model = KMeans(n_clusters=4).fit(X)
    model.forget([0, 1])
    with pytest.raises(DormantModelError):
        model.predict(X)
    model.learn(X[:1], record_ids=[0])
    assert model.digest() == KMeans(n_clusters=4).fit(np.delete(X, 1, 0), record_ids=[0, 2, 3, 4]).digest()


def test_fewer_different_rows_than_clusters_and_constant_columns_are_no_trouble():
    X = np.repeat([[1.0, 5.0], [2.0, 5.0]], 10, axis=0)
    model = KMeans(n_clusters=4).fit(X)
    assert np.isfinite(model.cluster_centers_).all()
    assert -model.score(X) < 20 * 0.5**2
    assert model.transform(X).shape == (20, 4)


@pytest.mark.parametrize(
    "params", [{"n_clusters": 0}, {"max_samples": 3}, {"n_init": 1.0}, {"max_iter": 0}, {"grain": 0.0}], ids=str
)
def test_arguments_of_another_form_are_refused(params):
    with pytest.raises(InvalidParameterError):
        KMeans(**params).fit(random_table()[0])


def test_a_workspace_fits_forgets_and_gives_a_receipt(tmp_path):
    lines = ["id,person,a,b"] + [
        f"r{i},p{i % 12},{7777.125 if i % 12 == 3 else i * 7 % 11},{i * 5 % 13}" for i in range(36)
    ]
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "data.csv", record_id="id", subject_id="person")
    ws.fit("m", data="data", method="k-means", options={"n_clusters": 3})
    answer = ws.forget(subjects=["p3"])[0]
    assert ws.verify(answer.receipt, replay=True)
    assert answer.models[0]["guarantee"]["kind"] == "exact"
    for file in (file for file in (tmp_path / "ws").rglob("*") if file.is_file()):
        content = file.read_bytes()
        assert not any(value in content for value in (b"7777.125", np.float64(7777.125).tobytes())), file
