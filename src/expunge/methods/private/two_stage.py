"""A private network up to its last layer, and a certified head behind it: both forget, and what it costs adds up."""

from __future__ import annotations

import copy
import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import InvalidParameterError, UnsupportedEstimatorError
from expunge.methods.certified.certified_linear import PARTS, Names
from expunge.methods.certified.logistic_regression import CertifiedLogisticRegression
from expunge.methods.networks.task import Task
from expunge.methods.private.private_network import PrivateNetwork
from expunge.records import Guarantee, Plan, Removal

__all__ = ["TwoStage"]

Floats = npt.NDArray[np.float64]


class TwoStage:
    """Classify by what a private network makes of the inputs, with a certified logistic regression on top.

    The network was trained under differential privacy, on these records or on others, so that up to ``group_size`` of
    them are forgotten by doing nothing to it; the head takes a Newton step. So hardly any noise stands where most of
    the accuracy is made.

    Parameters
    ----------
    network : PrivateNetwork
        What :class:`~expunge.methods.private.dp_sgd.DPSGD` gave, of a ``Sequential`` whose last layer is left out.
    head : CertifiedLogisticRegression, optional
        Unfitted. Rows that reach it are no longer than one; the default has alpha = 1, sigma = 0.3.

    Raises
    ------
    UnsupportedEstimatorError
        The network is no Sequential of two layers or more.
    InvalidParameterError
        The norm of rows is not one.

    Attributes
    ----------
    network : PrivateNetwork
    head : CertifiedLogisticRegression
        Fitted.

    Guarantee
    ---------
    ``certified``: epsilon and delta of the network and of the head add up (basic composition). The head is fitted on
    outputs of a network that is itself private with respect to the records, so the certificate of the head is that of a
    fit on fixed rows.

    Notes
    -----
    Forgetting costs what the head costs, O(d²) for each class, and a copy of its rows and matrices: both stages forget
    on copies, which take the place of the old ones once both are done. Once the network's noise hides no more the
    network is trained again, and so is the head.

    References
    ----------
    C. Guo, T. Goldstein, A. Hannun, L. van der Maaten, "Certified data removal from machine learning models", ICML
    2020, section 3.4: a private extractor, a removable head.

    Examples
    --------
    >>> from expunge.networks import Classification
    >>> from expunge.private import DPSGD
    >>> X = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    >>> task = Classification((X, (X[:, 0] > 0).astype("int64")))
    >>> model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    >>> private = DPSGD(epsilon=4.0, delta=1e-3, epochs=2, batch_size=300, group_size=2).fit(model, task)
    >>> stages = TwoStage(private).fit(task)
    >>> removal = stages.forget([3])
    >>> removal.work, removal.guarantee.delta
    (1, 0.00101)
    """

    _task: Task

    def __init__(self, network: PrivateNetwork, *, head: CertifiedLogisticRegression | None = None) -> None:
        layers = list(network.model.children())
        if not isinstance(network.model, nn.Sequential) or len(layers) < 2:
            raise UnsupportedEstimatorError(
                "The network must be a Sequential of two layers or more.", hint="Put the last layer behind the others."
            )
        if head is not None and head.norm_bound != 1.0:
            raise InvalidParameterError("Rows that reach the head are no longer than one.", hint="norm_bound=1.0.")
        self.network = network
        self._head = CertifiedLogisticRegression() if head is None else head
        self._coming: tuple[set[Any], CertifiedLogisticRegression] | None = None
        self._lock = threading.RLock()

    @property
    def head(self) -> CertifiedLogisticRegression:
        """The head of the network as it is."""
        if self._coming is not None:
            with self._lock:
                self._settle()
        return self._head

    def fit(self, task: Task) -> TwoStage:
        """Fit the head on what the network makes of the records that are not forgotten."""
        head = self._fitted(self.head, self.network, task)
        self.__dict__.update(_head=head, _task=task)
        return self

    def _settle(self) -> None:
        """The head that a removal has made takes its place if the network has forgotten, whatever came between."""
        if self._coming is not None:
            gone, head = self._coming
            is_done = not gone.intersection(self.network.record_ids_.tolist())
            self.__dict__.update(_head=head if is_done else self._head, _coming=None)

    @staticmethod
    def _fitted(head: CertifiedLogisticRegression, network: PrivateNetwork, task: Task) -> CertifiedLogisticRegression:
        positions = task.find(network.record_ids_)
        batch = task.batch(positions, torch.device("cpu"))
        rows = _features(network.model, batch.inputs)
        fitted: CertifiedLogisticRegression = head.fit(rows, np.asarray(batch.targets), record_ids=task.ids[positions])
        return fitted

    def features(self, inputs: Any) -> Floats:
        """Outputs of the layer before the last one, each row no longer than one, shape (n, d)."""
        return _features(self.network.model, inputs)

    def predict(self, inputs: Any) -> npt.NDArray[Any]:
        """The class of each input, shape (n,)."""
        return self.head.predict(self.features(inputs))

    def plan(self, ids: Any) -> Plan:
        """What :meth:`forget` would cost and promise; changes nothing."""
        with self._lock:
            below = self.network.plan(ids)
            if len(below.touched) > 1:  # trained again, and the head is fitted anew
                left = len(self.network.record_ids_) - below.n_records
                guarantee, touched, low, high = self.head._guarantee_after(None), PARTS, left, left + below.work_high
            else:
                above = self.head.plan(ids)
                guarantee, touched, low, high = above.guarantee, above.touched, above.work_low, above.work_high
        return Plan(
            guarantee=_together(below.guarantee, guarantee), n_records=below.n_records, work_low=low,
            work_high=high, touched=(*below.touched, *touched),
        )  # fmt: skip

    def forget(self, ids: Any) -> Removal:
        """Forget in both stages.

        Raises
        ------
        UnknownRecordError, DuplicateRecordError, BudgetExhaustedError
            As both say; neither has changed then.
        """
        with self._lock, self.network.lock:
            start = time.perf_counter()
            network, head = self.network.copied(), copy.deepcopy(self.head)
            above: tuple[int, Names, Names]
            below = network.forget(ids)
            if len(below.touched) > 1:
                head = self._fitted(head, network, self._task)
                guarantee, above = head._guarantee_after(None), (len(head.record_ids_), PARTS, ())
            else:
                done = head.forget(ids)
                guarantee, above = done.guarantee, (done.work, done.touched, done.notes)
            gone = set(self.network.record_ids_.tolist()) - set(network.record_ids_.tolist())
            self._coming = gone, head
            self.network.take(network)
            self._settle()
        work, touched, notes = above
        return Removal(
            guarantee=_together(below.guarantee, guarantee), n_forgotten=below.n_forgotten, work=below.work + work,
            elapsed_s=time.perf_counter() - start, touched=(*below.touched, *touched), notes=(*below.notes, *notes),
        )  # fmt: skip


def _features(model: nn.Module, inputs: Any) -> Floats:
    with torch.no_grad():
        rows = nn.Sequential(*list(model.children())[:-1])(torch.as_tensor(inputs)).flatten(1)
    found = rows.cpu().numpy().astype(np.float64)
    return np.asarray(found / max(1.0, np.sqrt(found.shape[1])))


def _together(below: Guarantee, above: Guarantee) -> Guarantee:
    """What both promise: their budgets add up."""
    epsilon = (below.epsilon or 0.0) + (above.epsilon or 0.0)
    delta = (below.delta or 0.0) + (above.delta or 0.0)
    return Guarantee(
        kind="certified", epsilon=epsilon, delta=delta,
        statement=(
            f"({epsilon:.4g}, {delta:g}) in all. Network: {below.statement}. Head: {above.statement}"
        ),
        assumptions=tuple(dict.fromkeys((*below.assumptions, *above.assumptions))),
    )  # fmt: skip
