"""The place of a record follows from itself alone."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths.partition import (
    check_partition,
    place_by_hash,
    place_by_prior,
    place_records,
    rows_of_shards,
)
from expunge.rows import Rows, Table
from expunge.seeds import uniform64

IDS = np.arange(1000)


def places_of(partition, X, n_shards=4, n_slices=3, ids=None):
    ids = np.arange(len(X) if isinstance(X, list) else X.shape[0]) if ids is None else ids
    return place_records(partition, Table(ids, X), seed=1, n_shards=n_shards, n_slices=n_slices).tolist()


@given(st.integers(1, 1000), st.integers(1, 100), st.integers(0, 2**70))
def test_by_hash_is_the_top_of_the_hash_in_python_integers(n_shards, n_slices, seed):
    ids = np.array([0, 5, -3, 2**40])
    slow = [(int(h) >> 32) * n_shards * n_slices >> 32 for h in uniform64(seed, "shard", ids)]
    assert place_by_hash(seed, ids, n_shards, n_slices).tolist() == slow
    assert [p // n_slices for p in slow] == place_by_hash(seed, ids, n_shards, 1).tolist()


def test_by_hash_is_even():
    counts = Counter(place_by_hash(3, np.arange(24_000), 4, 6).tolist())
    assert len(counts) == 24
    assert max(abs(c - 1000) for c in counts.values()) < 5 * np.sqrt(1000)


@given(st.sets(st.integers(0, 999), min_size=1, max_size=50))
def test_no_other_record_matters(kept):
    ids = np.array(sorted(kept))
    assert place_by_hash(0, ids, 7, 3).tolist() == place_by_hash(0, IDS, 7, 3)[ids].tolist()


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_prior_never_has_an_earlier_place(p, q):
    a, b = place_by_prior([min(p, q), max(p, q)], 5, 4)
    assert 0 <= a <= b < 20


@pytest.mark.parametrize("prior", [-0.1, 1.1, np.nan, np.inf])
def test_a_prior_outside_its_range_is_refused(prior):
    with pytest.raises(InvalidDataError, match="prior"):
        place_by_prior([0.5, prior], 2, 2)


def test_a_column_holds_the_prior():
    values = [0.0, 0.26, 0.5, 1.0]
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "p": values})
    expected = [0, 3, 6, 11]
    assert places_of("p", frame) == expected
    assert places_of(1, frame.to_numpy()) == expected
    assert places_of(1, sparse.csr_array(frame.to_numpy())) == expected
    for X, name in [(frame, "q"), (frame.to_numpy(), 2), (frame.to_numpy(), "p"), (["text"], 0)]:
        with pytest.raises(InvalidDataError, match="does not have"):
            places_of(name, np.array(X, dtype=object) if isinstance(X, list) else X)
    with pytest.raises(InvalidDataError, match="numbers"):
        places_of("p", frame.assign(p=list("abcd")))


def test_a_callable_sees_one_record_at_a_time_in_the_form_of_the_table():
    seen = []

    def look(name, row):
        seen.append((name, row))
        return 2

    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    places = places_of(look, frame, ids=np.array(["r", "s"], dtype=object))
    assert [name for name, _ in seen] == ["r", "s"]
    assert seen[0][1] == {"a": 1, "b": "x"}
    assert {p // 3 for p in places} == {2}
    seen.clear()
    places_of(look, np.array(["one text", "two"], dtype=object))
    assert [row for _, row in seen] == ["one text", "two"]
    seen.clear()
    places_of(look, sparse.csr_array(np.eye(2)))
    assert [row.tolist() for _, row in seen] == [[1, 0], [0, 1]]


def test_a_callable_gives_a_shard_or_a_prior():
    X = np.zeros((3, 1))
    assert places_of(lambda name, row: 0.99, X) == [11] * 3
    assert places_of(lambda name, row: np.float64(0.0), X) == [0] * 3
    assert [p // 3 for p in places_of(lambda name, row: np.int64(name), X)] == [0, 1, 2]
    slices = [p % 3 for p in places_of(lambda name, row: 1, np.zeros((1000, 1)))]
    assert min(Counter(slices).values()) > 200


@pytest.mark.parametrize("answer", [4, -1, 1.5, float("nan"), True, None, "1", [0]])
def test_other_answers_are_refused(answer):
    with pytest.raises(InvalidDataError, match="partition"):
        places_of(lambda name, row: answer, np.zeros((1, 1)))


@pytest.mark.parametrize("partition", [True, 1.5, [0.1, 0.2], np.zeros(3)])
def test_other_partitions_are_refused(partition):
    with pytest.raises(InvalidParameterError, match="partition"):
        check_partition(partition)


@given(st.sets(st.integers(0, 99), max_size=60), st.sets(st.integers(0, 4), min_size=1))
def test_rows_of_shards_come_slice_by_slice_in_canonical_order(gone, shards):
    ids = np.arange(100)
    places = place_by_hash(0, ids, 5, 3)
    rows = Rows(Table(ids, np.zeros((100, 1)), place=places), seed=0)
    rows.hide(np.array(sorted(gone), dtype=np.intp))
    grouped = rows_of_shards(rows, places, shards, n_shards=5, n_slices=3)
    order = uniform64(0, "order", ids)
    assert set(grouped) == shards
    for k, (slots, ends) in grouped.items():
        left = [i for i in range(100) if i not in gone and places[i] // 3 == k]
        assert slots.tolist() == sorted(left, key=lambda i: (int(places[i]), int(order[i])))
        assert ends.tolist() == [sum(places[i] % 3 <= s for i in left) for s in range(3)]


# ---------------------------------------------------------------- by person

PEOPLE = np.array([None if i % 7 == 0 else f"p{i % 11}" for i in range(60)], dtype=object)


def by_subject(ids, subjects, n_shards=5, n_slices=3, seed=2):
    table = Table(ids, np.zeros((len(ids), 1)), subjects=subjects)
    return place_records(None, table, seed=seed, n_shards=n_shards, n_slices=n_slices, by="subject")


def test_everything_about_a_person_has_one_place_and_the_rest_goes_by_record():
    places = by_subject(np.arange(60), PEOPLE)
    own = place_by_hash(2, np.arange(60), 5, 3)
    for i in range(60):
        if PEOPLE[i] is None:
            assert places[i] == own[i]
        else:
            slow = int(uniform64(2, "shard of subject", np.array([PEOPLE[i]], dtype=object))[0])
            assert places[i] == (slow >> 32) * 15 >> 32


@given(st.sets(st.integers(0, 59), min_size=1))
def test_the_place_of_a_person_depends_on_no_other_record(kept):
    left = np.array(sorted(kept))
    assert by_subject(left, PEOPLE[left]).tolist() == by_subject(np.arange(60), PEOPLE)[left].tolist()


def test_persons_with_numbers_have_the_place_of_the_number_however_they_are_held():
    numbers = np.arange(60) // 3
    mixed = numbers.astype(object)
    mixed[:3] = None
    assert by_subject(np.arange(60), numbers)[3:].tolist() == by_subject(np.arange(60), mixed)[3:].tolist()
    texts = np.array([str(n) for n in numbers], dtype=object)
    assert by_subject(np.arange(60), texts).tolist() != by_subject(np.arange(60), numbers).tolist()


def test_persons_are_spread_evenly_and_not_by_their_name_as_a_record():
    names = np.arange(24_000)
    counts = Counter(by_subject(names, names, 4, 6).tolist())
    assert len(counts) == 24
    assert max(abs(c - 1000) for c in counts.values()) < 5 * np.sqrt(1000)
    assert by_subject(names, names, 4, 6).tolist() != place_by_hash(2, names, 4, 6).tolist()


def test_without_any_subject_the_records_go_by_their_ids():
    assert by_subject(np.arange(60), None).tolist() == place_by_hash(2, np.arange(60), 5, 3).tolist()
    nobody = np.full(60, None, dtype=object)
    assert by_subject(np.arange(60), nobody).tolist() == place_by_hash(2, np.arange(60), 5, 3).tolist()


@pytest.mark.parametrize("by", ["person", None, 1, "Subject"])
def test_another_word_for_whose_place_it_is_is_refused(by):
    with pytest.raises(InvalidParameterError, match="place_by"):
        check_partition(None, by)


@pytest.mark.parametrize("partition", ["p", 1, lambda name, row: 0])
def test_a_place_cannot_follow_from_both(partition):
    with pytest.raises(InvalidParameterError, match="both say"):
        check_partition(partition, "subject")


def test_places_by_person_never_change_their_definition():
    names = np.array(["a", "b", "ö", None, "a", ""], dtype=object)
    assert by_subject(np.arange(6), names, 1000, 100, seed=7).tolist() == [95137, 66756, 24406, 36448, 95137, 60704]
    assert by_subject(np.arange(3), np.array([1, -2, 2**40]), 1000, 100, seed=7).tolist() == [13642, 62679, 78614]
