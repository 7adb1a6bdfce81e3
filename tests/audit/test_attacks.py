"""Each attack against its formula written out another way: by hand, by loops, by densities, by known distributions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats

from expunge.audit.before_after import before_after, before_after_features
from expunge.audit.entropy import entropy
from expunge.audit.exponential import common_variance, exponential_family
from expunge.audit.label_only import label_only
from expunge.audit.lira import lira_offline, lira_online
from expunge.audit.logistic import starter_kit_accuracy
from expunge.audit.logit import logit_confidence
from expunge.audit.modified_entropy import modified_entropy
from expunge.audit.moments import Moments, moments, without_each
from expunge.audit.rmia import rmia_offline, rmia_online
from expunge.audit.thresholds import against_thresholds, class_thresholds
from expunge.audit.u_lira import u_lira
from expunge.errors import InvalidDataError, InvalidParameterError

P = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
Y = np.array([1, 1, 0])


def both(references: np.ndarray, members: np.ndarray) -> tuple[Moments, Moments]:
    """Moments over the models that learned each record, and over the others."""
    return moments(references, members, what="in"), moments(references, ~members)


def chances(references: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Mean probability over the models that learned each record."""
    return moments(1 / (1 + np.exp(-references)), members, least=1).mean


def models(m: int = 12, n: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of m models, higher where the record was learned; who learned what; a model to audit."""
    rng = np.random.default_rng(seed)
    members = np.zeros((m, n), dtype=bool)
    for j in range(n):
        members[rng.permutation(m)[: m // 2], j] = True
    return rng.normal(size=(m, n)) + 1.5 * members, members, rng.normal(size=n)


def test_modified_entropy_by_hand() -> None:
    first = (1 - 0.2) * np.log(0.2) + 0.7 * np.log(1 - 0.7) + 0.1 * np.log(1 - 0.1)
    third = 2 / 3 * np.log(1 / 3) + 2 / 3 * np.log(2 / 3)
    assert modified_entropy(P, Y) == pytest.approx([first, 0.0, third])
    wrong = modified_entropy(np.array([[0.0, 1.0]]), np.array([0]))
    assert wrong[0] < -50  # wrong with certainty: as far from a member as can be, where plain entropy says 0


def test_entropy_by_another_package() -> None:
    assert entropy(P) == pytest.approx(-stats.entropy(P, axis=1))


def test_log_odds_order_as_loss_and_confidence() -> None:
    p = np.random.default_rng(4).dirichlet(np.ones(3), size=40)
    y = np.arange(40) % 3
    true = p[np.arange(40), y]
    for alike in (true, np.log(true)):
        assert (stats.rankdata(logit_confidence(p, y)) == stats.rankdata(alike)).all()
    assert np.isfinite(logit_confidence(P, np.array([1, 0, 0]))).all()


def test_logit_confidence_tells_what_rounds_to_one() -> None:
    p = np.array([[1.0, 1e-20], [1.0, 1e-30]])
    assert logit_confidence(p, np.array([0, 0])) == pytest.approx([20 * np.log(10), 30 * np.log(10)])
    q = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    y = np.arange(20) % 4
    direct = np.array([np.log(row[c] / (1 - row[c])) for row, c in zip(q, y, strict=True)])
    assert logit_confidence(q, y) == pytest.approx(direct)
    stacked = logit_confidence(np.stack([q, q[::-1]]), y)
    assert stacked.shape == (2, 20)
    assert stacked[0] == pytest.approx(direct)


def test_label_only_is_the_gap_of_accuracy() -> None:
    from expunge.audit.statistics import auc

    right = label_only(np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 0, 0]))
    assert auc(right[:2], right[2:]) == pytest.approx(0.5 + (1 - 1 / 3) / 2)
    two = label_only(np.array([[0, 1], [1, 1]]), np.array([0, 1]))
    assert two.tolist() == [[1, 1], [0, 1]]
    with pytest.raises(InvalidDataError):
        label_only(np.zeros(3), np.zeros(2))


def test_thresholds_are_the_best_of_all() -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=90).round(1), rng.integers(3, size=90)
    member = rng.random(90) < 1 / (1 + np.exp(-scores * (1 + labels)))
    found = class_thresholds(scores, labels, member, n_classes=4)

    def gain(cut: float, at: np.ndarray) -> float:
        return float(np.mean(scores[at & member] >= cut) - np.mean(scores[at & ~member] >= cut))

    for label in range(3):
        at = labels == label
        best = max(gain(cut, at) for cut in [*scores, scores.max() + 1])
        assert gain(found[label], at) == pytest.approx(best)
    everyone = np.ones(90, dtype=bool)
    assert gain(found[3], everyone) == pytest.approx(max(gain(cut, everyone) for cut in scores))
    lifted = against_thresholds(scores, labels, found)
    assert ((lifted >= 0) == (scores >= found[labels])).all()
    with pytest.raises(InvalidDataError, match="only one kind"):
        class_thresholds(scores, labels, np.ones(90, dtype=bool), n_classes=3)


@pytest.mark.parametrize("fixed", [False, True])
def test_lira_online_is_a_ratio_of_densities(fixed: bool) -> None:
    references, members, target = models()
    got = lira_online(target, *both(references, members), fixed_variance=fixed)
    inside = [references[members[:, j], j] for j in range(30)]
    outside = [references[~members[:, j], j] for j in range(30)]
    for j in range(30):
        of = (inside, outside) if fixed else ([inside[j]], [outside[j]])
        sd_in, sd_out = (np.sqrt(np.mean([x.var(ddof=1) for x in part])) for part in of)
        want = stats.norm.logpdf(target[j], inside[j].mean(), sd_in) - stats.norm.logpdf(
            target[j], outside[j].mean(), sd_out
        )
        assert got[j] == pytest.approx(want)


def test_lira_offline_with_one_variance() -> None:
    references, members, target = models()
    got = lira_offline(target, both(references, members)[1], fixed_variance=True)
    outside = [references[~members[:, j], j] for j in range(30)]
    deviation = np.sqrt(np.mean([x.var(ddof=1) for x in outside]))
    assert got == pytest.approx([(t - x.mean()) / deviation for t, x in zip(target, outside, strict=True)])


def test_lira_on_gaussians_with_a_known_answer() -> None:
    """Many models of N(2, 1) in and N(0, 2) out: the ratio of the true densities."""
    rng = np.random.default_rng(2)
    members = np.arange(40_000)[:, None] < 20_000
    references = np.where(members, rng.normal(2, 1, (40_000, 1)), rng.normal(0, 2, (40_000, 1)))
    for value in (-1.0, 0.5, 3.0):
        want = stats.norm.logpdf(value, 2, 1) - stats.norm.logpdf(value, 0, 2)
        inside, outside = both(references, members)
        assert lira_online(np.array([value]), inside, outside)[0] == pytest.approx(want, abs=0.1)
        offline = stats.norm.cdf(lira_offline(np.array([value]), outside)[0])
        assert offline == pytest.approx(stats.norm.cdf(value, 0, 2), abs=0.01)


def test_leaving_one_out_is_leaving_one_out() -> None:
    references, _, _ = models()
    count, mean, variance = without_each(references)
    assert (count == len(references) - 1).all()
    for i in range(len(references)):
        rest = np.delete(references, i, axis=0)
        assert mean[i] == pytest.approx(rest.mean(axis=0))
        assert variance[i] == pytest.approx(rest.var(axis=0, ddof=1))


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_rmia_by_brute_force(gamma: float) -> None:
    references, members, target = models()
    population = np.arange(30) >= 10
    p, q = 1 / (1 + np.exp(-references)), 1 / (1 + np.exp(-target))
    inside, outside = chances(references, members), chances(references, ~members)
    online = rmia_online(target, inside, outside, population, gamma=gamma)
    offline = rmia_offline(target, outside, population, gamma=gamma, a=0.25)

    def prior(j: int, a: float | None) -> float:
        out = p[~members[:, j], j].mean()
        return 0.5 * (p[members[:, j], j].mean() + out) if a is None else 0.5 * ((1 + a) * out + 1 - a)

    for got, a in ((online, None), (offline, 0.25)):
        for x in range(30):
            wins = [(q[x] / prior(x, a)) / (q[z] / prior(z, a)) >= gamma for z in np.flatnonzero(population)]
            assert got[x] == pytest.approx(np.mean(wins))
    with pytest.raises(InvalidParameterError):
        rmia_offline(target, outside, population, gamma=0.5)
    with pytest.raises(InvalidDataError, match="population"):
        rmia_offline(target, outside, np.zeros(30, dtype=bool))


def test_common_variance_finds_what_was_drawn() -> None:
    """Variances drawn as s0² d0 / chi²(d0), observed with 5 degrees of freedom."""
    rng = np.random.default_rng(3)
    true = 2.0 * 8 / rng.chisquare(8, size=50_000)
    observed = true * rng.chisquare(5, size=50_000) / 5
    s0_squared, d0 = common_variance(np.full(50_000, 6.0), observed)
    assert s0_squared == pytest.approx(2.0, rel=0.03)
    assert d0 == pytest.approx(8.0, rel=0.1)
    equal = 3.0 * rng.chisquare(5, size=50_000) / 5  # no record differs from another
    s0_squared, d0 = common_variance(np.full(50_000, 6.0), equal)
    assert s0_squared == pytest.approx(3.0, rel=0.03)
    assert d0 > 200


def test_exponential_family_is_a_ratio_of_student_densities() -> None:
    references, members, target = models(m=10)
    inside, outside = both(references, members)
    got = exponential_family(target, outside, inside)
    want = np.zeros(30)
    for sign, chosen in ((1, members), (-1, ~members)):
        samples = [references[chosen[:, j], j] for j in range(30)]
        variances = np.array([x.var(ddof=1) for x in samples])
        s0_squared, d0 = common_variance(np.full(30, 5.0), variances)
        d0 = min(d0, 1e6)
        for j, x in enumerate(samples):
            shrunk = (d0 * s0_squared + 4 * variances[j]) / (d0 + 4)
            want[j] += sign * stats.t.logpdf(target[j], d0 + 4, x.mean(), np.sqrt(shrunk * (1 + 1 / 5)))
    assert got == pytest.approx(want, abs=2e-3)


def test_exponential_family_offline_is_a_deviate_of_the_same_probability() -> None:
    references, members, target = models(m=10)
    count, mean, variance = outside = both(references * np.exp(target / 2), members)[1]
    s0_squared, d0 = common_variance(count, variance)
    shrunk = (d0 * s0_squared + 4 * variance) / (d0 + 4)
    exact = stats.norm.isf(stats.t.sf((target - mean) / np.sqrt(shrunk * (1 + 1 / 5)), d0 + 4))
    assert 1 < d0 < 20
    assert exponential_family(target, outside) == pytest.approx(exact, rel=0.03)


def test_exponential_family_offline_keeps_the_order_far_out() -> None:
    references, _, _ = models(m=20)
    target = np.concatenate([np.linspace(-4000, 4000, 29), [1e6]])
    for alike in (references[:, :1], references[:, :1] * np.arange(1, 31) / 20):
        got = exponential_family(target, moments(np.tile(alike, 30 // alike.shape[1])))
        assert np.isfinite(got).all()
        assert alike.shape[1] > 1 or (np.diff(got) > 0).all()


@pytest.mark.parametrize("attack", [lira_offline, exponential_family])
def test_each_reference_is_compared_with_the_others_alone(attack: Any) -> None:
    references, _, _ = models()
    references *= np.exp(np.random.default_rng(5).normal(size=30))  # records differ, so that there is a prior
    got = attack(references, without_each(references))
    for i, own in enumerate(references):
        assert got[i] == pytest.approx(attack(own, moments(np.delete(references, i, axis=0))))


def test_few_references_are_refused() -> None:
    references, members, _ = models(m=4)
    with pytest.raises(InvalidDataError, match="'out' models; this attack needs 2"):
        moments(references[:1])
    with pytest.raises(InvalidDataError, match="'in' models; this attack needs 1"):
        moments(references[:1], members[:1], least=1, what="in")
    with pytest.raises(InvalidDataError, match="three"):
        without_each(references[:2])


def test_starter_kit() -> None:
    rng = np.random.default_rng(0)
    same = starter_kit_accuracy(rng.exponential(size=400), rng.exponential(size=900))
    assert same.low < 0.5 < same.high
    assert starter_kit_accuracy(np.arange(20.0), np.arange(50.0, 80)).value == 1
    for bad in (np.ones(20), np.full(20, np.nan)):
        with pytest.raises(InvalidDataError):
            starter_kit_accuracy(bad, bad)
    with pytest.raises(InvalidDataError, match="ten"):
        starter_kit_accuracy(np.arange(9.0), np.arange(50.0))


def test_u_lira_on_gaussians_with_a_known_answer() -> None:
    """Two unit normals d apart are told at best with probability Phi(d / 2)."""
    rng = np.random.default_rng(1)
    gaps = np.array([0.0, 1.0, 3.0])
    got = u_lira(rng.normal(size=(4000, 3)) + gaps, rng.normal(size=(4000, 3)))
    assert got.per_record == pytest.approx(stats.norm.cdf(gaps / 2), abs=0.03)
    assert got.accuracy.value == pytest.approx(got.per_record.mean())
    with pytest.raises(InvalidDataError, match="four"):
        u_lira(np.zeros((3, 2)), np.zeros((9, 2)))


def test_u_lira_sees_a_record_that_an_average_hides() -> None:
    rng = np.random.default_rng(1)
    unlearned, never = rng.normal(size=(64, 200)), rng.normal(size=(64, 200))
    unlearned[:, 17] += 6
    got = u_lira(unlearned, never)
    assert got.accuracy.value < 0.55
    assert got.per_record.argmax() == 17
    assert got.per_record[17] > 0.95


KINDS = ("direct concat", "sorted concat", "direct difference", "sorted difference", "distance", "labels")


def test_before_after_features_by_hand() -> None:
    before, after = np.array([[0.2, 0.5, 0.3]]), np.array([[0.6, 0.3, 0.1]])
    want = {
        "direct concat": [0.2, 0.5, 0.3, 0.6, 0.3, 0.1], "sorted concat": [0.5, 0.3, 0.2, 0.3, 0.1, 0.6],
        "direct difference": [-0.4, 0.2, 0.2], "sorted difference": [0.2, 0.2, -0.4], "distance": [np.sqrt(0.24)],
        "labels": [1, 0, 1, 0, 1, 0, 0],
    }  # fmt: skip
    for kind in KINDS:
        assert before_after_features(before, after, kind=kind)[0] == pytest.approx(want[kind])
    with pytest.raises(InvalidParameterError):
        before_after_features(before, after, kind="magic")


@pytest.mark.parametrize("kind", KINDS)
def test_before_after_finds_what_was_erased(kind: str) -> None:
    """Erased records lose the confidence of having been learned; the others barely move."""
    from expunge.audit.statistics import auc

    rng = np.random.default_rng(0)
    erased = np.arange(600) < 300
    middle = 0.5 + 0.1 * rng.random(600)
    before = np.where(erased, middle + 0.35, middle)
    after = np.where(erased, middle - 0.1 * (rng.random(600) < 0.7) - 0.05, middle + 0.02 * rng.normal(size=600))
    first, second = (np.column_stack([p, 1 - p]) for p in (before, after))
    half = np.arange(600) % 2 == 0
    found = before_after((first[half], second[half]), erased[half], (first[~half], second[~half]), kind=kind)
    assert auc(found[erased[~half]], found[~erased[~half]]) > (0.7 if kind == "labels" else 0.9)
    with pytest.raises(InvalidDataError, match="only one kind"):
        before_after((first, second), np.ones(600, dtype=bool), (first, second), kind=kind)


def test_scores_point_one_way() -> None:
    """Whatever raises the true class raises every score."""
    better, worse = np.array([[0.9, 0.1]]), np.array([[0.6, 0.4]])
    y = np.array([0])
    for score in (modified_entropy, logit_confidence):
        assert score(better, y) > score(worse, y)
    assert entropy(better) > entropy(worse)
    references = np.random.default_rng(0).normal(size=(6, 5))
    members = np.tile(np.arange(6)[:, None] < 3, 5)
    references[:3] += 2
    low, high = np.zeros(5), np.full(5, 1.0)
    inside, outside = both(references, members)
    assert (lira_offline(high, outside) > lira_offline(low, outside)).all()
    assert (lira_online(high, inside, outside) > lira_online(low, inside, outside)).all()
    for given in ((outside,), (outside, inside)):
        assert (exponential_family(high, *given) > exponential_family(low, *given)).all()
    z, of_others = np.arange(5) > 0, chances(references, ~members)
    for a, b in itertools.pairwise([-2.0, 0.0, 2.0]):
        less, more = (rmia_offline(np.array([first, 0, 0, 0, 0]), of_others, z)[0] for first in (a, b))
        assert more >= less
