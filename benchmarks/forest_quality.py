"""Forests against scikit-learn's: AUC on data that was not learned, or accuracy where there are several classes.

python benchmarks/forest_quality.py                      the short part, printed
python benchmarks/forest_quality.py --full               what is not in build/forest_quality.jsonl yet, split by split
python benchmarks/forest_quality.py --full --only adult
python benchmarks/forest_quality.py --page               the table of what was measured, into docs/methods/forests.md
python benchmarks/forest_quality.py --single             single trees on Adult and Bank, five splits of each, printed

Five splits of each data set (70 % to learn from; a person is on one side) and five seeds of both forests on each; 100
trees of the same depth, everything else at its defaults. Ours gets texts and missing values as they are, scikit-learn's
ordinal codes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from measure import machine, table
from pieces import do, put, read
from scipy.stats import t as student
from sklearn.datasets import (
    load_digits,
    make_classification,
    make_friedman1,
    make_gaussian_quantiles,
    make_hastie_10_2,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

import expunge
from expunge.methods.forest import forest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "methods" / "forests.md"
LINES = Path(__file__).resolve().parents[1] / "build" / "forest_quality.jsonl"
SPLITS, SEEDS, DEPTHS = 5, 5, ("10", "20")
LIMIT = -0.005


def real(name: str) -> tuple[Any, Any, Any]:
    """A table of people, texts as categories; and who each row is about."""
    from real_tables import read as read_table

    found = read_table(name)
    return found.X, (found.y == "yes").astype(int), found.person.astype(str)


def mnist() -> tuple[Any, Any]:
    """The first ten thousand pictures."""
    from real_tables import folder

    with np.load(folder() / "mnist.npz") as data:
        return data["x_train"][:10_000].reshape(10_000, -1).astype(float), data["y_train"][:10_000].astype(int)


def friedman() -> tuple[Any, Any]:
    X, y = make_friedman1(8000, noise=1.0, random_state=0)
    return X, (y > np.median(y)).astype(int)


def clusters() -> tuple[Any, Any]:
    return make_classification(8000, 20, n_informative=8, n_redundant=4, n_clusters_per_class=4, flip_y=0.02,
                               random_state=0)  # fmt: skip


DATA: dict[str, Callable[[], tuple[Any, ...]]] = {
    "digits": partial(load_digits, return_X_y=True),
    "make_classification": clusters,
    "make_hastie_10_2": partial(make_hastie_10_2, 8000, random_state=0),
    "make_friedman1 above its median": friedman,
    "make_gaussian_quantiles, 3 classes": partial(
        make_gaussian_quantiles, n_samples=8000, n_features=10, n_classes=3, random_state=0
    ),
    "adult": partial(real, "Adult"),
    "bank": partial(real, "Bank"),
    "credit default": partial(real, "credit default"),
    "diabetes 130-US": partial(real, "diabetes 130-US"),
    "mnist (10k)": mnist,
}


def pieces() -> list[str]:
    """Data, depth and split."""
    return [f"{name}/{depth}/{split}" for name in DATA for depth in DEPTHS for split in range(SPLITS)]


def coded(X: Any) -> Any:
    """A table as scikit-learn's forest takes it: texts as ordinal codes, missing ones as -1."""
    if not hasattr(X, "columns"):
        return X
    texts = [c for c in X if X[c].dtype == object]
    if not texts:
        return X
    codes = OrdinalEncoder(encoded_missing_value=-1).fit_transform(X[texts])
    return X.assign(**{c: codes[:, j] for j, c in enumerate(texts)})


def score(model: Any, X: Any, y: Any, train: Any, test: Any) -> float:
    """Test AUC, or accuracy of several classes."""
    rows = X.iloc if hasattr(X, "iloc") else X
    model.fit(rows[train], y[train])
    if len(np.unique(y)) == 2:
        return float(roc_auc_score(y[test], model.predict_proba(rows[test])[:, 1]))
    return float(accuracy_score(y[test], model.predict(rows[test])))


def measured(piece: str, seeds: int) -> dict[str, Any]:
    """Scores of both on one split, seed by seed."""
    name, depth, split = piece.split("/")
    X, y, *person = DATA[name]()
    plain, limit = coded(X), None if depth == "none" else int(depth)
    if person and len(np.unique(person[0])) < len(y):
        cut = GroupShuffleSplit(1, test_size=0.3, random_state=int(split))
        train, test = next(cut.split(plain, y, person[0]))
    else:
        train, test = train_test_split(np.arange(len(y)), test_size=0.3, random_state=int(split), stratify=y)
    ours, theirs = [], []
    for seed in range(seeds):
        ours.append(score(expunge.ForestClassifier(max_depth=limit, seed=seed), X, y, train, test))
        theirs.append(score(RandomForestClassifier(max_depth=limit, random_state=seed), plain, y, train, test))
    return {"n": len(y), "classes": len(np.unique(y)), "ours": ours, "theirs": theirs, "machine": machine()}


def interval(gaps: list[list[float]]) -> tuple[float, float]:
    """Mean of the gaps over splits and seeds, and half of its 95 % interval.

    The seeds on one split see the same rows, so the splits are the independent draws; splits overlap too, for which the
    variance is corrected (Nadeau and Bengio 2003: 1/k + test/train in place of 1/k).
    """
    means = [statistics.mean(each) for each in gaps]
    k = len(means)
    if k < 2:
        return means[0], float("nan")
    spread = statistics.stdev(means) * (1 / k + 0.3 / 0.7) ** 0.5
    return statistics.mean(means), float(student.ppf(0.975, k - 1)) * spread


def quality_table(lines: dict[str, dict[str, Any]]) -> str:
    """A row for each data set and depth."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for piece, line in lines.items():
        name, depth, _ = piece.split("/")
        found.setdefault((name, depth), []).append(line)
    rows = []
    for (name, depth), cases in found.items():
        ours, theirs = (statistics.mean(v for case in cases for v in case[whose]) for whose in ("ours", "theirs"))
        gap, half = interval([[a - b for a, b in zip(c["ours"], c["theirs"], strict=True)] for c in cases])
        kind = "AUC" if cases[0]["classes"] == 2 else "accuracy"
        rows.append([
            name, f"{cases[0]['n']:,}", depth, f"{len(cases)} × {len(cases[0]['ours'])}", kind, f"{ours:.4f}",
            f"{theirs:.4f}", f"{gap:+.4f} ± {half:.4f}", "yes" if gap >= LIMIT else "no",
        ])  # fmt: skip
    head = ["data", "rows", "depth", "splits × seeds", "score", "ours", "scikit-learn's", "gap, 95 % interval",
            f"at least {LIMIT}"]  # fmt: skip
    machines = "; ".join(sorted({line["machine"] for line in lines.values()}))
    return table("Quality, 100 trees", head, rows, f"Intervals over splits, which overlap. {machines}.").replace(
        "## ", "### "
    )


def single_table() -> str:
    """AUC of single trees, with more thresholds to choose from too, and with nodes that are scored on every record."""
    kinds: dict[str, tuple[int, Callable[[Any], Any]]] = {
        "ours": (forest._SAMPLE, partial(expunge.DecisionTreeClassifier, seed=0)),
        "`n_thresholds=50`": (forest._SAMPLE, partial(expunge.DecisionTreeClassifier, n_thresholds=50, seed=0)),
        "every record scored": (100_000, partial(expunge.DecisionTreeClassifier, seed=0)),
        "scikit-learn's": (forest._SAMPLE, partial(DecisionTreeClassifier, random_state=0)),
    }
    rows = []
    for name in ("adult", "bank"):
        X, y, _ = DATA[name]()
        cuts = [train_test_split(np.arange(len(y)), test_size=0.3, random_state=s, stratify=y) for s in range(SPLITS)]
        for depth in (6, 10, None):
            line = [name, "none" if depth is None else str(depth)]
            for kind, (sample, make) in kinds.items():
                cells = coded(X) if kind == "scikit-learn's" else X
                with patch.object(forest, "_SAMPLE", sample):
                    scores = [score(make(max_depth=depth), cells, y, train, test) for train, test in cuts]
                line.append(f"{statistics.mean(scores):.3f} ± {statistics.stdev(scores):.3f}")
            rows.append(line)
    return table("AUC of a single tree", ["data", "depth", *kinds], rows, f"Mean ± standard deviation. {machine()}.")


def main() -> str:
    parser = argparse.ArgumentParser()
    for name in ("--full", "--list", "--page", "--single"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--piece")
    parser.add_argument("--only", default="", help="the pieces below this one, as adult/10")
    parser.add_argument("--to", type=Path, default=LINES, help="the file of what was measured")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    args, _ = parser.parse_known_args()
    if args.piece:
        return json.dumps(measured(args.piece, args.seeds))
    if args.list:
        return "\n".join(pieces())
    if args.single:
        return single_table()
    if args.full:
        do(sys.argv[0], pieces(), args.to, "--seeds", str(args.seeds), only=args.only)
        return f"In {args.to}; --page makes the table."
    if args.page:
        text = quality_table(read(args.to))
        put(PAGE, "quality", text)
        return text
    return quality_table({f"digits/10/{split}": measured(f"digits/10/{split}", 1) for split in range(2)})


if __name__ == "__main__":
    print(main())
