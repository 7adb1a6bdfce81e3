"""Differential privacy: a network on MNIST, its cost beside Opacus by hand, fewer columns, and doing nothing.

python benchmarks/private.py
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from certified import mnist, pair
from measure import machine, table
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits
from torch import nn

import expunge
from expunge.methods.private.opacus_modules import valid_copy
from expunge.methods.private.private_steps import Steps, run_steps
from expunge.networks import Classification
from expunge.privacy import gaussian_epsilon, group_privacy
from expunge.private import DPSGD


def small_cnn() -> nn.Module:
    """Two convolutions and two layers behind them, 26,010 weights."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 8, 2, padding=3), nn.Tanh(), nn.MaxPool2d(2, 1), nn.Conv2d(16, 32, 4, 2), nn.Tanh(),
        nn.MaxPool2d(2, 1), nn.Flatten(), nn.Linear(512, 32), nn.Tanh(), nn.Linear(32, 10),
    )  # fmt: skip


def pictures(raw: Any, part: str) -> tuple[Any, Any]:
    return (raw[f"x_{part}"].reshape(-1, 1, 28, 28) / 255.0).astype(np.float32), raw[f"y_{part}"].astype(np.int64)


def network(raw: Any) -> str:
    """A small network on all of MNIST at epsilon 3."""
    task, (test, truth) = Classification(pictures(raw, "train")), pictures(raw, "test")
    start = time.process_time()
    method = DPSGD(
        epsilon=3.0, delta=1e-5, epochs=5, batch_size=1024, max_grad_norm=0.1, lr=4.0, clipping="flat", noise_seed=3
    )
    private = method.fit(small_cnn(), task)
    with torch.no_grad():
        right = float((private.model(torch.as_tensor(test)).argmax(dim=1).numpy() == truth).mean())
    rows = [
        ["accuracy at ε = 3, δ = 10⁻⁵, 5 epochs, group of 1", f"{right:.3f}", "at least 0.95"],
        ["seconds of processor", f"{time.process_time() - start:.0f}", ""],
    ]
    return table("A small network on MNIST, 60,000 records", ["what", "measured", "target"], rows)


def by_hand(model: nn.Module, data: Any, steps: Steps) -> None:
    """What somebody writes who calls Opacus."""
    from opacus import PrivacyEngine
    from torch.utils.data import DataLoader, TensorDataset

    rows = TensorDataset(*(torch.as_tensor(part) for part in data))
    loader = DataLoader(rows, batch_size=round(steps.probability * len(rows)))
    module, optimizer, loader = PrivacyEngine().make_private(
        module=model, optimizer=steps.optimizer_of(model), data_loader=loader, noise_multiplier=steps.multiplier,
        max_grad_norm=steps.max_grad_norm,
    )  # fmt: skip
    loss = nn.CrossEntropyLoss()
    for _ in range(steps.count // len(loader)):
        for inputs, targets in loader:
            optimizer.zero_grad(set_to_none=True)
            loss(module(inputs), targets).backward()
            optimizer.step()


def cost(raw: Any) -> str:
    """Seconds of processor of the same steps, in turn."""
    X, y = pictures(raw, "train")
    data = X[:6000], y[:6000]
    steps = Steps(
        probability=0.1, count=10, multiplier=1.0, max_grad_norm=0.1, optimizer="sgd", lr=1.0, momentum=0.9,
        clipping="flat", chunk=2000,
    )  # fmt: skip
    times: dict[str, list[float]] = {"ours": [], "by hand": []}
    for _ in range(6):
        for name, seconds in times.items():
            model, _ = valid_copy(small_cnn(), fix=False)
            start = time.process_time()
            if name == "ours":
                run_steps(model, Classification(data), np.arange(6000), steps, 1)
            else:
                by_hand(model, data, steps)
            seconds.append(time.process_time() - start)
    ratios = [a / b for a, b in zip(times["ours"][1:], times["by hand"][1:], strict=True)]
    shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    rows = [["ours over Opacus by hand, the same ten steps", shown, "at most 1.05"]]
    return table("Processor time of private steps", ["what", "measured", "target"], rows)


def compression(raw: Any) -> str:
    """MNIST 3 against 8, directions drawn at random or learned from the other digits, which are taken as public."""
    X, y = pair(raw, "train", 3, 8)
    test, truth = pair(raw, "test", 3, 8)
    public = raw["x_train"][np.isin(raw["y_train"], [0, 1, 2, 4])][:5000].reshape(-1, 784) / 255.0
    X, test, public = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (X, test, public))
    learned = PCA(50, random_state=0).fit(public).components_
    pixels = np.eye(784)[np.argsort(-public.var(axis=0))]  # those first that vary most in public digits
    kinds = {
        "all 784": None, "200 at random": 200, "50 at random": 50, "50 from public digits": learned,
        "300 pixels, the rest pruned": pixels[:300], "100 pixels, the rest pruned": pixels[:100],
    }  # fmt: skip
    rows = []
    for name, compress in kinds.items():
        row = [name]
        for epsilon in (0.05, 0.2, 1.0):
            found = [
                expunge.PrivateLogisticRegression(
                    epsilon=epsilon, delta=5e-5, compress=compress, noise_seed=seed, lr=3.0,
                    norm_bound=0.8 if name == "50 from public digits" else 1.0,
                ).fit(X, y).score(test, truth)
                for seed in range(3)
            ]  # fmt: skip
            row.append(f"{np.mean(found):.3f} ± {np.std(found):.3f}")
        rows.append(row)
    return table("Accuracy with fewer columns, 3 fits", ["columns", "ε = 0.05", "ε = 0.2", "ε = 1"], rows)


def nothing() -> str:
    """What k records cost that are forgotten by doing nothing, of a fit that promises 0.5 to one."""
    model = expunge.PrivateLogisticRegression(epsilon=0.5)
    rows = [
        [f"{k}", f"{gaussian_epsilon(1e-5, model.noise_multiplier_, float(k)):.2f}", lemma(k)] for k in (1, 2, 5, 10)
    ]
    return table(
        "Doing nothing: ε(k) at δ = 10⁻⁵ of a fit at ε = 0.5", ["records", "exact", "from ε and δ of one record"], rows
    )


def lemma(k: int) -> str:
    """The least epsilon that the lemma of groups gives at this delta, over all points of the curve of one record."""
    sigma = expunge.PrivateLogisticRegression(epsilon=0.5).noise_multiplier_
    best = np.inf
    for delta in np.logspace(-60, -5, 400):
        epsilon, total = group_privacy(gaussian_epsilon(float(delta), sigma), float(delta), k)
        if total <= 1e-5:
            best = min(best, epsilon)
    return f"{best:.2f}"


def everything() -> str:
    """With the network and the columns, which take minutes."""
    return shown(network, cost, compression, lambda _: nothing())


def main() -> str:
    """What is short: the cost over Opacus by hand, and the formula of doing nothing."""
    return shown(cost, lambda _: nothing())


def shown(*parts: Callable[[Any], str]) -> str:
    warnings.filterwarnings("ignore", message="Full backward hook")
    raw = mnist()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        return "\n".join([machine(), "", *(part(raw) for part in parts)])


if __name__ == "__main__":
    print(everything())
