"""Networks under differential privacy: gradients by hand, layers that mix records, odometers, files, a crash."""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from functools import partial
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("opacus")

from torch import nn  # noqa: E402 - torch may be absent

from expunge.errors import (  # noqa: E402
    BudgetExhaustedError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    LimitBrokenError,
    NewerFormatError,
    TamperedError,
    UnknownRecordError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.files.archive import read_archive, write_archive  # noqa: E402
from expunge.methods.certified.logistic_regression import CertifiedLogisticRegression  # noqa: E402
from expunge.methods.private import stand_ins  # noqa: E402
from expunge.methods.private.dp_sgd import DPSGD  # noqa: E402
from expunge.methods.private.opacus_modules import Private, valid_copy  # noqa: E402
from expunge.methods.private.private_network import PrivateNetwork, read_private_network  # noqa: E402
from expunge.methods.private.private_steps import Steps, noise_of_both, run_steps  # noqa: E402
from expunge.methods.private.stand_ins import StandIns  # noqa: E402
from expunge.methods.private.steered import Steered  # noqa: E402
from expunge.methods.private.two_stage import TwoStage  # noqa: E402
from expunge.networks import Classification, Limits, Regression  # noqa: E402
from expunge.privacy import Gaussian, Odometer, epsilon_of  # noqa: E402
from interruptions import interrupt  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Full backward hook")


def problem(n: int = 120, batch_norm: bool = False) -> tuple[Any, Classification]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5)).astype("float32")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        middle = nn.BatchNorm1d(8) if batch_norm else nn.Tanh()
        model = nn.Sequential(nn.Linear(5, 8), middle, nn.Linear(8, 2))
    return model, Classification((X, (X[:, 0] > 0).astype("int64")), record_ids=[f"r{i}" for i in range(n)])


def steps(**given: Any) -> Steps:
    base = {"probability": 1.0, "count": 1, "multiplier": 1e-6, "max_grad_norm": 0.3, "optimizer": "sgd", "lr": 1.0,
            "momentum": 0.0, "clipping": "flat", "chunk": 1000}  # fmt: skip
    return Steps(**{**base, **given})


@pytest.mark.parametrize("clipping", ["flat", "ghost"])
@pytest.mark.parametrize("chunk", [1000, 7])
def test_a_step_is_the_mean_of_shortened_gradients_of_single_records(clipping: str, chunk: int) -> None:
    """By hand: one backward pass for each record."""
    model, task = problem(30)
    own, _ = valid_copy(model, fix=False)
    assert run_steps(own, task, np.arange(30), steps(clipping=clipping, chunk=chunk), 1) == 30
    total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for i in range(30):
        batch = task.batch(np.array([i]), torch.device("cpu"))
        loss = task.losses(model(batch.inputs), batch.targets).sum()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        length = torch.sqrt(sum(g.square().sum() for g in gradients))
        for name, g in zip(total, gradients, strict=True):
            total[name] += g * min(1.0, 0.3 / float(length))
    for (name, was), now in zip(model.named_parameters(), own.parameters(), strict=True):
        assert torch.allclose(now, was - total[name] / 30, atol=1e-5)


@pytest.mark.parametrize(("clipping", "first"), [("flat", 0.2), ("ghost", 10.0)])
def test_the_bound_follows_a_quantile_of_the_lengths(
    clipping: str, first: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network hardly moves, so that the lengths stay; each is had by hand, from one backward pass."""
    model, task = problem(120)
    lengths = []
    for i in range(120):
        batch = task.batch(np.array([i]), torch.device("cpu"))
        loss = task.losses(model(batch.inputs), batch.targets).sum()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        lengths.append(float(torch.sqrt(sum(g.square().sum() for g in gradients))))
    bounds: list[float] = []
    keep = Private.bound
    monkeypatch.setattr(Private, "bound", lambda self, norm: (bounds.append(norm), keep(self, norm))[1])
    given = {"clip_quantile": 0.3, "count": 80, "lr": 1e-9, "chunk": 50, "multiplier": 0.5}
    own, _ = valid_copy(model, fix=False)
    run_steps(own, task, np.arange(120), steps(clipping=clipping, max_grad_norm=first, **given), 1)
    assert len(bounds) == 80
    assert np.quantile(lengths, 0.15) < np.mean(bounds[40:]) < np.quantile(lengths, 0.45)


@pytest.mark.parametrize(("multiplier", "expected"), [(0.5, 30.0), (3.0, 30.0), (1.0, 10_000.0)])
def test_count_and_gradients_together_are_the_noise_that_is_charged(multiplier: float, expected: float) -> None:
    """The account of two Gaussian events of one step is that of the one."""
    on_gradients, on_count = noise_of_both(multiplier, expected)
    both = epsilon_of([Gaussian(on_gradients), Gaussian(2 * on_count)], 1e-5)
    assert both == pytest.approx(epsilon_of(Gaussian(multiplier), 1e-5), rel=1e-9)
    assert multiplier < on_gradients < 1.04 * multiplier


def test_a_bound_that_follows_costs_no_more_and_is_told() -> None:
    private = trained(clip_quantile=0.5, group_size=3)
    assert private.odometer.event == trained(group_size=3).odometer.event
    assert "follows the quantile 0.5" in private.forget(["r3"]).guarantee.sentence()


@pytest.mark.parametrize("clip_quantile", [None, 0.5])
def test_noise_has_the_size_that_is_charged_also_when_nobody_takes_part(clip_quantile: float | None) -> None:
    model, task = problem(30)
    moved = []
    for probability in (1e-9, 1.0):
        own, _ = valid_copy(model, fix=False)
        run_steps(
            own, task, np.arange(30), steps(multiplier=50.0, probability=probability, clip_quantile=clip_quantile), 2
        )
        change = torch.cat([(a - b).flatten() for a, b in zip(own.parameters(), model.parameters(), strict=True)])
        moved.append(float(change.detach().std()) * probability * 30)
    assert moved == pytest.approx([50.0 * 0.3] * 2, rel=0.35)


def test_each_record_takes_part_by_a_coin_of_its_own() -> None:
    model, task = problem(120)
    own, _ = valid_copy(model, fix=False)
    work = run_steps(own, task, np.arange(120), steps(probability=0.25, count=20), 3)
    assert abs(work - 600) < 5 * np.sqrt(20 * 120 * 0.25 * 0.75)


def test_layers_that_mix_records_are_replaced_or_refused() -> None:
    model, task = problem(batch_norm=True)
    fixed, notes = valid_copy(model, fix=True)
    assert notes == ["BatchNorm1d '1' became GroupNorm"]
    assert isinstance(fixed[1], nn.GroupNorm)
    assert isinstance(model[1], nn.BatchNorm1d)
    with pytest.raises(UnsupportedEstimatorError, match="BatchNorm"):
        valid_copy(model, fix=False)
    with pytest.raises(UnsupportedEstimatorError, match="BatchNorm"):
        DPSGD(fix=False, delta=1e-3).fit(model, task)


def trained(**given: Any) -> Any:
    model, task = problem()
    base = {"epsilon": 4.0, "delta": 1e-3, "epochs": 2, "batch_size": 120, "noise_seed": 1}
    return DPSGD(**{**base, **given}).fit(model, task)  # all records in each step: the account is one formula


def test_forgetting_does_nothing_until_the_noise_hides_no_more(tmp_path: Any) -> None:
    private = trained(group_size=3)
    weights = {name: value.clone() for name, value in private.model.state_dict().items()}
    plan = private.plan(["r3", "r4"])
    removal = private.forget(["r3", "r4"])
    assert removal.guarantee == plan.guarantee
    assert (removal.work, removal.touched, private.odometer.left) == (0, ("odometer",), 1)
    assert all(torch.equal(value, weights[name]) for name, value in private.model.state_dict().items())
    with pytest.raises(UnknownRecordError, match="forgotten already"):
        private.plan(["r3"])
    path = private.save(tmp_path / "network")
    private.forget(["r5"])
    again = trained(group_size=3).load(path)
    assert again.odometer == private.odometer
    assert again.odometer.gone == 3
    assert again.record_ids_.tolist() == private.record_ids_.tolist()
    planned = again.plan(["r6"])
    done = again.forget(["r6"])
    assert planned.work_low <= done.work <= planned.work_high
    assert "trained again" in done.notes[0]
    assert again.odometer.gone == 0
    assert "r6" not in again.record_ids_
    assert any(not torch.equal(value, weights[name]) for name, value in again.model.state_dict().items())


def test_a_reading_that_cannot_be_written_is_not_told(tmp_path: Any, monkeypatch: Any) -> None:
    """The file stands before the removal does: a process that dies between has charged what nobody was told."""
    private = trained(group_size=3)
    path = private.save(tmp_path / "network")
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("expunge.methods.private.private_network.write_archive", full)
    with pytest.raises(OSError, match="no space"):
        private.forget(["r1"])
    assert private.odometer.gone == 0
    assert path.read_bytes() == before
    assert "r1" in private.record_ids_


def subset(task: Classification, keep: list[int], ids: list[str] | None = None) -> Classification:
    inputs, targets = (tensor[keep] for tensor in task.dataset.tensors)
    names = task.ids[keep].tolist() if ids is None else ids
    return Classification((inputs, targets), record_ids=names)


def test_a_file_names_the_records_that_are_left(tmp_path: Any) -> None:
    """Sorted otherwise, or without the row that went: the same records are known, and no others."""
    private = trained(group_size=3)
    task, method = private._task, private.method
    private.save(tmp_path / "network")
    private.forget(["r5"])
    for keep in (list(range(120))[::-1], [i for i in range(120) if i != 5]):
        again = method.fit(problem()[0], subset(task, keep)).load(tmp_path / "network")
        assert set(again.record_ids_) == set(private.record_ids_)
    for other in (subset(task, list(range(50))), subset(task, list(range(120)), [f"s{i}" for i in range(120)])):
        fitted = method.fit(problem()[0], other)
        with pytest.raises(InvalidDataError, match="the task does not"):
            fitted.load(tmp_path / "network")
        assert fitted.odometer.gone == 0


def test_a_load_that_is_refused_changes_nothing(tmp_path: Any) -> None:
    private = trained(group_size=3)
    path = private.save(tmp_path / "network")
    private.forget(["r1", "r2"])
    manifest, entries = read_archive(path)
    told = manifest["odometer"]
    write_archive(tmp_path / "newer", {**manifest, "odometer": {**told, "schema": 99}}, entries)
    write_archive(tmp_path / "free", {**manifest, "odometer": {**told, "gone": 0.0}}, entries)
    torch.manual_seed(3)
    wider = nn.Sequential(nn.Linear(5, 9), nn.Tanh(), nn.Linear(9, 2))
    same, others = trained(noise_seed=2), private.method.fit(wider, private._task)
    for other, name, error in (
        (same, "newer", NewerFormatError), (same, "free", TamperedError), (others, "network", UnsupportedEstimatorError)
    ):  # fmt: skip
        weights = {name: value.clone() for name, value in other.model.state_dict().items()}
        with pytest.raises(error):
            other.load(tmp_path / name)
        assert all(torch.equal(value, weights[name]) for name, value in other.model.state_dict().items())
        assert (other.odometer.gone, len(other.record_ids_)) == (0, 120)


def test_threads_that_forget_at_once_are_all_charged(tmp_path: Any) -> None:
    private = trained(group_size=3)
    private.save(tmp_path / "network")
    inside, most, own = [], [], PrivateNetwork._after

    def slow(self: PrivateNetwork, asked: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        found = own(self, asked)
        inside.pop()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrivateNetwork, "_after", slow)
        threads = [threading.Thread(target=private.forget, args=([f"r{i}"],)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(most) == 1
    assert (private.odometer.gone, len(private.record_ids_)) == (3, 117)
    assert read_private_network(tmp_path / "network").odometer.gone == 3


def test_a_spent_budget_is_refused_and_nothing_changes() -> None:
    private = trained(on_exhausted="refuse")
    private.forget(["r1"])
    for ask in (private.plan, private.forget):
        with pytest.raises(BudgetExhaustedError):
            ask(["r2"])
    assert private.odometer.gone == 1


@pytest.mark.parametrize(
    "wrong",
    [{"epsilon": 0}, {"delta": 0.5}, {"group_size": 0}, {"epochs": 0}, {"batch_size": 0}, {"lr": 0.0},
     {"max_grad_norm": 0.0}, {"clip_quantile": 1.0}, {"momentum": 2.0}, {"optimizer": "lion"}, {"clipping": "none"},
     {"fix": 1}, {"on_exhausted": "ask"}, {"noise_seed": "x"}],
)  # fmt: skip
def test_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((InvalidParameterError, TypeError)):
        trained(**wrong)


def test_what_cannot_be_trained_is_refused(tmp_path: Any) -> None:
    model, task = problem()
    with pytest.raises(UnsupportedEstimatorError, match="trainable"):
        DPSGD(delta=1e-3).fit(model.requires_grad_(False), task)
    (tmp_path / "x").write_bytes(b"nothing")
    with pytest.raises(TamperedError):
        trained().load(tmp_path / "x")


def test_an_interruption_leaves_a_reading_of_what_is_gone(tmp_path: Any) -> None:
    private = trained(group_size=3)
    before = private.save(tmp_path / "all").parent / "all"
    private = private.copied()
    private.forget(["r4", "r5"])
    cases: list[tuple[Any, set[str]]] = [
        (lambda one: one.forget(["r3"]), {"PrivateNetwork.forget", "_forgotten", "take"}),
        (lambda one: one.load(before), {"PrivateNetwork.load"}),
    ]
    for act, functions in cases:
        step, where = 0, "before"
        while where:
            one = private.copied()
            where = interrupt(partial(act, one), step, functions)
            assert one.odometer.gone == 120 - len(one.record_ids_), where
            step += 2
        assert step > 50


# ------------------------------------------------------------------ two stages


def test_both_stages_forget_and_their_budgets_add_up() -> None:
    private = trained(group_size=3)
    stages = TwoStage(private).fit(private._task)
    inputs = private._task.dataset.tensors[0]
    assert np.linalg.norm(stages.features(inputs), axis=1).max() <= 1.0
    plan, weights = stages.plan(["r3", "r4"]), stages.head.coef_
    removal = stages.forget(["r3", "r4"])
    assert removal.guarantee == plan.guarantee
    assert removal.guarantee.epsilon == pytest.approx(private.odometer.spent + 1.0)
    assert removal.guarantee.delta == pytest.approx(1e-3 + 1e-5)
    assert (removal.work, stages.head.record_ids_.size) == (2, 118)
    assert (stages.head.coef_ != weights).any()
    with pytest.raises(UnknownRecordError):
        stages.forget(["r3"])
    again = stages.plan(["r5", "r6"])  # too many for the network
    done = stages.forget(["r5", "r6"])
    assert again.work_low <= done.work <= again.work_high
    assert stages.head.record_ids_.size == 116


@pytest.mark.parametrize("fails", ["head", "file"])
def test_both_stages_forget_or_neither(fails: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    private = trained(group_size=3)
    private.save(tmp_path / "network")
    refusing = CertifiedLogisticRegression(sigma=0.08, epsilon=0.05, on_exhausted="refuse", noise_seed=3)
    stages = TwoStage(private, head=refusing if fails == "head" else None).fit(private._task)
    if fails == "file":
        monkeypatch.setattr(PrivateNetwork, "_write", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    else:
        with pytest.raises(BudgetExhaustedError):
            stages.plan(["r1"])
    before = (tmp_path / "network").read_bytes()
    for _ in range(2):
        with pytest.raises((BudgetExhaustedError, OSError)):
            stages.forget(["r1"])
        assert (private.odometer.gone, len(private.record_ids_), len(stages.head.record_ids_)) == (0, 120, 120)
    assert (tmp_path / "network").read_bytes() == before


def test_an_interruption_leaves_both_stages_with_the_same_records() -> None:
    private, step, where = trained(group_size=3), 0, "before"
    fitted = TwoStage(private).fit(private._task)
    while where:
        stages = copy.copy(fitted)
        stages.network = private.copied()
        where = interrupt(partial(stages.forget, ["r1"]), step, {"TwoStage.forget", "_settle"})
        assert set(stages.head.record_ids_) == set(stages.network.record_ids_), where
        step += 3
    assert step > 50
    assert len(stages.head.record_ids_) == 119


def test_a_network_without_a_last_layer_is_refused() -> None:
    _, task = problem()
    private = DPSGD(epsilon=4.0, delta=1e-3, epochs=1, batch_size=120).fit(nn.Linear(5, 2), task)
    with pytest.raises(UnsupportedEstimatorError, match="Sequential"):
        TwoStage(private)


# ------------------------------------------------------------------ stand-ins


def halves(n: int = 200) -> tuple[Any, Any]:
    """Two classes whose inputs lie around 0.2 and 0.8."""
    rng, y = np.random.default_rng(0), np.arange(n) % 2
    return np.clip(0.2 + 0.6 * y[:, None] + 0.05 * rng.normal(size=(n, 4)), 0, 1).astype("float32"), y.astype("int64")


@pytest.mark.parametrize("kind", ["samples", "noise"])
def test_stand_ins_look_like_their_class_and_never_read_the_forgotten(kind: str) -> None:
    """The forgotten records lie where their class never does: what is made up must not."""
    X, y = halves()
    X[:10] = 0.5
    task, seen = Classification((X, y)), []
    method = StandIns(epsilon=200.0, strategy=kind, epochs=1, batch_size=50)
    made_up = method._made_up
    method._made_up = lambda *given: seen.append(made_up(*given)) or seen[-1]
    method.forget(nn.Linear(4, 2), task, list(range(10)))
    for batch in seen:
        rows, targets = batch.inputs.numpy(), batch.targets.numpy()
        if kind == "samples":
            assert np.abs(rows - (0.2 + 0.6 * targets[:, None])).mean() < 0.1
        assert not (rows == 0.5).any()
        assert rows.min() >= 0.0
        assert rows.max() <= 1.0


@pytest.mark.parametrize("noise_seed", [None, 5])
def test_each_request_has_noise_of_its_own_and_each_call_one_release(
    noise_seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same seed: what the sums of two requests differ by is not the record that went in between."""
    X, y = halves()
    task, sums, model, full = Classification((X, y)), [], nn.Linear(4, 2), stand_ins.noisy_class_sums
    monkeypatch.setattr(stand_ins, "noisy_class_sums", lambda *given: sums.append(full(*given)) or sums[-1])
    steered = Steered(
        StandIns(epsilon=0.4, epochs=1, batch_size=100, noise_seed=noise_seed), Odometer(epsilon=1.0, delta=1e-5),
        retrain=lambda ids: model,
    )  # fmt: skip
    said = [steered.forget(model, task, [i])[1].guarantee.sentence() for i in (2, 4)]
    counts, classes = sums[3] - sums[0], sums[4] - sums[1]
    assert not np.isclose(counts[1], 0.0)  # neither record is of class 1
    assert not np.isclose(classes[1], 0.0).any()
    assert ("operating system" in said[0]) == (noise_seed is None)
    del sums[:]
    nn.init.zeros_(model.weight)
    runs, run = [], StandIns._run
    monkeypatch.setattr(StandIns, "_run", lambda *given: runs.append(run(*given)))
    with contextlib.suppress(InvalidRequestError):  # no dose comes near
        StandIns(noise_seed=noise_seed, epochs=1).forget(model, task, [0, 1], strength="auto", reference=0.2)
    assert len(runs) > 1
    assert len(sums) == 3


def test_stand_ins_are_refused_where_there_is_nothing_to_draw() -> None:
    X, y = halves()
    whole = Classification(((X * 100).astype("int64"), y))
    with pytest.raises(UnsupportedRequestError, match="one tensor of numbers"):
        StandIns().forget(nn.Sequential(nn.Embedding(101, 2), nn.Flatten(), nn.Linear(8, 2)), whole, [1])
    with pytest.raises(UnsupportedRequestError, match="by class"):
        StandIns().forget(nn.Linear(4, 1), Regression((X, y.astype("float32"))), [1])
    for wrong in ({"epsilon": 0.0}, {"delta": 1.0}, {"bounds": (1.0, 0.0)}, {"strategy": "none"}, {"epochs": 0}):
        with pytest.raises(InvalidParameterError):
            StandIns(**wrong).forget(nn.Linear(4, 2), Classification((X, y)), [1])


def test_a_budget_decides_when_requests_are_answered_by_a_retrain() -> None:
    X, y = halves()
    task, kept, model = Classification((X, y)), [], nn.Linear(4, 2)
    steered = Steered(
        StandIns(epsilon=0.5, epochs=1), Odometer(epsilon=0.8, delta=1e-5),
        retrain=lambda ids: kept.append(ids) or nn.Linear(4, 2),
    )  # fmt: skip
    answers = []
    for request in ([1], [2, 3], [4], [5]):
        model, removal = steered.forget(model, task, request)
        answers.append(removal.notes[-1].partition(":")[0])
    assert answers == ["answered by stand-ins"] * 2 + ["the budget was spent", "answered by stand-ins"]
    assert kept == [[0, *range(5, 200)]]
    assert steered.gone == (1, 2, 3, 4, 5)
    assert steered.odometer.spent == pytest.approx(0.5)
    noise = Steered(StandIns(strategy="noise", epochs=1), Odometer(epsilon=0.8, delta=1e-5), retrain=lambda ids: model)
    noise.forget(model, task, [7])
    assert noise.odometer.spent == 0.0


def test_a_record_is_forgotten_once_and_a_run_that_breaks_a_limit_is_charged() -> None:
    X, y = halves()
    task, model = Classification((X, y)), nn.Linear(4, 2)
    steered = Steered(
        StandIns(epsilon=0.3, epochs=1), Odometer(epsilon=1.0, delta=1e-5), retrain=lambda ids: nn.Linear(4, 2)
    )
    steered.forget(model, task, [1])
    spent = steered.odometer.spent
    for wrong, given, error in (([1], {}, UnknownRecordError), ([2, 1], {}, UnknownRecordError),
                                ([2], {"retain": [3]}, InvalidRequestError)):  # fmt: skip
        with pytest.raises(error):
            steered.forget(model, task, wrong, **given)
    assert (steered.gone, steered.odometer.spent) == ((1,), spent)
    with pytest.raises(LimitBrokenError):
        steered.forget(model, task, [2], limits=Limits(max_step_norm=1e-9))
    assert steered.gone == (1,)
    assert steered.odometer.spent > spent


def test_a_budget_is_not_refilled_where_the_removal_is_interrupted() -> None:
    (model, task), step, where = problem(20), 0, "before"
    while where:
        steered = Steered(StandIns(epsilon=0.5), Odometer(epsilon=1.0, delta=1e-5), retrain=lambda ids: model)
        spent = steered.odometer = steered.odometer.spend(StandIns(epsilon=0.9).event())
        where = interrupt(partial(steered.forget, model, task, ["r1"]), step, {"_anew"})
        assert (steered.odometer == spent) == (steered.gone == ()), where
        step += 1
    assert step > 20
