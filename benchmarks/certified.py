"""Certified removal: what one costs beside scikit-learn's refit, and how long a certificate lasts.

python benchmarks/certified.py
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measure import DATA, each, machine, middle, seconds, table
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import expunge
from expunge.errors import BudgetExhaustedError
from expunge.methods.certified.contraction import hidden_shift
from expunge.methods.certified.newton_steps import gradients
from expunge.privacy import gaussian_sigma
from expunge.privacy.noise import Noise


def mnist() -> Any:
    """The arrays of MNIST."""
    return np.load(Path(os.environ.get("EXPUNGE_DATA", DATA)) / "mnist.npz")


def pair(raw: Any, part: str, first: int, second: int) -> tuple[Any, Any]:
    """Two digits, as rows of numbers from 0 to 1, and which of the two."""
    y = raw[f"y_{part}"]
    keep = (y == first) | (y == second)
    return raw[f"x_{part}"][keep].reshape(-1, 784) / 255.0, (y[keep] == second).astype(np.int64)


def removals(raw: Any) -> str:
    """MNIST 3 against 8 with the constants of Guo et al.: how long the certificate lasts."""
    X, y = pair(raw, "train", 3, 8)
    scale = float(np.linalg.norm(X, axis=1).max())
    n = len(X)
    model = expunge.CertifiedLogisticRegression(
        alpha=1e-3 * n, sigma=3.0, epsilon=1.0, delta=1e-4, allow_large_delta=True, noise_seed=1, on_exhausted="refuse"
    ).fit(X / scale, y)
    order, rows = np.random.default_rng(0).permutation(n), []
    count = 0
    for count in until_used_up(model, order):
        if count in (1, 10, 100, 200):
            rows.append(
                [f"bound over the true gradient after {count} removals", f"{tightness(model):.0f}", "at most 3,000"]
            )
    start = time.perf_counter()
    model.set_params(on_exhausted="refuse")
    again = expunge.CertifiedLogisticRegression(**{**model.get_params(), "on_exhausted": "recompute"}).fit(X / scale, y)
    renewed = [k for k, gone in enumerate(order[:2000].tolist(), 1) if again.forget([gone]).notes]
    rows.append(["removals until the certificate is used up", f"{count}", "hundreds"])
    rows += bought(model, X / scale, y, order.tolist())
    rows.append(["of 2,000 removals, readings of all records", f"{len(renewed)}", ""])
    rows.append(["seconds for the fit and these 2,000", f"{time.perf_counter() - start:.1f}", ""])
    title = "Certified removal: MNIST 3 against 8, λ = 10⁻³, σ = 3, ε = 1, δ = 10⁻⁴"
    return table(title, ["what", "measured", "target"], rows)


def until_used_up(model: Any, order: Any) -> Iterator[int]:
    """Forget one record after another; how many are gone, until the certificate bears no more."""
    for count, gone in enumerate(order.tolist(), 1):
        try:
            model.forget([gone])
        except BudgetExhaustedError:
            return
        yield count


def trade(raw: Any) -> str:
    """More noise bears more removals and costs accuracy: MNIST 3 against 8, ten seeds of the noise."""
    X, y = pair(raw, "train", 3, 8)
    scale = float(np.linalg.norm(X, axis=1).max())
    test, truth = pair(raw, "test", 3, 8)
    X, test, n, rows = X / scale, test / scale, len(X), []
    order = np.random.default_rng(0).permutation(n)
    for strength in (1e-3, 1e-2):
        for sigma in (0.3, 1.0, 3.0, 10.0):
            common: dict[str, Any] = {"alpha": strength * n, "sigma": sigma, "delta": 8e-5, "on_exhausted": "refuse"}
            model = expunge.CertifiedLogisticRegression(**common, noise_seed=0).fit(X, y)
            centre, found = model._state().parts["weights"]["coef"], []
            for seed in range(10):
                drawn = Noise(seed).gaussian(centre, sigma / common["alpha"])
                scores = test @ drawn[0, :-1] + drawn[0, -1]
                found.append(float(((scores > 0) == truth).mean()))
            count = sum(1 for _ in until_used_up(model, order))
            spread = statistics.stdev(found)
            rows.append([f"{strength:g}", f"{sigma:g}", f"{statistics.mean(found):.3f} ± {spread:.3f}", f"{count}"])
    head = ["λ", "σ", "accuracy", "removals until used up"]
    return table("Certified removal: noise, accuracy and how long it lasts (ε = 1, δ = 8·10⁻⁵)", head, rows)


def bought(model: Any, X: Any, y: Any, order: list[int]) -> list[list[str]]:
    """What one reading of the gradient buys, which takes no step."""
    given = {**model.get_params(), "on_exhausted": "measure"}
    measuring = expunge.CertifiedLogisticRegression(**given).fit(X, y)
    found = [(k, notes[0]) for k, gone in enumerate(order[:1500], 1) if (notes := measuring.forget([gone]).notes)]
    readings = [(k, note) for k, note in found if "measured" in note]
    ends = [k for k, _ in found] + [1500]
    first = readings[0][0] if readings else 0
    told = readings[0][1].split()[-4] if readings else "none"
    more = next((end - first for end in ends if end > first), 0)
    total = next((k for k, note in found if "measured" not in note), 1500) - first  # at least, if the run ends first
    return [
        ["removals that one direct reading then buys (it said about)", f"{more} ({told})", ""],
        ["that readings buy in a row, until weights have to be moved", f"{total}", ""],
    ]


def tightness(model: Any) -> float:
    """The bound over the true norm of the gradient."""
    parts, rows = model._state().parts, model._rows()
    data = model._data(rows.peek(rows.slots()), parts["names"])
    gradient, _ = gradients(model._problem(), data, parts["weights"]["coef"])
    return float(model.residual_ / np.linalg.norm(gradient))


def descents(raw: Any) -> str:
    """One step after one request: noise along the way against noise on what is published, at equal epsilon."""
    X, y = pair(raw, "train", 3, 8)
    test, truth = pair(raw, "test", 3, 8)
    X, test = (Z / np.linalg.norm(Z, axis=1, keepdims=True) for Z in (X, test))
    n, rows = len(X), []
    for epsilon in (0.1, 0.5, 1.0):
        common = {"alpha": 3.0 * n**0.5, "epsilon": epsilon, "delta": 1 / n, "fit_intercept": False}
        near = []
        for seed in range(5):
            plain = expunge.DescentToDelete(**common, n_steps=1, noise_seed=seed).fit(X, y)
            plain.forget([seed])
            first = expunge.LangevinLogisticRegression(**common, noise_seed=seed, noise=one_step(plain)).fit(X, y)
            steps = first.forget([seed]).work // (n - 1)
            near.append([float((m.predict(test) == truth).mean()) for m in (first, plain)] + [steps])
        means = np.mean(near, axis=0)
        rows.append([f"{epsilon:g}", f"{means[0]:.3f}", f"{means[1]:.3f}", f"{means[2]:.0f}"])
    head = ["ε (δ = 1/n)", "Langevin, accuracy after one request", "Descent-to-Delete, one step", "steps of Langevin"]
    return table("Noisy descent: MNIST 3 against 8, 11,982 × 784, mean of 5 seeds", head, rows)


def one_step(model: Any) -> float:
    """The least noise with which one step hides the first request."""
    parts = model._state().parts
    descent = model._descent(float(parts["distance"]["capacity"]), parts["names"])
    return gaussian_sigma(model.epsilon, model.delta, hidden_shift(descent.moved(1.0), descent.rate, 1) * 1.01)


def speed(raw: Any) -> str:
    """All of MNIST, even against odd digits: one removal, certificate included, against a refit."""
    X, y = raw["x_train"].reshape(-1, 784) / 255.0, (raw["y_train"] % 2).astype(np.int64)
    X = X / np.linalg.norm(X, axis=1).max()
    theirs = LogisticRegression(C=1 / (1e-3 * len(X)))
    refit = [seconds(lambda: theirs.fit(X, y)) for _ in range(5)]
    model = expunge.CertifiedLogisticRegression(alpha=1e-3 * len(X), sigma=10.0, delta=1e-5, noise_seed=1).fit(X, y)
    for gone in range(20):
        model.forget([gone])
    times = each([lambda gone=gone: model.forget([gone]) for gone in range(100, 400)])
    one = statistics.median(times)
    rows = [
        ["scikit-learn's refit (lbfgs, its tolerance)", f"{middle(refit)}", ""],
        ["one certified removal, median", f"{middle(times)}", ""],
        ["ratio", f"{statistics.median(refit) / one:,.0f}", "at least 1,000"],
        [
            "bytes of both matrices, lower triangles, read twice and written once",
            f"{3 * 785 * 786 / 2 * 2 * 8 / 1e6:.1f} MB",
            "",
        ],
    ]
    return table("Certified removal: 60,000 × 784, one thread", ["what", "measured", "target"], rows)


def main() -> str:
    raw = mnist()
    with threadpool_limits(1):
        return "\n".join([machine(), "", removals(raw), trade(raw), descents(raw), speed(raw)])


if __name__ == "__main__":
    print(main())
