"""Noise that keeps its promise on a computer: from the operating system, and without telling low bits.

The textbook way, adding a rounded sample to a rounded value, is no differential privacy: which doubles can come out
depends on the value (Mironov 2012). Here the *ideal* real number, value + scale · Z with Z exactly Gaussian or Laplace,
is rounded to a grid, and that is what comes out. Rounding an ideal release is post-processing, so its guarantee is that
of the ideal mechanism, without a term for the computer.

The ideal number is never known, only enclosed: Z = F⁻¹(U) for a uniform U of which the first 64 bits are drawn. If both
ends of the enclosure round to the same point of the grid, that is the answer; if not, more bits of U are drawn and the
ends are computed in multiple precision, until it is.

References
----------
I. Mironov, "On significance of the least significant bits for differential privacy", CCS 2012.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from expunge.arguments import check_number
from expunge.errors import InvalidDataError
from expunge.seeds import check_seed

__all__ = ["GRID_BITS", "Noise"]

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

#: The grid is the largest power of two that is not above scale / 2**GRID_BITS.
GRID_BITS = 20
#: Doubt about the doubles below, relative to the noise on the grid: far above the error of scipy's functions.
_DOUBT = 1e-12
_WORD = 2.0**64


class Noise:
    """A source of noise.

    Parameters
    ----------
    seed : int, optional
        Default: the operating system's generator, which nobody can repeat. With a seed the noise can be repeated by
        whoever knows it, and then hides nothing from them: for tests.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = Noise(seed=1), Noise(seed=1)
    >>> bool((a.gaussian(np.zeros(3), 2.0) == b.gaussian(np.zeros(3), 2.0)).all())
    True
    """

    def __init__(self, seed: int | None = None) -> None:
        self.is_secret = seed is None
        self._generator = None if seed is None else np.random.Generator(np.random.Philox(check_seed(seed)))

    def words(self, count: int) -> Words:
        """Uniform 64-bit words."""
        if self._generator is None:
            return np.frombuffer(os.urandom(8 * count), dtype="<u8").astype(np.uint64)
        return self._generator.integers(0, 2**64, size=count, dtype=np.uint64)

    def gaussian(self, value: Any, sigma: float) -> Floats:
        """value + N(0, sigma²), rounded to the grid; shape as that of ``value``.

        Parameters
        ----------
        value : float or array-like
            Finite, and below 2**52 grid steps in size.
        sigma : float
            Standard deviation of each coordinate, above 0.
        """
        return self._released(value, check_number("sigma", sigma, open_low=True), "gaussian")

    def laplace(self, value: Any, scale: float) -> Floats:
        """value + Laplace noise of density exp(-|z| / scale) / (2 scale), rounded to the grid."""
        return self._released(value, check_number("scale", scale, open_low=True), "laplace")

    def _released(self, value: Any, scale: float, kind: Literal["gaussian", "laplace"]) -> Floats:
        given = np.asarray(value, dtype=np.float64)
        grid = grid_of(scale)
        steps = given.ravel() / grid  # by a power of two: exact
        if not (np.abs(steps) < 2.0**52).all():
            raise InvalidDataError(
                "A value to be released is not finite, or too large beside its noise.", hint="Clip it before."
            )
        whole = np.rint(steps)
        rest, noise = steps - whole, scale / grid  # both exact
        words, signs = self.words(len(whole)), self.words(len(whole)) >> np.uint64(63)
        low, high = (_magnitude[kind](words.astype(np.float64), up) * noise for up in (True, False))
        side = np.where(signs == 1, -1.0, 1.0)
        doubt = _DOUBT * (high + 1.0)
        near = np.floor(rest + np.where(side > 0, low - doubt, -(high + doubt)) + 0.5)
        far = np.floor(rest + np.where(side > 0, high + doubt, -(low - doubt)) + 0.5)
        for i in np.flatnonzero(~(near == far)).tolist():
            near[i] = self._settled(float(rest[i]), noise, float(side[i]), int(words[i]), kind)
        return np.asarray((whole + near) * grid, dtype=np.float64).reshape(given.shape)

    def _settled(self, rest: float, noise: float, side: float, word: int, kind: str) -> float:
        """The point of the grid, with as many bits of U as it takes."""
        import mpmath

        bits = 64
        while True:
            word, bits = (word << 64) | int(self.words(1)[0]), bits + 64
            with mpmath.workprec(2 * bits + 64):
                size = mpmath.mpf(2) ** bits
                ends = [
                    mpmath.floor(rest + side * noise * _exact[kind](mpmath, (word + up) / size) + mpmath.mpf(1) / 2)
                    for up in (0, 1)
                    if word + up
                ]
                if len(ends) == 2 and ends[0] == ends[1]:
                    return float(ends[0])


def grid_of(scale: float) -> float:
    """The step of the grid for noise of this scale: a power of two."""
    return math.ldexp(1.0, math.frexp(scale)[1] - 1 - GRID_BITS)


def _tail(words: Floats, up: bool) -> Floats:
    """An end of the interval of U that 64 drawn bits enclose, outwards by more than a double rounds."""
    ends = words * (1 + 2.0**-52) + 1.0 if up else words * (1 - 2.0**-52)
    return np.asarray(np.minimum(ends / _WORD, 1.0))


def _half_normal(words: Floats, up: bool) -> Floats:
    """|Z| of a Gaussian at one end: P(|Z| > z) = u."""
    return np.asarray(np.maximum(0.0, -ndtri(_tail(words, up) / 2)))


def _exponential(words: Floats, up: bool) -> Floats:
    """|Z| of a Laplace variable of scale 1 at one end."""
    with np.errstate(divide="ignore"):
        return np.maximum(0.0, -np.log(_tail(words, up)))


_magnitude: dict[str, Callable[[Floats, bool], Floats]] = {"gaussian": _half_normal, "laplace": _exponential}
_exact: dict[str, Callable[[Any, Any], Any]] = {
    "gaussian": lambda mp, u: mp.sqrt(2) * mp.erfinv(1 - u),
    "laplace": lambda mp, u: -mp.log(u),
}
