"""Nearest neighbours and what they cost: forgetting and asking beside scikit-learn's, on Adult, digits and MNIST.

python benchmarks/neighbours.py [name ...]     names of parts: scale, Adult, MNIST, questions, shares, audit

One thread. Forgetting is one record at a time; a refit is scikit-learn's, and ours.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import DATA, duration, in_turn, machine, middle, ratio, seconds, spent, table
from shares import Case, audited, audits, forgotten
from sklearn import neighbors as theirs
from sklearn.datasets import make_classification
from threadpoolctl import threadpool_limits

import expunge
from expunge.audit.inputs import signals_of

HEAD = [
    "set", "n × d", "right: ours", "scikit-learn", "forget one", "the slowest of them", "our refit", "refit / forget",
    "scikit-learn's refit", "ask for one", "scikit-learn", "the first answer after forgetting",
]  # fmt: skip


def scale() -> tuple[Any, Any, Any, Any]:
    """100,000 records of 20 columns."""
    X, y = make_classification(101_000, 20, n_informative=8, random_state=0)
    return X[:100_000], y[:100_000], X[100_000:], y[100_000:]


def adult() -> tuple[Any, Any, Any, Any]:
    """The numeric columns of Adult, scaled, official split."""
    import pandas as pd

    frame = pd.read_csv(DATA / "adult.csv.gz")
    test = (frame["split"] == "test").to_numpy()
    X = frame.select_dtypes("number").to_numpy(float)
    X = (X - X[~test].mean(axis=0)) / X[~test].std(axis=0)
    y = (frame["income"] == ">50K").to_numpy().astype(int)
    return X[~test], y[~test], X[test][:2000], y[test][:2000]


def mnist() -> tuple[Any, Any, Any, Any]:
    """Pictures of digits, by their 784 pixels."""
    with np.load(DATA / "mnist.npz") as held:
        found = [held[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    return _flat(found[0]), found[1], _flat(found[2][:200]), found[3][:200]


def _flat(x: Any) -> Any:
    return x.reshape(len(x), -1).astype(np.float64)


def row(name: str, load: Any) -> list[Any]:
    """Everything about one set."""
    X, y, Xt, yt = load()
    ours, peer = expunge.KNeighborsClassifier(), theirs.KNeighborsClassifier()
    refit = [seconds(partial(ours.fit, X, y)) for _ in range(5)]
    refit_peer = [seconds(partial(peer.fit, X, y)) for _ in range(5)]
    right, right_peer = ours.score(Xt, yt), peer.score(Xt, yt)
    ask, ask_peer = ([seconds(partial(m.predict, Xt[:100])) / 100 for _ in range(5)] for m in (ours, peer))
    ours.forget(0)
    gone = spent(partial(ours.forget, i) for i in range(1, 201))
    first = spent(partial(_after, ours, i, Xt[:1]) for i in range(300, 311))
    return [
        name, f"{len(X):,} × {X.shape[1]}", f"{right:.4f}", f"{right_peer:.4f}", middle(gone), duration(max(gone)),
        middle(refit), f"{statistics.median(refit) / statistics.median(gone):,.0f}", middle(refit_peer), middle(ask),
        middle(ask_peer), middle(first),
    ]  # fmt: skip


def questions() -> str:
    """Processor time of a question among 2,000 at once, which are looked up in boxes, and among 100, which are not."""
    rows = []
    made = np.random.default_rng(0).normal(size=(102_000, 10))
    sets = {"Adult": adult()} | {
        f"made, {d} columns": (made[:100_000, :d], made[:100_000, 0] > 0, made[100_000:, :d], None) for d in (3, 6, 10)
    }
    for name, (X, y, new, _) in sets.items():
        ours = expunge.KNeighborsClassifier().fit(X, y)
        peers = [theirs.KNeighborsClassifier(algorithm=how).fit(X, y) for how in ("kd_tree", "brute")]
        asks = {"many": partial(ours.predict, new), "few": partial(ours.predict, new[:100])}
        asks |= {str(i): partial(peer.predict, new) for i, peer in enumerate(peers)}
        times = in_turn(asks, clock=time.process_time)
        each = [[one / (100 if ask == "few" else len(new)) for one in times[ask]] for ask in asks]
        rows.append([name, f"{len(X):,} × {X.shape[1]}", *map(middle, each), ratio(times["many"], times["0"])])
    head = ["set", "n × d", "2,000 at once", "100 at once", "scikit-learn, k-d tree kept from the fit", "brute force"]
    return table("Nearest neighbours: many questions", [*head, "ours / k-d tree"], rows, f"{machine()}.")


def _after(model: Any, record: int, asked: Any) -> None:
    model.forget(record)
    model.predict(asked)


def shares() -> str:
    """One record, 1 % and 5 % of Adult and of 20,000 pictures; right answers of 1,000 and of 100."""
    cases = []
    for name, load, n in (("Adult", adult, 32_561), ("MNIST", mnist, 20_000)):
        X, y, Xt, yt = load()
        few = slice(len(Xt) // 2)
        cases.append(Case((name,), expunge.KNeighborsClassifier, X[:n], y[:n], partial(_right, Xt[few], yt[few])))
    return forgotten("Nearest neighbours: one record, 1 % and 5 %", ["set"], cases, "right")


def _right(X: Any, y: Any, model: Any) -> str:
    return f"{model.score(X, y):.4f}"


def audit() -> str:
    """A tenth of 4,000 people, and of 1,000 pictures, as a model's probabilities tell of them."""
    rows = []
    for name, load, n in (("Adult", adult, 4_000), ("MNIST", mnist, 1_000)):
        X, y, *_ = load()
        X, y = X[:n], y[:n]
        case = Case((name,), expunge.KNeighborsClassifier, X, y, lambda model: "")
        rows.append(audited(case, partial(_signals, X, y)))
    return audits("Nearest neighbours: audits", ["set"], rows)


def _signals(X: Any, y: Any, model: Any, places: Any) -> Any:
    return signals_of(model.predict_proba(X[places]), y[places], floor=0.1)  # half a vote


def cost(*names: str) -> str:
    """Forgetting and asking beside scikit-learn's, on these sets."""
    rows = [row(name, SETS[name]) for name in names]
    return table("Nearest neighbours: forget and ask", HEAD, rows, f"5 neighbours, uniform weights; {machine()}.")


SETS = {"scale": scale, "Adult": adult, "MNIST": mnist}
PARTS: dict[str, Callable[[], str]] = {
    **{name: partial(cost, name) for name in SETS},
    "questions": questions,
    "shares": shares,
    "audit": audit,
}
SHORT = ("Adult", "shares", "audit")


def main(*names: str) -> str:
    """The tables."""
    with threadpool_limits(1):
        return (
            "\n".join(PARTS[name]() for name in names)
            if names
            else "\n".join([cost(*SETS), questions(), shares(), audit()])
        )


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
