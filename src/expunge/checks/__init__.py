"""The contract of every method that forgets, as small named functions, for our methods and for yours.

::

    from expunge.checks import check_unlearner
    check_unlearner(MyMethod())                      # raises at the first promise that is broken
    for result in check_unlearner(MyMethod(), on_fail=None):
        print(result)                                # all of them, with reasons and times

Each check is a function of a :class:`Case`, that is an estimator with small seeded data, and its name is a sentence.
They use the public verbs of the method; where the state itself must be looked at (one flipped bit, counted reads) they
know the layout of :class:`expunge.Unlearner`. Two attributes of a class are read, beside the method's code:
``_waivers`` (name of a check -> reason why it fails; the waiver fails when the check passes), ``_alternatives``
(constructor argument -> values that matter) and ``_tried_with`` (constructor argument -> others to set beside it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from expunge.checks.canaries import (
    check_no_value_of_a_forgotten_feature_is_left,
    check_no_value_of_a_forgotten_record_is_left,
    check_no_value_of_a_forgotten_subject_is_left,
)
from expunge.checks.case import Case
from expunge.checks.digests import (
    check_a_digest_kept_up_to_date_equals_one_from_scratch,
    check_equal_digests_mean_equal_outputs,
    check_one_flipped_bit_changes_the_digest,
    check_the_digest_sees_every_value,
)
from expunge.checks.ecosystem import (
    check_clone_and_set_params_start_afresh,
    check_fitting_again_forgets_the_first_fit,
    check_ids_travel_by_metadata_routing,
)
from expunge.checks.exactness import (
    check_forgetting_a_class_equals_a_fresh_fit,
    check_forgetting_all_but_one_equals_a_fresh_fit,
    check_forgetting_all_records_of_a_class_equals_a_fresh_fit,
    check_forgetting_everything_equals_a_fresh_fit,
    check_forgetting_features_equals_a_fresh_fit,
    check_forgetting_one_by_one_in_any_order_equals_a_fresh_fit,
    check_forgetting_one_record_equals_a_fresh_fit,
    check_forgetting_random_subsets_equals_a_fresh_fit,
    check_forgetting_subjects_equals_a_fresh_fit,
    check_forgetting_with_sample_weights_equals_a_fresh_fit,
)
from expunge.checks.files import (
    check_a_changed_file_is_refused,
    check_a_loaded_model_forgets_like_the_original,
    check_export_predicts_the_same_and_knows_no_row,
    check_saved_file_equals_that_of_a_fresh_fit,
)
from expunge.checks.inputs import (
    check_inputs_are_not_changed,
    check_inputs_are_not_kept_by_reference,
    check_outputs_are_copies,
    check_too_little_data_is_refused_by_fit,
)
from expunge.checks.learning import (
    check_a_dormant_model_refuses_to_predict_and_learns_again,
    check_learning_after_forgetting_restores_the_digest,
    check_learning_equals_a_fresh_fit,
)
from expunge.checks.order import (
    check_execution_parameters_make_no_difference,
    check_n_jobs_never_matters,
    check_row_order_never_matters,
)
from expunge.checks.parameters import (
    check_every_parameter_matters_or_is_refused,
    check_sample_weights_matter_or_are_refused,
    check_the_constructor_only_stores,
)
from expunge.checks.plans import (
    check_an_unrepeatable_estimator_is_never_exact,
    check_declared_work_is_counted_work,
    check_plan_changes_nothing,
    check_plan_foretells_the_work,
    check_predicting_changes_nothing,
    check_the_guarantee_is_the_one_planned,
)
from expunge.checks.rectifying import (
    check_a_failed_rectification_changes_nothing,
    check_a_refused_rectification_changes_nothing,
    check_no_old_value_of_a_rectified_record_is_left,
    check_rectifying_classes_that_come_and_go_equals_a_fresh_fit,
    check_rectifying_parts_of_records_equals_a_fresh_fit,
    check_rectifying_reads_what_was_planned,
    check_rectifying_records_equals_a_fresh_fit,
)
from expunge.checks.requests import (
    check_a_failure_midway_changes_nothing,
    check_a_refused_fit_changes_nothing,
    check_forgotten_records_are_refused_and_nothing_changes,
    check_malformed_requests_are_refused_and_nothing_changes,
    check_records_named_twice_are_refused_and_nothing_changes,
    check_unknown_records_are_refused_and_nothing_changes,
    check_unlearnable_records_are_refused_and_nothing_changes,
)
from expunge.checks.runner import Check, parametrize, run_checks
from expunge.checks.tasks import TableKind
from expunge.checks.verdict import CheckResult
from expunge.errors import CheckFailedError

__all__ = [
    "CHECKS",
    "Case",
    "CheckFailedError",
    "CheckResult",
    "check_unlearner",
    "parametrize_with_unlearner_checks",
]

#: The contract, in the order in which it is checked: what the others rest on comes first.
CHECKS: tuple[Check, ...] = (
    check_the_constructor_only_stores,
    check_clone_and_set_params_start_afresh,
    check_fitting_again_forgets_the_first_fit,
    check_row_order_never_matters,
    check_forgetting_one_record_equals_a_fresh_fit,
    check_forgetting_random_subsets_equals_a_fresh_fit,
    check_forgetting_one_by_one_in_any_order_equals_a_fresh_fit,
    check_forgetting_all_records_of_a_class_equals_a_fresh_fit,
    check_forgetting_a_class_equals_a_fresh_fit,
    check_forgetting_subjects_equals_a_fresh_fit,
    check_forgetting_features_equals_a_fresh_fit,
    check_forgetting_with_sample_weights_equals_a_fresh_fit,
    check_forgetting_all_but_one_equals_a_fresh_fit,
    check_forgetting_everything_equals_a_fresh_fit,
    check_a_dormant_model_refuses_to_predict_and_learns_again,
    check_learning_after_forgetting_restores_the_digest,
    check_learning_equals_a_fresh_fit,
    check_rectifying_records_equals_a_fresh_fit,
    check_rectifying_parts_of_records_equals_a_fresh_fit,
    check_rectifying_classes_that_come_and_go_equals_a_fresh_fit,
    check_too_little_data_is_refused_by_fit,
    check_unknown_records_are_refused_and_nothing_changes,
    check_records_named_twice_are_refused_and_nothing_changes,
    check_forgotten_records_are_refused_and_nothing_changes,
    check_malformed_requests_are_refused_and_nothing_changes,
    check_unlearnable_records_are_refused_and_nothing_changes,
    check_a_refused_fit_changes_nothing,
    check_a_failure_midway_changes_nothing,
    check_a_refused_rectification_changes_nothing,
    check_a_failed_rectification_changes_nothing,
    check_plan_changes_nothing,
    check_predicting_changes_nothing,
    check_plan_foretells_the_work,
    check_declared_work_is_counted_work,
    check_the_guarantee_is_the_one_planned,
    check_rectifying_reads_what_was_planned,
    check_an_unrepeatable_estimator_is_never_exact,
    check_saved_file_equals_that_of_a_fresh_fit,
    check_a_loaded_model_forgets_like_the_original,
    check_export_predicts_the_same_and_knows_no_row,
    check_a_changed_file_is_refused,
    check_no_value_of_a_forgotten_record_is_left,
    check_no_value_of_a_forgotten_subject_is_left,
    check_no_value_of_a_forgotten_feature_is_left,
    check_no_old_value_of_a_rectified_record_is_left,
    check_one_flipped_bit_changes_the_digest,
    check_the_digest_sees_every_value,
    check_equal_digests_mean_equal_outputs,
    check_a_digest_kept_up_to_date_equals_one_from_scratch,
    check_inputs_are_not_changed,
    check_inputs_are_not_kept_by_reference,
    check_outputs_are_copies,
    check_every_parameter_matters_or_is_refused,
    check_sample_weights_matter_or_are_refused,
    check_execution_parameters_make_no_difference,
    check_n_jobs_never_matters,
    check_ids_travel_by_metadata_routing,
)


def check_unlearner(
    estimator: Any,
    *,
    table: TableKind = "numbers",
    trusted: Sequence[str] = (),
    alternatives: Mapping[str, Sequence[Any]] | None = None,
    expected_failed: Mapping[str, str] | None = None,
    on_fail: Literal["raise"] | None = "raise",
) -> list[CheckResult]:
    """Check that a method keeps the contract, for whoever writes one.

    Parameters
    ----------
    estimator : estimator or Case
        Cloned before each use; may be fitted. A classifier, regressor or other estimator with ``fit``, ``forget``,
        ``plan``, ``digest``, ``save`` and ``record_ids_``, on :class:`expunge.Unlearner` or not.
    table : {"numbers", "sparse", "frame", "texts", "questions", "interactions"}, default="numbers"
        What it learns from: four columns of floats, the same as a CSR array, a frame with texts, categories and
        numbers, a list of texts, questions with passages, or interactions of users with items.
    trusted : sequence of str
        Types its files may hold, as for :func:`expunge.load`.
    alternatives : dict of str to list, optional
        Values of constructor arguments that matter, where guesses from the default do not.
    expected_failed : dict of str to str, optional
        More waivers: name of a check -> reason. A waived check that passes has failed.
    on_fail : {"raise", None}, default="raise"
        Whether to raise at the first failure or to go on and tell.

    Returns
    -------
    list of CheckResult
        One for each check; "skipped" only where the method does not serve what is checked, with the reason.

    Raises
    ------
    CheckFailedError
        The name of the check, what was found, and what to do.
    InvalidParameterError
        A waiver for what is no check, or without a reason.

    Notes
    -----
    Data of 54 rows are fitted some hundreds of times: a few seconds for a fast estimator. scikit-learn's own
    ``check_estimator`` is the other half of the contract.

    Examples
    --------
    >>> from expunge import RetrainClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> results = check_unlearner(RetrainClassifier(GaussianNB()))
    >>> len(results), {result.status for result in results} <= {"passed", "skipped"}
    (57, True)
    """
    case = (
        estimator
        if isinstance(estimator, Case)
        else Case(estimator, table=table, trusted=trusted, alternatives=alternatives)
    )
    return run_checks(CHECKS, case, expected_failed=expected_failed, on_fail=on_fail)


def parametrize_with_unlearner_checks(estimators: Iterable[Any], *, table: TableKind = "numbers") -> Any:
    """A pytest decorator that runs every check on every estimator as a test of its own.

    Parameters
    ----------
    estimators : iterable of estimators or of Case
    table : {"numbers", "sparse", "frame", "texts", "questions", "interactions"}, default="numbers"
        For the estimators that are no :class:`Case`.

    Returns
    -------
    decorator
        Of a function ``test(estimator, check)`` that calls ``check(estimator)``.

    Raises
    ------
    MissingExtraError
        pytest is not installed.
    """
    return parametrize(CHECKS, estimators, table)
