"""Factors of items by pairwise ranking, in PyTorch; needs the extra ``torch``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.extras import needs_torch
from expunge.methods.recommend.passes import Pass

with needs_torch("ShardedBPR needs"):
    import torch

__all__ = ["train_items"]

Integers = npt.NDArray[np.int64]


def train_items(
    starts: Integers,
    codes: Integers,
    first: npt.NDArray[np.float64],
    passes: Iterable[Pass],
    *,
    lr: float,
    decay: float,
) -> npt.NDArray[np.float64]:
    """Factors of items from histories, by BPR: what a user knows is to score above what is drawn at random.

    Parameters
    ----------
    starts, codes : ndarray of int64
        Items of user u: ``codes[starts[u]:starts[u + 1]]``.
    first : ndarray of shape (n_items, k)
        Factors to begin with; not written to. Those of users begin at the mean of their items.
    passes : iterable of Pass
        Batches of the interactions, and the items they are set against.
    lr, decay : float
        Step, and share of the factors that is taken off beside each gradient.

    Returns
    -------
    ndarray of float64, shape (n_items, k)

    Notes
    -----
    One thread: there the bits repeat. The gradient of log σ(x_ui - x_uj) in closed form, taken in steps of a batch,
    each factor divided by the root of its sum of squares (Adagrad).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            return _trained(starts, codes, first, passes, lr, decay)
    finally:
        torch.set_num_threads(threads)


def _trained(
    starts: Integers, codes: Integers, first: Any, passes: Iterable[Pass], lr: float, decay: float
) -> npt.NDArray[np.float64]:
    items = torch.from_numpy(first.astype(np.float32))
    of_user = torch.from_numpy(np.repeat(np.arange(len(starts) - 1), np.diff(starts)))
    of_item, n = torch.from_numpy(codes), len(items)
    users = torch.zeros((len(starts) - 1, items.shape[1])).index_add_(0, of_user, items[of_item])
    users /= torch.from_numpy(np.maximum(1, np.diff(starts)).astype(np.float32))[:, None]
    known = torch.from_numpy(np.repeat(np.arange(len(starts) - 1), np.diff(starts)) * n + codes)
    seen_users, seen_items = torch.full((len(users), 1), 1e-6), torch.full((n, 1), 1e-6)
    for drawn in passes:
        order, others = torch.from_numpy(drawn.order), torch.from_numpy(drawn.others)
        for start, end in itertools.pairwise(drawn.cuts.tolist()):
            at = order[start:end]
            u, i, j = of_user[at], of_item[at], others[at]
            pair = u * n + j
            place = torch.searchsorted(known, pair).clamp_(max=len(known) - 1)
            fresh = (known[place] != pair).float()[:, None]  # what the user knows is no counterexample
            U, V, W = users[u], items[i], items[j]
            slope = torch.sigmoid(-(U * (V - W)).sum(dim=1, keepdim=True)) * fresh
            for factors, squares, where, gradient in (
                (users, seen_users, u, slope * (V - W) - decay * U),
                (items, seen_items, torch.cat([i, j]), torch.cat([slope * U - decay * V, -slope * U - decay * W])),
            ):
                squares.index_add_(0, where, (gradient * gradient).mean(dim=1, keepdim=True))
                factors.index_add_(0, where, lr * gradient / squares[where].sqrt())
    return items.numpy().astype(np.float64)
