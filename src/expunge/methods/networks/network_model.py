"""What networks have in common that are fitted, saved and asked as any other model: rows, classes, answers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data
from torch import nn

from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.networks.blueprint import Blueprint, find_blueprint
from expunge.methods.networks.job import copied_model
from expunge.methods.networks.repeatable import repeatable, threads
from expunge.methods.networks.task import Task
from expunge.methods.networks.weights import arrays_of, filled, part_of
from expunge.methods.networks.without_weights import WithoutWeights
from expunge.rows import Rows, Table
from expunge.seeds import derive_seed
from expunge.state import Part
from expunge.table.label_kinds import as_labels
from expunge.validation import targets_input, text_table

__all__ = ["NetworkModel", "weights_of"]

_BATCH = 256  # rows whose outputs are computed at a time


def _is_classifier(model: Any) -> bool:
    return bool(model._blueprint().kind == "classification")


def _answers_in_words(model: Any) -> bool:
    return bool(model._blueprint().kind == "question answering")


class NetworkModel(WithoutWeights, Unlearner):
    """Parent of models that are networks, built by a blueprint; a method writes ``_update`` and keeps ``network``.

    The part ``network`` holds the weights, the part ``outputs`` which outputs stand for the classes that have records,
    in the order of these, and how many outputs there are.
    """

    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes")

    _instead_of_weights = "Put weights into the losses of the task."

    task: Any
    seed: int

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.string = self._blueprint().texts
        if _is_classifier(self):
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        elif not _answers_in_words(self):
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    def _check_params(self) -> None:
        if not isinstance(self.task, str):
            raise InvalidParameterError(
                f"task must be the name of a blueprint, got {self.task!r}.", hint="See expunge.networks.register."
            )
        self._blueprint()

    def _blueprint(self) -> Blueprint:
        return find_blueprint(self.task)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        if not self._blueprint().texts:
            return super()._validate(X, y, reset=reset, least=least)
        cells = text_table(X, least=least)
        validate_data(self, cells, reset=reset, skip_check_array=True)
        if y is None or not _answers_in_words(self):
            return cells, targets_input(self, cells, y, reset=reset)
        answers = text_table(y, least=0, names=("answer",))[:, 0]
        if len(answers) != len(cells):
            raise InvalidDataError(f"X has {len(cells)} rows, and y has {len(answers)}.", hint="Give one to each.")
        return cells, answers

    # ------------------------------------------------------------------ for a method

    def _refuse_few(self, tolerant: bool) -> None:
        """Refuse one class or no record, unless the model may sleep."""
        if not tolerant:
            raise InvalidDataError(
                f"{type(self).__name__} cannot learn from one class, or from no record.", hint="Give two classes."
            )

    def _built(self, n_outputs: int) -> nn.Module:
        """The network with its first weights, which follow from the seed; a copy, for a blueprint may give its own."""
        with repeatable(derive_seed(self.seed, "first weights"), torch.device("cpu")), threads(1):
            return copied_model(self._blueprint().network(self.n_features_in_, n_outputs))

    def _labels(self, y: Any) -> npt.NDArray[Any]:
        """Classes of targets, sorted; none for values."""
        return np.unique(as_labels(y)) if _is_classifier(self) else np.empty(0)

    def _outputs_of(self, y: Any) -> Part:
        """The part ``outputs`` of a network that is made for these targets."""
        if _answers_in_words(self):
            return {"of": np.empty(0, dtype=np.int64), "n": 0}
        if not _is_classifier(self):
            return {"of": np.empty(0, dtype=np.int64), "n": 1 if np.ndim(y) < 2 else int(np.shape(y)[1])}
        labels, order = self._labels(y), self._blueprint().labels
        if order is None:
            return {"of": np.arange(len(labels), dtype=np.int64), "n": len(labels)}
        known = list(order)
        if strange := [label for label in labels.tolist() if label not in known]:
            raise InvalidDataError(
                f"The blueprint {self.task!r} has no output for the class {strange[0]!r}.", hint="See its labels."
            )
        return {"of": np.array([known.index(label) for label in labels.tolist()], dtype=np.int64), "n": len(known)}

    def _task_of(self, table: Table, outputs: Part, labels: npt.NDArray[Any]) -> Task:
        """The task of the blueprint on some rows."""
        blueprint = self._blueprint()
        targets: Any = table.y
        if _is_classifier(self):
            targets = torch.as_tensor(outputs["of"][np.searchsorted(labels, as_labels(table.y))])
        elif not _answers_in_words(self):
            targets = torch.as_tensor(np.asarray(table.y, dtype=np.float32))
        return blueprint.task(blueprint.inputs(np.array(table.X)), targets, table.ids)

    def _answering(self, rows: Rows, network: Part, outputs: Part) -> Part:
        """The solution: what ``predict`` reads."""
        out: Part = {f"network/{name}": array for name, array in network.items()}
        out |= {"n": outputs["n"], "of": outputs["of"]}
        if _is_classifier(self):
            labels = rows.labels()
            out["classes"] = labels.tolist() if labels.dtype.kind == "U" else labels
        return out

    # ------------------------------------------------------------------ what one asks

    @property
    def network_(self) -> Any:
        """The network, a copy, in eval mode."""
        solution = self._solution()
        return filled(self._built(solution["n"]), part_of(solution, "network/"))

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that have records, sorted."""
        if not _is_classifier(self):
            raise AttributeError("There are no classes.")
        return np.array(self._solution()["classes"])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class with the largest output among those that have records, the output itself, or an answer in words, as
        an object; shape (n,)."""
        if _answers_in_words(self):
            network, (rows, _) = self.network_, self._validate(X, None, reset=False, least=0)
            out = np.empty(len(rows), dtype=object)
            with torch.no_grad(), threads(1):
                out[:] = self._blueprint().answers(network, self._blueprint().inputs(np.array(rows)))
            return out
        outputs = self._forward(X)
        if not _is_classifier(self):
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        return np.asarray(self.classes_[outputs[:, self._solution()["of"]].argmax(axis=1)])

    @available_if(_is_classifier)
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Softmax over the outputs of the classes that have records, shape (n, number of classes)."""
        outputs = self._forward(X)[:, self._solution()["of"]]
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(outputs / outputs.sum(axis=1, keepdims=True))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of right labels, or of answers that are told word for word, or R² of values."""
        if _answers_in_words(self):
            right = self.predict(X) == np.asarray(y, dtype=object)
            return float(np.average(right, weights=sample_weight))
        judge = accuracy_score if _is_classifier(self) else r2_score
        return float(judge(y, self.predict(X), sample_weight=sample_weight))

    def _forward(self, X: Any) -> npt.NDArray[np.float64]:
        network = self.network_
        rows, _ = self._validate(X, None, reset=False)
        inputs, found = self._blueprint().inputs(np.array(rows)), []
        with torch.no_grad(), threads(1):
            for start in range(0, len(inputs), _BATCH):
                found.append(network(inputs[start : start + _BATCH]).double().numpy())
        return np.concatenate(found)

    _alternatives: ClassVar[dict[str, list[Any]]] = {"task": []}


def weights_of(network: nn.Module) -> Part:
    """The part ``network``."""
    return arrays_of(network.state_dict())
