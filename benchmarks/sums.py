"""Ridge and GaussianNB on a million rows: fit and forget against scikit-learn, and where the time goes.

python benchmarks/sums.py [--rows 1000000] [--columns 50]
"""

from __future__ import annotations

import argparse
import statistics
from functools import partial
from typing import Any

import numpy as np
import sklearn.linear_model
import sklearn.naive_bayes
from measure import duration, each, in_turn, machine, middle, ratio, seconds, table

import expunge
from expunge.maths import exact
from expunge.state import Change


class Nothing(expunge.Unlearner):
    """A method that learns nothing: what the call of `forget` itself costs."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _update(self, change: Change) -> dict[str, Any]:
        return {"nothing": {}}


def single_forgets(model: Any, count: int) -> list[float]:
    """Times of forgetting single records by id."""
    ids = np.random.default_rng(0).permutation(10_000)[:count].tolist()
    return each(partial(model.forget, i) for i in ids)


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    args, _ = parser.parse_known_args()
    n, d = args.rows, args.columns
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    y = X @ rng.normal(size=d) + rng.normal(size=n)
    label = (y > 0).astype(np.int64)
    cases = {
        "Ridge": (expunge.Ridge(), sklearn.linear_model.Ridge(), y, "coef_"),
        "GaussianNB": (expunge.GaussianNB(), sklearn.naive_bayes.GaussianNB(), label, "theta_"),
    }
    fits, forgets = [], []
    for name, (ours, theirs, target, learned) in cases.items():
        times = in_turn(
            {"ours": lambda m=ours, t=target: m.fit(X, t), "sklearn": lambda m=theirs, t=target: m.fit(X, t)}
        )
        gap = float(np.abs(getattr(ours, learned) - getattr(theirs, learned)).max())
        target_met = "yes" if statistics.median(times["ours"]) <= 3 * statistics.median(times["sklearn"]) else "no"
        fits.append(
            [name, middle(times["ours"]), middle(times["sklearn"]), ratio(times["ours"], times["sklearn"]), "3",
             target_met, f"{gap:.1e}"]
        )  # fmt: skip
        single = single_forgets(ours, 200)
        refit = statistics.median(times["sklearn"])
        speedup = refit / statistics.median(single)
        solve = []
        for i in range(5):
            ours.forget(int(20_000 + i))
            solve.append(seconds(ours._solution))
        forgets.append(
            [name, middle(single), duration(float(np.percentile(single, 99))), f"{speedup:,.0f} ×", "1,000 ×",
             "yes" if speedup >= 1000 else "no", middle(solve)]
        )  # fmt: skip
    row = X[:1]
    gram = exact.gram(np.hstack([np.ones((1, 1)), row, y[:1, None]]), 2.0**-32)
    blank = Nothing().fit(X[:20_000])
    state_bytes = gram.nbytes
    floor = [
        ["the call itself: a method that learns nothing", middle(single_forgets(blank, 200))],
        ["the arithmetic alone: product of one row with itself, subtracted from the sums", middle(
            each([lambda: exact.subtract(gram, exact.gram(row_of_ones(row, y), 2.0**-32))] * 200))],
        [f"reading and writing the sums of Ridge once ({state_bytes:,} bytes)", middle(
            each([gram.copy] * 200))],
    ]  # fmt: skip
    return "\n".join(
        [
            table(
                f"Exact sums, {n:,} rows × {d} columns: fit",
                [
                    "method",
                    "fit",
                    "scikit-learn's fit",
                    "ratio",
                    "target at most",
                    "met",
                    "largest gap of coefficients",
                ],
                fits,
            ),
            table(
                f"Exact sums, {n:,} rows × {d} columns: forgetting one record, default ids, no digest",
                [
                    "method",
                    "forget",
                    "99th percentile",
                    "against scikit-learn's refit",
                    "target",
                    "met",
                    "solve, apart",
                ],
                forgets,
            ),
            table("What forgetting one record consists of", ["part", "time"], floor, f"Measured on {machine()}."),
        ]
    )


def row_of_ones(row: Any, y: Any) -> Any:
    """One row as Ridge sums it: a one, the features, the target."""
    return np.hstack([np.ones((1, 1)), row, y[:1, None]])


if __name__ == "__main__":
    print(main())
