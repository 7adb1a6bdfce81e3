"""Methods for networks on a graphics processor: the same promises, where there is one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - torch may be absent

from expunge import networks  # noqa: E402
from expunge.errors import UnsupportedEstimatorError  # noqa: E402
from expunge.lab import Cell  # noqa: E402
from expunge.lab.trial import prepare  # noqa: E402
from expunge.networks import NETWORK_METHODS, Classification, ReplayTrainer, UpdateLog  # noqa: E402

DEVICE = "cuda"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics processor")

N, FORGOTTEN = 48, [0, 3, 5, 20, 31]
rng = np.random.default_rng(0)
Y = np.arange(N) % 3
X = (rng.normal(size=(N, 1, 8, 8)) + Y[:, None, None, None]).astype(np.float32)
TASK = Classification((X, Y))
DOUBLE = Classification((X.astype(np.float64), Y))

SMALL: dict[str, Any] = {"batch_size": 8}
METHODS: dict[str, Any] = {
    "Amnesiac": None,  # made for a model
    "BadTeacher": networks.BadTeacher(**SMALL),
    "CFK": networks.CFK(**SMALL, k=2, epochs=2),
    "EUK": networks.EUK(**SMALL, k=2, epochs=2),
    "FineTuning": networks.FineTuning(**SMALL, epochs=2),
    "FisherForgetting": networks.FisherForgetting(chunk=8),
    "GradientAscent": networks.GradientAscent(batch_size=2),
    "GradientStep": networks.GradientStep(),
    "L1Sparse": networks.L1Sparse(**SMALL, epochs=2),
    "NegGradPlus": networks.NegGradPlus(**SMALL),
    "NewtonStep": networks.NewtonStep(max_iter=4, max_samples=16, batch_size=8, damping=0.5),
    "NoisyFineTuning": networks.NoisyFineTuning(**SMALL, n_steps=5, epochs=1, delta=1e-3, noise_seed=0),
    "PrimalDual": networks.PrimalDual(**SMALL),
    "PruneFirst": networks.PruneFirst(**SMALL, epochs=2),
    "RandomLabels": networks.RandomLabels(**SMALL),
    # away from itself it goes from where the gradient is zero: Adam would scale rounding errors up to a direction
    "SCRUB": networks.SCRUB(**SMALL, forget_batch_size=2, optimizer="sgd", lr=0.01),
    "SSD": networks.SSD(alpha=1.0, chunk=8),
    "SalUn": networks.SalUn(**SMALL),
    "SingleStep": None,
    "StandIns": networks.StandIns(**SMALL, bounds=(-4.0, 4.0), noise_seed=0),
}
#: Draw first weights of layers where the model is: by another generator than the processor's.
DRAWS_THERE = ("BadTeacher", "EUK")


@pytest.fixture(autouse=True)
def full_precision() -> Iterator[None]:
    """Convolutions in float32, as on the processor: TensorFloat-32 keeps ten bits."""
    cudnn = torch.backends.cudnn
    before, cudnn.allow_tf32 = cudnn.allow_tf32, False
    yield
    cudnn.allow_tf32 = before


def network(device: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A small convolutional network after a few steps; they are taken on the processor, so that all have the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 8), nn.ReLU(),
            nn.Linear(8, 3),
        )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.as_tensor(X)), torch.as_tensor(Y)).backward()
        optimizer.step()
    return model.eval().to(device, dtype)


def method_for(name: str, model: nn.Module, task: Classification) -> Any:
    """The method; two of them are made with what was kept while the model was trained."""
    if name == "SingleStep":
        return networks.SingleStep(start={n: 0.5 * p for n, p in copy.deepcopy(model.state_dict()).items()})
    if name != "Amnesiac":
        return METHODS[name]
    trained, log = copy.deepcopy(model), UpdateLog(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for places in np.array_split(np.arange(N), 6):
        batch = task.batch(places, next(model.parameters()).device)
        optimizer.zero_grad()
        task.losses(model(batch.inputs), batch.targets).mean().backward()
        with log.step(places.tolist()):
            optimizer.step()
    model.load_state_dict(trained.state_dict())
    return networks.Amnesiac(log=log, batch_size=8)


def forgotten(name: str, device: str, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, nn.Module]:
    """A model before, and what the method made of it."""
    model, task = network(device, dtype), TASK if dtype == torch.float32 else DOUBLE
    method, state = method_for(name, model, task), copy.deepcopy(model.state_dict())
    new, removal = method.forget(model, task, FORGOTTEN, seed=0)
    assert removal.n_forgotten == len(FORGOTTEN)
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in state.items()), "the input is as it was"
    return model, new


def flat(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().double().cpu().ravel() for p in model.parameters()])


@pytest.mark.parametrize("name", NETWORK_METHODS)
def test_method_stays_on_the_device_and_repeats_its_bits(name: str) -> None:
    _, one = forgotten(name, DEVICE)
    _, two = forgotten(name, DEVICE)
    assert {value.device.type for value in one.state_dict().values()} == {DEVICE}
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert bool(torch.isfinite(flat(one)).all())


@pytest.mark.parametrize("name", [name for name in NETWORK_METHODS if name not in DRAWS_THERE])
def test_method_does_the_same_as_on_the_processor(name: str) -> None:
    """In double precision: sums are taken in another order there, and steps carry the last bits on."""
    before, there = forgotten(name, DEVICE, torch.float64)
    _, here = forgotten(name, "cpu", torch.float64)
    way = float((flat(here) - flat(before)).norm())
    assert way > 1e-6, "it went somewhere"
    assert float((flat(there) - flat(here)).norm()) <= 1e-6 * way


def test_half_precision_is_refused_there_too() -> None:
    with pytest.raises(UnsupportedEstimatorError, match="float16"):
        networks.FineTuning().forget(network(DEVICE).half(), TASK, FORGOTTEN)


def test_no_generator_of_the_process_is_touched() -> None:
    model = network(DEVICE)
    states = torch.random.get_rng_state(), torch.cuda.get_rng_state()
    networks.EUK(**SMALL).forget(model, TASK, FORGOTTEN)
    assert torch.equal(torch.random.get_rng_state(), states[0])
    assert torch.equal(torch.cuda.get_rng_state(), states[1])


def test_replay_promises_equal_bits_on_the_processor_alone_and_says_so() -> None:
    with pytest.raises(UnsupportedEstimatorError, match="not on the CPU"):
        ReplayTrainer(model=network(DEVICE)).fit(TASK)


def test_the_lab_trains_there_and_repeats_its_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPUNGE_DEVICE", DEVICE)
    cell = Cell.parse("digits@200/resnet18@width=8,epochs=2/random@0.1/do-nothing/s5e7r0")
    trial: Any = prepare(cell)
    records = trial.records(trial.parts.train)
    one, two, other = (trial.learner.train(records, seed) for seed in (0, 0, 1))
    assert {value.device.type for value in one.state_dict().values()} == {DEVICE}
    assert trial.learner.digest(one) == trial.learner.digest(two) != trial.learner.digest(other)
    assert trial.learner.task(records).batch(np.arange(4), torch.device(DEVICE)).inputs.device.type == DEVICE
