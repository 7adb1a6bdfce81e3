"""SISA against a plain loop over shards, against itself after any history, and against its own declarations."""

import copy
from collections import Counter

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

import expunge
from expunge import SISAClassifier, SISARegressor
from expunge.contract import DormantModelError
from expunge.digest import leaf
from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedEstimatorError, UnsupportedRequestError
from expunge.seeds import derive_seed, uniform64

X, Y = datasets.load_iris(return_X_y=True)
SGD = SGDClassifier(loss="log_loss")

SHAPES = {
    "tree": SISAClassifier(DecisionTreeClassifier(max_features=2), n_shards=4),
    "tree-weighted": SISAClassifier(DecisionTreeClassifier(max_depth=2), n_shards=4, aggregation="weighted"),
    "tree-vote": SISAClassifier(DecisionTreeClassifier(max_depth=2), n_shards=30, aggregation="vote"),
    "sgd-slices": SISAClassifier(SGD, n_shards=3, n_slices=4, aggregation="weighted"),
    "logistic-slices": SISAClassifier(LogisticRegression(max_iter=20), n_shards=3, n_slices=3),
    "regression": SISARegressor(DecisionTreeRegressor(max_depth=2), n_shards=4, aggregation="weighted"),
    "regression-slices": SISARegressor(SGDRegressor(), n_shards=40, n_slices=5, aggregation="median"),
}
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fresh(model, keep, X=X, Y=Y, **keywords):
    keep = np.asarray(keep, dtype=np.int64)
    return clone(model).fit(X[keep], Y[keep], record_ids=keep, allow_dormant=True, **keywords)


def estimator_of(model, shard, number=0):
    return model._fitted.parts[f"shard/{shard:03d}/slice/{number:02d}"]["estimator"]


# ------------------------------------------------------------------ the slow twin


def slow_models(estimator, X, y, ids, n_shards, n_slices, seed=0):
    """The models of each shard, by a plain loop: {(shard, slice): model}."""
    estimator = clone(estimator).set_params(n_jobs=1) if hasattr(estimator, "n_jobs") else estimator
    cells = [(int(h) >> 32) * n_shards * n_slices >> 32 for h in uniform64(seed, "shard", ids)]
    order = np.argsort(uniform64(seed, "order", ids)).tolist()
    out = {}
    for k in range(n_shards):
        seen, before, classes = [], None, set()
        for s in range(n_slices):
            new = [i for i in order if cells[i] == k * n_slices + s]
            if not new:
                continue
            seen += new
            if n_slices > 1:
                labels = np.unique(y[seen])
                goes_on = before is not None and set(labels) == classes and len(labels) > 1
                model = copy.deepcopy(before) if goes_on else clone(estimator)
                model.random_state = derive_seed(seed, "estimator", "shard", k, "slice", s, "random_state")
            else:
                labels = np.unique(y[seen])
                model = clone(estimator)
                model.random_state = derive_seed(seed, "estimator", "shard", k, "random_state")
            with threadpool_limits(1):
                if len(labels) == 1:
                    model, before = labels[0], None
                elif n_slices > 1:
                    before = model.partial_fit(X[seen], y[seen], classes=labels)
                else:
                    model.fit(X[seen], y[seen])
            classes = set(labels)
            out[k, s] = model
    return out


def slow_predict(models, X, classes, n_shards):
    last = {k: models[max(key for key in models if key[0] == k)] for k in {key[0] for key in models}}
    total = np.zeros((len(X), len(classes)))
    for model in last.values():
        if isinstance(model, BaseEstimator):
            for j, label in enumerate(model.classes_):
                total[:, list(classes).index(label)] += model.predict_proba(X)[:, j]
        else:
            total[:, list(classes).index(model)] += 1
    return total / len(last)


@pytest.mark.parametrize(
    ("estimator", "n_shards", "n_slices"),
    [
        (DecisionTreeClassifier(max_features=2), 4, 1),
        (SGD, 4, 1),
        (SGD, 3, 4),
        (SGD, 20, 6),
        (DecisionTreeClassifier(), 60, 1),
    ],
)
def test_it_is_the_plain_loop_over_shards(estimator, n_shards, n_slices):
    keep = np.setdiff1d(np.arange(150), np.arange(0, 150, 7))
    model = SISAClassifier(estimator, n_shards=n_shards, n_slices=n_slices).fit(X, Y)
    model.forget(np.arange(0, 150, 7))
    slow = slow_models(estimator, X[keep], Y[keep], keep, n_shards, n_slices)
    parts = [name for name, part in model._fitted.parts.items() if part.get("estimator") is not None]
    assert sorted(parts) == [f"shard/{k:03d}/slice/{s:02d}" for k, s in sorted(slow)]
    for (k, s), twin in slow.items():
        if isinstance(twin, BaseEstimator):
            assert leaf(estimator_of(model, k, s)) == leaf(twin)
        else:
            assert estimator_of(model, k, s).predict(X[:1]) == [twin]
    expected = slow_predict(slow, X, [0, 1, 2], n_shards)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-12)
    assert model.predict(X).tolist() == model.predict_proba(X).argmax(axis=1).tolist()


@pytest.mark.parametrize("name", ["tree-weighted", "regression"])
def test_weights_are_the_skill_on_the_next_shard(name):
    model = clone(SHAPES[name]).fit(X, Y)
    model.forget(np.arange(40))
    places = uniform64(0, "shard", model.record_ids_)
    shards = np.array([(int(h) >> 32) * 4 >> 32 for h in places])
    weights, values = [], []
    for k in range(4):
        rest = model.record_ids_[shards == (k + 1) % 4]
        own = estimator_of(model, k)
        predicted = own.predict(X[rest])
        is_class = name.startswith("tree")
        weights.append(np.mean(predicted == Y[rest]) if is_class else max(0, r2_score(Y[rest], predicted)))
        values.append(own.predict(X))
    if name == "regression":
        np.testing.assert_allclose(model.predict(X), np.average(values, axis=0, weights=weights))
    else:
        assert {p["of"] for n, p in model._fitted.parts.items() if n.startswith("weight")} == set(
            Counter(shards).values()
        )
        np.testing.assert_allclose(model._solution()["weights"], weights)


# ------------------------------------------------------------------ exactness


@quiet
@pytest.mark.parametrize("name", sorted(SHAPES))
@settings(max_examples=6)
@given(st.lists(st.sets(st.integers(0, 149), min_size=1), min_size=1, max_size=4), st.randoms())
def test_any_history_ends_where_a_fresh_fit_does(name, requests, random):
    model, known = clone(SHAPES[name]).fit(X, Y), set(range(150))
    for wanted in requests:
        gone, back = sorted(wanted & known), sorted(wanted - known)
        random.shuffle(gone)
        random.shuffle(back)
        if gone:
            plan = model.plan(gone)
            removal = model.forget(gone)
            assert plan.work_low == removal.work == plan.work_high
            assert set(plan.touched) <= set(removal.touched)
        if back:
            model.learn(X[back], Y[back], record_ids=back)
        known = (known - set(gone)) | set(back)
    twin = fresh(model, sorted(known))
    assert model.digest() == twin.digest()
    if known:
        assert np.array_equal(model.predict(X), twin.predict(X))


@quiet
@pytest.mark.parametrize("name", sorted(SHAPES))
def test_files_are_those_of_a_fresh_fit_and_loaded_models_go_on(name, tmp_path):
    model = clone(SHAPES[name]).set_params(seed=2**90).fit(X, Y)
    model.forget([3, 77, 140])
    keep = np.setdiff1d(np.arange(150), [3, 77, 140])
    a = model.save(tmp_path / "a")
    assert a.read_bytes() == fresh(model, keep).save(tmp_path / "b").read_bytes()
    loaded = expunge.load(a)
    for each in (loaded, model):
        each.forget(classes=[1]) if hasattr(each, "classes_") else each.forget(np.arange(50, 76))
    assert loaded.digest() == model.digest()
    export = expunge.load(model.export(tmp_path / "c"))
    assert np.array_equal(export.predict(X), model.predict(X))
    if hasattr(model, "classes_"):
        assert np.array_equal(export.predict_proba(X), model.predict_proba(X))
        assert np.array_equal(export.classes_, model.classes_)
    with pytest.raises(UnsupportedRequestError):
        export.forget([0])


@pytest.mark.parametrize("n_slices", [1, 4])
def test_a_class_that_vanishes_is_known_to_no_checkpoint(n_slices):
    y = np.array(["common", "usual", "an unheard-of diagnosis"])[np.r_[np.arange(146) % 2, [2] * 4]]
    model = SISAClassifier(SGD, n_shards=2, n_slices=n_slices).fit(X, y)
    told = [p["estimator"].classes_.tolist() for n, p in model._fitted.parts.items() if n.startswith("shard")]
    assert any("an unheard-of diagnosis" in known for known in told)
    model.forget(classes=["an unheard-of diagnosis"])
    for name, part in model._fitted.parts.items():
        if name.startswith("shard"):
            assert part["estimator"].classes_.tolist() == ["common", "usual"]
            assert part["estimator"].classes_.dtype == "<U6"
    assert model.classes_.tolist() == ["common", "usual"]
    assert model.digest() == fresh(model, np.arange(146), Y=y).digest()


def test_everything_learned_before_the_model_is_forgotten_too():
    texts = np.array([f"word{i % 5} word{i % 7} plain" for i in range(60)] + ["xylophone plain"], dtype=object)
    y = np.arange(61) % 2
    model = SISAClassifier(make_pipeline(TfidfVectorizer(), LogisticRegression()), n_shards=3).fit(texts, y)

    def vocabularies():
        return [estimator_of(model, k)[0].vocabulary_ for k in range(3)]

    assert sum("xylophone" in v for v in vocabularies()) == 1
    model.forget(60)
    assert not any("xylophone" in v for v in vocabularies())
    assert model.digest() == fresh(model, np.arange(60), X=texts, Y=y).digest()
    assert model.predict(["word1 plain"]).shape == (1,)


def people(n=90):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["Ulm", "Bonn", None], n),
            "colour": pd.Categorical(rng.choice(["red", "blue"], n)),
            "height": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
        },
        index=[f"r{i}" for i in range(n)],
    )
    frame.loc["r7", ["town", "colour"]] = ["Atlantis", "red"]
    return frame, np.where(rng.random(n) < 0.5, "yes", "no")


def test_frames_with_texts_categories_and_holes(tmp_path):
    frame, y = people()
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        remainder=StandardScaler(),
    )
    model = SISAClassifier(make_pipeline(columns, HistGradientBoostingClassifier(max_iter=3)), n_shards=2)
    model.set_params(estimator__columntransformer__sparse_threshold=0).fit(frame, y)
    towns = [set().union(*estimator_of(model, k)[0].transformers_[0][1].categories_) for k in range(2)]
    assert sum("Atlantis" in known for known in towns) == 1
    model.forget("r7")
    towns = [set().union(*estimator_of(model, k)[0].transformers_[0][1].categories_) for k in range(2)]
    assert not any("Atlantis" in known for known in towns)
    rest = frame.index != "r7"
    twin = clone(model).fit(frame[rest], y[rest])
    assert model.digest() == twin.digest()
    assert model.save(tmp_path / "a").read_bytes() == twin.save(tmp_path / "b").read_bytes()
    assert b"Atlantis" not in (tmp_path / "a").read_bytes()


@pytest.mark.parametrize(
    "estimator",
    [
        lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, subsample=0.5, subsample_freq=1, verbose=-1),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2),
    ],
    ids=lambda e: type(e).__name__,
)
def test_boosting(estimator, tmp_path):
    model = SISAClassifier(estimator, n_shards=2).fit(X, Y)
    assert model.forget([5, 60]).guarantee.kind == "exact"
    keep = np.setdiff1d(np.arange(150), [5, 60])
    assert model.digest() == fresh(model, keep).digest()
    assert expunge.load(model.save(tmp_path / "a")).digest() == model.digest()
    model.forget(model.record_ids_[2:])
    assert model.digest() == fresh(model, model.record_ids_).digest()


# ------------------------------------------------------------------ small shards


def test_more_shards_than_records():
    model = SISAClassifier(LogisticRegression(), n_shards=50).fit(X[:6], [0, 1] * 3)
    assert model.predict_proba(X[:6]).sum(axis=1) == pytest.approx(1)
    model.forget(model.record_ids_[:5])
    assert model.predict(X[:3]).tolist() == [model.classes_[0]] * 3
    model.forget(model.record_ids_)
    with pytest.raises(DormantModelError):
        model.predict(X)
    twin = clone(model).fit(X[:0], [], allow_dormant=True)
    assert len(twin.record_ids_) == 0
    for i in range(6):
        model.learn(X[[i]], [i % 2], record_ids=[i])
    assert model.digest() == clone(model).fit(X[:6], [0, 1] * 3).digest()


def test_a_shard_with_one_class_is_a_constant_in_fit_too():
    model = SISAClassifier(LogisticRegression(max_iter=500), n_shards=2, partition=lambda name, row: int(name >= 50))
    model.fit(X[:100], np.r_[[0] * 50, [1, 2] * 25])
    np.testing.assert_array_equal(estimator_of(model, 0).predict_proba(X[:3]), np.ones((3, 1)))
    assert model.predict_proba(X[:3])[:, 0] == pytest.approx(0.5)


class Choosy(DecisionTreeClassifier):
    """Wants ten records."""

    def fit(self, X, y):
        if len(X) < 10:
            raise ValueError("Ten records, please.")
        return super().fit(X, y)


def test_a_shard_that_is_too_small_is_refused_by_fit_and_left_out_by_forget():
    with pytest.raises(
        InvalidDataError, match=r"shard \d+ with its \d records: Ten records, please\. Use fewer shards"
    ):
        SISAClassifier(Choosy(), n_shards=30).fit(X, Y)
    model = SISAClassifier(Choosy(), n_shards=5).fit(X, Y)
    own = model.record_ids_[model._fitted.rows.places()[model._fitted.rows.slots()] == 2]
    model.forget(own[9:])
    assert estimator_of(model, 2) is None
    assert len([n for n in model._solution() if n.startswith("shard")]) == 4
    twin = fresh(model, model.record_ids_)
    assert model.digest() == twin.digest()
    model.forget(own[:9])  # the shard is empty now, so it may learn what is too little
    model.learn(X[own[:5]], Y[own[:5]], record_ids=own[:5])
    assert estimator_of(model, 2) is None
    model.learn(X[own[5:]], Y[own[5:]], record_ids=own[5:])
    assert model.digest() == fresh(model, np.arange(150)).digest()


def test_an_argument_the_estimator_refuses_is_never_taken_for_too_little_data():
    with pytest.raises(ValueError, match="'criterion' parameter"):
        SISAClassifier(DecisionTreeClassifier(criterion="no")).fit(X, Y, allow_dormant=True)


# ------------------------------------------------------------------ work


class Counted(SGDClassifier):
    """Counts the records it is given."""

    seen = 0

    def fit(self, X, y, **keywords):
        Counted.seen += len(X)
        return super().fit(X, y, **keywords)

    def partial_fit(self, X, y, **keywords):
        Counted.seen += len(X)
        return super().partial_fit(X, y, **keywords)

    def predict(self, X):
        Counted.seen += len(X)
        return super().predict(X)


@pytest.mark.parametrize(
    ("n_shards", "n_slices", "aggregation"), [(4, 1, "mean"), (4, 1, "weighted"), (3, 5, "vote"), (3, 5, "weighted")]
)
def test_declared_work_is_what_the_estimator_saw(n_shards, n_slices, aggregation):
    y = np.random.default_rng(0).integers(0, 2, 150)
    model = SISAClassifier(Counted(loss="log_loss"), n_shards=n_shards, n_slices=n_slices, aggregation=aggregation)
    model.fit(X, y)
    for request in ([3], [5, 9, 14], np.arange(20, 60)):
        plan = model.plan(request)
        Counted.seen = 0
        removal = model.forget(request)
        assert plan.work_low == plan.work_high == removal.work == Counted.seen
    Counted.seen = 0
    assert model.learn(X[[3]], y[[3]], record_ids=[3]).work == Counted.seen


def test_a_batch_trains_each_touched_shard_once_from_its_earliest_touched_slice():
    model = SISAClassifier(SGD, n_shards=3, n_slices=4).fit(X, Y)
    rows, before = model._fitted.rows, dict(model._fitted.parts)
    place = dict(zip(rows.ids.tolist(), rows.places()[rows.slots()].tolist(), strict=True))
    gone = [i for i, p in place.items() if p in (0 * 4 + 3, 0 * 4 + 2, 2 * 4 + 1)][:40]
    left = Counter(p for i, p in place.items() if i not in gone)
    removal = model.forget(gone)
    steps = [(0, 2), (0, 3), (2, 1), (2, 2), (2, 3)]
    assert removal.work == sum(left[k * 4 + j] for k, s in steps if left[k * 4 + s] for j in range(s + 1))
    changed = {n for n, part in model._fitted.parts.items() if before.get(n) is not part}
    assert changed == set(removal.touched) & set(model._fitted.parts)
    assert {name.split("/")[1] for name in removal.touched} == {"000", "002"}


def test_priors_put_likely_leavers_into_few_late_slices():
    prior = np.linspace(0, 1, 150)
    likely = np.arange(120, 150)
    informed = SISAClassifier(SGD, n_shards=3, n_slices=4, partition=4).fit(np.c_[X, prior], Y)
    blind = SISAClassifier(SGD, n_shards=3, n_slices=4).fit(np.c_[X, prior], Y)
    assert informed.plan(likely).work_high < blind.plan(likely).work_high / 4
    informed.forget(likely)
    assert informed.digest() == fresh(informed, np.arange(120), X=np.c_[X, prior]).digest()


# ------------------------------------------------------------------ partitions


def by_parity(name, row):
    return name % 2


def test_a_callable_partition_is_not_saved_but_its_places_are(tmp_path):
    model = SISAClassifier(DecisionTreeClassifier(), n_shards=2, partition=by_parity).fit(X, Y)
    model.forget([4])
    loaded = expunge.load(model.save(tmp_path / "a"))
    assert loaded.partition is None
    loaded.forget([6, 7])
    model.forget([6, 7])
    assert loaded.digest() == model.digest()
    with pytest.raises(InvalidParameterError, match=r"set_params\(partition=...\)"):
        loaded.learn(X[[6]], Y[[6]], record_ids=[6])
    assert loaded.digest() == model.digest()
    loaded.set_params(partition=by_parity).learn(X[[6, 7]], Y[[6, 7]], record_ids=[6, 7])
    assert loaded.digest() == fresh(model, np.setdiff1d(np.arange(150), [4])).digest()
    assert loaded.set_params(partition=None).fit(X, Y).digest() == clone(loaded).fit(X, Y).digest()


def test_features_are_forgotten_unless_they_decide_about_places():
    frame = pd.DataFrame(np.c_[X, np.linspace(0, 1, 150)], columns=list("abcdp"))
    model = SISAClassifier(DecisionTreeClassifier(), n_shards=3).fit(frame, Y)
    model.forget(features=["b"])
    assert model.digest() == clone(model).fit(frame.drop(columns="b"), Y).digest()
    for partition in ("p", lambda name, row: row["p"]):
        model = SISAClassifier(DecisionTreeClassifier(), n_shards=3, partition=partition).fit(frame, Y)
        before = model.digest()
        for verb in (model.plan, model.forget):
            with pytest.raises(UnsupportedRequestError, match="Fit again"):
                verb(features=["b"])
        assert model.digest() == before


def test_the_place_of_a_learned_record_is_checked_before_anything_changes():
    model = SISAClassifier(DecisionTreeClassifier(), n_shards=2, partition=lambda name, row: name // 100).fit(X, Y)
    before = model.digest()
    with pytest.raises(InvalidDataError, match="shard 5"):
        model.learn(X[:1], Y[:1], record_ids=[500])
    assert model.digest() == before


# ------------------------------------------------------------------ execution, weights, refusals


@pytest.mark.parametrize("name", ["tree-weighted", "sgd-slices"])
def test_n_jobs_and_verbose_never_matter(name, capsys):
    alone = clone(SHAPES[name]).fit(X, Y)
    many = clone(SHAPES[name]).set_params(n_jobs=2, verbose=1).fit(X, Y)
    assert many.digest() == alone.digest()
    assert capsys.readouterr().out == ""
    for model in (alone, many):
        model.forget(np.arange(0, 150, 3))
    assert many.digest() == alone.digest()


def test_backends_and_the_configuration_of_the_caller_travel():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    with sklearn.config_context(transform_output="pandas"):
        alone = SISAClassifier(pipeline).fit(X, Y)
        many = SISAClassifier(pipeline, n_jobs=2).fit(X, Y)
        with joblib.parallel_config(backend="threading", n_jobs=3):
            threads = SISAClassifier(pipeline).fit(X, Y)
    assert hasattr(estimator_of(alone, 0)[-1], "feature_names_in_")
    assert alone.digest() == many.digest() == threads.digest()


def test_an_error_in_a_worker_is_told_and_changes_nothing():
    model = SISAClassifier(Failing(), n_shards=3, n_jobs=2).fit(X, Y)
    before, work = model.digest(), model._fitted.rows.reads
    with pytest.raises(InvalidDataError, match="shard"):
        model.learn(X[:3] * 0 + 1e6, Y[:3], record_ids=[900, 901, 902])
    assert (model.digest(), model._fitted.rows.reads) == (before, work)


class Failing(DecisionTreeClassifier):
    """Takes no large values."""

    def fit(self, X, y):
        if X.max() > 1e5:
            raise ValueError("Too large.")
        return super().fit(X, y)


def test_weights_are_passed_on():
    weight = np.where(Y == 0, 100.0, 1.0)
    for model in (
        SISAClassifier(LogisticRegression(max_iter=500), n_shards=2),
        SISAClassifier(SGD, n_shards=2, n_slices=2),
    ):
        heavy = clone(model).fit(X, Y, sample_weight=weight)
        assert heavy.predict_proba(X)[:, 0].mean() > clone(model).fit(X, Y).predict_proba(X)[:, 0].mean()
        heavy.forget([0, 99])
        keep = np.setdiff1d(np.arange(150), [0, 99])
        assert heavy.digest() == fresh(model, keep, sample_weight=weight[keep]).digest()


class Drifting(ClassifierMixin, BaseEstimator):
    """Never the same twice."""

    calls = 0

    def __init__(self, shuffle=True):
        self.shuffle = shuffle

    def partial_fit(self, X, y, classes=None):
        Drifting.calls += 1
        self.classes_, self.mark_ = np.unique(y), Drifting.calls
        return self

    fit = partial_fit

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize("n_slices", [1, 3])
def test_an_estimator_that_does_not_repeat_is_not_called_exact(n_slices):
    with pytest.warns(UserWarning, match="shuffle"):
        model = SISAClassifier(Drifting(), n_slices=n_slices, aggregation="vote").fit(X, Y)
    guarantee = model.forget([1]).guarantee
    assert guarantee.kind == "empirical"
    assert "mark_" in guarantee.statement


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_shards": 0}, "n_shards must be an integer from 1 to 1000, got 0"),
        ({"n_shards": 2.0}, "n_shards"),
        ({"n_shards": 1001}, "n_shards"),
        ({"n_slices": True}, "n_slices"),
        ({"n_slices": 101}, "n_slices"),
        ({"aggregation": "median"}, "aggregation must be"),
        ({"partition": 0.5}, "partition"),
        ({"estimator": Ridge()}, "classifier"),
        ({"estimator": LinearSVC()}, "aggregation='vote'"),
        ({"estimator": SGDClassifier(), "aggregation": "weighted"}, "aggregation='vote'"),
        ({"seed": -1}, "seed"),
    ],
)
def test_arguments_of_the_wrong_form_are_refused(params, words):
    model = SISAClassifier(DecisionTreeClassifier()).set_params(**params)
    with pytest.raises(InvalidParameterError, match=words):
        model.fit(X, Y)
    assert not hasattr(model, "n_features_in_")


def test_slices_are_refused_with_help_where_nothing_continues():
    with pytest.raises(UnsupportedEstimatorError, match="n_slices=1"):
        SISAClassifier(DecisionTreeClassifier(), n_slices=2).fit(X, Y)
    with pytest.raises(InvalidParameterError, match="aggregation must be"):
        SISARegressor(Ridge(), aggregation="vote").fit(X, Y)


def test_votes_need_no_probabilities_and_give_shares():
    model = SISAClassifier(LinearSVC(), n_shards=3, aggregation="vote").fit(X, Y)
    assert set(np.unique(model.predict_proba(X) * 3).round(9)) <= {0, 1, 2, 3}
    assert model.score(X, Y) > 0.9


def test_several_targets():
    y = np.stack([X[:, 0], X[:, 1] * 2], axis=1)
    for aggregation in ("mean", "median", "weighted"):
        model = SISARegressor(DecisionTreeRegressor(), n_shards=2, aggregation=aggregation).fit(X, y)
        model.forget([1])
        assert model.predict(X).shape == (150, 2)
        keep = np.setdiff1d(np.arange(150), [1])
        assert model.digest() == fresh(model, keep, Y=y).digest()


@quiet
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(
    "model",
    [
        SISAClassifier(LogisticRegression()),
        SISAClassifier(SGD, n_slices=3, aggregation="weighted"),
        SISAClassifier(DecisionTreeClassifier(), aggregation="vote"),
        SISARegressor(Ridge()),
        SISARegressor(DecisionTreeRegressor(), aggregation="weighted"),
    ],
    ids=lambda model: type(model.estimator).__name__ + "-" + model.aggregation,
)
def test_scikit_learn_accepts_it(model):
    results = check_estimator(model, expected_failed_checks=dict(type(model)._waivers), on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"] == []
    assert {r["check_name"] for r in results if r["status"] == "xfail"} == set(type(model)._waivers)


# ------------------------------------------------------------------ places by person


def of_persons(n_slices=1, **keywords):
    """150 records of 31 persons, some about nobody; and the model of them."""
    owners = np.array([None if i % 10 == 9 else f"p{i % 31}" for i in range(150)], dtype=object)
    shape = SISAClassifier(SGD if n_slices > 1 else DecisionTreeClassifier(max_depth=2), n_shards=6, n_slices=n_slices)
    shape.set_params(**{"place_by": "subject", **keywords})
    return owners, shape


@pytest.mark.parametrize("n_slices", [1, 3])
def test_a_person_placed_together_costs_one_shard_and_ends_where_a_fresh_fit_does(n_slices, tmp_path):
    owners, shape = of_persons(n_slices)
    ids = np.arange(150)
    model = clone(shape).fit(X, Y, record_ids=ids, subject_ids=owners)
    apart = clone(shape).set_params(place_by="record").fit(X, Y, record_ids=ids, subject_ids=owners)
    assert len({name.split("/")[1] for name in apart.plan(subjects=["p3"]).touched}) > 1
    plan, removal = model.plan(subjects=["p3"]), model.forget(subjects=["p3"])
    assert len({name.split("/")[1] for name in removal.touched}) == 1
    assert plan.work_low == plan.work_high == removal.work
    left = np.array([i for i in ids if owners[i] != "p3"])
    twin = clone(shape).fit(X[left], Y[left], record_ids=left, subject_ids=owners[left])
    assert model.digest() == twin.digest()
    assert model.save(tmp_path / "a").read_bytes() == twin.save(tmp_path / "b").read_bytes()
    gone = np.setdiff1d(ids, left)
    loaded = expunge.load(tmp_path / "a")
    loaded.learn(X[gone], Y[gone], record_ids=gone, subject_ids=owners[gone])
    assert loaded.digest() == clone(shape).fit(X, Y, record_ids=ids, subject_ids=owners).digest()


def test_the_digest_of_places_by_record_does_not_know_the_argument():
    owners, shape = of_persons(place_by="record")
    model = shape.fit(X, Y, subject_ids=owners)
    assert "place_by" not in model._digest_params()
    assert clone(model).set_params(place_by="subject").fit(X, Y, subject_ids=owners).digest() != model.digest()


def test_learning_records_about_nobody_or_of_a_known_person_needs_nothing_new():
    owners, shape = of_persons()
    model = shape.fit(X[:140], Y[:140], record_ids=np.arange(140), subject_ids=owners[:140])
    model.learn(X[140:], Y[140:], record_ids=np.arange(140, 150), subject_ids=owners[140:])
    assert model.digest() == clone(shape).fit(X, Y, record_ids=np.arange(150), subject_ids=owners).digest()


def test_a_plan_names_the_shards_that_come_and_go_when_records_change_their_person():
    rng = np.random.default_rng(0)
    X, y, people = rng.normal(size=(12, 3)), np.array([0, 1] * 6), [f"p{i}" for i in range(12)]
    model = expunge.SISAClassifier(LogisticRegression(), n_shards=8, place_by="subject", aggregation="weighted")
    model.fit(X, y, subject_ids=people)
    came = 0
    for _ in range(10):
        ids, held = rng.choice(12, 3, replace=False), set(model._fitted.parts)
        corrected = {"subject_ids": [f"q{rng.integers(50)}" for _ in ids]}
        plan, done = model.plan_rectify(ids, **corrected), model.rectify(ids, **corrected)
        assert set(done.touched) <= set(plan.touched)
        came += bool(set(model._fitted.parts) - held)
    assert came, "a part that was not there has to come"
