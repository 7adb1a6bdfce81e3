"""A replayed training equals one that never had the records, bit for bit; its work is what was planned."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - torch may be absent
from torch.utils.data import Dataset  # noqa: E402

from expunge.errors import (  # noqa: E402
    InvalidParameterError,
    InvalidRequestError,
    UnknownRecordError,
    UnsupportedEstimatorError,
)
from expunge.networks import Classification, ReplayTrainer  # noqa: E402
from interruptions import interrupt  # noqa: E402

rng = np.random.default_rng(0)
N = 60
X = rng.normal(size=(N, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
IDS = np.array([f"r{i:02d}" for i in range(N)])


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


def task(kept: Any = None) -> Classification:
    at = np.arange(N) if kept is None else np.asarray(kept)
    return Classification((X[at], Y[at]), record_ids=IDS[at])


def trainer(**changed: Any) -> ReplayTrainer:
    return ReplayTrainer(
        **{"model": network(), "epochs": 3, "n_batches": 6, "checkpoint_every": 4, "lr": 0.1} | changed
    )


def left(gone: Any) -> list[int]:
    return [i for i in range(N) if i not in gone]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("gone", [[3], [3, 17, 41], list(range(1, 60))])
def test_forgetting_equals_a_training_without_the_records(optimizer: str, gone: list[int]) -> None:
    entry = {IDS[3]: 2, IDS[17]: 1, IDS[20]: 1}
    one = trainer(optimizer=optimizer).fit(task(), entry=entry)
    removal = one.forget(IDS[gone])
    entry = {name: epoch for name, epoch in entry.items() if name not in IDS[gone]}
    never = trainer(optimizer=optimizer).fit(task(left(gone)), entry=entry)
    assert one.digest() == never.digest()
    state, other = one.model_.state_dict(), never.model_.state_dict()
    assert all(torch.equal(state[name], other[name]) for name in state)
    assert removal.guarantee.kind == "exact"
    assert sorted(one.record_ids_) == sorted(IDS[left(gone)])


def test_one_by_one_in_any_order_equals_at_once_and_rows_may_be_shuffled() -> None:
    at_once, one_by_one = trainer().fit(task()), trainer().fit(task())
    at_once.forget(IDS[[5, 30, 12]])
    for i in (12, 5, 30):
        one_by_one.forget([IDS[i]])
    never = trainer().fit(task(rng.permutation(left([5, 12, 30]))))
    assert at_once.digest() == one_by_one.digest() == never.digest()


def test_an_interruption_leaves_the_training_before_or_the_one_after() -> None:
    small: dict[str, Any] = {"model": nn.Linear(5, 2), "epochs": 1, "n_batches": 1, "checkpoint_every": 1}
    whole, rest = trainer(**small).fit(task(range(5))), task([0, 1, 2, 4])
    never, digest, step, where = trainer(**small).fit(rest).digest(), whole.digest(), 0, "before"
    while where:
        one = copy.copy(whole)
        where = interrupt(partial(one.forget, ["r03"]), step, {"ReplayTrainer.forget"})
        assert one.digest() == (digest if "r03" in one.record_ids_ else never), where
        step += 3
    assert step > 50
    step, where = 0, "before"
    while where:
        one = copy.copy(whole)
        where = interrupt(partial(one.fit, rest), step, {"ReplayTrainer.fit"})
        assert one.digest() == (digest if "r03" in one.record_ids_ else never), where
        step += 3


def test_the_digest_sees_weights_arguments_and_ids() -> None:
    base = trainer().fit(task())
    digests = {base.digest()}
    for changed in (
        {"lr": 0.11}, {"momentum": 0.8}, {"weight_decay": 0.1}, {"epochs": 2}, {"n_batches": 5}, {"seed": 1},
        {"checkpoint_every": 5}, {"optimizer": "adam"},
    ):  # fmt: skip
        digests.add(trainer(**changed).fit(task()).digest())
    digests.add(trainer().fit(task(), entry={IDS[0]: 1}).digest())
    assert len(digests) == 10
    base._last.model["0.bias"][0] = torch.nextafter(base._last.model["0.bias"][0], torch.tensor(9.0))
    assert base.digest() not in digests


def test_work_is_what_was_planned_and_what_is_read() -> None:
    data = task()
    reads = []
    batch = data.batch
    data.batch = lambda positions, device: (reads.extend(positions.tolist()), batch(positions, device))[1]  # type: ignore[method-assign,func-returns-value]
    model = trainer().fit(data, entry={IDS[7]: 2})
    for ids in ([IDS[7]], [IDS[8], IDS[9]], [IDS[10]]):
        before, plan = model.digest(), model.plan(ids)
        assert model.digest() == before
        reads.clear()
        removal = model.forget(ids)
        assert plan.work_low == plan.work_high == removal.work == len(reads)
        assert plan.guarantee == removal.guarantee
        gone = {int(np.flatnonzero(i == IDS)[0]) for i in ids}
        assert not gone & set(reads), "forgotten records are not read again"


def test_cost_of_a_random_record_is_at_least_what_the_page_says() -> None:
    """1 - 1/(2E) on average, more with sparse checkpoints; late entries and single passes cost less."""
    shares = {}
    for name, epochs, entry in (("plain", 3, 0), ("late", 3, 2), ("single pass", 1, 0)):
        model = trainer(epochs=epochs, checkpoint_every=1).fit(task(), entry=dict.fromkeys(IDS[:20].tolist(), entry))
        full = model._schedule.reads(0, np.array([], dtype=np.intp))
        shares[name] = np.mean([model.plan([i]).work_low for i in IDS[:20]]) / full
    assert 0.75 < shares["plain"] < 0.9  # 1 - 1/6
    assert shares["late"] < 0.3
    assert 0.35 < shares["single pass"] < 0.65


def test_a_record_that_was_never_read_costs_nothing() -> None:
    model = trainer().fit(task(), entry={IDS[4]: 99})
    assert model.plan([IDS[4]]).work_high == 0
    assert model.forget([IDS[4]]).work == 0
    assert model.digest() == trainer().fit(task(left([4]))).digest()


def test_requests_that_cannot_be_are_refused_and_nothing_changes() -> None:
    with pytest.raises(InvalidRequestError, match="not fitted"):
        trainer().plan([IDS[0]])
    model = trainer().fit(task())
    model.forget([IDS[0]])
    before = model.digest()
    for ids, kind in ((["x"], UnknownRecordError), ([IDS[0]], UnknownRecordError), (IDS[1:], InvalidRequestError)):
        with pytest.raises(kind):
            model.forget(ids)
    assert model.digest() == before
    model.epochs = 7
    with pytest.raises(InvalidRequestError, match="epochs was changed"):
        model.forget([IDS[1]])
    for wrong in ({"epochs": 0}, {"lr": 0.0}, {"optimizer": "lion"}, {"n_threads": 0}):
        with pytest.raises(InvalidParameterError):
            trainer(**wrong).fit(task())
    with pytest.raises(InvalidParameterError, match="entry"):
        trainer().fit(task(), entry={IDS[0]: -1})
    with pytest.raises(UnsupportedEstimatorError):
        trainer(model=network().half()).fit(task())


class Augmented(Dataset[Any]):
    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> Any:
        return torch.as_tensor(X[i] + np.random.default_rng().normal(size=5).astype(np.float32)), int(Y[i])


def test_what_draws_at_random_is_not_exact() -> None:
    model = trainer().fit(Classification(Augmented()))
    assert model.guarantee().kind == "empirical"
    assert "draws at random" in model.guarantee().statement


def test_the_model_that_comes_in_is_not_changed_and_no_seed_is_touched() -> None:
    first = network()
    before, state, threads = copy.deepcopy(first.state_dict()), torch.random.get_rng_state(), torch.get_num_threads()
    trainer(model=first, n_threads=1).fit(task()).forget([IDS[1]])
    assert all(torch.equal(before[name], value) for name, value in first.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
