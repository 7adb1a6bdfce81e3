"""Exact forgetting by replay: what staged entry and single-pass training save, and what they cost in accuracy.

python benchmarks/networks_replay.py

A small convolutional network on 2,000 pictures of Fashion-MNIST where the file is there, else on scikit-learn's digits.
Of the records a tenth, chosen at random, are those who may leave. One thread; three seeds.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import measure
import numpy as np
import torch
from networks import network

from expunge import networks

N, N_UNSEEN, SEEDS, N_ASKED = 2000, 2000, (0, 1, 2), 2

#: What each training is called: epochs, learning rate, first epoch of those who may leave, share of a retrain expected.
TRAININGS = {
    "5 epochs, all enter at once": (5, 0.05, 0, "at least 1 - 1/10 = 90 %"),
    "5 epochs, those who may leave enter in the third": (5, 0.05, 2, "about 50 %"),
    "5 epochs, those who may leave enter in the last": (5, 0.05, 4, "about 10 %"),
    "5 epochs without them": (5, 0.05, 5, "nothing"),
    "a single pass": (1, 0.05, 0, "about 50 %"),
}


def data() -> tuple[str, Any, Any, Any, Any]:
    """Name, pictures and labels to learn from, and unseen ones."""
    path = measure.DATA / "fashion_mnist.npz"
    if path.exists():
        with np.load(path) as file:
            X, y = file["x_train"][:N] / 255.0, file["y_train"][:N]
            other, truth = file["x_test"][:N_UNSEEN] / 255.0, file["y_test"][:N_UNSEEN]
            name = f"{N:,} pictures of Fashion-MNIST"
    else:
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        X = X.reshape(-1, 8, 8) / 16
        X, y, other, truth, name = X[:1200], y[:1200], X[1200:], y[1200:], "1,200 digits"
    pictures = [torch.as_tensor(part, dtype=torch.float32)[:, None] for part in (X, other)]
    return name, pictures[0], torch.as_tensor(y.astype(np.int64)), pictures[1], torch.as_tensor(truth.astype(np.int64))


@torch.no_grad()
def accuracy(model: torch.nn.Module, X: Any, y: Any) -> float:
    """Share of the pictures it is right on."""
    return float(
        np.mean(
            [
                (model(part).argmax(dim=1) == t).float().mean()
                for part, t in zip(X.split(500), y.split(500), strict=True)
            ]
        )
    )


def main() -> str:
    """The table."""
    torch.set_num_threads(1)
    name, X, y, other, truth = data()
    task = networks.Classification(torch.utils.data.TensorDataset(X, y))
    rows = []
    for what, (epochs, lr, first, bound) in TRAININGS.items():
        works, times, right, theirs = [], [], [], []
        for seed in SEEDS:
            leaving = np.random.default_rng(seed).choice(len(X), len(X) // 10, replace=False)
            trainer = networks.ReplayTrainer(
                model=network(X.shape[-1]), epochs=epochs, n_batches=len(X) // 32, checkpoint_every=5, lr=lr, seed=seed
            )
            started = time.process_time()
            trainer.fit(task, entry=dict.fromkeys(leaving.tolist(), first))
            whole = time.process_time() - started
            right.append(accuracy(trainer.model_, other, truth))
            theirs.append(accuracy(trainer.model_, X[leaving], y[leaving]))
            none = np.array([], dtype=np.intp)
            works += [trainer.plan([i]).work_high / trainer._schedule.reads(0, none) for i in leaving.tolist()]
            for i in leaving[:N_ASKED].tolist():
                started = time.process_time()
                trainer.forget([i])
                times.append((time.process_time() - started) / whole)
        spread = f"{statistics.median(times):.0%} ({min(times):.0%} to {max(times):.0%})"
        found = [f"{statistics.mean(v):.1%} ± {statistics.stdev(v):.1%}" for v in (right, theirs)]
        rows.append([what, bound, f"{statistics.mean(works):.0%}", spread, *found])
    return measure.table(
        f"Networks: exact forgetting by replay, of one record that may leave ({name}, a checkpoint every 5 steps)",
        [
            "training",
            "expected",
            "records read (mean)",
            "processor time",
            "right on unseen data",
            "right on those who may leave",
        ],
        rows,
        "Both shares are of a training of all records. Time: median of 6, with the range. Accuracy: three seeds.",
    )


if __name__ == "__main__":
    print(f"{measure.machine()}, torch {torch.__version__}\n")
    print(main())
