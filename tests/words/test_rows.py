"""The row store: canonical whatever the input order, undone when refused, wiped when forgotten."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from expunge.digest import leaf
from expunge.errors import DuplicateRecordError, InvalidDataError, UnknownRecordError
from expunge.rows import Rows, Table


def frame(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "zahl": rng.normal(size=n),
            "ganz": rng.integers(0, 9, n),
            "wort": [f"wörter-{i % 5}" if i % 7 else None for i in range(n)],
            "art": pd.Categorical([f"k{i % 4}" for i in range(n)]),
            "rang": pd.Categorical(
                [["lo", "hi"][i % 2] for i in range(n)], categories=["lo", "mid", "hi"], ordered=True
            ),
            "lücke": pd.array([i if i % 3 else None for i in range(n)], dtype="Int64"),
            "tag": pd.to_datetime([f"2020-01-{i % 28 + 1:02d}" for i in range(n)]).tz_localize("Europe/Berlin"),
            "ja": [i % 2 == 0 for i in range(n)],
        }
    )


def tables(n: int = 24) -> dict[str, Table]:
    rng = np.random.default_rng(1)
    ids = np.array([f"id#{i}" for i in range(n)], dtype=object)
    y = np.array(["ä", "b", "c"], dtype=object)[np.arange(n) % 3]
    dense = rng.normal(size=(n, 3))
    return {
        "dense": Table(np.arange(n), dense, np.arange(n) % 3, np.ones(n), np.arange(n) // 2),
        "texts": Table(ids, np.array([f"wort {i}" for i in range(n)], dtype=object), y),
        "sparse": Table(ids, sparse.csr_matrix(np.where(dense > 0, dense, 0)), y),
        "frame": Table(ids, frame(n), y, None, np.array([f"p{i // 2}" for i in range(n)], dtype=object)),
    }


def digest(rows: Rows) -> bytes:
    slots = rows.slots()
    return leaf([rows.schema(), rows.arrays(slots)])


def take(table: Table, at: Any) -> Table:
    X = table.X.iloc[at].reset_index(drop=True) if hasattr(table.X, "iloc") else table.X[at]
    return Table(table.ids[at], X, *(None if a is None else a[at] for a in (table.y, table.weight, table.subjects)))


@pytest.mark.parametrize("kind", ["dense", "texts", "sparse", "frame"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_history_ends_in_the_rows_that_are_left(kind: str, data: st.DataObject) -> None:
    table = tables()[kind]
    n = len(table)
    order = data.draw(st.permutations(range(n)))
    start = sorted(order[: n // 2])
    rows, alive = Rows(take(table, start), seed=5), set(start)
    for i in data.draw(st.lists(st.integers(0, n - 1), max_size=20)):
        if data.draw(st.booleans()):
            rows.blocked()
        if i in alive:
            slots = rows.find(table.ids[i : i + 1])
            rows.hide(slots)
            rows.wipe(slots)
            alive.remove(i)
        else:
            rows.append(take(table, [i]))
            alive.add(i)
    left = [i for i in order if i in alive]
    fresh = Rows(take(table, left), seed=5)
    assert digest(rows) == digest(fresh)
    assert rows.ids.tolist() == fresh.ids.tolist()
    assert len(rows) == len(alive)
    assert digest(rows.compact()) == digest(fresh)
    assert digest(Rows.restore(rows.schema(), rows.arrays(rows.slots()), seed=5)) == digest(fresh)
    blocks = rows.blocked()
    assert [s for part in blocks.values() for s in part.tolist()] == rows.slots().tolist()


@pytest.mark.parametrize("kind", ["dense", "texts", "sparse", "frame"])
def test_what_is_hidden_comes_back_and_what_is_wiped_does_not(kind: str) -> None:
    table = tables()[kind]
    rows = Rows(table, seed=0)
    before = digest(rows)
    slots = rows.find(table.ids[:5])
    rows.hide(slots)
    assert digest(rows) != before
    rows.unhide(slots)
    assert digest(rows) == before
    rows.hide(slots)
    rows.wipe(slots)
    gone = rows.peek(slots).X
    values = gone.astype(object).to_numpy() if hasattr(gone, "iloc") else gone.toarray() if kind == "sparse" else gone
    assert all(pd.isna(v) or v == 0 or v == pd.Timestamp(0, tz="UTC") for v in np.asarray(values).ravel())
    assert b"id#0" not in pickle.dumps(rows)


@pytest.mark.parametrize("kind", ["dense", "texts", "sparse", "frame"])
def test_a_refused_append_changes_nothing(kind: str) -> None:
    table = tables()[kind]
    rows = Rows(take(table, range(10)), seed=0)
    before = digest(rows)
    with pytest.raises(DuplicateRecordError, match="known already"):
        rows.append(take(table, [12, 3]))
    with pytest.raises(InvalidDataError):
        rows.append(Table(table.ids[12:13], np.ones((1, 9)), table.y[12:13], None, None))
    with pytest.raises(InvalidDataError, match="exactly if the first"):
        rows.append(Table(table.ids[12:13], take(table, [12]).X))
    assert digest(rows) == before
    rows.append(take(table, range(10, 24)))
    assert digest(rows) == digest(Rows(table, seed=0))
    rows.truncate(10)
    assert digest(rows) == before


def test_a_column_that_fails_leaves_the_others_as_they_were() -> None:
    table = tables()["frame"]
    rows = Rows(take(table, range(10)), seed=0)
    before = digest(rows)
    bad = take(table, [12])
    X = bad.X.copy()
    X["ja"] = ["not a boolean"]
    with pytest.raises(InvalidDataError, match="'ja'"):
        rows.append(Table(bad.ids, X, bad.y, None, bad.subjects))
    assert digest(rows) == before


def test_unused_categories_are_nowhere() -> None:
    table = tables()["frame"]
    rows = Rows(table, seed=0)
    keep = [i for i in range(24) if i % 4 != 2]
    slots = rows.find(np.array([f"id#{i}" for i in range(24) if i % 4 == 2], dtype=object))
    rows.hide(slots)
    rows.wipe(slots)
    assert "k2" not in rows.read(rows.slots()).X["art"].cat.categories
    assert digest(rows) == digest(Rows(take(table, keep), seed=0))
    assert rows.schema()["X"]["columns"][4]["order"] == ["lo", "hi"]


def test_a_frame_comes_back_as_it_was() -> None:
    X = frame(24)
    rows = Rows(Table(np.arange(24), X), seed=0)
    back = rows.read(np.arange(24)).X
    pd.testing.assert_frame_equal(back.drop(columns="rang"), X.drop(columns="rang"))
    assert back["rang"].tolist() == X["rang"].tolist()
    assert back["rang"].cat.ordered


def test_input_is_copied() -> None:
    X, y = np.ones((3, 2)), np.arange(3.0)
    rows = Rows(Table(np.arange(3), X, y), seed=0)
    before = digest(rows)
    X[:], y[:] = 7, 7
    rows.read(np.arange(3)).X[:] = 9
    assert digest(rows) == before


def test_reads_are_counted_and_looks_are_not() -> None:
    rows = Rows(tables()["dense"], seed=0)
    rows.read(np.array([0, 1]))
    rows.read(np.array([2]), times=3)
    rows.peek(np.arange(9))
    assert rows.reads == 5


def test_find_by_subject_and_class() -> None:
    rows = Rows(tables()["frame"], seed=0)
    assert sorted(rows.find_subjects(["p1", "p0"]).tolist()) == [0, 1, 2, 3]
    assert rows.find_classes(["ä"]).tolist() == list(range(0, 24, 3))
    for call, value in ((rows.find_subjects, ["p99"]), (rows.find_classes, ["nie"]), (rows.find_classes, [3])):
        with pytest.raises(UnknownRecordError, match="never learned"):
            call(value)
    with pytest.raises(DuplicateRecordError):
        rows.find_subjects(["p1", "p1"])
    slots = rows.find_subjects("p1")
    rows.hide(slots)
    rows.wipe(slots)
    with pytest.raises(UnknownRecordError):
        rows.find_subjects("p1")
    assert rows.labels().tolist() == ["b", "c", "ä"]


@pytest.mark.parametrize(
    ("X", "sentence"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' is there twice"),
        (pd.DataFrame({"a": [object()]}), "'a', row 0: a value of type object"),
        (pd.DataFrame({"a": pd.period_range("2020", periods=1)}), "'a' has dtype period"),
    ],
)
def test_columns_nobody_can_keep_are_refused_by_name(X: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(InvalidDataError, match=sentence):
        Rows(Table(np.arange(1), X), seed=0)


def test_two_orders_of_one_category_are_refused() -> None:
    def one(order: list[str], value: str) -> pd.DataFrame:
        return pd.DataFrame({"a": pd.Categorical([value, order[0]], categories=order, ordered=True)})

    rows = Rows(Table(np.arange(2), one(["x", "y"], "y")), seed=0)
    with pytest.raises(InvalidDataError, match="ordered differently"):
        rows.append(Table(np.array([2, 3]), one(["y", "x"], "x")))
    rows.append(Table(np.array([2, 3]), one(["x", "w", "y"], "w")))
    assert rows.schema()["X"]["columns"][0]["order"] == ["x", "w", "y"]


@pytest.mark.parametrize("values", [[1, 2, None], [2**53 + 1, 7, None], [True, False, None]])
def test_an_integer_category_is_one_whatever_stands_beside_it(values: list[Any]) -> None:
    """pandas makes floats of integers as soon as one is missing."""
    series = pd.Series(pd.Categorical(values, categories=sorted(values[:2])))
    whole = Rows(Table(np.arange(3), series.to_frame("a")), seed=0)
    alone = Rows(Table(np.arange(2), series[:2].to_frame("a")), seed=0)
    whole.wipe(np.array([2]))
    slots = np.arange(2)
    assert leaf(whole.arrays(slots)) == leaf(alone.arrays(slots))
    assert whole.peek(slots).X["a"].tolist() == values[:2]


def test_an_order_of_categories_keeps_those_that_rows_have() -> None:
    """A frame out of which somebody was taken still lists what only they had."""
    order = ["low", "canary", "high"]
    frame = pd.DataFrame({"a": pd.Categorical(["low", "high"], categories=order, ordered=True)})
    rows = Rows(Table(np.arange(2), frame), seed=0)
    assert b"canary" not in pickle.dumps(rows)
    rows.append(Table(np.arange(2, 4), frame))
    assert b"canary" not in pickle.dumps(rows)
