"""The methods with an epsilon on people and on texts, a network with a certificate, and posteriors.

python benchmarks/certified_data.py
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, machine, table
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

import expunge
from expunge.errors import BudgetExhaustedError
from expunge.methods.certified.newton_bound import newton_distance

FOLDER = Path(os.environ.get("EXPUNGE_DATA", DATA))
#: Largest values of the numbers of Adult, of which its columns are shares: public, not read from the records.
ADULT = {
    "age": 100, "fnlwgt": 1_500_000, "education-num": 16, "capital-gain": 100_000, "capital-loss": 5_000,
    "hours-per-week": 100,
}  # fmt: skip
SEEDS = 5
Split = tuple[Any, Any, Any, Any]


def adult() -> Split:
    """Adult: shares of public maxima, and a column for each public category; rows of a length of at most 1."""
    frame = pd.read_csv(FOLDER / "adult.csv.gz", keep_default_na=False)
    frame.columns = [name.replace("_", "-") for name in frame.columns]
    y = (frame["income"] == ">50K").to_numpy(dtype=np.int64)
    is_train = (frame["split"] == "train").to_numpy()
    numbers = frame[list(ADULT)].to_numpy(dtype=np.float64) / np.array(list(ADULT.values()))
    texts = frame.drop(columns=[*ADULT, "income", "split"])
    X = np.concatenate([np.minimum(numbers, 1.0), pd.get_dummies(texts).to_numpy(dtype=np.float64)], axis=1)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X[is_train], y[is_train], X[~is_train], y[~is_train]


def sentiment() -> Split:
    """SST-2 as TF-IDF of a thousand words. Words and their frequencies come from the validation part, as public."""
    with gzip.open(FOLDER / "sst2.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    parts = {}
    for name in ("train", "valid", "test"):
        chosen = [record for record in records if record["split"].startswith(name[:3])]
        parts[name] = [r["text"] for r in chosen], np.array([r["label"] for r in chosen])
    words = TfidfVectorizer(max_features=1000).fit(parts["valid"][0])
    X, test = (words.transform(parts[name][0]).toarray() for name in ("train", "test"))
    return X, parts["train"][1], test, parts["test"][1]


def right(model: Any, split: Split) -> float:
    """Accuracy on the test part."""
    return float((model.predict(split[2]) == split[3]).mean())


def with_epsilon() -> str:
    """Each method on both, after one request for ten records: accuracy, records read, and how long it lasts."""
    rows = []
    for name, split in (("Adult", adult()), ("SST-2, TF-IDF", sentiment())):
        X, y, n = split[0], split[1], len(split[0])
        plain = LogisticRegression(C=1 / (1e-3 * n), max_iter=1000).fit(X, y)
        rows.append([f"{name}, {n:,} × {X.shape[1]}", "no noise, λ = 10⁻³", f"{right(plain, split):.3f}", "", ""])
        common: dict[str, Any] = {"epsilon": 1.0, "delta": 1 / n, "norm_bound": 1.0}
        root = 3.0 * n**0.5
        models = {
            "Certified, λ = 10⁻³, σ = 1": expunge.CertifiedLogisticRegression(alpha=1e-3 * n, sigma=1.0, **common),
            "Certified, λ = 10⁻³, σ = 3": expunge.CertifiedLogisticRegression(alpha=1e-3 * n, sigma=3.0, **common),
            "Newton output, capacity 10, λ = 10⁻²": expunge.NewtonLogisticRegression(alpha=1e-2 * n, **common),
            "Langevin, λ n = 3√n": expunge.LangevinLogisticRegression(alpha=root, noise=0.05, **common),
            "Langevin, 16 batches": expunge.LangevinLogisticRegression(alpha=root, noise=0.05, n_batches=16, **common),
            "Descent-to-Delete, 10 steps": expunge.DescentToDelete(alpha=root, n_steps=10, **common),
        }
        for title, model in models.items():
            found = []
            for seed in range(SEEDS):
                model.set_params(noise_seed=seed).fit(X, y)
                removal = model.forget(list(range(10)))
                found.append((right(model, split), removal.work / (n - 10)))
            accuracy, passes = np.mean(found, axis=0)
            spread = np.std([one for one, _ in found])
            lasts = used_up(model, n) if title.startswith("Certified") else ""
            shown = f"{accuracy:.3f} ± {spread:.3f}"
            rows.append(["", title, shown, f"{passes:.2f}" if passes >= 0.01 else "10 records", lasts])
    head = ["data", "method (ε = 1, δ = 1/n)", "accuracy", "passes for ten records", "removals until used up"]
    return table(f"Methods with an epsilon on people and on texts, mean of {SEEDS} seeds", head, rows)


def used_up(model: Any, n: int) -> str:
    """How many single removals a fresh certificate bears."""
    rows = model._rows()
    table_ = rows.peek(rows.slots())
    fresh = expunge.CertifiedLogisticRegression(**{**model.get_params(), "on_exhausted": "refuse"})
    fresh.fit(table_.X, table_.y, record_ids=table_.ids)
    order = np.random.default_rng(0).permutation(fresh.record_ids_)
    for count, gone in enumerate(order[:4000].tolist()):
        try:
            fresh.forget([gone])
        except BudgetExhaustedError:
            return f"{count:,}"
    return "more than 4,000"


def newton_noise() -> str:
    """The noise that one Newton step needs, by the published bound and by ours, at the size of MNIST 3 against 8."""
    n, rows = 11_982, []
    for strength in (1e-3, 1e-2, 1e-1):
        for m in (1, 10, 100):
            published = 2 * m**2 / (6 * 3**0.5 * strength**3 * n**2)
            ours = newton_distance(float(m), float(n), radius=1.0, penalty=strength * n)
            rows.append([f"{strength:g}", m, f"{published:.3g}", f"{ours:.3g}", f"{published / ours:,.0f}"])
    head = ["λ", "records m", "2 M L² m² / (λ³ n²)", "ours", "ratio"]
    return table("Distance that the noise of a Newton step has to hide: n = 11,982, rows of length 1", head, rows)


def posteriors() -> str:
    """Divergence in nats from the posterior without the records, before and after they were divided out."""
    X, y = load_breast_cancer(return_X_y=True)
    X, rows = scale(X), []
    for share in (0.01, 0.1, 0.3):
        for way, threshold in (("eubo", None), ("rkl", None), ("eubo", 0.0)):
            before, after, times, fits = [], [], [], []
            for seed in range(3):
                gone = np.random.default_rng(seed).permutation(len(X))[: max(1, int(share * len(X)))]
                left = np.setdiff1d(np.arange(len(X)), gone)
                model = expunge.BayesianLogisticRegression(algorithm=way, threshold=threshold).fit(X, y)
                fresh = expunge.BayesianLogisticRegression()
                start = time.perf_counter()
                fresh.fit(X[left], y[left])
                fits.append(time.perf_counter() - start)
                before.append(divergence(model, fresh))
                times.append(model.forget(gone).elapsed_s)
                after.append(divergence(model, fresh))
            title = way if threshold is None else f"{way}, trusted everywhere"
            middle = [f"{statistics.median(found):.3g}" for found in (before, after)]
            rows.append([f"{share:.0%}", title, *middle, f"{statistics.median(times) / statistics.median(fits):.2f}"])
    head = ["share forgotten", "way", "KL from the fit without them, before", "after", "time, in fits without them"]
    return table("Bayesian logistic regression: breast cancer, 569 × 30, medians of 3 requests", head, rows)


def divergence(a: Any, b: Any) -> float:
    """KL of two posteriors."""
    mean = [np.append(m.coef_[0], m.intercept_[0]) for m in (a, b)]
    inverse, gap = np.linalg.inv(b.covariance_[0]), mean[1] - mean[0]
    signs = np.linalg.slogdet(b.covariance_[0])[1] - np.linalg.slogdet(a.covariance_[0])[1]
    return float((np.trace(inverse @ a.covariance_[0]) + gap @ inverse @ gap - len(gap) + signs) / 2)


def network() -> str:
    """Digits, one hidden layer: accuracy after noisy steps and some epochs, beside as many from first weights."""
    import torch
    from torch import nn

    from expunge.networks import Classification, NoisyFineTuning

    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    train, test = slice(0, 1200), slice(1200, None)
    task = Classification((X[train], y[train]))

    def first(seed: int) -> Any:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def trained(model: Any, epochs: int, rows: Any) -> Any:
        steps = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        inputs, targets = torch.as_tensor(X[rows]), torch.as_tensor(y[rows])
        for _ in range(epochs):
            for part in torch.randperm(len(inputs)).split(64):
                steps.zero_grad()
                nn.functional.cross_entropy(model(inputs[part]), targets[part]).backward()
                steps.step()
        return model.eval()

    def accuracy(model: Any) -> float:
        with torch.no_grad():
            return float((model(torch.as_tensor(X[test])).argmax(dim=1).numpy() == y[test]).mean())

    settings: dict[str, Any] = {
        "clipped gradients, ε = 1": NoisyFineTuning(delta=1e-4),
        "clipped gradients, ε = 8": NoisyFineTuning(epsilon=8.0, delta=1e-4),
        "clipped gradients, few steps, large norm, ε = 8": NoisyFineTuning(
            epsilon=8.0, delta=1e-4, model_norm=10.0, n_steps=10
        ),
        "clipped models, ε = 8": NoisyFineTuning(epsilon=8.0, delta=1e-4, clip="model", n_steps=20, model_norm=0.1),
    }
    rows = []
    base = [trained(first(seed), 30, np.arange(1200)) for seed in range(5)]
    rows.append(["the model that knows them, 30 epochs", "", f"{np.mean([accuracy(m) for m in base]):.3f}", ""])
    for name, method in settings.items():
        found = {}
        for epochs in (1, 3):
            method.epochs = epochs
            models = [method.forget(model, task, range(12), seed)[0] for seed, model in enumerate(base)]
            found[epochs] = np.mean([accuracy(m) for m in models])
        rows.append([name, f"{method.sigma:.3g}", f"{found[1]:.3f}", f"{found[3]:.3f}"])
    again = {e: np.mean([accuracy(trained(first(9 + s), e, np.arange(12, 1200))) for s in range(5)]) for e in (1, 3)}
    rows.append(["trained anew from first weights", "", f"{again[1]:.3f}", f"{again[3]:.3f}"])
    head = ["digits, 1,200 × 64, 32 hidden, 12 records, δ = 10⁻⁴", "σ of a step", "accuracy, 1 epoch", "3 epochs"]
    return table("Noisy fine-tuning of a network, mean of 5 models", head, rows)


def main() -> str:
    warnings.simplefilter("ignore")
    parts = [newton_noise, posteriors, network, with_epsilon]
    with threadpool_limits(1):
        return "\n".join([machine(), "", *(part() for part in parts)])


if __name__ == "__main__":
    print(main())
