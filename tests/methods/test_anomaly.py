"""Detectors of anomalies against other mathematics, against scikit-learn, and against themselves after any history."""

import runpy
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neighbors as theirs
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

import expunge
from expunge import (
    GaussianDetector,
    HistogramDetector,
    IsolationForest,
    LocalOutlierFactor,
    NeighborDetector,
    PCADetector,
)
from expunge.anomaly import Stream, repair
from expunge.contract import DormantModelError
from expunge.errors import (
    DuplicateRecordError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnknownRecordError,
)
from expunge.maths import boxes
from expunge.maths.nearest import nearest
from methods.class_histories import histories, random_table

EVERY = {
    "gaussian": GaussianDetector(shrinkage=0.1),
    "gaussian share": GaussianDetector(contamination=0.2),
    "pca": PCADetector(n_components=2),
    "histogram": HistogramDetector(n_bins=4),
    "histogram share": HistogramDetector(n_bins=4, contamination=0.3),
    "neighbors": NeighborDetector(n_neighbors=2, contamination=0.2),
    "neighbors mean": NeighborDetector(n_neighbors=3, aggregation="mean", metric="manhattan"),
    "factor": LocalOutlierFactor(n_neighbors=3),
    "factor cosine": LocalOutlierFactor(n_neighbors=2, metric="cosine", contamination=0.1),
    "forest": IsolationForest(n_estimators=3, max_samples=8),
    "forest share": IsolationForest(n_estimators=3, max_samples=0.5, contamination=0.2),
}


def like(model):
    return type(model)(**model.get_params())


# ------------------------------------------------------------------ scores, by other mathematics


def test_mahalanobis_is_a_solve_with_the_covariance():
    X = random_table(80)[0]
    cov = np.cov(X.T)
    for share in (0.0, 0.4):
        shrunk = (1 - share) * cov + share * np.diag(np.diag(cov))
        by_hand = [-(x - X.mean(0)) @ np.linalg.solve(shrunk, x - X.mean(0)) for x in X]
        assert_allclose(GaussianDetector(shrinkage=share).fit(X).score_samples(X), by_hand, rtol=1e-7)


def test_residuals_are_what_a_reconstruction_leaves():
    X = random_table(80)[0]
    Z = (X - X.mean(0)) / X.std(0, ddof=1)
    for scaled, rows in ((True, Z), (False, X)):
        peer = PCA(2).fit(rows)
        left = rows - peer.inverse_transform(peer.transform(rows))
        ours = PCADetector(n_components=2, scaled=scaled).fit(X)
        assert_allclose(ours.score_samples(X), -(left**2).sum(1), rtol=1e-6, atol=1e-9)
    variances = PCA().fit(Z).explained_variance_ratio_
    assert PCADetector(n_components=0.7).fit(X).n_components_ == int((np.cumsum(variances) <= 0.7).sum()) + 1


def test_histogram_scores_are_sums_of_logarithms_of_densities():
    X, w = random_table(90)[0], np.arange(90) % 3
    model = HistogramDetector(n_bins=6, alpha=0.2).fit(X, sample_weight=w)
    known, score = np.repeat(X, w, axis=0), np.zeros(90)
    for j in range(4):
        density, edges = np.histogram(known[:, j], bins=6, density=True)
        density = density * (edges[-1] - edges[0])
        assert_allclose(model.bin_edges_[j], edges)
        for i, x in enumerate(X[:, j]):
            width, at = edges[1] - edges[0], np.searchsorted(edges, x, side="right") - 1
            near = edges[0] - width / 2 <= x <= edges[-1] + width / 2
            score[i] += np.log2(0.2 + (density[np.clip(at, 0, 5)] if near else 0.0))
    assert_allclose(model.score_samples(X), score, rtol=1e-9)
    far = model.score_samples(np.full((1, 4), 1e300))
    assert_allclose(far, [4 * np.log2(0.2)])


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_neighbours_and_factors_are_those_of_scikit_learn(metric):
    X, new = random_table(150)[0], random_table(20, seed=1)[0]
    away, _ = theirs.NearestNeighbors(n_neighbors=4, metric=metric).fit(X).kneighbors()
    model = NeighborDetector(n_neighbors=4, metric=metric).fit(X)
    assert_allclose(model.score_records(range(150)), -away[:, -1], rtol=1e-7)
    mean = NeighborDetector(n_neighbors=4, metric=metric, aggregation="mean").fit(X)
    assert_allclose(mean.score_records(range(150)), -away.mean(1), rtol=1e-7)
    ours = LocalOutlierFactor(n_neighbors=8, metric=metric).fit(X)
    peer = theirs.LocalOutlierFactor(8, metric=metric).fit(X)
    assert_allclose(ours.score_records(range(150)), peer.negative_outlier_factor_, rtol=1e-6)
    assert_array_equal(ours.predict_records(range(150)), peer.fit_predict(X))
    new_to_both = theirs.LocalOutlierFactor(8, metric=metric, novelty=True).fit(X)
    assert_allclose(ours.score_samples(new), new_to_both.score_samples(new), rtol=1e-6)


# ------------------------------------------------------------------ forgetting


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=6, deadline=None)
@given(history=histories(), weighted=st.booleans(), coarse=st.booleans())
def test_any_history_ends_as_a_fresh_fit(name, history, weighted, coarse):
    X = random_table(15)[0]
    X = np.rint(X / [3, 20, 0.2, 6]) if coarse else X  # many rows are equal then, and many as far
    weight = np.array([0, 1, 2.5] * 5) if weighted else None

    def fit(rows):
        part = None if weight is None else weight[rows]
        return like(EVERY[name]).fit(X[rows], record_ids=rows, sample_weight=part, allow_dormant=True)

    first = np.array(history[0])
    lived, alive = fit(first), set(first.tolist())
    for batch in history[1]:
        gone, new = [i for i in batch if i in alive], np.array([i for i in batch if i not in alive], dtype=int)
        if gone:
            plan = lived.plan(gone)
            assert plan.work_low <= lived.forget(gone).work <= plan.work_high
        if len(new):
            lived.learn(X[new], record_ids=new, sample_weight=None if weight is None else weight[new])
        alive = alive.difference(gone).union(new.tolist())
    other = fit(np.array(sorted(alive), dtype=int))
    assert lived.digest() == other.digest()
    try:
        expected = other.decision_function(X), other.score_records()
    except DormantModelError:
        with pytest.raises(DormantModelError):
            lived.predict(X)
    else:
        assert_array_equal(lived.decision_function(X), expected[0])
        assert_array_equal(lived.score_records(), expected[1])


def test_lists_are_those_of_a_sorted_table_of_distances():
    X = np.rint(random_table(60)[0] / [1, 10, 0.1, 3])
    model = LocalOutlierFactor(n_neighbors=4).fit(X)
    model.forget(list(range(7)))
    model.learn(X[:3], record_ids=[0, 1, 2])
    known = X[model.record_ids_]
    for i, (near, away) in enumerate(zip(*(model._state().parts["lists"][k] for k in ("near", "away")), strict=True)):
        order = sorted((float(((x - known[i]) ** 2).sum()), j) for j, x in enumerate(known) if j != i)[:4]
        assert list(zip(away.tolist(), near.tolist(), strict=True)) == order


@pytest.mark.parametrize("d", [1, 3, 6])
def test_boxes_leave_out_nothing_that_is_nearest(d, monkeypatch):
    """Many equal rows and many as far, so that every tie has to be told as it is row by row."""
    monkeypatch.setattr(boxes, "_MANY", 0)
    rng = np.random.default_rng(d)
    for grain in (1e-9, 1.0):
        X = np.rint(rng.normal(size=(300, d)) / grain) * grain
        X[::7] = X[0]
        for k, metric in ((1, 0), (9, 0), (9, 1)):
            one_by_one, at_once = nearest(X, X, k, metric), boxes.nearest_of_many(X, X, k, metric)
            assert_array_equal(at_once[0], one_by_one[0])
            assert_array_equal(at_once[1], one_by_one[1])
    far = np.array([[1e200] * d, [-1e200] * d] * 30)
    assert_array_equal(boxes.nearest_of_many(far, far, 40, 0)[0], nearest(far, far, 40, 0)[0])


def test_work_is_what_the_plan_says_and_little_where_nobody_is_reached():
    X = random_table(200)[0]
    for model, everything in ((HistogramDetector(), 199), (NeighborDetector(n_neighbors=1), 199)):
        model.fit(X)
        extreme = np.argmax(X[:, 0]) if everything and isinstance(model, HistogramDetector) else None
        work = []
        for record in range(80) if extreme is None else [*range(40), int(extreme)]:
            if record in model.record_ids_:
                plan = model.plan(record)
                work.append(model.forget(record).work)
                assert plan.work_low <= work[-1] <= plan.work_high
        least = 0 if isinstance(model, NeighborDetector) else 1
        assert min(work) == least
        assert max(work) > 100, "an extreme, or a neighbour of somebody"
    shares = GaussianDetector(contamination=0.1).fit(X)
    plan = shares.plan(3)
    assert plan.work_low == plan.work_high == shares.forget(3).work == 200  # one goes, the others are scored again


@pytest.mark.parametrize("name", ["histogram share", "neighbors"])
def test_behind_a_scale_the_plan_says_that_all_is_made_again(name):
    X = random_table(40)[0]
    model = expunge.make_pipeline(expunge.StandardScaler(), like(EVERY[name])).fit(X)
    plan = model.plan([3, 7])
    assert 38 <= plan.work_low <= model.forget([3, 7]).work <= plan.work_high
    rest = np.delete(np.arange(40), [3, 7])
    fresh = expunge.make_pipeline(expunge.StandardScaler(), like(EVERY[name])).fit(X[rest], record_ids=rest)
    assert model.digest() == fresh.digest()


def test_a_share_of_the_records_is_below_the_threshold():
    X = random_table(200)[0]
    for model in (GaussianDetector(contamination=0.1), HistogramDetector(contamination=0.1)):
        assert abs((model.fit(X).predict(X) < 0).sum() - 20) <= 1
    for model in (NeighborDetector(contamination=0.1), LocalOutlierFactor(contamination=0.1)):
        assert (model.fit(X).predict_records() < 0).sum() == 20
        assert not hasattr(model, "fit_predict"), "a row that is asked about is none of the records"


# ------------------------------------------------------------------ bad input


def test_constant_columns_and_equal_rows_are_no_trouble():
    X = np.column_stack([np.full(30, 5.0), np.arange(30.0), np.arange(30.0) * 2])
    new = np.array([[5.0, 3.0, 6.0], [5.0, 3.0, 90.0], [6.0, 3.0, 6.0]])
    for model in EVERY.values():
        fitted = like(model).fit(X)
        assert np.isfinite(fitted.decision_function(new)).all(), model
        same = like(model) if not isinstance(model, PCADetector) else PCADetector(n_components=1)
        assert np.isfinite(same.fit(np.ones((30, 2))).decision_function(new[:, :2])).all(), model
    assert HistogramDetector().fit(X).decision_function(new)[2] < HistogramDetector().fit(X).decision_function(new)[0]


def test_too_few_records_are_refused_by_a_fit_and_sleep_after_forgetting():
    X = random_table(6)[0]
    for model, least in ((GaussianDetector(), 2), (HistogramDetector(), 1), (LocalOutlierFactor(n_neighbors=3), 4)):
        if least > 1:
            with pytest.raises(InvalidDataError, match=f"n_samples = {least - 1}"):
                like(model).fit(X[: least - 1])
        lived = like(model).fit(X)
        lived.forget(list(range(7 - least)))
        with pytest.raises(DormantModelError):
            lived.predict(X)
        lived.learn(X[:1], record_ids=[0])
        rest = [0, *range(7 - least, 6)]
        assert lived.digest() == like(model).fit(X[rest], record_ids=rest).digest()
    with pytest.raises(InvalidDataError, match="below n_features"):
        PCADetector(n_components=4).fit(X)


@pytest.mark.parametrize(
    "model",
    [
        GaussianDetector(contamination=0.7), GaussianDetector(shrinkage=2), PCADetector(n_components=0),
        PCADetector(scaled="yes"), HistogramDetector(n_bins=1), HistogramDetector(alpha=0.0),
        NeighborDetector(n_neighbors=0), NeighborDetector(aggregation="least"), LocalOutlierFactor(metric="chebyshev"),
    ],
    ids=repr,
)  # fmt: skip
def test_arguments_of_another_form_are_refused(model):
    with pytest.raises(InvalidParameterError):
        model.fit(random_table()[0])


# ------------------------------------------------------------------ streams and repair


@pytest.mark.parametrize("name", ["gaussian", "histogram", "factor"])
def test_a_stream_equals_a_fit_on_its_window(name):
    X = random_table(70)[0]
    stream = Stream(like(EVERY[name]), window=20)
    assert np.isnan(stream.score(X[:2])).all()
    for at in range(0, 60, 6):
        before = stream.score(X[at : at + 6])
        arrival = stream.learn(X[at : at + 6], range(at, at + 6))
        assert_array_equal(arrival.scores, before)
        assert_array_equal(arrival.is_outlier, before < 0)
        if at == 30:
            stream.forget([at, at + 3])
    assert stream.ids == list(range(40, 60))
    assert stream.model.digest() == like(EVERY[name]).fit(X[40:60], record_ids=np.arange(40, 60)).digest()
    arrival = stream.learn(X[10:40], range(100, 130))  # more than the window holds
    assert arrival.expired == tuple(range(40, 60))
    assert stream.ids == list(range(110, 130))
    with pytest.raises(DuplicateRecordError):
        stream.learn(X[:2], [1, 129])
    with pytest.raises(UnknownRecordError):
        stream.forget(40)
    assert stream.ids == list(range(110, 130))
    again = Stream(stream.model, window=20, arrived=stream.ids)
    assert again.ids == stream.ids
    with pytest.raises(InvalidRequestError):
        Stream(stream.model, window=20)


def test_a_stream_forgets_persons_and_survives_a_window_of_anomalies_alone():
    X = random_table(40)[0]
    stream = Stream(LocalOutlierFactor(n_neighbors=3), window=20)
    stream.learn(X, range(40), subject_ids=[f"p{i % 5}" for i in range(40)])
    stream.forget(subjects="p2")
    assert stream.ids == [i for i in range(20, 40) if i % 5 != 2]
    strange = np.full((20, 4), 1e6)
    assert stream.learn(strange, range(100, 120), subject_ids=["x"] * 20).is_outlier.all()
    assert stream.ids == list(range(100, 120))
    assert not stream.learn(strange[:1], [200], subject_ids=["x"]).is_outlier.any(), "that is what it knows now"
    stream.forget(subjects="x")
    assert np.isnan(stream.score(X[:3])).all()
    assert stream.ids == []


class Interrupting(GaussianDetector):
    """Interrupts the call named, once: before it changes anything, or when it has."""

    when = None

    def _interrupted(self, name, call):
        when = type(self).when
        if when not in (f"before {name}", f"after {name}"):
            return call()
        type(self).when = None
        if when == f"after {name}":
            call()
        raise KeyboardInterrupt

    def fit(self, *args, **kwargs):
        return self._interrupted("fit", lambda: super(Interrupting, self).fit(*args, **kwargs))

    def learn(self, *args, **kwargs):
        return self._interrupted("learn", lambda: super(Interrupting, self).learn(*args, **kwargs))

    def forget(self, *args, **kwargs):
        return self._interrupted("forget", lambda: super(Interrupting, self).forget(*args, **kwargs))


@pytest.mark.parametrize("side", ["before", "after"])
def test_an_interrupted_stream_knows_what_its_model_knows(side, monkeypatch):
    X = random_table(60)[0]
    stream = Stream(Interrupting(), window=10)

    def interrupted(name, call):
        monkeypatch.setattr(Interrupting, "when", f"{side} {name}")
        with pytest.raises(KeyboardInterrupt):
            call()

    interrupted("fit", lambda: stream.learn(X[:4], range(4)))
    assert stream.ids == ([0, 1, 2, 3] if side == "after" else [])
    if side == "before":
        stream.learn(X[:4], range(4))
    interrupted("learn", lambda: stream.learn(X[4:8], range(4, 8)))
    assert stream.ids == list(range(8 if side == "after" else 4))
    if side == "before":
        stream.learn(X[4:8], range(4, 8))
    interrupted("forget", lambda: stream.learn(X[8:12], range(8, 12)))  # the window is full
    assert stream.ids == list(range(2 if side == "after" else 0, 12))
    assert stream.learn(X[12:13], [12]).expired == ((2,) if side == "after" else (0, 1, 2))
    interrupted("forget", lambda: stream.forget(5))
    left = [i for i in range(3, 13) if side == "before" or i != 5]
    assert stream.ids == left
    assert sorted(stream.model.record_ids_.tolist()) == left
    fresh = Interrupting().fit(X[left], record_ids=left)
    assert stream.model.digest() == fresh.digest()


@pytest.mark.parametrize("name", ["gaussian", "neighbors", "histogram"])
def test_repair_makes_a_poisoned_detector_better_and_proposes_the_accomplices(name):
    rng = np.random.default_rng(0)
    X, poison = rng.normal(size=(150, 3)), 6.0 + 0.1 * rng.normal(size=(8, 3))
    new = np.vstack([rng.normal(size=(60, 3)), 6.0 + 0.1 * rng.normal(size=(20, 3)), rng.normal(size=(20, 3)) * 2.5])
    labels = np.repeat([0, 1], [60, 40])
    model = like(EVERY[name]).fit(np.vstack([X, poison]))
    clean = like(EVERY[name]).fit(X)
    auc = {"area": lambda m: roc_auc_score(labels, -m.score_samples(new))}
    other = model.digest()
    with pytest.raises(UnknownRecordError):
        repair(model, [1000], measure=auc)
    assert model.digest() == other
    done = repair(model, [150, 151, 152], measure=auc, n_proposed=5)
    proposed = {one.record_id for one in done.proposed}
    assert proposed <= set(range(153, 158)), "innocent"
    assert len(proposed) >= 4, "of neighbours only those that are among the nearest matter"
    model.forget(list(range(153, 158)))
    assert model.digest() == clean.digest()
    before, after = done.measures["area"]
    assert before < after + 1e-12 < auc["area"](clean) + 1e-9
    assert "area" in str(done)


def test_a_repair_of_a_model_of_a_frame_gives_its_rows_back_under_their_names():
    X = pd.DataFrame(random_table(60)[0]).add_prefix("x")
    model, bare = GaussianDetector().fit(X), GaussianDetector().fit(X.to_numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repair(model, [3]).proposed == repair(bare, [3]).proposed


def test_a_repair_without_proposals_takes_any_detector():
    X = random_table(60)[0]
    model = expunge.make_pipeline(expunge.StandardScaler(), NeighborDetector()).fit(X)
    assert repair(model, [3], n_proposed=0).proposed == ()
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(60, 3)), 6.0 + 0.1 * rng.normal(size=(6, 3))])
    forest = expunge.IsolationForest(n_estimators=5).fit(X)
    proposed = [one.record_id for one in repair(forest, [60, 61], n_proposed=2).proposed]
    assert len(proposed) == 2
    assert set(proposed) < {62, 63, 64, 65}, "innocent"
    kept = np.delete(np.arange(66), [60, 61])
    digest = expunge.IsolationForest(n_estimators=5).fit(X[kept], record_ids=kept).digest()
    assert forest.digest() == digest, "proposed, not forgotten"
    with pytest.raises(InvalidParameterError):
        repair(forest, [62], n_proposed=-1)
    assert forest.digest() == digest


def test_a_question_reads_scores_and_threshold_of_one_model(monkeypatch):
    """Records that are forgotten meanwhile, in another thread, are so after the answer."""
    X = random_table(40)[0]
    model = GaussianDetector(contamination=0.5).fit(X)
    expected, scores_of = (model.predict_records(), model.predict(X)), GaussianDetector._scores

    def slow(self, *args):
        out = scores_of(self, *args)
        if threading.current_thread() is threading.main_thread() and not other.ident:
            other.start()
            other.join(0.3)
        return out

    for ask, answer in zip((model.predict_records, lambda: model.predict(X)), expected, strict=True):
        model.fit(X)
        other = threading.Thread(target=model.forget, args=(model.record_ids_[np.argsort(model.score_records())[:15]],))
        with monkeypatch.context() as patched:
            patched.setattr(GaussianDetector, "_scores", slow)
            assert_array_equal(ask(), answer)
            other.join()
        assert len(model.record_ids_) == 25


@pytest.mark.parametrize("method", ["histogram-detector", "local-outlier-factor"])
def test_a_workspace_fits_forgets_and_gives_a_receipt(method, tmp_path):
    lines = ["id,person,a,b"] + [
        f"r{i},p{i % 12},{7777.125 if i % 12 == 3 else i * 7 % 11},{i * 5 % 13}" for i in range(36)
    ]
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "data.csv", record_id="id", subject_id="person")
    ws.fit("m", data="data", method=method)
    answer = ws.forget(subjects=["p3"])[0]
    assert ws.verify(answer.receipt, replay=True)
    assert answer.models[0]["guarantee"]["kind"] == "exact"
    for file in (file for file in (tmp_path / "ws").rglob("*") if file.is_file()):
        content = file.read_bytes()
        assert not any(value in content for value in (b"7777.125", np.float64(7777.125).tobytes())), file


def test_the_example_runs(capsys):
    path = Path(__file__).parents[2] / "examples" / "forget_a_false_negative.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    runpy.run_path(str(path), run_name="__main__")
    assert "repair" in capsys.readouterr().out
