"""Forests against scikit-learn's: fit, forgetting with its floor, prediction, memory; forgetting from 10k to 10M rows.

python benchmarks/forest.py                    the short part, printed
python benchmarks/forest.py --full             what is not in build/forest.jsonl yet, in pieces of a few minutes
python benchmarks/forest.py --full --only curve/10000000
python benchmarks/forest.py --again --only speed/100000    ours anew; of scikit-learn's forest what was measured stays
python benchmarks/forest.py --list             the pieces
python benchmarks/forest.py --page             tables and picture of what was measured, into docs/methods/forests.md

100 trees, 20 features, one thread unless --threads says otherwise; the quality is in forest_quality.py.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forest_page import PAGE, picture, speed_tables
from measure import machine
from pieces import Memory, do, put, read, timed, times
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder

import expunge

LINES = Path(__file__).resolve().parents[1] / "build" / "forest.jsonl"
SEEDS, THEIRS_SEEDS_AT = 5, {500_000: 1}
SIZES, DEPTHS = (10_000, 100_000, 500_000), (10, 20)
ARGUMENTS = ("4,5", "6,2", "8,2", "8,1", "14,1", "20,1", "4,3")  # max_features, n_thresholds
CURVE = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)


def pieces() -> list[str]:
    """Names of all pieces, short ones first: kind, data, depth, and seed or whose."""
    speed = [f"speed/{data}/{depth}/{seed}" for data in ("10000", "adult", "100000", "500000") for depth in DEPTHS
             for seed in range(SEEDS)]  # fmt: skip
    memory = [f"memory/{data}/{depth}/{whose}" for data in ("10000", "adult", "100000", "500000") for depth in DEPTHS
              for whose in ("ours", "theirs")]  # fmt: skip
    arguments = [f"arguments/100000/10/{numbers}" for numbers in ARGUMENTS]
    return ["first/10000/10", *speed, *memory, *arguments, *(f"curve/{n}/10" for n in CURVE)]


# ---------------------------------------------------------------------------------------------------------------- data


def made(n: int, n_test: int = 20_000) -> tuple[Any, Any, Any, Any]:
    """A table of 20 features with its test rows."""
    X, y = make_classification(
        n + n_test, 20, n_informative=8, n_redundant=4, n_clusters_per_class=4, flip_y=0.02, random_state=0
    )
    return X[:n], y[:n], X[n:], y[n:]


def data_of(name: str) -> dict[str, Any]:
    """Rows as we take them and as scikit-learn does: of Adult raw categories against one-hot columns."""
    if name != "adult":
        X, y, Xt, yt = made(int(name))
        return {"X": X, "y": y, "Xt": Xt, "yt": yt, "plain": X, "plain_t": Xt}
    from real_tables import read as read_table

    real = read_table("Adult")
    X, Xt = real.X[~real.is_test].reset_index(drop=True), real.X[real.is_test].reset_index(drop=True)
    y = (real.y == "yes").astype(int)
    texts = [c for c in X if X[c].dtype == object]
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(X[texts])
    plain, plain_t = (np.hstack([t.drop(columns=texts).to_numpy(float), encoder.transform(t[texts])]) for t in (X, Xt))
    return {"X": X, "y": y[~real.is_test], "Xt": Xt, "yt": y[real.is_test], "plain": plain, "plain_t": plain_t}


# -------------------------------------------------------------------------------------------------------------- pieces


def warm_up() -> None:
    """Kernels compiled, or loaded."""
    X, y, *_ = made(300, 10)
    model = expunge.ForestClassifier(n_estimators=2, max_depth=2).fit(X, y)
    model.forget([0, 1])
    model.rectify(2, X[3:4], y[3:4], digest=True)


def speed(
    data: str, depth: int, seed: int, *, threads: int = 1, deletions: int = 1000, theirs_too: bool = True
) -> dict[str, Any]:
    """One of our forests and one of scikit-learn's; then what it takes to forget, correct and ask."""
    d = data_of(data)
    X, y, n = d["X"], d["y"], len(d["y"])
    out: dict[str, Any] = {"n": n, "depth": depth, "trees": 100}
    warm_up()
    ours = expunge.ForestClassifier(max_depth=depth, seed=seed, n_jobs=threads)
    out["fit"] = timed(partial(ours.fit, X, y))
    out["auc"] = roc_auc_score(d["yt"], ours.predict_proba(d["Xt"])[:, 1])
    out["ask"] = min(timed(partial(ours.predict_proba, d["Xt"])) for _ in range(5))
    if theirs_too and seed < THEIRS_SEEDS_AT.get(n, SEEDS):
        theirs = RandomForestClassifier(100, max_depth=depth, random_state=seed, n_jobs=threads)
        out["their_fit"] = timed(partial(theirs.fit, d["plain"], y))
        out["their_auc"] = roc_auc_score(d["yt"], theirs.predict_proba(d["plain_t"])[:, 1])
        out["their_ask"] = min(timed(partial(theirs.predict_proba, d["plain_t"])) for _ in range(5))
    ids = np.random.default_rng(seed).permutation(n)
    single, hashed, batch, wrong = np.split(ids, np.cumsum([min(deletions, n // 20), deletions // 10, n // 100]))
    work: list[int] = []
    out["path"], out["floor"] = floor(ours, X, single[:200])
    out["forget"] = times(lambda i: work.append(ours.forget(i).work), single.tolist())
    out["work"] = [int(np.median(work)), round(float(np.mean(work)))]
    rows = (lambda i: X.iloc[[i]]) if data == "adult" else (lambda i: X[[i]])
    wrong = wrong[: deletions // 5]
    ours.rectify(wrong[:1], rows(wrong[1]), y[wrong[1:2]])  # lookups are made
    pairs = dict(zip(wrong[1:].tolist(), wrong[:-1].tolist(), strict=True))
    out["rectify"] = times(lambda i: ours.rectify(i, rows(pairs[i]), y[[pairs[i]]]), pairs)
    ours.digest()
    out["digest"] = times(lambda i: ours.forget(i, digest=True), hashed.tolist())
    out["batch"] = timed(partial(ours.forget, batch))
    part = expunge.ForestClassifier(max_depth=depth, seed=seed, share=0.1, n_jobs=threads)
    out["part_fit"] = timed(partial(part.fit, X, y))
    out["part_auc"] = roc_auc_score(d["yt"], part.predict_proba(d["Xt"])[:, 1])
    part.forget(single[:1])
    out["part"] = times(part.forget, single[1:].tolist())
    return out


def floor(model: Any, X: Any, rows: Any, n_trees: int = 10) -> tuple[float, float]:
    """Nodes on the paths of a record over all trees, and the time to touch two cache lines for each at random."""
    part = model._state().parts["trees"].plain()
    feature, sizes = part["feature"].tolist(), part["sizes"].tolist()
    leaves = model.apply(X.iloc[rows] if hasattr(X, "iloc") else X[rows])
    lengths, start = [], 0
    for t in range(min(n_trees, len(sizes))):
        depth, waiting = np.zeros(sizes[t], dtype=int), [1]
        for i in range(sizes[t]):  # from the root on, the left child behind its parent
            depth[i] = waiting.pop()
            if feature[start + i] >= 0:
                waiting += [depth[i] + 1] * 2
        lengths.append(1 + depth[leaves[:, t]].mean())
        start += sizes[t]
    nodes = float(np.mean(lengths)) * len(sizes) * getattr(model, "share", 1.0)
    array = np.ones(8 * max(len(feature), 1 << 16), dtype=np.int64)  # written to: zeros would be one page of memory
    at = 8 * np.random.default_rng(0).integers(0, len(array) // 8, size=(50, round(2 * nodes)))
    found = times(lambda i: array.take(at[i]), range(50))  # other places each time: the same ones would be cached
    return nodes, float(np.median(found[0]))


def memory(data: str, depth: int, whose: str) -> dict[str, Any]:
    """What a process takes more when it fits: at the peak, and afterwards."""
    d = data_of(data)
    if whose == "ours":
        warm_up()
        model: Any = expunge.ForestClassifier(max_depth=depth)
        X, y, rows = d["X"], d["y"], d["X"].memory_usage(deep=True).sum() if data == "adult" else d["X"].nbytes
    else:
        made_small = made(300, 10)
        RandomForestClassifier(2).fit(*made_small[:2])
        model = RandomForestClassifier(100, max_depth=depth, random_state=0)
        X, y, rows = d["plain"], d["y"], d["plain"].nbytes
    found = Memory()
    model.fit(X, y)
    return {"n": len(y), "depth": depth, "peak": found.peak(), "held": found.held(), "data": int(rows + y.nbytes)}


def curve(n: int, depth: int, *, trees: int = 100, deletions: int = 1000, **arguments: int) -> dict[str, Any]:
    """A fit of our own, and what it takes to forget a record from it."""
    X, y, Xt, yt = made(n)
    warm_up()
    model, found = expunge.ForestClassifier(n_estimators=trees, max_depth=depth, **arguments), Memory()
    out: dict[str, Any] = {"n": n, "depth": depth, "trees": trees, "fit": timed(partial(model.fit, X, y))}
    out["peak"], out["held"], out["data"] = found.peak(), found.held(), X.nbytes + y.nbytes
    out["auc"] = roc_auc_score(yt, model.predict_proba(Xt)[:, 1])
    work: list[int] = []
    ids = np.random.default_rng(0).permutation(n)[: min(deletions, n // 20)].tolist()
    model.forget(ids[0])
    out["path"], out["floor"] = floor(model, X, ids[:200])
    out["forget"] = times(lambda i: work.append(model.forget(i).work), ids[1:])
    out["work"] = [int(np.median(work)), round(float(np.mean(work)))]
    return out


def first() -> dict[str, Any]:
    """A first fit, removal and question in a fresh process whose kernels are compiled already."""
    X, y, *_ = made(1000, 10)

    def all_three() -> None:
        model = expunge.ForestClassifier(n_estimators=10, max_depth=4).fit(X, y)
        model.forget(3)
        model.predict(X[:2])

    return {"first_all": timed(all_three)}


def measured(piece: str, threads: int, trees: int, deletions: int, *, theirs_too: bool = True) -> dict[str, Any]:
    """The line of one piece."""
    kind, data, *rest = piece.split("/")
    if kind == "speed":
        found = speed(data, int(rest[0]), int(rest[1]), threads=threads, deletions=deletions, theirs_too=theirs_too)
    elif kind == "memory":
        found = memory(data, int(rest[0]), rest[1])
    elif kind == "arguments":
        m, R = map(int, rest[1].split(","))
        found = curve(int(data), int(rest[0]), deletions=deletions, max_features=m, n_thresholds=R)
    elif kind == "curve":
        found = curve(int(data), int(rest[0]), trees=trees, deletions=deletions)
    else:
        found = first()
    return {**found, "threads": threads, "machine": machine()}


def main() -> str:
    parser = argparse.ArgumentParser()
    for name in ("--full", "--again", "--ours", "--list", "--page", "--cpu"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--piece")
    parser.add_argument("--only", default="", help="the pieces below this one, as speed/100000")
    parser.add_argument("--to", type=Path, default=LINES, help="the file of what was measured")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--trees", type=int, default=100, help="of the curve")
    parser.add_argument("--deletions", type=int, default=1000)
    args, _ = parser.parse_known_args()
    if args.piece:
        return json.dumps(measured(args.piece, args.threads, args.trees, args.deletions, theirs_too=not args.ours))
    if args.list:
        return "\n".join(pieces())
    if args.full or args.again:
        numbers = {"--threads": args.threads, "--trees": args.trees, "--deletions": args.deletions}
        arguments = [str(part) for pair in numbers.items() for part in pair]
        if args.again:
            ours = [piece for piece in pieces() if not piece.endswith("theirs")]
            do(__file__, ours, args.to, *arguments, "--ours", only=args.only, again="their_")
        else:
            do(__file__, pieces(), args.to, *arguments, only=args.only)
        return f"In {args.to}; --page makes the tables."
    if args.page:
        lines = read(args.to)
        text = speed_tables(lines, processor=args.cpu) + picture(lines, processor=args.cpu)
        put(PAGE, "speed", text)
        return text
    short = [f"speed/20000/10/{seed}" for seed in range(2)]
    return speed_tables({piece: measured(piece, args.threads, 100, 300) for piece in short}, processor=args.cpu)


if __name__ == "__main__":
    print(main())
