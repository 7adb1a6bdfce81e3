"""Wrong labels, for the weights alone that the forgotten records pull at."""

from __future__ import annotations

from expunge.arguments import check_number
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job, endless_work
from expunge.methods.networks.largest import largest
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.wrong_targets import teach_wrong_targets

__all__ = ["SalUn"]


class SalUn(NetworkMethod):
    """Saliency unlearning: teach wrong labels for the forget set, changing salient weights only.

    Parameters
    ----------
    share : float, default=0.5
        Share of the weights that may change, in (0, 1]: those with the largest gradient of the forget set's loss. One
        half is the paper's (the median as threshold).
    retain_weight : float, default=10.0
        Weight of the loss on the retain set, α.
    epochs : int, default=1
        Passes over the retain set.
    lr : float, default=0.003
    batch_size : int, default=64
        Records of each set a step.
    momentum : float, default=0.9
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
    ``empirical``.

    Notes
    -----
    The mask is 1 where |∂ mean_forget loss / ∂θ₀| is at least its quantile; a step goes down strength · (loss of the
    forget batch with wrong targets) + α · (loss of the retain batch), with the gradient masked. Wrong targets as in
    :class:`~expunge.methods.networks.random_labels.RandomLabels`; the authors' code draws among all classes, the own
    one too, and goes over the forget set before the retain set in each of 10 epochs, at 0.013 for 10 % of CIFAR-10.
    Other defaults than the share are ours, tuned on a small network.

    References
    ----------
    C. Fan, J. Liu, Y. Zhang, E. Wong, D. Wei, S. Liu, "SalUn: empowering machine unlearning via gradient-based weight
    saliency in both image classification and generation", ICLR 2024, arXiv 2310.12508, the equations of the saliency
    mask and of the objective for classification.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, SalUn
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = SalUn(share=0.5).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 5)
    """

    _mends = True

    def __init__(
        self, *, share: float = 0.5, retain_weight: float = 10.0, epochs: int = 1, lr: float = 0.003,
        batch_size: int = 64, momentum: float = 0.9, anneal: bool = False,
    ) -> None:  # fmt: skip
        self.share = share
        self.retain_weight = retain_weight
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.anneal = anneal

    def _check(self) -> None:
        check_training(self)
        check_number("share", self.share, high=1.0, open_low=True)
        check_number("retain_weight", self.retain_weight)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        steps = self.epochs * -(-n_retain // self.batch_size)
        return n_forget + self.epochs * n_retain + endless_work(n_forget, self.batch_size, steps)

    def _run(self, job: Job) -> None:
        teach_wrong_targets(
            job, epochs=self.epochs, lr=self.lr, batch_size=self.batch_size, momentum=self.momentum,
            retain_weight=self.retain_weight, mask=largest(job.mean_gradient(job.forget), self.share),
            anneal=self.anneal,
        )  # fmt: skip
