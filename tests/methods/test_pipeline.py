"""Pipelines: what every step learned is forgotten; folded or step by step, they say what scikit-learn's would."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import compose, decomposition, linear_model, pipeline, preprocessing
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as SklearnLDA
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB as SklearnGaussianNB

import expunge
from expunge import (
    PCA,
    BayesianRidge,
    CategoricalNB,
    ColumnTransformer,
    GaussianNB,
    LinearDiscriminantAnalysis,
    OneHotEncoder,
    OrdinalEncoder,
    Pipeline,
    Ridge,
    RidgeClassifier,
    SimpleImputer,
    SISAClassifier,
    StandardScaler,
    TruncatedSVD,
    make_pipeline,
)
from expunge.checks.plans import same_promise
from expunge.errors import (
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    OutOfRangeError,
    UnsupportedRequestError,
)
from expunge.methods.pipeline.fold import Fold
from expunge.methods.pipeline.in_turn import InTurn
from expunge.methods.preprocessing import categories

NUMBERS, TEXTS = ["age", "height"], ["town", "colour"]


def people(n: int = 120, seed: int = 0) -> tuple[pd.DataFrame, Any, Any]:
    """A table as people have them, labels, and a number to predict."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "town": rng.choice(["Aarhus", "Köln", "Oslo", "東京"], n, p=[0.4, 0.3, 0.2, 0.1]),
            "colour": rng.choice(np.array(["red", "blue", None], dtype=object), n),
            "age": rng.integers(18, 90, n),
            "height": rng.normal(size=n) * 10 + 170,
        },
        index=[f"p{i:03d}" for i in range(n)],
    )
    score = table["age"] / 20 + (table["town"] == "Oslo") * 2 + rng.normal(size=n)
    return table, np.where(score > 3.5, "yes", "no"), score.to_numpy() * 3


def columns(**given: Any) -> ColumnTransformer:
    encoder = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("n", StandardScaler(), NUMBERS), ("t", encoder, TEXTS)], **given)


def sklearn_columns() -> Any:
    encoder = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return compose.ColumnTransformer([("n", preprocessing.StandardScaler(), NUMBERS), ("t", encoder, TEXTS)])


def kept(model: Pipeline) -> type:
    return type(model._kept(model._rows()))


def fresh(model: Pipeline, X: Any, y: Any, gone: list[str]) -> Pipeline:
    stays = ~X.index.isin(gone)
    return clone(model).fit(X[stays], y[stays])


MODELS = {
    "ridge": (Ridge(alpha=0.5), linear_model.Ridge(alpha=0.5), "number"),
    "classifier": (RidgeClassifier(), linear_model.RidgeClassifier(), "label"),
    "bayesian": (BayesianRidge(), linear_model.BayesianRidge(), "number"),
    "lda": (LinearDiscriminantAnalysis(shrinkage=0.1), SklearnLDA(solver="lsqr", shrinkage=0.1), "label"),
    "nb": (GaussianNB(), SklearnGaussianNB(), "label"),
}


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_it_says_what_scikit_learn_says(name: str, fold: bool) -> None:
    X, labels, numbers = people()
    ours, theirs, target = MODELS[name]
    y = labels if target == "label" else numbers
    model = make_pipeline(columns(), ours, fold=fold).fit(X, y)
    twin = pipeline.make_pipeline(sklearn_columns(), theirs).fit(X, y)
    assert kept(model) is (Fold if fold and name != "nb" else InTurn)
    if target == "number":
        assert np.allclose(model.predict(X), twin.predict(X), rtol=1e-6, atol=1e-6)
    else:
        assert np.array_equal(model.predict(X), twin.predict(X))
    assert model.score(X, y) == pytest.approx(twin.score(X, y), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", ["ridge", "lda", "nb"])
def test_forgetting_equals_a_fresh_fit(name: str, data: Any) -> None:
    X, labels, numbers = people(40, seed=data.draw(st.integers(0, 50)))
    y = labels if MODELS[name][2] == "label" else numbers
    model = make_pipeline(columns(), MODELS[name][0]).fit(X, y)
    gone = data.draw(st.lists(st.sampled_from(list(X.index)), min_size=1, max_size=20, unique=True))
    cut = data.draw(st.integers(0, len(gone)))
    for part in (gone[:cut], gone[cut:]):
        if part:
            planned = model.plan(part)
            removal = model.forget(part)
            assert planned.work_low <= removal.work <= planned.work_high
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = fresh(model, X, y, gone)
    assert model.digest() == twin.digest()
    assert np.array_equal(model.predict(X), twin.predict(X))
    model.learn(X.loc[gone], y[X.index.isin(gone)][np.argsort(np.argsort([list(X.index).index(g) for g in gone]))])
    assert len(model.record_ids_) == 40


def test_learning_again_is_the_inverse() -> None:
    X, y, _ = people()
    model = make_pipeline(columns(), RidgeClassifier()).fit(X, y)
    before = model.digest()
    gone = list(X.index[(X["town"] == "東京")])
    model.forget(gone)
    assert model.digest() != before
    at = X.index.isin(gone)
    model.learn(X[at], y[at])
    assert model.digest() == before


@pytest.mark.parametrize("fold", [True, False])
def test_a_category_that_only_the_forgotten_had_disappears(fold: bool) -> None:
    X, y, _ = people()
    X.loc["p007", "town"] = "Zürich"
    model = make_pipeline(columns(), RidgeClassifier(), fold=fold).fit(X, y)
    wide = model.named_steps["ridgeclassifier"].coef_.shape[1]
    model.forget("p007")
    assert model.named_steps["ridgeclassifier"].coef_.shape[1] == wide - 1
    assert model.digest() == fresh(model, X, y, ["p007"]).digest()


def test_folded_work_is_the_records_that_go() -> None:
    X, y, _ = people()
    model = make_pipeline(columns(), RidgeClassifier()).fit(X, y)
    assert model.plan(["p001", "p002"]).work_high == 2
    assert model.forget(["p001", "p002"]).work == 2


def test_in_turn_a_step_goes_on_if_nothing_before_it_changed() -> None:
    X, y, _ = people()
    X, encoder = X[["town"]], OneHotEncoder()
    model = make_pipeline(encoder, GaussianNB()).fit(X, y)
    plan = model.plan("p003")
    assert (plan.work_low, plan.work_high) == (2, 2)  # once for the encoder, once for the sums
    assert model.forget("p003").work == 2
    X.loc["p000", "town"] = "Zürich"
    model = make_pipeline(encoder, GaussianNB()).fit(X, y)
    plan = model.plan("p000")
    assert (plan.work_low, plan.work_high) == (120, 120)  # the encoder loses a column: all others are read again
    assert model.forget("p000").work == 120


def test_weights_are_not_folded() -> None:
    X, _, y = people()
    weight = np.random.default_rng(1).integers(1, 4, len(X)).astype(float)
    model = make_pipeline(columns(), Ridge()).fit(X, y, sample_weight=weight)
    assert kept(model) is InTurn
    often = np.repeat(np.arange(len(X)), weight.astype(int))
    twin = make_pipeline(columns(), Ridge()).fit(X.iloc[often].reset_index(drop=True), y[often])
    assert np.allclose(model.predict(X), twin.predict(X), rtol=1e-7)


@pytest.mark.parametrize(
    "middle", [PCA(n_components=3), TruncatedSVD(n_components=3), PCA(n_components=2, whiten=True)]
)
def test_linear_steps_in_the_middle_are_folded_too(middle: Any) -> None:
    X, _, y = people()
    folded = make_pipeline(columns(), middle, Ridge()).fit(X, y)
    in_turn = make_pipeline(columns(), middle, Ridge(), fold=False).fit(X, y)
    assert (kept(folded), kept(in_turn)) == (Fold, InTurn)
    assert np.allclose(folded.predict(X), in_turn.predict(X), rtol=1e-6)
    folded.forget("p004")
    assert folded.digest() == fresh(folded, X, y, ["p004"]).digest()


def test_scaling_before_components_is_scikit_learn_s() -> None:
    X, _, _ = people()
    model = make_pipeline(StandardScaler(), PCA(n_components=2)).fit(X[NUMBERS])
    twin = pipeline.make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(2)).fit(X[NUMBERS])
    assert kept(model) is Fold
    assert np.allclose(np.abs(model.transform(X[NUMBERS])), np.abs(twin.transform(X[NUMBERS])))


def test_the_moments_of_a_fold_are_those_of_its_outputs() -> None:
    X, labels, numbers = people()
    for final, y in ((Ridge(), numbers), (LinearDiscriminantAnalysis(), labels)):
        model = make_pipeline(columns(remainder="drop"), final).fit(X, y)
        fold, state = model._kept(model._rows()), model._state()
        from expunge.methods.pipeline.readout import readout
        from expunge.methods.pipeline.stages import below
        from expunge.methods.preprocessing.front import form_of

        tallies, form = below("front", state.parts), form_of(model._rows())
        sums, solution = fold._sums(form), fold.front.solve(form, tallies)
        moments = sums.moments(tallies, state.parts["joint"]).mapped(*readout(fold.front, sums, solution, tallies))
        Z = fold.front.transform(solution, X)
        assert np.allclose(moments.means, Z.mean(axis=0))
        assert np.allclose(moments.scatter, (Z - Z.mean(axis=0)).T @ (Z - Z.mean(axis=0)))
        if moments.targets is not None:
            assert np.allclose(moments.targets.cross[:, 0], Z.T @ (y - y.mean()))
            assert np.allclose(moments.targets.scatter, np.sum((y - y.mean()) ** 2))
        if moments.classes is not None:
            centres = np.array([Z[y == label].mean(axis=0) for label in ("no", "yes")])
            assert np.allclose(moments.classes.offsets, centres - Z.mean(axis=0))
            rest = Z - centres[(y == "yes").astype(int)]
            assert np.allclose(moments.classes.within, rest.T @ rest)


def test_two_targets() -> None:
    X, _, y = people()
    Y = np.column_stack([y, y**2])
    model = make_pipeline(columns(), Ridge()).fit(X, Y)
    twin = pipeline.make_pipeline(sklearn_columns(), linear_model.Ridge()).fit(X, Y)
    assert kept(model) is Fold
    assert np.allclose(model.predict(X), twin.predict(X))


def test_any_estimator_can_come_last_in_shards() -> None:
    X, y, _ = people()
    model = make_pipeline(columns(), SISAClassifier(LogisticRegression(max_iter=50), n_shards=3)).fit(X, y)
    planned = model.plan("p001")
    removal = model.forget("p001")
    assert planned.work_low <= removal.work <= planned.work_high
    assert model.digest() == fresh(model, X, y, ["p001"]).digest()
    assert model.score(X, y) > 0.7


def test_a_file_holds_every_step(tmp_path: Any) -> None:
    X, y, _ = people()
    selected = compose.make_column_selector(dtype_include=["number"])
    front = ColumnTransformer([("n", make_pipeline(StandardScaler()), selected)], remainder=OneHotEncoder())
    model = make_pipeline(front, RidgeClassifier(alpha=0.1)).fit(X, y)
    model.save(tmp_path / "a.expunge")
    again = expunge.load(tmp_path / "a.expunge")
    assert again.digest() == model.digest()
    for one in (model, again):
        one.forget("p010")
    assert again.digest() == model.digest()
    again.save(tmp_path / "b.expunge")
    fresh(model, X, y, ["p010"]).save(tmp_path / "c.expunge")
    assert (tmp_path / "b.expunge").read_bytes() == (tmp_path / "c.expunge").read_bytes()


def test_an_export_predicts_and_knows_nobody(tmp_path: Any) -> None:
    X, y, _ = people()
    X.loc["p050", "town"] = "Canary Wharf"
    model = make_pipeline(columns(), RidgeClassifier()).fit(X, y)
    model.forget("p050")
    deployed = expunge.load(model.export(tmp_path / "d.expunge"))
    assert np.array_equal(deployed.predict(X), model.predict(X))
    assert b"Canary" not in (tmp_path / "d.expunge").read_bytes()
    assert b"p001" not in (tmp_path / "d.expunge").read_bytes()
    with pytest.raises(UnsupportedRequestError):
        deployed.forget("p001")


def test_a_feature_can_be_forgotten_unless_a_list_names_it() -> None:
    X, y, _ = people()
    model = make_pipeline(ColumnTransformer([("t", OneHotEncoder(), TEXTS)], remainder=StandardScaler()), Ridge())
    y = np.random.default_rng(0).normal(size=len(X))
    model.fit(X, y)
    model.forget(features=["age"])
    twin = make_pipeline(ColumnTransformer([("t", OneHotEncoder(), TEXTS)], remainder=StandardScaler()), Ridge())
    assert model.digest() == twin.fit(X.drop(columns="age"), y).digest()
    before = model.digest()
    with pytest.raises((UnsupportedRequestError, InvalidRequestError), match="town"):
        model.forget(features=["town"])
    assert model.digest() == before


def test_parameters_of_steps_are_set_by_name() -> None:
    model = make_pipeline(StandardScaler(), Ridge(alpha=2.0))
    assert model.get_params()["ridge__alpha"] == 2.0
    model.set_params(ridge__alpha=3.0, standardscaler=StandardScaler(with_std=False))
    assert model.get_params()["ridge__alpha"] == 3.0
    assert not model.get_params()["standardscaler__with_std"]
    with pytest.raises(InvalidParameterError, match="nothing"):
        model.set_params(nothing__alpha=1.0)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("scale", preprocessing.StandardScaler()), ("ridge", Ridge())], "cannot forget"),
        ([("ridge", Ridge()), ("again", Ridge())], "does not transform"),
        ([("a__b", Ridge())], "cannot be named"),
        ([("a", StandardScaler()), ("a", Ridge())], "one name"),
        ([("scale", StandardScaler()), ("c", columns()), ("ridge", Ridge())], "comes first"),
        ([("inner", make_pipeline(StandardScaler())), ("ridge", Ridge())], "is a pipeline"),
        ([("ridge", Ridge)], "Give an estimator"),
        ([], "list of tuples"),
        ([("front", Ridge())], "cannot be named"),
    ],
)
def test_steps_that_cannot_be_are_refused(steps: Any, words: str) -> None:
    X, _, y = people(20)
    with pytest.raises(InvalidParameterError, match=words):
        Pipeline(steps).fit(X[NUMBERS], y)


def test_a_step_of_scikit_learn_is_refused_with_a_way_out() -> None:
    X, _, y = people(20)
    with pytest.raises(InvalidParameterError) as refused:
        Pipeline([("scale", preprocessing.StandardScaler()), ("ridge", Ridge())]).fit(X[NUMBERS], y)
    assert "SISAClassifier" in str(refused.value.hint)


@pytest.mark.parametrize("fold", [True, False])
def test_bad_tables_are_refused_by_name(fold: bool) -> None:
    X, _, y = people(30)
    holes = X.copy()
    holes["height"] = holes["height"].where(holes.index != "p009")
    with pytest.raises(InvalidDataError, match="NaN"):
        make_pipeline(columns(), Ridge(), fold=fold).fit(holes, y)
    with pytest.raises(InvalidDataError, match="town"):
        make_pipeline(StandardScaler(), Ridge(), fold=fold).fit(X[["age", "town"]], y)
    with pytest.raises(InvalidDataError, match="'weight'"):
        make_pipeline(ColumnTransformer([("n", StandardScaler(), ["weight"])]), Ridge(), fold=fold).fit(X, y)
    mixed = X.assign(colour=[1.0 if i % 2 else "red" for i in range(len(X))])
    with pytest.raises(InvalidDataError, match="colour"):
        make_pipeline(columns(), Ridge(), fold=fold).fit(mixed, y)
    with pytest.raises(OutOfRangeError, match="height"):
        make_pipeline(columns(), Ridge(), fold=fold).fit(X.assign(height=1e300), y)


@pytest.mark.parametrize("fold", [True, False])
def test_a_missing_category_that_stays_missing_is_refused(fold: bool) -> None:
    X = pd.DataFrame({"town": ["Oslo", "Bonn", None, "Bonn"]}, index=list("abcd"))
    model = make_pipeline(OrdinalEncoder(), Ridge(), fold=fold)
    with pytest.raises(InvalidDataError, match=r"NaN.*'town'"):
        model.fit(X, np.arange(4.0))
    model.fit(X.drop("c"), np.arange(3.0))
    before = model.digest()
    with pytest.raises(InvalidDataError, match=r"NaN.*'town'"):
        model.learn(X.loc[["c"]], [1.0])
    assert model.digest() == before


@pytest.mark.filterwarnings("ignore")
def test_a_scaled_and_filled_column_may_lose_its_last_value() -> None:
    X = pd.DataFrame({"a": [1.0, 2.0, 4.0, 3.0], "b": [np.nan, np.nan, np.nan, 5.0]})
    y, fill = np.array([0.0, 1.0, 3.0, 2.0]), SimpleImputer(strategy="constant", keep_empty_features=True)
    folded, turned = (make_pipeline(StandardScaler(), fill, Ridge(), fold=fold).fit(X, y) for fold in (True, False))
    for model in (folded, turned):
        model.forget(3)
    assert (kept(folded), kept(turned)) == (Fold, InTurn)
    assert np.allclose(folded.predict(X), turned.predict(X))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("last", [GaussianNB(), RidgeClassifier()])
def test_a_filled_and_encoded_column_may_lose_its_last_value(last: Any, fold: bool) -> None:
    X, y = pd.DataFrame({"town": ["Oslo", None, None]}, index=list("abc")), ["x", "x", "y"]
    model = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(), last, fold=fold).fit(X, y)
    before = model.digest()
    model.forget("a")
    assert model.digest() == clone(model).fit(X[1:], y[1:], allow_dormant=True).digest()
    with pytest.raises(expunge.errors.ExpungeError, match="dormant"):
        model.predict(X)
    model.learn(X[:1], y[:1])
    assert model.digest() == before


def test_a_record_without_its_text_may_go_alone() -> None:
    X, y = pd.DataFrame({"town": ["Oslo", "Bonn", None, None]}), ["x", "y", "x", "y"]
    model = make_pipeline(OneHotEncoder(min_frequency=2), GaussianNB()).fit(X, y)
    assert len(model.predict(X[2:3])) == 1
    model.learn(X[2:3], ["x"], record_ids=[4])
    assert model.plan(4).work_high == model.forget(4).work == 2
    assert model.digest() == clone(model).fit(X, y).digest()


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_a_category_may_be_left_that_has_no_weight(encoder: Any) -> None:
    X, y, w = pd.DataFrame({"town": ["Oslo", "Bonn", "Bonn"]}), ["x", "y", "x"], [1.0, 1.0, 0.0]
    model = make_pipeline(encoder, CategoricalNB()).fit(X, y, sample_weight=w, record_ids=[1, 2, 3])
    before = model.digest()
    model.forget(2)
    fresh = clone(model).fit(X[::2], y[::2], sample_weight=w[::2], record_ids=[1, 3], allow_dormant=True)
    assert model.digest() == fresh.digest()
    with pytest.raises(expunge.errors.ExpungeError, match="dormant"):
        model.predict(X)
    model.learn(X[1:2], y[1:2], sample_weight=w[1:2], record_ids=[2])
    assert model.digest() == before


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_an_encoder_may_be_left_with_records_without_weight(encoder: Any) -> None:
    X = pd.DataFrame({"town": ["Oslo", "Oslo"]}, index=list("ab"))
    model = make_pipeline(encoder, CategoricalNB()).fit(X, ["x", "y"], sample_weight=[1.0, 0.0])
    model.forget("a")
    fresh = clone(model).fit(X[1:], ["y"], sample_weight=[0.0], allow_dormant=True)
    assert model.digest() == fresh.digest()
    with pytest.raises(expunge.errors.ExpungeError, match="dormant"):
        model.predict(X)


def test_encoders_may_group_different_numbers_of_rare_categories() -> None:
    X = pd.DataFrame({"a": list("xxyyzw"), "b": list("ppqqqr")})
    model = make_pipeline(OneHotEncoder(min_frequency=2), Ridge()).fit(X, np.arange(6.0))
    assert model.predict(X).shape == (6,)


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("sparse", [True, False])
def test_too_many_categories_fill_no_memory(monkeypatch: pytest.MonkeyPatch, fold: bool, sparse: bool) -> None:
    monkeypatch.setattr(categories, "MOST_CATEGORIES", 20)
    X = pd.DataFrame({"town": ["a", "b", "b"] * 7, "name": [f"n{i}" for i in range(21)]})
    X.index = X["name"]
    model = make_pipeline(OneHotEncoder(sparse_output=sparse), Ridge(), fold=fold)
    if sparse and not fold:
        assert model.fit(X, np.arange(21.0)).predict(X).shape == (21,)
        return
    with pytest.raises(InvalidDataError, match="Column 'name' has 21 different categories, of 23") as refused:
        model.fit(X, np.arange(21.0))
    assert ("fold=False" if fold else "sparse_output=True") in str(refused.value.hint)
    model.fit(X.iloc[:18], np.arange(18.0))
    before = model.digest()
    with pytest.raises(InvalidDataError, match="Column 'name'"):
        model.learn(X.iloc[18:], np.arange(18.0, 21.0))
    assert model.digest() == before


@pytest.mark.parametrize("fold", [True, False])
def test_forgetting_everybody_leaves_a_dormant_model(fold: bool) -> None:
    X, y, _ = people(20)
    model = make_pipeline(columns(), RidgeClassifier(), fold=fold).fit(X, y)
    before = model.digest()
    model.forget(list(X.index))
    with pytest.raises(expunge.errors.ExpungeError, match="dormant"):
        model.predict(X)
    assert (
        model.digest()
        == make_pipeline(columns(), RidgeClassifier(), fold=fold).fit(X[:0], y[:0], allow_dormant=True).digest()
    )
    model.learn(X, y)
    assert model.digest() == before


def test_a_step_refuses_what_it_would_refuse_alone() -> None:
    """Scaled numbers are negative, and counts are not."""
    X, y = np.arange(20.0).reshape(10, 2), [0, 1] * 5
    with pytest.raises(InvalidDataError, match="Negative values in data passed to MultinomialNB"):
        expunge.make_pipeline(expunge.StandardScaler(), expunge.MultinomialNB()).fit(X, y)
    model = expunge.make_pipeline(expunge.MinMaxScaler(), expunge.MultinomialNB()).fit(X, y)
    before = model.digest()
    assert model.forget(0).n_forgotten == 1
    model.learn(X[:1], y[:1], record_ids=[0])
    assert model.digest() == before


def test_a_forest_can_be_the_last_step(tmp_path: Path) -> None:
    X, y = load_wine(return_X_y=True)
    keep = np.arange(2, len(X))
    made = expunge.make_pipeline(expunge.MinMaxScaler(), expunge.ForestClassifier(n_estimators=3, max_depth=3))
    digest = clone(made).fit(X, y).digest()
    model = clone(made).fit(X, y)
    model.forget([0, 1])
    assert model.digest() == clone(made).fit(X[keep], y[keep], record_ids=keep).digest()
    again = expunge.load(model.save(tmp_path / "model.expunge"))
    again.learn(X[:2], y[:2], record_ids=[0, 1])
    assert again.digest() == digest
    deployed = expunge.load(again.export(tmp_path / "deployed.expunge"))
    assert (deployed.predict(X) == again.predict(X)).all()


def test_a_pipeline_that_forgot_all_learns_again_one_by_one() -> None:
    X, y = np.arange(20.0).reshape(10, 2), [0, 1] * 5
    for model in (
        expunge.make_pipeline(expunge.KBinsDiscretizer(n_bins=2), expunge.GaussianNB()),
        expunge.make_pipeline(expunge.StandardScaler(), expunge.RidgeClassifier()),
    ):
        digest = model.fit(X, y).digest()
        model.forget(range(10))
        for i in range(10):
            model.learn(X[i : i + 1], y[i : i + 1], record_ids=[i])
        assert model.digest() == digest


def test_a_scaler_behind_components_and_words_scales_those() -> None:
    X, y, _ = numbers_and_labels()
    model = make_pipeline(PCA(n_components=2), StandardScaler(), GaussianNB()).fit(X, y)
    model.forget([3, 4])
    rest = [i for i in range(len(X)) if i not in (3, 4)]
    fresh_one = make_pipeline(PCA(n_components=2), StandardScaler(), GaussianNB()).fit(
        X[rest], y[rest], record_ids=rest
    )
    assert model.digest() == fresh_one.digest()
    assert list(model.named_steps) == ["pca", "standardscaler", "gaussiannb"]
    theirs = pipeline.make_pipeline(
        decomposition.PCA(n_components=2), preprocessing.StandardScaler(), SklearnGaussianNB()
    ).fit(X[rest], y[rest])
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    texts = [f"w{i % 5} w{i % 7} w{i % 3}" for i in range(len(X))]
    words = make_pipeline(expunge.CountVectorizer(), TruncatedSVD(n_components=2), StandardScaler(), GaussianNB())
    words.fit(texts, y).forget([3, 4])
    twin = make_pipeline(expunge.CountVectorizer(), TruncatedSVD(n_components=2), StandardScaler(), GaussianNB())
    assert twin.fit([texts[i] for i in rest], y[rest], record_ids=rest).digest() == words.digest()


def numbers_and_labels() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(40, 4)) * [4.0, 2.0, 1.0, 0.5]
    return X, np.where(X[:, 0] + X[:, 1] > 0, "a", "b"), X[:, 0]


@pytest.mark.parametrize(
    "last",
    [
        expunge.CertifiedLogisticRegression(),
        expunge.LangevinLogisticRegression(alpha=40.0, noise=0.5),
        expunge.NewtonLogisticRegression(alpha=40.0),
    ],
)
def test_a_last_step_that_promises_less_than_equality_decides_what_is_promised(last: Any, tmp_path: Path) -> None:
    """With noise from the operating system no two fits are alike: behind a scaler, too, that is not called exact."""
    X, y = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), last).fit(X, y == 1)
    for _ in range(2):
        plan, removal = model.plan(model.record_ids_[:2]), model.forget(model.record_ids_[:2], digest=True)
        assert same_promise(plan.guarantee, removal.guarantee)
        assert (removal.guarantee.kind, removal.guarantee.epsilon) == ("certified", 1.0)
        assert "secret" in removal.guarantee.sentence()
        model = expunge.load(model.save(tmp_path / "m"))
    ids = model.record_ids_
    fresh = make_pipeline(StandardScaler(), clone(last)).fit(X[ids], (y == 1)[ids], record_ids=ids)
    assert model.digest() != fresh.digest()


def test_a_sharded_model_of_such_steps_is_never_called_exact() -> None:
    X, y = load_wine(return_X_y=True)
    with pytest.warns(UserWarning, match="will not be exact"):
        model = SISAClassifier(expunge.CertifiedLogisticRegression(), n_shards=2).fit(X, y == 1)
    assert model.forget([0]).guarantee.kind == "empirical"


def test_a_forest_behind_whole_rows_learns_from_what_the_step_before_gives() -> None:
    """The twin fits a forest on the transformed rows by itself; a class comes that was not there before."""
    X, y = load_wine(return_X_y=True)
    rows = np.flatnonzero(y < 2)[::3]
    model = make_pipeline(expunge.PCA(n_components=3), expunge.ForestClassifier(n_estimators=3, max_depth=4))
    model.fit(X[rows], y[rows], record_ids=rows)
    projected = model.named_steps["pca"].transform(X)
    twin = expunge.ForestClassifier(n_estimators=3, max_depth=4).fit(projected[rows], y[rows], record_ids=rows)
    assert np.array_equal(model.predict_proba(X), twin.predict_proba(projected))
    more = np.flatnonzero(y == 2)[::3]
    model.learn(X[more], y[more], record_ids=more)
    model.rectify(rows[:1], y=[2])
    model.forget(rows[1:3])
    left = np.concatenate([rows[:1], rows[3:], more])
    fresh = make_pipeline(expunge.PCA(n_components=3), expunge.ForestClassifier(n_estimators=3, max_depth=4))
    truth = np.where(left == rows[0], 2, y[left])
    assert model.digest() == fresh.fit(X[left], truth, record_ids=left).digest()
