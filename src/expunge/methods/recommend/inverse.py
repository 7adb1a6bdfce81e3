"""The inverse of a regularised Gram matrix, kept up with histories that come and go, and a proved bound of its error.

Let A = G + λI, where G counts users of pairs of items, and P the matrix that is kept. P is symmetric and invertible, so
it is the exact inverse of some matrix A + Δ; what is kept beside it is a number δ ≥ ‖Δ‖, in the spectral norm as all
norms here. The history x of a user (zeros and ones, h ones) that goes or comes, σ = -1 or 1, changes

    A' = A + σ x xᵀ,   P' = P - σ w wᵀ / (1 + σ xᵀw),   w = P x   (Sherman and Morrison 1950)

and in exact arithmetic P' is the inverse of A' + Δ, with the same Δ. So rounding alone adds to δ. Let F be what it adds
to P', and φ ≥ ‖F‖. With M = A' + Δ, P' is the inverse of M (I + F M)⁻¹, which differs from M by at most
‖M‖² φ / (1 - ‖M‖ φ); and ‖M‖ ≤ α + δ, where α ≥ ‖A'‖. φ is the sum of

* |ŝ - s| ‖ŵ‖² + |s| (2 ‖ŵ‖ ‖e‖ + ‖e‖²) for a computed ŵ = w + e and ŝ of s = σ / (1 + σ xᵀw), where
  |e_j| ≤ γ Σ |P_ij| over the history, γ = h u / (1 - h u), u = 2⁻⁵³; and xᵀw is off by at most η = γ Σ |ŵ_i| + Σ |e_i|,
* 4 u (‖P'‖ + |ŝ| ‖ŵ‖²), in the norm of Frobenius: three roundings of each cell.

A bound that is itself computed in floats is raised by one part in 2²⁰ of itself, which is more than its own rounding.

A is at least λI in the order of symmetric matrices. So ‖P - A⁻¹‖ = ‖A⁻¹ Δ P‖ ≤ β = δ / (λ (λ - δ)), for δ < λ. The
weight of item i for item j is -P_ij / P_jj, and |P_ij|² ≤ P_ii P_jj; so each weight is off by at most
β (1 + √(max P_jj / min P_jj)) / (min P_jj - β).

In the beginning P comes from a factorisation. With R = I - A P, Δ = R P⁻¹ and ‖P⁻¹‖ ≤ α + ‖Δ‖, so
‖Δ‖ ≤ ‖R‖ α / (1 - ‖R‖). ‖R‖ is at most that of the computed R in the norm of Frobenius, plus γ ‖A‖ ‖P‖ with h = n + 1,
whatever the order in which the products are added.

An item that no user has any more leaves with its line and column. Its line of A is λ on the diagonal, so the rest is
off by at most δ + δ² / (λ - δ) (a Schur complement). One that comes has 1 / λ on the diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.compiled import checked
from expunge.digest import leaf
from expunge.estimators import one_thread
from expunge.methods.recommend.histories import Changed, numbered
from expunge.methods.recommend.pairs import number_type
from expunge.state import Living, Part, Patch

__all__ = ["Inverse", "Steps", "inverse_of"]

Floats = npt.NDArray[np.float64]
_U = 2.0**-53
_RAISED = 1.0 + 2.0**-20


def inverse_of(gram: Floats, ridge: float) -> Floats:
    """(G + λI)⁻¹, symmetric to the bit; written over G. One thread, so that bits depend on no number of threads."""
    from scipy.linalg import lapack

    gram[np.diag_indices_from(gram)] += ridge
    if not len(gram):
        return gram
    with one_thread():
        factor, _ = lapack.dpotrf(gram, lower=0, overwrite_a=1)
        out, _ = lapack.dpotri(factor, lower=0, overwrite_c=1)
    return _mirrored(np.asarray(out))


def _mirrored(upper: Floats) -> Floats:
    """A C-ordered symmetric matrix from the upper triangle of another one."""
    return np.ascontiguousarray(np.triu(upper) + np.triu(upper, 1).T)


@checked
def _step(P: Any, codes: Any, sign: float, numbers: Any, ridge: float, done: Any, number: int) -> None:
    """One history comes or goes, and ``numbers`` = [δ, α] with it; nothing if it was done before."""
    if done[0] > number:
        return
    n, h, u = len(P), len(codes), 2.0**-53
    gamma = h * u / (1.0 - h * u)
    w, error = np.zeros(n), np.zeros(n)
    for i in codes:
        for j in range(n):
            w[j] += P[i, j]
            error[j] += abs(P[i, j])
    inner, off = 0.0, 0.0
    for i in codes:
        inner += w[i]
        off += gamma * abs(w[i]) + gamma * error[i]
    divisor = 1.0 + sign * inner
    off = (off + 2.0 * u) * (1.0 + 2.0**-20)
    s = sign / divisor
    most_s = 1.0 / (divisor - off)
    ww, ee = np.sqrt(np.sum(w * w)), gamma * np.sqrt(np.sum(error * error))
    square = 0.0
    for i in range(n):
        for j in range(n):
            value = P[i, j] - (w[i] * w[j]) * s
            P[i, j] = value
            square += value * value
    phi = (off * most_s / divisor + u * most_s) * ww * ww + most_s * (2.0 * ww * ee + ee * ee)
    phi = (phi + 4.0 * u * (np.sqrt(square) + abs(s) * ww * ww)) * (1.0 + 2.0**-20)
    if sign > 0:
        numbers[1] += h
    norm = numbers[1] + numbers[0]
    numbers[0] = (numbers[0] + norm * norm * phi / (1.0 - norm * phi)) * (1.0 + 2.0**-20)
    done[0] = number + 1


class Inverse(Living):
    """The inverse of a Gram matrix plus λI, with a bound of its error.

    Attributes
    ----------
    items : ndarray of shape (n,)
    users : ndarray of int64, shape (n,)
    matrix : ndarray of float64, shape (n, n)
    numbers : ndarray of float64, shape (2,)
        δ and α of the module.
    """

    def __init__(self, items: Any, users: Any, matrix: Floats, numbers: Floats) -> None:
        self.items, self.users, self.matrix, self.numbers = items, users, matrix, numbers

    @classmethod
    def of(cls, items: Any, users: Any, gram: Floats, ridge: float) -> Inverse:
        """From a Gram matrix; O(n³), half of it for the bound."""
        n, norm = len(gram), (ridge + float(np.sqrt(np.sum(gram * gram)))) * _RAISED
        P = inverse_of(gram.copy(), ridge)
        if not n:
            return cls(items, users, P, np.array([0.0, norm]))
        with one_thread():
            residual = gram @ P
        residual += ridge * P
        residual[np.diag_indices_from(residual)] -= 1.0
        gamma = (n + 3) * _U / (1.0 - (n + 3) * _U)
        rest = float(np.linalg.norm(residual)) + gamma * (norm * float(np.linalg.norm(P)) + np.sqrt(n))
        delta = rest * norm / (1.0 - rest) if rest < 0.5 else np.inf
        return cls(items, users, P, np.array([delta * _RAISED, norm]))

    def bound(self, ridge: float) -> float:
        """What each weight of an item for another one is off by, at most; infinite where nothing is proved."""
        return self._bound(float(self.numbers[0]), ridge)

    def foretold(self, histories: Sequence[Changed], ridge: float) -> float:
        """The bound after this change, from norms alone: too large, and never too small.

        ‖w‖ ≤ √h p, ‖e‖ ≤ γ √(h n) p and |s| ≤ 1 + h p, where p = 1 / (λ - δ) ≥ ‖P‖ after each step. An item that leaves
        or comes is allowed for. P_jj ≥ 1 / M_jj, and M_jj ≤ λ + δ + the users of item j.
        """
        lengths = [(sign, len(labels)) for one in histories for sign, labels in ((1, one.after), (-1, one.before))]
        delta, alpha = float(self.numbers[0]), float(self.numbers[1])
        n = len(self.items) + sum(h for _, h in lengths)
        for sign, h in lengths:
            if not delta < ridge / 2:
                return np.inf
            p, gamma = 1.0 / (ridge - delta), 2.0 * h * _U
            s, w, e = 2.0 * (1.0 + h * p), np.sqrt(h) * p, gamma * np.sqrt(h * n) * p
            off = gamma * np.sqrt(h) * w + np.sqrt(h) * e + 2.0 * _U
            phi = (off * s * s + _U * s) * w * w + s * (2.0 * w * e + e * e) + 8.0 * _U * (np.sqrt(n) * p + s * w * w)
            alpha += h if sign > 0 else 0
            norm = alpha + delta
            delta += 2.0 * norm * norm * phi
            delta = max(delta + 2.0 * delta * delta / (ridge - delta), 4.0 * _U * ridge)
        return self._bound(delta, ridge, n_more=len(histories))

    def _bound(self, delta: float, ridge: float, n_more: int = 0) -> float:
        if not delta < ridge:
            return np.inf
        if not len(self.items):
            return 0.0
        off, diagonal = delta / (ridge * (ridge - delta)) * _RAISED, self.matrix.diagonal()
        low, high = float(diagonal.min()), float(diagonal.max())
        if n_more:  # no entry is above 1 / (λ - δ)
            low, high = 1.0 / (ridge + delta + int(self.users.max()) + n_more), 1.0 / (ridge - delta)
        return off * (1.0 + np.sqrt(high / low)) / (low - off) * _RAISED if low > off else np.inf

    def copy_after(self, histories: Sequence[Changed], ridge: float) -> Inverse:
        """A copy to which the change was made, whose bound is known by that."""
        twin = Inverse(self.items, self.users, self.matrix.copy(), self.numbers.copy())
        made = twin.changed(histories, ridge)
        if isinstance(made, Inverse):
            return made
        made.apply()
        return twin

    def changed(self, histories: Sequence[Changed], ridge: float) -> Inverse | Patch:
        """What a change of histories makes of it: a patch, or where items come or leave another inverse."""
        users = dict(zip(self.items.tolist(), self.users.tolist(), strict=True))
        for before, after in histories:
            for item in before - after:
                users[item] -= 1
            for item in after - before:
                users[item] = users.get(item, 0) + 1
        if users.keys() == set(self.items.tolist()) and all(users.values()):
            return Steps(
                self, histories, np.array([users[item] for item in self.items.tolist()], dtype=np.int64), ridge
            )
        return self._anew(histories, users, ridge)

    def _anew(self, histories: Sequence[Changed], users: dict[Any, int], ridge: float) -> Inverse:
        every = sorted(users)
        items, numbers = np.array(every), self.numbers.copy()
        at = np.searchsorted(items, self.items) if len(self.items) else np.empty(0, dtype=np.int64)
        P = np.diag(np.full(len(items), 1.0 / ridge))
        P[np.ix_(at, at)] = self.matrix
        numbers[0] = max(numbers[0], 4.0 * _U * ridge)
        counts = np.array([users[item] for item in every], dtype=np.int64)
        larger = Inverse(items, counts, P, numbers)
        Steps(larger, histories, counts, ridge).apply()
        kept = np.flatnonzero(counts)
        if len(kept) < len(items):
            delta = numbers[0]
            numbers[0] = (delta + delta * delta / (ridge - delta)) * _RAISED if delta < ridge else np.inf
        return Inverse(number_type(items[kept]), counts[kept], np.ascontiguousarray(P[np.ix_(kept, kept)]), numbers)

    def leaf(self) -> bytes:
        return leaf(self.plain())

    def plain(self) -> Part:
        return {"items": self.items, "users": self.users, "matrix": self.matrix, "numbers": self.numbers}

    @classmethod
    def restored(cls, part: Part) -> Inverse:
        """The inverse of :meth:`plain`."""
        return cls(part["items"], part["users"], np.array(part["matrix"]), np.array(part["numbers"]))

    def __getstate__(self) -> Part:
        return self.plain()

    def __setstate__(self, part: Part) -> None:
        self.__dict__.update(Inverse.restored(part).__dict__)


class Steps(Patch):
    """Histories that go and come, one after the other; each in one call that no signal interrupts.

    Parameters
    ----------
    inverse : Inverse
    histories : sequence of Changed
    users : ndarray
    ridge : float
    """

    def __init__(self, inverse: Inverse, histories: Sequence[Changed], users: Any, ridge: float) -> None:
        self._inverse, self._users, self._ridge = inverse, users, ridge
        signed = [(sign, change[which]) for change in histories for sign, which in ((1.0, 1), (-1.0, 0))]
        self._steps = [(sign, numbered(inverse.items, labels)) for sign, labels in signed if labels]
        self._done = np.zeros(1, dtype=np.int64)

    def apply(self) -> None:
        inverse = self._inverse
        for number, (sign, codes) in enumerate(self._steps):
            _step(inverse.matrix, codes, sign, inverse.numbers, self._ridge, self._done, number)
        inverse.users = self._users
