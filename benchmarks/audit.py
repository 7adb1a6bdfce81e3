"""Audits: references on the fast paths against a loop, and all score-based attacks on many records.

python benchmarks/audit.py [--full]   # --full: softmax references as large as in the target
"""

from __future__ import annotations

import argparse
import resource
import statistics
from functools import partial
from typing import Any

import numpy as np
from measure import in_turn, machine, middle, ratio, seconds, table

from expunge.audit import References, Scores, audit
from expunge.audit.references import mlp_outputs, ridge_outputs, softmax_outputs
from expunge.maths import exact


def softmax_loop(X: Any, y: Any, members: Any, *, query: Any, penalty: float, steps: int) -> Any:
    """The obvious version: each model on its own records, whole matrix products."""
    k = int(y.max()) + 1
    out = []
    for member in members:
        rows = np.hstack([np.ones((member.sum(), 1), dtype=np.float32), X[member]])
        target = np.eye(k, dtype=np.float32)[y[member]]
        weights = np.zeros((rows.shape[1], k), dtype=np.float32)
        ahead = weights
        for _ in range(steps):
            z = rows @ ahead
            z -= z.max(axis=1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(axis=1, keepdims=True)
            gradient = rows.T @ (z - target) / np.float32(len(rows)) + np.float32(penalty) * ahead
            moved = ahead - np.float32(0.01) * gradient
            ahead = moved + np.float32(0.9) * (moved - weights)
            weights = moved
        z = np.hstack([np.ones((len(query), 1), dtype=np.float32), query]) @ weights
        out.append(np.exp(z - z.max(axis=1, keepdims=True)))
    return out


def one_by_one(make: Any, members: Any, seeds: tuple[int, ...]) -> None:
    for i in range(len(members)):
        make(members[i : i + 1], seeds[i : i + 1])


def reference_rows(n: int, m: int, steps: int) -> list[list[Any]]:
    rng = np.random.default_rng(0)
    X, y = rng.random((n, 784), dtype=np.float32), rng.integers(10, size=n)
    members = rng.random((m, n)) < 0.9
    rows = []
    arguments: dict[str, Any] = {"query": X[:100], "penalty": 1e-3, "steps": steps}
    fast = [seconds(partial(softmax_outputs, X, y, members, **arguments)) for _ in range(3)]
    part = max(1, m // 8)  # of the loop an eighth is enough: it is the same work for each model
    slow = [m / part * seconds(partial(softmax_loop, X, y, members[:part], **arguments)) for _ in range(3)]
    met = "yes" if statistics.median(slow) >= 3 * statistics.median(fast) else "no"
    rows.append([f"softmax regression, {m} × ({n:,} × 784), {steps} steps", middle(fast), middle(slow),
                 ratio(slow, fast), "3", met])  # fmt: skip
    X, y, members, seeds = X[:1000, :100], y[:1000], members[:64, :1000], tuple(range(64))
    make = partial(mlp_outputs, X, y, query=X[:100], n_hidden=32, epochs=2, batch=64)
    times = in_turn({"fast": partial(make, members, seeds), "slow": partial(one_by_one, make, members, seeds)},
                    repeats=3)  # fmt: skip
    met = "yes" if statistics.median(times["slow"]) >= 1.5 * statistics.median(times["fast"]) else "no"
    rows.append(["64 networks, 1,000 × 100, 32 hidden, CPU", middle(times["fast"]), middle(times["slow"]),
                 ratio(times["slow"], times["fast"]), "1.5", met])  # fmt: skip
    X, members = rng.normal(size=(20_000, 30)), np.random.default_rng(1).random((64, 20_000)) < 0.9
    y = rng.integers(3, size=20_000)
    whole = partial(ridge_outputs, X, y, query=X[:100])
    times = in_turn(
        {
            "fast": partial(whole, members),
            "slow": lambda: [exactly(X[member], y[member]) for member in members],
            "plain": lambda: [ridge_plainly(X[member], y[member]) for member in members],
        },
        repeats=3,
    )
    name = "ridge on classes by exact sums, 64 × (20,000 × 30)"
    for key, loop in (("slow", "sums of each model's rows"), ("plain", "floating point, not exact")):
        rows.append([f"{name}; loop: {loop}", middle(times["fast"]), middle(times[key]),
                     ratio(times[key], times["fast"]), "–", "–"])  # fmt: skip
    return rows


def exactly(X: Any, y: Any) -> Any:
    """The slow twin: the exact sums of all rows of one model."""
    return exact.gram(np.hstack([np.ones((len(X), 1)), X, np.eye(3)[y]]), exact.DEFAULT_RESOLUTION)


def ridge_plainly(X: Any, y: Any) -> Any:
    """Floating-point normal equations of one model: quick, and not exact."""
    rows = np.hstack([np.ones((len(X), 1)), X])
    return np.linalg.solve(rows.T @ rows + np.eye(rows.shape[1]), rows.T @ np.eye(3)[y])


def attack_rows(n: int, m: int) -> list[list[Any]]:
    rng = np.random.default_rng(0)
    forgotten = np.arange(n) < n // 2
    logit = rng.normal(size=(m + 1, n))
    p = 1 / (1 + np.exp(-logit))
    signals = {
        "logit": logit, "entropy": p * np.log(p) + (1 - p) * np.log(1 - p), "modified_entropy": 2 * (1 - p) * np.log(p),
        "correct": (logit > 0).astype(np.float64),
    }  # fmt: skip
    members = np.zeros((m, n), dtype=bool)
    members[: m // 4, forgotten] = True
    scores = Scores(signals={k: v[0] for k, v in signals.items()}, is_forgotten=forgotten, is_held_out=~forgotten,
                    labels=rng.integers(10, size=n))  # fmt: skip
    references = References(signals={k: v[1:] for k, v in signals.items()}, members=members)
    times = [seconds(partial(audit, scores, references)) for _ in range(3)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    met = "yes" if statistics.median(times) < 10 and peak < 2 else "no"
    return [[f"all attacks, strata and curves, {n:,} records × {m} references", middle(times), f"{peak:.2f} GiB",
             "10 s and 2 GB", met]]  # fmt: skip


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    args, _ = parser.parse_known_args()
    attacks = attack_rows(100_000, 64)  # first, so that the peak of memory is its own
    size = (10_000, 256, 5) if args.full else (4_000, 64, 5)
    return "\n".join([
        table("Audit: attacks that train nothing", ["work", "time", "peak of the process", "target", "met"], attacks),
        table("Audit: references at once against a loop",
              ["models", "at once", "loop", "ratio", "target at least", "met"], reference_rows(*size),
              f"Measured on {machine()}."),
    ])  # fmt: skip


if __name__ == "__main__":
    print(main())
