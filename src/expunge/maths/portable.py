"""Logarithm, cosine and sine whose bits are the same on every machine.

The functions of a C library may differ in the last bit from one processor, or version, to the next, and NumPy's own
from one place in an array to another. Here there are only additions, products, quotients and roundings of float64,
which IEEE 754 fixes bit by bit, each in a loop of its own, so that no two of them are fused.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["circle", "logarithm"]

Floats = npt.NDArray[np.float64]

_LN2 = 0.6931471805599453
_ROOT_HALF = 0.7071067811865476
_TWO_PI = 6.283185307179586
_TERMS = 8  # of the sine of at most a quarter turn: the next one is below 1e-11


def logarithm(x: Floats) -> Floats:
    """Natural logarithm of positive, finite numbers, to about 1e-15.

    With x = m 2^e, m near one, it is e log 2 + 2 artanh s, s = (m - 1) / (m + 1): a series in s², s² < 0.03.

    Examples
    --------
    >>> logarithm(np.array([1.0, 2.718281828459045, 0.125])).round(9)
    array([ 0.        ,  1.        , -2.07944154])
    """
    m, exponent = np.frexp(x)
    is_low = m < _ROOT_HALF
    m = np.where(is_low, m + m, m)
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = np.zeros_like(s)
    for k in range(11, -1, -1):
        series = series * square + 1.0 / (2 * k + 1)
    return np.asarray((exponent - is_low) * _LN2 + (s + s) * series)


def circle(turns: Floats) -> tuple[Floats, Floats]:
    """Cosine and sine of angles, in turns: cos 2πt and sin 2πt, to about 1e-11; of the shape of ``turns``.

    Examples
    --------
    >>> cosine, sine = circle(np.array([0.0, 0.125, -1 / 12, 7.5]))
    >>> cosine.round(3).tolist(), sine.round(3).tolist()
    ([1.0, 0.707, 0.866, -1.0], [0.0, 0.707, -0.5, -0.0])
    """
    rest = turns - np.rint(turns)  # from -1/2 to 1/2, exactly
    size = np.abs(rest)
    size -= 0.25
    cosine = _sine(-size)
    np.abs(size, out=size)
    sine = _sine(np.subtract(0.25, size, out=size))
    return cosine, np.copysign(sine, rest, out=sine)


def _sine(turns: Floats) -> Floats:
    """sin 2πt for t from -1/4 to 1/4, by its Taylor polynomial."""
    square = turns * turns
    out = np.full_like(turns, _SINE[-1])
    for coefficient in _SINE[-2::-1]:
        out *= square
        out += coefficient
    out *= turns
    return out


def _sine_series() -> list[float]:
    """(-1)^k (2π)^(2k+1) / (2k+1)!"""
    out = [_TWO_PI]
    for k in range(1, _TERMS):
        out.append(-out[-1] * _TWO_PI * _TWO_PI / (2 * k * (2 * k + 1)))
    return out


_SINE = _sine_series()
