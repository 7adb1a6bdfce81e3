"""Third-party estimators: repeatable fits, canonical files, and files that are refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_info

from expunge.digest import arrays, first_difference, leaf
from expunge.errors import ExpungeError, TamperedError, UnsupportedEstimatorError
from expunge.estimators import dump_estimator, load_estimator, one_thread, prepare, tighten
from expunge.estimators.skops_archive import members

pytestmark = [
    pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("abcd"))
y = np.array(["no", "yes"])[(X["a"] + rng.normal(size=60) > 0).astype(int)]
MIXED = X.assign(city=["Bern", "Ulm", "Graz"] * 20, note=["hello there", "good bye"] * 30)
COLUMNS = make_column_transformer(
    (StandardScaler(), list("abcd")), (OneHotEncoder(), ["city"]), (TfidfVectorizer(stop_words="english"), "note")
)
NUMBERS = ("Ridge", "SGDRegressor", "DecisionTreeRegressor", "HistGradientBoostingRegressor", "LGBMRegressor")

ZOO = {
    "LogisticRegression": LogisticRegression(),
    "Ridge": Ridge(),
    "SGDClassifier": SGDClassifier(),
    "SGDClassifier, averaged": SGDClassifier(average=True, early_stopping=True, loss="modified_huber"),
    "SGDRegressor": SGDRegressor(),
    "DecisionTreeClassifier": DecisionTreeClassifier(max_features=1),
    "DecisionTreeRegressor": DecisionTreeRegressor(max_features=1),
    "RandomForestClassifier": RandomForestClassifier(3, n_jobs=2, oob_score=True),
    "ExtraTreesClassifier": ExtraTreesClassifier(3),
    "GradientBoostingClassifier": GradientBoostingClassifier(n_estimators=3, subsample=0.5),
    "HistGradientBoostingClassifier": HistGradientBoostingClassifier(max_iter=3, early_stopping=True),
    "HistGradientBoostingRegressor": HistGradientBoostingRegressor(max_iter=3, loss="poisson"),
    "MLPClassifier": MLPClassifier(5, max_iter=4),
    "SVC": SVC(),
    "KNeighborsClassifier, kd_tree": KNeighborsClassifier(algorithm="kd_tree"),
    "KNeighborsClassifier, ball_tree": KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
    "GaussianNB": GaussianNB(),
    "Pipeline, columns": make_pipeline(COLUMNS, LogisticRegression()),
    "Pipeline, PCA": make_pipeline(FunctionTransformer(np.abs), PCA(2, svd_solver="randomized"), SGDClassifier()),
    "CalibratedClassifierCV": CalibratedClassifierCV(SGDClassifier(), cv=KFold(3, shuffle=True)),
    "VotingClassifier": VotingClassifier([("a", GaussianNB()), ("b", SGDClassifier())]),
    "StackingClassifier": StackingClassifier([("a", GaussianNB()), ("b", SGDClassifier())], cv=2),
    "BaggingClassifier": BaggingClassifier(make_pipeline(StandardScaler(), SGDClassifier()), n_estimators=3, n_jobs=2),
    "AdaBoostClassifier": AdaBoostClassifier(n_estimators=3),
    "LGBMClassifier": lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, bagging_fraction=0.5, bagging_freq=1),
    "LGBMRegressor": lightgbm.LGBMRegressor(n_estimators=3, verbose=-1),
    "IsolationForest": IsolationForest(n_estimators=3),
    "KMeans": KMeans(3, n_init=2),
    "DummyClassifier": DummyClassifier(strategy="stratified"),
    "GridSearchCV": GridSearchCV(SGDClassifier(), {"alpha": [1e-4, 1e-2]}, cv=2, scoring="accuracy"),
}
DETERMINISTIC = {
    *("LogisticRegression", "Ridge", "GaussianNB", "SVC", "Pipeline, columns", "LGBMRegressor"),
    *("KNeighborsClassifier, kd_tree", "KNeighborsClassifier, ball_tree"),
}


def fit(name, seed=0):
    model = prepare(ZOO[name], seed_for=lambda parameter: seed + len(parameter))
    frame = MIXED if name == "Pipeline, columns" else X
    with one_thread():
        return tighten(model.fit(frame, np.abs(X["b"]) if name in NUMBERS else y)), frame


def outputs(model, frame):
    names = ("predict", "predict_proba", "decision_function", "transform")
    return [np.asarray(getattr(model, name)(frame)) for name in names if hasattr(model, name)]


@pytest.mark.parametrize("name", ZOO)
def test_two_fits_are_one_file_that_comes_back_as_it_was(name):
    model, frame = fit(name)
    again, _ = fit(name)
    assert first_difference(model, again) is None
    stored = dump_estimator(model)
    assert dump_estimator(again) == stored
    loaded = load_estimator(stored)
    assert leaf(loaded) == leaf(model) == leaf(pickle.loads(pickle.dumps(model)))
    assert dump_estimator(loaded) == stored == dump_estimator(pickle.loads(pickle.dumps(model)))
    before = leaf(model)
    for ours, theirs in zip(outputs(model, frame), outputs(loaded, frame), strict=True):
        assert ours.dtype.kind == theirs.dtype.kind
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype.kind != "f" or ours.tobytes() == theirs.tobytes()
    assert leaf(model) == before, "predicting is not learning"
    assert dump_estimator(model) == stored
    if name not in DETERMINISTIC:
        assert leaf(fit(name, seed=100)[0]) != before


def test_a_copy_by_joblib_is_the_same_model(tmp_path):
    model, _ = fit("RandomForestClassifier")
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert leaf(mapped) == leaf(model)
    assert dump_estimator(mapped) == dump_estimator(model)


def test_an_array_with_gaps_becomes_one_without_and_keeps_its_order():
    """scikit-learn's PCA keeps the first rows of all components."""
    model = PCA(2).fit(X)
    gaps = np.asfortranarray(np.arange(16.0).reshape(4, 4))[:2]
    model.components_, model.more_ = gaps, [gaps, {"deep": gaps}]
    before = leaf(model)
    assert tighten(model) is model
    assert leaf(model) == before
    for array in (model.components_, model.more_[0], model.more_[1]["deep"]):
        assert array.flags.f_contiguous
        assert array.base is None
    assert load_estimator(dump_estimator(model)).components_.strides == model.components_.strides


FLIPPED = [
    *(
        "SGDClassifier",
        "RandomForestClassifier",
        "HistGradientBoostingClassifier",
        "MLPClassifier",
        "SVC",
        "GaussianNB",
    ),
    *("KNeighborsClassifier, kd_tree", "Pipeline, columns", "GradientBoostingClassifier", "KMeans"),
]


@pytest.mark.parametrize("name", FLIPPED)
def test_one_bit_of_any_array_changes_the_leaf(name):
    model, _ = fit(name)
    before, draw, flipped = leaf(model), np.random.default_rng(1), 0
    for path, array in list(arrays(model)):
        if not array.flags.writeable:
            array.setflags(write=True)
        kept, changed = array.copy(), array.copy()
        for _ in range(2):
            fields = array.dtype.names or (None,)
            part = changed if fields == (None,) else changed[fields[draw.integers(len(fields))]]
            cell = np.ascontiguousarray(part)
            octets = cell.reshape(-1).view(np.uint8)
            octets[draw.integers(len(octets))] ^= np.uint8(1 << draw.integers(8))
            part[...] = cell
            array[...] = changed
            if dict(arrays(model))[path].tobytes() == kept.tobytes():
                continue  # a copy that __getstate__ made: the model does not see it
            flipped += 1
            assert leaf(model) != before, path
            array[...] = changed[...] = kept
            assert leaf(model) == before, path
    assert flipped >= 4


def test_no_process_and_no_hash_seed_changes_a_file():
    """Hashes of texts are seeded here as this process was, and there by 1."""
    names = ("Pipeline, columns", "HistGradientBoostingClassifier", "LGBMClassifier")
    program = (
        "import hashlib, test_estimators as t;"
        f"print([hashlib.sha256(t.dump_estimator(t.fit(name)[0])).hexdigest() for name in {names}])"
    )
    here = Path(__file__)
    paths = os.pathsep.join([str(here.parent), str(here.parents[2] / "src")])
    printed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "1"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert printed.strip() == str([hashlib.sha256(dump_estimator(fit(name)[0])).hexdigest() for name in names])


def test_identity_width_and_history_leave_no_trace_in_a_file():
    one, two = FunctionTransformer(np.abs), FunctionTransformer(np.abs)
    shared = np.arange(3.0)
    one.state_, two.state_ = [shared, shared, {"b": 1, "a": {"x", "yy", "zzz"}}], None
    two.state_ = [shared.copy(), shared.copy(), {"a": {"zzz", "yy", "x"}, "b": 1}]
    one.names_, two.names_ = np.array(["a", "b"], "U40"), np.array(["a", "b"])
    one.rows_, two.rows_ = np.ones(2, np.dtype("i1,f8", align=True)), np.ones(2, np.dtype("i1,f8", align=True))
    two.rows_.view(np.uint8)[3] = 77  # padding
    assert dump_estimator(one) == dump_estimator(two)


def test_values_can_be_searched_in_a_file():
    model = FunctionTransformer(np.abs)
    model.state_ = ["Zoë Müller", np.array(["Ünal"]), np.array([1.2345]), b"raw canary"]
    stored = dump_estimator(model)
    for value in ("Zoë Müller".encode(), "Ünal".encode("utf-32-le"), np.float64(1.2345).tobytes(), b"raw canary"):
        assert value in stored


# ------------------------------------------------------------------------------------------------------ refusals


class Stranger(BaseEstimator):
    """An estimator on no list."""


def rewritten(stored, edit):
    """Change the schema or a member of an archive, keeping its form."""
    files = members(stored)
    schema = json.loads(files.pop("schema.json"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in edit(schema, files).items():
            archive.writestr(name, content)
        archive.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def test_unlisted_types_are_refused_with_what_to_do():
    name = f"{__name__}.Stranger"
    stored = dump_estimator(Stranger())
    with pytest.raises(UnsupportedEstimatorError, match=r"expunge.load\(path, trusted=") as caught:
        load_estimator(stored)
    assert name in str(caught.value)
    assert isinstance(load_estimator(stored, trusted=[name]), Stranger)


@pytest.mark.parametrize("loader", ["ObjectNode", "FunctionNode", "TypeNode", "ConstructorFromReduceNode"])
def test_nothing_runs_before_the_list_is_checked(loader):
    content = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": '"x"'}

    def edit(schema, files):
        schema.update(__class__="Popen", __module__="antigravity", __loader__=loader, content=content)
        return files

    with pytest.raises(UnsupportedEstimatorError, match=r"antigravity\.Popen"):
        load_estimator(rewritten(dump_estimator(GaussianNB()), edit))
    assert "antigravity" not in sys.modules


def test_trees_that_lead_outside_themselves_are_refused():
    def edit(schema, files):
        text = json.dumps(schema)
        for name, content in list(files.items()):
            array = np.load(io.BytesIO(content))
            if array.dtype.names:
                array["left_child"][0] = 10_000
                buffer = io.BytesIO()
                np.save(buffer, array)
                new = hashlib.sha256(buffer.getvalue()).hexdigest() + ".npy"
                del files[name]
                files[new] = buffer.getvalue()
                text = text.replace(name, new)
        schema.update(json.loads(text))
        return files

    with pytest.raises(TamperedError, match="tree_"):
        load_estimator(rewritten(dump_estimator(fit("DecisionTreeClassifier")[0]), edit))


def test_damaged_bytes_are_one_sentence():
    model, _ = fit("DecisionTreeClassifier")
    stored, before = dump_estimator(model), leaf(model)
    for data in (b"", b"PK", stored[:-30], stored[40:], b"{}", rewritten(stored, lambda schema, files: {"a.npy": b""})):
        with pytest.raises(TamperedError):
            load_estimator(data)
    draw = np.random.default_rng(0)
    refused = 0
    for place in draw.integers(len(stored), size=150):
        damaged = bytearray(stored)
        damaged[place] ^= 1 << int(draw.integers(8))
        try:
            assert leaf(load_estimator(bytes(damaged))) == before, place  # a date, an attribute of the archive
        except ExpungeError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (LogisticRegression(class_weight={False: 1, True: 2}), "class_weight"),
        (FunctionTransformer(lambda x: x), "func"),
        (LogisticRegression(class_weight={1: 2, "1": 3}), "same text"),
    ],
)
def test_what_would_come_back_changed_is_not_stored(model, words):
    with pytest.raises(UnsupportedEstimatorError, match=words):
        dump_estimator(model)


# ---------------------------------------------------------------------------------------------------- before the fit


def test_prepare_sets_what_is_random_or_parallel_and_leaves_the_original(tmp_path):
    bagging = BaggingClassifier(SGDClassifier(random_state=7), n_jobs=4)
    original = make_pipeline(
        StandardScaler(), StackingClassifier([("bag", bagging)], cv=KFold(2, shuffle=True)), memory=str(tmp_path)
    )
    before, asked = leaf(original), []

    def seed_for(name):
        asked.append(name)
        return len(asked)

    parameters = prepare(original, seed_for=seed_for).get_params()
    assert asked == [
        "stackingclassifier__bag__estimator__random_state",
        "stackingclassifier__bag__random_state",
        "stackingclassifier__cv__random_state",
    ]
    assert [parameters[name] for name in asked[:2]] == [1, 2]
    assert parameters["stackingclassifier__cv"].random_state == 3
    assert {value for name, value in parameters.items() if name.endswith("n_jobs")} == {1}
    assert parameters["memory"] is None
    assert leaf(original) == before
    boosted = prepare(lightgbm.LGBMClassifier(bagging_seed=3, n_jobs=8, force_row_wise=True), seed_for=lambda name: 99)
    got = boosted.get_params()
    assert (got["random_state"], got["bagging_seed"], got["n_jobs"], got["deterministic"]) == (99, 99, 1, True)
    assert "force_col_wise" not in got
    with pytest.raises(UnsupportedEstimatorError, match="cloned"):
        prepare(object(), seed_for=len)


def test_metadata_requests_can_be_stored():
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_pipeline(PCA(2), SGDClassifier().set_fit_request(sample_weight=True))
        model = prepare(routed, seed_for=len).fit(X, y, sample_weight=np.ones(60))
        assert leaf(load_estimator(dump_estimator(model))) == leaf(model)
        assert leaf(routed) == leaf(routed)  # a cycle: the request points back to its owner


def threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_one_thread_may_be_nested_and_shared():
    before = threads()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            inside.set()
            leave.wait(10)

    worker = threading.Thread(target=other)
    with one_thread():
        with one_thread():
            assert set(threads()) <= {1}
        worker.start()
        inside.wait(10)
    assert set(threads()) <= {1}, "the other thread is still inside"
    leave.set()
    worker.join()
    assert threads() == before
