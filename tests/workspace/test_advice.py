"""Advice on shards: what is measured, what follows from it, and what becomes of nonsense."""

import dataclasses
import importlib.util
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

import expunge
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths.power_law import PowerLaw
from expunge.maths.sharding import reads_of_requests
from expunge.rows import Table
from expunge.seeds import derive_seed, uniform64
from expunge.workspace.advice import Measured, Question, Score, advise, measure
from expunge.workspace.advice.forecast import forecast
from expunge.workspace.advice.measure import _half_width
from expunge.workspace.advice.page import page_html
from expunge.workspace.advice.picture import draw_png
from expunge.workspace.advice.privacy import PrivacyAdvice, PrivacyChoice
from expunge.workspace.advice.question import DAY_S, parse_duration
from expunge.workspace.advice.sample import FOLDS, draw_sample, unit_sizes, units_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
N = 300
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 3))
Y = np.where(X[:, 0] + 0.5 * rng.normal(size=N) > 0, "yes", "no")
PEOPLE = np.array([None if i % 9 == 0 else f"p{i % 70}" for i in range(N)], dtype=object)
TIES = uniform64(0, "order", np.arange(N))
IDS = np.array([f"r{i}" for i in range(N)], dtype=object)
QUESTION = Question(deletions=20, deadline_s=30 * DAY_S, shards=(2, 5), slices=(1, 3))


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(GaussianNB(), X, Y, record_ids=IDS, subject_ids=PEOPLE, question=QUESTION, sample=N)


def made_up(**changes) -> Measured:
    """A table of 10,000 people with one record each, a fit of 100 s, and shards that lose 0.002 for each."""
    scores = {
        (s, 1): Score(0.9 - 0.002 * (s - 1), 0.88, 0.92, 0.002 * (s - 1), 0.002 * s, s, True) for s in (1, 2, 5, 10)
    }
    law = PowerLaw(0.0, 0.01, 1.0, (1.0,), 100, 10_000)
    values = {
        "n_records": 10_000, "n_sampled": 10_000, "sizes": {1: 10_000}, "has_people": False, "metric": "accuracy",
        "shard_s": PowerLaw(1e-6, 0.0, 1.0, (1.0,), 100, 10_000), "fit_s": law,
        "first_s": None, "step_s": None, "bookkeeping_s": 0.001,
        "model_bytes": PowerLaw(1000.0, 0.0, 1.0, (1.0,), 100, 10_000), "row_bytes": 50.0, "scores": scores,
        "left_out": {}, "elapsed_s": 1.0,
    }  # fmt: skip
    return Measured(**{**values, **changes})


# ---------------------------------------------------------------- the sample


def test_people_stay_whole_in_sample_and_folds_whatever_the_order_of_the_table():
    table = Table(IDS, X, subjects=PEOPLE)
    units = units_of(table, 4)
    sample = draw_sample(units, TIES, 150)
    assert 140 <= len(sample.rows) <= 150
    names = [IDS[i] if PEOPLE[i] is None else PEOPLE[i] for i in range(N)]
    chosen = {names[i] for i in sample.rows}
    assert {i for i in range(N) if names[i] in chosen} == set(sample.rows.tolist())
    folds = {
        name: {int(f) for i, f in zip(sample.rows, sample.fold, strict=True) if names[i] == name} for name in chosen
    }
    assert {len(f) for f in folds.values()} == {1}
    assert max(Counter(sample.fold.tolist()).values()) - min(Counter(sample.fold.tolist()).values()) <= 2 * 5
    back = np.arange(N)[::-1]
    turned = draw_sample(units_of(Table(IDS[back], X[back], subjects=PEOPLE[back]), 4), TIES[back], 150)
    fold_of = {IDS[i]: int(f) for i, f in zip(sample.rows, sample.fold, strict=True)}
    assert {IDS[back][i]: int(f) for i, f in zip(turned.rows, turned.fold, strict=True)} == fold_of
    assert unit_sizes(units) == dict(sorted(Counter(Counter(names).values()).items()))


# ---------------------------------------------------------------- what is measured


def test_the_scores_are_those_of_models_fitted_by_hand(measured):
    sample = draw_sample(units_of(Table(IDS, X, subjects=PEOPLE), 0), TIES, N)
    for (n_shards, n_slices), score in measured.scores.items():
        values = []
        for fold in range(FOLDS):
            train, test = sample.rows[sample.fold != fold], sample.rows[sample.fold == fold]
            model = expunge.SISAClassifier(
                GaussianNB(), n_shards=n_shards, n_slices=n_slices, place_by="subject",
                seed=derive_seed(0, "advice fold", fold),
            )  # fmt: skip
            model.fit(X[train], Y[train], record_ids=IDS[train], subject_ids=PEOPLE[train])
            values.append(np.mean(model.predict(X[test]) == Y[test]))
        assert score.mean == pytest.approx(np.mean(values), abs=1e-12)
        assert score.is_whole
        assert score.n_shards == n_shards


def test_the_same_seed_gives_the_same_scores_and_the_forecast_is_a_function(measured):
    again = measure(GaussianNB(), X[::-1], Y[::-1], record_ids=IDS[::-1], subject_ids=PEOPLE[::-1], question=QUESTION,
                    sample=N)  # fmt: skip
    assert again.scores == measured.scores
    assert again.sizes == measured.sizes
    assert again.left_out == measured.left_out == {}
    first, second = (advise(measured, QUESTION).to_dict() for _ in range(2))
    assert first == second
    other = dataclasses.replace(QUESTION, seed=1)
    assert [c.reads for c in forecast(measured, other)] == [c.reads for c in forecast(measured, QUESTION)]


def test_progress_begins_with_an_estimate_and_ends_with_all_done():
    seen = []
    measure(GaussianNB(), X, Y, question=dataclasses.replace(QUESTION, slices=(1,)), sample=N,
            progress=lambda done, total: seen.append((done, total)))  # fmt: skip
    assert 0 < seen[0][0] < seen[0][1]
    assert seen[-1][0] == pytest.approx(seen[-1][1])
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_what_cannot_be_measured_is_left_out_with_its_reason():
    question = dataclasses.replace(QUESTION, shards=(2, 75), slices=(1, 4))
    labels = np.where(np.arange(N) % 100 == 0, "rare", Y)
    found = measure(LinearSVC(), X, labels, question=question, sample=N)  # no probabilities: votes
    assert set(found.left_out) == {(2, 4), (75, 4)}
    assert "cannot continue" in found.left_out[2, 4]
    assert found.first_s is None
    assert "Not compared: 2, 75 shards × 4 slices" in "\n".join(advise(found, question).lines())


def test_a_small_sample_trains_shards_as_large_as_they_will_be_and_says_where_it_cannot():
    question = dataclasses.replace(QUESTION, shards=(2, 10), slices=(1,))
    found = measure(GaussianNB(), X, Y, question=question, sample=100)
    assert found.n_sampled == 100
    assert [(found.scores[s, 1].n_shards, found.scores[s, 1].is_whole) for s in (1, 2, 10)] == [
        (1, False), (1, False), (3, True),
    ]  # fmt: skip
    assert "A score with ≥" in "\n".join(advise(found, question).lines())


def test_regression_is_scored_by_r2():
    question = dataclasses.replace(QUESTION, shards=(2,), slices=(1,))
    found = measure(LinearRegression(), X, X @ [1.0, 2.0, 3.0], question=question, sample=N)
    assert found.metric == "R²"
    assert found.scores[2, 1].mean == pytest.approx(1)


def test_the_interval_is_the_corrected_one():
    values = np.array([0.8, 0.82, 0.79, 0.85, 0.81])
    spread = np.sqrt(np.var(values, ddof=1) * (1 / 5 + (1 / 5) / (4 / 5)))
    assert _half_width(values) == pytest.approx(stats.t(4).ppf(0.975) * spread)


# ---------------------------------------------------------------- what follows


def test_the_forecast_is_that_of_the_exact_model(measured):
    for choice in forecast(measured, QUESTION):
        expected = reads_of_requests(measured.sizes, 1, choice.n_shards, choice.n_slices, "subject")
        assert choice.reads == expected
        assert choice.share <= choice.batch_share <= 1
        assert choice.p50_s <= choice.p95_s
        assert choice.place_by == "subject"


def test_storage_and_time_of_a_made_up_table():
    plain, two, *_ = forecast(made_up(), Question(deletions=30, deadline_s=DAY_S, batch_s=0))
    assert plain.storage_bytes == 10_000 * 50 + 1000
    assert two.storage_bytes == 10_000 * 50 + 2 * 1000
    assert plain.p50_s == pytest.approx(100, rel=0.01)
    assert two.p50_s == pytest.approx(50, rel=0.02)
    assert plain.month_s == pytest.approx(30 * 100, rel=0.01)
    assert plain.batch_share == pytest.approx(1)


def test_many_deletions_at_once_want_shards_and_the_loss_is_kept():
    advice = advise(made_up(), Question(deletions=1000, deadline_s=3600, batch_s=0, max_loss=0.01))
    assert advice.options() == {"n_shards": 5, "n_slices": 1, "place_by": "record"}
    assert "saves" in advice.reason
    strict = advise(made_up(), Question(deletions=1000, deadline_s=3600, batch_s=0, max_loss=0.001))
    assert strict.options() == {}
    assert "loses more than 0.001" in strict.reason


def test_a_loss_that_a_small_sample_cannot_show_is_not_claimed():
    scores = made_up().scores
    small = {(1, 1): dataclasses.replace(scores[1, 1], is_whole=False)}
    advice = advise(made_up(scores={**scores, **small}), Question(deletions=1000, deadline_s=3600, batch_s=0))
    assert "too small to tell" in advice.reason
    assert "loses" not in advice.reason


def test_plain_retraining_in_batches_is_recommended_where_it_is_cheaper():
    advice = advise(made_up(), Question(deletions=1000, deadline_s=30 * DAY_S))
    assert (advice.batch, advice.options()) == (500, {})
    assert "Batching does it." in "\n".join(advice.lines())
    assert "plain retraining of each 500 requests together" in advice.reason


def test_half_of_a_million_people_in_one_batch_fit_into_memory():
    large = made_up(n_records=10**6, sizes={1: 10**6})
    question = Question(deletions=10**9, deadline_s=30 * DAY_S)
    assert question.batch_of(10**6) == 500_000
    plain, *sharded = forecast(large, question)
    assert plain.batch_reads == pytest.approx(500_000)
    assert all(choice.batch_share == pytest.approx(1) for choice in sharded)


def test_shards_are_not_recommended_to_save_seconds():
    quick = made_up(fit_s=PowerLaw(0.0, 1e-6, 1.0, (1.0,), 100, 10_000))
    advice = advise(quick, Question(deletions=20, deadline_s=3600, batch_s=0))
    assert advice.options() == {}
    assert "too little" in advice.reason


def test_a_deadline_that_plain_retraining_misses_wants_shards_and_one_that_all_miss_is_said():
    question = Question(deletions=1, deadline_s=60, batch_s=0, max_loss=0.02)
    advice = advise(made_up(), question)
    assert advice.options()["n_shards"] == 10
    assert "plain retraining takes too long" in advice.reason
    never = advise(made_up(), dataclasses.replace(question, deadline_s=1))
    assert "nothing here keeps the deadline" in never.reason


def test_people_with_many_records_are_placed_together_and_told_what_it_saves():
    lines = "\n".join(advise(made_up(sizes={1: 2000, 8: 1000}), QUESTION).lines())
    assert "placed by person" in lines
    assert "if records were placed one by one" in lines


# ---------------------------------------------------------------- pictures and pages


def test_picture_and_page_hold_themselves(measured):
    advice = advise(measured, QUESTION)
    assert draw_png(advice).startswith(b"\x89PNG")
    page = page_html(advice)
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<tr") == 1 + len(advice.choices)
    assert all(str(name) not in page for name in ("p12<", "r12<"))


# ---------------------------------------------------------------- nonsense


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"deletions": 0}, "above zero"),
        ({"deletions": -3}, "above zero"),
        ({"deletions": float("nan")}, "above zero"),
        ({"deletions": True}, "above zero"),
        ({"deadline_s": 0}, "deadline"),
        ({"deadline_s": float("inf")}, "deadline"),
        ({"batch_s": 30 * DAY_S}, "collected"),
        ({"batch_s": -1}, "collected"),
        ({"max_loss": 1.5}, "loss"),
        ({"shards": (0,)}, "shards"),
        ({"shards": ()}, "shards"),
        ({"shards": (2.5,)}, "shards"),
        ({"slices": (101,)}, "slices"),
    ],
)
def test_a_question_without_sense_is_refused(wrong, words):
    with pytest.raises(InvalidParameterError, match=words):
        Question(**{"deletions": 5, "deadline_s": DAY_S, **wrong})


@pytest.mark.parametrize("text", ["", "0", "30", "d", "3 weeks", "-3d", "1e3s", "nan d"])
def test_other_durations_are_refused(text):
    with pytest.raises(InvalidParameterError, match="no duration"):
        parse_duration(text, "the deadline")


def test_more_shards_than_people_a_tiny_sample_and_too_few_rows_are_refused():
    for changes, sample in (({"shards": (200,)}, N), ({}, 99), ({}, 1.5)):
        question = dataclasses.replace(QUESTION, **changes)
        with pytest.raises(InvalidParameterError, match=r"shards are more|at least 100"):
            measure(GaussianNB(), X, Y, subject_ids=PEOPLE, question=question, sample=sample)
    with pytest.raises(InvalidParameterError, match="too few"):
        measure(GaussianNB(), X[:30], Y[:30], question=dataclasses.replace(QUESTION, shards=None))
    with pytest.raises(InvalidParameterError, match="instance"):
        measure(LogisticRegression, X, Y, question=QUESTION)
    with pytest.raises(InvalidDataError, match="one class"):
        measure(LogisticRegression(), X, np.full(N, "no"), question=QUESTION)
    with pytest.raises(InvalidDataError):
        measure(LogisticRegression(), X, Y[:-1], question=QUESTION)


# ---------------------------------------------------------------- against what happens


def test_the_forecast_of_the_share_is_met_by_real_deletions():
    """The benchmark on a small table; times are measured there, and asserted nowhere."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("advise_benchmark", BENCHMARKS / "advise.py")
        benchmark = importlib.util.module_from_spec(spec)
        sys.modules["advise_benchmark"] = benchmark  # a dataclass looks for its module
        spec.loader.exec_module(benchmark)
    finally:
        sys.path.remove(str(BENCHMARKS))
        sys.modules.pop("advise_benchmark", None)
    images, digits = load_digits(return_X_y=True)
    case = benchmark.Case(images[:300, 20:30], digits[:300] > 4, None, GaussianNB(), (4,), (3,), 300)
    for row in benchmark.compare("digits", case, 40):
        said, found = (float(text.split()[0]) for text in row[2].split("/"))
        assert abs(said - found) < 5
        assert all("/" in cell for cell in row[2:7])


def test_promises_that_are_empty_or_save_nothing_are_told():
    """Of 0.9 that there is to find and 0.6 that a guess finds, a fifth is 0.06; of 400 records chance is 0.049."""

    def choice(how, accuracy, served):
        return PrivacyChoice(how, 1.0, accuracy, served, 0.0, 0.0)

    plain, good = choice("retraining", 0.9, 0), choice("certified", 0.8, 50)
    few, hidden = choice("certified", 0.8, 10), choice("doing nothing", 0.66, 50)
    advice = PrivacyAdvice(1000, 3, 50, 0.8, 1.0, 1000, [plain, good, few, hidden], [], good, guess=0.6, n_judged=400)
    assert (advice.empty(), advice.useless()) == ([hidden], [few])
    assert [line.partition(",")[0] for line in advice.lines()[1:3]] == ["Empty promises", "Little saved"]
    above = dataclasses.replace(advice, choices=[plain, good, dataclasses.replace(hidden, accuracy=0.661)])
    assert (above.empty(), above.useless()) == ([], [])
    assert len(above.lines()) == 2
    little = dataclasses.replace(plain, accuracy=0.62)  # a fifth of what there is would be less than chance
    assert dataclasses.replace(above, choices=[little, dataclasses.replace(hidden, accuracy=0.64)]).empty()
