"""The checks are checked: methods that are wrong on purpose fail the check that is meant for them."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import ClassifierMixin

import expunge
from expunge.checks import CHECKS, Case, CheckResult
from expunge.checks.runner import run_checks
from expunge.records import Guarantee, Removal
from expunge.validation import numeric_input

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_model.py"


class Means(ClassifierMixin, expunge.Unlearner):
    """Right: predicts the class whose mean is nearest, and computes all means again."""

    def __init__(self, *, seed=0):
        self.seed = seed

    def _update(self, change):
        return {"means": means_of(change.rows.read(change.rows.slots()))}

    def _solve(self, rows, parts):
        return dict(parts["means"]) if len(parts["means"]["classes"]) else None

    @property
    def classes_(self):
        return self._solution()["classes"].copy()

    def predict(self, X):
        X, _ = numeric_input(self, X, None, reset=False)
        solution = self._solution()
        return solution["classes"][cdist(X, solution["means"]).argmin(axis=1)]


def means_of(table, shift=0.0):
    weight = np.ones(len(table)) if table.weight is None else table.weight + 1.0
    classes = np.unique(table.y.tolist()) if len(table) else np.empty(0)
    means = [np.average(table.X[table.y == c] - shift, axis=0, weights=weight[table.y == c]) for c in classes.tolist()]
    return {"classes": classes, "means": np.array(means)}


class FloatSubtraction(Means):
    """Keeps float sums and subtracts what goes."""

    def _update(self, change):
        table = change.rows.read(change.rows.slots())
        if not change.parts:
            total = table.X.sum(axis=0)
        else:
            total = change.parts["total"]["sum"] - change.removed.X.sum(axis=0) + change.added.X.sum(axis=0)
        return {"means": means_of(table, total / max(1, len(table))), "total": {"sum": total}}


class OrderedShards(Means):
    """Puts records into shards by their place in the input."""

    def _place(self, table):
        return np.arange(len(table)) % 3

    def _update(self, change):
        rows, slots = change.rows, change.rows.slots()
        places = rows.places()[slots]
        parts = {f"shard {k}": means_of(rows.read(slots[places == k])) for k in range(3)}
        return {"means": means_of(rows.read(slots)), **parts}


class LeakedRow(Means):
    """Remembers the first row it ever saw that has since been forgotten, out of sight of every output."""

    def _update(self, change):
        kept = change.parts.get("log", {"values": np.empty((0, 4))})["values"]
        return {**super()._update(change), "log": {"values": np.concatenate([kept, change.removed.X.copy()])}}


class ScaledOnEverything(Means):
    """Scales by the means and deviations of the first fit for ever."""

    def _update(self, change):
        table = change.rows.read(change.rows.slots())
        scaler = change.parts.get("scaler") or {"shift": table.X.sum(axis=0) / max(1, len(table))}
        return {"means": means_of(table, scaler["shift"]), "scaler": scaler}

    def _solve(self, rows, parts):
        solution = super()._solve(rows, parts)
        return solution and {**solution, "means": solution["means"] + parts["scaler"]["shift"]}


class DoNothing(Means):
    """Says that it forgot."""

    def forget(self, record_ids=None, **keywords):
        plan = self.plan(record_ids, **{k: v for k, v in keywords.items() if k != "digest"})
        return Removal(guarantee=plan.guarantee, n_forgotten=plan.n_records, work=plan.work_high, elapsed_s=0.0)


class HiddenRecords(Means):
    """Takes the records off its list and learns nothing from that."""

    def _update(self, change):
        return super()._update(change) if not len(change.removed_slots) else {}


class LittleWork(Means):
    """Trains on everything again and declares to have read what was forgotten."""

    def _update(self, change):
        table = change.rows.peek(change.rows.slots())
        change.rows.count(len(change.removed_slots) + len(change.added_slots))
        return {"means": means_of(table)}

    def _estimate(self, rows, slots):
        return len(slots), len(slots), ()

    def _most_work(self, rows):
        return len(rows)


class DigestOfParameters(Means):
    """Its digest is that of its parameters and ids."""

    def digest(self):
        told = repr((self.get_params(), sorted(map(str, self.record_ids_)), type(self).__name__))
        return hashlib.sha256(told.encode()).hexdigest()


class Stronger(Means):
    """Calls exact what its plan called empirical."""

    def plan(self, *args, **keywords):
        import dataclasses

        guarantee = Guarantee(kind="empirical", statement="nobody knows")
        return dataclasses.replace(super().plan(*args, **keywords), guarantee=guarantee)


class MoreThanItsClass(Means):
    """Calls exact what its class calls empirical."""

    _strongest = "empirical"


class IgnoredParameter(Means):
    """Takes an argument that does nothing."""

    def __init__(self, *, strength=1.0, seed=0):
        super().__init__(seed=seed)
        self.strength = strength


class VerboseMatters(Means):
    """Learns something else when it talks."""

    _execution_params = ("verbose",)

    def __init__(self, *, verbose=0, seed=0):
        super().__init__(seed=seed)
        self.verbose = verbose

    def _update(self, change):
        return {"means": means_of(change.rows.read(change.rows.slots()), float(bool(self.verbose)))}


class IgnoredWeights(Means):
    """Takes sample_weight and does not look at it."""

    def _update(self, change):
        table = change.rows.read(change.rows.slots())
        return {"means": means_of(expunge.rows.Table(table.ids, table.X, table.y))}


class TouchesFirst(Means):
    """Finds out that an id is unknown after it has begun."""

    def forget(self, record_ids=None, **keywords):
        known, ids = set(self.record_ids_.tolist()), np.atleast_1d(np.asarray(record_ids, dtype=object)).tolist()
        if not known.issuperset(ids) and known.intersection(ids):
            super().forget([next(i for i in ids if i in known)])
        return super().forget(record_ids, **keywords)


class PlanThatRemembers(Means):
    """Its plan leaves a trace in the model."""

    def plan(self, *args, **keywords):
        self._state().parts["planned"] = {"times": len(self._state().parts)}
        return super().plan(*args, **keywords)


EQUALITY = "check_forgetting_random_subsets_equals_a_fresh_fit"
ONE = "check_forgetting_one_record_equals_a_fresh_fit"
RECORD = "check_no_value_of_a_forgotten_record_is_left"

#: The check meant for each, and how many may fail in all: None where everything falls that rests on equality.
WRONG = [
    (FloatSubtraction, EQUALITY, None),
    (OrderedShards, "check_row_order_never_matters", None),
    (LeakedRow, RECORD, None),
    (ScaledOnEverything, EQUALITY, None),
    (DoNothing, ONE, None),
    (HiddenRecords, ONE, None),
    (LittleWork, "check_declared_work_is_counted_work", 3),
    (DigestOfParameters, "check_one_flipped_bit_changes_the_digest", None),
    (DigestOfParameters, "check_equal_digests_mean_equal_outputs", None),
    (DigestOfParameters, "check_the_digest_sees_every_value", None),
    (Stronger, "check_the_guarantee_is_the_one_planned", None),
    (MoreThanItsClass, "check_the_guarantee_is_the_one_planned", 1),
    (IgnoredParameter, "check_every_parameter_matters_or_is_refused", 1),
    (VerboseMatters, "check_execution_parameters_make_no_difference", 1),
    (IgnoredWeights, "check_sample_weights_matter_or_are_refused", 1),
    (TouchesFirst, "check_unknown_records_are_refused_and_nothing_changes", 4),
    (PlanThatRemembers, "check_plan_changes_nothing", None),
]

#: What each passes all the same: the checks do not fall together.
STILL_PASSED = {
    FloatSubtraction: {"check_plan_changes_nothing", "check_inputs_are_not_changed", "check_row_order_never_matters"},
    OrderedShards: {"check_one_flipped_bit_changes_the_digest", "check_inputs_are_not_changed"},
    LeakedRow: {"check_row_order_never_matters", "check_one_flipped_bit_changes_the_digest"},
    ScaledOnEverything: {"check_one_flipped_bit_changes_the_digest", "check_row_order_never_matters"},
    DoNothing: {"check_one_flipped_bit_changes_the_digest", "check_row_order_never_matters"},
    DigestOfParameters: {"check_plan_changes_nothing", "check_saved_file_equals_that_of_a_fresh_fit"},
}

_found: dict[type, dict[str, CheckResult]] = {}


def found(kind: type) -> dict[str, CheckResult]:
    """What the checks say; where no number of failures is expected, those alone that something is expected of."""
    if kind not in _found:
        meant = [(check, at_most) for one, check, at_most in WRONG if one is kind]
        named = {check for check, _ in meant} | STILL_PASSED.get(kind, set())
        every = not meant or any(at_most is not None for _, at_most in meant)
        checks = [check for check in CHECKS if every or check.__name__ in named]
        _found[kind] = {one.check: one for one in run_checks(checks, Case(kind()), expected_failed=None, on_fail=None)}
    return _found[kind]


def test_the_right_one_passes():
    assert {name for name, result in found(Means).items() if result.status == "failed"} == set()


@pytest.mark.parametrize(("kind", "check", "at_most"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_wrong_method_fails_the_check_meant_for_it(kind, check, at_most):
    failed = {name for name, result in found(kind).items() if result.status == "failed"}
    assert check in failed
    assert at_most is None or len(failed) <= at_most, failed
    assert STILL_PASSED.get(kind, set()) <= set(found(kind)) - failed


def test_the_sentence_says_what_which_value_and_what_to_do():
    said = found(LittleWork)["check_declared_work_is_counted_work"].reason
    assert "LittleWork: forgetting 5 records (by records) declares work 5, but 49 were read." in said
    assert said.endswith("Read rows through change.rows.read and let them be counted.")


def test_the_example_runs(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    out = capsys.readouterr().out
    assert out.startswith("exact · 3 records · ")
    assert "checks passed" in out
