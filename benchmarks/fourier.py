"""Fourier features on people: accuracy beside kernel machines, and what forgetting one person costs.

python benchmarks/fourier.py [--sample 4000]
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, duration, machine, seconds, table
from sklearn.base import clone
from sklearn.kernel_approximation import RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

import expunge

HOW = {"gamma": 0.05}
NUMBERS = {"age": 20.0, "education_num": 4.0, "hours_per_week": 20.0}


class KernelRidgeClassifier(KernelRidge):
    """Kernel ridge on -1 and 1."""

    def fit(self, X: Any, y: Any) -> Any:
        return super().fit(X, 2.0 * y - 1.0)

    def decision_function(self, X: Any) -> Any:
        return self.predict(X)


def adult() -> tuple[Any, Any, Any, Any]:
    """The official split. Scales and logarithms are fixed beforehand; text columns are one-hot."""
    frame = pd.read_csv(DATA / "adult.csv.gz", keep_default_na=False)
    texts = frame.select_dtypes(exclude="number").columns.drop(["income", "split"])
    X = pd.get_dummies(frame[texts]).astype(float)
    for name, scale in NUMBERS.items():
        X[name] = frame[name] / scale
    for name in ("capital_gain", "capital_loss"):
        X[name] = np.log10(1 + frame[name])
    y, is_train = (frame["income"] == ">50K").to_numpy(), (frame["split"] == "train").to_numpy()
    return X.to_numpy()[is_train], y[is_train], X.to_numpy()[~is_train], y[~is_train]


def credit() -> tuple[Any, Any, Any, Any]:
    """A seeded third for testing. Money is on a logarithmic scale, age in twenty years."""
    frame = pd.read_csv(DATA / "credit_default.csv.gz").drop(columns="ID")
    y = frame.pop("default_next_month").to_numpy() == 1
    money = [name for name in frame if name.startswith(("BILL", "PAY_AMT", "LIMIT"))]
    frame[money] = np.sign(frame[money]) * np.log10(1 + frame[money].abs())
    frame["AGE"] = frame["AGE"] / 20
    is_test = np.random.default_rng(0).random(len(y)) < 1 / 3
    X = frame.to_numpy(dtype=float)
    return X[~is_test], y[~is_test], X[is_test], y[is_test]


def rows_of(name: str, data: tuple[Any, Any, Any, Any], sample: int) -> list[list[Any]]:
    X, y, X_test, y_test = data
    some = np.random.default_rng(1).choice(len(X), sample, replace=False)
    out = []
    for label, model, rows in (
        ("`RidgeClassifier`", expunge.RidgeClassifier(), slice(None)),
        ("`FourierRidgeClassifier`, m = 128", expunge.FourierRidgeClassifier(**HOW), slice(None)),
        ("`FourierRidgeClassifier`, m = 512", expunge.FourierRidgeClassifier(n_frequencies=512, **HOW), slice(None)),
        ("scikit-learn: RBFSampler(1024), RidgeClassifier", make_pipeline(
            RBFSampler(n_components=1024, random_state=0, **HOW), RidgeClassifier()), slice(None)),
        (f"scikit-learn: kernel ridge on {sample:,}", KernelRidgeClassifier(kernel="rbf", **HOW), some),
        (f"scikit-learn: SVC on {sample:,}", SVC(**HOW), some),
    ):  # fmt: skip
        fit = seconds(partial(model.fit, X[rows], y[rows]))
        scores = model.decision_function(X_test)
        quality = [f"{accuracy_score(y_test, scores > 0):.4f}", f"{roc_auc_score(y_test, scores):.4f}"]
        out.append([name, label, *quality, duration(fit), *cost_of_forgetting(model, X, y, X_test, fit)])
    return out


def cost_of_forgetting(model: Any, X: Any, y: Any, X_test: Any, fit: float) -> list[str]:
    """Time to forget one person, and to predict again; how much faster than a fit; whether the digests agree."""
    if not hasattr(model, "forget"):
        return ["a refit", "", "", ""]
    times = [seconds(partial(model.forget, i)) for i in range(5)]
    solve = seconds(partial(model.predict, X_test[:1]))
    rest = np.arange(5, len(X))
    fresh = clone(model).fit(X[rest], y[rest], record_ids=rest)
    once = statistics.median(times)
    same = "equal" if fresh.digest() == model.digest() else "DIFFERENT"
    return [duration(once), duration(solve), f"{fit / (once + solve):.0f} ×", same]


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=4_000)
    args, _ = parser.parse_known_args()
    if not DATA.exists():
        return "## Fourier features\n\nThe real data sets are not here.\n"
    warnings.simplefilter("ignore")
    rows = rows_of("Adult", adult(), args.sample) + rows_of("credit default", credit(), args.sample)
    head = [
        "data", "model", "accuracy", "AUC", "fit", "forget one person", "next solve", "fit ÷ both", "digest",
    ]  # fmt: skip
    return table("Fourier features, gamma 0.05, alpha 1", head, rows, f"Measured on {machine()}.")


if __name__ == "__main__":
    print(main())
