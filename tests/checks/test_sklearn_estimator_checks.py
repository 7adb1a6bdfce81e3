"""Every method passes scikit-learn's own checks; the waivers beside the methods are needed."""

from __future__ import annotations

import warnings

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from checks.instances import instances
from expunge.checks.runner import SKLEARN_WAIVERS
from expunge.methods import METHODS, find_method

#: The pipeline over columns with names cannot learn from the arrays that scikit-learn's checks make.
INSTANCES = {name: case for name, case in instances().items() if case.table == "numbers"}


@pytest.mark.parametrize("method", METHODS)
def test_scikit_learn(method):
    waivers = {check: reason for check, reason in find_method(method)._waivers.items() if check in SKLEARN_WAIVERS}
    needed = set()
    for name, case in INSTANCES.items():
        if case.name != method:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(clone(case.estimator), expected_failed_checks=waivers, on_skip=None, on_fail=None)
        failed = [f"{name}: {r['check_name']}: {r['exception']!r}" for r in results if r["status"] == "failed"]
        assert not failed, "\n".join(failed)
        assert sum(r["status"] == "passed" for r in results) > 40
        needed |= {r["check_name"] for r in results if r["status"] == "xfail"}
    assert needed == set(waivers), "a waiver that no instance needs is to be removed"
