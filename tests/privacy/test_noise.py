"""Noise on a grid: its distribution, that nobody repeats it, and the Monte-Carlo audit of both mechanisms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from expunge.errors import InvalidDataError
from expunge.privacy import GaussianMechanism, LaplaceMechanism, Noise, epsilon_lower_bound
from expunge.privacy.noise import GRID_BITS, grid_of

KINDS = {"gaussian": stats.norm, "laplace": stats.laplace}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(("value", "scale"), [(0.0, 1.0), (0.1, 3.0), (-1000.3, 0.7)])
def test_distribution(kind: str, value: float, scale: float) -> None:
    z = getattr(Noise(seed=11), kind)(np.full(100_000, value), scale)
    assert stats.kstest((z - value) / scale, KINDS[kind].cdf).pvalue > 1e-4
    tail = np.abs(z - value) / scale
    for far in (3.0, 4.0):
        expected = 2 * KINDS[kind].sf(far)
        assert stats.binomtest(int((tail > far).sum()), len(z), expected).pvalue > 1e-6


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_comes_out_lies_on_the_grid_whatever_went_in(kind: str) -> None:
    """The low bits that told 0 and 1/3 apart in a textbook mechanism are not there."""
    scale = 1.3
    for value in (0.0, 1 / 3, -math.pi, 1e-200):
        steps = getattr(Noise(), kind)(np.full(2000, value), scale) / grid_of(scale)
        assert (steps == np.rint(steps)).all()
    assert grid_of(scale) == 2.0**-GRID_BITS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_doubtful_bits_are_settled_in_multiple_precision(kind: str) -> None:
    """The slow way alone gives the same distribution: few numbers, for it is slow."""
    noise, out = Noise(seed=5), []
    for word, sign in zip(noise.words(400).tolist(), (noise.words(400) >> np.uint64(63)).tolist(), strict=True):
        out.append(noise._settled(0.25, 2.0**10, 1.0 if sign else -1.0, word, kind))
    assert stats.kstest((np.array(out) - 0.25) / 2.0**10, KINDS[kind].cdf).pvalue > 1e-4


def test_the_fast_and_the_slow_way_agree_word_by_word() -> None:
    for kind in KINDS:
        fast, words = Noise(seed=3), Noise(seed=3)
        w, s = words.words(200), words.words(200) >> np.uint64(63)
        got = getattr(fast, kind)(np.full(200, 0.375), 1.0) / grid_of(1.0)
        rest = 0.375 / grid_of(1.0)
        base = float(np.rint(rest))
        slow = [
            base + Noise(seed=9)._settled(rest - base, 1.0 / grid_of(1.0), -1.0 if b else 1.0, int(a), kind)
            for a, b in zip(w, s, strict=True)
        ]
        assert np.mean(got == np.array(slow)) > 0.99  # further bits differ; they matter for almost no word
        assert np.abs(got - np.array(slow)).max() <= 1


def test_words_that_leave_everything_open() -> None:
    """U = 0 in the first 64 bits: the tail is infinite until more bits come."""
    noise = Noise(seed=2)
    far = noise._settled(0.0, 1.0, 1.0, 0, "laplace")
    assert 64 * math.log(2) - 1 < far < 200
    assert noise._settled(0.0, 2.0**20, -1.0, 0, "gaussian") < -9 * 2.0**20


def test_nobody_repeats_it_unless_a_seed_is_given() -> None:
    zeros = np.zeros(8)
    assert not (Noise().gaussian(zeros, 1.0) == Noise().gaussian(zeros, 1.0)).any()
    assert (Noise(seed=1).gaussian(zeros, 1.0) == Noise(seed=1).gaussian(zeros, 1.0)).all()
    assert Noise().is_secret
    assert not Noise(seed=0).is_secret


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e200])
def test_what_noise_cannot_hide_is_refused(value: float) -> None:
    with pytest.raises(InvalidDataError):
        Noise().gaussian(value, 1.0)
    with pytest.raises(InvalidDataError):
        GaussianMechanism(epsilon=1.0, delta=1e-5, sensitivity=1.0).release([value])


def measured(mechanism: object, draws: int, shift: float, delta: float) -> float:
    runs = [[mechanism.release(np.full(draws, v)).value for _ in range(2)] for v in (0.0, shift)]  # type: ignore[attr-defined]
    return epsilon_lower_bound((runs[0][0], runs[1][0]), (runs[0][1], runs[1][1]), delta=delta)


@pytest.mark.parametrize("draws", [200_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0, 4.0])
def test_the_audit_finds_at_most_the_claim_and_at_least_half_of_it(epsilon: float, draws: int) -> None:
    laplace = LaplaceMechanism(epsilon=epsilon, sensitivity=1.0, noise=Noise(seed=17))
    found = measured(laplace, draws, 1.0, 0.0)
    assert found <= epsilon
    if epsilon >= 0.5:
        assert found >= epsilon / 2
    gaussian = GaussianMechanism(epsilon=epsilon, delta=1e-2, sensitivity=1.0, noise=Noise(seed=18))
    found = measured(gaussian, draws, 1.0, 1e-2)
    assert found <= epsilon
    if epsilon >= (0.5 if draws > 200_000 else 1.0):
        assert found >= epsilon / 2


SMALL = pytest.param(0.1, 10_000_000, marks=pytest.mark.slow)  # so little is told by many draws alone


@pytest.mark.parametrize(("epsilon", "draws"), [SMALL, (0.5, 200_000), (1.0, 200_000), (4.0, 200_000)])
def test_a_mechanism_with_half_its_noise_is_caught(epsilon: float, draws: int) -> None:
    half = LaplaceMechanism(epsilon=2 * epsilon, sensitivity=1.0, noise=Noise(seed=19))  # sold as epsilon
    assert measured(half, draws, 1.0, 0.0) > epsilon
    right = GaussianMechanism(epsilon=epsilon, delta=1e-3, sensitivity=1.0)
    runs = []
    for seed, value in ((0, 0.0), (2, 1.0)):
        draw = np.full(draws, value)
        runs.append([Noise(seed=seed + again).gaussian(draw, right.sigma / 2) for again in range(2)])
    assert epsilon_lower_bound((runs[0][0], runs[1][0]), (runs[0][1], runs[1][1]), delta=1e-3) > epsilon
