"""ModularClassifier on digits and Adult: forgetting and rectifying against training all modules again.

python benchmarks/modular.py [--rows 12000]
"""

from __future__ import annotations

import argparse
import copy
import statistics
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, duration, machine, seconds, table
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

import expunge
from expunge.workspace.tabular.pipelines import make_estimator

REPEATS = 5


def tasks(rows: int) -> Iterator[tuple[str, Any, Any, Any]]:
    """Name of the data, name of the model, model, and plain estimator beside it with train and test sets."""
    X, y = load_digits(return_X_y=True, as_frame=True)
    split = train_test_split(X / 16.0, y.to_numpy(), test_size=0.25, random_state=0, stratify=y)
    digits = [part.reset_index(drop=True) if hasattr(part, "iloc") else part for part in split]
    mixture = GaussianMixture(reg_covar=1e-2)
    logistic, tree = LogisticRegression(max_iter=500), DecisionTreeClassifier(max_depth=8)
    name = f"digits, {len(digits[0]):,} rows, 10 classes"
    yield name, expunge.ModularClassifier(mixture, priors="empirical"), None, digits
    yield name, expunge.ModularClassifier(logistic), logistic, digits
    yield name, expunge.ModularClassifier(tree, by="columns", groups=8), tree, digits
    if not (DATA / "adult.csv.gz").exists():
        return
    table = pd.read_csv(DATA / "adult.csv.gz").drop(columns="fnlwgt")
    train, test = (table[table["split"] == part].drop(columns="split").head(rows) for part in ("train", "test"))
    adult = [part.drop(columns="income").reset_index(drop=True) for part in (train, test)]
    adult += [part["income"].to_numpy(dtype=object) for part in (train, test)]
    name = f"Adult, {len(train):,} rows, 2 classes"
    boosted = make_estimator("hist-gradient-boosting", "classification")
    numbers = [part.select_dtypes("number") for part in adult[:2]]
    yield f"{name}, its numbers", expunge.ModularClassifier(mixture, priors="empirical"), None, [*numbers, *adult[2:]]
    yield name, expunge.ModularClassifier(boosted), boosted, adult
    groups = [["age", "education", "education_num", "hours_per_week"], ["workclass", "occupation", "native_country"]]
    groups += [["marital_status", "relationship", "race", "sex"], ["capital_gain", "capital_loss"]]
    yield name, expunge.ModularClassifier(boosted, by="columns", groups=groups), boosted, adult


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=12_000)
    args, _ = parser.parse_known_args()
    warnings.simplefilter("ignore")
    out = []
    for name, model, plain, (X, X_test, y, y_test) in tasks(args.rows):
        shape = "columns" if model.by == "columns" else "pairs of classes" if plain is not None else "classes"
        fit = statistics.median(seconds(lambda m=model, a=X, b=y: clone(m).fit(a, b)) for _ in range(REPEATS))
        model = clone(model).fit(X, y)
        beside = "" if plain is None else f" ({clone(plain).fit(X, y).score(X_test, y_test):.3f})"
        row = [name, shape, f"{model.score(X_test, y_test):.3f}{beside}", duration(fit)]
        labels, feature = np.unique(y), X.columns[min(20, X.shape[1] - 2)]
        requests = [("forget", {"record_ids": i}) for i in range(REPEATS)]
        row.append(cost(model, fit, requests))
        row.append(cost(model, fit, [("forget", {"classes": [labels[-1]]})] if len(labels) > 2 else []))
        row.append(cost(model, fit, [("forget", {"features": [feature]})]))
        row.append(cost(model, fit, [("rectify", {"record_ids": 9, "y": labels[int(y[9] == labels[0])]})]))
        out.append(row)
    head = ["data", "a module for each", "accuracy (plain estimator)", "fit", "a record", "a class", "a feature"]
    return table(
        "Modules: what a request costs, as a share of training all modules",
        [*head, "a corrected label"], out,
        f"Share of the time of a fit (and of its records read), medians of {REPEATS}. Measured on {machine()}.",
    )  # fmt: skip


def cost(model: Any, fit: float, requests: list[tuple[str, dict[str, Any]]]) -> str:
    """Median share of a fit's time that these requests take, and the share of its work."""
    times, works, whole = [], [], model._most_work(model._rows())
    for verb, keywords in requests * (REPEATS // max(1, len(requests))):
        own, done = copy.deepcopy(model), []
        times.append(seconds(lambda o=own, d=done, v=verb, k=keywords: d.append(getattr(o, v)(**k))))
        works.append(done[0].work)
    return f"{statistics.median(times) / fit:.1%} ({statistics.median(works) / whole:.1%})" if times else "-"


if __name__ == "__main__":
    print(main())
