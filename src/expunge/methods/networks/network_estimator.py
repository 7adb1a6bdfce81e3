"""A network as a scikit-learn estimator that can be trained slice by slice, on top of skorch."""

from __future__ import annotations

import copy
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import skorch
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils.metaestimators import available_if
from torch import nn

from expunge.errors import InvalidDataError
from expunge.methods.networks.blueprint import Blueprint, find_blueprint
from expunge.methods.networks.checkpoints import Checkpoint
from expunge.methods.networks.modes import set_mode
from expunge.methods.networks.repeatable import repeatable, threads
from expunge.methods.networks.task import Task
from expunge.methods.networks.weights import filled, part_of
from expunge.validation import text_table

__all__ = ["NetworkEstimator"]

Floats = npt.NDArray[np.float64]


def _is_classifier(model: Any) -> bool:
    return model.task is None or find_blueprint(model.task).kind == "classification"


class NetworkEstimator(BaseEstimator):
    """A network for ``SISAClassifier``, ``SISARegressor`` and ``Retrain...``: trained by skorch, kept as arrays.

    Parameters
    ----------
    task : str
        Name of a blueprint: an entry point in the group ``expunge.tasks``, or one that was registered.
    epochs : int, default=10
        Passes over the records of a fit; of training in slices, of each step.
    lr : float, default=0.01
    batch_size : int, default=32
        Batches are runs of the records in the order they are given, which SISA makes that of their hash.
    optimizer : {"sgd", "adam"}, default="sgd"
    momentum : float, default=0.9
        Of SGD.
    weight_decay : float, default=0.0
    random_state : int, default=0
        Of the first weights and of what layers draw.

    Attributes
    ----------
    state_ : dict of str to ndarray
        Weights and buffers, and the state of the optimizer, under "model/" and "optimizer/".
    classes_ : ndarray of shape (n_classes,)

    Notes
    -----
    ``fit`` begins with first weights; ``partial_fit`` goes on from the state, that of the optimizer included, so that a
    slice of SISA is a checkpoint in the full sense. One thread of the CPU: there the bits repeat. Nothing in ``state_``
    names code, so a file of it is data.

    References
    ----------
    L. Bourtoule et al., "Machine unlearning", IEEE S&P 2021 (arXiv 1912.03817), section IV-B: slicing.

    Examples
    --------
    >>> import expunge
    >>> from expunge.networks import Blueprint, register
    >>> class Line(Blueprint):
    ...     def network(self, n_features, n_outputs):
    ...         return nn.Linear(n_features, n_outputs)
    >>> register("line", Line)
    >>> X, y = np.eye(12), np.array(["a", "b"] * 6)
    >>> model = expunge.SISAClassifier(NetworkEstimator(task="line"), n_shards=2, n_slices=2).fit(X, y)
    >>> model.forget([4]).guarantee.kind
    'exact'
    """

    state_: dict[str, npt.NDArray[Any]]
    classes_: npt.NDArray[Any]
    n_features_in_: int

    def __init__(
        self, *, task: Any = None, epochs: int = 10, lr: float = 0.01, batch_size: int = 32,
        optimizer: Literal["sgd", "adam"] = "sgd", momentum: float = 0.9, weight_decay: float = 0.0,
        random_state: int = 0,
    ) -> None:  # fmt: skip
        self.task = task
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.string = find_blueprint(self.task).texts
        if _is_classifier(self):
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    def fit(self, X: Any, y: Any) -> NetworkEstimator:
        """Train from first weights."""
        for name in ("state_", "classes_"):
            self.__dict__.pop(name, None)
        return self.partial_fit(X, y)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> NetworkEstimator:
        """Train on, from the state that there is; the classes are those of the first call.

        Raises
        ------
        InvalidDataError
            A class for which the network has no output.
        """
        after = copy.copy(self)
        after._train(X, np.asarray(y), classes)
        self.__dict__.update(after.__dict__)  # all in one, so that an interruption leaves the old state or the new one
        return self

    def _train(self, X: Any, y: npt.NDArray[Any], classes: Any) -> None:
        rows = self._rows(X)
        if "classes_" not in self.__dict__ and _is_classifier(self):
            self.classes_ = np.unique(y) if classes is None else np.asarray(classes)
        self.n_features_in_ = rows.shape[1]
        blueprint = find_blueprint(self.task)
        if _is_classifier(self):
            if strange := set(y.tolist()) - set(self.classes_.tolist()):
                raise InvalidDataError(f"The network has no output for the class {strange.pop()!r}.", hint="Fit anew.")
            targets = torch.as_tensor(np.searchsorted(self.classes_, y))
        else:
            targets = torch.as_tensor(y.astype(np.float32))
        inputs = blueprint.inputs(rows)
        task = blueprint.task(inputs, targets, np.arange(len(rows)))
        with repeatable(int(self.random_state), torch.device("cpu")), threads(1), torch.enable_grad():
            net = self._net(blueprint, task)
            if "state_" in self.__dict__:
                Checkpoint.of_part({"step": 0, **self.state_}, net.optimizer_).restore(net.module_, net.optimizer_)
            net.partial_fit(inputs, targets)
        state = Checkpoint.of(0, net.module_, net.optimizer_).part()
        self.state_ = {name: array for name, array in state.items() if name != "step"}

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Classes, or values, shape (n,)."""
        outputs = self._forward(X)
        if _is_classifier(self):
            return np.asarray(self.classes_[outputs.argmax(axis=1)])
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    @available_if(_is_classifier)
    def predict_proba(self, X: Any) -> Floats:
        """Softmax over the outputs, shape (n, n_classes)."""
        outputs = self._forward(X)
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(outputs / outputs.sum(axis=1, keepdims=True))

    def _rows(self, X: Any) -> npt.NDArray[Any]:
        if find_blueprint(self.task).texts:
            return np.array(text_table(X), dtype=object)
        return np.array(X.to_numpy() if hasattr(X, "to_numpy") else X, dtype=np.float64)

    def _net(self, blueprint: Blueprint, task: Task) -> Any:
        module = self._module(blueprint)
        adam = {"optimizer": torch.optim.Adam}
        sgd = {"optimizer": torch.optim.SGD, "optimizer__momentum": self.momentum}
        net = _Net(
            module, criterion=_MeanLoss, criterion__task=task, lr=self.lr, max_epochs=self.epochs,
            batch_size=self.batch_size, train_split=None, verbose=0, device="cpu",
            optimizer__weight_decay=self.weight_decay, **(adam if self.optimizer == "adam" else sgd),
        )  # fmt: skip
        return net.initialize()

    def _module(self, blueprint: Blueprint) -> nn.Module:
        return blueprint.network(self.n_features_in_, len(self.classes_) if _is_classifier(self) else 1)

    def _forward(self, X: Any) -> Floats:
        blueprint = find_blueprint(self.task)
        with repeatable(0, torch.device("cpu")), threads(1), torch.no_grad():
            network = filled(self._module(blueprint), part_of(self.state_, "model/"))
            inputs = blueprint.inputs(self._rows(X))
            outputs = [network(inputs[i : i + 256]).double().numpy() for i in range(0, len(inputs), 256)]
        return np.concatenate(outputs)


class _MeanLoss(nn.Module):
    """The loss of a task, as the criterion that skorch takes."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task

    def forward(self, outputs: Any, targets: Any) -> torch.Tensor:
        return self.task.losses_of(outputs, targets).mean()


class _Net(skorch.NeuralNet):
    """A batch of one record has no variance: it goes through normalisations as they are."""

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        inputs, targets = batch
        set_mode(self.module_, "retain", len(inputs))
        outputs = self.infer(inputs, **fit_params)
        loss = self.get_loss(outputs, targets, X=inputs, training=True)
        loss.backward()
        return {"loss": loss, "y_pred": outputs}
