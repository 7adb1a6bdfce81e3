"""Detectors of anomalies: as good as scikit-learn's, what it costs to forget, and what a repair is worth.

python benchmarks/anomaly.py [quality | cost | repair | shares | audit ...]

Sets of ADBench. Quality: means over ten splits, 70 % of the records for training; columns between 0 and 1. HBOS is set
against PyOD's if that is installed, else against the same formula in NumPy. Times are processor time of one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import duration, machine, spent, table
from real_tables import folder
from shares import Case, audited, audits, forgotten
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits

import expunge
from expunge.anomaly import repair

SETS = ("breastw", "pima", "cardio", "thyroid", "annthyroid", "pendigits", "satellite", "spambase", "musk")
SEEDS = range(10)
OURS: dict[str, Callable[[int], Any]] = {
    "Gaussian": lambda seed: expunge.GaussianDetector(seed=seed),
    "components": lambda seed: expunge.PCADetector(seed=seed),
    "histogram": lambda seed: expunge.HistogramDetector(seed=seed),
    "neighbours": lambda seed: expunge.NeighborDetector(seed=seed),
    "local factor": lambda seed: expunge.LocalOutlierFactor(seed=seed),
    "isolation": lambda seed: expunge.IsolationForest(seed=seed),
}


def load(name: str) -> tuple[Any, Any]:
    """Rows, and 1 for anomalies."""
    held = np.load(folder() / f"adbench_{name}.npz")
    return held["X"].astype(np.float64), held["y"].astype(int)


# -------------------------------------------------------------------------------------------------------------- quality


def _gaussian(X: Any, new: Any, seed: int) -> Any:
    return EmpiricalCovariance().fit(X).mahalanobis(new)


def _components(X: Any, new: Any, seed: int) -> Any:
    scale = StandardScaler().fit(X)
    Z, asked = scale.transform(X), scale.transform(new)
    told = PCA().fit(Z).explained_variance_ratio_
    peer = PCA(min(int((np.cumsum(told) <= 0.9).sum()) + 1, X.shape[1] - 1)).fit(Z)
    return ((asked - peer.inverse_transform(peer.transform(asked))) ** 2).sum(axis=1)


def _histogram(X: Any, new: Any, seed: int) -> Any:
    try:
        from pyod.models.hbos import HBOS
    except ImportError:
        out = np.zeros(len(new))
        for column, asked in zip(X.T, new.T, strict=True):
            density, edges = np.histogram(column, bins=10, density=True)
            at = np.clip(np.searchsorted(edges, asked, side="right") - 1, 0, 9)
            out -= np.log2(np.where((asked < edges[0]) | (asked > edges[-1]), 0.0, density[at]) + 0.1)
        return out
    return HBOS().fit(X).decision_function(new)


def _neighbours(X: Any, new: Any, seed: int) -> Any:
    return NearestNeighbors(n_neighbors=5).fit(X).kneighbors(new)[0][:, -1]


def _factor(X: Any, new: Any, seed: int) -> Any:
    return -LocalOutlierFactor(20, novelty=True).fit(X).score_samples(new)


def _isolation(X: Any, new: Any, seed: int) -> Any:
    return -IsolationForest(random_state=seed).fit(X).score_samples(new)


PEERS = dict(zip(OURS, (_gaussian, _components, _histogram, _neighbours, _factor, _isolation), strict=True))


def split(name: str, seed: int) -> tuple[Any, Any, Any]:
    """Rows to learn from and to be asked about, between 0 and 1, and which of the latter are anomalies."""
    X, y = load(name)
    X, new, _, truth = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    scale = MinMaxScaler().fit(X)
    return scale.transform(X), scale.transform(new), truth


def quality() -> str:
    """Areas under the curve beside those of the peers."""
    rows, worst = [], dict.fromkeys(OURS, 0.0)
    for name in SETS:
        found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in OURS}
        for seed in SEEDS:
            X, new, truth = split(name, seed)
            for kind, make in OURS.items():
                ours = roc_auc_score(truth, -make(seed).fit(X).score_samples(new))
                found[kind].append((ours, roc_auc_score(truth, PEERS[kind](X, new, seed))))
        means = {kind: np.mean(pairs, axis=0) for kind, pairs in found.items()}
        worst = {kind: max(worst[kind], abs(float(a - b))) for kind, (a, b) in means.items()}
        rows.append([name, *(f"{a:.3f} / {b:.3f}" for a, b in means.values())])
        print(rows[-1], file=sys.stderr, flush=True)
    rows.append(["**largest difference**", *(f"{value:.4f}" for value in worst.values())])
    return table("Area under the curve: ours / theirs", ["set", *OURS], rows, f"Mean of ten splits. {machine()}.")


# ----------------------------------------------------------------------------------------------------------------- cost


def cost() -> str:
    """One removal after another from 100,000 records."""
    X = np.random.default_rng(0).normal(size=(100_000, 6))
    X[:, 3:] += X[:, :3]
    rows = []
    extra = {
        "Gaussian, contamination=0.1": expunge.GaussianDetector(contamination=0.1),
        "histogram, contamination=0.1": expunge.HistogramDetector(contamination=0.1),
    }
    for name, model in {**{kind: make(0) for kind, make in OURS.items()}, **extra}.items():
        model.fit(X[:3000])  # enough that all that is compiled is compiled before
        fit = spent([partial(model.fit, X)])[0]
        model.forget(0)
        model.learn(X[:1], record_ids=[0])
        model.score_samples(X[:1])
        work: list[int] = []
        plans = [model.plan(i) for i in range(1, 4)]
        gone = spent([partial(_forget, model, i, work) for i in range(1, 101)])
        first = spent([partial(model.score_samples, X[:1])])[0]
        rows.append(
            [name, duration(fit), duration(float(np.median(gone))), duration(max(gone)),
             f"{np.mean(np.array(work) > 1000):.0%}", f"{plans[0].work_low:,} to {plans[0].work_high:,}",
             f"{fit / np.median(gone):,.0f}", duration(first)]
        )  # fmt: skip
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["detector", "fit", "forget one: median", "slowest of 100", "all read again", "a plan says (records)",
            "fit / forget", "the first answer after it"]  # fmt: skip
    return table("Forgetting one of 100,000 records of 6 columns", head, rows, f"{machine()}.")


def _forget(model: Any, record: int, work: list[int]) -> None:
    work.append(model.forget(record).work)


# --------------------------------------------------------------------------------------------------------------- repair


def planted(kind: str, X: Any, new: Any, truth: Any, seed: int) -> Any:
    """Records that do harm: noise whose columns do not belong together, or copies of attacks to come, a little off."""
    rng = np.random.default_rng(seed)
    n = max(20, len(X) // 20)
    if kind == "noise":
        return np.column_stack([rng.choice(column, n) for column in X.T])
    attacks = new[truth == 1]
    return attacks[rng.integers(0, len(attacks), n)] + 0.01 * rng.normal(size=(n, X.shape[1]))


def repaired(name: str, kind: str, make: Callable[[int], Any]) -> list[float]:
    """Areas: clean, planted, after the repair, after the proposals too; and the share of planted ones in these."""
    out = []
    for seed in range(3):
        X, new, truth = split(name, seed)
        bad = planted(kind, X, new, truth, seed)
        model = make(seed).fit(np.vstack([X, bad]))
        look = {"area": lambda m, new=new, truth=truth: float(roc_auc_score(truth, -m.score_samples(new)))}
        names = list(range(len(X), len(X) + len(bad)))
        done = repair(model, names[: len(names) * 4 // 5], measure=look, n_proposed=10)
        proposed = [one.record_id for one in done.proposed]
        hit = float(np.mean([one >= len(X) for one in proposed])) if proposed else 0.0
        model.forget(names[len(names) * 4 // 5 :])
        fresh = make(seed).fit(X)
        assert model.digest() == fresh.digest()
        out.append([look["area"](fresh), *done.measures["area"], hit, len(proposed)])
    return [float(value) for value in np.mean(out, axis=0)]


def repairs() -> str:
    """What planted records cost, and what forgetting them gives back."""
    rows = []
    for name in ("cardio", "thyroid", "pendigits"):
        for kind in ("noise", "attack"):
            for detector, make in OURS.items():
                clean, before, after, hit, n = repaired(name, kind, make)
                rows.append(
                    [name, kind, detector, f"{clean:.3f}", f"{before:.3f}", f"{after:.3f}", f"{hit:.0%} of {n:.0f}"]
                )
                print(rows[-1], file=sys.stderr, flush=True)
    head = [
        "set",
        "planted",
        "detector",
        "area without them",
        "with them",
        "four fifths forgotten",
        "planted among the proposed",
    ]
    return table("Repair", head, rows, f"Mean of three splits; 5 % planted, four fifths of them reported. {machine()}.")


# --------------------------------------------------------------------------------------------- shares of the records


def shares() -> str:
    """One record, 1 % and 5 % of two sets; the area under the curve of records that were not learned."""
    cases = []
    for name in ("cardio", "pendigits"):
        X, new, truth = split(name, 0)
        cases += [
            Case((name, kind), partial(make, 0), X, None, partial(_area, new, truth)) for kind, make in OURS.items()
        ]
    return forgotten("Detectors: one record, 1 % and 5 %", ["set", "detector"], cases, "area")


def _area(new: Any, truth: Any, model: Any) -> str:
    return f"{roc_auc_score(truth, -model.score_samples(new)):.4f}"


def audit() -> str:
    """A tenth of the records of cardio, by how normal each looks."""
    X = MinMaxScaler().fit_transform(load("cardio")[0])
    rows = []
    for kind, make in OURS.items():
        rows.append(
            audited(Case(("cardio", kind), partial(make, 0), X, None, lambda model: ""), partial(_normality, X))
        )
        print(rows[-1], file=sys.stderr, flush=True)
    return audits("Detectors: audits", ["set", "detector"], rows)


def _normality(X: Any, model: Any, places: Any) -> Any:
    return {"logit": np.asarray(model.score_samples(X[places]), dtype=np.float64)}


PARTS = {"quality": quality, "cost": cost, "repair": repairs, "shares": shares, "audit": audit}
SHORT = ("shares",)


def main(*names: str) -> str:
    """The tables."""
    with threadpool_limits(1):
        return "\n".join(PARTS[name]() for name in names or PARTS)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
