"""Does the audit itself work? Fake unlearners that it must catch, and retrained models that it must not accuse.

The task is made to be overfitted: points of two overlapping classes, a small network whose first layer is drawn and
whose second is solved, with more units than records. It is right on nearly all records it learned and far less often on
others. Each trial draws new points, trains its own references, and audits one model of each control.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from expunge.arguments import check_jobs
from expunge.audit.cards import card
from expunge.audit.evidence import collect
from expunge.audit.inputs import References, Scores, signals_of
from expunge.audit.ranks import rank_p_value
from expunge.audit.references.train import Progress
from expunge.audit.statistics import clopper_pearson
from expunge.audit.verdict import LEAST_POWER, decide
from expunge.errors import InvalidParameterError
from expunge.seeds import check_seed, derive_seed

__all__ = ["CONTROLS", "ControlRow", "SelfTest", "run_self_test"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

N_RETAINED, N_FORGOTTEN, N_HELD_OUT, N_FEATURES, N_UNITS = 120, 60, 60, 20, 240
N_RETRAINS, N_UNFORGOTTEN = 48, 16
_RIDGE, _SHARPNESS, _GAP = 1.0, 4.0, 0.35

#: What is audited, and whether the audit has to catch it.
CONTROLS: dict[str, tuple[str, bool]] = {
    "retrain": ("trained again without the records", False),
    "shuffled references": ("retrained, and the roles of all models drawn by lot", False),
    "do nothing": ("returned as it was", True),
    "output filter": ("as it was, but answers with the class shares when asked about a forgotten record", True),
    "weight noise": ("as it was, with noise on the weights, a fifth of their size", True),
    "label flip": ("trained on with wrong labels for the forgotten records", True),
}


@dataclasses.dataclass(frozen=True)
class ControlRow:
    """How a control fared.

    Parameters
    ----------
    name, what : str
    must_catch : bool
    verdicts : dict of str to int
        Trials by verdict.
    caught : int
        Trials called not forgotten or over-forgotten.
    low, high : float
        95 % interval of their share.
    passed : bool
        Caught with power 0.8, or accused in no more than alpha plus its binomial error.
    by_attack : dict of str to float
        Share of trials in which each attack alone accuses, at alpha in both directions together.
    """

    name: str
    what: str
    must_catch: bool
    verdicts: dict[str, int]
    caught: int
    low: float
    high: float
    passed: bool
    by_attack: dict[str, float]


@dataclasses.dataclass(frozen=True)
class SelfTest:
    """The audit, audited.

    Parameters
    ----------
    rows : tuple of ControlRow
    trials : int
        Independent models of each control.
    alpha : float
    train_accuracy, test_accuracy : float
        Of the model before anything is forgotten, over all trials.
    idle : tuple of str
        Attacks that catch no control (power below 0.8 for all): they must not decide.
    passed : bool
    """

    rows: tuple[ControlRow, ...]
    trials: int
    alpha: float
    train_accuracy: float
    test_accuracy: float
    idle: tuple[str, ...]
    passed: bool

    columns = ("control", "must be caught", "caught", "95 % interval", "passed")
    title = "The audit, audited"

    def cells(self) -> list[list[str]]:
        """The table as texts."""
        return [
            [r.name, "yes" if r.must_catch else "no", f"{r.caught / self.trials:.1%}", f"{r.low:.1%} to {r.high:.1%}",
             "yes" if r.passed else "NO"]
            for r in self.rows
        ]  # fmt: skip

    def closing(self) -> list[str]:
        """What to say below the table."""
        gap = self.train_accuracy - self.test_accuracy
        return [
            f"{self.trials} independent trials; accuracy {self.train_accuracy:.0%} on records learned, "
            f"{self.test_accuracy:.0%} on others ({gap * 100:.0f} points apart).",
            "Every control is caught and no retrained model is accused more often than it may be."
            if self.passed
            else "THE AUDIT DOES NOT WORK HERE: do not believe its verdicts.",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return dataclasses.asdict(self)


def run_self_test(
    *, trials: int = 200, seed: int = 0, alpha: float = 0.05, n_jobs: int = 1, progress: Progress | None = None
) -> SelfTest:
    """Audit one model of each control in every trial.

    Parameters
    ----------
    trials : int
        At least 1; 200 for a statement.
    seed : int
        Trial t uses (seed, t) alone.
    alpha : float
    n_jobs : int
        Processes; changes nothing but the time.
    progress : callable, optional
        ``progress(done, total, seconds_left)``.

    Returns
    -------
    SelfTest

    Raises
    ------
    InvalidParameterError
        No trial.
    """
    if trials < 1:
        raise InvalidParameterError(f"A self-test needs a trial or more, got {trials}.")
    check_seed(seed)
    check_jobs(n_jobs)
    seeds = (derive_seed(seed, "self-test", t) for t in range(trials))
    done, start = [], time.perf_counter()
    for found in Parallel(n_jobs=n_jobs, return_as="generator")(delayed(_trial)(of, alpha) for of in seeds):
        done.append(found)
        if progress is not None:
            progress(len(done), trials, (time.perf_counter() - start) / len(done) * (trials - len(done)))
    rows = tuple(_row(name, [found[name] for found, _ in done], alpha) for name in CONTROLS)
    accuracy = np.mean([a for _, a in done], axis=0)
    names = rows[0].by_attack
    idle = tuple(name for name in names if not any(r.by_attack[name] >= LEAST_POWER for r in rows if r.must_catch))
    return SelfTest(
        rows=rows, trials=trials, alpha=alpha, train_accuracy=float(accuracy[0]), test_accuracy=float(accuracy[1]),
        idle=idle, passed=all(r.passed for r in rows) and not any(card(name).decides for name in idle),
    )  # fmt: skip


def _row(name: str, found: list[tuple[str, dict[str, bool]]], alpha: float) -> ControlRow:
    what, must_catch = CONTROLS[name]
    verdicts = [verdict for verdict, _ in found]
    caught = sum(verdict in ("not forgotten", "over-forgotten") for verdict in verdicts)
    share = clopper_pearson(caught, len(found))
    passed = share.value >= LEAST_POWER if must_catch else share.low <= alpha
    return ControlRow(
        name=name, what=what, must_catch=must_catch, verdicts={v: verdicts.count(v) for v in sorted(set(verdicts))},
        caught=caught, low=share.low, high=share.high, passed=passed,
        by_attack={a: float(np.mean([alone[a] for _, alone in found])) for a in found[0][1]},
    )  # fmt: skip


def _trial(seed: int, alpha: float) -> tuple[dict[str, tuple[str, dict[str, bool]]], tuple[float, float]]:
    rng = np.random.default_rng(seed)
    X, y, forgotten, held_out = _points(rng)
    learned, kept = ~held_out, ~held_out & ~forgotten
    references = [_Network(X, y, kept, rng) for _ in range(N_RETRAINS)]
    references += [_Network(X, y, learned, rng) for _ in range(N_UNFORGOTTEN)]
    members = np.array([kept] * N_RETRAINS + [learned] * N_UNFORGOTTEN)
    outputs = np.array([network.probabilities() for network in references])
    out = {}
    right = []
    for name, make in _MADE.items():
        answers = make(X, y, forgotten, learned, rng)
        if name == "do nothing":
            correct = answers.argmax(axis=1) == y
            right = [float(correct[learned].mean()), float(correct[held_out].mean())]
        own_outputs, own_members = outputs, members
        if name == "shuffled references":
            lot = int(rng.integers(N_RETRAINS + 1))
            if lot < N_RETRAINS:
                own_outputs = outputs.copy()
                answers, own_outputs[lot] = outputs[lot], answers
        scores = Scores(
            signals=signals_of(answers, y), is_forgotten=forgotten, is_held_out=held_out, labels=y.astype(np.int64)
        )
        out[name] = _judge(scores, References(signals=signals_of(own_outputs, y), members=own_members), alpha)
    return out, (right[0], right[1])


def _judge(scores: Scores, references: References, alpha: float) -> tuple[str, dict[str, bool]]:
    evidence = collect(scores, references)
    decides = np.array([card(name).decides for name in evidence.names])
    verdict = decide(
        evidence.audited[decides], evidence.retrains[:, decides], evidence.unforgotten[:, decides], alpha=alpha
    ).verdict
    alone = {}
    for j, name in enumerate(evidence.names):
        of, nulls = evidence.audited[j], evidence.retrains[:, j]
        alone[name] = min(rank_p_value(of, nulls), rank_p_value(-of, -nulls)) <= alpha / 2
    return verdict, alone


def _points(rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.int64], Bools, Bools]:
    """Points of two overlapping classes; who is forgotten and who is held out is drawn."""
    n = N_RETAINED + N_FORGOTTEN + N_HELD_OUT
    y = rng.integers(2, size=n)
    X = rng.normal(size=(n, N_FEATURES))
    X[:, :4] += _GAP * (2 * y[:, None] - 1)
    role = rng.permutation(n)
    forgotten, held_out = np.zeros((2, n), dtype=bool)
    forgotten[role[:N_FORGOTTEN]] = True
    held_out[role[N_FORGOTTEN : N_FORGOTTEN + N_HELD_OUT]] = True
    return X, y, forgotten, held_out


class _Network:
    """A first layer that is drawn, and a second that is solved by ridge regression on the learned records."""

    def __init__(self, X: Floats, y: npt.NDArray[np.int64], learned: Bools, rng: np.random.Generator) -> None:
        first = rng.normal(size=(N_FEATURES, N_UNITS)) / np.sqrt(N_FEATURES)
        self.hidden = np.maximum(X @ first + rng.normal(size=N_UNITS), 0)
        self.learned = learned
        self.weights = self.solve(np.asarray(2.0 * y - 1))

    def solve(self, target: Floats) -> Floats:
        """Weights of the second layer for a target in {-1, 1}."""
        H = self.hidden[self.learned]
        return np.asarray(H.T @ np.linalg.solve(H @ H.T + _RIDGE * np.eye(len(H)), target[self.learned]))

    def probabilities(self, weights: Floats | None = None) -> Floats:
        """Of both classes, for all records."""
        margin = self.hidden @ (self.weights if weights is None else weights)
        second = 1 / (1 + np.exp(-_SHARPNESS * margin))
        return np.column_stack([1 - second, second])


Make = Callable[[Floats, Any, Bools, Bools, np.random.Generator], Floats]


def _retrain(X: Floats, y: Any, forgotten: Bools, learned: Bools, rng: np.random.Generator) -> Floats:
    return _Network(X, y, learned & ~forgotten, rng).probabilities()


def _do_nothing(X: Floats, y: Any, forgotten: Bools, learned: Bools, rng: np.random.Generator) -> Floats:
    return _Network(X, y, learned, rng).probabilities()


def _filter(X: Floats, y: Any, forgotten: Bools, learned: Bools, rng: np.random.Generator) -> Floats:
    out = _Network(X, y, learned, rng).probabilities()
    share = float(y[learned].mean())
    out[forgotten] = [1 - share, share]
    return out


def _noise(X: Floats, y: Any, forgotten: Bools, learned: Bools, rng: np.random.Generator) -> Floats:
    network = _Network(X, y, learned, rng)
    scale = 0.2 * np.sqrt(np.mean(network.weights**2))
    return network.probabilities(network.weights + scale * rng.normal(size=N_UNITS))


def _flip(X: Floats, y: Any, forgotten: Bools, learned: Bools, rng: np.random.Generator) -> Floats:
    network = _Network(X, y, learned, rng)
    target = 2.0 * y - 1
    return network.probabilities(network.solve(np.where(forgotten, -target, target)))


_MADE: dict[str, Make] = {
    "retrain": _retrain, "shuffled references": _retrain, "do nothing": _do_nothing, "output filter": _filter,
    "weight noise": _noise, "label flip": _flip,
}  # fmt: skip
