"""Logarithm, cosine and sine against the standard library, and their bits against those of another machine."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from expunge.maths.portable import circle, logarithm


def points():
    return np.random.default_rng(0).uniform(-3, 3, 5_000)


def test_logarithm_is_that_of_the_standard_library():
    x = np.concatenate([np.exp(20 * points()), [2.0**-53, 1 - 2.0**-53, 1.0, 5e-324, 1.7e308, 0.7071067811865475]])
    theirs = np.array([math.log(value) for value in x])
    assert np.abs(logarithm(x) - theirs).max() <= 1e-15 * np.abs(theirs).max()
    near = np.abs(theirs) < 1
    assert np.abs(logarithm(x) - theirs)[near].max() < 1e-15


def test_cosine_and_sine_are_those_of_the_standard_library():
    turns = np.concatenate([points(), np.arange(-16, 17) / 8, [0.25 - 2.0**-54, 1e-300]])
    cosine, sine = circle(turns)
    assert np.abs(cosine - [math.cos(2 * math.pi * t) for t in turns]).max() < 1e-11
    assert np.abs(sine - [math.sin(2 * math.pi * t) for t in turns]).max() < 1e-11
    assert np.abs(cosine**2 + sine**2 - 1).max() < 1e-10


@pytest.mark.parametrize("name", ["logarithm", "cosine", "sine"])
def test_bits_are_those_of_every_machine(name):
    x = np.arange(1, 4_001) / 1_237.0
    values = {"logarithm": logarithm(x), "cosine": circle(x)[0], "sine": circle(x)[1]}[name]
    assert hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()[:16] == BITS[name]


def test_bits_are_those_of_one_operation_after_another():
    """Python's floats know no vectors and fuse nothing: so do NumPy's loops here."""
    for t in points()[:500].tolist():
        rest = t - round(t)
        ours = circle(np.array([t]))
        assert ours[0][0] == scalar_sine(0.25 - abs(rest))
        assert ours[1][0] == math.copysign(scalar_sine(0.25 - abs(abs(rest) - 0.25)), rest)


def scalar_sine(t):
    coefficients = [6.283185307179586]
    for k in range(1, 8):
        coefficients.append(-coefficients[-1] * 6.283185307179586 * 6.283185307179586 / (2 * k * (2 * k + 1)))
    out = coefficients.pop()
    for coefficient in coefficients[::-1]:
        out = out * (t * t)
        out = out + coefficient
    return out * t


def test_bits_do_not_depend_on_the_place_in_an_array():
    turns = points()
    whole = circle(turns)
    for part in (slice(0, 1), slice(3, 10), slice(1, None, 7)):
        for all_of_it, some in zip(whole, circle(turns[part]), strict=True):
            assert (all_of_it[part] == some).all()


BITS = {"logarithm": "cffcff0abe02a200", "cosine": "b77ae55ef227763b", "sine": "74a8b61df2fdd05f"}
