"""Catastrophic forgetting, and the limits that catch it: a picture and a table.

python benchmarks/networks_limits.py        # writes docs/networks.png

A small convolutional network on scikit-learn's digits, trained until it is right on all it learned. Gradient ascent
and its milder relative forget a growing share of the records: without limits, with limits, and with the dose searched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import measure
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from expunge.errors import InvalidRequestError, LimitBrokenError
from expunge.networks import Classification, GradientAscent, Limits, NegGradPlus

N, SEEDS = 900, (0, 1, 2)
SHARES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5)
LIMITS = Limits(max_retain_drop=0.02)
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "networks.png"

X, y = load_digits(return_X_y=True)
X = torch.as_tensor(X, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
y = torch.as_tensor(y)


def train(rows: Any, seed: int) -> nn.Module:
    """Thirty epochs of Adam."""
    torch.manual_seed(seed)
    head = (nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), *head)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    rows = torch.as_tensor(np.asarray(rows))
    for _ in range(30):
        for part in rows[torch.randperm(len(rows))].split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[part]), y[part]).backward()
            optimizer.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, rows: Any) -> float:
    """Share of records it is right on."""
    rows = torch.as_tensor(np.asarray(rows))
    return float((model(X[rows]).argmax(dim=1) == y[rows]).float().mean())


def outcome(method: Any, model: nn.Module, task: Classification, k: int, **how: Any) -> tuple[float, float, str]:
    """Accuracy on unseen data and on the forgotten records, and the dose or "refused"."""
    unseen = range(N, len(y))
    try:
        new, removal = method.forget(model, task, range(k), 0, **how)
    except LimitBrokenError:
        return accuracy(model, unseen), accuracy(model, range(k)), "refused"
    except InvalidRequestError:  # so few records that their accuracy is within half a record of the reference
        return accuracy(model, unseen), accuracy(model, range(k)), "at its reference"
    return accuracy(new, unseen), accuracy(new, range(k)), f"{removal.strength:g}"


def main() -> str:
    """Measure, draw, and return the tables."""
    torch.set_num_threads(1)
    models = [train(range(N), seed) for seed in SEEDS]
    task = Classification(torch.utils.data.TensorDataset(X[:N], y[:N]))
    held_out = Classification(torch.utils.data.TensorDataset(X[N:], y[N:]))
    methods = {"GradientAscent": GradientAscent(epochs=5, lr=0.003, batch_size=16), "NegGradPlus": NegGradPlus()}
    ways: dict[str, dict[str, Any]] = {
        "without limits": {},
        "with limits": {"limits": LIMITS},
        "auto": {"limits": LIMITS, "strength": "auto", "reference": held_out},
    }
    found: dict[tuple[str, str], list[list[tuple[float, float, str]]]] = {}
    unseen = range(N, len(y))
    retrained = [[accuracy(train(range(round(s * N), N), seed + 10), unseen) for seed in SEEDS] for s in SHARES]
    for name, method in methods.items():
        for way, how in ways.items():
            found[name, way] = [[outcome(method, model, task, round(s * N), **how) for model in models] for s in SHARES]
    _draw(found, retrained)
    rows = []
    for (name, way), cells in found.items():
        for share, runs in zip(SHARES, cells, strict=True):
            if share in (0.01, 0.1, 0.5):
                mean = np.mean([run[:2] for run in runs], axis=0)
                doses = ", ".join(run[2] for run in runs)
                rows.append([name, way, f"{share:.0%}", f"{mean[0]:.1%}", f"{mean[1]:.1%}", doses])
    first = measure.table(
        "Networks: accuracy after a share was forgotten, mean of three models",
        ["method", "how", "share", "on unseen data", "on the forgotten", "dose of each, or refused"],
        rows,
        f"max_retain_drop = {LIMITS.max_retain_drop:g}. Refused: the model stays as it was.",
    )
    return first + "\n" + _doses(models, task, held_out)


def _doses(models: list[nn.Module], task: Classification, held_out: Classification) -> str:
    k = N // 10
    references = [train(range(k, N), seed + 20) for seed in SEEDS]
    parts = (range(k), range(k, N), range(N, len(y)))
    wanted = np.mean([[accuracy(reference, rows) for rows in parts] for reference in references], axis=0)
    rows = []
    for what, how in (
        ("do nothing", {"strength": 0.0}), ("0.5", {"strength": 0.5}), ("1", {"strength": 1.0}),
        ("2", {"strength": 2.0}),
        ("auto, unseen data as reference", {"strength": "auto", "reference": held_out, "limits": LIMITS}),
    ):  # fmt: skip
        gaps, doses = [], []
        for model in models:
            try:
                new, removal = NegGradPlus().forget(model, task, range(k), 0, **how)  # type: ignore[arg-type]
                doses.append(f"{removal.strength:g}")
            except LimitBrokenError:
                new = model
                doses.append("refused")
            if what == "do nothing":
                new = model
            gaps.append([accuracy(new, part) for part in parts] - wanted)
        cells = [f"{100 * g:+.1f}" for g in np.mean(gaps, axis=0)]
        rows.append([what, *cells, f"{100 * np.abs(gaps).mean():.1f}", ", ".join(doses)])
    return measure.table(
        "Networks: NegGradPlus, 10 % forgotten, gaps to three retrained models in points of accuracy",
        ["strength", "forget", "retain", "unseen", "mean of the sizes", "dose of each"],
        rows,
    )


def _draw(found: Any, retrained: list[list[float]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for axis, name in zip(axes, dict.fromkeys(name for name, _ in found), strict=True):
        for way, style in (("without limits", "o-"), ("with limits", "s--"), ("auto", "^:")):
            means = [np.mean([run[0] for run in runs]) for runs in found[name, way]]
            axis.plot([100 * s for s in SHARES], [100 * m for m in means], style, label=way)
        axis.plot([100 * s for s in SHARES], [100 * np.mean(r) for r in retrained], "k-", lw=0.8, label="retrained")
        axis.set_xscale("log")
        axis.set_xticks([1, 3, 10, 20, 50], ["1", "3", "10", "20", "50"])
        axis.set_xlabel("share forgotten, %")
        axis.set_title(name)
    axes[0].set_ylabel("accuracy on unseen data, %")
    axes[0].set_ylim(0, 100)
    axes[0].legend(loc="lower left")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    print(main())
