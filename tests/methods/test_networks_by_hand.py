"""Each method on a model of two or three weights, its update worked out with NumPy from the equation of its paper.

Every set fits into one batch, so that a pass is one step.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - torch may be absent

from expunge import networks  # noqa: E402
from expunge.checks.networks.case import small_network, small_task  # noqa: E402
from expunge.errors import InvalidParameterError  # noqa: E402
from expunge.methods.networks import frozen_front  # noqa: E402
from expunge.methods.networks.frozen_front import losses_behind_frozen  # noqa: E402
from expunge.methods.networks.job import Job  # noqa: E402
from expunge.methods.networks.last_layers import train_last_layers  # noqa: E402
from expunge.networks import Classification, Limits, Regression, UpdateLog  # noqa: E402
from expunge.privacy.noise import Noise  # noqa: E402

Floats = npt.NDArray[np.float64]

rng = np.random.default_rng(0)
X = rng.normal(size=(8, 2))
Y = X @ [1.0, -2.0] + 0.3 * rng.normal(size=8)
FORGET, RETAIN = [1, 4], [0, 2, 3, 5, 6, 7]
#: Points on a line and their two classes, for a classifier of two weights.
LINE = np.array([0.5, -1.0, 2.0, 1.5, -0.3, 0.8])
LABELS = np.array([0, 1, 0, 1, 1, 0])
GONE, KEPT = [0, 3], [1, 2, 4, 5]


class Known(nn.Linear):
    """A layer whose first weights are known."""

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.weight.fill_(0.25)
            self.weight[0].fill_(-0.5)


def linear(weights: Any, kind: type[nn.Linear] = nn.Linear) -> nn.Linear:
    w = torch.as_tensor(np.array(weights, dtype=np.float64))
    model = kind(w.shape[1], w.shape[0], bias=False).double()
    with torch.no_grad():
        model.weight.copy_(w)
    return model


def regressor(weights: Any = (0.7, -1.5)) -> nn.Linear:
    return linear([weights])


def classifier(weights: Any = (1.0, -0.4)) -> nn.Linear:
    return linear([[w] for w in weights], Known)


def squares() -> Regression:
    return Regression((X, Y))


def classes() -> Classification:
    return Classification((LINE[:, None], LABELS))


def forgotten(method: Any, **keywords: Any) -> Floats:
    """Weights of the regressor after the records of FORGET."""
    new, _ = method.forget(regressor(), squares(), FORGET, 0, **keywords)
    return np.asarray(new.weight.detach().numpy().ravel())


def declassified(method: Any, **keywords: Any) -> Floats:
    new, _ = method.forget(classifier(), classes(), GONE, 0, **keywords)
    return np.asarray(new.weight.detach().numpy().ravel())


W = np.array([0.7, -1.5])
V = np.array([1.0, -0.4])


def slope(w: Floats, rows: list[int], X: Floats = X, Y: Floats = Y) -> Floats:
    """Gradient of the mean of half the squared errors."""
    return np.asarray(X[rows].T @ (X[rows] @ w - Y[rows]) / len(rows))


def chances(v: Floats, rows: list[int], temperature: float = 1.0) -> Floats:
    z = np.exp(LINE[rows, None] * v / temperature)
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def surprise(v: Floats, rows: list[int], labels: Any) -> Floats:
    """Gradient of the mean cross entropy."""
    return np.asarray(((chances(v, rows) - np.eye(2)[labels]) * LINE[rows, None]).mean(axis=0))


def apart(v: Floats, teacher: Floats, rows: list[int], temperature: float = 1.0) -> Floats:
    """Gradient of the mean divergence, times temperature², in the student: T (p_student - p_teacher) x."""
    difference = chances(v, rows, temperature) - chances(teacher, rows, temperature)
    return np.asarray((temperature * difference * LINE[rows, None]).mean(axis=0))


def close(a: Floats, b: Floats) -> None:
    assert np.abs(a - W).max() > 1e-6 or np.abs(a - V).max() > 1e-6
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


# ---------------------------------------------------------------- training on


def test_fine_tuning() -> None:
    method = networks.FineTuning(epochs=2, lr=0.1, momentum=0.9, weight_decay=0.01)
    first = slope(W, RETAIN) + 0.01 * W
    w = W - 0.1 * first
    second = 0.9 * first + slope(w, RETAIN) + 0.01 * w
    close(forgotten(method), w - 0.1 * second)
    close(forgotten(networks.FineTuning(epochs=1, lr=0.1), strength=3.0), W - 0.3 * slope(W, RETAIN))
    adam = W - 0.1 * np.sign(slope(W, RETAIN))  # the first step of Adam, but for its epsilon
    np.testing.assert_allclose(forgotten(networks.FineTuning(epochs=1, lr=0.1, optimizer="adam")), adam, atol=1e-6)


def test_a_step_size_that_falls_is_one_and_a_half_of_the_first_of_two_steps() -> None:
    first = W - 0.1 * slope(W, RETAIN)
    method = networks.FineTuning(epochs=2, lr=0.1, momentum=0.0, anneal=True)
    close(forgotten(method), first - 0.05 * slope(first, RETAIN))
    with pytest.raises(InvalidParameterError, match="anneal"):
        forgotten(networks.FineTuning(anneal=0.5))  # type: ignore[arg-type]


ANNEALED = ("BadTeacher", "L1Sparse", "NegGradPlus", "PrimalDual", "PruneFirst", "RandomLabels", "SCRUB", "SalUn")


@pytest.mark.parametrize("name", ANNEALED)
def test_the_last_of_n_steps_of_a_run_that_anneals_has_the_nth_part_of_the_first(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[float] = []
    step = Job.step

    def seen(job: Job, optimizer: torch.optim.Optimizer, loss: torch.Tensor, **more: Any) -> None:
        sizes.append(optimizer.param_groups[0]["lr"])
        step(job, optimizer, loss, **more)

    monkeypatch.setattr(Job, "step", seen)
    method = getattr(networks, name)(epochs=3, batch_size=4, lr=0.01, anneal=True)
    method.forget(small_network(), small_task(), ["r-01", "r-05", "r-10"])
    np.testing.assert_allclose(sizes, [0.01 * (1 - t / len(sizes)) for t in range(len(sizes))])


def two_layers(u: float, v: float) -> nn.Sequential:
    return nn.Sequential(linear([[u]]), linear([[v]]))


def test_last_layer_alone() -> None:
    """f(x) = v u x: with u frozen, ∂/∂v = (v u x - y) u x."""
    x, y = X[:, :1], Y
    task = Regression((x, y))
    new, removal = networks.CFK(k=1, epochs=1, lr=0.1).forget(two_layers(0.5, 2.0), task, FORGET, 0)
    at = x[RETAIN, 0]
    wanted = 2.0 - 0.1 * np.mean((2.0 * 0.5 * at - y[RETAIN]) * 0.5 * at)
    np.testing.assert_allclose([new[0].weight.item(), new[1].weight.item()], [0.5, wanted], rtol=1e-12)
    assert removal.touched == ("1.weight",)
    one, two = (
        networks.EUK(k=1, epochs=n, lr=0.1, momentum=0.0).forget(two_layers(0.5, 2.0), task, FORGET, 0)[0]
        for n in (1, 2)
    )
    v = one[1].weight.item()
    assert abs(v - wanted) > 1e-3, "it does not start from the weights it had"
    np.testing.assert_allclose(
        two[1].weight.item(), v - 0.1 * np.mean((v * 0.5 * at - y[RETAIN]) * 0.5 * at), rtol=1e-12
    )
    assert one[0].weight.item() == two[0].weight.item() == 0.5


def deep(*, middle: nn.Module | None = None) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = (nn.Linear(2, 5), middle or nn.Tanh(), nn.Linear(5, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        return nn.Sequential(*layers).double()


class Wrapped(nn.Module):
    """The same network, not to be looked into."""

    def __init__(self, inner: nn.Sequential) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.inner(x)
        return out


@pytest.mark.parametrize(("k", "runs"), [(1, None), (2, 1), (3, None)])
def test_frozen_layers_run_once_where_they_answer_alike_in_each_pass(k: int, runs: int | None) -> None:
    """Before the last layer stands a dropout, which draws anew; before the last two nothing does."""
    asked: list[int] = []
    model = deep()
    first = type(model[0]).forward

    def counted(self: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        asked.append(self.in_features)
        return first(self, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Linear, "forward", counted)
        method = networks.CFK(k=k, epochs=4, lr=0.1)
        new, removal = method.forget(model, squares(), FORGET, 3)
    of_training = asked.count(2) - 4  # the utility report looks at both sets twice
    assert of_training == (4 if runs is None else runs)
    other, _ = method.forget(Wrapped(deep()), squares(), FORGET, 3)
    for one, two in zip(new.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(one.detach().numpy(), two.detach().numpy(), rtol=1e-12)
    assert removal.work == 4 * len(RETAIN), "a record counts in each pass"


@pytest.mark.parametrize(
    "model", [deep(middle=nn.BatchNorm1d(5)), deep(middle=nn.RReLU()), deep(middle=Wrapped(nn.Sequential()))]
)
def test_layers_that_do_not_answer_alike_run_in_each_pass(
    model: nn.Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, hooked = (
        Job(net, squares(), np.array(FORGET), np.array(RETAIN), seed=0, generator=torch.Generator())
        for net in (model, deep())
    )
    assert losses_behind_frozen(job, {id(p) for p in job.model[2].parameters()}) is None
    own = {id(p) for p in hooked.model[2].parameters()}
    assert losses_behind_frozen(hooked, own) is not None
    monkeypatch.setattr(frozen_front, "MOST_BYTES", 8 * 5 * len(RETAIN) - 1)
    assert losses_behind_frozen(hooked, own) is None, "too large to keep"
    monkeypatch.undo()
    hooked.model[1].register_forward_hook(lambda *_: None)
    assert losses_behind_frozen(hooked, own) is None


def test_last_layer_begins_where_its_class_says() -> None:
    """Of both layers, with weights that a reset sets to -0.5: one step from there."""
    model = nn.Sequential(linear([[2.0]], Known))
    new, _ = networks.EUK(k=1, epochs=1, lr=0.1).forget(model, Regression((X[:, :1], Y)), FORGET, 0)
    at = X[RETAIN, 0]
    np.testing.assert_allclose(new[0].weight.item(), -0.5 - 0.1 * np.mean((-0.5 * at - Y[RETAIN]) * at), rtol=1e-12)


def test_sparse_fine_tuning() -> None:
    """γ falls from γ to γ/2 over two passes."""
    w = W - 0.1 * (slope(W, RETAIN) + 0.2 * np.sign(W))
    w = w - 0.1 * (slope(w, RETAIN) + 0.1 * np.sign(w))
    close(forgotten(networks.L1Sparse(gamma=0.2, epochs=2, lr=0.1, momentum=0.0)), w)
    close(forgotten(networks.L1Sparse(gamma=0.1, epochs=2, lr=0.1, momentum=0.0), strength=2.0), w)


def test_prune_first() -> None:
    """The smaller weight, 0.7, becomes zero and stays."""
    w = np.array([0.0, -1.5])
    w = w - 0.1 * slope(w, RETAIN) * [0, 1]
    first = slope(np.array([0.0, -1.5]), RETAIN)
    w2 = w - 0.1 * (0.9 * first + slope(w, RETAIN)) * [0, 1]
    close(forgotten(networks.PruneFirst(sparsity=0.8, epochs=2, lr=0.1, momentum=0.9)), w2)


# ---------------------------------------------------------------- away from the records


def test_gradient_ascent() -> None:
    w = W + 0.1 * slope(W, FORGET)
    close(forgotten(networks.GradientAscent(epochs=2, lr=0.1)), w + 0.1 * slope(w, FORGET))
    close(forgotten(networks.GradientAscent(epochs=2, lr=0.05), strength=2.0), w + 0.1 * slope(w, FORGET))


def test_neg_grad_plus() -> None:
    method = networks.NegGradPlus(beta=0.9, epochs=1, lr=0.1)
    close(forgotten(method, strength=2.0), W - 0.1 * (0.9 * slope(W, RETAIN) - 2.0 * 0.1 * slope(W, FORGET)))


def test_random_labels() -> None:
    """Of two classes the wrong one is the other."""
    step = surprise(V, KEPT, LABELS[KEPT]) + 2.0 * 2 / 4 * surprise(V, GONE, 1 - LABELS[GONE])
    close(declassified(networks.RandomLabels(epochs=1, lr=0.1), strength=2.0), V - 0.1 * step)


def test_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step on what is retained and, in their share, on made-up inputs of the forgotten classes."""
    method = networks.StandIns(strategy="noise", bounds=(-1.0, 2.0), epochs=1, lr=0.1)
    made_up, own = [], method._made_up
    monkeypatch.setattr(method, "_made_up", lambda *given: made_up.append(own(*given)) or made_up[-1])
    found = declassified(method, strength=2.0)
    points, labels = made_up[0].inputs.numpy()[:, 0], made_up[0].targets.numpy()
    z = np.exp(points[:, None] * V)
    pull = ((z / z.sum(axis=1, keepdims=True) - np.eye(2)[labels]) * points[:, None]).mean(axis=0)
    close(found, V - 0.1 * (surprise(V, KEPT, LABELS[KEPT]) + 2.0 * 2 / 4 * pull))


def test_noisy_fine_tuning() -> None:
    """The first model clipped, then one step: the gradient clipped, weights that decay, and the noise of the seed."""
    method = networks.NoisyFineTuning(
        n_steps=1, lr=0.2, weight_decay=0.5, model_norm=1.5, max_grad_norm=0.1, epochs=0, noise_seed=3, delta=1e-3
    )
    w, pull = W * 1.5 / np.linalg.norm(W), slope(W * 1.5 / np.linalg.norm(W), RETAIN)
    assert np.linalg.norm(pull) > 0.1, "it is clipped"
    step = w - 0.2 * (0.1 * pull / np.linalg.norm(pull) + 0.5 * w)
    close(forgotten(method), Noise(3).gaussian(step, method.sigma))


def test_wrong_targets_are_other_classes_and_all_of_them() -> None:
    task = Classification((np.zeros((300, 1)), np.arange(300) % 4))
    draws = rng.integers(2**63, size=300).astype(np.uint64)
    wrong = task.wrong_targets(torch.arange(300) % 4, torch.zeros(300, 4), draws).numpy()
    assert ((wrong != np.arange(300) % 4) & (wrong >= 0) & (wrong < 4)).all()
    assert np.unique(np.column_stack([np.arange(300) % 4, wrong]), axis=0).shape == (12, 2)


def test_salun() -> None:
    """With a mask of one weight of two: that on which the forget loss pulls harder."""
    task = Classification((np.column_stack([LINE, 3 * LINE**2]), LABELS))
    model = linear([[1.0, 0.2], [-0.4, 0.1]])
    new, _ = networks.SalUn(share=0.5, retain_weight=0.5, epochs=1, lr=0.1).forget(model, task, GONE, 0, strength=2.0)
    A, U = np.column_stack([LINE, 3 * LINE**2]), np.array([[1.0, 0.2], [-0.4, 0.1]])

    def gradient(rows: list[int], labels: Any) -> Floats:
        z = np.exp(A[rows] @ U.T)
        return np.asarray((z / z.sum(axis=1, keepdims=True) - np.eye(2)[labels]).T @ A[rows] / len(rows))

    salient = np.abs(gradient(GONE, LABELS[GONE]))
    mask = salient >= np.sort(salient.ravel())[2]
    assert mask.sum() == 2
    step = 0.5 * gradient(KEPT, LABELS[KEPT]) + 2.0 * gradient(GONE, 1 - LABELS[GONE])
    np.testing.assert_allclose(new.weight.detach().numpy(), U - 0.1 * mask * step, rtol=1e-10)


def test_scrub() -> None:
    """Away, near, away, near, near; the first pass away has no gradient, for the student is its teacher."""
    method = networks.SCRUB(
        epochs=3, max_epochs=2, lr=0.1, alpha=0.5, gamma=0.8, temperature=2.0, optimizer="sgd", momentum=0.0
    )
    v = V.copy()
    for epoch in range(3):
        v = v + 0.1 * 3.0 * apart(v, V, GONE, 2.0) * (epoch < 2)
        v = v - 0.1 * (0.5 * apart(v, V, KEPT, 2.0) + 0.8 * surprise(v, KEPT, LABELS[KEPT]))
    close(declassified(method, strength=3.0), v)


def test_scrub_rewinds_to_the_checkpoint_nearest_to_unseen_data() -> None:
    """The error on the forget set after each pass; on the held-out record the last model errs as the second."""
    w, passed = W, []
    for _ in range(4):
        w = w + 0.2 * X[FORGET].T @ (X[FORGET] @ (w - W)) / len(FORGET)
        w = w - 0.2 * slope(w, RETAIN)
        passed.append(w)
    errors = [float(np.mean((X[FORGET] @ w - Y[FORGET]) ** 2)) for w in passed]
    assert min(abs(np.diff(errors))) > 0.01
    held_out = Regression((np.array([[1.0, 0.0]]), np.array([passed[-1][0] + np.sqrt(errors[1])])))
    method = networks.SCRUB(
        epochs=4, max_epochs=4, lr=0.2, alpha=0.0, gamma=1.0, temperature=1.0, optimizer="sgd", momentum=0.0,
        held_out=held_out,
    )  # fmt: skip
    close(forgotten(method), passed[1])


def test_bad_teacher() -> None:
    """The ignorant teacher has the weights that a reset gives: -0.5 and 0.25."""
    method = networks.BadTeacher(epochs=2, retain_share=1.0, lr=0.1, optimizer="sgd", momentum=0.0, temperature=2.0)
    v = V.copy()
    for _ in range(2):
        v = v - 0.1 * (apart(v, V, KEPT, 2.0) + 3.0 * apart(v, np.array([-0.5, 0.25]), GONE, 2.0))
    close(declassified(method, strength=3.0), v)


def test_bad_teacher_on_a_share_of_the_retain_set() -> None:
    """Half of four records: a pair of them, and the same in both passes."""
    method = networks.BadTeacher(
        epochs=2, batch_size=2, retain_share=0.5, lr=0.1, optimizer="sgd", momentum=0.0, temperature=1.0
    )
    found, fitting = declassified(method), []
    for pair in itertools.combinations(KEPT, 2):
        v = V.copy()
        for _ in range(2):
            v = v - 0.1 * (apart(v, V, list(pair)) + apart(v, np.array([-0.5, 0.25]), GONE))
        fitting.append(np.allclose(v, found, rtol=1e-9, atol=1e-11))
    assert sum(fitting) == 1


def test_primal_dual() -> None:
    """Multiplier and weights by turns; the constraint is a share of ln 2."""
    method = networks.PrimalDual(level=1.5, epochs=3, lr=0.2, dual_lr=0.5, momentum=0.0)
    v, multiplier, seen = V.copy(), 0.0, []
    for _ in range(3):
        loss = float(-np.log(chances(v, GONE)[[0, 1], LABELS[GONE]]).mean())
        multiplier = max(0.0, multiplier + 0.5 * (2.0 * 1.5 * np.log(2) - loss))
        seen.append(multiplier)
        v = v - 0.2 * (surprise(v, KEPT, LABELS[KEPT]) - multiplier * surprise(v, GONE, LABELS[GONE]))
    assert min(seen) > 0
    close(declassified(method, strength=2.0), v)


def test_primal_dual_only_descends_where_the_constraint_holds() -> None:
    """The multiplier is never below zero."""
    v = V - 0.2 * surprise(V, KEPT, LABELS[KEPT])
    v = v - 0.2 * surprise(v, KEPT, LABELS[KEPT])
    close(declassified(networks.PrimalDual(level=0.01, epochs=2, lr=0.2, dual_lr=0.5, momentum=0.0)), v)


# ---------------------------------------------------------------- at once


def test_amnesiac() -> None:
    model = regressor()
    log = UpdateLog(model, sensitive=[1, 2])
    for ids, change in (([0, 1], [0.1, 0.2]), ([3, 5], [5.0, 5.0]), ([2, 6], [0.5, 0.5]), ([4, 1], [-0.3, 0.1])):
        with log.step(ids):
            model.weight.data += torch.tensor([change])
    assert len(log) == 3, "the step on 3 and 5 is not kept"
    new, removal = networks.Amnesiac(log=log, epochs=0).forget(model, squares(), [1], 0)
    wanted = W + np.array([5.3, 5.8]) - np.array([0.1 - 0.3, 0.2 + 0.1])  # all steps, without those on record 1
    np.testing.assert_allclose(new.weight.detach().numpy().ravel(), wanted, rtol=1e-6)
    assert removal.work == 0
    half, _ = networks.Amnesiac(log=log, epochs=0).forget(model, squares(), [1], 0, strength=0.5)
    np.testing.assert_allclose(half.weight.detach().numpy().ravel(), wanted + np.array([-0.1, 0.15]), rtol=1e-6)
    repaired, _ = networks.Amnesiac(log=log, epochs=1, lr=0.1).forget(model, squares(), [1], 0)
    rest = [i for i in range(8) if i != 1]
    np.testing.assert_allclose(repaired.weight.detach().numpy().ravel(), wanted - 0.1 * slope(wanted, rest), rtol=1e-5)
    log.drop([1])
    assert log.holds([1, 2]).tolist() == [False, True]


def test_ssd() -> None:
    """Importances are means of squared gradients of single records."""
    errors = (X @ W - Y)[:, None] * X
    of_all, of_gone = (errors**2).mean(axis=0), (errors[FORGET] ** 2).mean(axis=0)
    alpha = float(np.mean(of_gone / of_all))  # between the two ratios: one weight is dampened
    wanted = np.where(of_gone > alpha * of_all, W * np.minimum(0.9 * of_all / of_gone, 1), W)
    assert (wanted != W).sum() == 1
    close(forgotten(networks.SSD(alpha=alpha, dampening=0.9)), wanted)
    close(forgotten(networks.SSD(alpha=2 * alpha, dampening=0.9), strength=2.0), wanted)
    np.testing.assert_array_equal(forgotten(networks.SSD(alpha=alpha, dampening=100.0)), W)  # no weight grows


def test_fisher_noise_has_the_standard_deviation_of_the_paper() -> None:
    """The same draw for both tasks, so the ratio of the noise is that of F to the power of -1/4."""
    F = (((X @ W - Y)[:, None] * X)[RETAIN] ** 2).mean(axis=0)
    method = networks.FisherForgetting(noise=1e-4, floor=1e-12)
    unit = (forgotten(method) - W) * F**0.25 / 1e-4**0.25
    heavy = Regression((3 * X, 3 * Y))  # gradients nine times as large, F eighty-one times
    new, _ = method.forget(regressor(), heavy, FORGET, 0, strength=16.0)
    drawn = (new.weight.detach().numpy().ravel() - W) * (81 * F) ** 0.25 / (16e-4) ** 0.25
    np.testing.assert_allclose(drawn, unit, rtol=1e-6)
    floored = (forgotten(networks.FisherForgetting(noise=1e-4, floor=0.5)) - W) * (F + 0.5) ** 0.25 / 1e-4**0.25
    np.testing.assert_allclose(floored, unit, rtol=1e-6)
    many = [
        np.asarray(method.forget(regressor(), squares(), FORGET, seed)[0].weight.detach().numpy().ravel())
        for seed in range(40)
    ]
    units = (np.array(many) - W) * F**0.25 / 1e-4**0.25
    assert 0.75 < units.std() < 1.25
    assert abs(units.mean()) < 0.3


def test_single_step() -> None:
    start = {"weight": torch.tensor([[0.1, 0.2]], dtype=torch.float64)}
    total = len(FORGET) * slope(np.array([0.1, 0.2]), FORGET)
    method = networks.SingleStep(start=start, lr=0.1, epochs=3, batch_size=4)
    close(forgotten(method, strength=2.0), W + 2.0 * 0.1 * 3 / 4 * total)


def test_gradient_step() -> None:
    close(forgotten(networks.GradientStep(rate=0.1)), W + 0.1 * len(FORGET) * slope(W, FORGET))
    other_X, other_Y = X.copy(), Y.copy()
    other_X[FORGET], other_Y[FORGET] = X[FORGET] + 1, Y[FORGET] - 2
    new, said = networks.GradientStep(rate=0.1).rectify(
        regressor(), squares(), FORGET, (other_X[FORGET], other_Y[FORGET]), 0
    )
    wanted = W - 0.1 * len(FORGET) * (slope(W, FORGET, other_X, other_Y) - slope(W, FORGET))
    close(new.weight.detach().numpy().ravel(), wanted)
    assert (said.n_rectified, said.work, said.guarantee.kind) == (2, 4, "empirical")


# ---------------------------------------------------------------- second order: equal to the retrain on a quadratic


def minimum(rows: list[int], decay: float = 0.0, X: Floats = X, Y: Floats = Y) -> Floats:
    """The retrained model, by the normal equations."""
    return np.linalg.solve(X[rows].T @ X[rows] / len(rows) + decay * np.eye(2), X[rows].T @ Y[rows] / len(rows))


SOLVERS = {"cg": {"max_iter": 10, "tol": 1e-14}, "lissa": {"solver": "lissa", "max_iter": 90, "scale": 2.0}}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("curvature", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("gradient", ["retain", "forget"])
def test_newton_step_equals_the_retrain_on_a_quadratic(solver: str, curvature: Any, gradient: Any) -> None:
    method = networks.NewtonStep(
        damping=0.0, weight_decay=0.3, gradient=gradient, curvature=curvature, **SOLVERS[solver]
    )
    model = regressor(minimum(list(range(8)), 0.3))
    new, _ = method.forget(model, squares(), FORGET, 0)
    np.testing.assert_allclose(new.weight.detach().numpy().ravel(), minimum(RETAIN, 0.3), rtol=1e-6)
    half, _ = method.forget(model, squares(), FORGET, 0, strength=0.5)
    between = (minimum(RETAIN, 0.3) + minimum(list(range(8)), 0.3)) / 2
    np.testing.assert_allclose(half.weight.detach().numpy().ravel(), between, rtol=1e-6)


def test_newton_step_from_anywhere_reads_the_gradient_of_what_is_left() -> None:
    """With the gradient of the retain set the model need not have converged."""
    np.testing.assert_allclose(forgotten(networks.NewtonStep(damping=0.0, tol=1e-14)), minimum(RETAIN), rtol=1e-9)


def test_damping_shortens_the_step() -> None:
    H = X[RETAIN].T @ X[RETAIN] / len(RETAIN)
    close(
        forgotten(networks.NewtonStep(damping=0.5, tol=1e-14)),
        W - np.linalg.solve(H + 0.5 * np.eye(2), slope(W, RETAIN)),
    )


def test_corrected_features_and_labels_equal_the_retrain_on_a_quadratic() -> None:
    other_X, other_Y = X.copy(), Y.copy()
    other_X[FORGET], other_Y[FORGET] = X[FORGET] * 1.5 + 1, Y[FORGET] - 2
    every = list(range(8))
    new, said = networks.NewtonStep(damping=0.0, tol=1e-14).rectify(
        regressor(minimum(every)), squares(), FORGET, (other_X[FORGET], other_Y[FORGET]), 0
    )
    np.testing.assert_allclose(new.weight.detach().numpy().ravel(), minimum(every, 0.0, other_X, other_Y), rtol=1e-8)
    assert said.guarantee.kind == "empirical"


def test_kronecker_steps_go_the_way_of_the_newton_step() -> None:
    """Fisher matrices are estimates: the step is near that of the Hessian, on many records of one scale."""
    points = np.random.default_rng(5).normal(size=(400, 2))
    task = Regression((points, points @ [1.0, -2.0]))
    for solver in ("kfac", "ekfac"):
        method = networks.NewtonStep(solver=solver, damping=0.0, max_samples=400)  # type: ignore[arg-type]
        new, _ = method.forget(regressor(), task, list(range(40)), 0)
        np.testing.assert_allclose(new.weight.detach().numpy().ravel(), [1.0, -2.0], atol=0.12)


# ---------------------------------------------------------------- the penalty on the jump


def test_penalty_on_the_jump_in_steps_and_at_once() -> None:
    limits = Limits(jump_penalty=0.5)
    w = W + 0.1 * slope(W, FORGET)
    w = w + 0.1 * (slope(w, FORGET) - 2 * 0.5 * (w - W))
    close(forgotten(networks.GradientAscent(epochs=2, lr=0.1), limits=limits), w)
    jump = 0.1 * len(FORGET) * slope(W, FORGET)
    close(forgotten(networks.GradientStep(rate=0.1), limits=limits), W + jump / (1 + 2 * 0.5))
    F = (((X @ W - Y)[:, None] * X)[RETAIN] ** 2).mean(axis=0)
    fisher = Limits(jump_penalty=0.5, jump_metric="fisher")
    close(forgotten(networks.GradientStep(rate=0.1), limits=fisher), W + jump / (1 + 2 * 0.5 * F))


def test_what_is_to_be_lost_is_replaced_without_the_penalty_and_trained_on_with_it() -> None:
    limits = Limits(jump_penalty=0.5)
    w = np.array([0.0, -1.5])
    w = w - 0.1 * slope(w, RETAIN) * [0, 1]
    w = w - 0.1 * (slope(w, RETAIN) + 2 * 0.5 * (w - W)) * [0, 1]
    close(forgotten(networks.PruneFirst(sparsity=0.5, epochs=2, lr=0.1, momentum=0.0), limits=limits), w)
    model, at = nn.Sequential(linear([[2.0]], Known)), X[RETAIN, 0]
    new, _ = networks.EUK(k=1, epochs=1, lr=0.1).forget(model, Regression((X[:, :1], Y)), FORGET, 0, limits=limits)
    pull = np.mean((-0.5 * at - Y[RETAIN]) * at) + 2 * 0.5 * (-0.5 - 2.0)
    np.testing.assert_allclose(new[0].weight.item(), -0.5 - 0.1 * pull, rtol=1e-12)


def test_layers_that_were_frozen_for_a_training_are_thawed_where_it_fails() -> None:
    class Failing(Job):
        def step(self, *_: Any, **__: Any) -> None:
            assert [p.requires_grad for p in self.model.parameters()] == [False, True]
            raise RuntimeError("out of memory")

    task = Regression((X[:, :1], Y))
    job = Failing(two_layers(0.5, 2.0), task, task.find(FORGET), task.find(RETAIN), seed=0, generator=torch.Generator())
    with pytest.raises(RuntimeError, match="out of memory"):
        train_last_layers(job, 1, anew=False, epochs=1, lr=0.1, batch_size=64, momentum=0.0, weight_decay=0.0)
    assert [p.requires_grad for p in job.model.parameters()] == [True, True]
