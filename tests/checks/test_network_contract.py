"""Every method for networks keeps the contract of networks."""

from __future__ import annotations

import copy
import inspect

import pytest

torch = pytest.importorskip("torch")

from expunge import networks  # noqa: E402 - torch may be absent
from expunge.checks.networks import NETWORK_CHECKS, NetworkCase, check_network_method, promises  # noqa: E402
from expunge.checks.networks.case import N_RECORDS, small_task  # noqa: E402

#: How many methods for networks there are; a new one comes with a case below.
N_METHODS = 20


def logged(model: torch.nn.Module) -> networks.Amnesiac:
    """A log of a few steps that were taken on four records each."""
    task, log = small_task(), networks.UpdateLog(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for start in range(0, N_RECORDS, 4):
        batch = task.batch(torch.arange(start, start + 4).numpy(), torch.device("cpu"))
        optimizer.zero_grad()
        task.losses(model(batch.inputs), batch.targets).mean().backward()
        with log.step([f"r-{i:02d}" for i in range(start, start + 4)]):
            optimizer.step()
    return networks.Amnesiac(log=log, batch_size=8)


def from_start(model: torch.nn.Module) -> networks.SingleStep:
    return networks.SingleStep(start={n: 0.5 * p for n, p in copy.deepcopy(model.state_dict()).items()})


SMALL = {"batch_size": 8}
ANNEALED: dict[str, list[object]] = {"anneal": [True]}
OPTIMIZERS: dict[str, list[object]] = {"optimizer": ["adam"], **ANNEALED}
CASES = {
    "Amnesiac": NetworkCase(logged, alternatives={"log": [networks.UpdateLog(torch.nn.Linear(1, 1))]}),
    "BadTeacher": NetworkCase(networks.BadTeacher(**SMALL, optimizer="sgd", epochs=3), alternatives=OPTIMIZERS),
    "CFK": NetworkCase(networks.CFK(**SMALL, k=1, epochs=2), alternatives=ANNEALED),
    "EUK": NetworkCase(networks.EUK(**SMALL, k=1, epochs=2), alternatives=ANNEALED),
    "FineTuning": NetworkCase(networks.FineTuning(**SMALL, epochs=2), alternatives=OPTIMIZERS),
    "FisherForgetting": NetworkCase(networks.FisherForgetting(chunk=8)),
    "GradientAscent": NetworkCase(networks.GradientAscent(lr=0.1, batch_size=2), alternatives={"batch_size": [1]}),
    "GradientStep": NetworkCase(networks.GradientStep(rate=0.1)),
    "L1Sparse": NetworkCase(networks.L1Sparse(**SMALL, epochs=2), alternatives=ANNEALED),
    "NegGradPlus": NetworkCase(networks.NegGradPlus(**SMALL), alternatives=ANNEALED),
    "NewtonStep": NetworkCase(
        networks.NewtonStep(max_iter=4, tol=1e-9, max_samples=16, batch_size=8),
        alternatives={
            "solver": ["lissa"], "curvature": ["hessian"], "gradient": ["forget"], "tol": [0.9], "max_samples": [5],
            "scale": [], "batch_size": [],
        },
    ),
    "NewtonStep-lissa": NetworkCase(
        networks.NewtonStep(solver="lissa", max_iter=4, max_samples=18, batch_size=8),
        alternatives={"solver": ["ekfac"], "tol": [], "batch_size": [4], "max_samples": [5]},
    ),
    "NewtonStep-ekfac": NetworkCase(
        networks.NewtonStep(solver="ekfac"),
        alternatives={"solver": ["kfac"], "tol": [], "scale": [], "max_iter": [], "batch_size": [],
                      "max_samples": [5]},
    ),
    "NoisyFineTuning": NetworkCase(
        networks.NoisyFineTuning(**SMALL, n_steps=5, epochs=1, delta=1e-3, noise_seed=0),
        alternatives={"clip": ["model"], "n_steps": [6], "noise_seed": [1]},
    ),
    "NoisyFineTuning-models": NetworkCase(
        networks.NoisyFineTuning(**SMALL, clip="model", n_steps=5, epochs=1, delta=1e-3, noise_seed=0),
        alternatives={"max_grad_norm": [], "n_steps": [6], "noise_seed": [1]},
    ),
    "PrimalDual": NetworkCase(networks.PrimalDual(**SMALL, level=3.0), alternatives=ANNEALED),
    "PruneFirst": NetworkCase(networks.PruneFirst(**SMALL, epochs=2), alternatives=ANNEALED),
    "RandomLabels": NetworkCase(networks.RandomLabels(**SMALL), alternatives=ANNEALED),
    "SCRUB": NetworkCase(
        networks.SCRUB(**SMALL, forget_batch_size=2, optimizer="sgd"),
        alternatives={**OPTIMIZERS, "max_epochs": [1], "forget_batch_size": [1], "held_out": []},
    ),
    "SCRUB-rewound": NetworkCase(
        networks.SCRUB(**SMALL, forget_batch_size=2, optimizer="sgd", lr=0.3, held_out=small_task()),
        alternatives={**OPTIMIZERS, "max_epochs": [0], "forget_batch_size": [1], "held_out": [3], "epochs": []},
    ),
    "SSD": NetworkCase(networks.SSD(alpha=1.0, chunk=8), alternatives={"alpha": [3.0]}),
    "SalUn": NetworkCase(networks.SalUn(**SMALL), alternatives=ANNEALED),
    "StandIns": NetworkCase(
        networks.StandIns(**SMALL, bounds=(-2.0, 2.0), noise_seed=0),
        alternatives={"bounds": [(-3.0, 3.0)], "noise_seed": [1]},
    ),
    "SingleStep": NetworkCase(from_start, alternatives={"start": [{}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_method_keeps_the_contract(name: str) -> None:
    failed = [str(r) for r in check_network_method(CASES[name], on_fail=None) if r.status != "passed"]
    assert not failed, "\n".join(failed)


#: K-FAC has no factors of a normalisation, and running statistics have no clipping.
WITHOUT_NORMALISATION = {"NewtonStep-ekfac", "NoisyFineTuning", "NoisyFineTuning-models"}


@pytest.mark.parametrize(
    "name", sorted(CASES.keys() - WITHOUT_NORMALISATION - {"Amnesiac", "SCRUB-rewound", "SingleStep"})
)
def test_with_a_batch_normalisation(name: str) -> None:
    case = NetworkCase(CASES[name].estimator, normalised=True)
    for check in NETWORK_CHECKS[1:5]:
        check(case)


def test_every_method_has_a_case() -> None:
    assert len(networks.NETWORK_METHODS) == N_METHODS
    assert {name.partition("-")[0] for name in CASES} == set(networks.NETWORK_METHODS)
    for name, target in networks.NETWORK_METHODS.items():
        assert f"{getattr(networks, name).__module__}:{name}" == target


def test_list_holds_every_check_once() -> None:
    defined = [f for n, f in inspect.getmembers(promises, inspect.isfunction) if n.startswith("check_")]
    assert set(NETWORK_CHECKS) == {f for f in defined if f.__module__ == promises.__name__}
    assert len(NETWORK_CHECKS) == len(set(NETWORK_CHECKS)) == 13


class ChangesTheInput(networks.GradientAscent):
    def forget(self, model, *args, **keywords):  # type: ignore[no-untyped-def]
        new, removal = super().forget(model, *args, **keywords)
        with torch.no_grad():
            next(model.parameters()).add_(1.0)
        return new, removal


class DrawsFromTheProcess(networks.GradientAscent):
    def forget(self, *args, **keywords):  # type: ignore[no-untyped-def]
        torch.rand(1)
        return super().forget(*args, **keywords)


class ReadsMore(networks.GradientAscent):
    def _run(self, job):  # type: ignore[no-untyped-def]
        job.task.batch(job.retain, job.device)
        super()._run(job)


class ForgetsThePenalty(networks.GradientAscent):
    def _run(self, job):  # type: ignore[no-untyped-def]
        job.assign({name: value + 1 for name, value in job.start().items()})


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (ChangesTheInput, "is_not_changed"), (DrawsFromTheProcess, "no_global_seed"), (ReadsMore, "counted_work"),
        (ForgetsThePenalty, "beyond_its_limits"),
    ],
)  # fmt: skip
def test_a_wrong_method_is_caught(kind: type, check: str) -> None:
    results = check_network_method(NetworkCase(kind(lr=0.1)), on_fail=None)
    assert [r.status for r in results if check in r.check] == ["failed"], list(map(str, results))
