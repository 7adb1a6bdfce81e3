"""What a change says about classes: a label that nobody had, and the last class that is left."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import expunge

X = np.arange(24.0).reshape(12, 2)
LABELS = np.array(["no"] * 8 + ["yes"] * 4, dtype=object)


def model() -> expunge.GaussianNB:
    return expunge.GaussianNB().fit(X, LABELS)


def test_a_label_that_no_record_had_is_told() -> None:
    fitted = model()
    with pytest.warns(UserWarning, match="New class 'maybe': no record had such a label"):
        fitted.plan_rectify([1], y="maybe")
    with pytest.warns(UserWarning, match="New class 'maybe'"):
        fitted.rectify([1, 2], y=["maybe", "yes"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.rectify([3], y="maybe")  # now there is one
        fitted.rectify([4], X=[[0.0, 1.0]])
        expunge.Ridge().fit(X, np.arange(12.0)).rectify([3], y=55.0)


def test_the_last_class_is_told_beforehand_and_afterwards_without_its_name() -> None:
    fitted = model()
    said = "one class is left, and the model can answer nothing else"
    assert fitted.plan([9]).notes == ()
    assert fitted.plan(classes="yes").notes == (said,)
    assert said in fitted.forget(classes="yes").notes
    assert fitted.plan([1]).notes == (), "it is no news"
    assert expunge.Ridge().fit(X, np.repeat([0.0, 1.0], 6)).plan(list(range(6))).notes == ()


def test_of_a_large_table_a_few_records_are_not_compared_with_all() -> None:
    y = np.zeros(3_000, dtype=np.int64)
    y[:2] = 1
    fitted = expunge.GaussianNB().fit(np.arange(3_000.0)[:, None], y)
    assert fitted.plan([0, 1]).notes == ()
    assert fitted.plan([0, 1, 2, 3]).notes
