"""k-means that forgets beside scikit-learn's: how tight the groups are, and what it costs to forget.

python benchmarks/clusters.py [name ...]     names of parts: made, Adult, MNIST, shares, audit

One thread, processor time, ten clusters, ten seeds. Forgetting is one record at a time, 1,000 of them drawn at random
(400 of MNIST): the mean counts, for a few of them cost much more than the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import duration, machine, spent, table
from neighbours import adult, mnist
from shares import Case, audited, audits, forgotten
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

import expunge

HEAD = ["set", "n × d", "inertia / scikit-learn's", "forget one: mean", "median", "searched again", "all read again",
        "our refit", "refit / forget", "scikit-learn's refit", "refit / forget"]  # fmt: skip


def made() -> tuple[Any, ...]:
    """300,000 records of 20 columns, some of which say what the others do."""
    from sklearn.datasets import make_classification

    return tuple(make_classification(300_000, 20, n_informative=8, random_state=0))


SETS: dict[str, tuple[Callable[[], tuple[Any, ...]], int, int]] = {
    "made": (made, 300_000, 1000), "Adult": (adult, 32_561, 1000), "MNIST": (mnist, 20_000, 400),
}  # fmt: skip


def row(name: str) -> list[Any]:
    """Everything about one set."""
    load, n, n_gone = SETS[name]
    X = load()[0][:n]
    expunge.KMeans(n_clusters=10).fit(X[:2000])
    ours = [expunge.KMeans(n_clusters=10, seed=seed) for seed in range(10)]
    peers = [KMeans(10, random_state=seed) for seed in range(10)]
    refit, refit_peer = (float(np.median(spent(partial(m.fit, X) for m in models))) for models in (ours, peers))
    tight = np.mean([-model.score(X) for model in ours]) / np.mean([peer.inertia_ for peer in peers])
    work: list[int] = []
    drawn = np.random.default_rng(0).choice(n, n_gone, replace=False).tolist()
    ours[0].forget(drawn[0])
    gone = spent(partial(_forget, ours[i % 10], record, work) for i, record in enumerate(drawn[1:], start=1))
    counted, mean = np.array(work), float(np.mean(gone))
    return [
        name, f"{n:,} × {X.shape[1]}", f"{tight:.3f}", duration(mean), duration(float(np.median(gone))),
        f"{(counted > 1).mean():.1%}", f"{(counted > 2000).mean():.1%}", duration(refit), f"{refit / mean:.0f}",
        duration(refit_peer), f"{refit_peer / mean:.0f}",
    ]  # fmt: skip


def _forget(model: Any, record: int, work: list[int]) -> None:
    work.append(model.forget(record).work)


def shares() -> str:
    """One record, 1 % and 5 % of Adult and of 20,000 pictures; inertia of all records, of each."""
    cases = []
    for name in ("Adult", "MNIST"):
        load, n, _ = SETS[name]
        X = load()[0][:n]
        cases.append(Case((name,), partial(expunge.KMeans, n_clusters=10), X, None, partial(_tight, X)))
    return forgotten("k-means: one record, 1 % and 5 %", ["set"], cases, "inertia of a record")


def _tight(X: Any, model: Any) -> str:
    return f"{-model.score(X) / len(X):.6g}"


def audit() -> str:
    """A tenth of 2,000 people, and of 1,000 pictures, by how near each is to a centre; the search looks at all."""
    rows = []
    for name, n in (("Adult", 2_000), ("MNIST", 1_000)):
        X = SETS[name][0]()[0][:n]
        case = Case((name,), partial(expunge.KMeans, n_clusters=10, max_samples=n), X, None, lambda model: "")
        rows.append(audited(case, partial(_nearness, X)))
    return audits("k-means: audits", ["set"], rows)


def _nearness(X: Any, model: Any, places: Any) -> Any:
    return {"logit": -(model.transform(X[places]).min(axis=1) ** 2)}


def cost(*names: str) -> str:
    """Forgetting beside refits, on these sets."""
    return table("k-means: forget", HEAD, [row(name) for name in names], f"{machine()}.")


PARTS: dict[str, Callable[[], str]] = {**{name: partial(cost, name) for name in SETS}, "shares": shares, "audit": audit}
SHORT = ("Adult", "shares", "audit")


def main(*names: str) -> str:
    """The tables."""
    with threadpool_limits(1):
        return "\n".join(PARTS[name]() for name in names) if names else "\n".join([cost(*SETS), shares(), audit()])


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
