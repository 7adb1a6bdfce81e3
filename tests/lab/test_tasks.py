"""What a good answer is, against loops; workloads that ask for something else than classes, end to end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import pairwise_distances

import expunge
from expunge.errors import InvalidParameterError
from expunge.lab import Cell, run_cell
from expunge.lab.data import Data, invent_subjects
from expunge.lab.plugins import registered
from expunge.lab.tasks import ANOMALIES, ANSWERS, NUMBERS, RANKING, TASKS, Task
from expunge.lab.trial import prepare
from expunge.lab.workloads import Workload
from expunge.seeds import derive_seed

rng = np.random.default_rng(0)


def quality(task: Task, answers: Any, labels: Any, part: Any = slice(None)) -> float | None:
    signals = task.read(answers, labels, 1e-6)
    return task.quality({name: of[part] for name, of in signals.items()}, labels[part])


# ---------------------------------------------------------------- each measure against a loop


def test_r2_of_all_and_of_a_part() -> None:
    true, said = rng.normal(size=50), rng.normal(size=50)
    middle = sum(true) / 50
    variance = sum((t - middle) ** 2 for t in true) / 50
    for part in (range(50), range(7)):
        error = sum((true[i] - said[i]) ** 2 for i in part) / len(part)
        assert quality(NUMBERS, said, true, list(part)) == pytest.approx(1 - error / variance)
    assert quality(NUMBERS, true, true) == 1


def test_the_auc_of_anomalies_is_a_count_of_pairs() -> None:
    odd = np.array([0, 1] * 10)
    normality = np.round(rng.normal(size=20), 1)
    wins = [
        (a > b) + 0.5 * (a == b)
        for a, is_odd in zip(normality, odd, strict=True) if not is_odd
        for b, other in zip(normality, odd, strict=True) if other
    ]  # fmt: skip
    assert quality(ANOMALIES, normality, odd) == pytest.approx(sum(wins) / len(wins))
    assert quality(ANOMALIES, normality, np.zeros(20, dtype=int)) is None


def test_the_hit_rate_is_a_count_and_ties_win_nothing() -> None:
    scores, true = rng.normal(size=(30, 25)), rng.integers(0, 25, size=30)
    hits = [int(true[i]) in sorted(range(25), key=lambda c: -scores[i, c])[:10] for i in range(30)]
    assert quality(RANKING, scores, true) == pytest.approx(sum(hits) / 30)
    assert quality(RANKING, np.zeros((30, 25)), true) == 0
    odds = RANKING.read(scores, true, 0.0)["logit"]
    share = [np.exp(scores[i, true[i]]) / np.exp(scores[i]).sum() for i in range(30)]
    assert np.allclose(odds, np.log(share) - np.log1p(-np.array(share)))


def test_answers_in_words() -> None:
    said = np.array([[np.log(0.8), 1.0], [np.log(0.1), 0.5], [0.0, 0.0]])
    signals = ANSWERS.read(said, np.zeros(3), 0.0)
    assert np.allclose(signals["logit"][:2], [np.log(4), np.log(1 / 9)])
    assert np.isfinite(signals["logit"]).all(), "a certain text has odds too"
    assert quality(ANSWERS, said, np.zeros(3)) == 0.5
    assert set(TASKS) == {"anomalies", "answers", "classes", "groups", "numbers", "ranking"}


# ---------------------------------------------------------------- cells


def scores_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = run_cell(Cell.parse(text)).scores["scores"]
    return found


def test_a_regression_against_a_slow_twin() -> None:
    """Twin: the same references fitted one by one with the estimator, R² in a loop."""
    from expunge.audit.references import plan_around

    cell = Cell.parse("progression@200/tree-numbers@4/random@0.2/forget/s0r8")
    s, trial = scores_of(cell.id), prepare(cell)
    data, gone = trial.data, trial.drawn.mask()
    plan = plan_around(
        data.ids, is_forgotten=gone, is_held_out=~trial.parts.train, n=8, n_unforgotten=3, keep=0.9,
        seed=derive_seed(0, "lab references", cell.shared),
    )  # fmt: skip
    asked = trial.query
    variance = float(np.var(data.y[asked]))
    tested = [int(i) for i in asked if trial.parts.test[i]]
    found = []
    for members, seed in zip(plan.members[:8], plan.seeds[:8], strict=True):
        model = expunge.DecisionTreeRegressor(max_depth=4, seed=seed)
        model.fit(data.X[members], data.y[members], record_ids=data.ids[members])
        errors = [(float(p) - data.y[i]) ** 2 for i, p in zip(tested, model.predict(data.X.iloc[tested]), strict=True)]
        found.append(1 - sum(errors) / len(errors) / variance)
    assert s["measure"] == "r2"
    assert s["test_reference"] == pytest.approx(sum(found) / 8, abs=1e-12)
    assert s["test_gap"] == pytest.approx(s["test_r2"] - sum(found) / 8, abs=1e-12)
    assert s["is_equal"] is True
    assert s["largest_difference"] == 0
    assert s["js_forget"] is s["changed_share"] is s["retrain_disagreement"] is None
    assert s["verdict"] is not None


def lumps(n: int | None) -> Data:
    """Two lumps of points, and a few that lie far from both."""
    source = np.random.default_rng(1)
    odd = np.arange(n or 300) % 15 == 0
    X = source.normal(size=(len(odd), 3)) + np.where(odd[:, None], source.choice([-7, 7], size=(len(odd), 3)), 0)
    ids = np.arange(len(odd))
    return Data("lumps", "table", X, odd.astype(np.int64), ids, invent_subjects(ids), ("normal", "odd"), task=ANOMALIES)


def test_anomalies() -> None:
    with registered(workloads={"lumps": Workload("far points", lumps, n=300)}):
        own, idle = (scores_of(f"lumps/isolation@20/outliers@0.1/{m}/s0r8") for m in ("forget", "do-nothing"))
        fake = scores_of("lumps/isolation@20/outliers@0.1/output-filter/s0r0")
    assert own["measure"] == "auc"
    assert own["is_equal"] is True
    assert own["test_auc"] > 0.9
    assert idle["largest_difference"] > 0 == own["largest_difference"]
    assert idle["attack_auc"] != own["attack_auc"]
    assert fake["forget_auc"] in (0.5, None), "a filter gives all the same answer"


def tastes(n: int | None) -> Data:
    """Thirty users with three tastes, who rated a third of 24 items."""
    source = np.random.default_rng(2)
    user, item = np.nonzero(source.random((30, 24)) < 0.15 + 0.5 * (np.arange(30)[:, None] % 3 == np.arange(24) % 3))
    X = pd.DataFrame({"user": [f"u-{u}" for u in user], "item": item, "value": 1.0})
    ids, whose = np.arange(len(X)), X["user"].to_numpy(dtype=object)
    return Data("tastes", "table", X, item.astype(np.int64), ids, whose, (), split_by="record", task=RANKING)


def test_lists_tell_who_is_still_known() -> None:
    with registered(workloads={"tastes": Workload("made histories", tastes)}):
        own, idle = (scores_of(f"tastes/item-neighbours/random@0.2/{m}/s0r8") for m in ("forget", "do-nothing"))
        trial = prepare(Cell.parse("tastes/item-neighbours/random@0.2/forget/s0r8"))
    assert own["is_equal"] is True
    assert own["largest_difference"] == 0 < idle["largest_difference"]
    assert own["forget_hit_rate"] < idle["forget_hit_rate"] == 1, "what a list leaves out is known"
    assert abs(own["attack_auc"] - 0.5) < 0.3 < 0.4 < idle["attack_auc"] - 0.5
    records = trial.records(trial.parts.train)
    model = trial.learner.train(records, 0)
    known, answers = records.X[records.X["user"] == "u-4"], model.recommend(["u-4"], k=24)
    (row,) = trial.learner.answer(model, pd.DataFrame({"user": ["u-4"], "item": known["item"].iloc[:1]}), 0)
    assert row.argmax() == known["item"].iloc[0]
    assert np.flatnonzero(row == -20).tolist() == sorted(known["item"].iloc[1:])
    assert row[answers["item"]].tolist() == answers["score"].tolist()


def test_groups_tell_a_share_of_the_spread() -> None:
    """Twin: the sums of squares of the analysis of variance, by scikit-learn's distances."""
    cell = Cell.parse("digit-groups@400/groups@max_samples=100/random@0.1/forget/s0r0")
    s, trial, seed = scores_of(cell.id), prepare(cell), derive_seed(0, "lab train")
    data, tested = trial.data, trial.parts.test
    known = trial.parts.train & ~trial.drawn.mask()
    model = expunge.KMeans(n_clusters=10, max_samples=100, seed=seed).fit(data.X[known], record_ids=data.ids[known])
    within = pairwise_distances(data.X[tested], model.cluster_centers_, metric="sqeuclidean").min(axis=1)
    total = ((data.X - data.X.mean(axis=0)) ** 2).sum(axis=1)
    assert s["test_spread_told"] == pytest.approx(1 - within.mean() / total.mean(), abs=1e-9)
    assert s["is_equal"] is True
    assert s["largest_difference"] == 0


def test_a_workload_brings_a_measure_of_its_own() -> None:
    def near(answers: Any, labels: Any, floor: float) -> dict[str, Any]:
        error = np.abs(answers - labels)
        return {"logit": -error, "correct": (error < 50).astype(np.float64)}

    within = Task("numbers", "within_50", "share within 50", near, lambda signals, y: float(signals["correct"].mean()))

    def load(n: int | None) -> Data:
        from expunge.lab.workloads.numbers import progression

        data = progression(n)
        return Data("mine", "table", data.X, data.y, data.ids, data.subjects, (), task=within)

    with registered(workloads={"mine": Workload("with a measure of its own", load)}):
        s = scores_of("mine/ridge-numbers/random/retrain/s0r8")
    assert 0.2 < s["test_within_50"] < 1
    assert s["test_gap"] == pytest.approx(s["test_within_50"] - s["test_reference"])


@pytest.mark.parametrize("request_", ["class", "memorised", "mislabelled", "poisoned"])
def test_requests_about_classes_need_classes(request_: str) -> None:
    with pytest.raises(InvalidParameterError, match="about classes"):
        run_cell(Cell.parse(f"progression/ridge-numbers/{request_}/retrain/s0r0"))


def test_a_model_that_answers_something_else_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="asks for numbers"):
        run_cell(Cell.parse("progression/ridge/random/retrain/s0r0"))
    with pytest.raises(InvalidParameterError, match="asks for classes"):
        run_cell(Cell.parse("breast-cancer/ridge-numbers/random/retrain/s0r0"))
