"""Noisy fine-tuning: its noise against chains whose laws are known, coupled runs of a network, the audit, refusals."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - torch may be absent

from expunge.errors import (  # noqa: E402
    BudgetExhaustedError,
    InvalidParameterError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.networks import Classification, Limits, NoisyFineTuning  # noqa: E402
from expunge.privacy import Odometer, epsilon_lower_bound, gaussian_delta  # noqa: E402
from expunge.privacy.forgetting_noise import sigma_for_clipped_gradients, sigma_for_clipped_models  # noqa: E402

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(np.int64)
TASK = Classification((X, Y))


def network(seed: int = 0, *, layer: nn.Module | None = None) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 8), layer or nn.Tanh(), nn.Linear(8, 2)).eval()


SETTINGS = [
    {"steps": 1, "lr": 0.1, "model_norm": 2.0, "max_grad_norm": 0.5, "weight_decay": 0.0},
    {"steps": 30, "lr": 0.1, "model_norm": 2.0, "max_grad_norm": 0.5, "weight_decay": 0.0},
    {"steps": 30, "lr": 0.3, "model_norm": 5.0, "max_grad_norm": 0.1, "weight_decay": 1.0},
    {"steps": 5, "lr": 1.0, "model_norm": 1.0, "max_grad_norm": 3.0, "weight_decay": 0.9},
]  # fmt: skip


def worst_chain(settings: dict[str, Any]) -> tuple[float, float]:
    """Two runs in one dimension that drift apart as fast as clipping allows: how far, and the variance at noise 1."""
    c, gap, variance = 1 - settings["lr"] * settings["weight_decay"], 2 * settings["model_norm"], 0.0
    for _ in range(settings["steps"]):
        gap, variance = c * gap + 2 * settings["lr"] * settings["max_grad_norm"], c**2 * variance + 1
    return gap, variance


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_noise_is_what_the_worst_chain_needs_and_no_more(settings: dict[str, Any]) -> None:
    """Both runs of that chain are Gaussian at every step, so the condition is exact: the mechanism is tight."""
    gap, variance = worst_chain(settings)
    for epsilon, delta in ((0.1, 1e-5), (1.0, 1e-3), (4.0, 1e-6)):
        sigma = sigma_for_clipped_gradients(epsilon, delta, **settings)
        spread = sigma * math.sqrt(variance)
        assert gaussian_delta(epsilon, spread, gap) <= delta
        assert gaussian_delta(epsilon, spread * (1 - 1e-3), gap) > delta


def test_an_attack_on_the_worst_chain_finds_what_is_claimed_and_half_the_noise_is_caught() -> None:
    settings, draws = SETTINGS[2], np.random.default_rng(1)
    sigma = sigma_for_clipped_gradients(1.0, 1e-3, **settings)

    def runs(sign: float, scale: float, count: int = 40_000) -> Any:
        x = np.full(count, sign * settings["model_norm"])
        for _ in range(settings["steps"]):
            x = x - settings["lr"] * (settings["weight_decay"] * x - sign * settings["max_grad_norm"])
            x = x + scale * draws.normal(size=count)
        return x

    found = {
        scale: epsilon_lower_bound(
            (runs(1, scale * sigma), runs(-1, scale * sigma)), (runs(1, scale * sigma), runs(-1, scale * sigma)),
            delta=1e-3,
        )
        for scale in (1.0, 0.5)
    }  # fmt: skip
    assert 0.5 <= found[1.0] <= 1.0 < found[0.5]


def test_clipped_models_forget_as_the_hockey_stick_says() -> None:
    """Steps that jump to the nearer end of the ball: both laws are mixtures of two Gaussians, with known divergence."""
    grid = np.linspace(-40, 40, 400_001)
    for epsilon, delta, steps in ((1.0, 1e-3, 1), (1.0, 1e-3, 4), (0.5, 1e-4, 8)):
        sigma = sigma_for_clipped_models(epsilon, delta, steps, model_norm=1.0)
        assert gaussian_delta(epsilon, sigma, 2.0) ** steps <= delta
        assert gaussian_delta(epsilon, sigma * (1 - 1e-3), 2.0) ** steps > delta
        stays, right = norm.cdf(1 / sigma), [1.0, 0.0]  # probability of the right end, for both starts
        for _ in range(steps - 1):
            right = [p * stays + (1 - p) * (1 - stays) for p in right]
        up, down = norm.pdf(grid, 1, sigma), norm.pdf(grid, -1, sigma)
        first, second = (p * up + (1 - p) * down for p in right)
        truth = np.maximum(first - math.exp(epsilon) * second, 0).sum() * (grid[1] - grid[0])
        assert truth <= delta * 1.001
        if steps == 1:
            assert truth >= delta * 0.99


def test_two_networks_with_the_same_noise_stay_as_near_as_the_noise_is_made_for() -> None:
    """From two models, one of them far away, with the noise of the same seed: the distance that the shifts hide."""
    for clip, steps in (("gradient", 12), ("model", 1)):
        method = NoisyFineTuning(
            clip=clip, n_steps=steps, lr=0.2, weight_decay=1.0, model_norm=1.5, max_grad_norm=0.3, epochs=0,  # type: ignore[arg-type]
            batch_size=8, noise_seed=3, delta=1e-3,
        )  # fmt: skip
        far = network(1)
        with torch.no_grad():
            for parameter in far.parameters():
                parameter.mul_(50)
        one, other = (method.forget(model, TASK, [1, 2])[0] for model in (network(0), far))
        pairs = zip(one.parameters(), other.parameters(), strict=True)
        apart = math.sqrt(sum(float((a - b).detach().double().square().sum()) for a, b in pairs))
        bound = 2 * 1.5 * 0.8**12 + 2 * 0.2 * 0.3 * (1 - 0.8**12) / 0.2 if clip == "gradient" else 2 * 1.5
        assert 0 < apart <= bound * (1 + 1e-5)


def test_the_noise_is_of_its_size_and_secret_by_default() -> None:
    wide = nn.Sequential(nn.Linear(4, 3000), nn.Linear(3000, 2)).eval()
    method = NoisyFineTuning(n_steps=1, epochs=0, max_grad_norm=1e-6, model_norm=1e-6, delta=1e-3)
    one, two = (method.forget(copy.deepcopy(wide), TASK, [1])[0] for _ in range(2))
    weights = torch.cat([p.detach().double().ravel() for p in one.parameters()])
    assert float(weights.std()) == pytest.approx(method.sigma, rel=0.03)
    assert not any(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert "kept secret" in method.guarantee().sentence()
    assert "hides nothing" in NoisyFineTuning(noise_seed=1).guarantee().sentence()


def test_nothing_is_learned_from_what_is_forgotten() -> None:
    """Records that are not numbers are in no step; the training afterwards is that of fine-tuning."""
    method = NoisyFineTuning(n_steps=5, epochs=20, noise_seed=2, delta=1e-3, batch_size=16)
    broken = X.copy()
    broken[:5] = np.nan
    one, removal = method.forget(network(), TASK, range(5))
    two, _ = method.forget(network(), Classification((broken, Y)), range(5))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert removal.utility[3].after > 0.9
    assert (removal.guarantee.kind, removal.guarantee.epsilon, removal.guarantee.delta) == ("certified", 1.0, 1e-3)


def test_a_gradient_that_is_no_number_is_no_step() -> None:
    bad = Classification((X, Y), loss=lambda outputs, targets: outputs[:, 0] * float("inf"))
    new, _ = NoisyFineTuning(n_steps=3, epochs=0, noise_seed=2, delta=1e-3).forget(network(), bad, [1])
    assert all(bool(torch.isfinite(p).all()) for p in new.parameters())


def test_calls_are_charged_to_a_budget() -> None:
    method = NoisyFineTuning(epsilon=1.0, delta=1e-5)
    odometer = Odometer(epsilon=1.5, delta=1e-5).spend(method.event)
    assert odometer.spent == pytest.approx(1.0, rel=1e-6)
    with pytest.raises(BudgetExhaustedError):
        odometer.spend(method.event).spend(method.event)
    with pytest.raises(UnsupportedRequestError, match="one Gaussian"):
        NoisyFineTuning(clip="model").event  # noqa: B018


def test_what_would_break_the_certificate_is_refused() -> None:
    method = NoisyFineTuning(delta=1e-3, n_steps=2)
    for arguments in (
        {"strength": 0.5}, {"strength": "auto", "reference": 0.5}, {"limits": Limits(max_step_norm=1e9)},
        {"limits": Limits(jump_penalty=0.1)},
    ):  # fmt: skip
        with pytest.raises(UnsupportedRequestError):
            method.forget(network(), TASK, [1], **arguments)
        with pytest.raises(UnsupportedRequestError):
            method.plan(network(), TASK, [1], **arguments)
    with pytest.raises(UnsupportedEstimatorError, match="GroupNorm"):
        method.forget(network(layer=nn.BatchNorm1d(8)), TASK, [1])
    method.forget(network(layer=nn.GroupNorm(2, 8)), TASK, [1])
    with pytest.raises(InvalidParameterError, match="above 1/n"):
        NoisyFineTuning(delta=0.1).forget(network(), TASK, [1])
    large = NoisyFineTuning(delta=0.1, allow_large_delta=True, n_steps=2)
    assert "whatever the number" in large.forget(network(), TASK, [1])[1].guarantee.statement


@pytest.mark.parametrize(
    "arguments",
    [{"epsilon": 0.0}, {"delta": 0.0}, {"n_steps": 0}, {"model_norm": 0.0}, {"max_grad_norm": math.inf},
     {"weight_decay": 10.0}, {"clip": "hope"}, {"epochs": -1}],
)  # fmt: skip
def test_arguments_that_promise_nothing_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        NoisyFineTuning(**{"delta": 1e-3, **arguments}).forget(network(), TASK, [1])


def test_a_network_without_a_budget_is_refused() -> None:
    from expunge.networks import Blueprint, TrainedNetwork, register

    class TwoLayers(Blueprint):
        def network(self, n_features: int, n_outputs: int) -> nn.Module:
            return nn.Sequential(nn.Linear(n_features, 8), nn.Tanh(), nn.Linear(8, n_outputs))

    register("two layers of a certificate", TwoLayers)
    model = TrainedNetwork(task="two layers of a certificate", method="noisy-fine-tuning", options={"n_steps": 3})
    weights = {name: value.numpy() for name, value in network().state_dict().items()}
    with pytest.raises(UnsupportedRequestError, match="no account is kept here"):
        model.adopt(weights, X.astype(np.float64), np.where(Y == 1, "a", "b"))
