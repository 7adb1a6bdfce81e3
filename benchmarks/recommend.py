"""Recommenders: what forgetting costs beside a refit, how good the lists are, and what is still told of who left.

python benchmarks/recommend.py [name ...]     names of parts: cost, quality, small, shards, factors, groups, attack

MovieLens 1M (implicit, split of RecEraser), 100K (split ua) and latest-small. Processor time, one thread.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, duration, machine, middle, spent, table
from scipy.stats import sem, t
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from expunge.audit.before_after import before_after
from expunge.recommend import ALS, EASE, ItemKNN, Popularity, ShardedBPR, by_group, ranking

K = 10


def million() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Interactions of MovieLens 1M to learn from, and those that were held out."""
    with np.load(DATA / "ml1m_implicit.npz") as held:
        train, test = ({n: held[f"{part}_{n}"].astype(int) for n in ("user", "item")} for part in ("train", "test"))
    return pd.DataFrame(train), pd.DataFrame(test)


def hundred() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings of MovieLens 100K, split ua."""
    frame = pd.read_csv(DATA / "ml100k_ratings.csv.gz").rename(columns={"rating": "value", "timestamp": "time"})
    test = (frame["split_ua"] == "test").to_numpy()
    frame = frame[["user", "item", "value", "time"]]
    return frame[~test], frame[test]


def small() -> tuple[pd.DataFrame, pd.DataFrame]:
    """MovieLens latest-small without items of fewer than five ratings; the last fifth of each user is held out."""
    frame = pd.read_csv(DATA / "ml_latest_small_ratings.csv.gz").rename(
        columns={"rating": "value", "timestamp": "time"}
    )
    frame = frame[frame.groupby("item")["user"].transform("size") >= 5].sort_values(["user", "time", "item"])
    late = frame.groupby("user").cumcount() >= 0.8 * frame.groupby("user")["item"].transform("size")
    return frame[~late], frame[late]


def left(frame: pd.DataFrame, gone: Any) -> pd.DataFrame:
    """What is left without some users."""
    return frame[~frame["user"].isin(gone)]


def some(frame: pd.DataFrame, share: float, seed: int = 0) -> list[int]:
    """Users by chance."""
    users = np.unique(frame["user"])
    return np.random.default_rng(seed).choice(users, max(1, round(share * len(users))), replace=False).tolist()


def ready(model: Any, at: Any = None) -> Any:
    """The model with everything made that the next recommendation reads."""
    model.predict([0] if at is None else at)
    return model


def fitted(make: Callable[[], Any], frame: pd.DataFrame) -> Any:
    return ready(make().fit(frame, record_ids=frame.index.to_numpy()))


def forgotten(model: Any, users: Any) -> Any:
    model.forget(subjects=users)
    return ready(model)


METHODS: dict[str, Callable[[], Any]] = {
    "Popularity": Popularity,
    "ItemKNN": ItemKNN,
    "EASE, exact": EASE,
    "EASE, bounded": partial(EASE, algorithm="bounded"),
}


def cost() -> str:
    """One user, 1 % and 5 % of the users of MovieLens 1M, with lists or weights made for the next recommendation."""
    frame, _ = million()
    rows = []
    for name, make in METHODS.items():
        fits = spent(partial(fitted, make, frame) for _ in range(5))
        model = fitted(make, frame)
        model.forget(subjects=some(frame, 0, seed=99))  # the slots of each user are looked up once
        single = [u for u in some(frame, 0.004, seed=1) if u in set(frame["user"]) - set(some(frame, 0, seed=99))][:20]
        if name == "EASE, exact":
            gram = spent(partial(model.forget, subjects=user) for user in single[:5])
            solve = []
            for user in single[5:10]:
                model.forget(subjects=user)
                solve += spent([partial(ready, model)])
            one = [a + b for a, b in zip(gram, solve, strict=True)]
            apart = f"{middle(gram)} and {middle(solve)}"
        else:
            one, apart = spent(partial(forgotten, model, user) for user in single), "—"
        many = []
        for share in (0.01, 0.05):
            model = fitted(make, frame)
            many += spent([partial(forgotten, model, some(frame, share))])
        fresh = fitted(make, left(frame, some(frame, 0.05)))
        rows.append(
            [
                name, middle(fits), middle(one), f"{statistics.median(fits) / statistics.median(one):,.0f}", apart,
                *(duration(t) for t in many), _equal(model, fresh),
            ]
        )  # fmt: skip
    head = [
        "method", "fit", "forget a user", "fit / forget", "of that counts and solve", "forget 1 %", "forget 5 %",
        "after 5 %, against a refit",
    ]  # fmt: skip
    return table("MovieLens 1M: cost", head, rows, f"720,152 interactions, 6,040 users; {machine()}.")


def _equal(model: Any, fresh: Any) -> str:
    if model.digest() == fresh.digest():
        return "equal digest, so equal lists"
    ours, theirs = (m.recommend(k=20).groupby("user")["item"].agg(set) for m in (model, fresh))
    same = np.mean([len(a & b) / 20 for a, b in zip(ours, theirs, strict=True)])
    apart = max(abs(_weights(model) - _weights(fresh)).max(), 0.0)
    return f"weights differ by {apart:.1e}, bound {model.error_bound_:.1e}, top 20 overlap {same:.4f}"


def _weights(model: Any) -> Any:
    P = model._solution()["inverse"]
    return P / P.diagonal()


def quality() -> str:
    """NDCG before, after and retrained, where 5 % of the users left; of those who stay."""
    frame, held_out = million()
    gone, rows = some(frame, 0.05), []
    stay, asked = left(held_out, gone), np.unique(left(frame, gone)["user"])
    for name, make in METHODS.items():
        model = fitted(make, frame)
        before = ranking(model.recommend(asked, k=K), stay, k=K).mean()
        after = ranking(forgotten(model, gone).recommend(asked, k=K), stay, k=K).mean()
        again = ranking(fitted(make, left(frame, gone)).recommend(asked, k=K), stay, k=K).mean()
        rows.append(
            [name, *(f"{found[what]:.4f}" for what in ("ndcg", "recall", "mrr") for found in (before, after, again))]
        )
    times = ("before", "after", "retrained")
    head = ["method", *(f"{what}: {when}" for what in ("NDCG", "recall", "MRR") for when in times)]
    return table(f"MovieLens 1M: the first {K}, 5 % of the users gone", head, rows, machine())


def shares() -> str:
    """MovieLens latest-small: one user, 1 % and 5 % of the users gone; of those who stay."""
    frame, held_out = small()
    rows = []
    for name, make in METHODS.items():
        for told, share in (("one user", 0.0), ("1 %", 0.01), ("5 %", 0.05)):
            gone, model = some(frame, share), fitted(make, frame)
            rest, stay = left(frame, gone), left(held_out, gone)
            asked = np.unique(rest["user"])
            before = ranking(model.recommend(asked, k=K), stay, k=K).mean()
            (one,) = spent([partial(forgotten, model, gone)])
            fresh = fitted(make, rest)
            (fit,) = spent([partial(fitted, make, rest)])
            after, again = (ranking(m.recommend(asked, k=K), stay, k=K).mean() for m in (model, fresh))
            ndcg = (f"{found['ndcg']:.4f}" for found in (before, after, again))
            rows.append([name, told, *ndcg, _equal(model, fresh), duration(one), f"{fit / one:.1f}"])
    head = ["method", "gone", "NDCG: before", "after", "refit", "against a refit", "forget", "refit / forget"]
    return table(f"MovieLens latest-small: {len(frame):,} ratings", head, rows, machine())


def shards(*counts: int) -> str:
    """What shards of embeddings cost in quality, and save."""
    frame, held_out = million()
    rows, whole = [], 0.0
    for n in counts or (1, 5, 10, 20):
        model = ShardedBPR(n_shards=n)
        (fit,) = spent([partial(model.fit, frame)])
        ndcg = ranking(model.recommend(k=K), held_out, k=K)["ndcg"].mean()
        whole = whole or ndcg
        model.forget(subjects=some(frame, 0, seed=99))
        one = spent(partial(model.forget, subjects=user) for user in some(frame, 0.004, seed=1)[: 5 if n > 1 else 1])
        loss = f"{100 * (1 - ndcg / whole):.1f} %"
        rows.append([n, duration(fit), middle(one), f"{fit / statistics.median(one):.1f}", f"{ndcg:.4f}", loss])
    head = ["shards", "fit", "forget a user", "fit / forget", f"NDCG@{K}", "loss"]
    return table("MovieLens 1M: embeddings in shards", head, rows, f"10 passes, 32 factors; {machine()}.")


def factors() -> str:
    """ALS: a retrain against a warm start, on MovieLens 100K."""
    frame, held_out = hundred()
    liked, rows = held_out[held_out["value"] >= 4], []
    gone = some(frame, 0.05)
    for values in ("implicit", "explicit"):
        fresh = ALS(values=values, alpha=0.1 if values == "implicit" else 0.05)
        given = fresh.get_params()
        (fit,) = spent([partial(fresh.fit, left(frame, gone))])
        ask = np.unique(left(frame, gone)["user"])
        want = left(liked, gone)
        again = fresh.recommend(ask, k=K)
        for algorithm, passes in (("replay", 10), ("warm", 1), ("warm", 2), ("warm", 5)):
            model = ALS(**{**given, "algorithm": algorithm, "warm_sweeps": passes}).fit(frame)
            (took,) = spent([partial(model.forget, subjects=gone)])
            now = model.recommend(ask, k=K)
            same = np.mean(
                [len(set(a) & set(b)) / K for a, b in zip(_lists(now), _lists(again), strict=True)]
            )  # fmt: skip
            ndcg = ranking(now, want, k=K)["ndcg"].mean()
            rows.append(
                [values, algorithm, passes, duration(took), f"{fit / took:.1f}", f"{model.residual_:.1e}",
                 f"{same:.3f}", f"{ndcg:.4f}"]
            )  # fmt: skip
    head = [
        "values",
        "algorithm",
        "passes",
        "forget 5 %",
        "retrain / forget",
        "residual",
        f"top {K} as the retrain",
        f"NDCG@{K}",
    ]
    return table("MovieLens 100K: factors", head, rows, machine())


def _lists(told: pd.DataFrame) -> list[list[Any]]:
    return told.groupby("user")["item"].agg(list).tolist()


def groups() -> str:
    """NDCG for women and men of MovieLens 100K, before and after 5 % of the users left."""
    frame, held_out = hundred()
    gender = pd.read_csv(DATA / "ml100k_users.csv.gz").set_index("user")["gender"]
    gone, rows = some(frame, 0.05), []
    ask, want = np.unique(left(frame, gone)["user"]), left(held_out, gone)
    for name, make in {"ItemKNN": ItemKNN, "EASE, exact": EASE}.items():
        model = fitted(make, frame)
        for when in ("before", "after"):
            if when == "after":
                forgotten(model, gone)
            found = by_group(ranking(model.recommend(ask, k=K), want, k=K), gender)
            women, men = found.loc["F"], found.loc["M"]
            rows.append(
                [name, when, int(women["users"]), f"{women['ndcg']:.4f}", int(men["users"]), f"{men['ndcg']:.4f}",
                 f"{women['gap_ndcg']:+.4f} ± {women['half_ndcg']:.4f}"]
            )  # fmt: skip
    head = ["method", "when", "women", f"NDCG@{K}", "men", f"NDCG@{K}", "gap"]
    return table("MovieLens 100K: groups", head, rows, machine())


def attack() -> str:
    """Both versions of all lists, before and after one user left: who had the items, as one guesses from the lists.

    The attacker has seen another user leave, and knows that one's items.
    """
    frame, _ = hundred()
    rows = []
    frame = frame.reset_index(drop=True)
    for name, make in {"ItemKNN": ItemKNN, "EASE, exact": EASE}.items():
        aucs: dict[str, list[float]] = {"forget": [], "retrain": [], "nothing": []}
        first = fitted(make, frame)
        for seed in range(8):
            shadow, target = some(frame, 0.0022, seed=seed)[:2]
            items = first._catalogue()[0]
            had = {user: np.isin(items, frame["item"][frame["user"] == user]) for user in (shadow, target)}
            seen = _seen(first, items), _seen(forgotten(fitted(make, frame), shadow), items)
            after = {
                "forget": forgotten(fitted(make, frame), target), "retrain": fitted(make, left(frame, [target])),
                "nothing": first,
            }  # fmt: skip
            for what, model in after.items():
                told = before_after(seen, had[shadow], (seen[0], _seen(model, items)), kind="direct difference")
                aucs[what].append(roc_auc_score(had[target], told))
        half = {what: t.ppf(0.975, len(found) - 1) * sem(found) for what, found in aucs.items()}
        rows.append([name, *(f"{np.mean(found):.3f} ± {half[what]:.3f}" for what, found in aucs.items())])
    head = ["method", "forget", "retrain", "do nothing"]
    return table("MovieLens 100K: which items did the user have who left? AUC of an attack", head, rows, machine())


def _seen(model: Any, items: Any) -> Any:
    """What lists tell of each item: to a user who knows that item alone, the scores of the best ten others."""
    now = model._catalogue()[0]
    at = np.searchsorted(now, items)
    known = (at < len(now)) & (now[np.minimum(at, len(now) - 1)] == items)
    scores = model._scores(np.zeros(int(known.sum()), dtype=object), np.arange(known.sum() + 1), at[known])
    scores[np.arange(len(scores)), at[known]] = -np.inf
    out = np.zeros((len(items), K))
    out[known] = -np.sort(-scores, axis=1)[:, :K]
    return np.nan_to_num(out, neginf=0.0)


PARTS = {
    "cost": cost, "quality": quality, "small": shares, "shards": shards, "factors": factors, "groups": groups,
    "attack": attack,
}  # fmt: skip
SHORT = ("small",)


def main(*names: str) -> str:
    """The tables."""
    if not DATA.exists():
        return "## Recommenders\n\nThe real data sets are not here.\n"
    with threadpool_limits(1):
        return "\n\n".join(PARTS[name]() for name in names or PARTS)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
