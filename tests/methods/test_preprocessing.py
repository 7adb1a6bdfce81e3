"""Transformers of columns: scikit-learn's answers, and nothing left of a record that was forgotten."""

from __future__ import annotations

import statistics
import warnings
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import impute
from sklearn import preprocessing as theirs
from sklearn.base import clone

import expunge
from expunge.errors import ExpungeError, InvalidDataError, InvalidParameterError
from expunge.preprocessing import (
    ColumnTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    SimpleImputer,
    StandardScaler,
)

NUMBERS = {
    "standard": (StandardScaler(), theirs.StandardScaler()),
    "centred": (StandardScaler(with_std=False), theirs.StandardScaler(with_std=False)),
    "scaled": (StandardScaler(with_mean=False), theirs.StandardScaler(with_mean=False)),
    "range": (MinMaxScaler(feature_range=(-1, 2)), theirs.MinMaxScaler(feature_range=(-1, 2))),
    "clipped": (MinMaxScaler(clip=True), theirs.MinMaxScaler(clip=True)),
    "mean": (SimpleImputer(), impute.SimpleImputer()),
    "median": (SimpleImputer(strategy="median"), impute.SimpleImputer(strategy="median")),
    "mode": (SimpleImputer(strategy="most_frequent"), impute.SimpleImputer(strategy="most_frequent")),
    "constant": (
        SimpleImputer(strategy="constant", fill_value=3.5), impute.SimpleImputer(strategy="constant", fill_value=3.5),
    ),
    "kept": (SimpleImputer(keep_empty_features=True), impute.SimpleImputer(keep_empty_features=True)),
    "ordinal": (OrdinalEncoder(encoded_missing_value=-1), theirs.OrdinalEncoder(encoded_missing_value=-1)),
}  # fmt: skip
BINS = {
    f"{strategy}-{encode}": (
        KBinsDiscretizer(n_bins=4, encode=encode, strategy=strategy),
        theirs.KBinsDiscretizer(n_bins=4, encode=encode, strategy=strategy, quantile_method="linear", subsample=None)
        if strategy == "quantile"
        else theirs.KBinsDiscretizer(n_bins=4, encode=encode, strategy=strategy, subsample=None),
    )
    for strategy in ("uniform", "quantile", "kmeans")
    for encode in ("ordinal", "onehot-dense")
}
TEXTS: dict[str, tuple[Any, Any]] = {
    f"onehot-{i}": (OneHotEncoder(**given), theirs.OneHotEncoder(sparse_output=False, **given))
    for i, given in enumerate(
        [
            {},
            {"drop": "first"},
            {"drop": "if_binary"},
            {"handle_unknown": "ignore"},
            {"min_frequency": 12},
            {"min_frequency": 0.2, "handle_unknown": "infrequent_if_exist"},
            {"max_categories": 2},
            {"max_categories": 3, "min_frequency": 2},
        ]
    )
}
TEXTS |= {
    f"ordinal-{i}": (OrdinalEncoder(**given), theirs.OrdinalEncoder(**given))
    for i, given in enumerate(
        [
            {"encoded_missing_value": -5},
            {"handle_unknown": "use_encoded_value", "unknown_value": -1, "encoded_missing_value": -2},
            {"min_frequency": 12, "encoded_missing_value": -2},
        ]
    )
}
TEXTS["mode"] = (SimpleImputer(strategy="most_frequent"), impute.SimpleImputer(strategy="most_frequent"))
TEXTS["constant"] = (
    SimpleImputer(strategy="constant", fill_value="none"), impute.SimpleImputer(strategy="constant", fill_value="none"),
)  # fmt: skip
ALL_OURS = {**{k: v[0] for k, v in NUMBERS.items()}, **{f"bins-{k}": v[0] for k, v in BINS.items()}}


def numbers(n: int = 50, seed: int = 0, *, missing: bool = True) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [
            rng.normal(size=n),
            rng.integers(0, 4, n),
            rng.normal(size=n) * 1e-3 + 1e5,
            np.full(n, 7.0),
            np.full(n, np.nan),
        ]
    )
    if not missing:
        return X[:, :4]
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


def texts(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {
        "town": rng.choice(["Aarhus", "Köln", "Oslo", "東京", ""], n, p=[0.4, 0.3, 0.15, 0.1, 0.05]),
        "two": rng.choice(["x", "y"], n),
        "holes": rng.choice(np.array(["a", "b", np.nan], dtype=object), n, p=[0.5, 0.2, 0.3]),
    }
    return pd.DataFrame(columns).astype(object)


def dense(values: Any) -> Any:
    return values.toarray() if hasattr(values, "toarray") else values


def assert_same(ours: Any, other: Any) -> None:
    ours, other = dense(ours), dense(other)
    assert ours.shape == other.shape
    if ours.dtype == object or other.dtype == object:
        assert ours.tolist() == np.asarray(other, dtype=object).tolist()
    else:
        assert np.allclose(ours, other, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_become_what_scikit_learn_makes_of_them(name: str) -> None:
    X = numbers()
    ours, other = (clone(model).fit(X) for model in NUMBERS[name])
    assert_same(ours.transform(X), other.transform(X))
    assert ours.get_feature_names_out().tolist() == other.get_feature_names_out().tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BINS)
def test_bins_are_scikit_learn_s(name: str) -> None:
    X = numbers(missing=False)
    ours, other = (clone(model).fit(X) for model in BINS[name])
    assert_same(ours.transform(X), other.transform(X))
    for a, b in zip(ours.bin_edges_, other.bin_edges_, strict=True):
        assert np.allclose(a, b)
    assert ours.get_feature_names_out().tolist() == other.get_feature_names_out().tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TEXTS)
def test_texts_become_what_scikit_learn_makes_of_them(name: str) -> None:
    X = texts()
    ours, other = (clone(model).fit(X) for model in TEXTS[name])
    assert_same(ours.transform(X), other.transform(X))
    assert ours.get_feature_names_out().tolist() == other.get_feature_names_out().tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["standard", "range", "ordinal"])
def test_what_was_scaled_can_be_taken_back(name: str) -> None:
    X = numbers(missing=False)
    model = clone(NUMBERS[name][0]).fit(X)
    assert np.allclose(np.asarray(model.inverse_transform(model.transform(X)), dtype=float), X)


def test_what_was_encoded_can_be_taken_back() -> None:
    X = texts()[["town", "two"]]
    model = OneHotEncoder().fit(X)
    assert model.inverse_transform(model.transform(X)).tolist() == X.to_numpy().tolist()


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=30, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ALL_OURS)
def test_forgetting_numbers_equals_a_fresh_fit(name: str, data: Any) -> None:
    n = data.draw(st.integers(2, 25))
    value = st.sampled_from([0.0, -0.0, 1.0, 2.5, -7.0, 1e6]) | st.floats(-1e6, 1e6)
    cell = value if name.startswith("bins") else value | st.just(float("nan"))
    X = np.array(data.draw(st.lists(st.tuples(cell, cell), min_size=n, max_size=n)))
    gone = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=n - 1)))
    stays = [i for i in range(n) if i not in gone]
    model = clone(ALL_OURS[name]).fit(X)
    model.forget(gone)
    twin = clone(ALL_OURS[name]).fit(X[stays], record_ids=stays)
    assert model.digest() == twin.digest()
    assert dense(model.transform(X[stays])).tobytes() == dense(twin.transform(X[stays])).tobytes()


@pytest.mark.parametrize("name", TEXTS)
def test_a_category_that_only_the_forgotten_had_disappears(name: str) -> None:
    X = texts()
    X.loc[7, "town"] = "Zürich"
    model, rest = clone(TEXTS[name][0]).fit(X), X.drop(index=7)
    model.forget(7)
    twin = clone(TEXTS[name][0]).fit(rest.reset_index(drop=True), record_ids=rest.index.to_numpy())
    assert model.digest() == twin.digest()
    assert "Zürich" not in repr(model._state().parts)
    assert "Zürich" not in repr(model._solution())


def test_moments_are_exact() -> None:
    rng = np.random.default_rng(2)
    x = np.round(rng.normal(size=40) * 100) / 4 + 1e6
    model = StandardScaler().fit(x[:, np.newaxis])
    exact = [Fraction(v) for v in x.tolist()]
    mean = sum(exact) / 40
    variance = sum((v - mean) ** 2 for v in exact) / 40
    assert model.mean_[0] == float(mean)
    assert model.var_[0] == float(variance)


def test_weights_are_repetitions() -> None:
    rng = np.random.default_rng(3)
    X, w = rng.normal(size=(30, 2)), rng.integers(1, 5, 30)
    X[3, 1] = np.nan
    often = np.repeat(np.arange(30), w)
    weighted, repeated = StandardScaler().fit(X, sample_weight=w), StandardScaler().fit(X[often])
    assert np.array_equal(weighted.mean_, repeated.mean_)
    assert np.array_equal(weighted.var_, repeated.var_)
    a, b = SimpleImputer().fit(X, sample_weight=w), SimpleImputer().fit(X[often])
    assert a.statistics_ == b.statistics_


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*ALL_OURS, "rare"])
def test_a_record_of_weight_w_counts_as_w_records(name: str) -> None:
    rng = np.random.default_rng(5)
    X, w = np.round(rng.normal(size=(30, 2)) * 3), rng.integers(0, 4, 30)
    model = {**ALL_OURS, "rare": OneHotEncoder(min_frequency=8, handle_unknown="ignore")}[name]
    weighted = clone(model).fit(X, sample_weight=w)
    repeated = clone(model).fit(X[np.repeat(np.arange(30), w)])
    assert np.allclose(weighted.transform(X[w > 0]), repeated.transform(X[w > 0]), rtol=1e-12)


def test_order_statistics_are_those_of_the_records() -> None:
    values = [3.0, 1.0, 1.0, 9.0, 4.0, 4.0, 4.5]
    for n in range(1, len(values) + 1):
        X = np.array(values[:n])[:, np.newaxis]
        assert SimpleImputer(strategy="median").fit(X).statistics_ == [statistics.median(values[:n])]
        often = Counter(values[:n])
        mode = min(v for v in often if often[v] == max(often.values()))
        assert SimpleImputer(strategy="most_frequent").fit(X).statistics_ == [mode]


def test_the_extreme_is_forgotten_with_the_record_that_held_it() -> None:
    model = MinMaxScaler().fit(np.array([[1.0], [5.0], [9.0], [9.0]]))
    model.forget(2)
    assert model.data_max_.tolist() == [9.0]
    model.forget(3)
    assert model.data_max_.tolist() == [5.0]


@pytest.mark.parametrize(
    "steps",
    [
        [SimpleImputer(), StandardScaler()],
        [SimpleImputer(strategy="median"), StandardScaler(), MinMaxScaler()],
        [StandardScaler(), SimpleImputer(strategy="constant", fill_value=-1.0), KBinsDiscretizer(n_bins=3)],
        [MinMaxScaler(), SimpleImputer(), OrdinalEncoder(), StandardScaler()],
        [StandardScaler(), SimpleImputer(), StandardScaler()],
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_chain_is_its_steps_one_after_the_other(steps: list[Any]) -> None:
    """Solved from tallies of the raw column, and the slow way: each fitted on what the one before gave."""
    X = numbers()[:, :4]
    model = expunge.make_pipeline(*steps).fit(X)
    Z = X
    for step in steps:
        Z = dense(clone(step).fit_transform(Z))
    assert np.allclose(dense(model.transform(X)), Z, rtol=1e-6, atol=1e-6)
    model.forget([0, 1, 2])
    twin = expunge.make_pipeline(*steps).fit(X[3:], record_ids=np.arange(3, len(X)))
    assert model.digest() == twin.digest()


def test_text_chains() -> None:
    X = texts()
    model = expunge.make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()).fit(X)
    Z = impute.SimpleImputer(strategy="most_frequent").fit_transform(X)
    assert_same(model.transform(X), theirs.OneHotEncoder().fit_transform(Z))


@pytest.mark.filterwarnings("ignore")
def test_a_column_in_which_nothing_is_known() -> None:
    X = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 5.0]])
    model = SimpleImputer().fit(X)
    assert model.transform(X).shape == (3, 2)
    model.forget(2)  # the only value of the second column
    assert model.transform(X).shape == (3, 1)
    assert model.digest() == SimpleImputer().fit(X[:2]).digest()
    assert np.isnan(StandardScaler().fit(X[:2]).mean_[1])


def test_categories_of_every_kind() -> None:
    frame = pd.DataFrame(
        {
            "i": [3, 1, 3], "f": [0.5, np.nan, 0.5], "b": [True, False, True], "s": ["x", None, "y"],
            "c": pd.Categorical(["lo", "hi", "lo"], categories=["lo", "hi", "never"]),
            "n": pd.array([1, None, 2], dtype="Int64"), "t": pd.array(["x", pd.NA, "y"], dtype="string"),
        }
    )  # fmt: skip
    for name in frame:
        ours = OneHotEncoder().fit(frame[[name]])
        if name not in ("c", "t"):  # a category that no record has is none here; pandas' own NA they do not take
            other = theirs.OneHotEncoder(sparse_output=False).fit(frame[[name]])
            assert_same(ours.transform(frame[[name]]), other.transform(frame[[name]]))
        assert all(len(c) == len(set(map(str, c))) for c in ours.categories_)
    assert OneHotEncoder().fit(frame[["c"]]).categories_[0].tolist() == ["hi", "lo"]


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
def test_bins_of_nothing_wait_for_a_value(strategy: str) -> None:
    X = np.arange(6.0)[:, np.newaxis]
    model = KBinsDiscretizer(n_bins=2, strategy=strategy).fit(X)
    before = model.digest()
    model.forget(list(range(6)))
    with pytest.raises(expunge.errors.ExpungeError, match="dormant"):
        model.transform(X)
    model.learn(X, record_ids=range(6))
    assert model.digest() == before


@pytest.mark.parametrize(
    "encoder",
    [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)],
)
def test_rows_without_any_text_are_encoded_as_others_are(encoder: Any) -> None:
    X = pd.DataFrame({"town": ["Oslo", "Bonn", None]})
    whole = encoder.fit(X).transform(X)
    assert_same(encoder.transform(X[2:]), whole[2:])
    for strange in ([1.0, 2.0], [True, False], [3, None]):  # unknown, and no crash
        encoder.transform(pd.DataFrame({"town": strange}))
    encoder.forget([0, 1])
    for other in ([True, False], ["Oslo", None], [1.0, 2.0]):
        encoder.transform(pd.DataFrame({"town": other}))


def test_an_unseen_category_is_one_sentence() -> None:
    X = texts()
    model = OneHotEncoder().fit(X)
    strange = X.assign(town="Mars")
    with pytest.raises(expunge.errors.InvalidDataError, match="Column 'town' has a category") as caught:
        model.transform(strange)
    assert "Mars" not in str(caught.value), "errors end in logs"
    ignoring = OneHotEncoder(handle_unknown="ignore").fit(X)
    assert not ignoring.transform(strange)[:, :5].any()


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (pd.DataFrame({"a": [1, "x", 2.0]}), "'a' holds"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), "'b'"),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2021-01-01"])}), "dtype"),
    ],
)
def test_columns_that_are_no_numbers_are_refused_by_name(X: Any, words: str) -> None:
    for model in (StandardScaler(), MinMaxScaler(), KBinsDiscretizer(n_bins=2), SimpleImputer()):
        with pytest.raises(InvalidDataError, match=words):
            model.fit(X)


def test_a_number_too_large_is_refused_by_record_and_column() -> None:
    X = pd.DataFrame({"a": [1.0, 1e300]}, index=["ann", "bob"])
    with pytest.raises(ExpungeError, match=r"bob.*'a'"):
        StandardScaler().fit(X)


def test_texts_after_numbers_are_refused_and_nothing_changes() -> None:
    X = pd.DataFrame({"a": np.array([1.0, 2.0], dtype=object)})
    model = OneHotEncoder().fit(X)
    before = model.digest()
    with pytest.raises(InvalidDataError, match="held numbers and now has texts"):
        model.learn(pd.DataFrame({"a": np.array(["x"], dtype=object)}), record_ids=[7])
    assert model.digest() == before


@pytest.mark.parametrize("name", [*NUMBERS, *TEXTS])
@pytest.mark.filterwarnings("ignore")
def test_an_export_holds_no_counts(name: str, tmp_path: Any) -> None:
    model, X = (NUMBERS[name][0], numbers()) if name in NUMBERS else (TEXTS[name][0], texts())
    model = clone(model).fit(X)
    deployed = expunge.load(model.export(tmp_path / "x.expunge"))
    assert dense(deployed.transform(X)).tolist() == dense(model.transform(X)).tolist() or name in NUMBERS
    assert not [key for key in deployed._state().solution if "count" in key or "missing_weight" in key]


@pytest.mark.parametrize(
    "model",
    [
        MinMaxScaler(feature_range=(1, 0)), SimpleImputer(strategy="nearest"), SimpleImputer(fill_value=3),
        OneHotEncoder(drop="last"), OneHotEncoder(min_frequency=0), OneHotEncoder(max_categories=True),
        OrdinalEncoder(unknown_value=3), OrdinalEncoder(handle_unknown="use_encoded_value"),
        KBinsDiscretizer(n_bins=1), KBinsDiscretizer(encode="hot"), StandardScaler(with_mean=1),
        StandardScaler(resolution=0.3), ColumnTransformer([("a", StandardScaler())]),
        ColumnTransformer([("a", StandardScaler(), {"x"})]), ColumnTransformer([("a", theirs.StandardScaler(), [0])]),
        ColumnTransformer([("a", expunge.PCA(), [0])]),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(model: Any) -> None:
    with pytest.raises(InvalidParameterError):
        model.fit(np.arange(8.0).reshape(4, 2))


def test_columns_side_by_side() -> None:
    X = texts().assign(age=np.arange(60.0), size=np.arange(60) % 7)
    model = ColumnTransformer(
        [("t", OneHotEncoder(sparse_output=True), ["town"]), ("d", "drop", "two"), ("p", "passthrough", ["size"])],
        remainder=expunge.make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder()),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = model.fit_transform(X)
    assert hasattr(out, "tocsr")
    names = model.get_feature_names_out().tolist()
    assert names == [f"t__town_{t}" for t in sorted(X["town"].unique())] + [
        "p__size",
        "remainder__holes",
        "remainder__age",
    ]
    assert out.toarray()[:, names.index("p__size")].tolist() == X["size"].tolist()
