"""Around the methods for networks: tasks, modes, limits, the dose, the utility report."""

from __future__ import annotations

import contextlib
import copy
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - torch may be absent
from torch.utils.data import Dataset  # noqa: E402

from expunge import networks  # noqa: E402
from expunge.errors import (  # noqa: E402
    DuplicateRecordError,
    ExpungeError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    LimitBrokenError,
    UnknownRecordError,
    UnsupportedRequestError,
)
from expunge.influence import TRAK, InfluenceFunctions, TracIn  # noqa: E402
from expunge.methods.networks.job import endless_work  # noqa: E402
from expunge.methods.networks.utility import SAMPLE, retain_sample  # noqa: E402
from expunge.networks import (  # noqa: E402
    SCRUB,
    SSD,
    Classification,
    FineTuning,
    GradientAscent,
    GradientStep,
    Limits,
    NegGradPlus,
    NewtonStep,
    RandomLabels,
    Regression,
    Task,
    UpdateLog,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(np.int64)


def network(*, trained: int = 0, normalised: bool = False) -> nn.Module:
    """A small classifier, after some full-batch steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Linear(4, 8), *([nn.BatchNorm1d(8)] if normalised else []), nn.ReLU(), nn.Linear(8, 2)]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(trained):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.as_tensor(X)), torch.as_tensor(Y)).backward()
        optimizer.step()
    return model.eval()


# ---------------------------------------------------------------- tasks


class Pairs(Dataset[Any]):
    """A data set that hands out dicts, as many do."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, i: int) -> Any:
        return {"left": torch.tensor(X[i, :2]), "right": torch.tensor(X[i, 2:])}, float(Y[i])


class TwoBranches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(2, 1), nn.Linear(2, 1)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.left(left) + self.right(right)


class Margins(Task):
    """A task of one's own: a loss, what is measured, and how the inputs go in."""

    def losses(self, outputs: Any, targets: Any) -> torch.Tensor:
        return nn.functional.softplus(-outputs[:, 0] * (2 * targets - 1))

    def measure(self, outputs: Any, targets: Any) -> torch.Tensor:
        return ((outputs[:, 0] > 0) == (targets > 0.5)).float()

    def forward(self, model: Any, inputs: Any) -> Any:
        return model(inputs["left"], inputs["right"])


@pytest.mark.parametrize("method", [SCRUB(batch_size=4), NegGradPlus(batch_size=4), NewtonStep(max_iter=3)])
def test_a_task_of_two_methods_serves_methods_without_labels(method: Any) -> None:
    new, removal = method.forget(TwoBranches(), Margins(Pairs()), [2, 3, 11])
    assert removal.n_forgotten == 3
    assert all(bool(torch.isfinite(p).all()) for p in new.parameters())


def test_what_a_task_does_not_know_is_refused() -> None:
    with pytest.raises(UnsupportedRequestError, match="wrong targets"):
        RandomLabels().forget(TwoBranches(), Margins(Pairs()), [2])
    with pytest.raises(NotImplementedError):
        Task((X, Y)).losses(None, None)


def test_tasks_refuse_what_does_not_fit() -> None:
    with pytest.raises(InvalidDataError, match="empty"):
        Classification((X[:0], Y[:0]))
    with pytest.raises(InvalidDataError):
        Classification((X, Y), record_ids=range(3))
    with pytest.raises(InvalidDataError, match="groups"):
        Classification((X, Y), groups=["a"])
    with pytest.raises(InvalidParameterError, match="loss"):
        Classification((X, Y), loss="hinge")  # type: ignore[arg-type]
    summed = Classification((X, Y), loss=lambda out, y: nn.functional.cross_entropy(out, y))
    with pytest.raises(InvalidDataError, match="reduction='none'"):
        GradientAscent().forget(network(), summed, [1])


def test_the_order_of_the_rows_does_not_matter() -> None:
    order = rng.permutation(60)
    ids = np.array([f"r{i}" for i in range(60)])
    method = NegGradPlus(batch_size=7, lr=0.1)
    one, _ = method.forget(network(), Classification((X, Y), record_ids=ids), ["r3", "r9"])
    shuffled = Classification((X[order], Y[order]), record_ids=ids[order])
    two, _ = method.forget(network(), shuffled, ["r9", "r3"])
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_what_is_no_task_and_no_labels_is_refused_in_a_sentence() -> None:
    model, dataset = network(), torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    method, texts = SCRUB(epochs=1), [(x, str(label)) for x, label in zip(torch.tensor(X), Y.tolist(), strict=True)]
    task: Any = Classification(dataset)
    wrong: list[tuple[Any, type[ExpungeError], str]] = [
        (lambda: method.forget(model, dataset, [5]), InvalidParameterError, r"Classification\(dataset\)"),
        (lambda: method.plan(model, dataset, [5]), InvalidParameterError, r"Classification\(dataset\)"),
        (lambda: method.forget(model, task, [5], limits={"max_retain_drop": 0.1}), InvalidParameterError, "Limits"),
        (lambda: method.forget(model, Classification(texts), [5]), InvalidDataError, "Number the classes"),
        (lambda: Classification((X, Y.astype(str))), InvalidDataError, "Number the classes"),
        (lambda: Classification((Y.astype(str), Y)), InvalidDataError, "inputs are no numbers"),
        (lambda: method.forget(model, Classification([("a", 1), ("b", 0)]), [1]), InvalidDataError, "are texts"),
        (lambda: method.forget(model, Classification((X, Y + 50)), [5]), InvalidDataError, "none of 0 to 1"),
        (lambda: SSD().rectify(model, task, [5], (X[:1], Y[:1])), UnsupportedRequestError, "GradientStep and Newton"),
        (lambda: method.forget(model, task, [900]), UnknownRecordError, "No record 900: .* task.ids lists"),
        (lambda: Classification(dataset, record_ids=[1] * 60), DuplicateRecordError, "Record id 1 stands"),
        (lambda: method.forget(model, task, [5, 5]), DuplicateRecordError, "Record 5 is named twice"),
    ]
    for ask, kind, words in wrong:
        with pytest.raises(kind, match=words):
            ask()


def test_advice_fits_what_was_asked() -> None:
    model, task, limits = network(trained=20), Classification((X, Y)), Limits(max_step_norm=1e-9)

    def told(method: Any, ids: list[int]) -> str:
        with pytest.raises(LimitBrokenError) as refused:
            method.forget(model, task, ids, limits=limits)
        return refused.value.hint

    both, one = NegGradPlus(epochs=1), GradientAscent(epochs=1)
    assert told(both, [1]).startswith("Lower strength (or strength='auto'), take more epochs or a lower lr")
    assert told(both, [1, 2]).startswith("Forget fewer records at once, lower strength")
    assert "epochs" not in told(one, [1])
    assert "fewer" not in told(one, [1])


def test_a_dose_that_does_nothing_is_no_broken_limit() -> None:
    model, task = network(trained=20), Classification((X, Y))
    with pytest.raises(InvalidRequestError, match=r"does not change with the dose .* No limit broke") as refused:
        GradientStep(rate=0.0).forget(model, task, [1, 2], strength="auto", reference=0.0)
    assert "Loosen" not in str(refused.value)
    assert not isinstance(refused.value, LimitBrokenError)


def test_regression_measures_squared_errors() -> None:
    task = Regression((X, X[:, 0]))
    outputs, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, 1.0])
    assert task.losses(outputs, targets).tolist() == [0.5, 2.0]
    assert task.measure(outputs, targets).tolist() == [-1.0, -4.0]
    assert task.divergence(outputs, torch.zeros(2, 1), 2.0).tolist() == [0.125, 1.125]


def test_divergence_of_classification_is_that_of_distributions() -> None:
    a, b = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.0, 2.0, 0.5]])
    p, q = (np.exp(v.numpy()[0] / 2) / np.exp(v.numpy()[0] / 2).sum() for v in (b, a))
    wanted = 4 * float((p * np.log(p / q)).sum())
    task = Classification((X, Y))
    np.testing.assert_allclose(task.divergence(a, b, 2.0).item(), wanted, rtol=1e-5)


def test_a_step_that_is_interrupted_stands_in_the_log_with_what_it_moved() -> None:
    model = nn.Linear(1, 1)
    log = UpdateLog(model)
    with contextlib.suppress(KeyboardInterrupt), log.step([7]):
        model.weight.data.add_(0.5)
        raise KeyboardInterrupt
    change, n_steps = log.sum_of([7])
    assert (n_steps, float(change["weight"]), float(change["bias"])) == (1, 0.5, 0.0)


def test_endless_work_counts_batches() -> None:
    for n, size, steps in ((10, 4, 5), (3, 8, 2), (8, 4, 4)):
        sizes = [min(size, n - start) for start in range(0, n, size)]
        assert endless_work(n, size, steps) == sum(sizes[i % len(sizes)] for i in range(steps))


# ---------------------------------------------------------------- modes


def test_statistics_of_a_normalisation_learn_from_the_retain_set_alone() -> None:
    model = network(trained=5, normalised=True)
    away, _ = GradientAscent(lr=0.01).forget(model, Classification((X, Y)), list(range(10)))
    assert torch.equal(away[1].running_mean, model[1].running_mean)
    outliers = X.copy()
    outliers[:10] += 1000.0  # of the forget set: a trace of them would be seen
    near, _ = NegGradPlus(lr=1e-6).forget(model, Classification((outliers, Y)), list(range(10)))
    assert not torch.equal(near[1].running_mean, model[1].running_mean)
    assert float(near[1].running_mean.abs().max()) < 10


def test_dropout_drops_and_repeats() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2)).eval()
    task, method = Classification((X, Y)), FineTuning(epochs=1, lr=0.1)
    one, two, other = (method.forget(model, task, [1], seed)[0] for seed in (0, 0, 1))
    assert torch.equal(one[0].weight, two[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)
    plain = nn.Sequential(copy.deepcopy(model[0]), nn.Identity(), copy.deepcopy(model[2])).eval()
    without, _ = method.forget(plain, task, [1], 0)
    assert not torch.equal(one[0].weight, without[0].weight)


def test_double_precision_stays_double() -> None:
    new, _ = SCRUB().forget(network().double(), Classification((X.astype(np.float64), Y)), [1, 2])
    assert {p.dtype for p in new.parameters()} == {torch.float64}


# ---------------------------------------------------------------- limits, dose, report


def test_each_limit_is_kept_or_broken() -> None:
    model, task = network(trained=60), Classification((X, Y))
    method = GradientAscent(epochs=20, lr=0.3)
    ids = list(range(15))
    _, free = method.forget(model, task, ids)
    drop = next(r.before - r.after for r in free.utility if (r.part, r.kind) == ("retain", "all"))
    assert drop > 0.1, "it is wrecked, for the test to say something"
    moved = {"max_step_norm": free.step_norm, "max_retain_drop": drop, "max_retain_kl": free.retain_kl}
    for name, value in {**moved, "max_forget_share": 0.25}.items():
        kept, _ = method.forget(model, task, ids, limits=Limits(**{name: value * 1.001}))
        assert isinstance(kept, nn.Module)
        with pytest.raises(LimitBrokenError, match=name) as caught:
            method.forget(model, task, ids, limits=Limits(**{name: value * 0.9}))
        assert "exact" in caught.value.hint


@pytest.mark.parametrize(
    "asked",
    [
        {"limits": Limits(max_forget_share=0.01)}, {"strength": "auto"}, {"strength": "much"}, {"strength": -1},
        {"strength": "auto", "reference": "unseen"}, {"seed": -1}, {"retain": [0, 1]}, {"retain": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_plan_refuses_what_forgetting_refuses(asked: dict[str, Any]) -> None:
    said = []
    for verb in (FineTuning().plan, FineTuning().forget):
        with pytest.raises(ExpungeError) as refused:
            verb(network(), Classification((X, Y)), [0, 4, 9], **asked)
        said.append((type(refused.value), str(refused.value)))
    assert said[0] == said[1]


def test_a_plan_takes_the_arguments_of_forgetting_and_counts_every_try() -> None:
    model, task, ids = network(trained=200), Classification((X, Y)), list(range(12))
    method = NegGradPlus(lr=0.2, epochs=3, batch_size=16)
    plan, forget = (list(inspect.signature(verb).parameters.values()) for verb in (method.plan, method.forget))
    assert plan == forget
    limits = Limits(jump_penalty=1e-3, jump_metric="fisher")
    asked: dict[str, Any] = {"strength": "auto", "reference": 0.5, "limits": limits}
    once, planned = method.plan(model, task, ids), method.plan(model, task, ids, **asked)
    _, removal = method.forget(model, task, ids, **asked)
    tries = removal.notes[-1].count(";") + 1
    assert tries > 1
    assert removal.work == tries * (once.work_high + 48), "the retain set is read once a try for the metric"
    assert (planned.work_low, planned.work_high) == (once.work_low, 8 * (once.work_high + 48))


def test_limits_refuse_what_is_no_limit() -> None:
    for wrong in ({"max_step_norm": -1.0}, {"jump_penalty": float("inf")}, {"jump_metric": "norm"}):
        with pytest.raises(InvalidParameterError):
            Limits(**wrong)


def test_the_dose_closes_the_gap_within_the_limits() -> None:
    model, task = network(trained=200), Classification((X, Y))
    ids = list(range(12))
    method, limits = NegGradPlus(lr=0.2, epochs=3, batch_size=16), Limits(max_retain_drop=0.1)
    before = method.forget(model, task, ids, strength=0.0)[1].utility[0].before
    _, removal = method.forget(model, task, ids, limits=limits, strength="auto", reference=0.5)
    after = removal.utility[0].after
    assert abs(after - 0.5) < abs(before - 0.5)
    assert "doses tried" in removal.notes[-1]
    tries = removal.notes[-1].count(";") + 1
    assert removal.work == tries * method.plan(model, task, ids).work_high, "what was read for all tries"
    drop = next(r.before - r.after for r in removal.utility if (r.part, r.kind) == ("retain", "all"))
    assert drop <= 0.1


def test_the_reference_of_the_dose_is_data_a_model_or_a_number() -> None:
    model, task = network(trained=200), Classification((X, Y))
    wrong = Classification((X[20:40], 1 - Y[20:40]))  # as if unseen data were mostly wrong
    method = GradientAscent(epochs=10, lr=0.3)
    for reference in (wrong, network(), 0.3):
        _, removal = method.forget(model, task, list(range(12)), strength="auto", reference=reference)
        assert removal.strength > 0
    with pytest.raises(InvalidRequestError, match="reference"):
        method.forget(model, task, [1], strength="auto")
    with pytest.raises(InvalidRequestError, match="at its reference already"):
        method.forget(model, task, [1], strength="auto", reference=1.0)
    with pytest.raises(InvalidParameterError, match="strength"):
        method.forget(model, task, [1], strength=-1.0)


def test_a_diverged_model_is_refused() -> None:
    with pytest.raises(LimitBrokenError, match="diverged"):
        GradientStep(rate=1e38).forget(network().double(), Classification((X.astype(np.float64) * 1e200, Y)), [1, 2])


def test_the_report_counts_by_class_and_group() -> None:
    groups = ["even" if i % 2 == 0 else "odd" for i in range(60)]
    model = network(trained=20)
    _, removal = FineTuning(epochs=1).forget(model, Classification((X, Y), groups=groups), list(range(0, 20)))
    right = (model(torch.as_tensor(X)).argmax(dim=1).numpy() == Y).astype(float)
    by = {(row.part, row.kind, row.name): row for row in removal.utility}
    at = (np.arange(60) >= 20) & (Y == 1)
    row = by["retain", "class", "1"]
    assert (row.n_records, row.before) == (int(at.sum()), pytest.approx(right[at].mean()))
    assert by["forget", "group", "odd"].n_records == 10
    assert by["forget", "group", "odd"].before == pytest.approx(right[1:20:2].mean())
    assert len(removal.report().splitlines()) == len(removal.utility) == 10


def test_of_a_large_retain_set_a_sample_is_looked_at() -> None:
    task = Regression((np.zeros((SAMPLE + 500, 1), dtype=np.float32), np.zeros(SAMPLE + 500)))
    sample = retain_sample(task, np.arange(SAMPLE + 500), 0)
    assert len(np.unique(sample)) == SAMPLE
    assert not np.array_equal(sample, np.arange(SAMPLE))


# ---------------------------------------------------------------- where they come from

_NUMBER = re.compile(r"arXiv \d{4}\.\d{5}")
_PLACE = re.compile(r"\b(equations?|algorithms?|sections?|baseline|definitions?)\b")


SOURCED = [getattr(networks, name) for name in (*networks.NETWORK_METHODS, "ReplayTrainer")]


@pytest.mark.parametrize("kind", [*SOURCED, InfluenceFunctions, TracIn, TRAK])
def test_a_method_names_the_place_in_its_source_and_its_guarantee(kind: type) -> None:
    doc = inspect.getdoc(kind) or ""
    parts = dict(re.findall(r"^(\w+)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", doc, re.M | re.S))
    assert _NUMBER.search(parts["References"].replace("\n", " "))
    assert _PLACE.search(parts["References"])
    assert parts["Guarantee"].strip()
    assert parts["Notes"].strip()


def test_every_method_has_a_line_on_the_page_and_a_row_of_costs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    costs = page.partition("<!-- costs: begin -->")[2].partition("<!-- costs: end -->")[0]
    for name in networks.NETWORK_METHODS:
        assert re.search(rf"^\|[^|]*`{name}`", page, re.M), name
        assert re.search(rf"^\| {name}\b", costs, re.M), name


# ---------------------------------------------------------------- without torch


def test_without_torch_there_is_one_sentence() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import expunge\nfrom expunge.methods.networks import NETWORK_METHODS\n"
        "assert 'SCRUB' in NETWORK_METHODS\n"
        "for name in ('networks', 'language'):\n"
        "    try:\n        __import__(f'expunge.{name}')\n"
        "    except expunge.errors.MissingExtraError as error:\n        print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["Networks need torch. Install it with: pip install 'expunge[torch]'."] * 2


def test_the_command_line_says_where_methods_for_networks_are() -> None:
    from expunge.workspace import list_network_methods
    from expunge.workspace.tabular.catalogue import resolve_method

    assert {"scrub", "cfk", "ssd", "l1-sparse"} <= {card.name for card in list_network_methods()}
    with pytest.raises(UnsupportedRequestError, match=r"expunge adopt NAME --task TASK .* --method scrub"):
        resolve_method("scrub", "classification")
