"""References: planned by ids, the fast paths equal to slow twins, kept on disk, resumed, and the same in parallel."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from scipy.special import logsumexp, softmax

from expunge.audit.references import (
    ReferencePlan,
    mlp_outputs,
    plan_around,
    plan_halves,
    references,
    ridge_outputs,
    softmax_outputs,
)  # fmt: skip
from expunge.audit.references.store import ReferenceStore
from expunge.errors import FileNotUsableError, InvalidDataError, InvalidParameterError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = np.arange(60) % 3
FORGOTTEN, HELD_OUT = np.arange(60) < 10, np.arange(60) >= 50
PLAN = plan_around(np.arange(60), is_forgotten=FORGOTTEN, is_held_out=HELD_OUT, n=4, n_unforgotten=2, keep=0.8)
RIDGE = partial(ridge_outputs, X, Y)


def test_plan_around_keeps_its_word() -> None:
    members = PLAN.members
    assert not members[:4][:, FORGOTTEN | HELD_OUT].any()
    assert members[4:][:, FORGOTTEN].all()
    assert not members[:, HELD_OUT].any()
    share = members[:, 10:50].mean()
    assert 0.6 < share < 0.95
    assert len({tuple(row) for row in members}) == 6
    whole = plan_around(np.arange(60), is_forgotten=FORGOTTEN, is_held_out=HELD_OUT, n=2, n_unforgotten=0)
    assert whole.members[:, 10:50].all()


def test_one_record_less_moves_no_other() -> None:
    ids = np.array([f"r{i}" for i in range(60)], dtype=object)
    for make in (partial(plan_around, n=3, keep=0.5), partial(plan_halves, n=5)):
        whole = make(ids, is_forgotten=FORGOTTEN, is_held_out=HELD_OUT).members
        rest = np.delete(np.arange(60), 33)[::-1]  # in another order, too
        part = make(ids[rest], is_forgotten=FORGOTTEN[rest], is_held_out=HELD_OUT[rest]).members
        assert (part == whole[:, rest]).all()


def test_halves_are_complements() -> None:
    members = plan_halves(np.arange(60), is_forgotten=FORGOTTEN, is_held_out=HELD_OUT, n=6).members
    asked = FORGOTTEN | HELD_OUT
    assert members[:, ~asked].all()
    assert (members[:, asked].sum(axis=0) == 3).all()


@pytest.mark.parametrize(
    "wrong",
    [{"n": 0, "n_unforgotten": 0}, {"n": -1}, {"keep": 0.0}, {"keep": 1.5}, {"n_unforgotten": -1}, {"seed": -1}],
)
def test_plans_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        plan_around(np.arange(60), is_forgotten=FORGOTTEN, is_held_out=HELD_OUT, **{"n": 2, **wrong})
    with pytest.raises(InvalidDataError, match="at once"):
        plan_halves(np.arange(60), is_forgotten=FORGOTTEN, is_held_out=FORGOTTEN, n=2)


def test_ridge_from_sums_is_ridge_on_the_rows() -> None:
    """The twin is least squares on the rows themselves, with the penalty as further rows."""
    members = np.vstack([PLAN.members, np.arange(60) % 4 == 0])  # the last lacks more than it has
    got = ridge_outputs(X, Y, members, alpha=2.0, sharpness=3.0)
    for i, member in enumerate(members):
        rows = np.hstack([np.ones((60, 1)), X])
        penalty = np.sqrt(2.0) * np.eye(6)[1:]
        weights, *_ = np.linalg.lstsq(
            np.vstack([rows[member], penalty]), np.vstack([np.eye(3)[Y[member]], np.zeros((5, 3))]), rcond=None
        )
        assert got[i] == pytest.approx(softmax(3.0 * rows @ weights, axis=1), abs=1e-7)
        assert (ridge_outputs(X, Y, members[i : i + 1], alpha=2.0, sharpness=3.0)[0] == got[i]).all()


def test_softmax_all_at_once_is_softmax_one_by_one() -> None:
    """The twin is L-BFGS on the loss of one model's records alone."""
    members = PLAN.members[:3]
    got = softmax_outputs(X, Y, members, penalty=0.05, steps=2000, dtype=np.float64)
    rows = np.hstack([np.ones((60, 1)), X])
    for i, member in enumerate(members):

        def loss(w: Any, member: Any = member) -> float:
            z = rows[member] @ w.reshape(6, 3)
            return float(np.mean(logsumexp(z, axis=1) - z[np.arange(len(z)), Y[member]]) + 0.025 * (w**2).sum())

        best = optimize.minimize(loss, np.zeros(18), method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
        assert got[i] == pytest.approx(softmax(rows @ best.x.reshape(6, 3), axis=1), abs=1e-5)
        alone = softmax_outputs(X, Y, members[i : i + 1], penalty=0.05, steps=2000, dtype=np.float64)
        assert alone[0] == pytest.approx(got[i], abs=1e-9)


def test_stacked_networks_are_networks_one_by_one() -> None:
    """The twin is torch's own layers, loss and Adam."""
    torch = pytest.importorskip("torch")
    members = PLAN.members[[0, 1, 4]].copy()
    members[1, 20:45] = False  # it runs out of records earlier than the others
    arguments = {"n_hidden": 7, "epochs": 4, "batch": 8, "rate": 0.02}
    got = mlp_outputs(X, Y, members, (1, 2, 3), **arguments)
    from expunge.audit.references.mlp import _start

    for i, seed in enumerate((1, 2, 3)):
        start = _start(seed, 5, 7, 3)
        network = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3))
        with torch.no_grad():
            for layer, (weight, bias) in ((0, start[:2]), (2, start[2:])):
                network[layer].weight.copy_(torch.as_tensor(weight.T))
                network[layer].bias.copy_(torch.as_tensor(bias))
        adam = torch.optim.Adam(network.parameters(), lr=0.02)
        for epoch in range(4):
            own = np.random.default_rng([seed, 1, epoch]).permutation(np.flatnonzero(members[i]))
            for at in range(0, len(own), 8):
                batch = own[at : at + 8]
                adam.zero_grad()
                answer = network(torch.as_tensor(X[batch], dtype=torch.float32))
                torch.nn.functional.cross_entropy(answer, torch.as_tensor(Y[batch])).backward()
                adam.step()
        with torch.no_grad():
            want = torch.softmax(network(torch.as_tensor(X, dtype=torch.float32)), dim=1).numpy()
        assert got[i] == pytest.approx(want, abs=1e-4)


def test_a_class_that_no_record_of_a_model_has() -> None:
    members = (Y != 2)[None] & PLAN.members[:1]
    for make in (ridge_outputs, softmax_outputs):
        out = make(X, Y, members)
        assert out.shape == (1, 60, 3)
        assert np.isfinite(out).all()


@pytest.mark.parametrize(("batch", "n_jobs"), [(4, 1), (9, 1), (1, 2)])
def test_batches_and_processes_change_nothing(batch: int, n_jobs: int) -> None:
    whole = references(RIDGE, PLAN, Y)
    split = references(RIDGE, PLAN, Y, batch=batch, n_jobs=n_jobs)
    for name, values in whole.signals.items():
        assert (split.signals[name] == values).all()
    assert (split.members == PLAN.members).all()


class Counted:
    """Counts the models it trains, and stops after some."""

    def __init__(self, stop: int = 10**9) -> None:
        self.trained, self.stop = 0, stop

    def __call__(self, members: Any, seeds: tuple[int, ...]) -> Any:
        if self.trained + len(seeds) > self.stop:
            raise KeyboardInterrupt
        self.trained += len(seeds)
        return RIDGE(members, seeds)


def test_an_interrupted_run_goes_on_and_a_repeated_one_trains_nothing(tmp_path: Path) -> None:
    kept = {"store": tmp_path / "kept", "content": (X, Y)}
    first = Counted(stop=3)
    with pytest.raises(KeyboardInterrupt):
        references(first, PLAN, Y, **kept)
    second = Counted()
    done = references(second, PLAN, Y, **kept)
    assert (first.trained, second.trained) == (3, 3)
    third = Counted()
    again = references(third, PLAN, Y, **kept)
    assert third.trained == 0
    fresh = references(RIDGE, PLAN, Y)
    for name in fresh.signals:
        assert (done.signals[name] == fresh.signals[name]).all()
        assert (again.signals[name] == fresh.signals[name]).all()


def test_other_content_other_files(tmp_path: Path) -> None:
    references(RIDGE, PLAN, Y, store=tmp_path, content=(X, Y))
    other = Counted()
    references(other, PLAN, Y, store=tmp_path, content=(X + 1, Y))
    assert other.trained == 6
    more = ReferencePlan(PLAN.members[:1], (99,))
    references(other, more, Y, store=tmp_path, content=(X, Y))
    assert other.trained == 7


def test_a_broken_file_is_trained_again(tmp_path: Path) -> None:
    references(RIDGE, PLAN, Y, store=tmp_path, content=(X, Y))
    broken = sorted(tmp_path.iterdir())
    broken[0].write_bytes(broken[0].read_bytes()[:-1])
    flipped = bytearray(broken[1].read_bytes())
    flipped[-3] ^= 1
    broken[1].write_bytes(bytes(flipped))
    broken[2].write_bytes(b"")
    counted = Counted()
    references(counted, PLAN, Y, store=tmp_path, content=(X, Y))
    assert counted.trained == 3
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".npy"]


def test_a_store_needs_content_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="content"):
        references(RIDGE, PLAN, Y, store=tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileNotUsableError):
        ReferenceStore(tmp_path / "file", 1)


def test_progress_starts_with_an_estimate() -> None:
    told: list[tuple[int, int, float]] = []
    references(RIDGE, PLAN, Y, progress=lambda *args: told.append(args))
    assert [done for done, _, _ in told] == [1, 2, 3, 4, 5, 6]
    assert all(total == 6 for _, total, _ in told)
    assert told[0][2] > 0
    assert told[-1][2] == 0


def test_queried_records_only() -> None:
    query = np.flatnonzero(FORGOTTEN | HELD_OUT)
    got = references(partial(ridge_outputs, X, Y, query=X[query]), PLAN, Y[query], query=query)
    whole = references(RIDGE, PLAN, Y)
    assert got.signals["logit"] == pytest.approx(whole.signals["logit"][:, query])
    assert got.members.shape == (6, 20)


def test_outputs_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="expected"):
        references(lambda members, seeds: np.zeros((60, 3)), PLAN, Y)
    with pytest.raises(InvalidDataError, match="do not fit"):
        mlp_outputs(X, Y, PLAN.members, (1,))
    with pytest.raises(InvalidDataError):
        softmax_outputs(X, Y, np.zeros((1, 60), dtype=bool))


@pytest.mark.parametrize("shape", [(), (4, 2)])
def test_answers_of_any_shape_are_read_by_who_knows_them(shape: tuple[int, ...]) -> None:
    def train(members: Any, seeds: tuple[int, ...]) -> Any:
        answers = np.add.outer(np.asarray(seeds, dtype=float) % 97, np.arange(60.0))
        return answers if not shape else np.broadcast_to(answers[..., None, None], (*answers.shape, *shape))

    def read(outputs: Any, labels: Any) -> dict[str, Any]:
        return {"logit": outputs.reshape(60, -1).sum(axis=1) + labels}

    found = references(train, PLAN, Y, read=read)
    assert found.outputs is None
    size = int(np.prod(shape))
    assert np.allclose(found.signals["logit"][2], size * (PLAN.seeds[2] % 97 + np.arange(60)) + Y)
    with pytest.raises(InvalidDataError, match=r"\.\.\."):
        references(lambda members, seeds: train(members, seeds)[:, 1:], PLAN, Y, read=read)
