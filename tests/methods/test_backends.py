"""Shards train on any joblib backend, a Dask cluster say, and the bits stay the same."""

from __future__ import annotations

import joblib
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import expunge


def test_a_dask_cluster_gives_the_same_bits() -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    X, y = load_iris(return_X_y=True)
    model = expunge.SISAClassifier(LogisticRegression(max_iter=300), n_shards=4, n_jobs=2)
    here = model.fit(X, y).digest()
    # Within this process: nothing listens on any address.
    cluster = distributed.Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None)
    with cluster, joblib.parallel_config(backend="dask"):
        assert model.fit(X, y).digest() == here
        model.forget([1, 60, 120])
    keep = [i for i in range(len(y)) if i not in (1, 60, 120)]
    fresh = expunge.SISAClassifier(LogisticRegression(max_iter=300), n_shards=4).fit(X[keep], y[keep], record_ids=keep)
    assert model.digest() == fresh.digest()
