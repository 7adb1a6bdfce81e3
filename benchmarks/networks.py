"""What the methods for networks cost, in units of a training epoch, and what factors of layers save.

python benchmarks/networks.py             prints the three tables: about five minutes of one core
python benchmarks/networks.py --page      puts them into docs/networks.md, too
python benchmarks/networks.py --small     few records, each once: to see that it runs, in seconds

A small convolutional network on Fashion-MNIST where the file is there, else on scikit-learn's digits; one thread. Times
are processor time, which other work on the machine does not stretch.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import measure
import numpy as np
import torch
from pieces import put
from torch import nn

from expunge import networks
from expunge.maths.ghost import gradient_products, gradient_square_norms
from expunge.maths.layers import taped
from expunge.maths.sample_gradients import sample_gradients
from expunge.methods.networks.functional import functional_losses

BATCH = 64
PAGE = Path(__file__).resolve().parents[1] / "docs" / "networks.md"


class Size(NamedTuple):
    """How much is measured: records, how many of them go, calls, gradients of single records, records replayed."""

    n: int = 2000
    n_forget: int = 200
    repeats: int = 5
    n_gradients: int = 256
    n_replayed: int = 8


SMALL = Size(n=128, n_forget=16, repeats=1, n_gradients=16, n_replayed=1)


def data(n: int = 2000) -> tuple[str, torch.Tensor, torch.Tensor]:
    """Name, pictures and labels."""
    path = measure.DATA / "fashion_mnist.npz"
    if path.exists():
        with np.load(path) as file:
            X, y, name = file["x_train"][:n] / 255.0, file["y_train"][:n], "Fashion-MNIST"
    else:
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        X, y, name = X[:n].reshape(-1, 8, 8) / 16, y[:n], "digits"
    return name, torch.as_tensor(X, dtype=torch.float32)[:, None], torch.as_tensor(y.astype(np.int64))


def network(side: int) -> nn.Module:
    """Two convolutions and two linear layers."""
    torch.manual_seed(0)
    size = 16 * (side // 4) ** 2
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(size, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def epoch(model: nn.Module, X: torch.Tensor, y: torch.Tensor, after: Callable[[Any], Any] | None = None) -> None:
    """One pass of plain training."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for start in range(0, len(X), BATCH):
        part = slice(start, start + BATCH)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X[part]), y[part]).backward()
        if after is None:
            optimizer.step()
        else:
            with after(range(start, min(start + BATCH, len(X)))):
                optimizer.step()
    model.eval()


def peak_mib(action: Callable[[], Any]) -> float | None:
    """How far resident memory rises above where it was (Linux)."""
    status, refs = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not refs.exists():
        return None
    ctypes.CDLL(None).malloc_trim(0)
    refs.write_text("5")

    def read(field: str) -> int:
        return int(next(row for row in status.read_text().splitlines() if row.startswith(field)).split()[1])

    before = read("VmRSS")
    action()
    return (read("VmHWM") - before) / 1024


def costs(size: Size) -> str:
    """Each method against one epoch of training on all records."""
    name, X, y = data(size.n)
    model = network(X.shape[-1])
    start = {key: value.clone() for key, value in model.state_dict().items()}
    log = networks.UpdateLog(model, sensitive=range(size.n_forget))
    for number in range(10):
        epoch(model, X, y, log.step if number == 0 else None)
    task, ids = networks.Classification(torch.utils.data.TensorDataset(X, y)), range(size.n_forget)
    given = {"Amnesiac": {"log": log}, "SingleStep": {"start": start}}
    methods = {key: getattr(networks, key)(**given.get(key, {})) for key in networks.NETWORK_METHODS}
    methods["NewtonStep, ekfac"] = networks.NewtonStep(solver="ekfac", damping=0.1)
    of_training = network(X.shape[-1])
    rows = []
    memory = peak_mib(lambda: epoch(of_training, X, y))
    rows.append(["one epoch of training", f"{len(X):,}", "1", "" if memory is None else f"{memory:.0f}"])
    for key, method in methods.items():
        times = measure.in_turn(
            {
                "epoch": lambda: epoch(of_training, X, y),
                "method": lambda method=method: method.forget(model, task, ids),  # type: ignore[dict-item]
            },
            repeats=size.repeats, clock=time.process_time,
        )  # fmt: skip
        memory = peak_mib(lambda method=method: method.forget(model, task, ids))  # type: ignore[misc]
        work = method.plan(model, task, ids).work_high
        share = measure.ratio(times["method"], times["epoch"])
        rows.append([key, f"{work:,}", share, "" if memory is None else f"{memory:.0f}"])
    return measure.table(
        f"Networks: cost of forgetting {size.n_forget} of {len(X):,} records of {name}",
        [
            "method, with its defaults",
            "records read (plan)",
            "time, in epochs of training: median (range)",
            "memory at the peak, MiB more",
        ],
        rows,
        f"Median and range of {size.repeats}, in processor time on one thread; {measure.machine()}, torch "
        f"{torch.__version__}. The time holds the utility report, which is not in the records read.",
    )


def factors(size: Size) -> str:
    """Norms and products of gradients of single records, three ways."""
    name, X, y = data(n := size.n_gradients)
    model = network(X.shape[-1]).eval()
    task = networks.Classification(torch.utils.data.TensorDataset(X, y))
    losses, params = functional_losses(task, model, {key: p.detach() for key, p in model.named_parameters()})

    def loop() -> torch.Tensor:
        rows = []
        for i in range(n):
            model.zero_grad()
            nn.functional.cross_entropy(model(X[i : i + 1]), y[i : i + 1]).backward()
            rows.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        return torch.stack(rows)

    def whole() -> torch.Tensor:
        found = sample_gradients(losses, params, X, y, chunk=64)
        return torch.cat([value.flatten(1) for value in found.values()], dim=1)

    def loop_norms() -> torch.Tensor:
        found = []
        for i in range(n):
            model.zero_grad()
            nn.functional.cross_entropy(model(X[i : i + 1]), y[i : i + 1]).backward()
            found.append(sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None))
        return torch.tensor(found)

    def ghost(length: int) -> list[Any]:
        with taped(model) as tape:
            return [
                dict(tape.factors(nn.functional.cross_entropy(model(x), t, reduction="none")))
                for x, t in zip(X.split(length), y.split(length), strict=True)
            ]

    def ghost_norms() -> torch.Tensor:
        out = []
        with taped(model) as tape:
            for x, t in zip(X.split(n // 2), y.split(n // 2), strict=True):
                losses_ = nn.functional.cross_entropy(model(x), t, reduction="none")
                out.append(gradient_square_norms(dict(tape.factors(losses_))))
        return torch.cat(out)

    actions: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "loop over records": (loop_norms, lambda: (rows := loop()) @ rows.T),
        "all gradients at once (vmap)": (lambda: whole().square().sum(dim=1), lambda: (rows := whole()) @ rows.T),
        "factors of the layers (ghost form)": (ghost_norms, lambda: gradient_products(f := ghost(n)[0], f)),
    }
    rows = []
    times = [
        measure.in_turn({key: pair[i] for key, pair in actions.items()}, repeats=size.repeats, clock=time.process_time)
        for i in (0, 1)
    ]
    first = "loop over records"
    both = measure.in_turn(
        {"floor": lambda: nn.functional.cross_entropy(model(X), y).backward()}, repeats=size.repeats,
        clock=time.process_time,
    )  # fmt: skip
    floor = both["floor"]
    for key, pair in actions.items():
        faster = [statistics.median(a / b for a, b in zip(t[first], t[key], strict=True)) for t in times]
        memory = peak_mib(pair[1])
        rows.append(
            [key, measure.middle(times[0][key]), f"{faster[0]:.1f} x", measure.middle(times[1][key]),
             f"{faster[1]:.1f} x", "" if memory is None else f"{memory:.0f}"]
        )  # fmt: skip
    n_weights = sum(p.numel() for p in model.parameters())
    return measure.table(
        f"Networks: norms and all inner products of the gradients of {n} records of {name}",
        ["how", "norms", "against the loop", "products", "against the loop", "memory at the peak, MiB more"],
        rows,
        f"{n_weights:,} weights: all gradients together are {4 * n * n_weights / 2**20:.0f} MiB. The target is at "
        "least 5 x for the ghost form. Floor: one forward and one backward pass of the batch, as the network stands, "
        f"{measure.middle(floor)}. Median and range of {size.repeats}, in processor time on one thread; "
        f"{measure.machine()}, torch {torch.__version__}.",
    )


def replay(size: Size) -> str:
    """What exact forgetting by replay costs, as a share of a training."""
    name, X, y = data(size.n)
    task = networks.Classification(torch.utils.data.TensorDataset(X, y))
    late, clock = dict.fromkeys(range(size.n_forget), 4), time.process_time
    rows = []
    for what, epochs, entry, bound in (
        ("5 epochs, all enter at once", 5, None, "at least 1 - 1/10 = 90 %"),
        ("5 epochs, those who leave enter in the last", 5, late, "about 10 %"),
        ("a single epoch", 1, None, "about 50 %"),
    ):
        trainer = networks.ReplayTrainer(
            model=network(X.shape[-1]), epochs=epochs, n_batches=32, checkpoint_every=1, lr=0.05
        )
        fits = [
            measure.seconds(lambda t=trainer, e=entry: t.fit(task, entry=e), clock=clock)  # type: ignore[misc]
            for _ in range(2)
        ]
        times, works, full = [], [], epochs * len(X) - (0 if entry is None else 4 * size.n_forget)
        for i in range(0, size.n_forget, size.n_forget // size.n_replayed):
            works.append(trainer.plan([i]).work_high / full)
            took = measure.seconds(lambda t=trainer, i=i: t.forget([i]), clock=clock)  # type: ignore[misc]
            times.append(took / min(fits))
        spread = f"{statistics.median(times):.0%} ({min(times):.0%} to {max(times):.0%})"
        rows.append([what, bound, f"{statistics.mean(works):.0%}", spread])
    return measure.table(
        f"Networks: one record forgotten exactly by replay ({name}, a checkpoint before every step)",
        ["training", "expected", "records read (mean)", f"time (median of {size.n_replayed})"],
        rows,
        f"Both against a training of all records; processor time on one thread; {measure.machine()}, torch "
        f"{torch.__version__}.",
    )


TABLES = {"costs": costs, "factors": factors, "replay": replay}


def main(*, small: bool = False, page: bool = False) -> str:
    """All tables; put into the page as soon as each is there."""
    torch.set_num_threads(1)
    parts = []
    for what, make in TABLES.items():
        parts.append(make(SMALL if small else Size()))
        if page and not small:
            put(PAGE, what, parts[-1].partition("\n\n")[2])
    return "\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--small", action="store_true")
    print(main(**vars(parser.parse_args())))
