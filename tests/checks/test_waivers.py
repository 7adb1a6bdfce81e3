"""Waivers have a reason, stand beside the method, and fail when the check starts to pass; results and plug-ins."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from expunge import RetrainClassifier
from expunge.checks import Case, CheckFailedError, CheckResult, check_unlearner
from expunge.checks.canaries import forms, search
from expunge.checks.counting import counting
from expunge.checks.runner import run_check, run_checks
from expunge.checks.tasks import make_tasks
from expunge.checks.verdict import expect, skip
from expunge.errors import ExpungeError, InvalidParameterError


def check_that_passes(case):
    pass


def check_that_fails(case):
    expect(False, "It is so.", "Do this.")


def check_that_breaks(case):
    raise ZeroDivisionError("by zero")


def check_that_skips(case):
    skip("not served")


class Waived(GaussianNB):
    _waivers = {"check_that_fails": "known since 1999"}  # noqa: RUF012


CHECKS = (check_that_passes, check_that_fails, check_that_breaks, check_that_skips)


def results(checks, estimator=None, **keywords):
    found = run_checks(checks, Case(estimator or GaussianNB()), expected_failed=keywords, on_fail=None)
    return [result.status for result in found]


def test_statuses():
    assert results(CHECKS) == ["passed", "failed", "failed", "skipped"]
    waived = ["passed", "expected-failed", "expected-failed", "skipped"]
    assert results(CHECKS, Waived(), check_that_breaks="so be it") == waived


def test_waiver_fails_when_the_check_passes():
    result = run_check(check_that_passes, Case(GaussianNB()), {"check_that_passes": "was broken once"})
    assert result.status == "failed"
    assert "was broken once" in result.reason
    assert "Remove the waiver" in result.reason


def test_waiver_without_a_check_or_a_reason_is_refused():
    with pytest.raises(InvalidParameterError, match="waives 'check_nothing', which is no check"):
        results(CHECKS, check_nothing="why")
    with pytest.raises(InvalidParameterError, match="without a reason"):
        results(CHECKS, check_that_fails=" ")


def test_raises_at_the_first_failure():
    with pytest.raises(CheckFailedError, match=r"check_that_fails: It is so\. Do this\.") as caught:
        run_checks(CHECKS, Case(GaussianNB()), expected_failed=None, on_fail="raise")
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, ExpungeError)
    with pytest.raises(InvalidParameterError, match="on_fail"):
        check_unlearner(GaussianNB(), on_fail="warn")


def test_result_is_a_sentence():
    broken = run_check(check_that_breaks, Case(GaussianNB()), {})
    assert str(broken) == "check_that_breaks: failed (ZeroDivisionError: by zero)"
    assert isinstance(broken.exception, ZeroDivisionError)
    assert str(CheckResult(check="a", status="passed")) == "a: passed"


def test_canaries_are_found_in_every_form():
    text, number, value = "canary-ü", 0x5EC2E7C0FFEE1234, 617.25
    found = {"text": forms(text), "number": forms(number), "value": forms(value)}
    for data in (text.encode("utf-16-le"), np.array([text]).tobytes(), b'"canary-\\u00fc"'):
        assert search(b"x" + data, found) == ["text"]
    for data in (np.int64(number).tobytes(), np.array(number, dtype=">i8").tobytes(), str(number).encode()):
        assert search(data + b"x", found) == ["number"]
    scaled = np.int64(value * 2**32)
    for data in (np.float64(value).tobytes(), np.float32(value).tobytes(), b"=617.25,", scaled.tobytes()):
        assert search(b"x" + data, found) == ["value"]
    assert search(b"x" * 100, found) == []


def test_counting_sees_what_an_estimator_is_fitted_on():
    task = make_tasks(GaussianNB())[0]
    inner = make_pipeline(StandardScaler(), GaussianNB())  # a pipeline counts once
    model = RetrainClassifier(inner).fit(task.X, task.y)
    digest = model.digest()
    with counting(model) as counter:
        model.forget([1, 2])
    assert counter.count == len(task) - 2
    with counting(model) as counter:
        assert model.digest() != digest
    assert counter.count == 0
    with counting(model) as counter:
        model.predict(task.X[:7])
    assert counter.count == 7
    assert RetrainClassifier(inner).fit(task.X, task.y).digest() == digest, "nothing stays patched"
    model = RetrainClassifier(SGDClassifier())
    with counting(model) as counter:
        SGDClassifier(max_iter=3, tol=None).fit(task.X, task.y).partial_fit(task.X[:9], task.y[:9])
    assert counter.count == len(task) + 9


class Majority(ClassifierMixin, BaseEstimator):
    """A plug-in that is not built on Unlearner: it predicts the most frequent class, and keeps rows by id."""

    def fit(self, X, y, *, record_ids=None, subject_ids=None):
        self.rows_ = dict(zip(np.asarray(record_ids).tolist(), np.asarray(y).tolist(), strict=True))
        return self

    @property
    def record_ids_(self):
        return np.array(sorted(self.rows_), dtype=object)

    def digest(self):
        return hashlib.sha256(repr(sorted(self.rows_.items())).encode()).hexdigest()

    def predict(self, X):
        labels = sorted(self.rows_.values(), key=lambda label: (list(self.rows_.values()).count(label), str(label)))
        return np.array([labels[-1]] * len(X), dtype=object)


def test_a_plug_in_needs_no_parent():
    """It lacks most verbs: the checks say so one by one and none of them breaks the run."""
    found = {result.check: result for result in check_unlearner(Majority(), on_fail=None)}
    assert found["check_fitting_again_forgets_the_first_fit"].status == "passed"
    assert found["check_forgetting_one_record_equals_a_fresh_fit"].status == "failed"
    assert "no attribute 'plan'" in found["check_forgetting_one_record_equals_a_fresh_fit"].reason
