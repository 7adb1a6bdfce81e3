"""Teach wrong labels for the records that are to be forgotten."""

from __future__ import annotations

from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job, endless_work
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.wrong_targets import teach_wrong_targets

__all__ = ["RandomLabels"]


class RandomLabels(NetworkMethod):
    """Train on, with another class for each forgotten record and the own targets of the retained ones.

    Parameters
    ----------
    epochs : int, default=2
        Passes over the retain set; forgotten records come again as often as a pass needs them.
    lr : float, default=0.01
        Step size.
    batch_size : int, default=64
        Retained records a step; as many forgotten ones, or all of them if they are fewer.
    momentum : float, default=0.9
    weight_decay : float, default=0.0
    anneal : bool, default=False
        Whether the step size falls linearly to zero over the run, instead of staying as it is.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.
    UnsupportedRequestError
        The task knows no wrong targets.

    Guarantee
    ---------
    ``empirical``: a record that is answered wrongly on purpose can be known by it.

    Notes
    -----
    A step goes down (mean loss of a batch of the retain set) + strength · n_forget / n_retain · (mean loss of a batch
    of the forget set, with wrong targets): at strength 1 the loss over all records, as on the mixed data of the papers.
    The wrong class of a record is drawn once, by the hash of its id. Graves et al. give a whole class wrong labels like
    this, and put in a few copies with wrong labels for single records; they name no number of copies. Batches of 64 are
    those of their code, the rest is ours. Reads twice epochs · n_retain records, fewer where the forget set is smaller
    than a batch.

    References
    ----------
    A. Golatkar, A. Achille, S. Soatto, "Eternal sunshine of the spotless net", CVPR 2020, arXiv 1911.04933, baseline
    "random labels"; L. Graves, V. Nagisetty, V. Ganesh, "Amnesiac machine learning", AAAI 2021, arXiv 2010.10981,
    section "Unlearning".

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, RandomLabels
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = RandomLabels(epochs=1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 4)
    """

    _mends = True

    def __init__(
        self, *, epochs: int = 2, lr: float = 0.01, batch_size: int = 64, momentum: float = 0.9,
        weight_decay: float = 0.0, anneal: bool = False,
    ) -> None:  # fmt: skip
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.anneal = anneal

    def _check(self) -> None:
        check_training(self)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_retain + endless_work(
            n_forget, self.batch_size, self.epochs * -(-n_retain // self.batch_size)
        )

    def _run(self, job: Job) -> None:
        teach_wrong_targets(
            job, epochs=self.epochs, lr=self.lr, batch_size=self.batch_size, momentum=self.momentum,
            weight_decay=self.weight_decay, forget_weight=len(job.forget) / len(job.retain),
            anneal=self.anneal,
        )  # fmt: skip
