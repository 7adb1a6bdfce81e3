"""Expected work of forgetting against every possible placement, against draws, and against the models themselves."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import SGDClassifier

import expunge
from expunge.maths.power_law import fit_power_law
from expunge.maths.sharding import (
    draw_steps,
    expected_reads,
    full_reads,
    reads_of_requests,
    total_sizes,
)


def slow_reads(sizes, gone, cells_of, n_shards, n_slices, by):
    """Records read again by one removal: walk through the shards slice by slice, as a trainer would."""
    owners = [person for person, size in enumerate(sizes) for _ in range(size)]
    place = [cells_of[person] for person in owners] if by == "subject" else list(cells_of)
    reads = 0
    for shard in range(n_shards):
        seen, is_dirty = 0, False
        for number in range(n_slices):
            cell = shard * n_slices + number
            stay = sum(place[r] == cell and owners[r] not in gone for r in range(len(owners)))
            is_dirty |= any(place[r] == cell and owners[r] in gone for r in range(len(owners)))
            seen += stay
            reads += seen if is_dirty and stay else 0
    return reads


def enumerated(sizes, k, n_shards, n_slices, by):
    """The mean over every placement and every batch."""
    n_units = len(sizes) if by == "subject" else sum(sizes)
    total, count = 0, 0
    for cells_of in itertools.product(range(n_shards * n_slices), repeat=n_units):
        for gone in itertools.combinations(range(len(sizes)), k):
            total += slow_reads(sizes, gone, cells_of, n_shards, n_slices, by)
            count += 1
    return total / count


@pytest.mark.parametrize(
    ("sizes", "k", "n_shards", "n_slices"),
    [
        ([1, 1, 1, 1], 1, 2, 2),
        ([1, 1, 1, 1], 2, 2, 2),
        ([1, 1, 1], 2, 3, 1),
        ([1, 1, 1], 1, 1, 3),
        ([3, 1, 1], 1, 2, 2),
        ([2, 2, 1], 2, 2, 1),
        ([4, 1], 1, 1, 3),
        ([1, 1], 2, 2, 2),
    ],
)
@pytest.mark.parametrize("by", ["record", "subject"])
def test_the_expectation_is_the_mean_over_every_placement(sizes, k, n_shards, n_slices, by):
    slow = enumerated(sizes, k, n_shards, n_slices, by)
    assert reads_of_requests(Counter(sizes), k, n_shards, n_slices, by) == pytest.approx(slow, rel=1e-12)


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 60))
def test_it_tends_to_the_published_formula_for_equal_shards(n_shards, n_slices, k):
    m = 10**9
    i = np.arange(1, n_slices + 1)
    published = np.sum(2 * i / (n_slices * (n_slices + 1)) * (1 - (1 - i / (n_slices * n_shards)) ** k))
    share = expected_reads(m, m, k, n_shards, n_slices) / full_reads(m, m, n_shards, n_slices)
    assert share == pytest.approx(float(published), rel=1e-9)


@given(st.integers(2, 400), st.integers(1, 20), st.integers(1, 6), st.integers(1, 10))
def test_it_lies_between_nothing_and_everything_and_grows_with_the_batch(n, n_shards, n_slices, k):
    one, more = (expected_reads(n, n, h, n_shards, n_slices) for h in (k, k + 1))
    assert 0 < one < more or n_shards == n_slices == 1
    assert more <= full_reads(n, n, n_shards, n_slices) * (1 + 1e-12)
    assert full_reads(n, n, n_shards, 1) == pytest.approx(n)


def test_nothing_left_is_nothing_to_read():
    assert expected_reads(0, 0, 3, 2, 2) == 0
    assert reads_of_requests({2: 3}, 3, 4, 2, "subject") == 0


@settings(max_examples=40)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.data())
def test_total_sizes_are_those_of_all_batches(sizes, data):
    k = data.draw(st.integers(1, len(sizes)))
    slow = Counter(sum(batch) for batch in itertools.combinations(sizes, k))
    found = total_sizes(Counter(sizes), k)
    assert set(found) == set(slow)
    for total, count in slow.items():
        assert found[total] == pytest.approx(count / sum(slow.values()))


def test_a_large_batch_has_the_expected_number_of_records():
    exact, rough = (reads_of_requests({1: 4000, 5: 900}, k, 20, 1, "record") for k in (50, 51))
    assert rough == pytest.approx(exact, rel=0.03)
    assert total_sizes({1: 4000, 5: 900}, 490) == {850: 1.0}


def test_somebody_with_very_many_records_takes_no_time():
    sizes = {**dict.fromkeys(range(1, 200), 3), 200_000: 1}
    found = total_sizes(sizes, 40)
    assert len(found) == 1
    assert total_sizes(sizes, 1)[200_000] == pytest.approx(1 / 598)


@pytest.mark.parametrize("by", ["record", "subject"])
@pytest.mark.parametrize(("k", "n_shards", "n_slices"), [(1, 8, 1), (3, 4, 5), (12, 6, 3)])
def test_draws_agree_with_the_expectation(by, k, n_shards, n_slices):
    sizes = {1: 60, 3: 20, 9: 3}
    steps = draw_steps(np.random.default_rng(0), 4000, sizes, k, n_shards, n_slices, by)
    work = steps.reads.sum(axis=(1, 2))
    spread = 5 * work.std() / np.sqrt(len(work))
    assert abs(work.mean() - reads_of_requests(sizes, k, n_shards, n_slices, by)) < spread
    assert (steps.is_first.sum(axis=2) <= 1).all()
    assert (steps.reads[steps.is_first] > 0).all()


@pytest.mark.parametrize("by", ["record", "subject"])
def test_models_with_other_seeds_plan_that_much_work_on_average(by):
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(30), rng.integers(1, 6, 30))
    X, y = rng.normal(size=(len(owners), 2)), np.arange(len(owners)) % 2
    base = SGDClassifier(loss="log_loss", max_iter=1, tol=None)
    sizes, plans = Counter(np.bincount(owners).tolist()), []
    for seed in range(12):
        model = expunge.SISAClassifier(base, n_shards=3, n_slices=3, seed=seed, place_by=by)
        model._doubt = lambda rows: None  # this one is about places, not about bits
        model.fit(X, y, subject_ids=owners)
        plans += [model.plan(subjects=[person]).work_low for person in range(30)]
    # Plans of one model hang together, so the means of the models are compared.
    means = np.array(plans).reshape(12, 30).mean(axis=1)
    assert abs(means.mean() - reads_of_requests(sizes, 1, 3, 3, by)) < 4 * means.std(ddof=1) / np.sqrt(12)


# ---------------------------------------------------------------- growth with size


@given(st.floats(0, 10), st.floats(0.001, 10), st.sampled_from([0.5, 0.8, 1.0, 1.25, 2.0]))
def test_a_curve_without_noise_is_found_again(a, b, c):
    x = np.array([50.0, 100, 400, 1000, 5000])
    law = fit_power_law(x, a + b * x**c)
    assert law(20_000.0) == pytest.approx(a + b * 20_000**c, rel=1e-3)
    assert np.allclose(law.ratios, 1, rtol=1e-3)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(1e-6, 1e3)), min_size=1, max_size=8))
def test_a_curve_never_falls_or_is_negative(points):
    x, y = zip(*points, strict=True)
    law = fit_power_law(x, y)
    assert law.a >= 0
    assert law.b >= 0
    assert law(2e6) >= law(1.0) > 0 or law.a == 0


def test_one_size_alone_is_taken_for_proportional():
    assert fit_power_law([100, 100], [1.0, 1.0])(1000) == pytest.approx(10)
