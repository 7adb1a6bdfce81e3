"""Ids: what is an id, which are equal, and how they are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import DuplicateRecordError, InvalidDataError, InvalidIdError, UnknownRecordError
from expunge.table.ids import IdIndex, check_ids, check_subjects, check_unique, default_ids

id_lists = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=30),
    st.lists(st.text(max_size=8), unique=True, max_size=30),
)


@pytest.mark.parametrize(
    ("ids", "what"),
    [
        ([1, "1"], "mixes"),
        ([True, False], "bool"),
        ([1.0], "float"),
        ([None], "NoneType"),
        ([2**63], "64 bits"),
        ([b"a"], "bytes"),
        (np.array([[1]]), "one-dimensional"),
        (np.array([1.5]), "float"),
        (3.5, "float"),
        (pd.Series(["a", None]), "record_ids"),
    ],
)
def test_what_is_not_an_id_is_refused_with_a_sentence(ids: object, what: str) -> None:
    with pytest.raises(InvalidIdError, match=what):
        check_ids(ids)


def test_forms_of_ids() -> None:
    assert check_ids(17).tolist() == [17]
    assert check_ids("müller").tolist() == ["müller"]
    assert check_ids(pd.Series(["a", "b"])).tolist() == ["a", "b"]
    assert check_ids(np.array([3, 4], dtype=np.int16)).dtype == np.int64
    assert check_ids(np.array(["a"])).dtype == object
    assert check_ids([np.int32(3), 4]).tolist() == [3, 4]
    with pytest.raises(InvalidDataError, match="2 entries for 3"):
        check_ids([1, 2], n=3)


def test_default_ids_are_the_index_if_it_names_rows() -> None:
    assert default_ids(pd.DataFrame({"a": [1, 2]}), 2).tolist() == [0, 1]
    assert default_ids(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), 2).tolist() == ["x", "y"]
    assert default_ids(pd.DataFrame({"a": [1, 2]}, index=["x", "x"]), 2).tolist() == [0, 1]
    assert default_ids([[1], [2]], 2).tolist() == [0, 1]
    with pytest.raises(InvalidIdError, match="index of the data frame"):
        default_ids(pd.DataFrame({"a": [1, 2]}, index=[0.5, 1.5]), 2)


def test_subjects_may_be_missing_records_may_not() -> None:
    assert check_subjects(["a", None, float("nan"), pd.NA], 4).tolist() == ["a", None, None, None]
    assert check_subjects(pd.Series([1, 2]), 2).tolist() == [1, 2]
    with pytest.raises(InvalidIdError, match="mixes"):
        check_subjects(["a", 1], 2)
    with pytest.raises(InvalidDataError, match="3 records"):
        check_subjects(["a"], 3)


@given(id_lists, st.data())
def test_every_id_is_found_and_no_other(ids: list, data: st.DataObject) -> None:
    values = check_ids(ids)
    index = IdIndex(values)
    alive = np.ones(len(ids), dtype=bool)
    wanted = data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
    assert index.find(check_ids(wanted), alive).tolist() == [ids.index(i) for i in wanted]
    stranger = data.draw(st.integers() if values.dtype == np.int64 and ids else st.text())
    if stranger not in ids and (not isinstance(stranger, int) or abs(stranger) < 2**63):
        with pytest.raises(UnknownRecordError):
            index.find(check_ids([stranger]), alive)


@pytest.mark.parametrize("ids", [[0, 1, 2], [5, 3, 9], ["a", "b", "c"]])
def test_dead_repeated_and_foreign_ids_are_refused(ids: list) -> None:
    index, alive = IdIndex(check_ids(ids)), np.array([True, False, True])
    with pytest.raises(UnknownRecordError, match="forgotten already"):
        index.find(check_ids([ids[1]]), alive)
    with pytest.raises(DuplicateRecordError, match="twice"):
        index.find(check_ids([ids[0], ids[2], ids[0]]), alive)
    other = ["0"] if isinstance(ids[0], int) else [0]
    with pytest.raises(UnknownRecordError, match="different ids"):
        index.find(check_ids(other), alive)
    assert index.known(check_ids(ids), alive).tolist() == [True, False, True]


@pytest.mark.parametrize("ids", [[0, 1, 2], [5, 3, 9], ["a", "b", "c"]])
@pytest.mark.parametrize("look_first", [False, True])
def test_an_id_learned_again_is_its_latest_slot(ids: list, look_first: bool) -> None:
    index, alive = IdIndex(check_ids(ids)), np.array([True, False, True])
    if look_first:
        index.known(check_ids(ids), alive)
    index.append(check_ids([ids[1]]))
    assert index.find(check_ids([ids[1], ids[0]]), np.array([True, False, True, True])).tolist() == [3, 0]
    index.truncate(3)
    with pytest.raises(UnknownRecordError):
        index.find(check_ids([ids[1]]), alive)


def test_a_range_that_goes_on_stays_a_range() -> None:
    index = IdIndex(np.arange(4))
    index.append(np.array([4, 5]))
    assert index.find(np.array([5, 0]), np.ones(6, dtype=bool)).tolist() == [5, 0]
    with pytest.raises(InvalidIdError, match="kind int"):
        index.append(check_ids(["x"]))


def test_equal_ids_are_named() -> None:
    with pytest.raises(DuplicateRecordError, match="'b'"):
        check_unique(check_ids(["b", "a", "b"]))
