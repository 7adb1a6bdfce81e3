"""Catastrophic forgetting of the last k layers."""

from __future__ import annotations

from typing import ClassVar

from expunge.methods.networks.last_layers_method import LastLayersMethod

__all__ = ["CFK"]


class CFK(LastLayersMethod):
    """Train the last k layers on, on the retain set, with all layers before them frozen.

    Parameters
    ----------
    k : int, default=2
        Layers with parameters, counted from the end.
    epochs : int, default=3
        Passes over the retain set.
    lr : float, default=0.1
        Step size; the strength of ``forget`` scales it.
    batch_size : int, default=64
    momentum : float, default=0.9
    weight_decay : float, default=0.0
    anneal : bool, default=False
        Whether the step size falls linearly to zero over the run, instead of staying as it is.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range, or more layers than the model has.

    Guarantee
    ---------
    ``empirical``: the layers before the last k stay as the forgotten records left them.

    Notes
    -----
    Reads epochs · n_retain records; the backward pass ends at the first layer that is trained. Running statistics of
    normalisations are renewed in all layers. k is to be chosen: the paper tries several for each network, and its code
    does not count a normalisation, which is trained with the layer before it.

    References
    ----------
    S. Goel, A. Prabhu, A. Sanyal, S.-N. Lim, P. Torr, P. Kumaraguru, "Towards adversarial evaluations for inexact
    machine unlearning", 2022, arXiv 2201.06640, the definition of CF-k.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import CFK, Classification
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = CFK(k=1, epochs=1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 3)
    """

    _anew: ClassVar[bool] = False

    def __init__(
        self, *, k: int = 2, epochs: int = 3, lr: float = 0.1, batch_size: int = 64, momentum: float = 0.9,
        weight_decay: float = 0.0, anneal: bool = False,
    ) -> None:  # fmt: skip
        self.k = k
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.anneal = anneal
