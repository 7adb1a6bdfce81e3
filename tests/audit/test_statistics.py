"""Intervals and tests against definitions, enumeration and published numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.metrics import roc_auc_score

from expunge.audit import ranks, statistics
from expunge.audit.epsilon import least_epsilon
from expunge.errors import InvalidDataError, InvalidParameterError

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (7, 7), (3, 10), (682, 925)])
def test_clopper_pearson_inverts_the_binomial_tails(successes: int, trials: int) -> None:
    """Not by the beta distribution: by the rates at which each tail of the binomial is 2.5 %."""
    got = statistics.clopper_pearson(successes, trials)
    if successes:
        low = optimize.brentq(lambda p: stats.binom.sf(successes - 1, trials, p) - 0.025, 1e-9, 1 - 1e-9)
        assert got.low == pytest.approx(low)
    if successes < trials:
        high = optimize.brentq(lambda p: stats.binom.cdf(successes, trials, p) - 0.025, 1e-9, 1 - 1e-9)
        assert got.high == pytest.approx(high)


def test_clopper_pearson_of_the_textbook() -> None:
    """682 of 925 plants (Conover 1971, as in R's binom.test)."""
    got = statistics.clopper_pearson(682, 925)
    assert (round(got.low, 7), round(got.high, 7)) == (0.7076683, 0.7654066)


@pytest.mark.parametrize(("a", "b"), [(-1, 3), (4, 3), (0, 0)])
def test_counts_that_are_none(a: int, b: int) -> None:
    with pytest.raises(InvalidParameterError, match="no proportion"):
        statistics.clopper_pearson(a, b)


@pytest.mark.parametrize("decimals", [0, 6])
def test_auc_counts_pairs(decimals: int) -> None:
    members, others = RNG.normal(0.5, 1, 40).round(decimals), RNG.normal(size=60).round(decimals)
    pairs = np.mean([(m > o) + 0.5 * (m == o) for m, o in itertools.product(members, others)])
    assert statistics.auc(members, others) == pytest.approx(pairs)
    labels = np.repeat([1, 0], [40, 60])
    assert statistics.auc(members, others) == pytest.approx(roc_auc_score(labels, np.concatenate([members, others])))


def delong_by_definition(members: np.ndarray, others: np.ndarray) -> float:
    """Variance from the kernel of each pair, two loops."""
    psi = np.array([[float(m > o) + 0.5 * float(m == o) for o in others] for m in members])
    return float(psi.mean(axis=1).var(ddof=1) / len(members) + psi.mean(axis=0).var(ddof=1) / len(others))


def test_delong_follows_the_definition() -> None:
    members, others = RNG.normal(0.6, 1, 30).round(1), RNG.normal(size=50).round(1)
    got = statistics.delong(members, others)
    error = np.sqrt(delong_by_definition(members, others))
    logit = np.log(got.value / (1 - got.value))
    half = 1.959964 * error / (got.value * (1 - got.value))
    assert np.log(got.high / (1 - got.high)) == pytest.approx(logit + half, abs=1e-6)
    assert np.log(got.low / (1 - got.low)) == pytest.approx(logit - half, abs=1e-6)


def test_delong_and_bootstrap_agree() -> None:
    members, others = RNG.normal(0.7, 1, 200), RNG.normal(size=200)
    exact, resampled = statistics.delong(members, others), statistics.bootstrap_auc(members, others, seed=0)
    assert exact.value == pytest.approx(resampled.value)
    assert exact.low == pytest.approx(resampled.low, abs=0.01)
    assert exact.high == pytest.approx(resampled.high, abs=0.01)


def test_a_perfect_auc_is_no_certainty() -> None:
    got = statistics.delong(np.arange(10.0, 20), np.arange(10.0))
    assert got.value == got.high == 1
    assert got.low == pytest.approx(statistics.clopper_pearson(10, 10).low)


def test_paired_delong_is_the_variance_of_a_difference() -> None:
    n = 60
    common_m, common_o = RNG.normal(size=n) + 0.5, RNG.normal(size=n)
    first = common_m + 0.3 * RNG.normal(size=n), common_o + 0.3 * RNG.normal(size=n)
    second = common_m + RNG.normal(size=n), common_o + RNG.normal(size=n)
    got, p_value = statistics.delong_paired((first[0], second[0]), (first[1], second[1]))
    kernels = [np.array([[float(m > o) for o in of[1]] for m in of[0]]) for of in (first, second)]
    moved = kernels[1] - kernels[0]
    error = np.sqrt(moved.mean(axis=1).var(ddof=1) / n + moved.mean(axis=0).var(ddof=1) / n)
    assert got.value == pytest.approx(moved.mean())
    assert got.high - got.value == pytest.approx(1.959964 * error, rel=1e-5)
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(moved.mean()) / error))
    assert statistics.delong_paired((first[0], first[0]), (first[1], first[1]))[1] == 1


@pytest.mark.parametrize("fpr", [0.01, 0.001])
def test_a_rate_nobody_can_know_is_refused(fpr: float) -> None:
    needed = statistics.non_members_needed(fpr)
    members = RNG.normal(size=50) + 3
    with pytest.raises(InvalidDataError, match="needs"):
        statistics.tpr_at_fpr(members, RNG.normal(size=needed - 1), fpr)
    others = RNG.normal(size=needed)
    got = statistics.tpr_at_fpr(members, others, fpr)
    threshold = np.quantile(others, 1 - fpr, method="inverted_cdf")
    assert got.value == np.mean(members > threshold)
    assert statistics.tpr_at_fpr(others, others, fpr).value == pytest.approx(fpr)  # no more are accused, and no fewer


def test_ties_do_not_accuse_more_than_allowed() -> None:
    others = np.concatenate([np.zeros(900), np.ones(100)])
    assert statistics.tpr_at_fpr(np.ones(5), others, 0.01).value == 0


def test_holm_by_its_steps() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.5, 0.04])
    corrected = ranks.holm(p)
    for alpha in (0.03, 0.05, 0.12, 0.2):
        rejected, left = set(), sorted(range(5), key=lambda i: p[i])
        while left and p[left[0]] <= alpha / len(left):
            rejected.add(left.pop(0))
        assert {i for i in range(5) if corrected[i] <= alpha} == rejected


def test_max_t_accuses_one_in_twenty_whatever_the_distribution() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        common = rng.standard_t(2, size=(40, 1))
        hits += ranks.max_t(common + rng.exponential(size=(40, 4)) ** 2).p_high <= 0.05
    assert stats.binomtest(hits, 1000, 0.05).pvalue > 0.01


def test_ranks_count_the_audited_model_itself() -> None:
    assert ranks.rank_p_value(9.0, np.zeros(19)) == 0.05
    assert ranks.rank_p_value(0.0, np.zeros(19)) == 1
    assert ranks.max_t(np.vstack([[5.0], np.zeros((19, 1))])).p_high == 0.05
    each = ranks.max_t_each(np.vstack([[5.0, 0.0, 1.0], np.random.default_rng(0).normal(size=(19, 2)) @ np.eye(2, 3)]))
    assert each[0] == 0.05 < each[1]


def test_max_t_leaves_constant_statistics_out() -> None:
    varied = RNG.normal(size=(40, 2))
    assert ranks.max_t(np.hstack([varied, np.ones((40, 1))])) == ranks.max_t(varied)
    assert ranks.max_t(np.ones((40, 2)))[:2] == (1.0, 1.0)


def test_binomial_power_of_the_manual() -> None:
    """The example of G*Power's manual: 0.65 against 0.80, 20 trials, 5 % one-sided: power 0.411449."""
    power, critical = statistics.binomial_power(20, 0.65, 0.8)
    assert (round(power, 6), critical) == (0.411449, 17)


def test_epsilon_of_randomised_response_is_never_above_the_truth() -> None:
    """A mechanism whose epsilon is known: tell the bit with probability e^eps / (1 + e^eps)."""
    truth, above = 1.5, 0
    keep = np.exp(truth) / (1 + np.exp(truth))
    for seed in range(60):
        rng = np.random.default_rng(seed)
        members = (rng.random(2000) < keep).astype(float) + 1e-9 * rng.random(2000)
        others = (rng.random(2000) >= keep).astype(float) + 1e-9 * rng.random(2000)
        bound = least_epsilon(members, others)
        above += bound.low > truth
        assert bound.low > 1
    assert above <= 6  # 5 %, and its binomial error
