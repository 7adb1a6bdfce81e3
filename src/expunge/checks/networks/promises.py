"""What every method for networks promises."""

from __future__ import annotations

import copy
import inspect
import math
import random
from typing import Any

import numpy as np
import torch

from expunge.checks.networks.case import N_RECORDS, NetworkCase, Nothing, fingerprint, no_step, small_task, states_equal
from expunge.checks.verdict import expect, expect_refused, skip
from expunge.errors import (
    DuplicateRecordError,
    ExpungeError,
    InvalidRequestError,
    LimitBrokenError,
    UnknownRecordError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.methods.networks.limits import Limits

__all__ = [
    "check_a_change_beyond_its_limits_is_refused",
    "check_a_model_in_half_precision_is_refused",
    "check_any_number_of_records_can_be_forgotten",
    "check_declared_work_is_counted_work",
    "check_every_parameter_of_a_network_method_matters",
    "check_frozen_weights_stay_as_they_are",
    "check_no_global_seed_is_touched",
    "check_the_constructor_of_a_network_method_only_stores",
    "check_the_dose_is_found_within_limits",
    "check_the_guarantee_is_never_exact",
    "check_the_model_that_comes_in_is_not_changed",
    "check_the_same_seed_gives_the_same_network",
    "check_unknown_ids_are_refused_before_anything_is_read",
]


def check_the_constructor_of_a_network_method_only_stores(case: NetworkCase) -> None:
    """Arguments are keyword-only and stand in attributes of their names, the very objects."""
    kind = type(case.estimator)
    for name, parameter in inspect.signature(kind).parameters.items():
        expect(parameter.kind is parameter.KEYWORD_ONLY, f"{case.name}: {name} is no keyword-only argument.")
        marker = object()
        made = kind(**{name: marker})
        expect(getattr(made, name, None) is marker, f"{case.name}: {name} is not stored as given.", "Check later.")


def check_the_model_that_comes_in_is_not_changed(case: NetworkCase) -> None:
    """Weights, buffers, gradients, modes and hooks of the model are what they were; the new one has its modes."""
    model = copy.deepcopy(case.model)
    model[2].train()  # type: ignore[index]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    modes = [layer.training for layer in model.modules()]
    new, _ = case.forget(model=model)
    expect(states_equal(model, case.model), f"{case.name} changes the weights of the model that comes in.", "Copy it.")
    expect([layer.training for layer in model.modules()] == modes, f"{case.name} leaves the model in other modes.")
    expect(
        all(torch.equal(torch.ones_like(p), p.grad) for p in model.parameters() if p.grad is not None),
        f"{case.name} touches gradients of the model.",
    )
    expect(not any(layer._forward_hooks for layer in model.modules()), f"{case.name} leaves hooks on the model.")
    expect([layer.training for layer in new.modules()] == modes, f"{case.name}: the new model is in other modes.")
    expect(all(p.grad is None for p in new.parameters()), f"{case.name}: the new model holds gradients of records.")
    expect(all(p.requires_grad for p in new.parameters()), f"{case.name}: the new model has frozen weights.")


def check_the_same_seed_gives_the_same_network(case: NetworkCase) -> None:
    """Twice the same call gives the same bits, whatever the generators of the process did in between."""
    first, _ = case.forget()
    torch.rand(5)
    second, _ = case.forget()
    expect(states_equal(first, second), f"{case.name}: the same seed gives two networks.", "Draw from job.generator.")


def check_no_global_seed_is_touched(case: NetworkCase) -> None:
    """The generators of torch, NumPy and Python are where they were."""
    before, own = fingerprint(), random.getstate()
    case.forget()
    expect(fingerprint() == before, f"{case.name} moves a generator of the process.", "Draw from job.generator.")
    expect(random.getstate() == own, f"{case.name} moves Python's generator.", "Draw from job.generator.")


def check_any_number_of_records_can_be_forgotten(case: NetworkCase) -> None:
    """One record, fewer than a batch, all but one: each gives numbers, and the removal says how many."""
    for n in (1, 3, N_RECORDS - 1):
        ids = [f"r-{i:02d}" for i in range(n)]
        new, removal = case.forget(ids)
        finite = all(bool(torch.isfinite(p).all()) for p in new.parameters())
        expect(finite, f"{case.name}: weights are no numbers after {n} records were forgotten.")
        expect(removal.n_forgotten == n, f"{case.name} says {removal.n_forgotten} records, and it was {n}.")
        parts = {(row.part, row.kind) for row in removal.utility}
        wanted = {(part, kind) for part in ("forget", "retain") for kind in ("all", "class")}
        expect(parts == wanted, f"{case.name}: the utility report has the parts {sorted(parts)}.")


def check_unknown_ids_are_refused_before_anything_is_read(case: NetworkCase) -> None:
    """Ids that are unknown, named twice, none or on both sides, and an empty retain set; no record is read."""
    everything = [f"r-{i:02d}" for i in range(N_RECORDS)]
    task = small_task()
    model = copy.deepcopy(case.model)
    for ids, retain, kind in (
        (["nobody"], None, UnknownRecordError),
        ([3], None, UnknownRecordError),
        (["r-01", "r-01"], None, DuplicateRecordError),
        ([], None, InvalidRequestError),
        (everything, None, InvalidRequestError),
        (["r-01"], [], InvalidRequestError),
        (["r-01"], ["r-01", "r-02"], InvalidRequestError),
        (["r-01"], ["nobody"], UnknownRecordError),
    ):
        what = f"{case.name}: a request for {ids[:2]} with retain={retain}"
        expect_refused(lambda i=ids, r=retain: case.forget(i, task=task, model=model, retain=r), what, kind)  # type: ignore[misc]
    expect(task.dataset.count == 0, f"{case.name} reads records for a request that it refuses.", "Look first.")
    expect(states_equal(model, case.model), f"{case.name} changes the model for a request that it refuses.")


def check_a_model_in_half_precision_is_refused(case: NetworkCase) -> None:
    """Half precision is refused with what to do, single and double are right."""
    for kind in (torch.float16, torch.bfloat16):
        model = copy.deepcopy(case.model).to(kind)
        expect_refused(lambda m=model: case.forget(model=m), f"{case.name}: {kind}", UnsupportedEstimatorError)  # type: ignore[misc]


def check_frozen_weights_stay_as_they_are(case: NetworkCase) -> None:
    """A parameter that needs no gradient has the same bits afterwards, and is still frozen."""
    model = copy.deepcopy(case.model)
    model[0].requires_grad_(False)  # type: ignore[index]
    new, _ = case.forget(model=model)
    expect(states_equal(new[0], case.model[0]), f"{case.name} changes a frozen layer.", "Change job.trainable().")  # type: ignore[index]
    expect(not any(p.requires_grad for p in new[0].parameters()), f"{case.name} thaws a frozen layer.")


def check_declared_work_is_counted_work(case: NetworkCase) -> None:
    """The removal's work is what the method read, and the plan's."""
    counts = []
    for method in (Nothing(), case.estimator):
        task = small_task()
        _, removal = case.forget(task=task, method=method)
        counts.append(task.dataset.count)
    counted = counts[1] - counts[0]
    expect(removal.work == counted, f"{case.name} says that it read {removal.work} records, and it was {counted}.")
    plan = case.estimator.plan(case.model, small_task(), ["r-01", "r-05", "r-10"])
    expect(
        plan.work_low <= counted <= plan.work_high,
        f"{case.name} plans to read {plan.work_low} to {plan.work_high} records, and it was {counted}.",
    )


def check_the_guarantee_is_never_exact(case: NetworkCase) -> None:
    """Of the kind that the method states, with a sentence, and the one that was planned."""
    _, removal = case.forget()
    stated = type(case.estimator)._strongest
    expect(stated in ("empirical", "certified"), f"{case.name} states {stated}, and no network is proved equal.")
    plan = case.estimator.plan(case.model, small_task(), ["r-01"])
    expect(removal.guarantee.kind == stated, f"{case.name} promises {removal.guarantee.kind}.")
    expect(removal.guarantee == plan.guarantee, f"{case.name} plans another guarantee than it gives.")
    again = type(removal).from_dict(removal.to_dict())
    expect(again == removal, f"{case.name}: the removal does not survive as plain data.")


def check_a_change_beyond_its_limits_is_refused(case: NetworkCase) -> None:
    """A step that is longer than allowed, or too many records, is an error that says what to do."""
    model = copy.deepcopy(case.model)
    _, removal = case.forget()
    if _is_certified(case):
        for given in ({"limits": no_step()}, {"limits": Limits(jump_penalty=1.0)}, {"strength": 0.5}):
            what = f"{case.name}: {given}, which would break a certificate"
            expect_refused(lambda x=given: case.forget(model=model, **x), what, UnsupportedRequestError)  # type: ignore[misc]
    for limits, applies in (
        (no_step(), removal.step_norm > 0 and not _is_certified(case)), (Limits(max_forget_share=0.1), True),
    ):  # fmt: skip
        if applies:
            what = f"{case.name}: a change beyond {limits}"
            error = expect_refused(lambda x=limits: case.forget(model=model, limits=x), what, LimitBrokenError)  # type: ignore[misc]
            expect("retrain" in str(error) or "train again" in str(error), f"{case.name}: {error} proposes nothing.")
    expect(states_equal(model, case.model), f"{case.name} changes the model for a change that is refused.")
    if removal.step_norm and not _is_certified(case):
        todo = "Go by job.step or job.jump (job.replace does not know it), and check with more than one step."
        _, near = case.forget(limits=Limits(jump_penalty=100.0), seed=0)
        expect(near.step_norm != removal.step_norm, f"{case.name} does not know the penalty on the jump.", todo)


def check_the_dose_is_found_within_limits(case: NetworkCase) -> None:
    """The dose that "auto" finds gives the same network as a number, and keeps the limits; or it is an error.

    A certificate has no dose, and refuses the search.
    """
    if _is_certified(case):
        what = f"{case.name}: strength='auto', which would break a certificate"
        expect_refused(lambda: case.forget(strength="auto", reference=0.5), what, UnsupportedRequestError)
        return
    limits = Limits(max_step_norm=2.0)
    ids = [f"r-{i:02d}" for i in range(8)]
    _, first = case.forget(ids)
    target = float(first.utility[0].before < 0.5)  # the far end, so that there is a way to go
    try:
        new, removal = case.forget(ids, limits=limits, strength="auto", reference=target)
    except (LimitBrokenError, InvalidRequestError) as error:
        expect("No dose" in str(error) or "No limit broke" in str(error), f"{case.name}: {error}")
        return
    expect(removal.step_norm <= 2.0, f"{case.name}: auto gives a step of {removal.step_norm:g}, 2 is allowed.")
    again, _ = case.forget(ids, limits=limits, strength=removal.strength)
    expect(states_equal(new, again), f"{case.name}: the dose {removal.strength:g} as a number gives another network.")


def check_every_parameter_of_a_network_method_matters(case: NetworkCase) -> None:
    """Another value of each argument gives another network, or is refused; execution parameters make no difference."""
    method = case.estimator
    base, _ = case.forget()
    for name in inspect.signature(type(method)).parameters:
        values = case.alternatives.get(name, _guesses(getattr(method, name)))
        if not values:
            continue
        expect(
            any(_differs(case, method, name, value, base) for value in values)
            != (name in getattr(type(method), "_execution_params", ())),
            f"{case.name}: {name} makes no difference for {list(values)!r}, or one where it should make none.",
            "Name values that matter in alternatives.",
        )
    if not inspect.signature(type(method)).parameters:
        skip(f"{case.name} has no argument")


def _is_certified(case: NetworkCase) -> bool:
    """Whether the method promises something for whatever comes out, so that nothing may choose among outcomes."""
    return type(case.estimator)._strongest == "certified"


def _differs(case: NetworkCase, method: Any, name: str, value: Any, base: torch.nn.Module) -> bool:
    other = type(method)(**{**{n: getattr(method, n) for n in inspect.signature(type(method)).parameters}, name: value})
    try:
        new, _ = case.forget(method=other)
    except ExpungeError:
        return True
    was, now = base.state_dict(), new.state_dict()
    if name in getattr(type(method), "_execution_params", ()):  # the order of a sum may round otherwise
        return not all(torch.allclose(was[n].double(), now[n].double(), rtol=1e-4, atol=1e-6) for n in was)
    return not all(np.array_equal(was[n].numpy(), now[n].numpy()) for n in was)


def _guesses(value: Any) -> list[Any]:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, int):
        return [value + 1, max(1, value // 16)]
    if isinstance(value, float):
        return [value / 3 if value else 0.3, math.inf]
    return []
