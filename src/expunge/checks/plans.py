"""A plan changes nothing and comes true; what is declared as work is what was read; the guarantee is the one given."""

from __future__ import annotations

import dataclasses
import inspect
import json
import warnings
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from expunge.checks.case import Case, Request
from expunge.checks.counting import countable, counting
from expunge.checks.unrepeatable import UnrepeatableClassifier, UnrepeatableRegressor
from expunge.checks.verdict import expect, skip
from expunge.records import Guarantee, Plan, Rectification, Removal

__all__ = [
    "check_an_unrepeatable_estimator_is_never_exact",
    "check_declared_work_is_counted_work",
    "check_plan_changes_nothing",
    "check_plan_foretells_the_work",
    "check_predicting_changes_nothing",
    "check_the_guarantee_is_the_one_planned",
]

KINDS = ("exact", "certified", "bounded", "empirical")


def check_plan_changes_nothing(case: Case) -> None:
    """Digest, ids, outputs and file are the same after plans of every kind, and so is what a forget makes of it."""
    for task in case.tasks:
        model = case.model(task)
        before, file = case.see(model, task), case.file(model)
        requests = case.requests(model, task)
        plans = [model.plan(**request.keywords) for request in requests]
        case.expect_same(model, before, task, "a plan")
        expect(case.file(model) == file, f"{case.name}: plan changes the saved file.", "It is a dry run.")
        same = [timeless(model.plan(**request.keywords)) for request in requests] == [timeless(plan) for plan in plans]
        expect(same, f"{case.name}: the same plan twice gives two answers.")
        unplanned = case.model(task)
        for one in (model, unplanned):
            case.forget(one, task, range(4, 9))
        case.expect_same(model, case.see(unplanned, task), task, "five records forgotten after a plan, and without one")


def check_predicting_changes_nothing(case: Case) -> None:
    """Predicting, scoring, exporting and printing leave digest, ids and file as they are."""
    for task in case.tasks:
        model = case.model(task)
        digest, file = model.digest(), case.file(model)
        first = case.outputs(model, task)
        if hasattr(model, "score") and hasattr(model, "predict"):
            model.score(task.X, task.y)
        repr(model), model.get_params(), model.record_ids_
        expect(case.outputs(model, task) == first, f"{case.name}: the same question twice gives two answers.")
        expect(model.digest() == digest, f"{case.name}: predicting changes the digest.", "Caches are no state.")
        expect(case.file(model) == file, f"{case.name}: predicting changes the saved file.", "Caches are no state.")


def _done(case: Case) -> list[tuple[Request, Plan, Removal, int]]:
    """Requests of every kind and size, each planned and done on a fitted model, with the reads counted from outside."""
    out = []
    for task in case.tasks:
        selections = ([0], range(25), range(1, len(task)), range(len(task)))
        requests = case.requests(case.model(task), task)
        requests += [Request("records", {"record_ids": task.ids[list(rows)]}, task.drop(rows)) for rows in selections]
        for request in requests:
            model = case.model(task)
            plan = model.plan(**request.keywords)
            with counting(model) as counter:
                removal = model.forget(**request.keywords)
            out.append((request, plan, removal, counter.count))
    return out


def _all_done(case: Case) -> list[tuple[Request, Plan, Removal, int]]:
    if not countable(case.new()):
        skip(f"{case.name} has no estimator and no expunge rows: its reads cannot be seen from outside")
    out: list[tuple[Request, Plan, Removal, int]] = case.remember("done", lambda: _done(case))
    return out


def check_declared_work_is_counted_work(case: Case) -> None:
    """``Removal.work`` equals the records read again as counted from outside."""
    watched = hasattr(case.estimator.get_params(deep=False).get("estimator"), "fit")
    for request, _, removal, counted in _all_done(case):
        if request.kind == "features" and not watched:
            continue  # a fit of a new model, whose rows cannot be watched beforehand
        expect(
            removal.work == counted,
            f"{case.name}: forgetting {removal.n_forgotten} records (by {request.kind}) declares work {removal.work}, "
            f"but {counted} were read.",
            "Read rows through change.rows.read and let them be counted.",
        )


def check_plan_foretells_the_work(case: Case) -> None:
    """What was read lies within the plan's interval; the plan knows how many records go and names what changes."""
    for request, plan, removal, counted in _all_done(case):
        low, high, what = plan.work_low, plan.work_high, f"{case.name}: forgetting by {request.kind}"
        expect(0 <= low <= high, f"{what}: the plan's interval is {low} to {high}.", "Low must not be above high.")
        read = {removal.work} if request.kind == "features" else {removal.work, counted}
        expect(
            low <= min(read) and max(read) <= high,
            f"{what}: {removal.n_forgotten} records go, the plan says {low} to {high}, {counted} were read, "
            f"{removal.work} declared.",
            "Correct _estimate; give an interval where the work is not known.",
        )
        expect(
            plan.n_records == removal.n_forgotten,
            f"{what}: the plan says {plan.n_records} records, {removal.n_forgotten} were forgotten.",
        )
        expect_named(plan, removal, what)
    _expect_foretold_after_load(case)


def _expect_foretold_after_load(case: Case) -> None:
    """A plan of a model that was loaded comes true on it, and on another that was loaded from the same file."""
    task = case.task
    file = case.file(case.model(task))
    for request in case.requests(case.model(task), task, "records", "subjects"):
        planned = case.load(file)
        plan = planned.plan(**request.keywords)
        for model in (planned, case.load(file)):
            work = model.forget(**request.keywords).work
            expect(
                plan.work_low <= work <= plan.work_high,
                f"{case.name}: of a model that was loaded, forgetting by {request.kind} is planned to read "
                f"{plan.work_low} to {plan.work_high} records and reads {work}.",
                "What a model makes again when it first changes after a load is work, in _estimate too.",
            )


def same_promise(planned: Guarantee, done: Guarantee) -> bool:
    """Whether both promise the same, but for how much of a certificate the change uses: no plan takes the step."""
    if planned.residual is None:
        done = dataclasses.replace(done, residual=None, residual_limit=planned.residual_limit)
    return planned == done


def check_the_guarantee_is_the_one_planned(case: Case) -> None:
    """One kind in the plan and in the removal, with a statement; digests as asked for; records that become JSON."""
    task = case.task
    for request in case.requests(case.model(task), task):
        model = case.model(task)
        before, plan = model.digest(), model.plan(**request.keywords)
        removal = model.forget(**request.keywords, digest=True)
        what = f"{case.name}: forgetting by {request.kind}"
        expect(plan.guarantee.kind in KINDS, f"{what}: the guarantee {plan.guarantee.kind!r} is none of {KINDS}.")
        expect(
            same_promise(plan.guarantee, removal.guarantee),
            f"{what} was planned as {plan.guarantee} and done as {removal.guarantee}.",
            "Nothing weakens in silence.",
        )
        strongest = getattr(model, "_strongest", KINDS[0])
        expect(
            KINDS.index(removal.guarantee.kind) >= KINDS.index(strongest),
            f"{what} is called {removal.guarantee.kind}, and its class says {strongest}.",
            "Set _strongest to the strongest kind that a removal can have.",
        )
        expect(removal.guarantee.statement, f"{what}: the guarantee says nothing.", "State it in words.")
        expect(removal.digest_before == before, f"{what}: digest_before is not the digest before.")
        expect(removal.digest_after == model.digest(), f"{what}: digest_after is not the digest after.")
        expect(before != removal.digest_after, f"{what}: the digest is as before, {before[:12]}….")
        left = set(model.record_ids_.tolist()) == set(request.rest.ids.tolist())
        expect(left, f"{what}: record_ids_ is not what is left.")
        if removal.guarantee.kind == "exact":
            twin = case.fresh(request.rest).digest
            same = removal.digest_after == twin
            expect(same, f"{what} is called exact, but a fresh fit has another digest.", "Say so.")
        again = Removal.from_dict(json.loads(json.dumps(removal.to_dict())))
        expect(again == removal, f"{what}: the removal does not survive JSON.", "Use plain numbers and text.")
        removal = case.model(task).forget(**request.keywords)
        asked = removal.digest_before is None and removal.digest_after is None
        expect(asked, f"{what}: digests are there though nobody asked.")


def check_an_unrepeatable_estimator_is_never_exact(case: Case) -> None:
    """An estimator that gives other bits at each fit lowers the guarantee, with a sentence, at fit, plan and forget."""
    if not hasattr(case.estimator.get_params(deep=False).get("estimator"), "fit"):
        skip(f"{case.name} trains no estimator of the user")
    odd = UnrepeatableClassifier() if is_classifier(case.estimator) else UnrepeatableRegressor()
    task = case.task
    if case.table == "texts" or case.table == "frame":
        task = task.replace(X=np.arange(4.0 * len(task)).reshape(-1, 4))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model = case.new()
        model = case.fit(task, estimator=odd, **_without_options(model))
    expect(
        any("exact" in str(w.message) for w in seen),
        f"{case.name} fitted an estimator that does not repeat its bits without a warning.",
        "Fit a sample twice at fit, and warn.",
    )
    for record in (model.plan(task.ids[:2]), model.forget(task.ids[:2])):
        expect(
            record.guarantee.kind != "exact",
            f"{case.name} calls it exact though the estimator does not repeat its bits.",
            "Compare two fits of a sample at fit.",
        )


def _without_options(model: Any) -> dict[str, Any]:
    """Options that ask more of an estimator than fit and predict, at their defaults."""
    defaults = inspect.signature(type(model).__init__).parameters
    return {
        name: parameter.default
        for name, parameter in defaults.items()
        if name not in ("self", "estimator") and parameter.default is not inspect.Parameter.empty
    }


def expect_named(plan: Plan, done: Removal | Rectification, what: str) -> None:
    """Every part that changed was named by the plan."""
    missed = sorted(set(done.touched) - set(plan.touched))
    expect(
        not missed,
        f"{what}: {missed[:3]} changed, and the plan did not name them.",
        "Name in _estimate every part that may change, come or go.",
    )


def timeless(plan: Plan) -> dict[str, Any]:
    """A plan without its expected time."""
    return {**plan.to_dict(), "expected_s": None}
