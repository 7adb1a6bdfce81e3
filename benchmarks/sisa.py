"""SISA: what sharding and checkpoints cost, and the published curve of speed-up against number of requests.

python benchmarks/sisa.py [--rows 100000]
"""

from __future__ import annotations

import argparse
import copy
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from measure import DATA, each, in_turn, machine, middle, ratio, seconds, table
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import expunge
from expunge.requests import read_table
from expunge.rows import Rows


def plain_loop(X: Any, y: Any, groups: list[list[np.ndarray]], estimator: Any, classes: Any) -> list[Any]:
    """The same shard models by a plain loop: for each slice, continue on all records of the shard so far."""
    models = []
    with threadpool_limits(1):
        for slices in groups:
            model, checkpoints = clone(estimator), []
            order = np.concatenate(slices)
            rows, labels = X[order], y[order]
            for upto in np.cumsum([len(part) for part in slices]):
                model.partial_fit(rows[:upto], labels[:upto], classes=classes)
                checkpoints.append(copy.deepcopy(model))
            models.append(checkpoints)
    return models


def groups_of(model: Any, n_shards: int, n_slices: int) -> list[list[np.ndarray]]:
    """Records of each shard and slice, as positions."""
    places = model._rows().places()
    return [[np.flatnonzero(places == k * n_slices + r) for r in range(n_slices)] for k in range(n_shards)]


def overhead(n: int) -> str:
    """Fit against a plain loop, and 200 single forgets against their theoretical shares, for three estimators."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 50))
    scores = X @ rng.normal(size=(50, 10)) + rng.normal(size=(n, 10))
    two, ten = (scores[:, 0] > 0).astype(np.int64), scores.argmax(axis=1)
    cases = [
        ("SGDClassifier, 2 classes", SGDClassifier(loss="log_loss", random_state=0), two, 7),
        ("SGDClassifier, 10 classes", SGDClassifier(loss="log_loss", random_state=0), ten, 5),
        ("MLPClassifier, 32 units, 10 classes", MLPClassifier(hidden_layer_sizes=(32,), random_state=0), ten, 5),
    ]
    rows = [_overhead_of(name, estimator, X, y, repeats) for name, estimator, y, repeats in cases]
    head = ["estimator", "full fit", "fit against a plain loop", "at most 1.05", "200 forgets against their shares"]
    note = (
        "The plain loop is given the records of each shard and only trains; a fit also checks and copies the rows, "
        "hashes their names, puts them into canonical order and fits a sample twice. The first three cost the same "
        f"whatever is trained ({middle(_bookkeeping(X, two))} here), so their share falls as training grows. "
        f"Measured on {machine()}."
    )
    return table(f"SISA, {n:,} rows × 50, 20 shards × 8 slices", [*head, "at most 1.10"], rows, note)


def _overhead_of(name: str, base: Any, X: Any, y: Any, repeats: int) -> list[Any]:
    n_shards, n_slices = 20, 8
    model = expunge.SISAClassifier(base, n_shards=n_shards, n_slices=n_slices).fit(X, y)
    groups = groups_of(model, n_shards, n_slices)
    times = in_turn(
        {
            "sisa": lambda: clone(model).fit(X, y),
            "loop": lambda: plain_loop(X, y, groups, base, np.unique(y)),
        },
        repeats=repeats,
    )
    full = statistics.median(times["sisa"])
    sizes = np.array([[len(part) for part in slices] for slices in groups])
    places = model._rows().places().copy()
    shares, forgets = [], []
    for record in np.random.default_rng(1).permutation(len(X))[:200].tolist():
        shard, slice_ = divmod(int(places[record]), n_slices)
        prefixes = np.cumsum(sizes, axis=1)
        shares.append(prefixes[shard, slice_:].sum() / prefixes.sum())
        forgets.append(partial(model.forget, record))
        sizes[shard, slice_] -= 1
    forgetting = sum(each(forgets)) / (sum(shares) * full)
    fit = statistics.median(a / b for a, b in zip(times["sisa"], times["loop"], strict=True))
    return [
        name, middle(times["sisa"]), ratio(times["sisa"], times["loop"]), "yes" if fit <= 1.05 else "no",
        f"{forgetting:.3f}", "yes" if forgetting <= 1.10 else "no",
    ]  # fmt: skip


def _bookkeeping(X: Any, y: Any) -> list[float]:
    """Times of what a fit does beside training: taking the rows in, and their canonical order."""

    def take_in() -> None:
        table_ = read_table(
            expunge.SISAClassifier(SGDClassifier(), aggregation="vote"), X, y, None, None, None, reset=True
        )
        Rows(table_, seed=0).slots()

    return [seconds(take_in) for _ in range(5)]


def theory(requests: int, n_shards: int, n_slices: int) -> float:
    """Expected speed-up of a batch over a full retraining.

    Slice step i costs i parts of R(R + 1) / 2 and is done again if any request falls into slices 1 to i of its shard:
    share = Σ_i 2i / (R(R + 1)) · (1 - (1 - i / (RS))^K), the batch case of Bourtoule et al. 2021, section V.
    """
    i = np.arange(1, n_slices + 1)
    again = 1 - (1 - i / (n_slices * n_shards)) ** requests
    return float(1 / np.sum(2 * i / (n_slices * (n_slices + 1)) * again))


#: Speed-ups that the paper reports: requests -> (speed-up, data set).
PAPER = {8: (4.63, "Purchase"), 18: (2.45, "SVHN")}
N_SHARDS, N_SLICES = 20, 50


def published(name: str, X: Any, y: Any, hidden: int, trials: int) -> tuple[str, dict[int, float]]:
    """Speed-up against number of requests; each batch is learned back before the next. The table, and the curve."""
    base = MLPClassifier(hidden_layer_sizes=(hidden,))
    model = expunge.SISAClassifier(base, n_shards=N_SHARDS, n_slices=N_SLICES)
    full = [seconds(lambda: model.fit(X, y)) for _ in range(3)]
    everything = model._most_work(model._rows())
    rng, rows, curve = np.random.default_rng(1), [], {}
    for requests in (1, 2, 4, 8, 18, 40, 100):
        shares, works = [], []
        for _ in range(max(trials, 24 // requests)):
            chosen = rng.choice(len(X), requests, replace=False)
            works.append(model.plan(chosen).work_low / everything)
            shares.append(seconds(partial(model.forget, chosen)) / statistics.median(full))
            model.learn(X[chosen], y[chosen], record_ids=chosen)
        expected = theory(requests, N_SHARDS, N_SLICES)
        # Theory speaks of the mean share of a retraining, so the speed-up is one over the mean share.
        measured, counted = 1 / statistics.mean(shares), 1 / statistics.mean(works)
        curve[requests] = measured
        paper = "{:.2f} × ({})".format(*PAPER[requests]) if requests in PAPER else ""
        rows.append(
            [requests, len(shares), f"{measured:.2f} ×", f"{counted:.2f} ×", f"{expected:.2f} ×", paper,
             f"{measured / expected:.2f}", "yes" if measured >= 0.9 * expected else "no"]
        )  # fmt: skip
    head = [
        "requests",
        "batches",
        "measured",
        "by records read",
        "theory",
        "paper",
        "measured / theory",
        "at least 0.9",
    ]
    note = f"{len(X):,} rows × {X.shape[1]}, MLP with {hidden} hidden units; a fit takes {middle(full)}."
    return table(f"SISA, {name}, 20 shards × 50 slices: speed-up of a batch of requests", head, rows, note), curve


def picture(curves: dict[str, dict[int, float]], path: Path) -> None:
    """Measured speed-ups, the theoretical curve and the paper's points."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    requests = np.arange(1, 101)
    axes.plot(requests, [theory(int(k), N_SHARDS, N_SLICES) for k in requests], color="0.35", label="theory")
    for (name, curve), marker in zip(curves.items(), "osd", strict=False):
        axes.plot(list(curve), list(curve.values()), marker, label=f"measured, {name}")
    for k, (speedup, name) in PAPER.items():
        axes.plot([k], [speedup], "*", markersize=13, label=f"paper, {name}")
    axes.set(xscale="log", yscale="log", xlabel="requests in a batch", ylabel="speed-up over a full retraining")
    axes.set_xticks([1, 2, 4, 8, 18, 40, 100], labels=["1", "2", "4", "8", "18", "40", "100"])
    axes.set_yticks([1, 2, 5, 10, 30], labels=["1 ×", "2 ×", "5 ×", "10 ×", "30 ×"])
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    axes.set_title("SISA, 20 shards × 50 slices")
    figure.savefig(path, dpi=110)


def purchase_like(n: int) -> tuple[Any, Any]:
    """A table of Purchase-100's shape, made here: binary features around 100 prototypes."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((100, 600)) < 0.3
    y = rng.integers(0, 100, n)
    flipped = rng.random((n, 600)) < 0.15
    return (prototypes[y] ^ flipped).astype(np.float64), y


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--trials", type=int, default=4)
    args, _ = parser.parse_known_args()
    cases = {"a Purchase-like table": purchase_like(args.rows // 5)}
    if (DATA / "location30.npz").exists():
        with np.load(DATA / "location30.npz") as data:
            cases["Location-30"] = data["X"].astype(np.float64), data["y"].astype(np.int64)
    parts, curves = [overhead(args.rows)], {}
    for name, (X, y) in cases.items():
        text, curves[name] = published(name, X, y, 64, args.trials)
        parts.append(text)
    picture(curves, Path(__file__).with_name("sisa.png"))
    parts.append(
        "![Speed-up against number of requests, with the theoretical curve and the paper's points](sisa.png)\n"
    )
    return "\n".join(parts)


if __name__ == "__main__":
    print(main())
