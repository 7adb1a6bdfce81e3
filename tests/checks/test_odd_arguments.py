"""Whatever is given as an argument is accepted or refused with an error of ours, never one from further inside."""

from __future__ import annotations

import decimal
import fractions
import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone

import expunge
from checks.instances import SLOW, instances
from expunge.checks import Case
from expunge.errors import ExpungeError, InvalidParameterError

INSTANCES = {name: case for name, case in instances().items() if name not in SLOW}

#: What no argument of a constructor can be.
NEVER = (b"x", object, 1j, np.ma.masked, np.array(1), np.datetime64("2020"))

#: What somebody may type, compute or read from a file by mistake, and numbers at the ends of their types.
ODD = (
    *NEVER, None, True, 0, -1, 2**31, 2**63, 10**25, -(2**70), 10**400, -0.5, 1e308, 1e100, 1e-320, 2.0**1000,
    2.0**-1074, float("nan"), float("inf"), np.float32(0.5), np.int8(1), np.uint64(2**63), decimal.Decimal("0.5"),
    fractions.Fraction(1, 2), np.array([1.0]), np.array([0.1, 0.2]), np.array([]), "", "\ud800", [], ["x", 1],
    [[1, 2], [3]], {}, float,
)  # fmt: skip

#: And what a call may be given in place of a list.
ODD_LISTS = (
    *ODD, np.array("a"), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3, dtype=[("a", int)]),
    np.zeros(3, dtype="M8[s]"), np.zeros((2, 3, 4)), "abc", memoryview(np.zeros((3, 3))), memoryview(b"abc"),
    bytearray(b"abc"), range(3), iter([]),
)  # fmt: skip

#: Arguments of calls that are tried with these.
CALLS = {
    "fit": ("X", "y", "record_ids", "subject_ids", "sample_weight"),
    "learn": ("X", "y", "record_ids", "subject_ids", "sample_weight"),
    "plan": ("record_ids", "subjects", "classes", "features"),
    "predict": ("X",),
}


def finding(what: str, call: Callable[[], Any], *, never: bool = False) -> Iterator[str]:
    """What is wrong with a call, in a line; nothing where it goes well, or is refused as it should be."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            call()
    except ExpungeError:
        return
    except Exception as error:
        yield f"{what}: {type(error).__name__}: {error}"
    else:
        if never:
            yield f"{what} is accepted"


def findings(case: Case, every: int) -> list[str]:
    """Of fits on twelve rows, for each argument with one of so many odd values, others for the next argument."""
    task = case.task.take(np.linspace(0, len(case.task) - 1, 12, dtype=int))
    out: list[str] = []
    for i, name in enumerate(case.estimator.get_params(deep=False)):
        for value in ODD[i % every :: every]:
            fit = partial(case.fit, task, **{name: value})
            out += finding(f"{name}={value!r:.60}", fit, never=any(value is other for other in NEVER))
    return out


@pytest.mark.parametrize("name", INSTANCES)
def test_no_argument_of_a_constructor_breaks_a_fit(name: str) -> None:
    with parallel_config("threading"):
        assert not findings(INSTANCES[name], every=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", INSTANCES)
def test_no_odd_value_breaks_a_fit(name: str) -> None:
    with parallel_config("threading"):
        assert not findings(INSTANCES[name], every=1)


def test_no_argument_of_a_call_breaks_it() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), np.arange(12) % 2
    given = {"fit": {"X": X, "y": y}, "learn": {"X": X[:3], "y": y[:3], "record_ids": [21, 22, 23]}}
    fitted, out = expunge.GaussianNB().fit(X, y), list[str]()
    for verb, names in CALLS.items():
        for name, value in itertools.product(names, ODD_LISTS):
            model = fitted if verb in ("plan", "predict") else expunge.GaussianNB()
            model = model.fit(X, y) if verb == "learn" else model
            call = partial(getattr(model, verb), **given.get(verb, {}) | {name: value})
            out += finding(f"{verb} {name}={value!r:.60}", call)
    assert not out


def test_a_small_integer_of_numpy_is_the_seed_it_says() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), np.arange(12) % 2
    model = expunge.PrivateGaussianNB(allow_large_delta=True, noise_seed=1).fit(X, y)
    assert model.digest() == clone(model).set_params(noise_seed=np.int8(1)).fit(X, y).digest()


def test_steps_too_short_for_floating_point_are_refused() -> None:
    model = expunge.DescentToDelete(norm_bound=1e9, allow_large_delta=True)
    with pytest.raises(InvalidParameterError, match="a step comes no closer to the minimum"):
        model.fit(np.eye(4), [0, 1, 0, 1])
