"""Repair by influence on real data, what influence costs, and pictures of what one record does.

python benchmarks/influence.py                          # everything, about half an hour
python benchmarks/influence.py tables | flips | speed | exact | pictures

Adult and COMPAS: forget the records that most increase the gap in equal opportunity. MNIST: find flipped labels. Both
need the folder of real data; see benchmarks/real_tables.py.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import measure
import numpy as np
import real_tables

import expunge
from expunge.certified import CertifiedLogisticRegression
from expunge.influence import (
    TRAK,
    EqualOpportunity,
    InfluenceFunctions,
    TracIn,
    influence,
    plot_regions,
    try_repair,
)
from expunge.seeds import uniform64
from expunge.workspace.tabular.pipelines import behind_columns

DOCS = Path(__file__).resolve().parents[1] / "docs"

# ---------------------------------------------------------------- gaps in opportunity

#: Column of the groups, two of them, and the label that is an opportunity.
GAPS = {"Adult": ("sex", ("Female", "Male"), "yes"), "COMPAS": ("race", ("African-American", "Caucasian"), "no")}
SHARES, DRAWS = (0.005, 0.01, 0.02, 0.05), 5
#: Of hundreds of values, most of them rare; or the date of birth beside the age.
LEFT_OUT = {"COMPAS": ["c_charge_desc", "dob"]}


def gap_table(name: str) -> str:
    """Gap and accuracy on unseen records before, after, and after as many at random."""
    data = real_tables.read(name)
    column, groups, positive = GAPS[name]
    X, y = data.X.drop(columns=[c for c in LEFT_OUT.get(name, ()) if c in data.X]), data.y
    group = X[column].to_numpy(dtype=object)
    # A quarter of what is not the test set: there influence is asked.
    is_asked = ~data.is_test & (uniform64(0, "split", np.arange(len(y))) < 2**62)
    train = np.flatnonzero(~data.is_test & ~is_asked)
    of_groups = np.isin(group, groups)
    asked, test = of_groups & is_asked, of_groups & data.is_test
    method = CertifiedLogisticRegression(norm_bound=10.0, noise_seed=0)
    model = behind_columns(method).fit(X.iloc[train], y[train], record_ids=train)

    def gap(fitted: Any) -> float:
        said = fitted.predict(X[test]) == positive
        rates = [said[(y[test] == positive) & (group[test] == one)].mean() for one in groups]
        return 100 * float(abs(rates[0] - rates[1]))

    def accuracy(fitted: Any) -> float:
        return 100 * float(np.mean(fitted.predict(X[data.is_test]) == y[data.is_test]))

    target = EqualOpportunity(X[asked], y[asked], groups=group[asked], positive=positive)
    found = influence(model, on=target, method=InfluenceFunctions())
    enough, rows = found.count_to(float(found.value or 0)), []
    for k in sorted({*(round(share * len(train)) for share in SHARES), enough}):
        tried = try_repair(model, found, k, {"gap": gap, "accuracy": accuracy}, n_random=DRAWS)
        cells = [f"{k:,} ({k / len(train):.1%}){', by the sum' if k == enough else ''}"]
        for row in tried.rows:
            drawn = f"{np.mean(row.at_random):.1f} ({min(row.at_random):.1f} to {max(row.at_random):.1f})"
            cells += [f"{row.before:.1f}", f"{row.after:.1f}", drawn]
        rows.append(cells)
    return measure.table(
        f"Influence: {name}, gap in equal opportunity for {positive!r} by {column}, in points",
        ["forgotten", "gap before", "after", "at random", "accuracy before", "after", "at random"],
        rows,
        f"{len(train):,} records learned; influence asked on {asked.sum():,}, measured on {test.sum():,} others, "
        f"accuracy on {data.is_test.sum():,}. At random: mean of {DRAWS} draws (range).",
    )


# ---------------------------------------------------------------- flipped labels

N_FLIPS, EPOCHS, SEEDS, CHECKPOINTS = 5_000, 25, (0, 1, 2), (1, 2, 3, 5)


def flips_table() -> str:
    """How many flipped labels are found in the foremost tenth, and how much accuracy comes back."""
    found: dict[str, list[float]] = {}
    reached: dict[str, list[float]] = {}
    for seed in SEEDS:
        for name, value in _flips(seed, found).items():
            reached.setdefault(name, []).append(value)
            print(f"seed {seed}, {name}: {value:.2f} %", file=sys.stderr)
    first = measure.table(
        "Influence: MNIST, 5 % of 5,000 labels flipped: share of them found by self-influence, in %",
        ["method", "among the foremost 10 % (target 80)", "among the foremost 5 %"],
        [[name, *(_spread(found[f"{name} {share}"]) for share in ("10", "5"))] for name in _methods([])],
        "Mean of three seeds (range).",
    )
    clean, flipped = (np.array(reached[name]) for name in ("clean labels", "flipped labels"))
    rows = []
    for name, values in reached.items():
        back = 100 * (np.array(values) - flipped) / (clean - flipped)
        rows.append([name, _spread(values, 2), _spread(back)])
    return (
        first
        + "\n"
        + measure.table(
            "Influence: MNIST, accuracy on the 10,000 test images, in %",
            ["trained on", "accuracy", "of what the flips cost, won back (target 90)"],
            rows,
            "Mean of three seeds (range). Found: by TracIn, in the foremost tenth.",
        )
    )


def _methods(checkpoints: Any) -> dict[str, Any]:
    return {
        f"TracIn, after epochs {', '.join(map(str, CHECKPOINTS))}": TracIn(checkpoints=checkpoints or None),
        "TracIn, final weights": TracIn(),
        "influence functions (EK-FAC)": InfluenceFunctions(),
    }


def _flips(seed: int, found: dict[str, list[float]]) -> dict[str, float]:
    import torch
    from torch import nn

    from expunge.networks import Classification

    torch.set_num_threads(1)
    with np.load(real_tables.folder() / "mnist.npz") as file:
        sizes = {"train": N_FLIPS, "test": 10_000}
        X, X_test = (torch.as_tensor(file[f"x_{part}"][:n, None]).float() / 255 for part, n in sizes.items())
        y, y_test = (torch.as_tensor(file[f"y_{part}"][:n].astype(np.int64)) for part, n in sizes.items())
    rng = np.random.default_rng(seed)
    flipped = rng.choice(N_FLIPS, N_FLIPS // 20, replace=False)
    wrong = y.clone()
    wrong[flipped] = (y[flipped] + torch.as_tensor(rng.integers(1, 10, len(flipped)))) % 10

    def train(rows: Any, labels: torch.Tensor) -> tuple[nn.Module, list[Any]]:
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Flatten(), nn.Linear(1568, 256), nn.ReLU(),
            nn.Linear(256, 10),
        )  # fmt: skip
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, EPOCHS)
        kept, rows = [], torch.as_tensor(rows)
        for epoch in range(1, EPOCHS + 1):
            for part in rows[torch.randperm(len(rows))].split(128):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(X[part]), labels[part]).backward()
                optimizer.step()
            schedule.step()
            if epoch in CHECKPOINTS:
                kept.append({name: value.clone() for name, value in model.state_dict().items()})
        return model.eval(), kept

    @torch.no_grad()
    def right(model: nn.Module) -> float:
        return 100 * float((model(X_test).argmax(dim=1) == y_test).float().mean())

    def accuracy(rows: Any, labels: torch.Tensor = wrong) -> float:
        return right(train(rows, labels)[0])

    every, is_flipped = np.arange(N_FLIPS), np.isin(np.arange(N_FLIPS), flipped)
    model, checkpoints = train(every, wrong)
    task = Classification(torch.utils.data.TensorDataset(X, wrong))
    orders = []
    for name, method in _methods(checkpoints).items():
        orders.append(influence(model, task, method=method).order())
        for share in (10, 5):
            hits = is_flipped[orders[-1][: N_FLIPS * share // 100]].sum()
            found.setdefault(f"{name} {share}", []).append(100 * hits / len(flipped))
    tenth = orders[0][: N_FLIPS // 10]
    return {
        "clean labels": accuracy(every, y), "flipped labels": right(model),
        "without the foremost 10 %": accuracy(np.setdiff1d(every, tenth)),
        "without the flips that were found": accuracy(np.setdiff1d(every, tenth[is_flipped[tenth]])),
        "without a random 10 %": accuracy(rng.permutation(N_FLIPS)[N_FLIPS // 10 :]),
    }  # fmt: skip


def _spread(values: list[float] | np.ndarray, digits: int = 1) -> str:
    return f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


# ---------------------------------------------------------------- time

N_ASKED = 1000


def speed_table() -> str:
    """What the influence of 1,000 records on a small network costs, in seconds and in passes of training."""
    import networks
    import torch

    from expunge.networks import Classification

    torch.set_num_threads(1)
    name, X, y = networks.data()
    model = networks.network(X.shape[-1])
    for _ in range(5):
        networks.epoch(model, X, y)
    task = Classification(torch.utils.data.TensorDataset(X, y))
    test = Classification(torch.utils.data.TensorDataset(X[:200], y[:200]))
    state, ids = model.state_dict(), range(N_ASKED)
    asks = {
        "influence functions (EK-FAC), on a loss": (test, InfluenceFunctions()),
        "influence functions (conjugate gradients), on a loss": (test, InfluenceFunctions(solver="cg")),
        "influence functions (EK-FAC), self-influence": ("self", InfluenceFunctions()),
        "TracIn, three checkpoints, on a loss": (test, TracIn(checkpoints=[state] * 3)),
        "TracIn, three checkpoints, self-influence": ("self", TracIn(checkpoints=[state] * 3)),
        "TRAK, 512 projections, on a loss": (test, TRAK()),
    }
    actions: dict[str, Any] = {"one epoch of training": lambda: networks.epoch(networks.network(X.shape[-1]), X, y)}
    for what, (on, method) in asks.items():
        actions[what] = lambda on=on, method=method: influence(model, task, on=on, method=method, ids=ids)
    times = measure.in_turn(actions, repeats=5, warmup=1, clock=time.process_time)
    epochs = times["one epoch of training"]
    return measure.table(
        f"Influence: {N_ASKED:,} of {len(y):,} records of {name}, a network of "
        f"{sum(p.numel() for p in model.parameters()):,} weights",
        ["what", "time (target: under 2 min)", "in epochs of training"],
        [[what, measure.middle(spent), measure.ratio(spent, epochs)] for what, spent in times.items()],
        "One thread, processor time, which other work on the machine does not stretch. " + measure.machine(),
    )


def exact_table() -> str:
    """What leaving one record out exactly costs, beside a fit without it."""
    data, rows = real_tables.read("Adult"), []
    train, test = np.flatnonzero(~data.is_test), np.flatnonzero(data.is_test)[:1000]
    for method in (expunge.GaussianNB(), expunge.LinearDiscriminantAnalysis(shrinkage=0.1), expunge.ForestClassifier()):
        model = method if isinstance(method, expunge.ForestClassifier) else behind_columns(method)
        started = time.process_time()
        model.fit(data.X.iloc[train], data.y[train], record_ids=train)
        fit, asked = time.process_time() - started, (data.X.iloc[test], data.y[test])
        asks = [partial(influence, model, on=asked, ids=train[i : i + 20].tolist()) for i in range(0, 100, 20)]
        each = [one / 20 for one in measure.spent(asks)]
        rows.append(
            [type(method).__name__, measure.duration(fit), measure.middle(each), f"{fit / np.median(each):.0f}"]
        )
    return measure.table(
        f"Influence: exact leave-one-out of Adult ({len(train):,} records), measured on {len(test):,} others",
        ["model", "a fit", "one record", "times faster than a fit"],
        rows,
        "Medians of five times twenty records, with copying the model once for each twenty and predicting for each; "
        "processor time.",
    )


# ---------------------------------------------------------------- pictures


def pictures() -> str:
    """Decisions before and after, for the records that matter most and least; and the scores of all."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    X, y = load_digits(return_X_y=True)
    which = np.flatnonzero(np.isin(y, (3, 8)))
    which = which[np.argsort(uniform64(0, "flat", which))][:60]
    images = X[which].reshape(-1, 8, 8) / 16  # ink in the upper left and in the lower left
    X = np.stack([images[:, 1:4, :4].mean(axis=(1, 2)), images[:, 4:7, :4].mean(axis=(1, 2))], axis=1)
    estimator = make_pipeline(PolynomialFeatures(3), LogisticRegression(C=300.0, max_iter=5000))
    model = expunge.RetrainClassifier(estimator).fit(X, y[which])
    found = influence(model)
    plot_regions(model, found, X, y[which], DOCS / "influence-regions.png")
    found.plot(DOCS / "influence-scores.png", k=15)
    return "Wrote docs/influence-regions.png and docs/influence-scores.png.\n"


PARTS = {
    "tables": lambda: "\n".join(map(gap_table, GAPS)), "flips": flips_table, "speed": speed_table, "exact": exact_table,
    "pictures": pictures,
}  # fmt: skip


def main() -> str:
    """What is short: what influence costs, by gradients and exactly."""
    return "\n".join([speed_table(), exact_table()])


def everything() -> str:
    """Measure and draw what is asked for, or all of it."""
    return "\n".join(PARTS[name]() for name in sys.argv[1:] or PARTS)


if __name__ == "__main__":
    print(everything())
