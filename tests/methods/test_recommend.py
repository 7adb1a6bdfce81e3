"""Recommenders: against slow twins by other mathematics, bad input, the workspace, measures by hand."""

from __future__ import annotations

import itertools
import json
import math
import os
import runpy
import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import expunge
from expunge.cli import run as command
from expunge.errors import (
    DuplicateRecordError,
    InvalidDataError,
    InvalidParameterError,
    UnknownRecordError,
    UnsupportedRequestError,
)
from expunge.methods.recommend.histories import Changed
from expunge.methods.recommend.passes import passes
from expunge.recommend import ALS, EASE, ItemKNN, Popularity, ShardedBPR, by_group, ranking

DATA = Path(os.environ.get("EXPUNGE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def visits(n: int = 260, n_users: int = 25, n_items: int = 18, seed: int = 0) -> pd.DataFrame:
    """Interactions of users with tastes, some of them twice, and an item that one user has."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, n_users, size=n)
    items = (users % 3 * 5 + rng.geometric(0.25, size=n)) % n_items
    frame = pd.DataFrame({"user": [f"u{u}" for u in users], "item": [f"i{i:02d}" for i in items]})
    frame["value"] = rng.integers(1, 6, size=n).astype(float)
    frame.loc[0, ["user", "item"]] = "u0", "only"
    return frame


def histories(frame: pd.DataFrame, least: float = 0.0) -> dict[Any, set[Any]]:
    out: dict[Any, set[Any]] = {}
    for user, item, value in zip(frame["user"], frame["item"], frame["value"], strict=True):
        if value >= least:
            out.setdefault(user, set()).add(item)
    return out


def told(model: Any, users: Any = None, k: int = 10) -> dict[Any, list[Any]]:
    return model.recommend(users, k=k).groupby("user", sort=False)["item"].agg(list).to_dict()


# ------------------------------------------------------------------------------------------------ neighbours of items


def similar(frame: pd.DataFrame, k: int, shrinkage: float, least: float) -> dict[Any, list[tuple[Any, float]]]:
    """Lists of neighbours from the sets of users of each item, one pair at a time."""
    having: dict[Any, set[Any]] = {}
    for user, items in histories(frame, least).items():
        for item in items:
            having.setdefault(item, set()).add(user)
    out = {}
    for item, users in having.items():
        near = [
            (-len(users & others) / (math.sqrt(len(users) * len(others)) + shrinkage), other)
            for other, others in having.items()
            if other != item and users & others
        ]
        out[item] = [(other, -minus) for minus, other in sorted(near)[:k]]
    return out


@pytest.mark.parametrize(("k", "shrinkage", "least"), [(3, 0.0, 0.0), (50, 5.0, 3.0)])
def test_neighbours_are_those_of_sets_of_users(k: int, shrinkage: float, least: float) -> None:
    frame = visits()
    model = ItemKNN(n_neighbors=k, shrinkage=shrinkage, least_value=least).fit(frame)
    twin = similar(frame, k, shrinkage, least)
    assert model.neighbours() == {item: [other for other, _ in near] for item, near in sorted(twin.items())}
    for user, known in list(histories(frame, least).items())[:8]:
        scores = {item: sum(s for other, s in near if other in known) for item, near in twin.items()}
        want = sorted((-round(score, 9), item) for item, score in scores.items() if item not in known)
        seen = model.recommend([user], k=100)
        assert [(-round(s, 9), i) for s, i in zip(seen["score"], seen["item"], strict=True)] == want


def test_lists_that_were_kept_up_to_date_are_those_of_a_fresh_fit() -> None:
    """Users and single records, in an order that empties items, with lists made before and kept since."""
    frame = visits(300)
    model = ItemKNN(n_neighbors=4).fit(frame)
    model.neighbours()
    rng = np.random.default_rng(1)
    left = np.arange(len(frame))
    for step in range(8):
        gone = rng.choice(left, size=1 + step, replace=False) if step % 2 else None
        user = frame["user"][left[0]]
        removal = model.forget(gone) if gone is not None else model.forget(subjects=user)
        left = np.setdiff1d(left, gone if gone is not None else np.flatnonzero(frame["user"] == user))
        assert removal.guarantee.kind == "exact"
        rest = frame.iloc[left]
        assert model.neighbours() == {
            item: [other for other, _ in near] for item, near in sorted(similar(rest, 4, 0.0, 0.0).items())
        }
        fresh = ItemKNN(n_neighbors=4).fit(rest, record_ids=left)
        assert model.digest() == fresh.digest()
        assert model.recommend(k=5).equals(fresh.recommend(k=5))


def test_forgetting_a_user_reads_the_records_of_that_user_alone() -> None:
    frame = visits()
    model = ItemKNN().fit(frame)
    mine = int((frame["user"] == "u3").sum())
    assert model.plan(subjects="u3").work_high == model.forget(subjects="u3").work == mine


# ------------------------------------------------------------------------------------------------ weights of items


def fractions_of(frame: pd.DataFrame, ridge: int) -> tuple[list[Any], list[list[Fraction]]]:
    """B of EASE without any rounding: Gauss and Jordan on fractions."""
    sets = list(histories(frame).values())
    items = sorted(set().union(*sets))
    n = len(items)
    rows = [
        [Fraction(sum(a in one and b in one for one in sets) + ridge * (a == b)) for b in items]
        + [Fraction(int(a == b)) for b in items]
        for a in items
    ]
    for i in range(n):
        pivot = rows[i][i]
        rows[i] = [value / pivot for value in rows[i]]
        for j in range(n):
            if j != i and rows[j][i]:
                factor = rows[j][i]
                rows[j] = [value - factor * mine for value, mine in zip(rows[j], rows[i], strict=True)]
    P = [row[n:] for row in rows]
    return items, [[Fraction(0) if i == j else -P[i][j] / P[j][j] for j in range(n)] for i in range(n)]


def weights(model: EASE) -> np.ndarray:
    P = model._solution()["inverse"]
    B = -P / P.diagonal()
    B[np.diag_indices_from(B)] = 0
    return B


def test_weights_are_those_of_fractions() -> None:
    frame = visits(120, n_items=9)
    model = EASE(alpha=2.0).fit(frame)
    model.forget(subjects="u3")
    rest = frame[frame["user"] != "u3"]
    items, B = fractions_of(rest, 2)
    exact = np.array([[float(value) for value in row] for row in B])
    np.testing.assert_allclose(weights(model), exact, rtol=0, atol=1e-12)
    known = histories(rest)["u1"]
    scores = exact[[items.index(item) for item in known]].sum(axis=0)
    best = max((item for item in items if item not in known), key=lambda item: scores[items.index(item)])
    assert model.predict(["u1"]).tolist() == [best]


def test_the_bound_is_above_the_distance_to_fractions_after_every_change() -> None:
    """Users, single records and items go and come back; the first bound, the last one and each between."""
    frame = visits(100, n_items=6)
    model = EASE(alpha=2.0, algorithm="bounded", tol=0.1).fit(frame)
    rng, left = np.random.default_rng(2), np.arange(len(frame))
    worst = 0.0
    for step in range(6):
        gone = rng.choice(left, size=1 + 3 * step, replace=False) if step else np.array([0])  # first an item goes
        removal, before = model.forget(gone), model.error_bound_
        if step % 3 == 2:  # some come back
            model.learn(frame.iloc[gone], record_ids=gone)
            assert model.error_bound_ > before
            gone = gone[:0]
        left = np.setdiff1d(left, gone)
        items, B = fractions_of(frame.iloc[left], 2)
        assert model._catalogue()[0].tolist() == items
        distance = max(
            abs(Fraction(float(ours)) - theirs)
            for mine, row in zip(weights(model), B, strict=True)
            for ours, theirs in zip(mine, row, strict=True)
        )
        assert 0 < distance < model.error_bound_ < 1e-8
        assert (removal.guarantee.kind, removal.guarantee.bound) == ("bounded", 0.1)
        assert float(removal.notes[0].split()[-1]) >= before * 0.99
        worst = max(worst, float(distance))
    assert worst > 1e-17, "the twin sees the rounding"


def test_a_bound_that_cannot_be_kept_is_refused_or_the_inverse_made_anew() -> None:
    frame = visits(120, n_items=9)
    tight = EASE(alpha=2.0, algorithm="bounded", tol=1e-15)
    with pytest.raises(InvalidDataError, match=r"the tolerance is 1\.0e-15"):
        tight.fit(frame)
    model = EASE(alpha=2.0, algorithm="bounded").fit(frame)
    near = EASE(alpha=2.0, algorithm="bounded", tol=model.error_bound_ * 1.02).fit(frame)
    removal = near.forget(subjects="u3")
    assert "made anew" in removal.notes[0]
    fresh = frame[frame["user"] != "u3"]
    again = EASE(**near.get_params()).fit(fresh, record_ids=fresh.index.to_numpy())
    assert np.array_equal(weights(near), weights(again))


def test_an_interrupted_removal_is_finished_once() -> None:
    frame = visits(120, n_items=9)
    model, twin = (EASE(alpha=2.0, algorithm="bounded").fit(frame) for _ in range(2))
    histories_ = [Changed({"i01", "i02"}, {"i01"})]
    steps = model._state().parts["inverse"].changed(histories_, 2.0)
    steps.apply()
    steps.apply()
    twin._state().parts["inverse"].changed(histories_, 2.0).apply()
    assert np.array_equal(weights(model), weights(twin))


# ------------------------------------------------------------------------------------------------ factors


@pytest.mark.parametrize("kind", ["implicit", "explicit"])
def test_factors_are_those_of_weighted_least_squares(kind: str) -> None:
    """Rows scaled by roots of weights, and solved as one stack with its penalty, by an orthogonal factorisation."""
    frame = visits(120, n_items=9)
    part = ALS(n_factors=3, n_sweeps=1, values=kind, alpha=0.7).fit(frame)._state().parts["factors"]
    table = frame.groupby(["user", "item"])["value"].max().unstack()
    assert table.index.tolist() == part["users"].tolist()
    assert table.columns.tolist() == part["items"].tolist()
    R = table.to_numpy()
    there = ~np.isnan(R)
    weight = np.where(there, 1 + 10 * np.nan_to_num(R), 1.0) if kind == "implicit" else there.astype(float)
    target = there.astype(float) if kind == "implicit" else np.where(there, R - part["mean"], 0.0)
    assert part["mean"] == (0.0 if kind == "implicit" else pytest.approx(R[there].mean(), rel=1e-15))
    for j, mine in enumerate(part["of_items"]):  # the second half of the pass, from the users that it found
        root = np.sqrt(weight[:, j])
        penalty = np.sqrt(0.7 * (1 if kind == "implicit" else there[:, j].sum()))
        stack = np.vstack([part["of_users"] * root[:, None], penalty * np.eye(3)])
        want = np.linalg.lstsq(stack, np.append(target[:, j] * root, np.zeros(3)), rcond=None)[0]
        np.testing.assert_allclose(mine, want, rtol=1e-9, atol=1e-12)


def test_a_warm_start_is_nearer_to_a_retrain_than_before_and_says_how_far_it_moved() -> None:
    frame = visits(300)
    given = {"n_factors": 3, "n_sweeps": 30}
    model = ALS(algorithm="warm", warm_sweeps=5, **given).fit(frame)
    fresh = ALS(**given).fit(frame[frame["user"] != "u3"])

    def scores(of: ALS) -> np.ndarray:
        return of.recommend(["u1", "u2"], k=50).sort_values(["user", "item"])["score"].to_numpy()

    before = np.linalg.norm(scores(model) - scores(fresh))
    removal = model.forget(subjects="u3")
    assert removal.guarantee.kind == "empirical"
    assert removal.notes == (f"the last of 5 passes moved the factors by {model.residual_:.1e} of their norm",)
    assert np.linalg.norm(scores(model) - scores(fresh)) < 0.5 * before


# ------------------------------------------------------------------------------------------------ shards


def test_a_user_who_leaves_costs_one_shard_and_the_blend() -> None:
    frame = visits(300)
    given = {"n_shards": 4, "n_factors": 3, "epochs": 2, "n_sampled": 5}
    model = ShardedBPR(**given).fit(frame)
    before = dict(model._state().parts)
    plan, removal = model.plan(subjects="u3"), model.forget(subjects="u3")
    assert removal.touched == plan.touched
    assert len(removal.touched) == 2
    same = {name for name, part in model._state().parts.items() if part is before[name]}
    assert same == set(before) - set(removal.touched)
    assert plan.work_low <= removal.work <= plan.work_high < len(frame)
    fresh = ShardedBPR(**given).fit(rest := frame[frame["user"] != "u3"], record_ids=rest.index.to_numpy())
    assert np.array_equal(model.weights_, fresh.weights_)
    assert model.recommend(k=5).equals(fresh.recommend(k=5))


def test_a_step_is_the_gradient_of_the_ranking_loss() -> None:
    """One batch of one pass, by automatic differentiation of log σ and of the squares that decay."""
    import torch

    from expunge.methods.recommend.bpr import train_items

    rng = np.random.default_rng(0)
    starts, codes = np.array([0, 2, 4, 5]), np.array([0, 3, 1, 2, 4])
    first = rng.normal(size=(6, 3))
    (only,) = passes(7, np.arange(3), np.arange(6), starts, codes, epochs=1, batch_size=99)
    got = train_items(starts, codes, first, [only], lr=0.1, decay=0.01)
    order, against = only.order, only.others[only.order]
    of_user = np.repeat(np.arange(3), np.diff(starts))[order]
    known = [set(codes[a:b].tolist()) for a, b in itertools.pairwise(starts.tolist())]
    V = torch.tensor(first, requires_grad=True)
    U = torch.stack([V[sorted(of)].mean(dim=0) for of in known]).detach()
    squares, moved = torch.full((6,), 1e-6, dtype=torch.float64), torch.zeros_like(V)
    loss_of = []
    for u, i, j in zip(of_user.tolist(), codes[order].tolist(), against.tolist(), strict=True):
        for sign, item in ((1, i), (-1, j)):
            at = V[item]
            other = V[j if sign > 0 else i].detach()
            x = sign * (U[u] @ (at - other))
            loss = torch.nn.functional.logsigmoid(x) * (j not in known[u]) - 0.005 * (at * at).sum()
            loss_of.append((item, torch.autograd.grad(loss, V)[0][item]))
    for item, gradient in loss_of:
        squares[item] += (gradient * gradient).mean()
    for item, gradient in loss_of:
        moved[item] += 0.1 * gradient / squares[item].sqrt()
    np.testing.assert_allclose(got, first + moved.detach().numpy(), atol=1e-6)


def test_an_interaction_that_goes_moves_no_other() -> None:
    """Batches and items set against, told by names: the same for all that are left, in whatever order they come."""
    rng = np.random.default_rng(3)
    told = {(u, i) for u in range(40) for i in rng.choice(30, 5, replace=False).tolist()}

    def drawn(pairs: set[tuple[int, int]], users: list[int]) -> list[dict[tuple[int, int], tuple[int, int]]]:
        items = sorted({i for _, i in pairs})
        histories = [sorted(items.index(i) for u, i in pairs if u == user) for user in users]
        starts, codes = np.cumsum([0, *map(len, histories)]), np.array(list(itertools.chain(*histories)))
        of = [(user, items[i]) for user, history in zip(users, histories, strict=True) for i in history]
        out = []
        for one in passes(5, np.array(users), np.array(items), starts, codes, epochs=2, batch_size=30):
            batch = np.searchsorted(one.cuts[1:], np.argsort(one.order), side="right")
            out.append({of[k]: (int(batch[k]), items[one.others[k]]) for k in range(len(of))})
        return out

    before, gone = drawn(told, list(range(40))), {(u, i) for u, i in told if u in (3, 17)}
    after = drawn(told - gone, [u for u in reversed(range(40)) if u not in (3, 17)])
    for old, new in zip(before, after, strict=True):
        assert {pair: told for pair, told in old.items() if pair not in gone} == new
    assert before[0] != before[1]
    lost = drawn({(u, i) for u, i in told if i != 4}, list(range(40)))
    for old, new in zip(before, lost, strict=True):
        moved = sum(new[pair] != told for pair, told in old.items() if pair[1] != 4 and told[1] != 4)
        assert moved < 0.1 * len(new), "a slot or two are taken over"
    counts = np.array([np.bincount([other for _, other in one.values()], minlength=30) for one in before])
    assert (abs(counts - 200 / 30) < 5 * np.sqrt(200 / 30)).all(), "all items are drawn alike, in each pass"
    assert counts.min() > 0


def test_the_blend_is_the_best_of_its_penalised_likelihood() -> None:
    from scipy.optimize import minimize

    from expunge.methods.recommend.blending import learn_weights, scaled_scores

    rng = np.random.default_rng(1)
    models = [(np.sort(rng.choice(12, 9, replace=False)), rng.normal(size=(9, 3))) for _ in range(3)]
    sample = [
        (np.array([1, 5, 7]), np.array([2, 3]), np.array([8, 9])),
        (np.array([0, 4]), np.array([6]), np.array([10])),
    ]
    X = np.vstack(
        [(s := scaled_scores(models, known, 12))[:, held].T - s[:, others].T for known, held, others in sample]
    )
    want = minimize(lambda a: np.logaddexp(0, -X @ a).sum() + 5.0 * ((a - 1 / 3) ** 2).sum(), np.zeros(3), tol=1e-12).x
    np.testing.assert_allclose(learn_weights(models, sample, 12), np.maximum(want, 0), atol=1e-5)
    places, factors = models[0]
    said = scaled_scores(models, places[:2], 12)[0]
    assert said[places].mean() == pytest.approx(0)
    assert said[places].std() == pytest.approx(1)
    assert np.argsort(said[places]).tolist() == np.argsort(factors @ (factors[0] + factors[1])).tolist()


# ------------------------------------------------------------------------------------------------ what they all do

EVERY = [Popularity(), ItemKNN(n_neighbors=5), EASE(alpha=3.0), ALS(n_factors=3, n_sweeps=2),
         ShardedBPR(n_shards=3, n_factors=3, epochs=2)]  # fmt: skip


@pytest.mark.parametrize("model", EVERY, ids=lambda model: type(model).__name__)
def test_an_item_is_forgotten_as_a_class(model: Any) -> None:
    frame = visits()
    model.fit(frame)
    model.forget(classes=["i03"])
    rest = frame[frame["item"] != "i03"]
    assert model.digest() == type(model)(**model.get_params()).fit(rest, record_ids=rest.index.to_numpy()).digest()
    assert "i03" not in set(model.recommend(k=30)["item"])
    with pytest.raises(UnknownRecordError):
        model.forget(classes=["i03"])


@pytest.mark.parametrize("model", EVERY, ids=lambda model: type(model).__name__)
def test_a_user_without_a_history_is_told_what_is_popular_and_that_it_is(model: Any) -> None:
    frame = visits()
    model.fit(frame)
    model.forget(subjects="u5")
    known, new = model.recommend(["u1", "u5"], k=3).groupby("user", sort=False)
    assert set(known[1]["by"]) == {"history"}
    assert set(new[1]["by"]) == {"popularity"}
    counts = frame[frame["user"] != "u5"].drop_duplicates(["user", "item"])["item"].value_counts()
    best = sorted((-n, item) for item, n in counts.items())[:3]
    assert new[1]["item"].tolist() == [item for _, item in best]
    model.forget(model.record_ids_)
    with pytest.raises(expunge.contract.DormantModelError):
        model.recommend(["u1"])


@pytest.mark.parametrize("model", EVERY, ids=lambda model: type(model).__name__)
def test_nothing_known_is_recommended_and_batches_say_the_same(model: Any) -> None:
    frame = visits()
    model.fit(frame)
    whole = model.recommend(k=4)
    assert not set(zip(whole["user"], whole["item"], strict=True)) & set(zip(frame["user"], frame["item"], strict=True))
    pieces = list(model.recommend_in_batches(k=4, batch_size=7))
    assert len(pieces) == 4
    assert pd.concat(pieces, ignore_index=True).equals(whole)
    assert model.predict(frame[["user"]])[:5].tolist() == [told(model)[user][0] for user in frame["user"][:5]]


def test_a_matrix_and_its_frame_are_one() -> None:
    frame = visits().drop_duplicates(["user", "item"])
    users, items = sorted(set(frame["user"])), sorted(set(frame["item"]))
    at = ([users.index(u) for u in frame["user"]], [items.index(i) for i in frame["item"]])
    matrix = sparse.coo_array((frame["value"], at), shape=(len(users), len(items)))
    model = ItemKNN().fit(matrix, subject_ids=users)
    names = dict(enumerate(items))
    assert {u: [names[i] for i in of] for u, of in told(model).items()} == told(ItemKNN().fit(frame), users)
    assert Popularity().fit(matrix).forget(subjects=3).n_forgotten == (np.array(at[0]) == 3).sum()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rating": 1.0}, "no column 'rating'"),
        ({"value": np.nan}, "NaN or infinity"),
        ({"value": "five"}, "no number"),
        ({"user": None}, "no user"),
        ({"item": None}, "no item"),
    ],
)
def test_bad_interactions_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidDataError, match=words):
        Popularity().fit(visits().assign(**change))


def test_bad_requests_are_refused_and_nothing_changes() -> None:
    model = ItemKNN().fit(visits())
    before = model.digest()
    for request, error in (
        ({"subjects": "nobody"}, UnknownRecordError), ({"classes": ["nothing"]}, UnknownRecordError),
        ({"features": ["value"]}, UnsupportedRequestError), ({"record_ids": [1, 1]}, DuplicateRecordError),
    ):  # fmt: skip
        with pytest.raises(error):
            model.forget(**request)
    with pytest.raises(UnsupportedRequestError, match="training rows"):
        model.export("never")
    for wrong in ({"k": 0}, {"k": True}):
        with pytest.raises(InvalidParameterError):
            model.recommend(["u1"], **wrong)
    with pytest.raises(InvalidDataError, match="frame or as a sparse matrix"):
        model.fit(np.zeros((3, 2)))
    with pytest.raises(InvalidParameterError, match="n_neighbors"):
        ItemKNN(n_neighbors=0).fit(visits())
    assert model.digest() == before


def test_an_interaction_that_is_there_twice_counts_once_until_both_are_gone() -> None:
    frame = pd.DataFrame({"user": [1, 1, 1, 2], "item": [7, 7, 8, 7]})
    model, once = ItemKNN().fit(frame), ItemKNN().fit(frame.iloc[[1, 2, 3]], record_ids=[1, 2, 3])
    model.forget(0)
    assert model.digest() == once.digest()
    assert model.neighbours() == {7: [8], 8: [7]}
    model.forget(1)
    assert model.neighbours() == {7: [], 8: []}


# ------------------------------------------------------------------------------------------------ measures


def test_measures_by_hand() -> None:
    lists = pd.DataFrame({"user": list("aaabbb"), "item": [1, 2, 3, 4, 5, 6]})
    held = pd.DataFrame({"user": ["a", "a", "b", "c"], "item": [2, 9, 7, 1]})
    got = ranking(lists, held, k=3)
    assert got.index.tolist() == ["a", "b", "c"]
    ideal = 1 + 1 / math.log2(3)
    assert got.loc["a"].tolist() == pytest.approx([(1 / math.log2(3)) / ideal, 0.5, 0.5])
    assert got.loc["b"].tolist() == got.loc["c"].tolist() == [0.0, 0.0, 0.0]
    assert ranking(lists, held, k=1).loc["a"].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(InvalidDataError, match="held out"):
        ranking(lists, held.iloc[:0])
    groups = by_group(got, {"a": "x", "b": "y", "c": "y"})
    assert groups.loc["y", "gap_recall"] == pytest.approx(-0.5)
    assert groups["users"].tolist() == [1, 2]


# ------------------------------------------------------------------------------------------------ the workspace


def test_a_workspace_forgets_a_user_and_an_item_with_receipts(tmp_path: Path, capsys: Any) -> None:
    frame = visits().rename_axis("id").reset_index().astype({"id": str})
    frame["user"] = frame["user"].str[1:]  # codes that look like numbers stay texts
    frame.to_csv(tmp_path / "seen.csv", index=False)
    work = f"--workspace {tmp_path / 'w'}"

    def run(line: str) -> dict[str, Any]:
        assert command(shlex.split(line)) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    run(f"init {tmp_path / 'w'} --json")
    run(f"data add {tmp_path / 'seen.csv'} --record-id id --subject-id user --json {work}")
    run(f"fit near --data seen --target item --method item-knn --option n_neighbors=5 --json {work}")
    run(f"fit most --data seen --target item --method popularity --json {work}")
    for asked, left in (("--subject 3", frame["user"] != "3"), ("--class i03", frame["item"] != "i03")):
        answer = run(f"forget {asked} --json {work}")["requests"][0]
        assert {model["guarantee"]["kind"] for model in answer["models"]} == {"exact"}
        run(f"verify {answer['receipt']} --json {work}")
        frame = frame[left.loc[frame.index]]
    frame.to_csv(tmp_path / "left.csv", index=False)
    out = tmp_path / "told.csv"
    run(f"predict near --data {tmp_path / 'left.csv'} --out {out} --json {work}")
    fresh = ItemKNN(n_neighbors=5).fit(frame[["user", "item", "value"]])
    assert pd.read_csv(out)["prediction"].tolist() == fresh.predict(frame[["user"]]).tolist()


def test_the_example_runs(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["forget_a_taste.py"])
    path = Path(__file__).parents[2] / "examples" / "forget_a_taste.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    runpy.run_path(str(path), run_name="__main__")
    assert "each weight within" in capsys.readouterr().out
