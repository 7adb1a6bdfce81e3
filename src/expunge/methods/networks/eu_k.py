"""The last k layers, trained again from nothing."""

from __future__ import annotations

from typing import ClassVar

from expunge.methods.networks.last_layers_method import LastLayersMethod

__all__ = ["EUK"]


class EUK(LastLayersMethod):
    """Draw the last k layers anew and train them on the retain set, with all layers before them frozen.

    Parameters
    ----------
    k : int, default=1
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
    UnsupportedEstimatorError
        One of these layers has no ``reset_parameters``.

    Guarantee
    ---------
    ``empirical``: the last k layers never saw the forgotten records, but what goes into them did.

    Notes
    -----
    Reads epochs · n_retain records. The paper trains as long as the original was trained (62 epochs in the authors'
    code, k from 1 to 7 for a ResNet-20; a normalisation is not counted there, and is trained but not drawn anew). The
    penalty of :class:`~expunge.methods.networks.limits.Limits` does not hold the drawing back; the steps after it carry
    it.

    References
    ----------
    S. Goel, A. Prabhu, A. Sanyal, S.-N. Lim, P. Torr, P. Kumaraguru, "Towards adversarial evaluations for inexact
    machine unlearning", 2022, arXiv 2201.06640, the definition of EU-k.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, EUK
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = EUK(k=1, epochs=2).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 6)
    """

    _anew: ClassVar[bool] = True

    def __init__(
        self, *, k: int = 1, epochs: int = 3, lr: float = 0.1, batch_size: int = 64, momentum: float = 0.9,
        weight_decay: float = 0.0, anneal: bool = False,
    ) -> None:  # fmt: skip
        self.k = k
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.anneal = anneal
