"""Histories of forgetting and learning that classifiers on class sums live through."""

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn import datasets
from sklearn.preprocessing import scale

from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError

LABELS = {"integers": [0, 1, 2], "texts": ["a", "b", "much longer"], "booleans": [False, True, True]}


def random_table(n=120, d=4, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    return rng.normal(size=(n, d)) * [1, 10, 0.1, 3][:d] + y[:, np.newaxis], y


def scaled_sets():
    return [
        pytest.param(lambda load=load: _scaled(load), id=load.__name__.removeprefix("load_"))
        for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits)
    ]


def _scaled(load):
    X, y = load(return_X_y=True)
    return scale(X), y


def near(ours, theirs, what):
    """Within a millionth of the largest value."""
    assert np.shape(ours) == np.shape(theirs), what
    size = max(1e-300, np.abs(theirs).max())
    assert np.abs(ours - theirs).max() <= 1e-6 * size, what


def fresh(model, X, y, keep, weight=None):
    w = None if weight is None else weight[keep]
    return type(model)(**model.get_params()).fit(X[keep], y[keep], record_ids=keep, sample_weight=w, allow_dormant=True)


@st.composite
def histories(draw, n=15):
    rows = st.lists(st.integers(0, n - 1), unique=True, min_size=1)
    return draw(rows), draw(st.lists(rows, max_size=6))


def lives_as_a_fresh_fit(model, history, labels, with_weights):
    """Fit, forget what is there and learn what is not, in batches: the model ends as one fitted on what is left."""
    X, codes = random_table(15)
    X[3] *= 1e7
    y = np.array(LABELS[labels])[codes]
    weight = np.linspace(0, 3, 15) if with_weights else None

    def part(rows):
        return None if weight is None else weight[rows]

    first, batches = np.array(history[0]), history[1]
    model.fit(X[first], y[first], record_ids=first, sample_weight=part(first), allow_dormant=True)
    alive = set(first.tolist())
    for batch in batches:
        gone, new = [i for i in batch if i in alive], np.array([i for i in batch if i not in alive], dtype=int)
        if gone:
            assert model.forget(gone).work == len(gone)
        if len(new):
            try:
                model.learn(X[new], y[new], record_ids=new, sample_weight=part(new))
            except ValueError:  # a model that predicts may refuse to learn itself asleep
                new = new[:0]
        alive = alive.difference(gone).union(new.tolist())
    rest = np.array(sorted(alive), dtype=int)
    other = fresh(model, X, y, rest, weight)
    assert model.digest() == other.digest()
    try:
        expected = other.decision_function(X)
    except DormantModelError:
        with pytest.raises(DormantModelError):
            model.predict(X)
    else:
        assert_array_equal(model.decision_function(X), expected)
        assert_array_equal(model.predict(X), other.predict(X))
        weighs = rest if weight is None else rest[weight[rest] > 0]
        assert_array_equal(model.classes_, np.unique(y[weighs]))


def a_class_vanishes_and_comes_back(model, tmp_path):
    X, codes = random_table()
    y = np.array(["a", "b", "much longer"])[codes]
    model.fit(X, y)
    before = model.digest()
    model.forget(classes=["much longer"])
    assert model.classes_.tolist() == ["a", "b"]
    assert model.decision_function(X).shape == (len(X),)
    other = fresh(model, X, y, np.flatnonzero(codes != 2))
    assert model.save(tmp_path / "a").read_bytes() == other.save(tmp_path / "b").read_bytes()
    back = np.flatnonzero(codes == 2)
    model.learn(X[back], y[back], record_ids=back)
    assert model.digest() == before
    model.forget(np.arange(len(X)))
    with pytest.raises(DormantModelError):
        model.predict(X)


def integer_weights_are_repeated_records(model, exactly=True):
    X, y = random_table(30)
    weight = np.arange(30) % 4
    model.fit(X, y, sample_weight=weight)
    values, classes = model.decision_function(X), model.predict(X)
    model.fit(X.repeat(weight, axis=0), y.repeat(weight))
    assert_array_equal(model.predict(X), classes)
    if exactly:
        assert_array_equal(model.decision_function(X), values)
    else:
        near(model.decision_function(X), values, "decision_function")


def huge_records_leave_no_trace(model):
    X, y = random_table()
    huge = np.array([[1e9, -1.1e9, 2e9, -2e9], [1e9, 1e9, 1e9, 1e9]])
    model.fit(np.concatenate([X, huge]), np.concatenate([y, [0, 1]]))
    model.forget([len(X), len(X) + 1])
    assert model.digest() == fresh(model, X, y, np.arange(len(X))).digest()


def an_offset_costs_no_digits(model):
    X, y = random_table()
    X = np.rint(X * 1024) / 1024
    near(_shifted(model, X, y, 2.0**24), _shifted(model, X, y, 0.0), "an offset")


def _shifted(model, X, y, offset):
    return model.fit(X + offset, y).decision_function(X + offset)


def end_of(make, X, y, weight, history, forget, may_refuse=False):
    """After a history the model shows what a fresh fit on the records that are left shows.

    ``forget`` takes the model and ids; ``may_refuse`` where a model that predicts may refuse to learn itself asleep.
    """

    def told(rows):
        beside = {"record_ids": rows, "sample_weight": None if weight is None else weight[rows]}
        return {"X": X[rows], "y": None if y is None else y[rows], **beside}

    first = np.array(history[0])
    lived, alive = make().fit(**told(first), allow_dormant=True), set(first.tolist())
    for batch in history[1]:
        gone, new = [i for i in batch if i in alive], np.array([i for i in batch if i not in alive], dtype=int)
        if gone:
            forget(lived, gone)
        try:
            if len(new):
                lived.learn(**told(new))
        except InvalidDataError:
            assert may_refuse
            new = new[:0]
        alive = alive.difference(gone).union(new.tolist())
    other = make().fit(**told(np.array(sorted(alive), dtype=int)), allow_dormant=True)
    assert lived.digest() == other.digest()
    try:
        expected = other.predict(X)
    except DormantModelError:
        with pytest.raises(DormantModelError):
            lived.predict(X)
    else:
        assert_array_equal(lived.predict(X), expected)
