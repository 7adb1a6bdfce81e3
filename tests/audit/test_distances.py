"""Distances and verification schemes on constructed models and known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn.linear_model import Ridge

from expunge.audit.activations import activation_distance
from expunge.audit.anamnesis import anamnesis_index, relearn_time
from expunge.audit.backdoor import backdoor_power, backdoor_test, queries_needed
from expunge.audit.completeness import completeness
from expunge.audit.forgetting_rate import forgetting_rate
from expunge.audit.forgetting_score import CAP, forgetting_score, record_epsilons
from expunge.audit.klom import klom
from expunge.audit.outputs import js_divergence, kl_divergence
from expunge.audit.reconstruction import cosine, reconstruct_row
from expunge.audit.two_sample import energy_distance, two_sample_p_value
from expunge.audit.weights import layer_distances, weight_distance
from expunge.audit.zrf import zero_retrain_forgetting
from expunge.errors import InvalidDataError, InvalidParameterError

RNG = np.random.default_rng(5)


def test_klom_of_known_distributions() -> None:
    """Two-point margins by hand, and normal margins against the closed form delta² / 2."""
    retrained, unlearned = np.array([[0.0]] * 3 + [[1.0]]), np.array([[0.0], [1.0]])
    want = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert klom(unlearned, retrained)[0] == pytest.approx(want, abs=1e-3)
    far = RNG.normal(size=(200_000, 1))
    assert klom(RNG.normal(0.5, 1, (200_000, 1)), far)[0] == pytest.approx(0.125, abs=0.01)
    assert klom(far[:500], far[:500])[0] == 0
    assert klom(np.zeros((4, 1)), np.ones((4, 1)))[0] > 5
    for bad in (np.zeros((1, 1)), np.full((3, 1), np.inf), np.zeros((3, 2))):
        with pytest.raises(InvalidDataError):
            klom(bad, np.zeros((3, 1)))


def epsilon_by_loops(unlearned: np.ndarray, retrained: np.ndarray) -> float:
    """Every threshold and every interval of allowed width between midpoints, one after another."""
    n, delta = len(unlearned), 1e-5
    high, low = (retrained, unlearned) if np.median(retrained) > np.median(unlearned) else (unlearned, retrained)
    narrow, wide = (retrained, unlearned) if np.ptp(retrained) < np.ptp(unlearned) else (unlearned, retrained)
    values = np.sort(np.concatenate([unlearned, retrained]))
    cuts = np.concatenate([[-1e9], (values[1:] + values[:-1]) / 2, [1e9]])
    rates = [(np.mean(high < c), np.mean(low >= c)) for c in cuts]
    width = np.ptp(narrow)
    for i in range(len(values)):
        for j in range(i, len(values)):
            smallest = values[j] - values[i]
            largest = (values[j + 1] if j + 1 < len(values) else 1e9) - (values[i - 1] if i else -1e9)
            if smallest <= width + 2 and largest >= width - 2:
                inside = [np.mean((part >= values[i]) & (part <= values[j])) for part in (narrow, wide)]
                rates.append((1 - inside[0], inside[1]))
    worst = 0.0
    for fnr, fpr in rates:
        if fnr < 1 / (2 * n) and fpr < 1 / (2 * n):
            return CAP
        if fnr > 1 / (2 * n) and fpr > 1 / (2 * n):
            for a, b in ((fpr, fnr), (fnr, fpr)):
                if 1 - delta - a > 0:
                    worst = max(worst, np.log((1 - delta - a) / b))
    return worst


@pytest.mark.parametrize("shift", [0.0, 1.0, 8.0])
def test_record_epsilons_by_loops(shift: float) -> None:
    unlearned, retrained = RNG.normal(shift, 1.5, (16, 4)), RNG.normal(size=(16, 4))
    got = record_epsilons(unlearned, retrained)
    want = [epsilon_by_loops(unlearned[:, j], retrained[:, j]) for j in range(4)]
    assert got == pytest.approx(want, abs=1e-9)


def test_forgetting_score_on_constructed_models() -> None:
    truth = RNG.normal(size=(32, 5))
    twins = np.concatenate([truth, truth])
    same = forgetting_score(truth, twins)
    assert (same.score, same.retrain) == (1.0, 1.0)  # the same scores: no threshold tells them
    apart = forgetting_score(truth + 100, twins)
    assert (apart.score, apart.epsilons.tolist()) == (0.0, [CAP] * 5)
    spike = forgetting_score(np.zeros((32, 5)) + 1e-6 * truth, twins)
    assert spike.score == 0.0
    with pytest.raises(InvalidDataError, match="eight"):
        forgetting_score(truth[:3], twins)


def test_perfect_retraining_scores_far_below_one() -> None:
    """Which is why the score stands beside that of retraining."""
    got = forgetting_score(RNG.normal(size=(64, 40)), RNG.normal(size=(128, 40)))
    assert 0.02 < got.retrain < 0.5
    assert abs(got.score - got.retrain) < 0.15


def test_divergences_by_another_package() -> None:
    p, q = RNG.dirichlet(np.ones(4), 20), RNG.dirichlet(np.ones(4), 20)
    assert kl_divergence(p, q) == pytest.approx(stats.entropy(p, q, axis=1))
    assert js_divergence(p, q) == pytest.approx(jensenshannon(p, q, axis=1, base=2) ** 2)
    assert zero_retrain_forgetting(p, q) == pytest.approx(1 - jensenshannon(p, q, axis=1, base=2) ** 2)
    assert activation_distance(p, q) == pytest.approx([np.sqrt(sum((a - b) ** 2)) for a, b in zip(p, q, strict=True)])
    least = np.array([[1.0, 5e-324, 0.0]])
    assert js_divergence(least, np.array([[1.0, 0.0, 0.0]])) == pytest.approx([0.0])
    with pytest.raises(InvalidDataError):
        js_divergence(p, q[:3])


def test_weight_distances() -> None:
    a = {"first": RNG.normal(size=(3, 2)), "second": np.zeros(2)}
    b = {"first": a["first"] + 1, "second": np.array([3.0, 4.0])}
    assert weight_distance(a, b) == pytest.approx(np.sqrt(6 + 25))
    layers = layer_distances(a, b)
    assert layers["second"] == 5
    assert layers["first"] == pytest.approx(np.sqrt(6) / np.linalg.norm(a["first"]))
    for wrong in ({"first": a["first"]}, {**a, "second": np.zeros(3)}):
        with pytest.raises(InvalidDataError):
            weight_distance(a, wrong)


def test_completeness_and_forgetting_rate() -> None:
    assert completeness(np.array(["a", "b"]), np.array(["a", "a"])).tolist() == [1, 0]
    with pytest.raises(InvalidDataError):
        completeness(np.zeros(0), np.zeros(0))
    member = np.array([True] * 6 + [False] * 2)
    assert forgetting_rate(member, np.zeros(8, dtype=bool)) == 1
    assert forgetting_rate(member, member) == 0
    assert forgetting_rate(member, np.ones(8, dtype=bool)) == pytest.approx(-1 / 3)
    with pytest.raises(InvalidDataError, match="no member"):
        forgetting_rate(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool))


def test_relearning() -> None:
    slow, fast = np.array([0.1, 0.5, 0.8, 0.96]), np.array([0.96, 1.0])
    assert (relearn_time(slow, 1.0), relearn_time(slow, 1.0, margin=0.5)) == (4, 2)
    assert anamnesis_index(fast, slow, 1.0) == 0.25
    with pytest.raises(InvalidDataError, match="do not bring"):
        relearn_time(slow, 1.0, margin=0.0)
    with pytest.raises(InvalidParameterError):
        relearn_time(slow, 1.0, margin=1.0)


@pytest.mark.parametrize(("n", "q", "p", "alpha"), [(10, 0.1, 0.9, 0.001), (30, 0.1, 0.5, 0.05), (5, 0.3, 0.4, 0.01)])
def test_backdoor_by_enumeration(n: int, q: float, p: float, alpha: float) -> None:
    """Size and power from the probabilities of all counts."""
    chance = [stats.binom.pmf(range(n + 1), n, rate) for rate in (q, p)]
    critical = next((c for c in range(n + 1) if chance[0][c:].sum() <= alpha), n + 1)
    assert backdoor_power(n, deleted=q, kept=p, alpha=alpha) == pytest.approx(chance[1][critical:].sum())
    for hits in range(n + 1):
        test = backdoor_test(hits, n, deleted=q, kept=p, alpha=alpha)
        assert test.critical == critical
        assert test.not_deleted == (hits >= critical)
        assert test.p_value == pytest.approx(chance[0][hits:].sum())
    with pytest.raises(InvalidParameterError):
        backdoor_test(1, n, deleted=p, kept=q)


def test_queries_needed_is_the_least() -> None:
    n = queries_needed(deleted=0.1, kept=0.6, power=0.9)
    powers = [backdoor_power(i, deleted=0.1, kept=0.6) for i in range(1, n + 1)]
    assert powers[-1] >= 0.9 > max(powers[:-1])
    with pytest.raises(InvalidParameterError, match="do not tell"):
        queries_needed(deleted=0.1, kept=0.101, most=50)


def test_a_deleted_row_is_read_from_both_versions() -> None:
    """The models are scikit-learn's; the attack sees their coefficients and the matrix."""
    X = np.hstack([np.ones((80, 1)), RNG.normal(size=(80, 6))])
    y = X @ RNG.normal(size=7) + RNG.normal(size=80)

    def fit(rows: slice) -> np.ndarray:
        return Ridge(alpha=0.5, fit_intercept=False, solver="cholesky").fit(X[rows], y[rows]).coef_

    before, after = fit(slice(None)), fit(slice(0, 79))
    found = reconstruct_row(before, after, X.T @ X + 0.5 * np.eye(7), constant=0)
    assert found.row == pytest.approx(X[79], abs=1e-8)
    assert found.residual == pytest.approx(y[79] - X[79] @ after, abs=1e-8)
    public = RNG.normal(size=(4000, 6))
    public = np.hstack([np.ones((4000, 1)), public])
    guess = reconstruct_row(before, after, public.T @ public / 50)
    assert abs(cosine(guess.row, X[79])) > 0.9  # public data of the same kind are enough
    with pytest.raises(InvalidDataError, match="equal"):
        reconstruct_row(before, before, X.T @ X)


def test_energy_distance_by_loops() -> None:
    a, b = RNG.normal(size=(6, 3)), RNG.normal(size=(5, 3)) + 1

    def mean(u: np.ndarray, v: np.ndarray) -> float:
        return float(np.mean([np.linalg.norm(x - y) for x in u for y in v]))

    assert energy_distance(a, b) == pytest.approx(2 * mean(a, b) - mean(a, a) - mean(b, b))


def test_two_samples_over_seeds() -> None:
    """Equal kinds are called different one time in twenty, models that are all one no time at all."""
    hits = sum(
        two_sample_p_value(*np.random.default_rng(s).normal(size=(2, 8, 2)), seed=s, repeats=99) <= 0.05
        for s in range(200)
    )
    assert stats.binomtest(hits, 200, 0.05).pvalue > 0.01
    same = np.ones((5, 2))
    assert two_sample_p_value(same, same, seed=0, repeats=99) == 1
    with pytest.raises(InvalidDataError, match="three"):
        two_sample_p_value(same[:2], same, seed=0)
