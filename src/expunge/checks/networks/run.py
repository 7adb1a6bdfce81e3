"""All checks of methods for networks, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import nn

from expunge.checks.networks import promises
from expunge.checks.networks.case import NetworkCase
from expunge.checks.runner import run_checks
from expunge.checks.verdict import CheckResult
from expunge.methods.networks.network_method import NetworkMethod

__all__ = ["NETWORK_CHECKS", "check_network_method"]

NETWORK_CHECKS: tuple[Callable[[Any], None], ...] = (
    promises.check_the_constructor_of_a_network_method_only_stores,
    promises.check_the_model_that_comes_in_is_not_changed,
    promises.check_the_same_seed_gives_the_same_network,
    promises.check_no_global_seed_is_touched,
    promises.check_any_number_of_records_can_be_forgotten,
    promises.check_unknown_ids_are_refused_before_anything_is_read,
    promises.check_a_model_in_half_precision_is_refused,
    promises.check_frozen_weights_stay_as_they_are,
    promises.check_declared_work_is_counted_work,
    promises.check_the_guarantee_is_never_exact,
    promises.check_a_change_beyond_its_limits_is_refused,
    promises.check_the_dose_is_found_within_limits,
    promises.check_every_parameter_of_a_network_method_matters,
)


def check_network_method(
    method: NetworkMethod | Callable[[nn.Module], NetworkMethod] | NetworkCase, *,
    on_fail: Literal["raise"] | None = "raise",
) -> list[CheckResult]:  # fmt: skip
    """Check that a method for networks keeps its contract, for whoever writes one.

    Parameters
    ----------
    method : NetworkMethod, callable (model) -> NetworkMethod, or NetworkCase
    on_fail : {"raise", None}, default="raise"
        Whether to raise at the first failure or to go on and tell.

    Returns
    -------
    list of CheckResult
        One for each check.

    Raises
    ------
    CheckFailedError
        The name of the check, what was found, and what to do.

    Notes
    -----
    Give it batches small enough for several steps: with one step there is no jump to penalise. A network of 51 weights
    and 24 records: less than a second for most methods.

    Examples
    --------
    >>> from expunge.networks import GradientAscent
    >>> {result.status for result in check_network_method(GradientAscent(lr=0.1, batch_size=2))}
    {'passed'}
    """
    case = method if isinstance(method, NetworkCase) else NetworkCase(method)
    return run_checks(NETWORK_CHECKS, case, expected_failed=None, on_fail=on_fail)  # type: ignore[arg-type]
