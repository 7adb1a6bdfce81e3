"""The audit is audited: fake unlearners are caught, retrained models are not accused."""

from __future__ import annotations

import pytest
from scipy import stats

from expunge.audit.cards import card
from expunge.errors import InvalidParameterError
from expunge.lab.controls import CONTROLS, run_self_test


def test_a_short_self_test_repeats_and_overfits() -> None:
    first = run_self_test(trials=3, seed=1)
    assert first == run_self_test(trials=3, seed=1)
    assert first.rows != run_self_test(trials=3, seed=2).rows
    assert first.train_accuracy - first.test_accuracy > 0.2
    by_name = {row.name: row for row in first.rows}
    assert set(by_name) == set(CONTROLS)
    for name in ("do nothing", "output filter", "label flip"):
        assert by_name[name].caught >= 2, by_name[name]


@pytest.mark.slow
def test_controls_are_caught_and_retrains_are_not_accused() -> None:
    """P7, on 200 independent models a cell."""
    found = run_self_test(trials=200, n_jobs=2)
    for row in found.rows:
        if row.must_catch:
            assert row.caught / found.trials >= 0.8, row
        else:
            assert stats.binomtest(row.caught, found.trials, found.alpha, alternative="greater").pvalue > 0.01, row
    assert found.passed
    assert not any(card(name).decides for name in found.idle)


def test_no_trials_are_no_test() -> None:
    with pytest.raises(InvalidParameterError):
        run_self_test(trials=0)
