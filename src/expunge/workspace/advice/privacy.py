"""Forget by training again, with a certificate, by noisy steps, or by doing nothing? Measured, on your records or not.

Without a table the records are made up: normal, as many and as wide as yours, and told apart as well as yours can be.
Then what is compared is what noise and removal cost at that size, and no value of yours is read.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from expunge.arguments import check_count, check_number
from expunge.errors import BudgetExhaustedError, InvalidParameterError
from expunge.methods import find_method

__all__ = ["PRIVACY_COLUMNS", "PrivacyAdvice", "PrivacyChoice", "advise_privacy"]

Floats = npt.NDArray[np.float64]
Rows = tuple[tuple[Any, Any], tuple[Any, Any]]

PRIVACY_COLUMNS = ("how", "ε", "accuracy", "served by one fit", "records read", "seconds", "wanted")
#: What is tried, in units of the epsilon that is allowed.
_SHARES = (0.1, 0.3, 1.0)
#: At most so many records are made up, and so many deletions carried out; beyond, the cost goes on in proportion.
_MOST, _TRIED, _UNSEEN = 20_000, 20, 4_000
#: Once so many passes over the records have been read, no more than this many deletions are carried out.
_ENOUGH, _LEAST = 500, 3
_NEVER = "retraining"
#: A model that keeps no more than this share of what there is to learn has learned next to nothing.
_EMPTY = 0.2


@dataclasses.dataclass(frozen=True)
class PrivacyChoice:
    """One way to forget, at one epsilon.

    Parameters
    ----------
    how : str
    epsilon : float
        What the deletions cost together (certificates: each published model); zero for retraining.
    accuracy : float
        On records that no fit saw, after the deletions that were tried.
    served : int
        Deletions that one fit serves without reading all records again, as far as was tried or is known.
    reads : float
        Records read for all deletions.
    seconds : float
    """

    how: str
    epsilon: float
    accuracy: float
    served: int
    reads: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class PrivacyAdvice:
    """What was measured and what is recommended.

    Parameters
    ----------
    n, d, deletions : int
    target : float
        Accuracy that is wanted.
    epsilon : float
        The most that may be spent.
    n_measured : int
        Records that were measured on.
    choices : list of PrivacyChoice
    by_deletions : list of (int, float)
        Doing nothing at that epsilon: deletions that a fit is made for, and its accuracy.
    recommended : PrivacyChoice or None
    is_made_up : bool
        Whether the records that were measured on were made up.
    guess : float
        Accuracy of naming the class that is most frequent, whatever the record.
    n_judged : int
        Records that accuracies were measured on.
    """

    n: int
    d: int
    deletions: int
    target: float
    epsilon: float
    n_measured: int
    choices: list[PrivacyChoice]
    by_deletions: list[tuple[int, float]]
    recommended: PrivacyChoice | None
    is_made_up: bool = True
    guess: float = 0.0
    n_judged: int = 0

    def rows(self) -> list[list[str]]:
        """A row for each choice, under :data:`PRIVACY_COLUMNS`; the recommended one has a star."""
        return [
            [
                f"{c.how}{' *' if c is self.recommended else ''}", f"{c.epsilon:g}", f"{c.accuracy:.3f}",
                f"{c.served:,}", f"{c.reads:,.0f}", f"{c.seconds:.2g}", "yes" if c.accuracy >= self.target else "no",
            ]
            for c in self.choices
        ]  # fmt: skip

    def empty(self) -> list[PrivacyChoice]:
        """Choices that keep a promise because they learned next to nothing: noise and penalty are too large for n.

        Above :attr:`guess` they keep at most a fifth of what retraining has, or no more than chance gives.
        """
        plain = max(c.accuracy for c in self.choices if c.how == _NEVER)
        chance = 2 * math.sqrt(self.guess * (1 - self.guess) / max(1, self.n_judged))
        least = self.guess + max(chance, _EMPTY * (plain - self.guess))
        return [c for c in self.choices if c.how != _NEVER and c.accuracy <= least]

    def useless(self) -> list[PrivacyChoice]:
        """Certificates that nearly every deletion uses up, and then all records are read, as retraining does."""
        few = [c for c in self.choices if c.how == "certified" and c.served <= self.deletions // 5]
        return [c for c in few if c not in self.empty()]

    def lines(self) -> list[str]:
        """What to know beside the table."""
        whose = "made-up records" if self.is_made_up else "records of yours"
        said = f"Measured on {self.n_measured:,} {whose}, {self.d} numbers each; * is recommended."
        if not self.is_made_up:
            said += " Their scale was read from them: for a guarantee it has to be public."
        if self.n_measured < self.n:
            said += f" Of all {self.n:,} the noise would count less."
        if self.recommended is None:
            return [
                said,
                *self._warnings(),
                f"Nothing here reaches {self.target:g}: allow a larger epsilon, or a lower target.",
            ]
        best = self.recommended
        return [
            said,
            *self._warnings(),
            f"Recommended: {best.how}, at epsilon = {best.epsilon:g}: accuracy {best.accuracy:.3f}, and "
            f"{best.reads:,.0f} records read for {self.deletions:,} deletions.",
        ]

    def _warnings(self) -> list[str]:
        """What promises nothing at this number of records."""
        out = []
        if empty := self.empty():
            out.append(
                f"Empty promises, for next to nothing was learned (naming one class is right in {self.guess:.3f}): "
                f"{_named(empty)}. It takes more records, a larger epsilon or fewer deletions."
            )
        if useless := self.useless():
            out.append(f"Little saved, nearly every deletion uses the certificate up: {_named(useless)}.")
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **dataclasses.asdict(self), "empty": list(map(dataclasses.asdict, self.empty())),
            "useless": list(map(dataclasses.asdict, self.useless())), "lines": self.lines(),
        }  # fmt: skip


def _named(choices: list[PrivacyChoice]) -> str:
    return ", ".join(f"{c.how} at epsilon = {c.epsilon:g}" for c in choices)


def advise_privacy(
    *, n: int, d: int, deletions: int, target: float, epsilon: float = 1.0, ceiling: float = 0.95, seed: int = 0,
    rows: Rows | None = None, progress: Callable[[float, float], None] | None = None,
) -> PrivacyAdvice:  # fmt: skip
    """Compare the ways to forget, for a table of a size or on rows of your own.

    Parameters
    ----------
    n, d : int
        Records, and numbers in each.
    deletions : int
        Records to forget, one at a time.
    target : float
        Accuracy that is wanted: of made-up records between 0.5 and ``ceiling``, of your own between 0 and 1.
    epsilon : float, default=1.0
        The most that may be spent; delta is the smaller one of 1/n and 10⁻⁵.
    ceiling : float, default=0.95
        Accuracy of the best rule there is, with which labels are made up.
    seed : int
    rows : (X, y) and (X, y), optional
        To learn from, d numbers each and about as long as one, and to judge by; default: made up.
    progress : callable, optional
        From steps done and steps in all.

    Returns
    -------
    PrivacyAdvice
        Recommended is what reads the fewest records of what reaches the target, and of equals what spends least.

    Raises
    ------
    InvalidParameterError
        A number outside its range.

    Examples
    --------
    >>> advice = advise_privacy(n=2000, d=5, deletions=10, target=0.8)
    >>> {choice.how for choice in advice.choices} == {"retraining", "certified", "langevin", "doing nothing"}
    True
    """
    _check(n, d, deletions, target, epsilon, None if rows is not None else ceiling)
    known, unseen = rows or _made_up(min(n, _MOST), d, ceiling, seed)
    measured = len(known[0])
    delta, steps = min(1e-5, 1 / n), 3 * len(_SHARES) + 1 + len(_group_sizes(deletions))
    choices, by_deletions = list[PrivacyChoice](), list[tuple[int, float]]()
    for done, (how, spent, model) in enumerate(_ways(measured, deletions, epsilon, delta, seed), 1):
        choices.append(_measured(how, spent, model, known, unseen, deletions))
        if progress is not None:
            progress(done, steps)
    for size in _group_sizes(deletions):
        model = _nothing(epsilon, delta, size, seed).fit(*known)
        by_deletions.append((size, float(model.score(*unseen))))
    good = [choice for choice in choices if choice.accuracy >= target]
    best = min(good, key=lambda c: (c.reads, c.epsilon, -c.accuracy), default=None)
    return PrivacyAdvice(
        n, d, deletions, target, epsilon, measured, choices, by_deletions, best, rows is None,
        _guess(known[1], unseen[1]), len(unseen[1]),
    )  # fmt: skip


def _guess(known: Any, unseen: Any) -> float:
    """How often the most frequent class of those that were learned is right."""
    classes, counts = np.unique(known, return_counts=True)
    return float(np.mean(np.asarray(unseen) == classes[np.argmax(counts)]))


def _check(n: int, d: int, deletions: int, target: float, epsilon: float, ceiling: float | None) -> None:
    for name, value, least in (("n", n, 100), ("d", d, 1), ("deletions", deletions, 1)):
        check_count(name, value, least=least)
    if 2 * deletions > n:
        raise InvalidParameterError(f"{deletions} deletions are more than half of {n} records.", hint="Train again.")
    if ceiling is not None:
        check_number("ceiling", ceiling, low=0.5, high=1.0, open_low=True, open_high=True)
    lowest, highest = (0.0, 1.0) if ceiling is None else (0.5, ceiling)
    if not lowest <= target <= highest:
        raise InvalidParameterError(
            f"The accuracy that is wanted must lie between {lowest:g} and {highest:g}, got {target!r}.", hint="As 0.8."
        )
    check_number("epsilon", epsilon, open_low=True)


def _made_up(n: int, d: int, ceiling: float, seed: int) -> Rows:
    """Records to learn from, and others to judge by."""
    X, y = _rows(n + _UNSEEN, d, ceiling, seed)
    return (X[:n], y[:n]), (X[n:], y[n:])


def _rows(n: int, d: int, ceiling: float, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Normal rows no longer than one, and labels that the best plane tells apart as often as the ceiling says."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    noise = np.tan(np.pi * (1 - ceiling))  # two normal variables at this angle disagree in sign so often
    y = (X[:, 0] + noise * rng.normal(size=n) > 0).astype(np.int64)
    turned = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return X @ turned / np.sqrt(d + 3 * np.sqrt(2 * d)), y


def _nothing(epsilon: float, delta: float, size: int, seed: int) -> Any:
    return find_method("PrivateLogisticRegression")(
        epsilon=epsilon, delta=delta, group_size=size, lr=3.0, allow_large_delta=True, noise_seed=seed
    )


def _group_sizes(deletions: int) -> list[int]:
    return sorted({max(1, deletions // divisor) for divisor in (1, 3, 10, 30, 100)})


def _ways(n: int, deletions: int, most: float, delta: float, seed: int) -> Iterator[tuple[str, float, Any]]:
    """Name, epsilon and an unfitted model of each way."""
    shared = {"delta": delta, "alpha": 1e-3 * n, "allow_large_delta": True, "noise_seed": seed}
    yield _NEVER, 0.0, find_method("RetrainClassifier")(LogisticRegression())
    for share in _SHARES:
        epsilon = share * most
        yield (
            "certified", epsilon,
            find_method("CertifiedLogisticRegression")(epsilon=epsilon, sigma=1e-3 * n**0.75, **shared),
        )  # fmt: skip
        yield (
            "langevin", epsilon,
            find_method("LangevinLogisticRegression")(epsilon=epsilon, noise=0.1, max_steps=10_000_000, **shared),
        )  # fmt: skip
        yield "doing nothing", epsilon, _nothing(epsilon, delta, deletions, seed)


def _measured(how: str, epsilon: float, model: Any, known: Any, unseen: Any, deletions: int) -> PrivacyChoice:
    """A fit, some of the deletions, and what all of them would cost in proportion."""
    X, _ = known
    start = time.perf_counter()
    model.fit(*known)
    fit_s, tried = time.perf_counter() - start, min(deletions, _TRIED)
    if how == _NEVER:
        return PrivacyChoice(how, 0.0, float(model.score(*unseen)), 0, float(deletions) * len(X), deletions * fit_s)
    start, reads, served = time.perf_counter(), 0.0, 0
    for record in range(tried):
        try:
            work = model.forget([record]).work
        except BudgetExhaustedError:
            work = len(X)
        reads, served = reads + work, served + (work < len(X) - record - 1)
        if reads > _ENOUGH * len(X) and record + 1 >= _LEAST:
            tried = record + 1
            break
    elapsed = time.perf_counter() - start
    known_limit = deletions if how == "doing nothing" else round(served / tried * deletions)
    return PrivacyChoice(
        how, epsilon, float(model.score(*unseen)), known_limit, reads / tried * deletions, elapsed / tried * deletions
    )
