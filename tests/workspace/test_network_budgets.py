"""Networks whose removals are certified: a budget is saved with them, planned, spent, and never counted too little."""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("opacus")

import expunge  # noqa: E402
from expunge.errors import (  # noqa: E402
    BudgetExhaustedError,
    InvalidDataError,
    InvalidParameterError,
    UnsupportedRequestError,
)
from expunge.networks import CertifiedNetwork, Classification, DPSGDNetwork  # noqa: E402
from expunge.private import DPSGD, Gaussian, GroupOdometer, Several, epsilon_of, gaussian_sigma  # noqa: E402
from expunge.workspace.models import models  # noqa: E402
from methods.blueprints import Tiny  # noqa: E402
from workspace import life, network_life  # noqa: E402

NOISY: dict[str, Any] = {"n_steps": 3, "epochs": 1}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the table alone, and beside it the files of two trained networks; not to be changed."""
    folder = tmp_path_factory.mktemp("budgets")
    network_life.enter()
    frame = network_life.people()
    frame.to_parquet(folder / "people.parquet", index=False)
    network_life.trained(folder, frame)
    blueprint, (labels, codes) = Tiny(), np.unique(frame["label"], return_inverse=True)
    inputs = blueprint.inputs(frame[[f"x{i}" for i in range(4)]].to_numpy(float).clip(-3, 3))
    task = Classification((inputs, torch.as_tensor(codes)), record_ids=frame["id"].tolist())
    method = DPSGD(epsilon=8.0, delta=1e-3, group_size=3, epochs=2, batch_size=60)
    method.fit(blueprint.network(4, len(labels)), task).save(folder / "network.private")
    ws = expunge.Workspace.init(folder / "ws")
    ws.data_add(folder / "people.parquet", record_id="id", subject_id="person")
    ws.close()
    return folder


@pytest.fixture
def root(kept: Path, tmp_path: Path) -> Path:
    network_life.enter()
    shutil.copytree(kept, tmp_path / "here")
    return tmp_path / "here" / "ws"


def adopted(root: Path, **options: Any) -> expunge.Workspace:
    ws = expunge.Workspace.open(root)
    ws.adopt(
        "net", task="tiny", data="people", state=root.parent / "model.safetensors", method="noisy-fine-tuning",
        options={**NOISY, **options},
    )  # fmt: skip
    return ws


def live(ws: expunge.Workspace) -> Any:
    with ws._core.read() as connection:
        (model,) = models.live_models(ws._core, connection)
    return models.load(ws._core, model).model


def spent_of(count: int, epsilon: float = 1.0, delta: float = 1e-5) -> float:
    """By hand: so many Gaussians, each calibrated to this."""
    return epsilon_of(Several(count, Gaussian(gaussian_sigma(epsilon, delta))), 1e-5)


def test_a_budget_is_planned_spent_and_refused_when_it_is_empty(root: Path) -> None:
    ws = adopted(root, budget_epsilon=1.6)
    before = live(ws).digest()
    ((_, plan),) = list(ws.plan(subjects=["p1"]))
    assert plan.guarantee.epsilon == pytest.approx(spent_of(1), abs=1e-6)
    assert plan.notes == ("odometer: 0 removals at epsilon = 0 of 1.6",)
    assert live(ws).digest() == before
    for number in (1, 2):
        (answer,) = ws.forget(subjects=[f"p{number}"])
        guarantee = answer.models[0]["guarantee"]
        assert guarantee["kind"] == "certified"
        assert guarantee["epsilon"] == pytest.approx(spent_of(number), abs=1e-6)
        verdict = ws.verify(answer.receipt)
        assert verdict
        told = verdict.receipt.models[0].guarantee
        assert (told.schema, told.epsilon_left) == (2, pytest.approx(1.6 - spent_of(number), abs=1e-6))
    ws.close()
    ws = expunge.Workspace.open(root)  # it was saved with the network
    assert live(ws).odometer_.spent == pytest.approx(spent_of(2), abs=1e-6)
    with pytest.raises(BudgetExhaustedError):
        ws.plan(subjects=["p4"])
    before = live(ws).digest()
    with pytest.raises(BudgetExhaustedError, match=r"epsilon = 1\.6"):
        ws.forget(subjects=["p4"])
    assert live(ws).digest() == before
    assert live(ws).odometer_.spent == pytest.approx(spent_of(2), abs=1e-6)
    ws.close()


def test_a_certified_network_takes_no_gate(root: Path) -> None:
    ws = expunge.Workspace.open(root)
    network_life.people().assign(person="nobody").to_csv(root.parent / "holdout.csv", index=False)
    ws.data_add(root.parent / "holdout.csv", record_id="id", subject_id="person")
    given: dict[str, Any] = {"data": "people", "target": "label", "gate": {"data": "holdout", "max_drop": 0.5}}
    budget = {"task": "tiny", "options": NOISY, "budget_epsilon": 1.6}
    with pytest.raises(UnsupportedRequestError, match="no certificate covers that choice"):
        ws.fit("net", method="certified-network", options=budget, **given)
    assert ws.status()["models"] == []
    ws.fit("net", method="certified-network", options=budget, **given | {"gate": {}})
    ws.fit("scrubbed", method="trained-network", options={"task": "tiny"}, **given)  # has no certificate to lose
    assert {model["name"] for model in ws.status()["models"]} == {"net", "scrubbed"}
    ws.close()


def test_a_policy_trains_again_and_the_receipt_says_so(root: Path) -> None:
    ws = adopted(root, budget_epsilon=1.2, on_exhausted="retrain")
    told = [ws.forget(subjects=[f"p{number}"])[0] for number in (1, 2)]
    (first, again) = [answer.models[0] for answer in told]
    assert "the budget was spent: trained again on what is left" not in first["notes"]
    assert "the budget was spent: trained again on what is left" in again["notes"]
    assert (again["guarantee"]["epsilon"], live(ws).odometer_.events) == (0.0, ())
    verdict = ws.verify(told[1].receipt)
    assert verdict
    assert "the budget was spent: trained again on what is left" in verdict.receipt.models[0].notes
    fresh = CertifiedNetwork(task="tiny", options=NOISY, budget_epsilon=1.2, on_exhausted="retrain")
    frame = network_life.people()
    frame = frame[~frame["person"].isin(["p1", "p2"])]
    fresh.set_params(seed=live(ws).seed)
    fresh.fit(frame[[f"x{i}" for i in range(4)]], frame["label"], record_ids=frame["id"], subject_ids=frame["person"])
    for name, value in live(ws).network_.state_dict().items():
        torch.testing.assert_close(fresh.network_.state_dict()[name], value, rtol=0, atol=0)
    ws.close()


def test_what_promises_nothing_is_refused(root: Path) -> None:
    for options in ({"budget_epsilon": 0.5}, {"budget_delta": 0.5}, {"on_exhausted": "hope"}, {"max_retain_drop": 0.1}):
        with pytest.raises(InvalidParameterError):
            adopted(root, **options)
    with pytest.raises(UnsupportedRequestError, match="not by one Gaussian"):
        adopted(root, clip="model")
    with pytest.raises(UnsupportedRequestError, match="no certificate"):
        CertifiedNetwork(task="tiny", method="scrub")._check_params()


def test_noise_of_a_seed_is_other_noise_for_each_removal() -> None:
    model = CertifiedNetwork(task="tiny", options={"noise_seed": 1})
    assert model._method(1).noise_seed != model._method(2).noise_seed


def test_a_network_trained_by_dp_sgd_is_taken_over_with_its_odometer_and_charged(root: Path) -> None:
    ws = expunge.Workspace.open(root)
    ws.adopt("net", task="tiny", data="people", state=root.parent / "network.private", method="dpsgd")
    weights = {name: value.clone() for name, value in live(ws).network_.state_dict().items()}
    odometer = live(ws).odometer_
    assert (odometer.epsilon, odometer.gone, odometer.left) == (8.0, 0.0, 3)
    assert len(ws.influence("net", method="tracin")) == len(network_life.people())
    ((_, plan),) = list(ws.plan(subjects=["p1"]))
    assert (plan.work_high, plan.guarantee.epsilon) == (0, pytest.approx(odometer.cost(2)))
    (answer,) = ws.forget(subjects=["p1"])
    assert answer.models[0]["guarantee"]["epsilon"] == pytest.approx(odometer.cost(2))
    assert answer.models[0]["work"] == 0
    for name, value in live(ws).network_.state_dict().items():
        assert torch.equal(weights[name], value)
    (answer,) = ws.forget(subjects=["p2"])  # four are more than three
    assert any("trained again" in note for note in answer.models[0]["notes"])
    assert live(ws).odometer_.gone == 0
    assert ws.verify(answer.receipt)
    ws.close()


def test_a_private_network_of_other_records_is_not_taken_over(root: Path) -> None:
    ws = expunge.Workspace.open(root)
    ws.forget(subjects=["p1"])
    with pytest.raises(InvalidDataError, match="not those of this data"):
        ws.adopt("net", task="tiny", data="people", state=root.parent / "network.private", method="dpsgd")
    ws.close()


def test_an_odometer_of_another_budget_is_refused() -> None:
    odometer = GroupOdometer(4.0, 1e-5, Gaussian(2.0))
    with pytest.raises(InvalidParameterError, match="The odometer is of epsilon = 4"):
        DPSGDNetwork(task="tiny").adopt({}, odometer, np.eye(4), ["a", "b"] * 2)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a matter of POSIX")
@pytest.mark.parametrize("point", [pytest.param("forget-model-written", marks=pytest.mark.slow), "forget-switched"])
def test_a_budget_of_a_network_is_never_counted_too_little(point: str, root: Path) -> None:
    adopted(root).close()
    assert life.Child(network_life.forget_in, root, 1, EXPUNGE_FAIL_AT=point).end() == -signal.SIGKILL
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Finished interrupted request")
        ws = expunge.Workspace.open(root)
        issued = len(list((root / "receipts").iterdir()))
        assert live(ws).odometer_.spent >= (spent_of(issued) if issued else 0.0) - 1e-6
        ws.forget(subjects=["p1"], caller="life", key="forget-1")  # asked again: it is the same request
        assert live(ws).odometer_.spent == pytest.approx(spent_of(1), abs=1e-6)
        ws.forget(subjects=["p2"], caller="life", key="forget-2")
    assert live(ws).odometer_.spent == pytest.approx(spent_of(2), abs=1e-6)
    assert len(list((root / "receipts").iterdir())) == 2
    assert ws.verify()
    ws.close()
