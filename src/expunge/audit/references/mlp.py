"""Small networks of all references at once: stacked weights, one mapped gradient a step (needs the extra ``torch``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.audit.inputs import Bools
from expunge.errors import InvalidDataError
from expunge.extras import needs_torch

__all__ = ["mlp_outputs"]

_BETAS, _TINY = (0.9, 0.999), 1e-8


def mlp_outputs(
    X: Any, y: Any, members: Bools, seeds: tuple[int, ...], *, query: Any = None, n_hidden: int = 64, epochs: int = 20,
    batch: int = 128, rate: float = 1e-3, n_classes: int | None = None, device: str = "cpu",
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Probabilities of networks with one hidden layer, one for each row of members.

    Parameters
    ----------
    X : array of shape (N, d)
        On a scale of about one.
    y : array of int, shape (N,)
    members : ndarray of bool, shape (m, N)
    seeds : tuple of int
        One for each model: its first weights and the order of its records.
    query : array of shape (n, d), optional
        Records to answer on; default: X.
    n_hidden, epochs, batch : int
    rate : float
        Of Adam (Kingma and Ba 2015, algorithm 1).
    n_classes : int, optional
    device : str
        As torch names it; nothing is chosen by itself.

    Returns
    -------
    ndarray of shape (m, n, k)

    Raises
    ------
    MissingExtraError
        torch is not installed.

    Notes
    -----
    Each model goes through its own records in its own order and takes no step when they are used up, so that it does
    not depend on its company, but for rounding.
    """
    with needs_torch():
        import torch
        from torch.func import grad, vmap
    rows, labels = np.asarray(X, dtype=np.float32), np.asarray(y)
    k = int(labels.max()) + 1 if n_classes is None else n_classes
    if members.ndim != 2 or members.shape[1] != len(rows) or len(seeds) != len(members):
        raise InvalidDataError(f"members of shape {members.shape}, {len(seeds)} seeds and {len(rows)} rows do not fit.")
    inputs = torch.as_tensor(rows, device=device)
    targets = torch.as_tensor(labels.astype(np.int64), device=device)
    weights = [
        torch.as_tensor(np.stack(part), device=device)
        for part in zip(*(_start(seed, rows.shape[1], n_hidden, k) for seed in seeds), strict=True)
    ]

    def loss(w: Any, at: Any, share: Any) -> Any:
        each = torch.nn.functional.cross_entropy(_forward(w, inputs[at]), targets[at], reduction="none")
        return (each * share).sum()

    step = vmap(grad(loss))
    first, second = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    count = torch.zeros(len(members), device=device)  # steps of each model: those whose records are used up take none
    for epoch in range(epochs):
        for at, share in _batches(members, seeds, epoch, batch):
            taking = torch.as_tensor(share.any(axis=1), device=device)
            count += taking
            gradients = step(tuple(weights), torch.as_tensor(at, device=device), torch.as_tensor(share, device=device))
            for j, g in enumerate(gradients):
                shape = (-1, *(1,) * (g.dim() - 1))
                steps, active = count.clamp(min=1).view(shape), taking.view(shape)
                first[j] = torch.where(active, first[j] * _BETAS[0] + g * (1 - _BETAS[0]), first[j])
                second[j] = torch.where(active, second[j] * _BETAS[1] + g * g * (1 - _BETAS[1]), second[j])
                size = rate * active / (1 - _BETAS[0] ** steps)
                weights[j] -= size * first[j] / ((second[j] / (1 - _BETAS[1] ** steps)).sqrt() + _TINY)
    asked = inputs if query is None else torch.as_tensor(np.asarray(query, dtype=np.float32), device=device)
    with torch.no_grad():
        logits = torch.stack([_forward([w[i] for w in weights], asked) for i in range(len(members))])
        return np.asarray(torch.softmax(logits.double(), dim=-1).cpu().numpy())


def _forward(weights: Any, inputs: Any) -> Any:
    first, first_bias, second, second_bias = weights
    return (inputs @ first + first_bias).relu() @ second + second_bias


def _start(seed: int, d: int, hidden: int, k: int) -> list[npt.NDArray[np.float32]]:
    """First weights: uniform within one over the root of the inputs, as torch's linear layers."""
    rng = np.random.default_rng([seed, 0])
    a, b = 1 / np.sqrt(d), 1 / np.sqrt(hidden)
    shapes = (((d, hidden), a), ((hidden,), a), ((hidden, k), b), ((k,), b))
    return [rng.uniform(-limit, limit, shape).astype(np.float32) for shape, limit in shapes]


def _batches(members: Bools, seeds: tuple[int, ...], epoch: int, batch: int) -> Any:
    """Positions and weights of shape (m, batch) of each step of an epoch; the weights of a model's batch sum to one."""
    longest = int(members.sum(axis=1).max())
    order = np.zeros((len(members), longest), dtype=np.int64)
    share = np.zeros((len(members), longest), dtype=np.float32)
    for i, (member, seed) in enumerate(zip(members, seeds, strict=True)):
        own = np.random.default_rng([seed, 1, epoch]).permutation(np.flatnonzero(member))
        order[i, : len(own)], share[i, : len(own)] = own, 1
    for at in range(0, longest, batch):
        of = share[:, at : at + batch]
        yield order[:, at : at + batch], of / np.maximum(of.sum(axis=1, keepdims=True), 1)
