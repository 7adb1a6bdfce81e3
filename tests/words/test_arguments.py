"""Arguments are refused in one sentence, whatever kind of nonsense they are."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from expunge.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_jobs,
    check_number,
    check_number_or_numbers,
    check_numbers,
    check_scale,
    check_verbose,
)
from expunge.errors import InvalidParameterError

SRC = Path(__file__).parents[2] / "src" / "expunge"
NONSENSE = (None, "1", True, np.True_, 1j, [1], np.array([1.0]), float("nan"), float("inf"))


def refusal(check: Any, *args: Any, **keywords: Any) -> str:
    with pytest.raises(InvalidParameterError) as caught:
        check(*args, **keywords)
    return str(caught.value)


@pytest.mark.parametrize("value", [*NONSENSE, 0, 2.0, np.int64(-1), Fraction(3)], ids=repr)
def test_what_is_no_count_is_refused(value: Any) -> None:
    assert refusal(check_count, "k", value) == f"k must be an integer from 1 on, got {value!r}."


@pytest.mark.parametrize("value", [1, 3, np.int64(3), np.uint8(255), 2**70], ids=repr)
def test_a_count_is_an_int(value: Any) -> None:
    assert check_count("k", value) == value
    assert type(check_count("k", value)) is int


def test_ends_of_a_count_are_allowed_and_told() -> None:
    assert [check_count("k", k, least=0, most=2) for k in (0, 1, 2)] == [0, 1, 2]
    assert refusal(check_count, "k", 3, least=0, most=2) == "k must be an integer from 0 to 2, got 3."


@pytest.mark.parametrize("value", [*NONSENSE, -1e-9, np.float32(-1)], ids=repr)
def test_what_is_no_number_is_refused(value: Any) -> None:
    assert refusal(check_number, "a", value) == f"a must be a number from 0 on, got {value!r}."


@pytest.mark.parametrize(
    ("ends", "good", "bad", "words"),
    [
        ({}, [0, 1e300], -1, "a number from 0 on"),
        ({"open_low": True}, [5e-324, 2], 0, "a number above 0"),
        ({"high": 1.0}, [0, 1], 1.1, "a number from 0 to 1"),
        ({"high": 1.0, "open_low": True}, [0.5, 1], 0, "a number above 0 and at most 1"),
        ({"high": 1.0, "open_high": True}, [0, 0.5], 1, "a number from 0 and below 1"),
        ({"high": 1.0, "open_low": True, "open_high": True}, [0.5], 1, "a number above 0 and below 1"),
        ({"low": -np.inf}, [-5, 5], np.inf, "a finite number"),
    ],
)
def test_ends_of_a_number_are_told(ends: dict[str, Any], good: list[float], bad: float, words: str) -> None:
    assert [check_number("a", value, **ends) for value in good] == [float(value) for value in good]
    assert refusal(check_number, "a", bad, **ends) == f"a must be {words}, got {bad!r}."


@pytest.mark.parametrize("value", [*NONSENSE[1:], 0, 1.5, np.int8(0), np.array(1)], ids=repr)
def test_what_is_no_number_of_jobs_is_refused(value: Any) -> None:
    assert refusal(check_jobs, value) == f"n_jobs must be a non-zero integer or None, got {value!r}."


def test_jobs_and_verbosity() -> None:
    assert [check_jobs(n) for n in (None, 1, -1, np.int8(2), 10**25)] == [None, 1, -1, 2, 10**25]
    for value in (True, np.False_, 0, 1, np.uint8(10)):
        check_verbose(value)
    for value in (-1, "1", 1j, None, 0.0, float("nan"), np.array(1)):
        assert refusal(check_verbose, value) == f"verbose must be an integer from 0 on, got {value!r}."


def test_a_scale_has_a_square_and_an_inverse() -> None:
    assert [check_scale("a", value) for value in (1e-100, Fraction(1, 2), 1e100)] == [1e-100, 0.5, 1e100]
    for value in (0.0, 1e-320, 1e101, 10**400):
        assert refusal(check_scale, "a", value) == f"a must be a number from 1e-100 to 1e+100, got {value!r}."


def test_one_number_or_a_list_of_them() -> None:
    for value in (0, 1.5, [1.0], np.array([1, 2]), (0.5, 1)):
        check_number_or_numbers("a", value, "target")
    for value in (np.array(1), [], ["1"], [[1.0]], [[1], [1, 2]], {}, [True]):
        expected = f"a must be numbers from 0 on, one for each target, got {value!r}."
        assert refusal(check_number_or_numbers, "a", value, "target") == expected
    assert refusal(check_number_or_numbers, "a", "1", "target") == "a must be a number from 0 on, got '1'."


def test_an_integer_too_long_for_a_sentence_is_refused_all_the_same() -> None:
    assert refusal(check_number, "a", 10**5000).endswith("got an int that is too long to be told.")


def test_choices_flags_and_lists_of_numbers() -> None:
    check_choice("w", "b", ("a", "b"))
    for value in ("c", None, 1, ["a"], np.array(["a", "b"])):
        assert refusal(check_choice, "w", value, ("a", "b")) == f"w must be 'a' or 'b', got {value!r}."
    assert refusal(check_choice, "w", 1, (False, True)) == "w must be False or True, got 1."
    check_flag("f", np.False_)
    assert refusal(check_flag, "f", 1) == "f must be True or False, got 1."
    check_numbers("p", [0, 0.5], "class")
    for wrong in ([], [-1], [[1]], None, "ab", [np.nan]):
        assert "numbers from 0 on, one for each class" in refusal(check_numbers, "p", wrong, "class")


#: Sentences on arguments that say more than one of the checks can.
OWN = {
    "methods/preprocessing/categories.py": "a count or a share",
    "methods/preprocessing/ordinal_encoder.py": "a number or NaN",
    "methods/preprocessing/simple_imputer.py": "a number or a text",
    "methods/networks/reference.py": "a number or 'auto'",
    "methods/sums/pca.py": "a count or a share",
    "methods/anomaly/pca_detector.py": "a count or a share",
    "methods/text/vectorizer.py": "a count or a share",
    "records.py": "imports nothing that imports NumPy",
}


WORDS = re.compile(r"must be (an? (whole number|integer|number|finite number)|one of|True or False|above \d)")


def test_no_other_file_has_a_sentence_of_its_own_for_these_mistakes() -> None:
    sources = {path.relative_to(SRC).as_posix(): path.read_text(encoding="utf-8") for path in SRC.rglob("*.py")}
    found = {name for name, text in sources.items() if any("!r}" in line for line in lines_with(text))}
    assert found - {"arguments.py"} == set(OWN)


def lines_with(text: str) -> list[str]:
    return [line for line in text.splitlines() if WORDS.search(line)]
