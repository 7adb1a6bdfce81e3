"""One cell: numbers against a slow twin, what each seed decides, and methods that cheat."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import expunge
from expunge.audit import audit
from expunge.errors import InvalidDataError, PeekedError, UnsupportedRequestError
from expunge.lab import Cell, run_cell
from expunge.lab import experiment as experiments
from expunge.lab.evaluation import Evaluation
from expunge.lab.learners import Outcome
from expunge.lab.methods import Method
from expunge.lab.plugins import registered
from expunge.lab.results import line_of
from expunge.lab.trial import prepare
from expunge.lab.warming import warm
from expunge.lab.workloads import load_workload
from expunge.seeds import derive_seed

TREE = "breast-cancer/tree/random@0.2"


def scores_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = run_cell(Cell.parse(text)).scores
    return found


@pytest.fixture(scope="module")
def forgot() -> dict[str, Any]:
    return scores_of(f"{TREE}/forget/s0r8")


def test_cells_of_one_process_share_a_network_and_its_retrain(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from expunge.lab.models.networks import NetworkLearner

    trained, train = [], NetworkLearner.train

    def counted(self: Any, records: Any, seed: int) -> Any:
        trained.append(len(records))
        return train(self, records, seed)

    monkeypatch.setattr(NetworkLearner, "train", counted)
    group = "digits@600/net-softmax@epochs=2/random@0.2"
    first, second = (run_cell(Cell.parse(f"{group}/{name}/s0r0")) for name in ("fine-tuning", "ssd"))
    assert len(trained) == 2, "the model and its retrain"
    assert first.scores["digests"]["before"] == second.scores["digests"]["before"]
    assert first.timings["retrain_cpu_s"] == second.timings["retrain_cpu_s"] > 0
    assert first.timings["forget_cpu_s"] > 0
    run_cell(Cell.parse(f"{group}/do-nothing/s1r0"))
    assert len(trained) == 4


def test_a_cell_repeats_byte_for_byte(forgot: dict[str, Any]) -> None:
    assert line_of(scores_of(f"{TREE}/forget/s0r8")) == line_of(forgot)


def test_an_exact_method_is_the_fresh_fit(forgot: dict[str, Any]) -> None:
    s = forgot["scores"]
    assert s["is_equal"] is True
    assert s["largest_difference"] == s["js_forget"] == s["js_test"] == 0
    assert forgot["digests"]["after"] == forgot["digests"]["fresh"] != forgot["digests"]["before"]
    assert s["work"] > 0
    assert s["state_bytes"] > 1000


def test_gaps_against_a_slow_twin(forgot: dict[str, Any]) -> None:
    """Twin: the same references fitted one by one with the estimator itself, accuracies counted in a loop."""
    cell = Cell.parse(f"{TREE}/forget/s0r8")
    trial = prepare(cell)
    data, gone = trial.data, set(trial.data.ids[trial.drawn.mask()].tolist())
    from expunge.audit.references import plan_around

    plan = plan_around(
        data.ids, is_forgotten=trial.drawn.mask(), is_held_out=~trial.parts.train, n=8, n_unforgotten=3, keep=0.9,
        seed=derive_seed(0, "lab references", cell.shared),
    )  # fmt: skip
    found = []
    for members, seed in zip(plan.members[:8], plan.seeds[:8], strict=True):
        assert not {int(i) for i in data.ids[members]} & gone
        model = expunge.DecisionTreeClassifier(max_depth=12, seed=seed).fit(
            data.X[members], data.y[members], record_ids=data.ids[members]
        )
        tested = [int(i) for i in trial.query if trial.parts.test[i]]
        answers = model.predict(data.X.iloc[tested]).tolist()
        right = [answer == int(data.y[i]) for answer, i in zip(answers, tested, strict=True)]
        found.append(sum(right) / len(right))
    s = forgot["scores"]
    assert s["test_reference"] == pytest.approx(sum(found) / 8, abs=1e-12)
    assert (s["test_reference_low"], s["test_reference_high"]) == (min(found), max(found))
    assert s["test_gap"] == pytest.approx(s["test_accuracy"] - sum(found) / 8, abs=1e-12)
    left_out = [abs(f - (sum(found) - f) / 7) for f in found]
    assert s["test_reference_gap"] == pytest.approx(sum(left_out) / 8, abs=1e-12)
    four = [abs(s[f"{part}_gap"]) for part in ("retain", "forget", "test", "attack")]
    assert s["mean_gap"] == pytest.approx(sum(four) / 4, abs=1e-12)


def test_each_seed_decides_something_of_its_own() -> None:
    base = scores_of("digits@300/mlp@8/random@0.1/retrain/s0r0")
    other = {name: scores_of(f"digits@300/mlp@8/random@0.1/retrain/{name}r0") for name in ("s1", "s0u1", "s0e1")}
    assert other["s1"]["digests"]["before"] != base["digests"]["before"]
    assert other["s0u1"]["digests"]["before"] == base["digests"]["before"]
    assert other["s0u1"]["digests"]["after"] != base["digests"]["after"]
    assert other["s0e1"]["scores"]["forget_accuracy"] != base["scores"]["forget_accuracy"]
    assert {line["digests"]["data"] for line in other.values()} == {base["digests"]["data"]}


@pytest.fixture(scope="module")
def stubborn() -> tuple[dict[str, Any], Evaluation]:
    """Do-nothing with enough references to be judged, and what was measured of it."""
    kept: list[Evaluation] = []
    with pytest.MonkeyPatch.context() as patch:
        made = experiments._evaluation
        patch.setattr(experiments, "_evaluation", lambda *args: kept.append(made(*args)) or kept[-1])
        found = scores_of("digits@500/tree/random@0.3/do-nothing/s0")
    return found, kept[0]


def test_do_nothing_is_flagged_where_the_audit_has_power(stubborn: tuple[dict[str, Any], Evaluation]) -> None:
    s = stubborn[0]["scores"]
    assert s["power"] >= 0.8
    assert s["verdict"] == "not forgotten"
    assert s["work"] == 0
    assert s["changed_share"] == 0
    assert s["mean_gap"] > 3 * s["mean_gap_of_a_retrain"]


def test_swapping_forgotten_and_held_out_records_swaps_the_conclusion(
    stubborn: tuple[dict[str, Any], Evaluation],
) -> None:
    evaluation = stubborn[1]
    assert evaluation.references is not None
    straight = audit(evaluation.scores(evaluation.after), evaluation.references)
    swapped = audit(evaluation.scores(evaluation.after, swapped=True), evaluation.references)
    assert (straight.verdict, swapped.verdict) == ("not forgotten", "over-forgotten")
    pairs = zip(straight.attacks, swapped.attacks, strict=False)
    by_loss = next((a.auc.value, b.auc.value) for a, b in pairs if a.name == b.name == "loss")
    assert sum(v or 0 for v in by_loss) == pytest.approx(1)


def test_a_mark_works_until_it_is_forgotten() -> None:
    s = scores_of("digits@600/tree/poisoned@0.2/forget/s0r0")["scores"]
    assert s["backdoor_before"] > 0.8
    assert s["backdoor_after"] == s["backdoor_fresh"] < 0.3


def test_many_requests_do_not_drift() -> None:
    found = scores_of("digits@300/centroid/sequence@12/forget/s0r0")
    assert found["scores"]["is_equal"]
    assert len(found["sequence"]["works"]) == 12
    assert sum(found["sequence"]["works"]) == found["scores"]["work"] == found["scores"]["n_forgotten"]
    assert found["sequence"]["steps"][-1] == 12
    assert found["sequence"]["drift"][-1] == found["scores"]["test_accuracy"]


def test_an_early_record_costs_more_than_a_late_one() -> None:
    sliced = "digits@300/sisa@n_shards=2,n_slices=3/{}@16/forget/s0r0"
    early, late = (scores_of(sliced.format(when))["scores"] for when in ("early", "late"))
    assert early["n_forgotten"] == late["n_forgotten"] == 1
    assert early["work"] > 1.5 * late["work"]
    assert early["audit_refused"] == late["audit_refused"] != ""


def test_a_single_record_is_not_judged() -> None:
    s = scores_of("breast-cancer/tree/record/forget/s0r8")["scores"]
    assert s["verdict"] is None
    assert "two records" in s["audit_refused"]
    assert s["forget_gap"] is not None


def test_what_warms_is_a_few_retained_records_and_what_cannot_be_warmed_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trial, seen = prepare(Cell.parse(f"{TREE}/forget/s0r8")), []
    train = type(trial.learner).train

    def watched(self: Any, records: Any, seed: int) -> Any:
        seen.append(records)
        if len(seen) == 2:
            raise InvalidDataError("Too few.")
        return train(self, records, seed)

    monkeypatch.setattr(type(trial.learner), "train", watched)
    warm(trial)
    warm(trial)
    allowed = trial.data.ids[trial.parts.train & ~trial.drawn.mask()]
    assert [len(records) for records in seen] == [80, 80]
    assert np.isin(seen[0].ids, allowed).all()


# ---------------------------------------------------------------- methods that cheat


def test_a_method_that_loads_the_data_again_is_caught() -> None:
    def forget(learner: Any, model: Any, records: Any, ids: Any, seed: int) -> Outcome:
        load_workload("breast-cancer")
        return Outcome(model, 0)

    with registered(methods={"peek": Method("loads the data", forget)}), pytest.raises(PeekedError, match="asked for"):
        run_cell(Cell.parse(f"{TREE}/peek/s0r0"))
    load_workload("breast-cancer")  # and afterwards it may be loaded again


def test_a_method_that_trains_on_the_test_records_is_caught() -> None:
    cell = Cell.parse("digits@500/forest@10/random@0.2/peek/s0r8")
    trial = prepare(cell)
    smuggled = trial.records(trial.parts.test)

    def forget(learner: Any, model: Any, records: Any, ids: Any, seed: int) -> Outcome:
        left = records.without(ids)
        more = dataclasses.replace(
            left, X=np.concatenate([left.X, smuggled.X]), y=np.concatenate([left.y, smuggled.y]),
            ids=np.concatenate([left.ids, smuggled.ids]), subjects=np.concatenate([left.subjects, smuggled.subjects]),
        )  # fmt: skip
        return Outcome(learner.train(more, seed), 0)

    with registered(methods={"peek": Method("knows the test", forget)}), pytest.raises(PeekedError, match="surer"):
        run_cell(cell)


def test_a_model_without_a_way_of_its_own_says_so() -> None:
    with pytest.raises(UnsupportedRequestError, match="networks"):
        run_cell(Cell.parse("digits@100/net-softmax@epochs=1/random@0.1/forget/s0r0"))
