"""Every value has one form, and bytes in any other form are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import InvalidParameterError, TamperedError
from expunge.ledger import canonical_json
from expunge.ledger.canonical_json import decode, encode, exact_text, plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(VALUES)
def test_there_and_back(value: Any) -> None:
    data = encode(value)
    assert decode(data) == value
    assert json.loads(data) == value
    assert encode(decode(data)) == data


def test_the_form_is_that_of_rfc_8785() -> None:
    """Strings of its section 3.2.2.2 and the order of its section 3.2.3, as far as keys are ASCII."""
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    assert encode({"string": text}) == b'{"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert (
        encode({"b": 1, "1": None, "aa": True, "a": False, "B": []}) == b'{"1":null,"B":[],"a":false,"aa":true,"b":1}'
    )
    assert encode("\u007f\b\t\f\r\u0001") == b'"\x7f\\b\\t\\f\\r\\u0001"'
    assert encode(2**53 - 1) == b"9007199254740991"


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), 2**53, -(2**53), "\ud800", {1: 2}, {"": 1}, {"é": 1}, {"a\n": 1}, b"x", {3}, object()],
)
def test_what_has_no_form_is_refused_with_its_place(value: Any) -> None:
    for whole, place in ((value, "the value"), ({"a": [0, value]}, "the value['a'][1]")):
        with pytest.raises(InvalidParameterError) as error:
            encode(whole)
        assert str(error.value).startswith(place)


def test_depth_ends_in_a_sentence() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(InvalidParameterError, match="too deeply"):
        encode(value)
    for depth in (100, 200_000):
        with pytest.raises(TamperedError, match="too deeply"):
            decode(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":1}{', "not JSON: Extra data at byte 7"),
        (b'"\xc3\xa9', "at byte 0"),
        (b"\xff", "not UTF-8: byte 0"),
        (b'{"a": 1}', "byte 5 differs"),
        (b'{"b":1,"a":2}', "byte 2 differs"),
        (b'{"a":1,"a":1}', "byte 6 differs"),
        (b'"\\u00e9"', "byte 1 differs"),
        (b'"\\/"', "byte 1 differs"),
        (b'"\\ud800"', "half a character"),
        (b"1.0", "floating-point"),
        (b"1e3", "floating-point"),
        (b"NaN", "floating-point"),
        (b"-Infinity", "floating-point"),
        (b"-0", "byte 0 differs"),
        (b"9007199254740992", "beyond"),
        (b"1\n", "byte 1 differs"),
        (b" 1", "byte 0 differs"),
        (b"\xef\xbb\xbf1", "not JSON"),
        (b'{"\xc3\xa9":1}', "has the key 'é'"),
        (b"9" * 5000, "no number of a usual size"),
    ],
)
def test_bytes_in_another_form_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(TamperedError) as error:
        decode(data, what="The file")
    assert str(error.value).startswith("The file is not")
    assert says in str(error.value)


def test_numbers_as_text() -> None:
    for number in (0.1, 1e-300, 5e-324, -0.0, 1 / 3, 1e16, 123456789.0):
        assert repr(float(exact_text(number))) == repr(number)
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(InvalidParameterError):
            exact_text(wrong)
    assert plain({"a": (1, 0.5, True, None)}) == {"a": [1, "0.5", True, None]}
    assert set(canonical_json.__all__) == {"decode", "encode", "exact_text", "plain"}
