"""A tree of a forest in plain Python: the definition of ``docs/methods/forests.md``, line by line."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from expunge.seeds import uniform64

M = 2**64 - 1
LEFT, RIGHT, GOLD = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD1B54A32D192ED03


def mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & M
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & M
    return z ^ (z >> 31)


def tree_of(model: Any, records: list[dict[str, Any]], t: int) -> list[tuple[Any, ...]]:
    """Nodes of tree ``t`` from the root on, left child first: feature, threshold, records, weights of the classes (or
    weight and sum of the targets). A record has an id, values x (floats, texts or None), a target y and a weight w."""
    hashes = hashes_of(model.seed, "order", [r["id"] for r in records])
    T = getattr(model, "n_estimators", 1)
    keys = {p: hashes_of(model.seed, f"tree {p}", list(range(T))) for p in ("order", "members", "root")}
    enters = math.ceil(round(getattr(model, "share", 1.0) * T, 9))
    inside = []
    for h, r in zip(hashes, records, strict=True):
        own = sorted(mix(h + key & M) for key in keys["members"])
        if mix(h + keys["members"][t] & M) <= own[enters - 1]:
            inside.append((mix(h + keys["order"][t] & M), str(r["id"]), r))
    return node_of(model, sorted(inside, key=lambda item: item[:2]), keys["root"][t], 0)


def hashes_of(seed: int, purpose: str, ids: list[Any]) -> list[int]:
    array = np.array(ids, dtype=np.int64) if isinstance(ids[0], int) else np.array(ids, dtype=object)
    return [int(h) for h in uniform64(seed, purpose, array)]


def node_of(model: Any, items: list[Any], key: int, depth: int) -> list[tuple[Any, ...]]:
    records = [r for _, _, r in items]
    sums = sums_of(records)
    leaf = [(-1, None, len(records), sums)]
    is_pure = isinstance(sums, dict) and sum(w > 0 for w in sums.values()) < 2
    too_deep = model.max_depth is not None and depth >= model.max_depth
    if len(records) < model.min_samples_split or too_deep or is_pure:
        return leaf
    shift, size = 0, max(384, 8 * model.min_samples_leaf)
    while len(records) >> shift >= 2 * size:
        shift += 1
    scored = [r for h, _, r in items if h < 2 ** (64 - shift)]
    split = split_of(model, scored, key, depth)
    if split is None:
        return leaf
    sides = [[i for i in items if is_left(i[2], split) == side] for side in (True, False)]
    below = [node_of(model, s, mix(key + k & M), depth + 1) for s, k in zip(sides, (LEFT, RIGHT), strict=True)]
    return [(*split, len(records), sums), *below[0], *below[1]]


def sums_of(records: list[Any]) -> Any:
    if records and isinstance(records[0]["y"], float):
        return sum(r["w"] for r in records), sum(r["w"] * Fraction(r["y"]) for r in records)
    return {y: sum(r["w"] for r in records if r["y"] == y) for y in sorted({r["y"] for r in records})}


def is_left(record: dict[str, Any], split: tuple[int, Any]) -> bool:
    x, value = record["x"][split[0]], split[1]
    if value is None or x is None or isinstance(value, str):
        return bool(x == value)
    return bool(x <= value)


def split_of(model: Any, scored: list[Any], key: int, depth: int) -> tuple[int, Any] | None:
    d = len(scored[0]["x"]) if scored else 0
    m, order = group_of(model.max_features, d), list(range(d))
    for i in range(d):
        j = i + ((mix(key + (i + 1) * GOLD & M) >> 32) * (d - i) >> 32)
        order[i], order[j] = order[j], order[i]
    for start in range(0, d, m):
        best, highest = None, -1.0
        for feature in order[start : start + m]:
            for value in thresholds_of(model, scored, feature):
                split = feature, value
                score = score_of(model, [r for r in scored if is_left(r, split)], scored)
                if score is not None and score > highest:
                    if depth < model.random_top:
                        return split
                    best, highest = split, score
        if best is not None:
            return best
    return None


def thresholds_of(model: Any, scored: list[Any], feature: int) -> list[Any]:
    """The first different values of a feature among the first records; None for a missing one."""
    is_category = any(isinstance(r["x"][feature], str) for r in scored)
    values = [r["x"][feature] for r in scored[: 4 * model.n_thresholds]]
    return list(dict.fromkeys(values))[: model.n_thresholds * (2 if is_category else 1)]


def score_of(model: Any, left: list[Any], scored: list[Any]) -> float | None:
    right = [r for r in scored if all(r is not other for other in left)]
    if min(len(left), len(right)) < model.min_samples_leaf:
        return None
    a, b = sums_of(left), sums_of(right)
    if isinstance(a, dict):
        weights = model.class_weight or {}
        parts = [[float(w) * weights.get(y, 1.0) for y, w in side.items()] for side in (a, b)]
        if not all(sum(part) > 0 for part in parts):
            return None
        return sum(sum(w * w for w in part) / sum(part) for part in parts)
    if not (a[0] > 0 and b[0] > 0):
        return None
    gap = float(a[1] / a[0]) - float(b[1] / b[0])
    if abs(gap) <= 4e-15 * max(abs(float(a[1] / a[0])), abs(float(b[1] / b[0]))):
        return None
    return float(a[0]) * float(b[0]) / float(a[0] + b[0]) * gap * gap


def group_of(max_features: Any, d: int) -> int:
    if isinstance(max_features, float):
        return max(1, int(max_features * d))
    return {"sqrt": max(1, round(d**0.5)), None: d}.get(max_features, max_features)
