"""Derivatives of networks against loops, differences, dense matrices and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - torch may be absent

from expunge.errors import InvalidDataError, UnsupportedEstimatorError  # noqa: E402
from expunge.maths.ghost import gradient_products, gradient_square_norms  # noqa: E402
from expunge.maths.hvp import gauss_newton_vp, hvp  # noqa: E402
from expunge.maths.inverse_hvp import conjugate_gradient, lissa  # noqa: E402
from expunge.maths.kfac import kronecker_factors  # noqa: E402
from expunge.maths.layers import known_layers, taped  # noqa: E402
from expunge.maths.sample_gradients import mean_gradient, sample_gradients, square_gradients  # noqa: E402


class Net(nn.Module):
    """A convolution with stride and padding, one without bias, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, stride=2, padding=1)
        self.second = nn.Conv2d(3, 2, 2, bias=False)
        self.last = nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.second(self.first(x).tanh()).tanh().mean(dim=(2, 3)))


@pytest.fixture
def net() -> Net:
    model = Net().double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return model


def records(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, 6, 6, generator=generator, dtype=torch.float64), torch.arange(n) % 3


def losses_of(model: nn.Module):  # type: ignore[no-untyped-def]
    def losses(params, x, y):  # type: ignore[no-untyped-def]
        return nn.functional.cross_entropy(torch.func.functional_call(model, params, (x,)), y, reduction="none")

    return losses


def params_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in model.named_parameters()}


def one_by_one(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Gradients of single records by a loop over autograd, shape (n, number of weights)."""
    rows = []
    for i in range(len(x)):
        model.zero_grad()
        nn.functional.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
        rows.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    model.zero_grad()
    return torch.stack(rows).numpy()


def flat(vector: dict[str, torch.Tensor]) -> np.ndarray:
    return torch.cat([v.flatten() for v in vector.values()]).numpy()


def unflat(values: np.ndarray, like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    out, start = {}, 0
    for name, v in like.items():
        out[name] = torch.as_tensor(values[start : start + v.numel()]).reshape(v.shape)
        start += v.numel()
    return out


def test_sample_gradients_equal_a_loop(net: Net) -> None:
    x, y = records(5)
    for chunk in (None, 2):
        each = sample_gradients(losses_of(net), params_of(net), x, y, chunk=chunk)
        assert {name: v.shape[0] for name, v in each.items()} == dict.fromkeys(each, 5)
        found = torch.cat([v.flatten(1) for v in each.values()], dim=1).numpy()
        np.testing.assert_allclose(found, one_by_one(net, x, y), atol=1e-12)
    np.testing.assert_allclose(
        flat(square_gradients(losses_of(net), params_of(net), x, y)),
        (one_by_one(net, x, y) ** 2).sum(axis=0),
        atol=1e-12,
    )
    np.testing.assert_allclose(
        flat(mean_gradient(losses_of(net), params_of(net), x, y)), one_by_one(net, x, y).mean(axis=0), atol=1e-12
    )


def test_inputs_may_be_nested() -> None:
    def losses(p, x, y):  # type: ignore[no-untyped-def]
        return (x["a"] @ p["w"] + x["b"][0] - y) ** 2

    x = {"a": torch.tensor([[1.0], [2.0]]), "b": (torch.tensor([1.0, -1.0]),)}
    found = sample_gradients(losses, {"w": torch.tensor([3.0])}, x, torch.zeros(2))
    assert found["w"].flatten().tolist() == [2 * 4.0 * 1, 2 * 5.0 * 2]


def test_hessian_products_equal_differences_of_the_gradient(net: Net) -> None:
    x, y = records(4)
    params, losses = params_of(net), losses_of(net)
    rng = np.random.default_rng(0)
    v = rng.normal(size=len(flat(params)))
    found = flat(hvp(lambda p: losses(p, x, y).mean(), params, unflat(v, params)))
    step = 1e-5
    twice = [flat(mean_gradient(losses, unflat(flat(params) + s * step * v, params), x, y)) for s in (1, -1)]
    np.testing.assert_allclose(found, (twice[0] - twice[1]) / (2 * step), atol=1e-7)


def test_gauss_newton_of_logistic_regression_is_its_hessian() -> None:
    rng = np.random.default_rng(1)
    X, w, v = rng.normal(size=(7, 3)), rng.normal(size=3), rng.normal(size=3)
    y = torch.as_tensor(rng.integers(2, size=7), dtype=torch.float64)
    chance = 1 / (1 + np.exp(-X @ w))
    dense = (X * (chance * (1 - chance))[:, None]).T @ X / 7  # the closed form
    inputs = torch.as_tensor(X)
    params, vector = {"w": torch.as_tensor(w)}, {"w": torch.as_tensor(v)}

    def loss(out: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(out, y)

    found = gauss_newton_vp(lambda p: inputs @ p["w"], loss, params, vector)
    np.testing.assert_allclose(found["w"].numpy(), dense @ v, atol=1e-12)
    np.testing.assert_allclose(hvp(lambda p: loss(inputs @ p["w"]), params, vector)["w"].numpy(), dense @ v, atol=1e-12)


def test_gauss_newton_of_a_network_is_j_transposed_h_j(net: Net) -> None:
    x, y = records(3)
    params = params_of(net)
    v = np.random.default_rng(2).normal(size=len(flat(params)))
    found = gauss_newton_vp(
        lambda p: torch.func.functional_call(net, p, (x,)), lambda out: nn.functional.cross_entropy(out, y), params,
        unflat(v, params),
    )  # fmt: skip
    with torch.no_grad():
        chances = net(x).softmax(dim=1).numpy()
    rows = []
    for i in range(3):
        for k in range(3):
            net.zero_grad()
            net(x[i : i + 1])[0, k].backward()
            rows.append(torch.cat([p.grad.flatten() for p in net.parameters()]).numpy())
    J = np.array(rows).reshape(3, 3, -1)
    H = [np.diag(p) - np.outer(p, p) for p in chances]
    dense = sum(J[i].T @ H[i] @ J[i] for i in range(3)) / 3
    np.testing.assert_allclose(flat(found), dense @ v, atol=1e-12)


def test_solvers_equal_a_dense_solve() -> None:
    rng = np.random.default_rng(4)
    root = rng.normal(size=(5, 5))
    H, b = root @ root.T + np.eye(5), rng.normal(size=5)
    wanted = np.linalg.solve(H, b)

    def product(v: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return unflat(H @ flat(v), v)

    vector = {"a": torch.as_tensor(b[:2]), "b": torch.as_tensor(b[2:])}
    solved = conjugate_gradient(product, vector, max_iter=50, tol=1e-12)
    np.testing.assert_allclose(flat(solved.x), wanted, atol=1e-9)
    assert solved.n_products <= 6
    assert solved.residual < 1e-12
    series = lissa(product, vector, scale=float(np.linalg.eigvalsh(H)[-1]), depth=400)
    np.testing.assert_allclose(flat(series.x), wanted, atol=1e-6)
    short = conjugate_gradient(product, vector, max_iter=2, tol=0.0)
    assert short.n_products == 2
    np.testing.assert_allclose(short.residual, np.linalg.norm(H @ flat(short.x) - b) / np.linalg.norm(b), rtol=1e-8)


def test_solvers_refuse_what_they_cannot_solve() -> None:
    b = {"w": torch.tensor([1.0, 1.0])}
    with pytest.raises(InvalidDataError, match="not positive definite"):
        conjugate_gradient(lambda v: {"w": -v["w"]}, b)
    with pytest.raises(InvalidDataError, match="does not converge"):
        lissa(lambda v: {"w": 10 * v["w"]}, b, scale=1.0, depth=500)
    assert conjugate_gradient(lambda v: v, {"w": torch.zeros(2)}).residual == 0.0


def test_ghost_norms_and_products_equal_those_of_gradients(net: Net) -> None:
    x, y = records(4)
    z, t = records(3, seed=1)
    with taped(net) as tape:
        left = dict(tape.factors(nn.functional.cross_entropy(net(x), y, reduction="none")))
        right = dict(tape.factors(nn.functional.cross_entropy(net(z), t, reduction="none")))
    a, b = one_by_one(net, x, y), one_by_one(net, z, t)
    np.testing.assert_allclose(gradient_square_norms(left).numpy(), (a**2).sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(gradient_products(left, right).numpy(), a @ b.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(gradient_products(left, left).numpy(), a @ a.T, rtol=1e-8, atol=1e-10)
    assert all(not layer._forward_hooks and not layer._forward_pre_hooks for layer in net.modules())


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    "how", [{}, {"padding": (2, 0)}, {"stride": (1, 2), "dilation": (2, 1)}, {"stride": (2, 1), "bias": False}]
)
def test_what_a_convolution_sees_equals_unfolding(how: dict, together: bool) -> None:  # type: ignore[type-arg]
    generator = torch.Generator().manual_seed(1)
    layer = nn.Conv2d(2, 3, (2, 3), **how).double()
    x = torch.randn(4, 2, 7, 6, generator=generator, dtype=torch.float64)
    if together:
        x = x.to(memory_format=torch.channels_last)
    with taped(layer) as tape:
        weights = torch.randn(layer(x).shape, generator=generator, dtype=torch.float64)
        tape.clear()
        ((_, factors),) = tape.factors((layer(x) * weights).sum(dim=(1, 2, 3)))
    rows = factors.products().square().sum(dim=(1, 2)).numpy()  # before the inputs are laid out
    seen = nn.functional.unfold(
        x.contiguous(), (2, 3), how.get("dilation", 1), how.get("padding", 0), how.get("stride", 1)
    )
    assert torch.equal(factors.inputs[:, : 2 * 6], seen)
    assert factors.inputs.shape[1] == factors.n_inputs == 12 + how.get("bias", True)
    np.testing.assert_allclose(factors.gradients.numpy(), weights.flatten(2).numpy())
    dense = (factors.gradients @ factors.inputs.transpose(1, 2)).square().sum(dim=(1, 2)).numpy()
    np.testing.assert_allclose(rows, dense, rtol=1e-10)


def test_ghost_norms_of_a_linear_layer_over_positions() -> None:
    model = nn.Linear(3, 2).double()
    x = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)  # five positions
    with taped(model) as tape:
        factors = dict(tape.factors(model(x).square().sum(dim=(1, 2))))
    each = []
    for row in x:
        model.zero_grad()
        model(row).square().sum().backward()
        each.append(float(sum((p.grad**2).sum() for p in model.parameters())))
    np.testing.assert_allclose(gradient_square_norms(factors).numpy(), each, rtol=1e-10)


def test_layers_without_factors_are_refused() -> None:
    with pytest.raises(UnsupportedEstimatorError, match="BatchNorm1d"):
        known_layers(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    with pytest.raises(UnsupportedEstimatorError, match="Conv2d"):
        known_layers(nn.Conv2d(2, 2, 1, groups=2))
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    with pytest.raises(UnsupportedEstimatorError):
        known_layers(tied)
    layer = nn.Linear(2, 2)
    with taped(layer), pytest.raises(UnsupportedEstimatorError, match="used twice"):
        layer(layer(torch.zeros(1, 2)))


@pytest.mark.parametrize("corrected", [False, True])
def test_kronecker_factors_of_one_record_are_its_fisher_matrix(corrected: bool) -> None:
    model = nn.Linear(3, 2).double()
    x, y = torch.randn(1, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64), torch.tensor([1])
    gradient = one_by_one(model, x, y)[0]
    dense = np.outer(gradient, gradient) + 0.1 * np.eye(8)
    b = np.random.default_rng(0).normal(size=8)

    def passes():  # type: ignore[no-untyped-def]
        yield lambda: nn.functional.cross_entropy(model(x), y, reduction="none")

    factors = kronecker_factors(model, passes, corrected=corrected)
    found = flat(factors.solve(unflat(b, params_of(model)), 0.1))
    np.testing.assert_allclose(found, np.linalg.solve(dense, b), atol=1e-9)


@pytest.mark.parametrize("n_positions", [1, 6])
def test_kronecker_factors_equal_their_dense_form(n_positions: int) -> None:
    """Means over records of the inputs' and the gradients' products; of the gradients over positions, too."""
    generator, damping = torch.Generator().manual_seed(2), 0.05
    model = nn.Conv2d(2, 3, (1, 2), bias=False).double()
    x = torch.randn(5, 2, 1, n_positions + 1, generator=generator, dtype=torch.float64)
    weights = torch.randn(5, 3, 1, n_positions, generator=generator, dtype=torch.float64)

    def passes():  # type: ignore[no-untyped-def]
        for part in (slice(0, 3), slice(3, 5)):
            yield lambda part=part: (model(x[part]) * weights[part]).sum(dim=(1, 2, 3))  # of gradients that are known

    seen = np.array([[x[i, :, 0, t : t + 2].flatten().numpy() for t in range(n_positions)] for i in range(5)])
    pulls = weights[:, :, 0].transpose(1, 2).numpy()
    A = np.einsum("itd,ite->de", seen, seen) / 5
    G = np.einsum("itp,itq->pq", pulls, pulls) / (5 * n_positions)
    b = np.random.default_rng(0).normal(size=12)
    factors = kronecker_factors(model, passes, corrected=False)
    found = flat(factors.solve(unflat(b, params_of(model)), damping))
    np.testing.assert_allclose(found, np.linalg.solve(np.kron(G, A) + damping * np.eye(12), b), atol=1e-9)


def test_corrected_kronecker_factors_equal_their_dense_form(net: Net) -> None:
    """The diagonal, in the basis of the factors, is the mean of squared gradients; checked with dense matrices."""
    x, y = records(6)

    def passes():  # type: ignore[no-untyped-def]
        for part in (slice(0, 4), slice(4, 6)):
            yield lambda part=part: nn.functional.cross_entropy(net(x[part]), y[part], reduction="none")

    factors = kronecker_factors(net, passes)
    each = one_by_one(net, x, y)
    b = np.random.default_rng(1).normal(size=each.shape[1])
    found = factors.solve(unflat(b, params_of(net)), 0.05)
    start = len(b) - 9  # the last layer: weight (3, 2), then bias (3)
    order = [0, 1, 6, 2, 3, 7, 4, 5, 8]  # to rows of (weight, bias)
    G, own = each[:, start:][:, order], b[start:][order]
    block = factors.blocks["last"]
    basis = np.kron(block.basis_out.numpy(), block.basis_in.numpy())
    diagonal = ((G @ basis) ** 2).mean(axis=0)
    wanted = basis @ ((basis.T @ own) / (diagonal + 0.05))
    np.testing.assert_allclose(flat(found)[start:][order], wanted, atol=1e-9)
    np.testing.assert_allclose(basis @ basis.T, np.eye(9), atol=1e-9)
    a = np.column_stack([_inputs_of_last(net, x), np.ones(6)])
    np.testing.assert_allclose(
        block.basis_in.numpy().T @ (a.T @ a / 6) @ block.basis_in.numpy(),
        np.diag(np.linalg.eigvalsh(a.T @ a / 6)), atol=1e-9,
    )  # fmt: skip


def _inputs_of_last(net: Net, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net.second(net.first(x).tanh()).tanh().mean(dim=(2, 3)).numpy()
