"""The canonical encoding, the leaves and roots over it, and what they must notice."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections import OrderedDict, defaultdict, namedtuple
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from expunge.canonical.encoding import encode
from expunge.digest import arrays, first_difference, leaf, root
from expunge.errors import UnsupportedEstimatorError

Pair = namedtuple("Pair", "left right")
Colour = Enum("Colour", "RED GREEN")


class Plain:
    def __init__(self, **state):
        self.__dict__.update(state)


class Slotted:
    __slots__ = ("a", "b")


def a_function(x):
    return x


GOLDEN = {
    "none": None,
    "numbers": [True, 0, -1, 2**70, 1.5, float("nan"), 1j],
    "text": ("é\ud800", b"\0", bytearray(b"x")),
    "sets": [{1, "a"}, frozenset({(1, 2)})],
    "arrays": [
        np.arange(6, dtype=">i2").reshape(2, 3).T,
        np.array(["ab", "c"], dtype="U9"),
        np.array([1, "x"], dtype=object),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.array([(1, 2.0)], dtype=[("a", "i1"), ("b", "<f8")]),
        np.float32(1),
    ],
    "rest": [slice(1, None), range(3), ..., int, len],
    7: {"b": 1, "a": 2},
}


def test_the_encoding_never_changes():
    # The stored digests of every model depend on it: a change here is a new format, not an edit of this line.
    assert leaf(GOLDEN).hex() == "600883bf91095e3223bff43270861ee4f033e9392fc997f0fd9c1cce973075ca"
    assert (
        root({"b": leaf(1), "a": leaf(2)}).hex() == "06f6fb7d1a7a3a0168ad8fc9ebd39f951f3e34fbe7a73c7ba755d6692d4b1425"
    )


# ------------------------------------------------------------------------------------------- a second implementation


def _n(number):
    return struct.pack("<Q", number)


def _text(text):
    raw = text.encode("utf-8", "surrogatepass")
    return _n(len(raw)) + raw


def _twin(value):
    """Encode plain data from the text of the documentation, recursively."""
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"B" + bytes([value])
    if isinstance(value, int):
        size = value.bit_length() // 8 + 1
        return b"I" + _n(size) + value.to_bytes(size, "little", signed=True)
    if isinstance(value, float):
        return b"D" + struct.pack("<d", value)
    if isinstance(value, str):
        return b"S" + _text(value)
    if isinstance(value, bytes):
        return b"Y" + _n(len(value)) + value
    if isinstance(value, (list, tuple)):
        return (b"L" if isinstance(value, list) else b"U") + _n(len(value)) + b"".join(map(_twin, value))
    if isinstance(value, frozenset):
        return b"e" + _n(len(value)) + b"".join(sorted(map(_twin, value)))
    if isinstance(value, dict):
        return b"M" + _n(len(value)) + b"".join(sorted(_twin(k) + _twin(v) for k, v in value.items()))
    kind = value.dtype.kind
    head = b"A" + _twin({"U": "<U", "O": "|O"}.get(kind, value.dtype.newbyteorder("<").str))
    head += _n(value.ndim) + b"".join(map(_n, value.shape))
    if kind == "O":
        return head + b"".join(map(_twin, value.ravel().tolist()))
    if kind == "U":
        cells = value.ravel().tolist()
        width = max(map(len, cells), default=0)
        return head + _n(width) + b"".join(c.ljust(width, "\0").encode("utf-32-le", "surrogatepass") for c in cells)
    return head + value.astype(value.dtype.newbyteorder("<")).tobytes()


_atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4)
_keys = st.text(max_size=3) | st.integers() | st.tuples(st.integers(), st.text(max_size=2))
_arrays = hnp.arrays(
    st.sampled_from(["<f8", ">f4", "|b1", ">i4", "|u1", "<M8[s]", "<c8", "<U3", "<f2"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
_values = st.recursive(
    _atoms | _arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(_keys, inner, max_size=4)
        | st.frozensets(_keys, max_size=4)
    ),
    max_leaves=12,
)


@given(_values)
@settings(max_examples=150, deadline=None)
def test_the_walk_writes_what_the_documentation_says(value):
    assert encode(value) == _twin(value)
    assert leaf(value) == hashlib.sha256(b"\0" + _twin(value)).digest()
    assert first_difference(value, pickle.loads(pickle.dumps(value))) is None


@given(st.dictionaries(st.text(max_size=3), st.binary(min_size=32, max_size=32), max_size=5))
def test_a_root_is_one_hash_over_sorted_names(leaves):
    body = b"".join(_text(name) + leaves[name] for name in sorted(leaves, key=lambda name: name.encode()))
    assert root(leaves) == hashlib.sha256(b"\1" + _n(len(leaves)) + body).digest()


def test_a_root_takes_only_hashes():
    with pytest.raises(ValueError, match="32 bytes"):
        root({"a": b"short"})


# ---------------------------------------------------------------------------------------------------- equal, unequal

EQUAL = {
    "order of a dict": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "order in memory": (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    "strides": (np.arange(6)[::2], np.array([0, 2, 4])),
    "byte order": (np.array([1, 2], ">i4"), np.array([1, 2], "<i4")),
    "declared width of text": (np.array(["a", "bc"], "U2"), np.array(["a", "bc"], "U30")),
    "declared width of bytes": (np.array([b"a"], "S1"), np.array([b"a"], "S5")),
    "sharing": ([(x := [1]), x], [[1], [1]]),
    "masked cells": (np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([1.0, 9.0], mask=[0, 1])),
    "padding": (np.ones(2, np.dtype("i1,f8", align=True)), np.ones(2, np.dtype("i1,f8"))),
}
UNEQUAL = {
    "type of a number": (1, 1.0),
    "bool and int": (True, 1),
    "sign of zero": (0.0, -0.0),
    "list and tuple": ([1], (1,)),
    "text and bytes": ("a", b"a"),
    "set and frozenset": ({1}, frozenset({1})),
    "order of an ordered dict": (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
    "kind of dict": ({}, defaultdict(list)),
    "shape": (np.zeros((2, 3)), np.zeros((3, 2))),
    "zero dimensions": (np.array(1.0), np.float64(1)),
    "dtype": (np.zeros(2, "f4"), np.zeros(2, "i4")),
    "empty dtype": (np.zeros(0, "f4"), np.zeros(0, "f8")),
    "unit of time": (np.array([0], "M8[s]"), np.array([0], "M8[ms]")),
    "class": (Plain(a=1), SimpleNamespace(a=1)),
    "named tuple": (Pair(1, 2), (1, 2)),
    "member": (Colour.RED, Colour.GREEN),
    "sparse kind": (scipy.sparse.csr_array(np.eye(2)), scipy.sparse.csr_matrix(np.eye(2))),
    "sparse cell": (scipy.sparse.csr_array(np.eye(2)), scipy.sparse.csr_array(2 * np.eye(2))),
    "missing": (None, pd.NA),
    "column name": (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
    "category order": (pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["b", "a"])),
    "generator state": (np.random.default_rng(0), np.random.default_rng(1)),
    "random state": (np.random.RandomState(0), np.random.RandomState(1)),
    "argument of a partial": (functools.partial(a_function, 1), functools.partial(a_function, 2)),
    "ufunc": (np.log, np.log1p),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_does_not_matter(pair):
    assert first_difference(*pair) is None
    assert leaf(pair[0]) == leaf(pair[1])


@pytest.mark.parametrize("pair", UNEQUAL.values(), ids=UNEQUAL)
def test_matters(pair):
    assert leaf(pair[0]) != leaf(pair[1])
    assert first_difference(*pair) is not None


SLOTTED = Slotted()
SLOTTED.a = np.arange(3)
KINDS = [
    Plain(a=[1], b=np.ones(2)),
    SLOTTED,
    Pair(1, [2]),
    Colour.RED,
    defaultdict(list, a=[1]),
    OrderedDict(a=1),
    functools.partial(a_function, 1, b=2),
    np.random.default_rng(3),
    np.random.RandomState(3),
    np.ma.array([1.0, 2.0], mask=[0, 1]),
    np.dtype([("a", "i4"), ("b", "f8", (2,))]),
    np.array(["x", "yy"], dtype=np.dtypes.StringDType()),
    *(
        scipy.sparse.random_array((4, 3), density=0.5, format=f, rng=0)
        for f in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
    ),
    pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"]), "d": pd.array([1, pd.NA])}),
    pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"]).tz_localize("Europe/Paris"), name="when"),
    pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
    pd.Timestamp("2020-01-01", tz="UTC"),
    [np.log1p, np.sum, scipy.special.expit, a_function, Plain, int, type(None), "a".join, pd.NA, object()],
]


@pytest.mark.parametrize("value", KINDS, ids=lambda value: type(value).__name__)
def test_survives_copies_through_pickle_and_joblib(value, tmp_path):
    joblib.dump(value, tmp_path / "value")
    for again in (pickle.loads(pickle.dumps(value)), joblib.load(tmp_path / "value")):
        assert first_difference(value, again) is None
        assert leaf(value) == leaf(again)


def test_memory_maps_equal_arrays(tmp_path):
    joblib.dump(np.arange(10.0), tmp_path / "array")
    mapped = joblib.load(tmp_path / "array", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    assert leaf(mapped) == leaf(np.arange(10.0))


def test_cycles_and_depth():
    one, two = [], []
    one.append(one)
    two.append([two])
    assert leaf(one) == leaf(one) != leaf(two)
    owner, other = Plain(), Plain()
    owner.child, other.child = Plain(parent=owner), Plain(parent=other)
    assert leaf(owner) == leaf(other)
    deep: list = []
    for _ in range(20_000):
        deep = [deep]
    assert leaf(deep) == leaf([deep[0]])


# ---------------------------------------------------------------------------------------- places, refusals, processes


def test_the_first_difference_has_a_place():
    a = Plain(steps=[("scale", Plain(mean_=np.zeros((2, 4)))), ("name", {"k": 1})])
    b = pickle.loads(pickle.dumps(a))
    assert first_difference(a, b) is None
    b.steps[0][1].mean_[0, 3] = 1
    assert first_difference(a, b) == "steps[0][1].mean_[0,3]"
    b.steps[0][1].mean_[0, 3] = 0
    b.steps[1][1]["k"] = 2
    assert first_difference(a, b) == "steps[1][1]['k']"
    assert first_difference(1, 2) == "the value itself"


@pytest.mark.parametrize(
    "bad",
    [
        lambda x: x,
        threading.Lock(),
        sys,
        (i for i in ()),
        type("Local", (), {}),
        type("Local", (), {})(),
        np.longdouble(1),
        np.matrix([[1]]),
    ],
    ids=lambda bad: type(bad).__name__,
)
def test_refusals_name_the_path_and_the_type(bad):
    with pytest.raises(UnsupportedEstimatorError) as caught:
        leaf(Plain(steps=[("a", Plain(regex_=bad))]))
    assert "steps[0][1].regex_" in str(caught.value)
    assert type(bad).__name__ in str(caught.value)
    assert caught.value.hint


def test_arrays_yields_every_array_with_its_path():
    value = Plain(
        a=[np.ones(2)], b=scipy.sparse.eye_array(2, format="csr"), c=np.array([np.zeros(1), None], dtype=object)
    )
    assert {path for path, _ in arrays(value)} == {"a[0]", "b.data", "b.indices", "b.indptr", "c[0]"}
    next(array for path, array in arrays(value) if path == "a[0]")[0] = 5
    assert value.a[0][0] == 5


def test_no_process_and_no_hash_seed_changes_a_leaf():
    program = (
        "from expunge.digest import leaf; from sklearn.feature_extraction.text import TfidfVectorizer as T;"
        "m = T(stop_words='english').fit(['red green', 'blue red']); m.transform(['red']);"
        "found = leaf([{'a', 'b', 'c', (1, 'x')}, {c: 1 for c in set('abcdef')}, m]).hex()"
    )
    here: dict[str, str] = {}
    exec(program, here)  # noqa: S102 - hashes of texts are seeded here as this process was, and there by 1
    there = subprocess.run(
        [sys.executable, "-c", f"{program}; print(found)"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PYTHONHASHSEED": "1"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert there.strip() == here["found"]
