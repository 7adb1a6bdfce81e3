"""Counts of pairs of labels, and sums by label: against dictionaries and fractions."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.maths import exact
from expunge.maths.contingency import (
    Pairs,
    add_pairs,
    dense_counts,
    label_sums,
    pair_counts,
    recoded_pairs,
    recoded_sums,
)

SIZES = (3, 1, 40, 5)


def table(rng: np.random.Generator, n: int, sizes: tuple[int, ...] = SIZES) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    codes = np.array([rng.integers(0, size, n) + start for size, start in zip(sizes, offsets, strict=False)])
    return codes.astype(np.int64), offsets


def counted(codes: np.ndarray, n_labels: int) -> dict[int, int]:
    """The slow twin: every pair of every record, one by one."""
    found: Counter[int] = Counter()
    for record in codes.T.tolist():
        for i, a in enumerate(record):
            for b in record[i + 1 :]:
                found[a * n_labels + b] += 1
    return dict(sorted(found.items()))


def as_dict(pairs: Pairs) -> dict[int, int]:
    assert (np.diff(pairs.keys) > 0).all()
    return dict(zip(pairs.keys.tolist(), pairs.counts.tolist(), strict=True))


@pytest.mark.parametrize("n", [0, 1, 7, 500])
def test_pairs_are_counted(n: int) -> None:
    codes, offsets = table(np.random.default_rng(n), n)
    assert as_dict(pair_counts(codes, offsets)) == counted(codes, int(offsets[-1]))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60))
def test_what_is_added_and_taken_out_leaves_nothing(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    codes, offsets = table(rng, n + m)
    first, second = pair_counts(codes[:, :n], offsets), pair_counts(codes[:, n:], offsets)
    whole = add_pairs(first, second, 1)
    assert as_dict(whole) == counted(codes, int(offsets[-1]))
    back = add_pairs(whole, second, -1)
    assert np.array_equal(back.keys, first.keys)
    assert np.array_equal(back.counts, first.counts)


def test_another_numbering_keeps_pairs_sums_and_order() -> None:
    rng = np.random.default_rng(3)
    codes, offsets = table(rng, 50, (4, 3))
    codes = codes[:, (codes[0] != 2) & (codes[1] != 4)]  # labels 2 and 4 have no record
    new_code = np.array([0, 1, -1, 2, -1, 3, 4])
    old = pair_counts(codes, offsets)
    new = recoded_pairs(old, 7, new_code, 5)
    assert as_dict(new) == counted(new_code[codes], 5)
    Z = rng.normal(size=(codes.shape[1], 2))
    units = np.array([2.0**-32, 2.0**-20])
    sums = recoded_sums(label_sums(Z, codes, 7, units), new_code, 5)
    assert np.array_equal(sums, label_sums(Z, new_code[codes], 5, units))


def test_the_dense_table_is_that_of_indicators() -> None:
    codes, offsets = table(np.random.default_rng(4), 80)
    n_labels = int(offsets[-1])
    H = np.zeros((80, n_labels))
    for column in codes:
        H[np.arange(80), column] = 1.0
    counts = H.sum(axis=0).astype(np.int64)
    assert np.array_equal(dense_counts(pair_counts(codes, offsets), counts), H.T @ H)


@pytest.mark.parametrize("scale", [1.0, 1e-9, 2.0**20, 2.0**27])
def test_sums_by_label_are_exact(scale: float) -> None:
    rng = np.random.default_rng(5)
    codes, offsets = table(rng, 60, (3, 5))
    Z = rng.normal(size=(60, 3)) * scale
    units = np.array([2.0**-32, 2.0**-31, 2.0**-30])
    sums = exact.to_integers(label_sums(Z, codes, int(offsets[-1]), units))
    for label in range(int(offsets[-1])):
        for j in range(3):
            members = [i for i in range(60) if label in codes[:, i]]
            rounded = [round(Fraction(Z[i, j]) / Fraction(units[j])) for i in members]
            assert sums[label, j] == sum(rounded)
