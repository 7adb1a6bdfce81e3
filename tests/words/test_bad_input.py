"""Odd tables from Python: they are learned from and forgotten, or refused before anything has changed."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import expunge

N = 20
WORDS = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
SUMS = [expunge.GaussianNB(), expunge.MultinomialNB(), expunge.NearestCentroid(), expunge.Ridge()]
WRAPPERS = [expunge.SISAClassifier(LogisticRegression(), n_shards=2), expunge.RetrainClassifier(WORDS)]
of_all = pytest.mark.parametrize("model", [*SUMS, *WRAPPERS], ids=lambda model: type(model).__name__)
of_sums = pytest.mark.parametrize("model", SUMS, ids=lambda model: type(model).__name__)


def table() -> pd.DataFrame:
    i = np.arange(N)
    return pd.DataFrame({"a": i / 4.0, "b": (i * 7 % 5) / 2})


def labels() -> np.ndarray:
    return np.arange(N) % 2


def refused(model: Any, X: Any, y: Any) -> str:
    """The sentence with which a fit is refused; a model that was there before is as it was, a new one stays new."""
    new, old = clone(model), clone(model).fit(table(), labels())
    before = old.digest()
    with pytest.raises((ValueError, TypeError)) as caught:
        new.fit(X, y)
    with pytest.raises(NotFittedError):
        new.predict(table())
    with pytest.raises((ValueError, TypeError)):
        old.fit(X, y)
    assert old.digest() == before
    return str(caught.value)


HANDLED: dict[str, Callable[[pd.DataFrame], Any]] = {
    "constant column": lambda X: X.assign(b=1.0),
    "integers that may be missing": lambda X: X.assign(a=pd.array(range(N), dtype="Int64")),
    "truth values": lambda X: X.assign(a=[True, False] * (N // 2)),
    "small floats": lambda X: X.astype("float32"),
    "numbers as objects": lambda X: X.astype(object),
}


@of_all
@pytest.mark.parametrize("case", HANDLED)
def test_odd_columns_are_learned_and_forgotten(model: Any, case: str) -> None:
    X, y, keep = HANDLED[case](table()), labels(), np.arange(N) != 3
    learned, fresh = clone(model).fit(X, y), clone(model).fit(X[keep], y[keep], record_ids=np.flatnonzero(keep))
    learned.forget(3)
    assert learned.digest() == fresh.digest()
    assert len(learned.predict(X)) == N


NOT_NUMBERS: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "numbers and texts": (lambda X: X.assign(a=[*range(N - 1), "viel"]), "Column 'a', row 19 holds text"),
    "texts": (lambda X: X.assign(a="rot"), "Column 'a', row 0 holds text"),
    "categories": (lambda X: X.assign(a=pd.Categorical(["rot", "blau"] * (N // 2))), "Column 'a', row 0 holds text"),
    "missing numbers": (lambda X: X.assign(a=[np.nan, *range(N - 1)]), "contains NaN"),
    "missing integers": (lambda X: X.assign(a=pd.array([None, *range(N - 1)], dtype="Int64")), "contains NaN"),
    "dates": (lambda X: X.assign(a=pd.date_range("2020-01-01", periods=N)), "Column 'a' holds dates"),
    "complex numbers": (lambda X: X.assign(a=np.arange(N) * 1j), "Complex data not supported"),
}


@of_sums
@pytest.mark.parametrize("case", NOT_NUMBERS)
def test_sums_refuse_what_is_no_number(model: Any, case: str) -> None:
    spoil, words = NOT_NUMBERS[case]
    said = refused(model, spoil(table()), labels())
    assert words in said
    assert "viel" not in said, "errors end in logs"
    assert "rot" not in said


@of_all
def test_repeated_columns_are_refused_by_name(model: Any) -> None:
    assert "2 columns are named 'a'" in refused(model, table().set_axis(["a", "a"], axis=1), labels())


@pytest.mark.parametrize("cell", [[1], b"x", {"a": 1}, datetime.date(2020, 1, 1)], ids=lambda cell: type(cell).__name__)
def test_cells_that_no_file_can_hold_are_refused(cell: Any) -> None:
    said = refused(expunge.SISAClassifier(WORDS, n_shards=2), table().assign(a=[cell] * N), labels())
    assert "Column 'a', row 0" in said
    assert type(cell).__name__ in said


MISSING: dict[str, Any] = {
    "NaN": np.array([np.nan, 1.0] + [0.0, 1.0] * 9),
    "None": np.array([None, "nein"] + ["ja", "nein"] * 9, dtype=object),
    "NA": pd.Series([None, 1] + [0, 1] * 9, dtype="Int64"),
    "category": pd.Series(pd.Categorical([None, "nein"] + ["ja", "nein"] * 9)),
}


@pytest.mark.parametrize("model", [*SUMS[:3], *WRAPPERS], ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("case", MISSING)
def test_a_missing_label_is_refused_with_its_row(model: Any, case: str) -> None:
    said = refused(model, table(), MISSING[case])
    assert "row 0" in said
    assert "Drop or label it." in said


def test_a_missing_number_to_predict_is_refused() -> None:
    for case in ("NaN", "NA"):
        assert "contains NaN" in refused(expunge.Ridge(), table(), MISSING[case])


def test_a_new_dtype_at_predict_is_refused_and_changes_nothing() -> None:
    for model in SUMS:
        fitted = clone(model).fit(table(), labels())
        before = fitted.digest()
        with pytest.raises(ValueError, match="Column 'a', row 0 holds text"):
            fitted.predict(table().assign(a="rot"))
        assert fitted.digest() == before


@of_all
def test_ids_beyond_53_bits_are_different_ids(model: Any) -> None:
    """A float would take the two for one."""
    near = [2**53 + i for i in range(N)]
    learned = clone(model).fit(table(), labels(), record_ids=near, subject_ids=near)
    assert learned.forget(2**53 + 1).n_forgotten == 1
    assert learned.forget(subjects=[2**53]).n_forgotten == 1
    assert sorted(learned.record_ids_.tolist()) == near[2:]
    learned = clone(model).fit(table(), labels(), record_ids=[f"{i:020d}" for i in range(N)])
    with pytest.raises(expunge.errors.UnknownRecordError):
        learned.forget("7")
    assert learned.forget("00000000000000000007").n_forgotten == 1
    with pytest.raises(expunge.errors.InvalidIdError, match="beyond 64 bits"):
        clone(model).fit(table(), labels(), record_ids=[2**64 + i for i in range(N)])
