"""Small models, one or more of every method: what the golden files hold. The data follows a rule, not a generator."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import is_classifier, is_regressor
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_info

import expunge
from expunge.methods import METHODS, find_method

FOLDER = Path(__file__).parent
#: The record that each golden model forgets.
GONE = "r07"
N = 24


@dataclass(frozen=True)
class Golden:
    """A model to be written, and what it learns: "numbers", "texts" (texts in a frame), "documents", "questions" or
    "interactions"."""

    model: Any
    table: str = "numbers"

    def data(self) -> dict[str, Any]:
        """Arguments of ``fit``."""
        return data(self.model, self.table)

    @property
    def wraps(self) -> bool:
        """Whether it holds estimators of another library, of which the bits depend on version and processor."""
        return _wraps_estimator(type(self.model).__name__)


def cases() -> dict[str, Golden]:
    """Cases by the name of their files."""
    return dict(_cases())


def _cases() -> Iterator[tuple[str, Golden]]:
    tree = DecisionTreeClassifier(max_depth=2)
    yield "RetrainClassifier", Golden(expunge.RetrainClassifier(tree))
    yield "RetrainRegressor", Golden(expunge.RetrainRegressor(Ridge()))
    yield "SISAClassifier", Golden(expunge.SISAClassifier(tree, n_shards=2, seed=5))
    sgd = SGDClassifier(loss="log_loss", max_iter=2, tol=None)
    yield "SISAClassifier-slices", Golden(expunge.SISAClassifier(sgd, n_shards=2, n_slices=2, aggregation="weighted"))
    yield "SISARegressor", Golden(expunge.SISARegressor(DecisionTreeRegressor(max_depth=2), n_shards=2))
    densities = expunge.ModularClassifier(PCA(1), priors="empirical", seed=3)
    yield "ModularClassifier", Golden(densities)
    yield "ModularClassifier-pairs", Golden(expunge.ModularClassifier(tree))
    by_columns = expunge.ModularClassifier(GaussianNB(), by="columns", groups=[[0, 2], [1]])
    yield "ModularClassifier-columns", Golden(by_columns)
    columns = expunge.ColumnTransformer([("texts", expunge.OneHotEncoder(), ["town", "size"])])
    yield "ColumnTransformer", Golden(columns, "texts")
    yield "Pipeline", Golden(expunge.make_pipeline(columns, expunge.RidgeClassifier()), "texts")
    in_turn = expunge.make_pipeline(expunge.StandardScaler(), expunge.GaussianNB())
    yield "Pipeline-in-turn", Golden(in_turn)
    few = {"n_frequencies": 3, "gamma": 0.25}  # a state of the default size is of megabytes
    yield "FourierRidge", Golden(expunge.FourierRidge(**few))
    yield "FourierRidgeClassifier", Golden(expunge.FourierRidgeClassifier(**few, scales=2.0))
    seeded = {"noise_seed": 0, "norm_bound": 4.0, "delta": 1e-3}
    yield "CertifiedLogisticRegression", Golden(expunge.CertifiedLogisticRegression(**seeded))
    yield "CertifiedRidge", Golden(expunge.CertifiedRidge(**seeded))
    yield "LangevinLogisticRegression", Golden(expunge.LangevinLogisticRegression(alpha=20.0, noise=0.3, **seeded))
    newton = expunge.NewtonLogisticRegression(alpha=20.0, capacity=3.0, **seeded)
    yield "NewtonLogisticRegression", Golden(newton)
    yield "DescentToDelete", Golden(expunge.DescentToDelete(alpha=20.0, n_steps=5, **seeded))
    hidden = {"noise_seed": 0, "group_size": 3}
    yield "PrivateBernoulliNB", Golden(expunge.PrivateBernoulliNB(**hidden))
    yield "PrivateGaussianNB", Golden(expunge.PrivateGaussianNB(**hidden))
    yield "PrivateLogisticRegression", Golden(expunge.PrivateLogisticRegression(n_steps=5, **hidden))
    yield "PrivateOnlineLogisticRegression", Golden(expunge.PrivateOnlineLogisticRegression(batch_size=8, **hidden))
    words = expunge.make_pipeline(expunge.CountVectorizer(), expunge.MultinomialNB())
    yield "Pipeline-words", Golden(words, "documents")
    normed = expunge.make_pipeline(expunge.TfidfVectorizer(), expunge.MultinomialNB())
    yield "Pipeline-normed-words", Golden(normed, "documents")
    inner = expunge.make_pipeline(expunge.CountVectorizer(), expunge.MultinomialNB())
    sharded = expunge.SISAClassifier(inner, n_shards=2)
    yield "SISAClassifier-words", Golden(sharded, "documents")
    yield "HashingVectorizer", Golden(expunge.HashingVectorizer(n_features=16), "documents")
    small = {"n_factors": 2}
    yield "ALS", Golden(expunge.ALS(n_sweeps=3, **small), "interactions")
    yield "ALS-warm", Golden(expunge.ALS(n_sweeps=3, algorithm="warm", **small), "interactions")
    yield "EASE-bounded", Golden(expunge.EASE(alpha=2.0, algorithm="bounded"), "interactions")
    yield "ShardedBPR", Golden(expunge.ShardedBPR(n_shards=2, epochs=2, **small), "interactions")
    # The rest have defaults for everything. What is not a table of numbers for one of them stands here.
    tables = {"CategoricalNB": "texts", "OneHotEncoder": "texts", "OrdinalEncoder": "texts"}
    tables |= {"CountVectorizer": "documents", "TfidfVectorizer": "documents", "PassageIndex": "documents"}
    tables |= {"SpanReader": "questions"}
    tables |= dict.fromkeys(("EASE", "ItemKNN", "Popularity"), "interactions")
    for name in METHODS:
        if not _wraps_estimator(name) and name not in SPECIAL:
            yield name, Golden(find_method(name)(), tables.get(name, "numbers"))


#: Methods that wrap no estimator and do not stand with their defaults; a case of each is above.
SPECIAL = frozenset(
    {
        "ALS", "CertifiedLogisticRegression", "CertifiedRidge", "ColumnTransformer", "DescentToDelete", "FourierRidge",
        "FourierRidgeClassifier", "HashingVectorizer", "LangevinLogisticRegression", "NewtonLogisticRegression",
        "Pipeline", "PrivateBernoulliNB", "PrivateGaussianNB", "PrivateLogisticRegression",
        "PrivateOnlineLogisticRegression", "ShardedBPR",
    }
)  # fmt: skip


def data(model: Any, table: str) -> dict[str, Any]:
    """Arguments of ``fit``: N records, of N // 3 persons, some about nobody, two classes or a number to predict."""
    i = np.arange(N)
    numbers = np.array([[(5 * a + 3 * b + a * a) % 13 / 4 for b in range(3)] for a in i.tolist()])
    X: Any = numbers
    if table == "texts":
        X = pd.DataFrame({"town": [("Aarhus", "Köln", "")[a * a % 3] for a in i], "size": [f"{a % 4}" for a in i]})
    if table == "documents":
        words = ("sea", "Köln", "貓", "ship", "a tree")
        X = [
            " ".join(words[(a * a + b) % 5] for b in range(a % 4)) + f" {'only' * (a == 7)}{a % 6}th"
            for a in i.tolist()
        ]
    y: Any = None
    if table == "questions":
        towns = [("Aarhus", "Köln", "Oslo")[a * a % 3] for a in i]
        asked = [f"{('Who', 'When')[a % 2]} came to {town}?" for a, town in enumerate(towns)]
        told = [f"In {1900 + a} Ann {'ABCDE'[a % 5]}ard came to {town}." for a, town in enumerate(towns)]
        X = pd.DataFrame({"question": asked, "passage": told})
        y = [f"Ann {'ABCDE'[a % 5]}ard" if a % 2 == 0 else f"{1900 + a}" for a in i.tolist()]
    if table == "interactions":
        X = pd.DataFrame({"user": [f"p{a * a % 11}" for a in i.tolist()], "value": [1.0 + a % 5 for a in i.tolist()]})
        y = [("tea", "pie", "貓", "jam", "Köln")[(a * a + a // 3) % 5] for a in i.tolist()]
    if is_classifier(model):
        y = np.where((numbers[:, 0] + i % 5 / 4) > 2, "yes", "no")
    elif is_regressor(model):
        y = numbers[:, 0] / 2 - numbers[:, 1] / 4 + 2 * numbers[:, 2] + i % 3
    subjects = [None if a % 8 == 7 else f"p{a // 3}" for a in i]
    return {"X": X, "y": y, "record_ids": [f"r{a:02d}" for a in i], "subject_ids": subjects}


def without(given: dict[str, Any], record: str) -> dict[str, Any]:
    """The arguments of ``fit`` without one record."""
    keep = [i for i, name in enumerate(given["record_ids"]) if name != record]

    def cut(values: Any) -> Any:
        if values is None:
            return None
        if hasattr(values, "iloc"):
            return values.iloc[keep].reset_index(drop=True)
        return values[keep] if isinstance(values, np.ndarray) else [values[i] for i in keep]

    return {name: cut(values) for name, values in given.items()}


def outputs(model: Any, X: Any) -> dict[str, Any]:
    """What a model says about rows, as JSON that keeps every bit: numbers as hexadecimal floats."""
    names = [name for name in ("predict", "predict_proba", "transform") if hasattr(model, name)]
    return {name: _plain(getattr(model, name)(X)) for name in names}


def _plain(values: Any) -> Any:
    values = values.toarray() if hasattr(values, "toarray") else values
    return _hex(np.asarray(values).tolist())


def _hex(value: Any) -> Any:
    if isinstance(value, list):
        return [_hex(item) for item in value]
    return value.hex() if isinstance(value, float) else value


def fingerprint() -> dict[str, Any]:
    """What the bits of floating-point results depend on."""
    blas = sorted(f"{pool['internal_api']} {pool.get('architecture')} {pool['version']}" for pool in threadpool_info())
    return {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "machine": platform.machine(), "blas": blas}


def _wraps_estimator(name: str) -> bool:
    from expunge.workspace.tabular.catalogue import (
        wraps_estimator,  # not above: exports are read where a workspace cannot be
    )

    return wraps_estimator(name)
