"""Every method of the table keeps the contract."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module

import pytest
from sklearn.tree import DecisionTreeRegressor

import expunge.checks
from checks.instances import KINDS, N_METHODS, SLOW, instances
from expunge.checks import CHECKS, Case, check_unlearner, parametrize_with_unlearner_checks
from expunge.checks.runner import SKLEARN_WAIVERS
from expunge.methods import METHODS

INSTANCES = instances()

#: Why a check may not apply, by its name, as a pattern: whatever else is skipped is a failure.
ALLOWED_SKIPS = {
    "check_forgetting_all_records_of_a_class_equals_a_fresh_fit": "has no classes",
    "check_forgetting_a_class_equals_a_fresh_fit": "does not forget classes",
    "check_rectifying_classes_that_come_and_go_equals_a_fresh_fit": "has no classes",
    "check_a_failed_rectification_changes_nothing": "trains no estimator of the user",
    "check_a_failure_midway_changes_nothing": "trains no estimator of the user",
    "check_an_unrepeatable_estimator_is_never_exact": "trains no estimator of the user",
    "check_execution_parameters_make_no_difference": "has no execution parameter beside n_jobs",
    "check_n_jobs_never_matters": "has no n_jobs",
    "check_forgetting_features_equals_a_fresh_fit": "does not forget features of ",
    "check_no_value_of_a_forgotten_feature_is_left": "columns without names",
    "check_export_predicts_the_same_and_knows_no_row": "An export would hold training rows",
    "check_unlearnable_records_are_refused_and_nothing_changes": "more records than the steps were chosen for",
    "check_forgetting_with_sample_weights_equals_a_fresh_fit": r"of (\w+) with weights: \1 takes no sample_weight",
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in INSTANCES])
def test_method_keeps_the_contract(name, record_property):
    case = INSTANCES[name]
    results = check_unlearner(case, on_fail=None)
    record_property(
        "contract",
        {
            "method": case.name,
            "instance": name,
            "checks": len(results),
            "statuses": [result.status for result in results],
            "seconds": sum(result.seconds for result in results),
        },
    )
    assert [result.check for result in results] == [check.__name__ for check in CHECKS]
    failed = [str(result) for result in results if result.status == "failed"]
    assert not failed, "\n".join(failed)
    for result in results:
        if result.status == "skipped":
            inequal = case.kind() != "exact" and result.reason.endswith(f"promises {case.kind()}, not equality")
            assert inequal or re.search(ALLOWED_SKIPS.get(result.check, "no reason"), result.reason), str(result)
    assert case.kind() == KINDS.get(name, "exact")


def test_every_method_has_an_instance():
    assert len(METHODS) == N_METHODS, (
        "Say in instances.py how many methods there are, and give the new one an instance."
    )
    assert {case.name for case in INSTANCES.values()} == set(METHODS)
    assert set(INSTANCES) > SLOW
    assert {case.name for name, case in INSTANCES.items() if name not in SLOW} == set(METHODS)


def test_waivers_of_methods_name_checks_and_reasons():
    known = {check.__name__ for check in CHECKS} | set(SKLEARN_WAIVERS)
    for case in INSTANCES.values():
        for check, reason in type(case.estimator)._waivers.items():
            assert check in known
            assert len(reason) > 20


def test_list_holds_every_check_once():
    defined = set()
    for module in pkgutil.iter_modules(expunge.checks.__path__, "expunge.checks."):
        members = inspect.getmembers(import_module(module.name), inspect.isfunction)
        defined |= {f for n, f in members if n.startswith("check_") and f.__module__ == module.name}
    assert set(CHECKS) == defined
    assert len(CHECKS) == len(set(CHECKS)) == 57
    for check in CHECKS:
        assert len(check.__name__.split("_")) > 3, "the name is a sentence"
        assert check.__doc__
        assert list(inspect.signature(check).parameters) == ["case"]


@parametrize_with_unlearner_checks([Case(expunge.RetrainRegressor(DecisionTreeRegressor(max_depth=2)))])
def test_checks_as_tests_of_their_own(estimator, check):
    check(estimator)
