"""Five tables of people, three models: quality beside scikit-learn's, and what forgetting costs. Writes docs/tables.md.

python benchmarks/tables.py [name ...]
"""

from __future__ import annotations

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn.compose
import sklearn.impute
import sklearn.linear_model
import sklearn.naive_bayes
import sklearn.pipeline
import sklearn.preprocessing
from measure import duration, machine, seconds
from real_tables import NAMES, RealTable, read
from sklearn.metrics import roc_auc_score

import expunge

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tables.md"
BEGIN, END = "<!-- begin of what the command writes -->", "<!-- end of what the command writes -->"


class Pair(NamedTuple):
    """A model of ours and scikit-learn's plain one."""

    ours: Any
    plain: Any


def ridge(texts: list[str]) -> Pair:
    """Encoded texts, numbers filled with the median and scaled, a linear model."""

    def made(steps: Any, compose: Any, pipeline: Any, impute: Any, linear: Any) -> Any:
        numbers = pipeline.make_pipeline(impute.SimpleImputer(strategy="median"), steps.StandardScaler())
        encoder = steps.OneHotEncoder(handle_unknown="ignore")
        columns = compose.ColumnTransformer([("texts", encoder, texts)], remainder=numbers)
        return pipeline.make_pipeline(columns, linear.RidgeClassifier())

    return Pair(
        made(expunge, expunge, expunge, expunge, expunge),
        made(sklearn.preprocessing, sklearn.compose, sklearn.pipeline, sklearn.impute, sklearn.linear_model),
    )


def bayes(texts: list[str]) -> Pair:
    """Encoded texts and bins, naive Bayes."""

    def made(steps: Any, compose: Any, pipeline: Any, impute: Any, naive: Any, **more: Any) -> Any:
        bins = pipeline.make_pipeline(impute.SimpleImputer(strategy="median"), steps.KBinsDiscretizer(n_bins=8, **more))
        encoder = steps.OneHotEncoder(handle_unknown="ignore")
        columns = compose.ColumnTransformer([("texts", encoder, texts)], remainder=bins)
        return pipeline.make_pipeline(columns, naive.BernoulliNB())

    averaged = {"quantile_method": "averaged_inverted_cdf"}
    return Pair(
        made(expunge, expunge, expunge, expunge, expunge),
        made(
            sklearn.preprocessing, sklearn.compose, sklearn.pipeline, sklearn.impute, sklearn.naive_bayes,
            subsample=None, **averaged,
        ),
    )  # fmt: skip


def boosted(texts: list[str]) -> Pair:
    """LightGBM, which reads categories and missing values itself, in ten shards and as one."""
    booster = lightgbm.LGBMClassifier(n_estimators=60, verbosity=-1)
    return Pair(expunge.SISAClassifier(booster, n_shards=10), booster)


MODELS = {"RidgeClassifier": ridge, "BernoulliNB": bayes, "SISA of 10 × LightGBM": boosted}


class Split(NamedTuple):
    """The rows to learn from, under their names."""

    X: pd.DataFrame
    y: npt.NDArray[np.object_]
    person: npt.NDArray[np.object_]

    def without(self, gone: npt.NDArray[np.bool_]) -> Split:
        return Split(self.X[~gone], self.y[~gone], self.person[~gone])


def auc(model: Any, X: pd.DataFrame, y: npt.NDArray[np.object_]) -> float:
    has_scores = hasattr(model, "decision_function")
    score = model.decision_function(X) if has_scores else model.predict_proba(X)[:, 1]
    return float(roc_auc_score(y == "yes", score))


def fitted(model: Any, split: Split) -> Any:
    fresh = sklearn.base.clone(model)
    return fresh.fit(split.X, split.y, record_ids=[f"r{i}" for i in split.X.index], subject_ids=split.person)


def rows_of(real: RealTable, name: str) -> list[list[str]]:
    """The lines of one table and model: learned, one person, one in a hundred, a category that vanishes."""
    texts = [column for column in real.X if real.X[column].dtype == object]
    is_boosted = name.startswith("SISA")
    X = real.X.astype(dict.fromkeys(texts, "category")) if is_boosted else real.X
    train = Split(X[~real.is_test], real.y[~real.is_test], real.person[~real.is_test])
    test, truth = X[real.is_test], real.y[real.is_test]
    ours, plain = MODELS[name](texts)
    plain.fit(train.X, train.y)
    model = fitted(ours, train)
    refit = min(seconds(lambda: fitted(ours, train)) for _ in range(2))
    quality = [f"{auc(one, test, truth):.4f}" for one in (model, plain)]
    lines = [[real.name, name, "learned", f"{len(train.y):,}", *quality, "", "", "", ""]]
    rng = np.random.default_rng(1)
    column, category = real.rare
    for what in ("one person", "1 % of the people", f"the category {column} = {category}"):
        people = np.unique(train.person.astype(str))
        if what == "one person":
            chosen = rng.choice(people, 1)
        elif what.startswith("1 %"):
            chosen = rng.choice(people, round(len(people) / 100), replace=False)
        else:
            chosen = np.unique(train.person[(train.X[column] == category).to_numpy()].astype(str))
        if not len(chosen):
            lines.append([real.name, name, what, "0", "", "", "", "", "", "gone already"])
            continue
        planned = model.plan(subjects=chosen.tolist())
        removed: list[Any] = []
        took = seconds(partial(_forget, model, chosen.tolist(), removed))
        train = train.without(np.isin(train.person.astype(str), chosen))
        fresh = fitted(ours, train)
        same = model.digest() == fresh.digest()
        work, plan = removed[0].work, f"{planned.work_low:,} to {planned.work_high:,}"
        share = work / max(1, fresh_work(fresh))
        lines.append(
            [real.name, name, what, f"{removed[0].n_forgotten:,}", f"{auc(model, test, truth):.4f}",
             f"{auc(fresh, test, truth):.4f}", f"{work:,} ({share:.2%})", plan,
             f"{duration(took)} ({took / refit:.2%})", "yes" if same else "NO"]
        )  # fmt: skip
    return lines


def _forget(model: Any, people: list[str], into: list[Any]) -> None:
    into.append(model.forget(subjects=people))


def fresh_work(model: Any) -> int:
    """Records that a refit reads, over all steps and shards."""
    return int(model._most_work(model._rows()))


HEAD = [
    "table", "model", "forgotten", "records", "AUC", "AUC of scikit-learn's, then of a fresh fit", "records read again",
    "planned", "time (of a refit)", "equal digests",
]  # fmt: skip


def main(*names: str) -> str:
    """Measure, and write the page."""
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in names or NAMES:
            real = read(table)
            for name in MODELS:
                lines += rows_of(real, name)
                print(*lines[-4:], sep="\n", flush=True)
    body = [f"| {' | '.join(line)} |" for line in [HEAD, *lines]]
    text = "\n".join([BEGIN, "", body[0], "|" + " --- |" * len(HEAD), *body[1:]])
    text += f"\n\nMeasured on {machine()}, LightGBM {lightgbm.__version__}.\n\n{END}"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + text + rest.partition(END)[2], encoding="utf-8")
    return text


if __name__ == "__main__":
    main(*sys.argv[1:])
