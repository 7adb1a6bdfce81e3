"""The same seed gives the same network: randomness from one seed, and nothing of the process is changed by it.

Layers that draw (dropout, the first weights of a layer) read the generator of the process or of the device. Inside
:func:`repeatable` these have been seeded; at the end they are what they were, to the last bit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["device_of", "repeatable", "threads"]

#: Layers draw from a generator that the process has once, so that one thread trains at a time.
_ONE_AT_A_TIME = threading.RLock()


def device_of(model: nn.Module) -> torch.device:
    """Where the model is, and so where it forgets: no device is chosen for you."""
    return next(iter(model.parameters())).device


@contextmanager
def repeatable(seed: int, device: torch.device) -> Iterator[torch.Generator]:
    """Seeded generators and deterministic kernels, for a while.

    Parameters
    ----------
    seed : int
    device : torch.device

    Yields
    ------
    torch.Generator
        On the CPU, for draws of one's own; independent of those of the layers.

    Notes
    -----
    On one machine with the same number of threads a CPU repeats its bits; so does one GPU, where every operation has a
    deterministic kernel (one that has not warns). Other Python threads that ask for it wait until the first one has
    left.
    """
    with _ONE_AT_A_TIME:
        yield from _seeded(seed, device)


def _seeded(seed: int, device: torch.device) -> Iterator[torch.Generator]:
    cpu = torch.random.get_rng_state()
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    tuned = torch.backends.cudnn.benchmark
    generator = torch.Generator().manual_seed(seed)
    try:
        torch.default_generator.manual_seed(seed + 1)
        if cuda is not None:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed + 1)
            torch.backends.cudnn.benchmark = False
            torch.use_deterministic_algorithms(True, warn_only=True)
        yield generator
    finally:
        torch.random.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, device)
            torch.backends.cudnn.benchmark = tuned
            torch.use_deterministic_algorithms(strict, warn_only=warns)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """So many threads of torch, for a while: they decide in which order sums are taken. Others wait, as above."""
    with _ONE_AT_A_TIME:
        before = torch.get_num_threads()
        torch.set_num_threads(n)
        try:
            yield
        finally:
            torch.set_num_threads(before)
