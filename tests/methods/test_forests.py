"""Forests against a tree in plain Python, node by node, and against fresh fits after any sequence of changes."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier

import expunge
from expunge.errors import InvalidDataError, InvalidParameterError, TamperedError
from expunge.methods.forest import learned_cells, planting
from expunge.methods.forest.cells import encode, number_of
from expunge.methods.forest.splits import MISSING
from expunge.methods.forest.trees import Trees, TreesPatch
from interruptions import interrupt
from methods.forest_twin import tree_of

FORESTS = {
    "classes": expunge.ForestClassifier(n_estimators=3, max_depth=6),
    "half": expunge.ForestClassifier(n_estimators=5, share=0.5, min_samples_leaf=2, seed=3),
    "weights": expunge.ForestClassifier(n_estimators=2, class_weight={0: 3.0, 1: 0.5}, random_top=1, max_depth=4),
    "numbers": expunge.ForestRegressor(n_estimators=3, min_samples_split=5),
    "tree": expunge.DecisionTreeClassifier(),
}


def table(n: int, *, seed: int = 0, frame: bool = False, classes: int = 3) -> tuple[Any, Any]:
    """Rows with ties and missing values; as a frame with a column of texts and one of integers."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(n, 4)), 1)
    X[rng.random(size=X.shape) < 0.05] = np.nan
    y = (np.nansum(X[:, :2], axis=1) + rng.normal(size=n) * 0.5 > 0) + (rng.random(n) < 0.1) * (classes - 1)
    if not frame:
        return X, np.minimum(y, classes - 1).astype(int)
    towns = rng.choice(np.array(["Oslo", "Köln", "東京", None], dtype=object), size=n)
    columns = {"a": X[:, 0], "town": towns, "b": rng.integers(-3, 3, size=n), "c": pd.Categorical(towns)}
    return pd.DataFrame(columns), np.minimum(y, classes - 1).astype(int)


def targets(model: Any, y: Any) -> Any:
    return y if is_classifier(model) else y * 1.5 - 0.3


def said(model: Any) -> list[Any]:
    """Nodes of all trees: feature, threshold as a number or key, records, sums that are not zero."""
    part = model._state().parts["trees"].plain()
    return [part["feature"].tolist(), part["threshold"].tolist(), part["count"].tolist(), part["sums"].tolist()]


@pytest.mark.parametrize("frame", [False, True])
@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("n", [1, 2, 40, 150])
def test_trees_are_those_of_the_definition(name: str, n: int, frame: bool) -> None:
    X, y = table(n, seed=n, frame=frame)
    model = clone(FORESTS[name])
    y = targets(model, y)
    weight = np.arange(n) % 4 if n > 3 else None
    model.fit(X, y, record_ids=np.arange(n) * 3 - 7, sample_weight=weight)
    compare(model, X, y, weight)


def test_large_nodes_are_scored_on_a_part() -> None:
    X, y = table(4500, seed=1)
    model = expunge.ForestClassifier(n_estimators=1, max_depth=2).fit(X, y, record_ids=np.arange(4500) * 3 - 7)
    compare(model, X, y, None)


def compare(model: Any, X: Any, y: Any, weight: Any) -> None:
    n, kinds = len(y), model._solution()["kinds"]
    rows = X.astype(object).to_numpy().tolist() if hasattr(X, "columns") else X.tolist()
    values = [[None if x is None or x != x else x for x in row] for row in rows]
    unit = 1 if weight is None else 1024
    units = [1] * n if weight is None else [unit * int(w) for w in weight]
    records = [
        {"id": i * 3 - 7, "x": x, "y": round(v * 2**32) / 2**32 if isinstance(v, float) else v, "w": w}
        for i, (x, v, w) in enumerate(zip(values, y.tolist(), units, strict=True))
    ]
    part = model._state().parts["trees"].plain()
    starts = np.concatenate([[0], np.cumsum(part["sizes"])])
    words = {int(key): word for j, kind in enumerate(kinds) if kind == "category"
             for key, word in zip(encode(X, kinds)[:, j], X.iloc[:, j], strict=True)}  # fmt: skip
    labels = sorted(set(y.tolist()))
    for t in range(len(part["sizes"])):
        twin = tree_of(model, records, t)
        ours = range(starts[t], starts[t + 1])
        assert len(twin) == len(ours)
        for (feature, threshold, count, sums), i in zip(twin, ours, strict=True):
            key = int(part["threshold"][i])
            assert (feature, count) == (part["feature"][i], part["count"][i])
            if feature >= 0:
                kind = kinds[feature]
                found = None if key == MISSING else words[key] if kind == "category" else number_of(key, kind)
                assert found == threshold
            found_sums = part["sums"][i].tolist()
            if isinstance(sums, dict):
                assert found_sums == [sums.get(label, 0) for label in labels]
            else:
                assert found_sums[0] == sums[0]
                assert found_sums[1] * 2**31 + found_sums[2] == sums[1] * 2**32


def test_rare_values_are_found_among_the_first_records() -> None:
    """A column that is zero nine times in ten has thresholds all the same, and so has one of categories."""
    rng = np.random.default_rng(0)
    counts = np.where(rng.random(160) < 0.1, rng.integers(1, 4, size=160), 0)
    X = pd.DataFrame({"count": counts, "town": np.where(counts > 1, "Oslo", np.where(counts > 0, "Bergen", "Rom"))})
    model = expunge.ForestClassifier(n_estimators=3, max_depth=1, max_features=1, n_thresholds=3)
    model.fit(X, counts > 0, record_ids=np.arange(160) * 3 - 7)
    compare(model, X, (counts > 0).astype(int), None)
    assert model.score(X, counts > 0) == 1.0


def check_inside(model: Any) -> None:
    """What is cached is what a fresh fit caches, wherever it is: tallies, lists of records, sums."""
    rows, trees = model._rows(), model._state().parts["trees"]
    if not trees.is_awake:
        return
    fresh = model._grown(rows, np.flatnonzero(rows.alive), counted=False)
    todo = list(zip(trees.roots.tolist(), fresh.roots.tolist(), strict=True))
    while todo:
        a, b = todo.pop()
        left, right = trees.nodes[a], fresh.nodes[b]
        assert left[[0, 1, 4]].tolist() == right[[0, 1, 4]].tolist()
        if left[0] >= 0:
            todo += [(left[2], right[2]), (left[3], right[3])]
        else:
            lists = [t.lists[v[5] : v[5] + v[2]].tolist() for t, v in ((trees, left), (fresh, right))]
            assert [slot for slot in lists[0] if rows.alive[slot]] == lists[1]
        if left[7] >= 0 and right[7] >= 0:
            assert (trees.heads[left[7]] == fresh.heads[right[7]]).all()
            ours = sums_of(trees, left[7])
            assert (ours[:, trees.columns] == sums_of(fresh, right[7])[:, fresh.columns]).all()
            assert not np.delete(ours, trees.columns, axis=1).any()
    used, n_nodes = trees.pool, len(trees.plain()["feature"])
    assert used[0] - used[3] == n_nodes
    assert (used[:3] <= [len(trees.nodes), len(trees.tallies), len(trees.lists)]).all()


def sums_of(trees: Trees, row: int) -> Any:
    """A cached tally with a column for each class, or for each sum of a regression."""
    tally, k = trees.tallies[row], trees.sums.shape[1]
    if tally.shape[1] == k:
        return tally
    numbers = np.stack([tally & (2**32 - 1), tally >> 32], axis=2).reshape(len(tally), -1)
    assert not numbers[:, k:].any()
    return numbers[:, :k] * (2**40 + 1)


@pytest.mark.parametrize(
    ("classes", "n", "weighs"), [(2, 600, False), (3, 600, False), (3, 600, True), (0, 600, False), (2, 70_000, False)]
)
def test_cached_tallies_count_the_records_below_their_nodes(classes: int, n: int, weighs: bool) -> None:
    """The numbers of two classes in one integer, also of a third class alone and of more than 2**16 records; one
    integer for each class of records with weights, and for each sum of a regression (here of no classes)."""
    X, y = table(n, seed=8, classes=classes or 3)
    leaf = 1
    if n > 2**16:
        y, leaf = (np.random.default_rng(1).random(n) < 0.98).astype(int), 10_000  # scored on up to 16 times as many
    y = y if classes else y * 1.5 - 0.3
    weight = np.arange(n) % 4 + 1.0 if weighs else None
    model: Any = expunge.ForestClassifier(n_estimators=2, max_depth=5, min_samples_leaf=leaf)
    model = (model if classes else expunge.ForestRegressor(n_estimators=2, max_depth=5)).fit(X, y, sample_weight=weight)
    gone = np.arange(0, 60, 3)
    for i in gone[:15].tolist():
        model.forget(i)
    model.forget(gone[15:])
    back = gone[5:]
    model.learn(X[back], y[back], record_ids=back, sample_weight=None if weight is None else weight[back])
    rows, trees = model._rows(), model._state().parts["trees"]
    cells, width, found, most = trees.learned.cells(rows, trees.plan.params), 5, 0, 0
    assert trees.tallies.shape[2] == (3 if weighs or not classes else (classes + 1) // 2)

    def below(i: int) -> Any:
        """Slots of the records below a node, whose tally is compared with them."""
        nonlocal found, most
        node = trees.nodes[i]
        if node[0] < 0:
            slots = trees.lists[node[5] : node[5] + node[2]]
            return slots[rows.alive[slots]]
        slots = np.concatenate([below(node[2]), below(node[3])])
        if node[7] >= 0 and (len(slots) < 2 * 384 or leaf > 1):  # all are scored
            head, ours, values = trees.heads[node[7]], sums_of(trees, node[7]), rows.peek(slots).X
            w, code = cells.weights[slots if weighs else 0], cells.y[slots]
            each = [(code == c) * (2**40 + w) for c in range(classes)]
            each = np.column_stack(each or [0 * code + 2**40 + w, w * (code >> 31), w * (code & (2**31 - 1))])
            m, found, most = len(ours) // width, found + 1, max(most, len(slots))
            for f in range(m):
                column = values[:, head[f] & (2**32 - 1)]
                for j in range(f * width, f * width + (head[f] >> 32)):
                    key = int(head[m + 1 + j])
                    is_left = np.isnan(column) if key == MISSING else column <= number_of(key, "float")
                    assert ours[j].tolist() == each[is_left].sum(axis=0).tolist()
            assert ours[-1].tolist() == each.sum(axis=0).tolist()
        return slots

    for root in trees.roots.tolist():
        below(root)
    assert found > 3
    assert most > n / 2


@pytest.mark.parametrize("frame", [False, True])
@pytest.mark.parametrize("name", FORESTS)
@given(data=st.data())
@settings(max_examples=8)
def test_any_sequence_of_changes_ends_in_a_fresh_fit(name: str, frame: bool, data: st.DataObject) -> None:
    X, y = table(120, seed=5, frame=frame)
    y = targets(FORESTS[name], y)
    at = np.arange(120)  # whose values a record has; its own, as long as nobody corrects it

    def rows(ids: list[int]) -> tuple[Any, Any]:
        return (X.iloc[at[ids]] if frame else X[at[ids]]), y[at[ids]]

    inside = sorted(data.draw(st.sets(st.integers(0, 119), min_size=1, max_size=119), label="first"))
    model = clone(FORESTS[name]).fit(*rows(inside), record_ids=inside)
    for _ in range(data.draw(st.integers(1, 6), label="steps")):
        verb = data.draw(
            st.sampled_from(["forget", "forget", "learn", "rectify", "file", "copy", "plan"]), label="verb"
        )
        outside = sorted(set(range(120)) - set(inside))
        if verb == "forget" and inside:
            gone = data.draw(st.lists(st.sampled_from(inside), min_size=1, max_size=12, unique=True), label="gone")
            model.forget(gone)
            inside = sorted(set(inside) - set(gone))
        elif verb == "learn" and outside:
            new = data.draw(st.lists(st.sampled_from(outside), min_size=1, max_size=12, unique=True), label="new")
            model.learn(*rows(new), record_ids=new)
            inside = sorted([*inside, *new])
        elif verb == "rectify" and inside:
            wrong = data.draw(st.lists(st.sampled_from(inside), min_size=1, max_size=5, unique=True), label="wrong")
            source = data.draw(st.lists(st.integers(0, 119), min_size=len(wrong), max_size=len(wrong)), label="right")
            at[wrong] = source
            plan = model.plan_rectify(wrong, *rows(wrong))
            done = model.rectify(wrong, *rows(wrong))
            assert plan.work_low <= done.work <= plan.work_high
        elif verb == "file":
            with TemporaryDirectory() as folder:
                model = expunge.load(model.save(f"{folder}/forest.expunge"))
        elif verb == "copy":
            model = pickle.loads(pickle.dumps(model))
        elif verb == "plan" and inside:
            model.plan(inside[:2])
        check_inside(model)
    fresh = clone(FORESTS[name]).fit(*rows(inside), record_ids=inside, allow_dormant=True)
    assert model.digest() == fresh.digest()
    assert said(model) == said(fresh)


def test_many_single_removals_in_large_trees() -> None:
    """Nodes scored on a part of their records, tallies changed in place, refreshed, dropped; also back again."""
    X, y = table(6000, seed=2)
    model = expunge.ForestClassifier(n_estimators=4, max_depth=12).fit(X, y)
    gone = np.random.default_rng(0).permutation(6000)[:150]
    for i in gone[:120].tolist():
        model.forget(i)
    model.forget(gone[120:])
    check_inside(model)
    rest = np.setdiff1d(np.arange(6000), gone)
    fresh = expunge.ForestClassifier(n_estimators=4, max_depth=12).fit(X[rest], y[rest], record_ids=rest)
    assert model.digest() == fresh.digest()
    for part in np.array_split(gone, 40):
        model.learn(X[part], y[part], record_ids=part)
    check_inside(model)
    assert model.digest() == expunge.ForestClassifier(n_estimators=4, max_depth=12).fit(X, y).digest()


def test_lists_that_move_have_room_for_all_that_comes() -> None:
    """Made anew without gaps, they have no room to spare where they had some when the change was prepared."""
    X, y = table(1200, seed=8)
    model, moved = expunge.ForestClassifier(n_estimators=2, max_depth=5).fit(X[:600], y[:600]), 0
    for part in np.array_split(np.arange(600, 1200), 40):
        lists = model._state().parts["trees"].lists
        model.learn(X[part], y[part], record_ids=part)
        moved += model._state().parts["trees"].lists is not lists
        check_inside(model)
    assert moved > 1


@pytest.mark.parametrize("frame", [False, True])
def test_a_correction_walks_one_path_in_each_tree(frame: bool) -> None:
    """What it reads is known beforehand and is a small part of the table; corrected back, all is as before."""
    X, y = table(3000, seed=4, frame=frame)
    rows = (lambda at: X.iloc[at]) if frame else (lambda at: X[at])
    model = expunge.ForestClassifier(n_estimators=4, max_depth=8).fit(X, y)
    before, works = model.digest(), []
    for i in range(0, 60, 3):
        plan = model.plan_rectify([i], rows([i + 100]), y[[i + 100]])
        works.append(model.rectify([i], rows([i + 100]), y[[i + 100]]).work)
        assert plan.work_low == plan.work_high == works[-1]
    assert np.median(works) < 0.4 * 4 * 3000
    check_inside(model)
    source = np.arange(3000)
    source[0:60:3] += 100
    assert (
        model.digest()
        == expunge.ForestClassifier(n_estimators=4, max_depth=8)
        .fit(rows(source), y[source], record_ids=range(3000))
        .digest()
    )
    back = list(range(0, 60, 3))
    model.rectify(back, rows(back), y[back])
    assert model.digest() == before


def test_a_failure_before_the_commit_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = table(300)
    model = expunge.ForestClassifier(n_estimators=4).fit(X, y)
    before, nodes = model.digest(), said(model)

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Trees, "_make_room", fail)
        with pytest.raises(KeyboardInterrupt):
            model.forget([1, 2, 3])
    assert (model.digest(), said(model)) == (before, nodes)
    check_inside(model)
    make_room = Trees._make_room

    def move_and_fail(trees: Trees, filled: Any, *others: Any) -> None:
        filled[6] = 10_000  # so that the lists move, without what is forgotten
        make_room(trees, filled, *others)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Trees, "_make_room", move_and_fail)
        with pytest.raises(KeyboardInterrupt):
            model.forget([1, 2, 3])
    assert (model.digest(), said(model)) == (before, nodes)
    check_inside(model)
    with monkeypatch.context() as patched:  # decided, but not yet written: finished by whoever asks next
        patched.setattr(TreesPatch, "apply", fail)
        with pytest.raises(KeyboardInterrupt):
            model.forget([1, 2, 3])
    rest = np.setdiff1d(np.arange(300), [1, 2, 3])
    assert model.digest() == expunge.ForestClassifier(n_estimators=4).fit(X[rest], y[rest], record_ids=rest).digest()
    check_inside(model)


def test_an_interruption_at_any_step_of_a_commit_carries_it_out_once() -> None:
    """Also the one that comes while the compiled code writes, and where the last record of a class goes."""
    X, y = table(60)
    y[7], model = 5, expunge.ForestClassifier(n_estimators=2)
    rest, step, where = np.setdiff1d(np.arange(50), [3, 7]), 0, "before"
    after, later = (clone(model).fit(X[k], y[k], record_ids=k).digest() for k in (rest, np.append(rest, 55)))
    while where:
        model.fit(X[:50], y[:50])
        where = interrupt(lambda: model.forget([3, 7]), step, ("apply", "commit", "count_classes"))
        assert model.digest() == after, where
        model.learn(X[55:56], y[55:56], record_ids=[55])
        assert model.digest() == later, where
        step += 1
    assert step > 100


def test_an_interruption_while_room_is_made_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = table(45)
    make_room, step, where = Trees._make_room, 0, "before"

    def _make_room(trees: Trees, filled: Any, *others: Any) -> None:
        make_room(trees, filled + np.array([0, 3000, 3000, 0, 0, 0, 10_000, 0]), *others)

    monkeypatch.setattr(Trees, "_make_room", _make_room)
    model, rest = expunge.ForestClassifier(n_estimators=1, max_depth=4), np.arange(4, 45)
    before, after = (clone(model).fit(X[k], y[k], record_ids=k).digest() for k in (np.arange(40), rest))
    while where:
        model.fit(X[:40], y[:40])
        model.forget([0, 1])
        model.learn(X[:2], y[:2], record_ids=[0, 1])  # lists that were moved and have room to spare
        where = interrupt(lambda: model.forget([2, 3]), step, ("_make_room",))
        assert not where or model.digest() == before, where
        model.forget([i for i in range(4) if i in model.record_ids_])
        model.learn(X[40:], y[40:], record_ids=range(40, 45))
        assert model.digest() == after, where
        step += 1
    assert step > 50


def test_threads_that_ask_while_records_are_forgotten() -> None:
    X, y = table(400)
    model = expunge.ForestClassifier(n_estimators=4, n_jobs=2).fit(X, y)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(30):
                assert np.allclose(model.predict_proba(X[:5]).sum(axis=1), 1.0)
                model.digest()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(40):
        model.forget(i)
    for thread in threads:
        thread.join()
    assert not errors
    rest = np.arange(40, 400)
    assert model.digest() == expunge.ForestClassifier(n_estimators=4).fit(X[rest], y[rest], record_ids=rest).digest()


def test_threads_and_copies_of_columns_give_the_same_trees_and_no_tree_is_begun_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pools that were too short for the first tree, and those of several threads behind each other."""
    X, y = table(5000, seed=4)
    fresh = expunge.ForestClassifier(n_estimators=5).fit(X, y)
    begun, grow = [], planting.grow
    monkeypatch.setattr(planting, "grow", lambda *args: begun.append(1) or grow(*args))
    monkeypatch.setattr(learned_cells, "_CACHED", 0)
    for n_jobs in (1, 2):
        begun.clear()
        model = expunge.ForestClassifier(n_estimators=5, n_jobs=n_jobs).fit(X, y)
        assert 5 < len(begun) <= 5 + 4 * n_jobs  # again only where the first tree of a thread did not fit
        trees = model._state().parts["trees"]
        assert len(trees.nodes) <= 1.2 * trees.pool[0] + 300
        assert model.digest() == fresh.digest()
        model.forget(range(30))
        check_inside(model)


def test_pools_that_are_too_short_for_every_tree_change_none(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = table(600)
    forests = [
        expunge.ForestClassifier(n_estimators=5, share=share, n_jobs=jobs) for share, jobs in ((1.0, 1), (0.4, 3))
    ]
    digests = [clone(model).fit(X, y).digest() for model in forests]
    make = planting.Pools.__init__
    monkeypatch.setattr(planting.Pools, "__init__", lambda self, plan, *n: make(self, plan, 1, 0, n[2]))
    monkeypatch.setattr(planting, "_with_spare", lambda used: used)
    assert [clone(model).fit(X, y).digest() for model in forests] == digests


def test_equal_hashes_go_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(seed: int, purpose: str, ids: Any) -> Any:
        return (np.abs(ids.astype(np.int64)) % 7).astype(np.uint64) << np.uint64(60)

    monkeypatch.setattr("expunge.rows.uniform64", few)
    X, y = table(90)
    model = expunge.ForestClassifier(n_estimators=3).fit(X[:80], y[:80])
    order = np.random.default_rng(0).permutation(80)
    assert model.digest() == expunge.ForestClassifier(n_estimators=3).fit(X[order], y[order], record_ids=order).digest()
    model.forget(list(range(8)))
    model.learn(X[80:], y[80:], record_ids=range(80, 90))
    fresh = expunge.ForestClassifier(n_estimators=3).fit(X[8:], y[8:], record_ids=range(8, 90))
    assert model.digest() == fresh.digest()


def test_integers_are_not_rounded_and_numbers_compare_as_numbers() -> None:
    big = 2**53
    X = np.array([[big], [big + 1], [big + 2], [big + 3]] * 5, dtype=np.int64)
    y = np.array([0, 1, 0, 1] * 5)
    model = expunge.DecisionTreeClassifier().fit(X, y)
    assert (model.predict(X) == y).all()
    small = expunge.DecisionTreeClassifier().fit(np.array([[1], [2], [3]] * 4), [0, 1, 1] * 4)
    assert small.predict(np.array([[1.0], [1.9], [2.1], [1e300]])).tolist() == [0, 0, 1, 1]
    floats = expunge.DecisionTreeClassifier().fit(np.array([[1.5], [2.5], [3.5]] * 4), [0, 1, 1] * 4)
    assert floats.predict(np.array([[1], [2], [3]])).tolist() == [0, 1, 1]
    keys = encode(np.array([[big + 1]], dtype=np.int64), ["float"]), encode(np.array([[float(big + 2)]]), ["float"])
    assert keys[0] == keys[1]  # between two floats: the upper one


def test_unsigned_integers_are_not_rounded_either() -> None:
    X = np.array([[2**62 + i] for i in range(4)] * 5, dtype=np.uint64)
    y = np.array([0, 1, 0, 1] * 5)
    assert (expunge.DecisionTreeClassifier().fit(X, y).predict(X) == y).all()
    X[0] = 2**63
    with pytest.raises(InvalidDataError, match="beyond 64 bits"):
        expunge.DecisionTreeClassifier().fit(X, y)


@pytest.mark.parametrize("how", ["forget", "rectify"])
def test_a_column_whose_only_float_goes_is_one_of_integers(how: str) -> None:
    big = 2**53
    cells = pd.Series([*(big + i for i in range(59)), 2.5], dtype=object)
    X = pd.DataFrame({"a": cells, "b": np.arange(60) % 7})
    y = np.arange(60) % 2
    model = expunge.ForestClassifier(n_estimators=3, seed=1).fit(X, y)
    if how == "forget":
        plan, done = model.plan(59), model.forget(59)
        fresh = expunge.ForestClassifier(n_estimators=3, seed=1).fit(X[:59], y[:59])
    else:
        plan, done = model.plan_rectify(59, {"a": 7}), model.rectify(59, {"a": 7})
        cells[59] = 7
        fresh = expunge.ForestClassifier(n_estimators=3, seed=1).fit(X.assign(a=cells), y)
    assert model.digest() == fresh.digest()
    assert plan.work_low <= done.work <= plan.work_high


def test_digest_does_not_depend_on_forms_that_say_the_same() -> None:
    X, y = table(60, frame=True)
    extended = X.assign(c=X["c"].cat.add_categories(["never"]))
    model, twin = (expunge.ForestClassifier(n_estimators=3).fit(table_, y) for table_ in (X, extended))
    assert model.digest() == twin.digest()
    negative = np.array([[-0.0], [0.0], [1.0]] * 4)
    tree = expunge.DecisionTreeClassifier().fit(negative, [0, 1, 1] * 4)
    assert tree.predict_proba([[0.0]]).tolist() == tree.predict_proba([[-0.0]]).tolist()


def odd_tables() -> dict[str, Any]:
    """Tables in which there is little to tell records apart, or in which columns change when records go."""
    b = np.arange(30) * 7 % 10 / 3
    texts, numbers = ([None] * 27 + list(values) for values in (["x", "y", "x"], [1, 2.5, 3]))
    return {
        "equal columns": np.zeros((30, 3)),
        "nothing there": np.full((30, 2), np.nan),
        "equal rows": np.tile([[1.0, 2.0]], (30, 1)),
        "short floats": np.column_stack([b, b[::-1]]).astype(np.float32),
        "booleans": pd.DataFrame({"a": np.arange(30) % 2 == 0, "b": b}),
        "texts that vanish": pd.DataFrame({"a": pd.Series(texts, dtype=object), "b": b}),
        "numbers that vanish": pd.DataFrame({"a": pd.Series(numbers, dtype=object), "b": b}),
        "categories without records": pd.DataFrame(
            {"a": pd.Categorical(["x", "y", "z"] * 10, categories=list("uvwxyz"), ordered=True), "b": b}
        ),
        "numbers as categories": pd.DataFrame({"a": pd.Categorical([1] * 29 + [7]), "b": b}),
        "large integers with a gap": pd.DataFrame(
            {"a": pd.array([2**62 + i for i in range(29)] + [None], dtype="Int64"), "b": b}
        ),
    }


@pytest.mark.parametrize("name", odd_tables())
def test_odd_tables_forget_and_learn_to_the_bit(name: str) -> None:
    X, y = odd_tables()[name], np.arange(30) % 3 % 2
    rows = X.iloc if hasattr(X, "iloc") else X
    for model in (expunge.ForestClassifier(n_estimators=2, max_depth=4), expunge.ForestRegressor(n_estimators=2)):
        model.fit(X, y)
        before = model.digest()
        for low, high in ((27, 30), (1, 30), (0, 30)):  # some, all but one, all
            model.forget(range(low, high))
            rest = clone(model).fit(rows[:low], y[:low], record_ids=range(low), allow_dormant=True)
            assert model.digest() == rest.digest()
            model.learn(rows[low:], y[low:], record_ids=range(low, 30))
            assert model.digest() == before


def test_ten_thousand_categories() -> None:
    X = pd.DataFrame({"town": [f"t{i}" for i in range(10_000)], "x": np.arange(10_000) % 3})
    y = np.arange(10_000) % 2
    model = expunge.ForestClassifier(n_estimators=2, max_depth=3).fit(X, y)
    model.forget([0, 1])
    fresh = expunge.ForestClassifier(n_estimators=2, max_depth=3).fit(X[2:], y[2:], record_ids=range(2, 10_000))
    assert model.digest() == fresh.digest()
    assert len(model.predict(pd.DataFrame({"town": ["unheard of"], "x": [1]}))) == 1


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_refused(value: float) -> None:
    with pytest.raises(InvalidDataError, match="infinity"):
        expunge.ForestClassifier().fit([[1.0], [value]], [0, 1])
    with pytest.raises(InvalidDataError, match="infinity"):
        expunge.ForestClassifier().fit(pd.DataFrame({"a": [1.0, value]}), [0, 1])


def test_bad_input_is_a_sentence() -> None:
    X, y = table(40)
    with pytest.raises(InvalidDataError, match="holds int and str"):
        expunge.ForestClassifier().fit(pd.DataFrame({"a": [1, "b"] * 20}), y)
    with pytest.raises(InvalidDataError, match="classes"):
        expunge.ForestClassifier().fit(np.arange(3000.0).reshape(-1, 1), np.repeat(np.arange(1500), 2))
    with pytest.raises(InvalidDataError, match="1/1024"):
        expunge.ForestClassifier().fit(X, y, sample_weight=np.full(40, 0.1))
    with pytest.raises(InvalidDataError, match="too large"):
        expunge.ForestRegressor().fit(X, np.full(40, 1e12))
    model = expunge.ForestClassifier(n_estimators=2).fit(pd.DataFrame(X, columns=list("abcd")), y)
    with pytest.raises(InvalidDataError):
        model.predict(pd.DataFrame(X[:, :3], columns=list("abc")))
    for wrong in (
        {"share": 0.0}, {"n_thresholds": 0}, {"max_features": "half"}, {"max_depth": 0}, {"n_jobs": 0},
        {"n_thresholds": 10**6}, {"min_samples_leaf": 10**6},
    ):  # fmt: skip
        with pytest.raises(InvalidParameterError):
            expunge.ForestClassifier(**wrong).fit(X, y)


def test_large_targets_and_weights_are_summed_exactly() -> None:
    X, y = table(200)
    large = np.where(y > 0, 2.0**28 + 0.25, -(2.0**28))
    model = expunge.ForestRegressor(n_estimators=2, max_depth=1).fit(X, large)
    part = model._state().parts["trees"].plain()
    total = sum(round(v * 2**32) for v in large.tolist())
    assert [int(a) * 2**31 + int(b) for a, b in part["sums"][[0, int(part["sizes"][0])], 1:]] == [total, total]


def test_the_largest_weights_change_no_tree() -> None:
    """The tally of a node holds numbers and weights in one integer: weights that are all alike are as good as none."""
    X, y = table(3000, seed=7)
    for leaf, most in ((1, 2**18), (600, 2**15)):
        model, twin = (
            expunge.ForestClassifier(n_estimators=2, max_depth=4, min_samples_leaf=leaf).fit(X, y, sample_weight=weight)
            for weight in (None, np.full(3000, float(most)))
        )
        ours, theirs = (m._state().parts["trees"].plain() for m in (model, twin))
        assert all((ours[name] == theirs[name]).all() for name in ("feature", "threshold", "count"))
        assert (ours["sums"] * 1024 * most == theirs["sums"]).all()
        with pytest.raises(InvalidDataError, match="up to"):
            twin.fit(X, y, sample_weight=np.full(3000, 2.0 * most))


def test_sums_that_would_overflow_are_refused_before_anything_changes() -> None:
    X, y = table(300)
    large, heavy = np.where(y > 0, 2.0**27, 0.0), np.ones(300)
    heavy[200:] = 2.0**18
    with pytest.raises(InvalidDataError, match="summed exactly"):
        expunge.ForestRegressor(n_estimators=2).fit(X, large, sample_weight=heavy)
    model = expunge.ForestRegressor(n_estimators=2).fit(X[:200], large[:200], sample_weight=heavy[:200])
    before = model.digest()
    with pytest.raises(InvalidDataError, match="summed exactly"):
        model.learn(X[200:], large[200:], sample_weight=heavy[200:], record_ids=range(200, 300))
    for verb in (model.plan_rectify, model.rectify):
        with pytest.raises(InvalidDataError, match="summed exactly"):
            verb(range(14), sample_weight=np.full(14, 2.0**18), y=np.full(14, 2.0**28))
    assert model.digest() == before


def test_trees_of_other_rows_are_noticed() -> None:
    X, y = table(60)
    model = expunge.ForestClassifier(n_estimators=2).fit(X, y)
    other = pickle.loads(pickle.dumps(model))
    state = other._state()
    foreign = pickle.loads(pickle.dumps(expunge.ForestClassifier(n_estimators=2, seed=9).fit(X, y)))
    state.parts["trees"] = foreign._state().parts["trees"]
    with pytest.raises(TamperedError):
        other.forget(3)


@pytest.mark.parametrize("weights", [{0: 3.0, 1: 0.5}, {np.int64(1): 0.5, np.int64(0): 3.0}, {True: 2.0}, {0.0: 2.0}])
def test_weights_of_classes_come_back_from_a_file(weights: Any, tmp_path: Path) -> None:
    X, y = table(60)
    model = expunge.ForestClassifier(n_estimators=2, class_weight=weights).fit(X, y)
    back = expunge.load(model.save(tmp_path / "forest.expunge"))
    assert back.class_weight == weights
    assert back.digest() == model.digest()
    if len(weights) == 2:
        plain = expunge.ForestClassifier(n_estimators=2, class_weight={0: 3.0, 1: 0.5}).fit(X, y)
        assert plain.save(tmp_path / "plain").read_bytes() == (tmp_path / "forest.expunge").read_bytes()


@pytest.mark.parametrize("model", [expunge.ForestClassifier(n_estimators=2), expunge.IsolationForest(n_estimators=2)])
def test_nodes_that_are_no_trees_are_refused(model: Any) -> None:
    """Whoever forges a file with its checksums must not make a walk leave the arrays."""
    X, y = table(60)
    X = np.nan_to_num(X)
    solution = model.fit(X, y)._solution()
    whole, inner = dict(solution), int(np.flatnonzero(solution["feature"] >= 0)[0])
    for name, value in (("feature", 4), ("feature", 2**40), ("right", -1), ("right", inner), ("right", 2**40)):
        solution[name] = whole[name].copy()
        solution[name][inner] = value
        with pytest.raises(TamperedError):
            model.predict(X)
        solution[name] = whole[name]
    for name in ("threshold", "right", "starts"):
        solution[name] = whole[name][:-1]
        with pytest.raises(TamperedError):
            model.predict(X)
        solution[name] = whole[name]
    assert len(model.predict(X)) == 60


def test_importances_text_and_leaves() -> None:
    X, y = table(200, frame=True)
    model = expunge.ForestClassifier(n_estimators=5, max_depth=3).fit(X, y)
    assert model.feature_importances_.sum() == pytest.approx(1.0)
    assert np.argmax(model.feature_importances_) == 0
    text = model.export_text(1)
    assert "records)" in text
    assert any(word in text for word in ("town = ", "c = ", "a <= "))
    leaves = model.apply(X)
    assert leaves.shape == (200, 5)
    assert model.plot(0).figure is not None
    regressor = expunge.ForestRegressor(n_estimators=5, max_depth=3).fit(X, y * 2.0)
    assert np.argmax(regressor.feature_importances_) == 0
    with pytest.raises(InvalidParameterError):
        model.export_text(5)


def test_isolation_forest_agrees_with_scikit_learn_on_outliers() -> None:
    from sklearn.ensemble import IsolationForest as Reference
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(600, 4)), rng.normal(size=(30, 4)) * 3])
    truth = np.arange(630) >= 600
    ours = roc_auc_score(truth, -expunge.IsolationForest().fit(X).score_samples(X))
    theirs = roc_auc_score(truth, -Reference(random_state=0).fit(X).score_samples(X))
    assert ours > theirs - 0.02


def test_a_share_of_outliers_is_a_share_of_the_records_that_weigh_something() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    weight = np.repeat([1.0, 0.0], 100)
    both = expunge.IsolationForest(n_estimators=20, contamination=0.1).fit(X, sample_weight=weight)
    known = expunge.IsolationForest(n_estimators=20, contamination=0.1).fit(X[:100])
    assert both.offset_ == known.offset_
    assert (known.predict(X[:100]) == -1).sum() == 10


def test_isolation_trees_as_text_and_picture() -> None:
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 100.0], "b": 1.0})
    model = expunge.IsolationForest(n_estimators=3).fit(X)
    lines = model.export_text(2).splitlines()
    assert lines[0].startswith("a <= ")
    assert lines[0].endswith("(4 records)")
    assert "|   no: 1  (1 records)" in lines  # 100 is told apart at once, by a path of one step
    assert model.plot(2).figure is not None


@pytest.mark.parametrize("tree", [3, -1, True, None, 1.0, "a"])
def test_a_tree_that_there_is_not_is_a_sentence(tree: Any) -> None:
    model = expunge.IsolationForest(n_estimators=3).fit([[0.0], [1.0], [9.0]])
    for show in (model.export_text, model.plot):
        with pytest.raises(InvalidParameterError, match="tree must be an integer from 0 to 2, got "):
            show(tree)


@pytest.mark.parametrize("max_depth", [-1, True, None, 1.5, "a"])
def test_a_depth_that_is_none_is_a_sentence(max_depth: Any) -> None:
    for model in (expunge.IsolationForest(n_estimators=3), expunge.ForestRegressor(n_estimators=3)):
        model.fit([[0.0], [1.0], [9.0]], [0.0, 1.0, 2.0])
        with pytest.raises(InvalidParameterError, match="max_depth must be an integer from 0 on, got "):
            model.export_text(max_depth=max_depth)
        with pytest.raises(InvalidParameterError, match="max_depth must be an integer from 0 to 12, got "):
            model.plot(max_depth=max_depth)


def test_isolation_forest_touches_the_trees_of_the_record_only() -> None:
    X = np.random.default_rng(0).normal(size=(3000, 3))
    model = expunge.IsolationForest(n_estimators=20, max_samples=64).fit(X)
    touched = sum(len(model.forget(i).touched) for i in range(30))
    assert touched < 60  # 30 × 20 × 64 / 3000 = 13 expected
    rest = np.arange(30, 3000)
    fresh = expunge.IsolationForest(n_estimators=20, max_samples=64).fit(X[rest], record_ids=rest)
    assert model.digest() == fresh.digest()


@pytest.mark.parametrize("weighs", [False, True])
@pytest.mark.parametrize(("max_samples", "contamination"), [(6, "auto"), (6, 0.2), (0.6, "auto")])
def test_isolation_trees_that_take_everybody_are_those_of_a_fresh_fit(
    max_samples: Any, contamination: Any, weighs: bool
) -> None:
    """One by one from more records than a tree takes to fewer, and back."""
    rng, ids = np.random.default_rng(1), np.arange(11)
    X, weight = rng.normal(size=(11, 2)), np.array([1, 3, 1, 0, 1, 2, 0.5, 1, 3, 1, 1])
    model = expunge.IsolationForest(n_estimators=15, max_samples=max_samples, contamination=contamination)

    def of(rows: Any) -> dict[str, Any]:
        return {"record_ids": rows, "sample_weight": weight[rows] if weighs else None}

    def check() -> None:
        known = np.sort(model.record_ids_)
        assert model.digest() == clone(model).fit(X[known], **of(known)).digest(), len(known)

    model.fit(X, **of(ids))
    for i in range(10):
        plan, removal = model.plan(i), model.forget(i)
        assert plan.work_low <= removal.work <= plan.work_high
        assert set(removal.touched) <= set(plan.touched)
        check()
    for i in range(10):
        model.learn(X[i : i + 1], **of(ids[i : i + 1]))
        check()
    model.forget(range(5))
    check()
    model.rectify([7, 8], X[:2])
    X[7:9] = X[:2]
    check()


def test_a_receipt_for_a_record_after_which_a_tree_takes_everybody_can_be_replayed(tmp_path: Path) -> None:
    lines = ["id,person,a,b"] + [f"r{i},p{i},{i * 7 % 11},{i * 5 % 13}" for i in range(8)]
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "data.csv", record_id="id", subject_id="person")
    ws.fit("m", data="data", method="isolation-forest", options={"max_samples": 6, "n_estimators": 20}, bare=True)
    for person in ("p5", "p6"):
        (answer,) = ws.forget(subjects=[person])
        assert ws.verify(answer.receipt, replay=True)


def test_a_plan_tells_its_reads_as_a_share_of_a_fit_and_of_a_stored_model_why_they_are_so_many(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(400, 4))
    model = expunge.ForestClassifier(n_estimators=8, max_depth=5).fit(X, X[:, 0] > 0)
    assert model.plan(list(range(300))).notes == ("counted over all 8 trees, 103 % of a fit",), "and each row once more"
    (told,) = model.plan([3]).notes
    share = model.plan([3]).work_high / model._rows().reads
    assert float(told.split()[-5]) == pytest.approx(100 * share, rel=0.1), told
    stored = expunge.load(model.save(tmp_path / "model"))
    told = stored.plan([3]).notes
    assert "% of a fit" in told[0]
    assert told[1].startswith("a model from a file grows its trees anew for its first change")
    stored.forget([3])
    assert len(stored.plan([4]).notes) == 1
    assert "one class is left, and the model can answer nothing else" in model.plan(classes=[True]).notes
