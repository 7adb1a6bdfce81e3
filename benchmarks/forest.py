"""Forests against scikit-learn's: fit, forgetting with its floor, prediction, memory, quality.

python benchmarks/forest.py [--rows 20000] [--depth 10] [--deletions 300] [--adult] [--quality]

One thread, 100 trees, 20 features. ``--quality`` prints the table of quality instead, over data in the folder
EXPUNGE_DATA or in that of the tests.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, duration, each, machine, middle, ratio, seconds, table
from sklearn.datasets import load_digits, make_classification, make_friedman1, make_hastie_10_2, make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OrdinalEncoder

import expunge

FOLDER = Path(os.environ.get("EXPUNGE_DATA", DATA))


def made(n: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """A table of 20 features with its test rows."""
    X, y = make_classification(
        n + 20_000, 20, n_informative=8, n_redundant=4, n_clusters_per_class=4, flip_y=0.02, random_state=seed
    )
    return X[:n], y[:n], X[n:], y[n:]


def percentiles(times: list[float]) -> list[str]:
    """Median, mean and 99th percentile."""
    return [duration(v) for v in (statistics.median(times), statistics.mean(times), float(np.percentile(times, 99)))]


def forests(n: int, depth: int | None, deletions: int, repeats: int) -> tuple[list[Any], list[Any], str]:
    """Rows of the tables of fits and of deletions, and how much faster a deletion is than a fit."""
    X, y, Xt, yt = made(n)
    theirs = RandomForestClassifier(100, max_depth=depth, random_state=0, n_jobs=1)
    ours = expunge.ForestClassifier(max_depth=depth)
    expunge.ForestClassifier(n_estimators=1, max_depth=2).fit(X[:200], y[:200]).forget(0)  # compiled, or loaded
    fits: dict[str, list[float]] = {"ours": [], "theirs": []}
    for seed in range(repeats):
        fits["ours"].append(seconds(partial(ours.set_params(seed=seed).fit, X, y)))
        fits["theirs"].append(seconds(partial(theirs.set_params(random_state=seed).fit, X, y)))
    auc = [roc_auc_score(yt, m.predict_proba(Xt)[:, 1]) for m in (ours, theirs)]
    ask = [[seconds(partial(m.predict_proba, Xt)) for _ in range(3)] for m in (ours, theirs)]
    speed = statistics.median(ask[1]) / statistics.median(ask[0])
    memory = ours._state().parts["trees"].state_bytes, len(pickle.dumps(theirs))
    fit = [
        f"{n:,}, {depth}", middle(fits["ours"]), middle(fits["theirs"]), ratio(fits["ours"], fits["theirs"]),
        f"{auc[0]:.4f} / {auc[1]:.4f}", f"{speed:.2f}", f"{memory[0] / 1e6:.0f} / {memory[1] / 1e6:.0f} MB",
    ]  # fmt: skip
    rng = np.random.default_rng(1)
    gone = rng.permutation(n)
    work: list[int] = []

    def forget(i: int) -> None:
        work.append(ours.forget(i).work)

    times = each(partial(forget, i) for i in gone[:deletions].tolist())
    forgets = [[f"{n:,}, {depth}", "single", *percentiles(times), f"{statistics.median(work):,.0f}"]]
    ours.digest()
    hashed = each(partial(ours.forget, i, digest=True) for i in gone[deletions : deletions + 50].tolist())
    forgets.append([f"{n:,}, {depth}", "single, with digests", *percentiles(hashed), ""])
    batch = gone[deletions + 50 : deletions + 50 + n // 100]
    once = seconds(partial(ours.forget, batch))
    refit = statistics.median(fits["ours"])
    forgets.append([f"{n:,}, {depth}", "1 % at once", duration(once), f"{once / refit:.1%} of a fit", "", ""])
    part = expunge.ForestClassifier(max_depth=depth, share=0.1)
    fit_part = seconds(partial(part.fit, X, y))
    few = each(partial(part.forget, i) for i in gone[:deletions].tolist())
    auc_part = roc_auc_score(yt, part.predict_proba(Xt)[:, 1])
    forgets.append([f"{n:,}, {depth}", f"single, share=0.1 (fit {duration(fit_part)}, AUC {auc_part:.4f})",
                    *percentiles(few), ""])  # fmt: skip
    top = expunge.ForestClassifier(max_depth=depth, random_top=3).fit(X, y)
    rough = each(partial(top.forget, i) for i in gone[:deletions].tolist())
    auc_top = roc_auc_score(yt, top.predict_proba(Xt)[:, 1])
    forgets.append([f"{n:,}, {depth}", f"single, random_top=3 (AUC {auc_top:.4f})", *percentiles(rough), ""])
    return (
        fit,
        forgets,
        f"{refit / statistics.median(times):,.0f} × (median), {refit / statistics.mean(times):,.0f} × (mean)",
    )


def floor(n: int, depth: int) -> list[str]:
    """What a deletion cannot do without: a node is two cache lines, and each tree is walked from root to leaf."""
    lines = 100 * (depth + 1) * 2
    array = np.zeros((1_000_000, 8), dtype=np.int64)
    at = np.random.default_rng(0).integers(0, len(array), size=lines)
    time = statistics.median(each([partial(array[:, 0].take, at)] * 50))
    return [f"{n:,}, {depth}", f"{lines:,}", duration(time)]


# ------------------------------------------------------------------------------------------------------------- quality


def datasets() -> Iterator[tuple[str, Callable[[], tuple[Any, Any]]]]:
    """Names and loaders: frames with categories where the data has them."""
    for name, label, drop in (
        ("adult", "income", ["split"]), ("bank_marketing", "y", []), ("credit_default", "default_next_month", ["ID"]),
        ("diabetes_130us", "readmitted", ["encounter_id", "patient_nbr"]),
    ):  # fmt: skip
        yield name, partial(_csv, name, label, drop)
    yield "digits", lambda: load_digits(return_X_y=True)
    yield "mnist (10k)", _mnist
    yield "make_classification", lambda: made(8000)[:2]
    yield "make_moons", lambda: make_moons(8000, noise=0.3, random_state=0)
    yield "make_hastie_10_2", lambda: make_hastie_10_2(8000, random_state=0)
    yield "make_friedman1, above its median", _friedman


def _csv(name: str, label: str, drop: list[str]) -> tuple[Any, Any]:
    frame = pd.read_csv(FOLDER / f"{name}.csv.gz").drop(columns=drop, errors="ignore")
    y = (frame[label] != "NO").astype(int) if name == "diabetes_130us" else pd.factorize(frame[label])[0]
    X = frame.drop(columns=[label])
    return X.iloc[:20_000], np.asarray(y)[:20_000]


def _mnist() -> tuple[Any, Any]:
    with np.load(FOLDER / "mnist.npz") as data:
        names = {"x": next(k for k in data if k.startswith("x")), "y": next(k for k in data if k.startswith("y"))}
        X, y = data[names["x"]], data[names["y"]]
    return X.reshape(len(X), -1)[:10_000].astype(float), y[:10_000].astype(int)


def _friedman() -> tuple[Any, Any]:
    X, y = make_friedman1(8000, noise=1.0, random_state=0)
    return X, (y > np.median(y)).astype(int)


def quality(depths: tuple[int | None, ...], seeds: int, only: str) -> str:
    """Test AUC, or accuracy where there are more than two classes, less that of scikit-learn's forest."""
    rows = []
    for name, load in datasets():
        if only and only not in name:
            continue
        try:
            X, y = load()
        except FileNotFoundError:
            rows.append([name, "", "data not here", "", ""])
            continue
        plain = X
        if hasattr(X, "columns"):
            texts = [c for c in X if X[c].dtype.kind not in "fiu"]
            codes = OrdinalEncoder(encoded_missing_value=-1).fit_transform(X[texts].astype(object))
            plain = X.assign(**{c: codes[:, j] for j, c in enumerate(texts)})
        for depth in depths:
            pairs = []
            for seed in range(seeds):
                train, test = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed, stratify=y)
                pairs.append([_score(m, table_, y, train, test) for m, table_ in (
                    (expunge.ForestClassifier(max_depth=depth, seed=seed), X),
                    (RandomForestClassifier(max_depth=depth, random_state=seed), plain),
                )])  # fmt: skip
            gaps = [a - b for a, b in pairs]
            spread = 1.96 * statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else float("nan")
            ours, theirs = (statistics.mean(column) for column in zip(*pairs, strict=True))
            gap = statistics.mean(gaps)
            verdict = "yes" if gap >= -0.005 else "no"
            rows.append([name, depth, f"{ours:.4f}", f"{theirs:.4f}", f"{gap:+.4f} ± {spread:.4f}", verdict])
            print(rows[-1], flush=True)
    head = ["data", "depth", "ours", "scikit-learn's", "gap, 95 % interval", "gap at least -0.005"]
    title = f"Quality: AUC, or accuracy of several classes, {seeds} seeds and splits"
    return table(title, head, rows, f"Measured on {machine()}.")


def _score(model: Any, X: Any, y: Any, train: Any, test: Any) -> float:
    rows = X.iloc if hasattr(X, "iloc") else X
    model.fit(rows[train], y[train])
    if len(np.unique(y)) == 2:
        return float(roc_auc_score(y[test], model.predict_proba(rows[test])[:, 1]))
    return float(accuracy_score(y[test], model.predict(rows[test])))


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[20_000])
    parser.add_argument("--depth", type=int, nargs="*", default=[10])
    parser.add_argument("--deletions", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--unlimited", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    args, _ = parser.parse_known_args()
    if args.quality:
        return quality((None,) if args.unlimited else tuple(args.depth), args.seeds, args.only)
    fits, forgets, floors, against = [], [], [], []
    for n in args.rows:
        for depth in args.depth:
            fit, forget, line = forests(n, depth, args.deletions, args.repeats)
            fits.append(fit)
            forgets += forget
            floors.append(floor(n, depth))
            against.append([f"{n:,}, {depth}", line])
    return "\n".join(
        [
            table(
                "Forests: fit, 100 trees, 20 features, one thread",
                ["rows, depth", "fit", "scikit-learn's fit", "ratio (target 0.06 at 100,000)", "AUC ours / theirs",
                 "predict: rows/s against scikit-learn (target 0.8)", "state ours / theirs"],
                fits,
            ),
            table(
                "Forests: forgetting",
                ["rows, depth", "what", "median", "mean", "99th percentile", "records read, median"],
                forgets,
            ),
            table("Forests: forgetting one record against our own fit", ["rows, depth", "faster by"], against),
            table(
                "Forests: the floor of forgetting one record",
                ["rows, depth", "cache lines of the nodes on its paths", "time to touch as many at random"],
                floors,
                f"Measured on {machine()}.",
            ),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    print(main())
