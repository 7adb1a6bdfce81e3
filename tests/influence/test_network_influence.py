"""Influence in networks: against closed forms of a quadratic, sums by hand, loops, dense matrices and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - torch may be absent

from expunge.errors import (  # noqa: E402
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.influence import (  # noqa: E402
    TRAK,
    EqualOpportunity,
    InfluenceFunctions,
    MeanLoss,
    TracIn,
    influence,
    try_repair,
)
from expunge.networks import (  # noqa: E402
    Blueprint,
    Classification,
    DPSGDNetwork,
    FineTuning,
    Regression,
    ReplayedNetwork,
    Task,
    TrainedNetwork,
    register,
)
from methods.answer_blueprints import Words  # noqa: E402

rng = np.random.default_rng(0)
N, D = 30, 3
X = rng.normal(size=(N, D))
Y = X @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=N)
X_TEST, Y_TEST = X[:7] + 0.2, Y[:7] - 0.1
FULL = np.linalg.lstsq(X, Y, rcond=None)[0]
H = X.T @ X
RESIDUAL = X @ FULL - Y
LEVERAGE = np.diag(X @ np.linalg.solve(H, X.T))
SLOPE = X_TEST.T @ (X_TEST @ FULL - Y_TEST) / 7


def minimum() -> nn.Linear:
    """A network that is a line, at the minimum of its loss."""
    model = nn.Linear(D, 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(FULL[None]))
    return model


TASK = Regression((X, Y))
TEST = Regression((X_TEST, Y_TEST))
EXACT = {"damping": 0.0, "tol": 1e-12}


@pytest.mark.parametrize(
    "method",
    [
        InfluenceFunctions(solver="cg", curvature="hessian", **EXACT),
        InfluenceFunctions(solver="cg", batch_size=7, **EXACT),
        InfluenceFunctions(solver="lissa", scale=1.5, max_iter=60, **EXACT),
        TRAK(n_projections=D, damping=0.0),
    ],
)
def test_on_a_quadratic_it_is_the_retrain_but_for_the_leverage(method: Any) -> None:
    found = influence(minimum(), TASK, on=TEST, method=method)
    without = np.array([np.linalg.lstsq(np.delete(X, i, 0), np.delete(Y, i), rcond=None)[0] for i in range(N)])
    np.testing.assert_allclose(found.scores, (1 - LEVERAGE) * ((without - FULL) @ SLOPE), rtol=1e-5, atol=1e-9)
    assert found.value == pytest.approx(0.5 * np.mean((X_TEST @ FULL - Y_TEST) ** 2))
    few = [4, 17]
    own = influence(minimum(), TASK, method=method, ids=few)
    np.testing.assert_allclose(own.scores, (RESIDUAL**2 * LEVERAGE)[few], rtol=1e-5)
    assert (own.value, own.guarantee.kind) == (None, "empirical")


def test_damping_and_weight_decay_are_added_to_the_mean_hessian() -> None:
    for more in ({"damping": 0.5}, {"damping": 0.2, "weight_decay": 0.3}):
        found = influence(minimum(), TASK, on=TEST, method=InfluenceFunctions(solver="cg", tol=1e-12, **more))
        wanted = X @ np.linalg.solve(H / N + 0.5 * np.eye(D), SLOPE) * RESIDUAL / N
        np.testing.assert_allclose(found.scores, wanted, rtol=1e-6)


def test_tracin_by_hand() -> None:
    checkpoints = [np.array([0.5, 0.1, -0.2]), np.array([0.9, -1.5, 0.3])]
    states = [{"weight": torch.as_tensor(w[None])} for w in checkpoints]
    method = TracIn(checkpoints=states, lr=[0.1, 0.4])
    wanted, own = np.zeros(N), np.zeros(N)
    for w, rate in zip(checkpoints, (0.1, 0.4), strict=True):
        gradients = X * (X @ w - Y)[:, None]
        wanted += rate * gradients @ (X_TEST.T @ (X_TEST @ w - Y_TEST) / 7)
        own += rate * (gradients**2).sum(axis=1)
    np.testing.assert_allclose(influence(minimum(), TASK, on=TEST, method=method).scores, wanted)
    np.testing.assert_allclose(influence(minimum(), TASK, method=method).scores, own)
    np.testing.assert_allclose(influence(minimum(), TASK, method=method, ids=[4, 2]).scores, own[[4, 2]])


class Net(nn.Module):
    """A convolution, and on demand a normalisation that has no layer factors."""

    def __init__(self, norm: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3) if norm else nn.Identity()
        self.last = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.norm(self.first(x)).tanh().mean(dim=(2, 3)))


def net(norm: bool = False) -> Net:
    model = Net(norm).double()
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=draw, dtype=p.dtype))
    return model


def pictures(n: int = 24, seed: int = 0, **more: Any) -> Classification:
    draw = torch.Generator().manual_seed(seed)
    shown = torch.utils.data.TensorDataset(
        torch.randn(n, 1, 4, 4, generator=draw, dtype=torch.float64), torch.arange(n) % 3
    )
    return Classification(shown, batch_size=10, **more)


def gradients(model: nn.Module, task: Task, of: Any = None) -> np.ndarray:
    """By a loop over autograd, shape (n, number of weights)."""
    out, was = [], model.training
    model.eval()
    for i in range(len(task)):
        x, y = task.dataset[i]
        model.zero_grad()
        outputs, y = model(x[None]), torch.as_tensor(y)[None]
        (nn.functional.cross_entropy(outputs, y) if of is None else of(outputs, y)).backward()
        out.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad]))
    model.zero_grad()
    model.train(was)
    return torch.stack(out).numpy()


@pytest.mark.parametrize("norm", [False, True])
def test_a_network_with_and_without_layer_factors(norm: bool) -> None:
    model, task, test = net(norm), pictures(), pictures(9, 1)
    state, drawn = {n: v.clone() for n, v in model.state_dict().items()}, torch.random.get_rng_state()
    G, slope = gradients(model, task), gradients(model, test).mean(axis=0)
    np.testing.assert_allclose(influence(model, task, method="tracin").scores, (G**2).sum(axis=1))
    np.testing.assert_allclose(influence(model, task, on=test, method="tracin").scores, G @ slope, atol=1e-12)
    cg = InfluenceFunctions(solver="cg", damping=0.1, max_iter=200, tol=1e-10)
    found, own = influence(model, task, on=test, method=cg), influence(model, task, method=cg, ids=[0, 11, 5])
    J = [gradients(model, task, of=lambda out, y, c=c: out[0, c]) for c in range(3)]
    with torch.no_grad():
        p = model.eval()(task.dataset.tensors[0]).softmax(dim=1).numpy()
        model.train()
    gauss_newton = sum(
        np.einsum("i,ij,ik->jk", p[:, a] * ((a == b) - p[:, b]), J[a], J[b]) for a in range(3) for b in range(3)
    ) / len(task)
    inverse = np.linalg.inv(gauss_newton + 0.1 * np.eye(len(gauss_newton)))
    np.testing.assert_allclose(found.scores, G @ inverse @ slope / len(task), rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(own.scores, np.einsum("ij,jk,ik->i", G, inverse, G)[[0, 11, 5]] / len(task), rtol=1e-6)
    if norm:
        with pytest.raises(UnsupportedEstimatorError):
            influence(model, task)
    else:
        first, second = influence(model, task, on=test), influence(model, task, on=test)
        np.testing.assert_array_equal(first.scores, second.scores)
        assert np.corrcoef(first.scores, found.scores)[0, 1] > 0.7  # EK-FAC, of so small a network
    assert model.training
    assert torch.equal(drawn, torch.random.get_rng_state())
    assert all(torch.equal(state[name], v) for name, v in model.state_dict().items())


def test_every_argument_of_influence_functions_matters() -> None:
    model, task, test = net(), pictures(), pictures(9, 1)
    cg = {"solver": "cg", "damping": 5.0, "max_iter": 2, "tol": 1e-12}
    series = {"solver": "lissa", "damping": 5.0, "scale": 20.0, "max_iter": 3, "batch_size": 8}
    for base, changes in (
        (cg, ({"curvature": "hessian"}, {"damping": 6.0}, {"weight_decay": 1.0}, {"max_iter": 1}, {"tol": 0.5},
              {"max_samples": 10})),
        (series, ({"scale": 30.0}, {"batch_size": 12}, {"solver": "kfac"})),
    ):  # fmt: skip
        was = influence(model, task, on=test, method=InfluenceFunctions(**base), ids=[0, 5]).scores  # type: ignore[arg-type]
        for change in changes:
            other = InfluenceFunctions(**{**base, **change})  # type: ignore[arg-type]
            assert not np.allclose(influence(model, task, on=test, method=other, ids=[0, 5]).scores, was, rtol=1e-4), (
                change
            )


def test_layer_factors_give_what_solving_for_each_gradient_gives() -> None:
    from expunge.influence.network_view import NetworkView
    from expunge.maths.vectors import dot
    from expunge.methods.networks.functional import functional_losses

    model, task = net(), pictures()
    for solver in ("kfac", "ekfac"):
        how = InfluenceFunctions(solver=solver, damping=0.05)  # type: ignore[arg-type]
        own = influence(model, task, method=how, ids=[0, 11, 5]).scores
        for i, score in zip((0, 11, 5), own, strict=True):
            params = {n: p.detach() for n, p in model.named_parameters()}
            losses, _ = functional_losses(task, model.eval(), params)
            x, y = task.dataset[i]
            gradient = torch.func.grad(lambda p, x=x, y=y: losses(p, x[None], y[None]).sum())(params)  # noqa: B023
            view = NetworkView(model, task, "self", seed=0, generator=torch.Generator().manual_seed(0))
            assert score == pytest.approx(dot(gradient, view.solve(gradient, how)), rel=1e-9)


def test_a_gap_of_a_network_has_the_slope_that_differences_show() -> None:
    model, task = net(), pictures()
    groups = ["f", "m", "m", "f", "f", "m", "m", "f", "m"]
    ask = EqualOpportunity(pictures(9, 1, groups=groups), positive=1)
    found = influence(model, task, on=ask, method="tracin")
    moved = net()
    slope = gradients(model, task)[5]

    def gap(step: float) -> float:
        at = 0
        for p, q in zip(moved.parameters(), model.parameters(), strict=True):
            part = torch.as_tensor(slope[at : at + p.numel()]).reshape(p.shape)
            p.data.copy_(q.data + step * part)
            at += p.numel()
        value = influence(moved, task, on=ask, method="tracin", ids=[0]).value
        assert value is not None
        return value

    assert found.value == pytest.approx(gap(0.0))
    assert found.scores[5] == pytest.approx((gap(1e-5) - gap(-1e-5)) / 2e-5, rel=1e-5)
    assert found.subjects is None


def test_trak_follows_the_log_odds() -> None:
    """Gradient of the odds times slope of the loss is the gradient of the loss; the rest is algebra, done here."""
    model, task, test = net(), pictures(), pictures(9, 1)
    G, p_wrong = gradients(model, task), []
    with torch.no_grad():
        p = model.eval()(task.dataset.tensors[0]).softmax(dim=1)
        p_wrong = (1 - p.gather(1, task.dataset.tensors[1][:, None])[:, 0]).numpy()
    k = 6
    draw = torch.Generator().manual_seed(0)
    P = np.concatenate([torch.randn(q.numel(), k, generator=draw).double().numpy() for q in model.parameters()])
    odds = -G / p_wrong[:, None] @ P
    target = gradients(model, test).mean(axis=0) @ P
    kernel = odds.T @ odds
    wanted = -(odds @ np.linalg.solve(kernel + 0.1 * np.trace(kernel) / k * np.eye(k), target)) * p_wrong
    method = TRAK(n_projections=k, damping=0.1)
    found = influence(model, task, on=test, method=method)
    np.testing.assert_allclose(found.scores, wanted, rtol=1e-6)
    both = influence(model, task, on=test, method=TRAK(n_projections=k, damping=0.1, models=[net(), model]))
    np.testing.assert_allclose(both.scores, found.scores)
    assert not np.allclose(found.scores, influence(model, task, on=test, method=method, seed=1).scores)


def test_repair_of_a_network_says_how_it_forgets() -> None:
    model, task, test = net(), pictures(), pictures(9, 1)
    found = influence(model, task, on=test, method="tracin")
    loss = {"loss": lambda m: influence(m, task, on=test, method="tracin", ids=[0]).value}
    with pytest.raises(InvalidRequestError, match="does not forget by itself"):
        try_repair(model, found, 3, loss)
    how = FineTuning(epochs=1, lr=0.01)
    tried = try_repair(model, found, 3, loss, without=lambda ids: how.forget(model, task, ids)[0], n_random=2)
    assert tried.ids == tuple(one.id for one in found.top(3, which="lowers"))
    (row,) = tried.rows
    assert len({row.after, *row.at_random}) == 3


def test_frozen_weights_stay_out_and_names_are_the_tasks_own() -> None:
    model, task = net(), pictures(record_ids=[f"p{i}" for i in range(24)])
    model.first.requires_grad_(False)
    G = gradients(model, task)
    found = influence(model, task, method=TracIn(checkpoints=[model.state_dict()]), ids=["p3", "p1"])
    assert found.ids.tolist() == ["p3", "p1"]
    np.testing.assert_allclose(found.scores, (G**2).sum(axis=1)[[3, 1]])


class Counted(Task):
    """A task that is neither a classification nor a regression."""

    def losses(self, outputs: Any, targets: Any) -> torch.Tensor:
        return (outputs[:, 0] - targets).abs()

    def measure(self, outputs: Any, targets: Any) -> torch.Tensor:
        return -self.losses(outputs, targets)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: influence(net(), pictures(), on=(X, Y)), InvalidParameterError),
        (lambda: influence(net()), InvalidRequestError),
        (lambda: influence(net(), pictures(), by="subject"), InvalidRequestError),
        (lambda: influence(net(), pictures(), method="leave-one-out"), UnsupportedRequestError),
        (lambda: influence(net(), pictures(), method=TRAK(n_projections=25, damping=0.0)), InvalidDataError),
        (lambda: influence(minimum(), Counted((X, Y)), method=TRAK(n_projections=2)), UnsupportedRequestError),
        (lambda: influence(minimum(), TASK, on=EqualOpportunity(TEST, positive=1)), UnsupportedRequestError),
        (lambda: influence("model", pictures()), InvalidParameterError),
        (lambda: influence(net().half(), pictures()), UnsupportedEstimatorError),
        (lambda: influence(net().requires_grad_(False), pictures()), UnsupportedEstimatorError),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_of_a_network_is_refused(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_a_mean_loss_is_of_any_task() -> None:
    found = influence(minimum(), Counted((X, Y)), on=MeanLoss(Counted((X_TEST, Y_TEST))), method="tracin")
    assert found.value == pytest.approx(np.abs(X_TEST @ FULL - Y_TEST).mean())


class Line(Blueprint):
    """Logistic regression, trained for a while."""

    labels = ("no", "perhaps", "yes")

    def network(self, n_features: int, n_outputs: int) -> nn.Module:
        return nn.Linear(n_features, n_outputs)

    def train(self, network: nn.Module, task: Any, seed: int) -> nn.Module:
        optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
        batch = task.batch(np.arange(len(task)), torch.device("cpu"))
        for _ in range(20):
            optimizer.zero_grad()
            task.losses(network(batch.inputs), batch.targets).mean().backward()
            optimizer.step()
        return network


def test_a_model_that_is_a_network_is_asked_as_one() -> None:
    register("line", Line)
    y = np.where(Y > 0, "yes", "no").astype(object)
    persons = np.array([f"p{i % 5}" for i in range(N)], dtype=object)
    model = TrainedNetwork(task="line", method="GradientAscent").fit(X, y, subject_ids=persons)
    digest, number = model.digest(), {"no": 0, "yes": 2}
    task = Classification((X.astype(np.float32), np.array([number[label] for label in y])))
    test = Classification((X_TEST.astype(np.float32), np.array([number[label] for label in y[:7]])))
    found = influence(model, on=(X_TEST, y[:7]))
    wanted = influence(model.network_, task, on=test)
    assert (found.method, found.value) == ("influence-functions", pytest.approx(wanted.value))
    gap = EqualOpportunity(X_TEST, y[:7], groups=list("fmfmfmf"), positive="yes")
    of_task = EqualOpportunity(test, groups=list("fmfmfmf"), positive=2)
    of_model, of_network = (influence(*one, method="tracin") for one in ((model,), (model.network_, task)))
    np.testing.assert_allclose(of_model.scores[np.argsort(of_model.ids)], of_network.scores, rtol=1e-5)
    assert influence(model, on=gap, ids=[0]).value == pytest.approx(
        influence(model.network_, task, on=of_task, ids=[0]).value
    )
    assert set(influence(model, by="subject", method="tracin").ids.tolist()) == set(persons)
    assert model.digest() == digest
    with pytest.raises(InvalidDataError):
        influence(model, on=(X_TEST, ["perhaps"] * 7))
    forgotten = influence(model, on=(X_TEST, y[:7]), method="leave-one-out", ids=[3])
    assert forgotten.guarantee.kind == "empirical"


def test_a_network_trained_under_privacy_is_asked_as_one_and_leaves_no_record_out() -> None:
    register("line", Line)
    y = np.where(Y > 0, "yes", "no").astype(object)
    few: dict[str, Any] = {"epsilon": 8.0, "delta": 1e-3, "epochs": 2, "batch_size": 30, "noise_seed": 1}
    model = DPSGDNetwork(task="line", **few).fit(X, y)
    task = Classification((X.astype(np.float32), np.where(Y > 0, 2, 0)))
    found, wanted = influence(model, method="tracin"), influence(model.network_, task, method="tracin")
    np.testing.assert_allclose(found.scores[np.argsort(found.ids)], wanted.scores, rtol=1e-5)
    assert influence(model, on=(X_TEST, y[:7])).method == "influence-functions"
    with pytest.raises(UnsupportedRequestError, match="doing nothing"):
        influence(model, method="leave-one-out")


def test_a_network_of_texts_is_asked_by_texts() -> None:
    register("tiny-words", Words)
    texts = np.array([[f"the {word} crew of ferry {i}"] for i in range(6) for word in ("lovely", "rude")], dtype=object)
    y = np.array(["good", "bad"] * 6, dtype=object)
    model = ReplayedNetwork(task="tiny-words", epochs=1, n_batches=2, checkpoint_every=1).fit(texts, y)
    task = Classification((Words().inputs(texts), np.array([1, 0] * 6)))
    test = Classification((Words().inputs(texts[:4]), np.array([1, 0] * 2)))
    for of_model, of_network in (({}, {}), ({"on": (texts[:4], y[:4])}, {"on": test})):
        found = influence(model, method="tracin", **of_model)
        wanted = influence(model.network_, task, method="tracin", **of_network)
        np.testing.assert_allclose(found.scores[np.argsort(found.ids)], wanted.scores, rtol=1e-5)
