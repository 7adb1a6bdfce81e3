"""scikit-learn's machinery works on the method: clone, set_params, and ids that travel by metadata routing."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline

from expunge.checks.case import Case
from expunge.checks.verdict import expect, expect_refused

__all__ = [
    "check_clone_and_set_params_start_afresh",
    "check_fitting_again_forgets_the_first_fit",
    "check_ids_travel_by_metadata_routing",
]


def check_clone_and_set_params_start_afresh(case: Case) -> None:
    """A clone of a fitted model knows nothing and fits to the same digest; set_params is as good as the constructor."""
    task = case.task
    model = case.model(task)
    twin = clone(model)
    from sklearn.exceptions import NotFittedError

    expect_refused(twin.digest, f"{case.name}: the digest of a clone that was never fitted", NotFittedError)
    expect_refused(lambda: twin.forget(task.ids[:1]), f"{case.name}: forgetting before fit", NotFittedError)
    twin.fit(task.X, task.y, record_ids=task.ids, subject_ids=task.subjects)
    case.expect_same(twin, case.fresh(task), task, "a clone fitted on the same data")
    params = model.get_params(deep=False)
    expect(twin.set_params(**params) is twin, f"{case.name}: set_params does not return self.")
    if "seed" in params:
        case.expect_same(
            case.new().set_params(seed=3).fit(task.X, task.y, record_ids=task.ids, subject_ids=task.subjects),
            case.see(case.fit(task, seed=3), task), task, "seed set by set_params",
        )  # fmt: skip
    if "estimator" in params and hasattr(params["estimator"], "get_params"):
        names = [name for name in model.get_params(deep=True) if name.startswith("estimator__")]
        expect(names, f"{case.name}: get_params(deep=True) does not show the estimator's parameters.")


def check_fitting_again_forgets_the_first_fit(case: Case) -> None:
    """The second fit of one object equals the first fit of another."""
    for task in case.tasks:
        model = case.fit(case.task.take(range(30)))
        model.digest()
        case.outputs(model, case.task)
        model.fit(task.X, task.y, record_ids=task.ids, subject_ids=task.subjects)
        case.expect_same(model, case.fresh(task), task, "fitted a second time, on other data")


def check_ids_travel_by_metadata_routing(case: Case) -> None:
    """Through Pipeline, GridSearchCV and cross_validate, each fold's model knows the ids of its own rows."""
    task = case.task
    metadata = {"record_ids": task.ids, "subject_ids": task.subjects}
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = case.new().set_fit_request(record_ids=True, subject_ids=True)
        pipeline = Pipeline([("before", "passthrough"), ("model", model)])
        pipeline.fit(task.X, task.y, **metadata)
        case.expect_same(pipeline[-1], case.fresh(task), task, "fitted in a Pipeline")
        seeds = {"model__seed": [model.seed]} if hasattr(model, "seed") else {}
        search = GridSearchCV(pipeline, seeds, cv=KFold(2), scoring=_constant, error_score="raise")
        search.fit(task.X, task.y, **metadata)
        case.expect_same(search.best_estimator_[-1], case.fresh(task), task, "fitted by GridSearchCV")
        scores = cross_validate(
            pipeline, task.X, task.y, cv=KFold(3), params=metadata, scoring=_constant, return_estimator=True,
            return_indices=True, error_score="raise",
        )  # fmt: skip
        for fitted, rows in zip(scores["estimator"], scores["indices"]["train"], strict=True):
            fold = task.take(rows)
            case.expect_same(fitted[-1], case.fresh(fold), fold, "fitted by cross_validate")
            fitted[-1].forget(fold.ids[:2])
            expect(len(fitted[-1].record_ids_) == len(fold) - 2, f"{case.name}: a fold's model does not forget by id.")


def _constant(estimator: Any, X: Any, y: Any = None) -> float:
    return float(np.float64(0.0))
