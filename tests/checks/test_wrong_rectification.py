"""The checks of rectify are checked: each method that is wrong on purpose fails the one that is meant for it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

import expunge
from checks.test_wrong_estimators import LeakedRow, Means
from expunge.checks import CHECKS, Case
from expunge.checks.runner import run_check
from expunge.records import Rectification, Removal


class Pretends(Means):
    """Says that it rectified."""

    def rectify(self, record_ids, X=None, y=None, *, digest=False, **keywords):
        plan = self.plan_rectify(record_ids, X, y, **keywords)
        return Rectification(guarantee=plan.guarantee, n_rectified=plan.n_records, work=plan.work_high, elapsed_s=0.0)


class LabelsOnly(Means):
    """Takes the new labels, and leaves the values as they are where single columns are given."""

    def rectify(self, record_ids, X=None, y=None, **keywords):
        return super().rectify(
            record_ids, None if isinstance(X, dict) and len(X) < 4 else X, _kept(self, record_ids, y), **keywords
        )


def _kept(model, record_ids, y):
    return model._rows().peek(model._rows().find(record_ids)).y if y is None else y


class ClassesOfTheFirstFit(Means):
    """Knows the classes that there once were."""

    def _update(self, change):
        known = change.parts.get("labels", {"values": []})["values"]
        labels = np.unique(change.rows.read(change.rows.slots()).y.tolist()).tolist()
        return {**super()._update(change), "labels": {"values": sorted({*known, *labels})}}


class TouchesFirst(Means):
    """Finds out that an id is unknown after it has begun."""

    def rectify(self, record_ids, *args, **keywords):
        known = [
            i for i in np.atleast_1d(np.asarray(record_ids, dtype=object)).tolist() if i in self.record_ids_.tolist()
        ]
        if 0 < len(known) < np.size(record_ids):
            self.forget(known[:1])
        return super().rectify(record_ids, *args, **keywords)


class PlansTooLittle(Means):
    """Counts only the records that come."""

    def _estimate_corrected(self, rows, slots, table):
        return len(table), len(table), ()


class HalfDone(expunge.RetrainClassifier):
    """Leaves the old rows out of sight when training fails."""

    def rectify(self, record_ids, *args, **keywords):
        slots = self._rows().find(record_ids)
        try:
            return super().rectify(record_ids, *args, **keywords)
        except BaseException:
            self._rows().hide(slots)
            raise


class Weaker(Means):
    """Returns another record than it should: that of a removal."""

    def rectify(self, record_ids, *args, **keywords):
        done = super().rectify(record_ids, *args, **keywords)
        return Removal(guarantee=done.guarantee, n_forgotten=done.n_rectified, work=done.work, elapsed_s=0.0)


RECTIFYING = {check.__name__: check for check in CHECKS if "rectif" in check.__name__}
WRONG = [
    (Pretends(), "check_rectifying_records_equals_a_fresh_fit"),
    (LabelsOnly(), "check_rectifying_parts_of_records_equals_a_fresh_fit"),
    (ClassesOfTheFirstFit(), "check_rectifying_classes_that_come_and_go_equals_a_fresh_fit"),
    (LeakedRow(), "check_no_old_value_of_a_rectified_record_is_left"),
    (TouchesFirst(), "check_a_refused_rectification_changes_nothing"),
    (PlansTooLittle(), "check_rectifying_reads_what_was_planned"),
    (Weaker(), "check_rectifying_reads_what_was_planned"),
    (HalfDone(GaussianNB()), "check_a_failed_rectification_changes_nothing"),
]


def status(estimator, check):
    return run_check(RECTIFYING[check], Case(estimator), {}).status


@pytest.mark.parametrize("check", RECTIFYING)
def test_the_right_ones_pass(check):
    assert status(Means(), check) in ("passed", "skipped")
    assert status(expunge.RetrainClassifier(GaussianNB()), check) == "passed"


@pytest.mark.parametrize(("estimator", "check"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_a_wrong_method_fails_the_check_meant_for_it(estimator, check):
    assert status(estimator, check) == "failed"


def test_every_check_has_a_method_that_fails_it():
    assert {check for _, check in WRONG} == set(RECTIFYING)


def test_refusals_do_not_fall_together_with_equality():
    assert status(TouchesFirst(), "check_rectifying_records_equals_a_fresh_fit") == "passed"
    assert status(PlansTooLittle(), "check_a_refused_rectification_changes_nothing") == "passed"
    assert status(LeakedRow(), "check_a_refused_rectification_changes_nothing") == "passed"


def test_what_does_not_rectify_is_skipped_with_a_reason():
    class Without(Means):
        rectify = property()  # hasattr says no

    result = run_check(RECTIFYING["check_rectifying_records_equals_a_fresh_fit"], Case(Without()), {})
    assert (result.status, result.reason) == ("skipped", "Without has no rectify")
