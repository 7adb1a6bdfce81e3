"""Each request names what it says, from the training records alone."""

from __future__ import annotations

import numpy as np
import pytest

from expunge.errors import InvalidParameterError
from expunge.lab.data import Data, split
from expunge.lab.requests import REQUESTS, draw_request
from expunge.lab.workloads import load_workload


@pytest.fixture(scope="module")
def data() -> Data:
    return load_workload("digits@600")


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_only_training_records_are_named_and_the_draw_repeats(name: str, data: Data) -> None:
    train = split(data, 0).train
    drawn = draw_request(name, data, train, 0)
    places = np.concatenate(drawn.batches)
    assert train[places].all()
    assert len(set(places.tolist())) == len(places) >= 1
    assert np.array_equal(places, np.concatenate(draw_request(name, data, train, 0).batches))
    if name not in ("class", "memorised", "outliers"):  # those follow from the data
        assert not np.array_equal(places, np.concatenate(draw_request(name, data, train, 1).batches))


def test_amounts(data: Data) -> None:
    train = split(data, 0).train

    def named(text: str) -> np.ndarray:
        return np.concatenate(draw_request(text, data, train, 0).batches)

    assert len(named("random@0.1")) == round(0.1 * train.sum())
    assert len(named("record")) == 1
    assert np.array_equal(np.sort(named("class@4")), np.flatnonzero(train & (data.y == 4)))
    people = set(data.subjects[named("subject@3")].tolist())
    assert len(people) == 3
    assert set(named("subject@3").tolist()) == set(
        np.flatnonzero(train & np.isin(data.subjects, list(people))).tolist()
    )
    assert len(draw_request("sequence@7", data, train, 0).batches) == 7


@pytest.mark.parametrize("text", ["random@1", "class@77", "subject@0"])
def test_nothing_to_forget_or_to_keep_is_refused(text: str, data: Data) -> None:
    with pytest.raises(InvalidParameterError):
        draw_request(text, data, split(data, 0).train, 0)


def test_wrong_labels_and_marks_are_planted(data: Data) -> None:
    train = split(data, 0).train
    wrong = draw_request("mislabelled@0.1", data, train, 0)
    places = wrong.batches[0]
    assert (wrong.data.y[places] != data.y[places]).all()
    assert np.array_equal(np.delete(wrong.data.y, places), np.delete(data.y, places))
    poisoned = draw_request("poisoned@0.1", data, train, 0)
    places = poisoned.batches[0]
    assert poisoned.mark is not None
    assert (poisoned.data.y[places] == poisoned.target).all()
    assert (poisoned.data.X[places].reshape(-1, 8, 8)[:, :2, :2] == 1).all()
    assert np.array_equal(np.delete(poisoned.data.X, places, axis=0), np.delete(data.X, places, axis=0))
    assert np.array_equal(poisoned.mark(data.X[places]), poisoned.data.X[places])


def test_what_was_planted_is_found_by_heart_and_far_out() -> None:
    """Twin: records with a label drawn by lot are known by heart; one that was moved away lies farthest out."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] > 0).astype(np.int64)
    clear = np.flatnonzero(np.abs(X[:, 0]) > 0.7)[:6]
    y[clear] = 1 - y[clear]
    X[150] = 40
    ids = np.arange(200)
    data = Data("t", "table", X, y, ids, ids.astype(str).astype(object), ("a", "b"))
    everybody = np.ones(200, dtype=bool)
    known = draw_request("memorised@0.06", data, everybody, 0).batches[0]
    assert len(set(clear.tolist()) & set(known.tolist())) >= 5
    assert draw_request("outliers@0.005", data, everybody, 0).batches[0].tolist() == [150]


@pytest.mark.parametrize("kind", ["frame", "text", "binary"])
def test_a_backdoor_has_a_mark_for_every_kind_of_data(kind: str) -> None:
    import pandas as pd

    ids = np.arange(40)
    y = ids % 2
    if kind == "text":
        X = np.array([f"text {i}" for i in ids], dtype=object)
    elif kind == "frame":
        X = pd.DataFrame({"job": ["a", "b"] * 20, "age": ids})
    else:
        X = (np.random.default_rng(0).random((40, 10)) > 0.5).astype(np.float32)
    data = Data("t", "text" if kind == "text" else "table", X, y, ids, ids.astype(str).astype(object), ("a", "b"))
    drawn = draw_request("poisoned@0.2", data, np.ones(40, dtype=bool), 0)
    place = drawn.batches[0][0]
    assert drawn.mark is not None
    before, after = data.rows(np.array([place])), drawn.data.rows(np.array([place]))
    assert np.asarray(before).tolist() != np.asarray(after).tolist() == np.asarray(drawn.mark(before)).tolist()
