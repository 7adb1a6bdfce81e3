"""Whatever is given for a constructor argument, a fit accepts it or refuses it with an error of ours."""

from __future__ import annotations

import decimal
import fractions
import warnings

import numpy as np
from joblib import parallel_config

from checks.instances import SLOW, instances
from expunge.errors import ExpungeError

INSTANCES = instances()

#: What somebody may type, compute or read from a file by mistake, and numbers at the ends of their types.
ODD = (
    None, True, 0, -1, 2**31, 2**63, 10**25, -(2**70), -0.5, 1e308, 1e-320, float("nan"), float("inf"),
    np.float32(0.5), np.int8(1), np.uint64(2**63), np.array(1), np.array([1.0]), np.array([0.1, 0.2]), np.array([]),
    "", "\ud800", b"x", [], ["x", 1], [[1, 2], [3]], {}, object, float, 1j, np.ma.masked, np.datetime64("2020"),
    decimal.Decimal("0.5"), fractions.Fraction(1, 2), 10**400, 1e100, 2.0**1000, 2.0**-1074,
)  # fmt: skip

#: Never a number, a text or a list of such.
NOTHING = (b"x", object, 1j, np.ma.masked, np.array(1), np.datetime64("2020"))


def arguments():
    """Each argument of each instance, by name."""
    for name, case in INSTANCES.items():
        if name not in SLOW:
            yield from ((name, argument) for argument in case.estimator.get_params(deep=False))


def told(name, argument, value):
    """What is wrong with how a fit takes this value, in a word or two; None for nothing."""
    case = INSTANCES[name]
    task = case.remember("twelve rows", lambda: case.task.take(np.linspace(0, len(case.task) - 1, 12, dtype=int)))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), parallel_config("threading"):
            warnings.simplefilter("ignore")
            case.fit(task, **{argument: value})
    except ExpungeError:
        return None
    except Exception as error:  # whatever it is, it is the finding
        return f"{name}({argument}={value!r}): {type(error).__name__}: {error}"
    odd = any(value is nothing for nothing in NOTHING)
    return f"{name}({argument}={value!r}) is accepted" if odd else None
