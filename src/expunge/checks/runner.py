"""Running the contract: one method, every check, with waivers that have a reason and end when the check passes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal
from unittest import SkipTest

from expunge.arguments import check_choice
from expunge.checks.case import Case
from expunge.checks.tasks import TableKind
from expunge.checks.verdict import CheckResult
from expunge.errors import CheckFailedError, InvalidParameterError, MissingExtraError

__all__ = ["SKLEARN_WAIVERS", "Check", "parametrize", "run_check", "run_checks"]

Check = Callable[[Case], None]

#: Checks of scikit-learn that a method which hashes records may waive, in ``_waivers`` too: a record repeated twice has
#: two ids, so it is not one record of weight two.
SKLEARN_WAIVERS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def run_check(check: Check, case: Case, waivers: Mapping[str, str]) -> CheckResult:
    """Run one check and say what it found. A waived check that passes has failed."""
    name, start = check.__name__, time.perf_counter()

    def result(status: Any, reason: str = "", exception: BaseException | None = None) -> CheckResult:
        seconds = time.perf_counter() - start
        return CheckResult(check=name, status=status, reason=reason, exception=exception, seconds=seconds)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(case)
    except SkipTest as skipped:
        return result("skipped", str(skipped), skipped)
    except Exception as error:
        if name in waivers:
            return result("expected-failed", waivers[name], error)
        said = str(error) if isinstance(error, CheckFailedError) else f"{type(error).__name__}: {error}"
        return result("failed", said, error)
    if name in waivers:
        said = f"{name} is waived for {case.name} ({waivers[name]}), but it passes."
        return result("failed", f"{said} Remove the waiver.", CheckFailedError(said, hint="Remove the waiver."))
    return result("passed")


def run_checks(
    checks: Sequence[Check], case: Case, *, expected_failed: Mapping[str, str] | None, on_fail: Literal["raise"] | None
) -> list[CheckResult]:
    """Run checks one after the other; see :func:`expunge.checks.check_unlearner`.

    Raises
    ------
    InvalidParameterError
        ``on_fail`` is neither "raise" nor None.
    CheckFailedError
        The first check that failed, with ``on_fail="raise"``.
    """
    check_choice("on_fail", on_fail, ("raise", None))
    waivers = waivers_of(checks, case, expected_failed)
    results = []
    for check in checks:
        result = run_check(check, case, waivers)
        if result.status == "failed" and on_fail == "raise":
            raise _raisable(result) from result.exception
        results.append(result)
    return results


def _raisable(result: CheckResult) -> CheckFailedError:
    return CheckFailedError(f"{result.check}: {result.reason}")


def waivers_of(checks: Sequence[Check], case: Case, expected_failed: Mapping[str, str] | None) -> dict[str, str]:
    """The waivers beside the method and those of the caller; each names a check and has a reason."""
    waivers = {**getattr(type(case.estimator), "_waivers", {}), **(expected_failed or {})}
    known = {check.__name__ for check in checks}
    for name, reason in waivers.items():
        if name not in known and name not in SKLEARN_WAIVERS:
            raise InvalidParameterError(f"{case.name} waives {name!r}, which is no check.", hint="Remove the waiver.")
        if not isinstance(reason, str) or not reason.strip():
            raise InvalidParameterError(f"{case.name} waives {name} without a reason.", hint="Say why it fails.")
    return waivers


def parametrize(checks: Sequence[Check], estimators: Iterable[Any], table: TableKind) -> Any:
    """The pytest decorator behind :func:`expunge.checks.parametrize_with_unlearner_checks`.

    Raises
    ------
    MissingExtraError
        pytest is not installed.
    """
    try:
        import pytest
    except ImportError as error:
        raise MissingExtraError("pytest is not installed.", hint="pip install 'expunge[test]'.") from error
    cases = [e if isinstance(e, Case) else Case(e, table=table) for e in estimators]
    params = []
    for case in cases:
        waivers = waivers_of(checks, case, None)
        for check in checks:
            params.append(pytest.param(case.estimator, _as_test(check, case, waivers), id=f"{case!r}-{check.__name__}"))
    return pytest.mark.parametrize(("estimator", "check"), params)


def _as_test(check: Check, case: Case, waivers: Mapping[str, str]) -> Callable[[Any], None]:
    def run(estimator: Any) -> None:
        import pytest

        result = run_check(check, case, waivers)
        if result.status == "failed":
            raise _raisable(result) from result.exception
        if result.status == "skipped":
            pytest.skip(result.reason)
        if result.status == "expected-failed":
            pytest.xfail(result.reason)

    run.__name__ = check.__name__
    return run
