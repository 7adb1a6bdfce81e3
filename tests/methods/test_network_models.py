"""Networks under the contract of all methods: trained ones, replayed ones, slices of SISA, frozen backbones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.utils.estimator_checks import check_estimator  # noqa: E402 - torch may be absent
from torch import nn  # noqa: E402

import expunge  # noqa: E402
from expunge.checks import Case, check_unlearner  # noqa: E402
from expunge.errors import (  # noqa: E402
    InvalidDataError,
    InvalidParameterError,
    LimitBrokenError,
    TamperedError,
    UnknownMethodError,
    UnknownNameError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.methods import find_method  # noqa: E402
from expunge.networks import (  # noqa: E402
    NETWORK_MODELS,
    Blueprint,
    CertifiedNetwork,
    Classification,
    DPSGDNetwork,
    FrozenBackbone,
    NetworkEstimator,
    ReplayedNetwork,
    ReplayTrainer,
    TrainedNetwork,
    UpdateLog,
    blueprint_names,
    find_blueprint,
    register,
)
from methods.blueprints import enter_as_package  # noqa: E402

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5)).round(3)
Y = np.array(["ape", "bee", "cat"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.8)]
IDS = np.array([f"r{i:02d}" for i in range(60)])


@pytest.fixture(autouse=True)
def _blueprints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter_as_package(tmp_path / "site", monkeypatch)


def left(gone: Any) -> Any:
    return np.setdiff1d(np.arange(60), gone)


SMALL: dict[str, Any] = {"epochs": 2, "n_batches": 4, "checkpoint_every": 2}
SHORT: dict[str, Any] = {"epochs": 1, "n_batches": 4, "checkpoint_every": 2}
NOISY: dict[str, Any] = {"n_steps": 2, "epochs": 1, "noise_seed": 1}
SLICES = {"n_shards": 2, "n_slices": 2}
CASES = {
    "replayed": (lambda: Case(ReplayedNetwork(task="tiny", **SHORT)), "exact"),
    "trained": (lambda: Case(TrainedNetwork(task="tiny", method="GradientAscent", options={"epochs": 3})), "empirical"),
    "backbone": (lambda: Case(FrozenBackbone(task="tiny")), "exact"),
    "certified": (lambda: Case(CertifiedNetwork(task="tiny", options=NOISY)), "certified"),
    "private": (lambda: Case(DPSGDNetwork(task="tiny", epsilon=8.0, epochs=2, noise_seed=1)), "certified"),
}
SLOW = {
    "replayed-drawing": (lambda: Case(ReplayedNetwork(task="drawing", **SMALL)), "exact"),
    "replayed-values": (lambda: Case(ReplayedNetwork(task="tiny-values", **SMALL)), "exact"),
    "trained-corrects": (lambda: Case(TrainedNetwork(task="tiny", method="gradient-step")), "empirical"),
    "ridge-behind": (lambda: behind(expunge.RidgeClassifier()), "exact"),
    "discriminant-behind": (lambda: behind(expunge.LinearDiscriminantAnalysis()), "exact"),
    "centroids-behind": (lambda: behind(expunge.NearestCentroid()), "exact"),
    "forest-behind": (lambda: behind(expunge.ForestClassifier(n_estimators=2)), "exact"),
    "slices": (lambda: Case(expunge.SISAClassifier(estimator("tiny"), **SLICES)), "exact"),
    "slices-values": (lambda: Case(expunge.SISARegressor(estimator("tiny-values"), **SLICES)), "exact"),
}


def behind(head: Any) -> Case:
    return Case(expunge.make_pipeline(FrozenBackbone(task="tiny"), head), alternatives={"fold": []})


def estimator(task: str, **changed: Any) -> NetworkEstimator:
    return NetworkEstimator(**{"task": task, "epochs": 2, "batch_size": 8} | changed)


@pytest.mark.parametrize("name", [*CASES, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_networks_keep_the_contract(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, kind = (CASES | SLOW)[name]
    case = make()
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))  # workers find the entry points, too
    results = check_unlearner(case, on_fail=None)
    assert [str(result) for result in results if result.status == "failed"] == []
    assert sum(result.status == "passed" for result in results) > 20
    assert case.kind() == kind


def test_networks_take_no_weights_and_say_where_these_belong() -> None:
    for make, _ in CASES.values():
        model = make().estimator
        with pytest.raises(InvalidParameterError, match="takes no sample_weight") as refused:
            model.fit(X, Y, record_ids=IDS, sample_weight=np.ones(60))
        assert refused.value.hint
        with pytest.raises(TypeError, match="weights"):
            model.fit(X, Y, weights=np.ones(60))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "model",
    [
        ReplayedNetwork(task="tiny", epochs=2, n_batches=3, lr=0.1),
        ReplayedNetwork(task="tiny-values", epochs=30, n_batches=3, lr=0.02),
        TrainedNetwork(task="tiny"),
        FrozenBackbone(task="tiny"),
    ],
    ids=lambda model: f"{type(model).__name__}-{model.task}",
)
def test_networks_are_estimators_of_scikit_learn(model: Any) -> None:
    results = check_estimator(model, on_skip=None, on_fail=None)
    assert [f"{r['check_name']}: {r['exception']!r}" for r in results if r["status"] == "failed"] == []
    assert sum(result["status"] == "passed" for result in results) > 40


def test_every_network_model_is_found_by_its_name() -> None:
    assert {find_method(name).__name__ for name in NETWORK_MODELS} == set(NETWORK_MODELS)
    language = {"AdapterShards", "NeighbourStore"}  # they keep the contract in test_language.py
    assert {type(make().estimator).__name__ for make, _ in CASES.values()} == set(NETWORK_MODELS) - language


# ------------------------------------------------------------------ blueprints


def test_a_blueprint_is_found_by_its_name_alone() -> None:
    assert {"tiny", "drawing"} <= set(blueprint_names())
    register("mine", lambda: find_blueprint("tiny"))
    assert type(find_blueprint("mine")) is type(find_blueprint("tiny"))
    with pytest.raises(UnknownNameError, match="Did you mean tiny"):
        find_blueprint("tinny")
    with pytest.raises(UnknownNameError):
        find_blueprint("methods.blueprints:Tiny")
    register("no", lambda: 3)  # type: ignore[arg-type,return-value]
    with pytest.raises(InvalidParameterError, match="no Blueprint"):
        find_blueprint("no")
    with pytest.raises(InvalidParameterError, match="name of a blueprint"):
        ReplayedNetwork().fit(X, Y)


# ------------------------------------------------------------------ replayed


@pytest.mark.parametrize("gone", [[3], [3, 17, 41], np.flatnonzero(Y == "cat").tolist(), list(range(2, 60))])
def test_a_replayed_network_equals_one_that_never_had_the_records(gone: list[int]) -> None:
    model = ReplayedNetwork(task="drawing", **SMALL).fit(X, Y, record_ids=IDS)
    plan = model.plan(IDS[gone])
    removal = model.forget(IDS[gone])
    never = ReplayedNetwork(task="drawing", **SMALL).fit(
        X[left(gone)], Y[left(gone)], record_ids=IDS[left(gone)], allow_dormant=True
    )
    assert model.digest() == never.digest()
    assert plan.work_low == removal.work == plan.work_high
    assert "1 - 1/(2 * 2) = 75%" in str(plan)


def test_a_replayed_network_is_what_the_trainer_makes() -> None:
    """The twin knows tensors and no rows."""
    model = ReplayedNetwork(task="tiny", **SMALL).fit(X, Y, record_ids=IDS)
    first = model._built(3)
    task = Classification((X.astype(np.float32), np.unique(Y, return_inverse=True)[1]), record_ids=IDS.tolist())
    twin = ReplayTrainer(model=first, **SMALL).fit(task)
    for one, other in zip(model.network_.parameters(), twin.model_.parameters(), strict=True):
        assert torch.equal(one, other)
    assert model.plan(IDS[:1]).work_high == twin.plan(IDS[:1]).work_high


def test_late_entry_is_cheap_and_a_record_never_read_costs_nothing() -> None:
    even = np.flatnonzero(np.floor(X[:, 0]) % 2 == 0)
    model = ReplayedNetwork(task="drawing", epochs=2, n_batches=4, checkpoint_every=1).fit(X, Y, record_ids=IDS)
    late, early = (np.mean([model.plan(i).work_high for i in IDS[at]]) for at in (even, left(even)))
    assert late < 0.6 * early


# ------------------------------------------------------------------ trained


def trained(**changed: Any) -> TrainedNetwork:
    return TrainedNetwork(**{"task": "tiny", "method": "neg-grad-plus", "options": {"epochs": 2}} | changed).fit(
        X, Y, record_ids=IDS
    )


def test_a_trained_network_forgets_as_the_method_does_on_the_network_itself() -> None:
    from expunge.networks import NegGradPlus

    model = trained()
    before = model.network_
    task = model._task_of(model._rows().peek(model._rows().slots()), model._state().parts["outputs"], model.classes_)
    seed = model._seed_of(model._rows().peek_beside(model._rows().find(["r07"])))
    with torch.random.fork_rng():
        expected, told = NegGradPlus(epochs=2).forget(before, task, ["r07"], seed)
    removal = model.forget(["r07"])
    assert removal.work == max(told.work, 60)
    for one, other in zip(model.network_.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert any(note.startswith("retain (59 records)") for note in removal.notes)


def test_a_class_without_records_is_answered_no_more_and_named_nowhere() -> None:
    model = trained()
    removal = model.forget(classes=["bee"])
    assert model.classes_.tolist() == ["ape", "cat"]
    assert set(model.predict(X)) <= {"ape", "cat"}
    assert model.predict_proba(X).shape == (60, 2)
    assert any("no answer shows" in note for note in removal.notes)
    assert b"bee" not in Case(model).file(model)


def test_limits_hold_and_leave_the_model_as_it_was() -> None:
    model = trained(method="gradient-ascent", options={"epochs": 5, "lr": 1.0}, limits={"max_retain_drop": 0.0})
    before = model.digest()
    with pytest.raises(LimitBrokenError):
        model.forget(IDS[:10])
    assert model.digest() == before
    with pytest.raises(InvalidParameterError, match="no limit"):
        trained(limits={"most": 1})
    with pytest.raises(InvalidParameterError, match="no option"):
        trained(options={"epoch": 1})
    with pytest.raises(UnknownMethodError):
        trained(method="magic")
    with pytest.raises(UnsupportedRequestError, match="no account"):
        trained(method="noisy-fine-tuning", options={})


def test_corrections_are_served_by_the_methods_that_can() -> None:
    model = trained()
    with pytest.raises(UnsupportedRequestError, match="no further records"):
        model.rectify(["r05"], y=["ape"])
    with pytest.raises(UnsupportedRequestError, match="no further records"):
        model.learn(X[:1], Y[:1], record_ids=["new"])
    corrects = trained(method="GradientStep", options={})
    before = corrects.digest()
    with pytest.raises(InvalidDataError, match="no output"):
        corrects.rectify(["r05"], y=["dog"])
    assert corrects.digest() == before
    assert corrects.rectify(["r05"], y=["ape" if Y[5] != "ape" else "bee"]).guarantee.kind == "empirical"
    assert corrects.digest() != before
    with pytest.raises(UnsupportedRequestError):
        corrects.learn(X[:1], Y[:1], record_ids=["new"])


def test_an_amnesiac_log_and_first_weights_come_along_and_steps_are_dropped(tmp_path: Path) -> None:
    blueprint = find_blueprint("tiny")
    network = blueprint.network(5, 3)
    start = {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}
    log, codes = UpdateLog(network), torch.as_tensor(np.unique(Y, return_inverse=True)[1])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for at in np.array_split(np.arange(60), 6):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(blueprint.inputs(X[at])), codes[at]).backward()
        with log.step(IDS[at].tolist()):
            optimizer.step()
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    again = UpdateLog.load(log.save(tmp_path / "log.safetensors"))
    assert len(again) == 6
    given = {"record_ids": IDS, "log": again, "start": start}
    model = TrainedNetwork(task="tiny", method="amnesiac", options={"epochs": 0}).adopt(weights, X, Y, **given)
    change = log.sum_of(["r03"])[0]["2.bias"].numpy()
    model.forget(["r03"])
    np.testing.assert_allclose(model._state().parts["network"]["2.bias"], weights["2.bias"] - change, rtol=1e-6)
    assert sum(name.startswith("log/") for name in model._state().parts) == 5
    assert b"r03" not in Case(model).file(model)
    step = TrainedNetwork(task="tiny", method="single-step").adopt(weights, X, Y, **given)
    assert step.forget(["r03"]).n_forgotten == 1
    with pytest.raises(InvalidParameterError, match="start"):
        TrainedNetwork(task="tiny", method="single-step").adopt(weights, X, Y, record_ids=IDS).forget(["r03"])
    (tmp_path / "no.safetensors").write_bytes(b"no")
    with pytest.raises(TamperedError):
        UpdateLog.load(tmp_path / "no.safetensors")


def test_weights_that_do_not_fit_are_refused_by_name() -> None:
    weights = {"weight": np.zeros((3, 5), np.float32), "bias": np.zeros(3, np.float32)}
    model = TrainedNetwork(task="untrained")
    for wrong in ({"weight": weights["weight"]}, weights | {"bias": np.zeros(2, np.float32)}, weights | {"x": X}):
        with pytest.raises(UnsupportedEstimatorError, match="do not fit"):
            model.adopt(wrong, X, Y)
    with pytest.raises(UnsupportedRequestError, match="brings no training"):
        model.fit(X, Y)
    assert "_given" not in vars(model.adopt(weights, X, Y))


def test_outputs_follow_the_labels_of_the_blueprint() -> None:
    class Ordered(Blueprint):
        labels = ("cat", "ape", "bee", "dog")

        def network(self, n_features: int, n_outputs: int) -> nn.Module:
            return nn.Linear(n_features, n_outputs)

    register("ordered", Ordered)
    bias = np.array([0, 3, 2, 9], np.float32)
    model = TrainedNetwork(task="ordered").adopt({"weight": np.zeros((4, 5), np.float32), "bias": bias}, X, Y)
    assert set(model.predict(X)) == {"ape"}
    np.testing.assert_allclose(model.predict_proba(X)[0], np.exp([3, 2, 0]) / np.exp([3, 2, 0]).sum())


# ------------------------------------------------------------------ slices and heads


@pytest.mark.parametrize("changed", [{}, {"optimizer": "adam", "task": "drawing"}])
def test_slices_of_a_network_keep_the_optimizer_and_equal_a_fresh_fit(changed: dict[str, Any], tmp_path: Path) -> None:
    made = expunge.SISAClassifier(estimator(**{"task": "tiny"} | changed), n_shards=2, n_slices=3)
    model = made.fit(X, Y, record_ids=IDS)
    states = [m.state_ for part in model._state().parts.values() for m in part.values() if hasattr(m, "state_")]
    assert states
    assert all(any(name.startswith("optimizer/") for name in state) for state in states)
    loaded = expunge.load(model.save(tmp_path / "model.expunge"))
    for one in (model, loaded):
        one.forget(IDS[[3, 30]])
    never = expunge.SISAClassifier(**made.get_params(deep=False))
    never.fit(X[left([3, 30])], Y[left([3, 30])], record_ids=IDS[left([3, 30])])
    assert model.digest() == loaded.digest() == never.digest()
    np.testing.assert_array_equal(loaded.predict_proba(X), never.predict_proba(X))


def test_threads_take_turns_so_that_layers_that_draw_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    before, every = torch.get_num_threads(), sys.getswitchinterval()
    drawing = estimator(task="drawing", epochs=4)
    alone = expunge.SISAClassifier(drawing, n_shards=4).fit(X, Y)
    sys.setswitchinterval(1e-5)
    try:
        with joblib.parallel_config("threading"):
            beside = expunge.SISAClassifier(drawing, n_shards=4, n_jobs=4).fit(X, Y)
            beside.forget([3, 30])
    finally:
        sys.setswitchinterval(every)
    alone.forget([3, 30])
    assert beside.digest() == alone.digest()
    assert torch.get_num_threads() == before


def test_a_step_of_the_estimator_is_that_of_torch() -> None:
    """Two passes in one batch, momentum carried over from one call to the next, against the formula."""
    register("line", lambda: find_blueprint("untrained"))
    model = NetworkEstimator(task="line", epochs=1, lr=0.1, batch_size=60, momentum=0.5)
    codes = np.unique(Y, return_inverse=True)[1]
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(1)
        first = nn.Linear(5, 3)
    W, b = first.weight.detach().numpy().astype(float), first.bias.detach().numpy().astype(float)
    velocity = [0.0, 0.0]
    for _ in range(2):
        model.partial_fit(X, codes, classes=[0, 1, 2])
        scores = X @ W.T + b
        P = np.exp(scores - scores.max(axis=1, keepdims=True))
        P = P / P.sum(axis=1, keepdims=True) - np.eye(3)[codes]
        velocity = [0.5 * velocity[0] + P.T @ X / 60, 0.5 * velocity[1] + P.mean(axis=0)]
        W, b = W - 0.1 * velocity[0], b - 0.1 * velocity[1]
        np.testing.assert_allclose(model.state_["model/weight"], W, atol=1e-5)
    np.testing.assert_allclose(model.state_["model/bias"], b, atol=1e-5)


def test_a_name_that_a_worker_does_not_know_is_an_error_and_no_small_shard() -> None:
    model = expunge.SISAClassifier(estimator("nowhere"), n_shards=2)
    with pytest.raises(UnknownNameError):
        model.fit(X, Y)


def test_a_head_behind_a_backbone_reads_only_the_record_that_goes() -> None:
    model = expunge.make_pipeline(FrozenBackbone(task="tiny"), expunge.RidgeClassifier()).fit(X, Y, record_ids=IDS)
    removal = model.forget(["r09"])
    assert removal.work == 2  # by the backbone and by the head
    never = expunge.make_pipeline(FrozenBackbone(task="tiny"), expunge.RidgeClassifier())
    assert model.digest() == never.fit(X[left([9])], Y[left([9])], record_ids=IDS[left([9])]).digest()


def test_features_are_those_of_the_network_and_of_the_record_alone() -> None:
    model = FrozenBackbone(task="tiny").fit(X)
    weight, bias = model._state().parts["backbone"]["0.weight"], model._state().parts["backbone"]["0.bias"]
    np.testing.assert_allclose(model.transform(X), np.maximum(X @ weight.T + bias, 0), atol=1e-5)
    assert np.array_equal(model.transform(X)[7:9], model.transform(X[7:9]))
