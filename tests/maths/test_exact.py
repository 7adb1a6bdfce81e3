"""The exact sums against Python's integers and fractions, which share no arithmetic with them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from threadpoolctl import threadpool_limits

from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.maths import exact
from maths.limbs import limbs_of

R = exact.DEFAULT_RESOLUTION
LARGEST = 2.0**63 - 1024  # the largest float64 below 2**63


def slow_fixed(X, resolution=R):
    """Nearest integers by fractions, ties to even, as Python's round does."""
    r = np.broadcast_to(resolution, X.shape[1])
    return [[round(Fraction(float(x)) / Fraction(float(s))) for x, s in zip(row, r, strict=True)] for row in X]


def slow_gram(rows, d):
    return [[sum(row[i] * row[j] for row in rows) for j in range(d)] for i in range(d)]


def slow_groups(rows, codes, n_groups, d, power):
    return [
        [sum(row[j] ** power for row, c in zip(rows, codes, strict=True) if c == k) for j in range(d)]
        for k in range(n_groups)
    ]


def assert_canonical(limbs):
    assert limbs.dtype == np.int64
    assert (limbs[:-1] >= 0).all()
    assert (limbs[:-1] < 2**22).all()


def assert_same_bits(a, b):
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


def wild(rng, n, d, largest_power=31):
    """Values of every size: near the ends of the range, tiny, exact powers, ties, zeros of both signs."""
    X = np.ldexp(rng.uniform(-1, 1, (n, d)), rng.integers(-45, largest_power + 1, (n, d)))
    odd = [2.0**largest_power - 2**-20, -(2.0**largest_power) + 2**-20, 0.0, -0.0, 2.0**-33, -(2.0**-33), 5e-324]
    odd += [1.5 * 2**-32, -2.5 * 2**-32, 2.0**-11, -(2.0 ** (largest_power - 1)), 2.0**11, 1.0]
    where = rng.random((n, d)) < 0.3
    X[where] = rng.choice(odd, where.sum())
    return X


heads = st.integers(0, 2**52).flatmap(lambda k: st.sampled_from([2**52 + k, 2**53 + 2 * k, 2**53 + 2 * k + 1]))
shapes = st.tuples(st.sampled_from([1, 2, 3, 7, 511, 512, 513]), st.integers(1, 3))
powers = st.sampled_from([-12, 0, 11, 31])  # one, two and three digits
integers = st.one_of(
    st.integers(-(2**107), 2**107), st.integers(-(2**54), 2**54), st.integers(0, 105).map(lambda k: 2**k)
)


@settings(max_examples=25, deadline=None)
@given(shape=shapes, power=powers, seed=st.integers(0, 2**32))
def test_sums_equal_those_of_python_integers(shape, power, seed):
    rng = np.random.default_rng(seed)
    n, d = shape
    X = wild(rng, n, d, power)
    codes = rng.integers(0, 3, n)
    rows = slow_fixed(X)
    assert exact.to_fixed(X, R).tolist() == rows
    gram = exact.gram(X, R)
    sums, squares = exact.group_sums(X, codes, 3, R), exact.group_squares(X, codes, 3, R)
    for limbs in (gram, sums, squares):
        assert_canonical(limbs)
    assert exact.to_integers(gram).tolist() == slow_gram(rows, d)
    assert exact.to_integers(sums).tolist() == slow_groups(rows, codes, 3, d, 1)
    assert exact.to_integers(squares).tolist() == slow_groups(rows, codes, 3, d, 2)
    assert exact.to_integers(exact.column_sums(X, R)).tolist() == slow_groups(rows, np.zeros(n), 1, d, 1)[0]


@pytest.mark.parametrize("power", [-12, 11, 31])
def test_two_blocks_and_many_groups(power):
    rng = np.random.default_rng(1)
    n, d, n_groups = 1024, 2, 40
    X, codes = wild(rng, n, d, power), rng.integers(0, n_groups - 1, n)  # the last group stays empty
    rows = slow_fixed(X)
    sums, squares = exact.group_sums(X, codes, n_groups, R), exact.group_squares(X, codes, n_groups, R)
    assert exact.to_integers(exact.gram(X, R)).tolist() == slow_gram(rows, d)
    assert exact.to_integers(sums).tolist() == slow_groups(rows, codes, n_groups, d, 1)
    assert exact.to_integers(squares).tolist() == slow_groups(rows, codes, n_groups, d, 2)
    assert not sums[:, -1].any()
    by_few = [exact.group_squares(X[codes == k], np.zeros((codes == k).sum(), int), 1, R)[:, 0] for k in range(40)]
    assert_same_bits(squares, np.ascontiguousarray(np.stack(by_few, axis=1)))


def worst_integers():
    """Around the limits for one, two and three digits, and integers whose digits are as large as can be, and odd."""
    yield from [2**21, 2**43, 2**43 + 1, 2**44, 2**44 + 1, 2**45 + 1, 2**47 - 1, 2**53, int(LARGEST), 2**43 + 2**21]
    for digit in (2**21, 2**21 - 1, -(2**21) + 1):
        yield from [digit, digit + 2**22 * (2**21 - 1), digit * 2**22, (2**19 - 1) * 2**44 + digit * 2**22]
    yield (2**21 - 1) + (2**21 - 1) * 2**22 + (2**9 - 1) * 2**44  # 53 bits: three digits, all odd


@pytest.mark.parametrize("q", sorted(set(worst_integers())))
@pytest.mark.parametrize("sign", [1, -1])
def test_the_bound_holds_for_full_blocks_of_the_worst_digits(q, sign):
    q = sign * int(float(q))
    n, d = 512 * 17 + 5, 3
    F = np.full((n, d), float(q))
    F[:, 1] *= -1
    F[:, 2] = 1.0
    row = [int(x) for x in F[0]]
    codes = np.zeros(n, dtype=int)
    assert exact.to_integers(exact.gram(F, 1)).tolist() == [[n * a * b for b in row] for a in row]
    for n_groups in (1, 30):
        squares = exact.to_integers(exact.group_squares(F, codes, n_groups, 1))
        assert squares[0].tolist() == [n * a * a for a in row]
        assert exact.to_integers(exact.group_sums(F, codes, n_groups, 1))[0].tolist() == [n * a for a in row]


def test_every_digit_is_within_its_bound():
    rng = np.random.default_rng(0)
    for power in (10, 21, 22, 42, 43, 44, 62):
        q = np.rint(rng.uniform(-(2.0**power), 2.0**power, 2000))
        q[:2] = 2.0**power, -(2.0**power)
        digits = exact._digits(q, float(np.abs(q).max()))
        assert max(np.abs(digit).max() for digit in digits) <= 2**21
        assert [sum(int(x[i]) << 22 * k for k, x in enumerate(digits)) for i in range(len(q))] == [int(x) for x in q]


def test_more_blocks_than_are_added_before_a_carry():
    F = np.full((512 * 600 + 1, 1), LARGEST)
    F[1::2] = -LARGEST
    n, q = len(F), int(LARGEST)
    assert exact.to_integers(exact.gram(F, 1)).item() == n * q * q
    assert exact.to_integers(exact.group_squares(F, np.zeros(n, int), 1, 1)).item() == n * q * q
    assert exact.to_integers(exact.column_sums(np.abs(F), 1)).item() == n * q
    F = np.full((512 * 1100, 1), 2.0**44)
    assert exact.to_integers(exact.column_sums(F, 1)).item() == len(F) * 2**44


def test_order_batches_layout_and_threads_do_not_change_bits():
    rng = np.random.default_rng(3)
    X, codes = wild(rng, 1500, 6), rng.integers(0, 2, 1500)
    order = rng.permutation(len(X))

    def all_sums(X, codes):
        return [exact.gram(X, R), exact.group_sums(X, codes, 2, R), exact.group_squares(X, codes, 2, R)]

    first = all_sums(X, codes)
    with threadpool_limits(limits=1):
        alone = all_sums(X, codes)
    shuffled, columnwise = all_sums(X[order], codes[order]), all_sums(np.asfortranarray(X), codes)
    parts = [all_sums(X[part], codes[part]) for part in (slice(0, 1), slice(1, 700), slice(700, 1500))]
    batches = [exact.add(exact.add(a, b), c) for a, b, c in zip(*parts, strict=True)]
    for others in (alone, shuffled, columnwise, batches):
        for a, b in zip(first, others, strict=True):
            assert_same_bits(a, b)
    assert_same_bits(exact.gram(exact.to_fixed(X, R), 1), first[0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), power=powers, n_forget=st.integers(1, 20))
def test_forgetting_restores_the_bits_of_the_sum_without(seed, power, n_forget):
    rng = np.random.default_rng(seed)
    X = wild(rng, 600, 3, power)
    forget, kept = X[:n_forget], X[n_forget:]
    state, before = exact.gram(X, R), exact.gram(X, R)
    after = state
    for row in forget:
        after = exact.subtract(after, exact.gram(row[None], R))
    assert_same_bits(after, exact.gram(kept, R))
    assert_same_bits(exact.subtract(state, exact.gram(forget, R)), after)
    assert_same_bits(exact.add(after, exact.gram(forget, R)), state)
    assert_same_bits(state, before)  # arguments are left alone
    assert not exact.subtract(state, state).any()


@settings(max_examples=60, deadline=None)
@given(values=st.lists(integers, min_size=1, max_size=5), shifts=st.lists(st.integers(-(2**38), 2**38), min_size=5))
def test_the_canonical_form_is_unique_and_converts_both_ways(values, shifts):
    limbs = limbs_of(values, 6)
    assert_canonical(limbs)
    assert exact.to_integers(limbs).tolist() == values
    loose = limbs.copy()
    for k in range(5):  # another writing of the same integer
        loose[k] += shifts[k] * 2**22
        loose[k + 1] -= shifts[k]
    kept = loose.copy()
    assert exact.to_integers(loose).tolist() == values
    assert_same_bits(exact.carry(loose), limbs)
    assert_same_bits(loose, kept)
    assert_same_bits(exact.to_float(loose), exact.to_float(limbs))


@settings(max_examples=200, deadline=None)
@given(
    head=heads, shift=st.integers(0, 110), tail=st.integers(-2, 2), power=st.integers(-512, 512),
    sign=st.sampled_from([1, -1]), n_limbs=st.sampled_from([6, 7]),
)  # fmt: skip
def test_to_float_rounds_once_and_correctly(head, shift, tail, power, sign, n_limbs):
    value = sign * ((head << shift) + tail)  # at, just above and just below ties
    got = float(exact.to_float(limbs_of(value, n_limbs), 2.0**power))
    assert got == float(value) * 2.0**power
    error, step = abs(Fraction(got) / Fraction(2) ** power - value), Fraction(float(np.spacing(abs(got)))) / 2
    assert error <= step / Fraction(2) ** power


def test_to_float_around_ties_of_every_length():
    values = [(h << k) + t for h in (2**53 + 1, 2**53 + 3, 2**54 - 1) for k in range(118) for t in (-1, 0, 1)]
    assert exact.to_float(limbs_of(values, 6)).tolist() == [float(v) for v in values]


def test_to_float_broadcasts_and_knows_the_extremes():
    values = np.array([[0, 1, -1], [2**172 - 1, -(2**173), 2**53 + 1]], dtype=object)
    scale = np.array([1.0, 2.0**-32, 2.0**40])
    got = exact.to_float(limbs_of(values, 6), scale)
    assert got.tolist() == [[float(v) * s for v, s in zip(row, scale, strict=True)] for row in values]
    assert not np.signbit(got[0, 0])
    assert exact.to_float(exact.zeros_sum((0, 2))).shape == (0, 2)
    lowest = limbs_of(-(2**107), 3)
    assert float(exact.to_float(lowest)) == -(2.0**107)
    with pytest.raises(InvalidParameterError, match="scale"):
        exact.to_float(lowest, 3.0)


@settings(max_examples=25, deadline=None)
@given(n=st.sampled_from([1, 40, 700]), seed=st.integers(0, 2**32), n_groups=st.integers(1, 20), power=powers)
def test_sparse_equals_dense(n, seed, n_groups, power):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, 5)) < 0.3, wild(rng, n, 5, power), 0.0)
    codes, resolution = rng.integers(0, n_groups, n), R * 2.0 ** np.arange(5)
    rows = sparse.csr_array(X)
    assert_same_bits(
        exact.sparse_group_sums(rows, codes, n_groups, resolution), exact.group_sums(X, codes, n_groups, resolution)
    )


def test_sparse_sums_in_several_parts_and_after_slicing():
    ones = sparse.csr_array(np.ones((2**20 // 4 + 3, 4)))
    codes = np.zeros(ones.shape[0], dtype=int)
    assert_same_bits(exact.sparse_group_sums(ones, codes, 1, R)[:, 0], exact.column_sums(ones.toarray(), R))
    empty = sparse.csr_array((3, 4))
    assert not exact.sparse_group_sums(empty, np.zeros(3, int), 2, R).any()
    with pytest.raises(InvalidDataError, match="CSR"):
        exact.sparse_group_sums(ones.tocsc(), codes, 1, R)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0**31, -(2.0**31), 1e308])
def test_a_value_out_of_range_is_refused_with_the_name_of_its_record(bad):
    X = np.ones((1300, 3))
    X[1201, 2] = X[1202, 0] = bad  # the record that comes first is named
    ids = [f"r-{i}" for i in range(1300)]
    codes, rows = np.zeros(1300, dtype=int), sparse.csr_array(X)
    for call in (
        lambda **k: exact.to_fixed(X, R, **k),
        lambda **k: exact.gram(X, R, **k),
        lambda **k: exact.column_sums(X, R, **k),
        lambda **k: exact.group_sums(X, codes, 1, R, **k),
        lambda **k: exact.group_squares(X, codes, 1, R, **k),
        lambda **k: exact.sparse_group_sums(rows, codes, 1, R, **k),
    ):
        with pytest.raises(OutOfRangeError, match=r"Record 'r-1201' \(row 1201\) has .* in column 2"):
            call(record_ids=ids)
        with pytest.raises(OutOfRangeError, match="Row 1201 has"):
            call()
    first = sparse.csr_array([[0.0, 1.0], [0.0, 0.0], [bad, 1.0]])
    with pytest.raises(OutOfRangeError, match=r"Row 2 has .* in column 0"):
        exact.sparse_group_sums(first, codes[:3], 1, R)


def test_the_last_values_in_range_are_taken():
    X = np.array([[np.nextafter(2.0**31, 0), -np.nextafter(2.0**31, 0)]])
    assert exact.to_fixed(X, R).tolist() == [[LARGEST, -LARGEST]]
    assert exact.to_fixed([[1e-300, -(2.0**-34)]], R).tobytes() == np.zeros((1, 2)).tobytes()  # no negative zero


@pytest.mark.parametrize("bad", [0.0, -1.0, 3.0, 0.1, np.nan, np.inf, 2.0**-257, 2.0**257, [1.0, 1.0, 1.0], [[1.0]]])
def test_a_resolution_is_a_power_of_two(bad):
    with pytest.raises(InvalidParameterError, match="resolution"):
        exact.check_resolution(bad, 2)


def test_resolutions_per_column():
    resolution = np.array([2.0**-256, 2.0**-40, 2.0**3, 2.0**256])
    assert_same_bits(exact.check_resolution(resolution, 4), resolution)
    assert_same_bits(exact.check_resolution(0.5, 2), np.array([0.5, 0.5]))
    X = np.random.default_rng(0).normal(size=(20, 4)) * resolution * 1000.5
    rows = slow_fixed(X, resolution)
    assert exact.to_integers(exact.gram(X, resolution)).tolist() == slow_gram(rows, 4)
    scale = np.multiply.outer(resolution, resolution)
    expected = [
        [float(v) * s for v, s in zip(*pair, strict=True)] for pair in zip(slow_gram(rows, 4), scale, strict=True)
    ]
    assert exact.to_float(exact.gram(X, resolution), scale).tolist() == expected


@pytest.mark.parametrize("codes", [[0, 1], [0, 1, 2], [0, -1, 1], [0.0, 1.0, 1.0], [[0, 1, 1]]])
def test_codes_are_checked(codes):
    for call in (exact.group_sums, exact.group_squares):
        with pytest.raises(InvalidParameterError, match="codes"):
            call(np.ones((3, 2)), codes, 2, R)
    with pytest.raises(InvalidParameterError, match="codes"):
        exact.sparse_group_sums(sparse.csr_array(np.ones((3, 2))), codes, 2, R)


def test_nothing_sums_to_nothing():
    assert_same_bits(exact.gram(np.empty((0, 3)), R), exact.zeros_product((3, 3)))
    assert_same_bits(exact.group_sums(np.empty((0, 3)), [], 2, R), exact.zeros_sum((2, 3)))
    assert exact.gram(np.empty((4, 0)), R).shape == (6, 0, 0)
    with pytest.raises(InvalidDataError, match="shape"):
        exact.gram(np.ones(3), R)


@settings(max_examples=25, deadline=None)
@given(
    n=st.sampled_from([1, 2, 30, 600]), seed=st.integers(0, 2**32), weighted=st.booleans(),
    offset=st.sampled_from([0.0, 1.0, 1e6, -2e9]), size=st.sampled_from([1e-9, 1.0, 1e4]),
)  # fmt: skip
def test_centred_moments_equal_fractions_rounded_once(n, seed, weighted, offset, size):
    rng = np.random.default_rng(seed)
    X = offset + size * rng.normal(size=(n, 3))
    root = np.sqrt(rng.uniform(0.1, 1, (n, 1))) if weighted else np.ones((n, 1))
    resolution = np.array([2.0**-30, R, R, 2.0**-20])
    Z = np.hstack([root, root * X])
    got = exact.centred_gram(exact.gram(Z, resolution), resolution)
    units = [Fraction(float(r)) for r in resolution]
    rows = slow_fixed(Z, resolution)
    columns = [[row[k] * unit for row in rows] for k, unit in enumerate(units)]
    one, values = columns[0], columns[1:]
    weight = sum(w * w for w in one)
    means = [sum(w * v for w, v in zip(one, col, strict=True)) / weight for col in values]
    residuals = [[v - w * mean for w, v in zip(one, col, strict=True)] for col, mean in zip(values, means, strict=True)]
    scatter = [[float(sum(a * b for a, b in zip(r, s, strict=True))) for s in residuals] for r in residuals]
    assert got.weight == float(weight)
    assert got.means.tolist() == [float(mean) for mean in means]
    assert got.scatter.tolist() == scatter
    assert (np.diag(got.scatter) >= 0).all()


def test_a_huge_outlier_learned_and_forgotten_leaves_no_trace():
    Z = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    outlier = exact.gram([[1.0, 1e9]], R)
    state = exact.subtract(exact.add(exact.gram(Z, R), outlier), outlier)
    moments = exact.centred_gram(state, R)
    assert (moments.weight, moments.means.tolist(), moments.scatter.tolist()) == (3.0, [2.0], [[2.0]])


def test_no_weight_has_no_mean():
    with pytest.raises(InvalidDataError, match="zero"):
        exact.centred_gram(exact.zeros_product((3, 3)), R)
