"""Several steps as one model that forgets: whatever the earlier ones learned is forgotten, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if

from expunge.arguments import check_flag
from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.pipeline.fold import Together, fold_of
from expunge.methods.pipeline.in_turn import InTurn
from expunge.methods.pipeline.stages import FRONT, JOINT, below, outputs_of_front, rows_at_a_time, stacked
from expunge.methods.pipeline.steps_behind import asked_of, names_behind, slept, steps_behind, weaker_step
from expunge.methods.preprocessing.column_transformer import ColumnTransformer
from expunge.methods.preprocessing.columnwise import ColumnFront
from expunge.methods.preprocessing.front import Branch, Front
from expunge.methods.preprocessing.simple_imputer import SimpleImputer
from expunge.methods.preprocessing.steps import NamedSteps, chain_of, check_names, check_step
from expunge.methods.text.vectorizer import TextTransform
from expunge.records import Guarantee
from expunge.rows import Rows, Table
from expunge.state import Change, Fitted, Part
from expunge.table.texts import texts_of
from expunge.validation import any_input, numeric_input, targets_input

__all__ = ["Pipeline"]


class _Plan(NamedTuple):
    """The steps in two groups: transformers of single columns, and those that come then."""

    front: Front | None
    rest: list[tuple[str, Any]]


def _last_has(method: str) -> Any:
    return available_if(lambda self: hasattr(self.steps[-1][1], method))


class Pipeline(NamedSteps, Unlearner):
    """Transformers and a model behind them, as one model that forgets a record in every step.

    Parameters
    ----------
    steps : list of tuples (name, estimator)
        Methods of expunge, or "passthrough"; all but the last one transform.
    fold : bool, default=True
        If all transformers before them are linear in columns and categories, and the later steps are linear models
        (Ridge, RidgeClassifier, LinearDiscriminantAnalysis, BayesianRidge, PCA, TruncatedSVD), or if a naive Bayes or a
        RidgeClassifier stands behind words, keep sums of everything together. If not, or with sample weights, each step
        keeps its own state, and a step refits when an earlier one has changed.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    named_steps : dict of str to model
        The steps as fitted models that predict or transform; they know no record.
    classes_ : ndarray of shape (n_classes,)
        Of a classifier.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left, in every
    step: categories, means, medians, bin edges, components and coefficients. If the last step promises less (a
    ``certified`` model), that is what the pipeline promises.

    Notes
    -----
    Transformers of single columns are solved from one tally for each column, whatever their number; forgetting k
    records reads those k. *Folded*, a pipeline keeps besides Σ b bᵀ over the records, where b holds a one, the numbers
    of the record (and whether they are missing), an indicator of each of its categories, and the target: integers all
    of them. Scaling, filling and encoding are linear in b, so that forgetting costs O(k · columns²) although all
    coefficients and scales change; coefficients are solved from the sums when asked for, O(outputs³). *Not folded*, a
    later step goes on from its own state if what stands before it gives the same outputs as before, bit for bit, and
    else refits on all records that are left. ``plan`` says which.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from expunge import LinearDiscriminantAnalysis, StandardScaler
    >>> X, y = load_wine(return_X_y=True)
    >>> model = Pipeline([("scale", StandardScaler()), ("lda", LinearDiscriminantAnalysis())]).fit(X, y)
    >>> model.plan([3, 4]).work_high
    2
    >>> removal = model.forget([3, 4])
    >>> rest = [i for i in range(len(X)) if i not in (3, 4)]
    >>> fresh = Pipeline([("scale", StandardScaler()), ("lda", LinearDiscriminantAnalysis())])
    >>> model.digest() == fresh.fit(X[rest], y[rest], record_ids=rest).digest()
    True
    """

    _named = "steps"
    _instead_of_weights = property(lambda self: self.steps[-1][1]._instead_of_weights)

    def __init__(self, steps: Any, *, fold: bool = True, seed: int = 0) -> None:
        self.steps = steps
        self.fold = fold
        self.seed = seed

    # ------------------------------------------------------------------ before

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        steps = [step for _, step in self.steps if step != "passthrough"] if isinstance(self.steps, list) else []
        if steps and all(hasattr(step, "__sklearn_tags__") for step in steps):
            first, last = get_tags(steps[0]), get_tags(steps[-1])
            tags.input_tags = first.input_tags
            fills = any(isinstance(step, (SimpleImputer, ColumnTransformer)) for step in steps)
            tags.input_tags.allow_nan &= fills or last.input_tags.allow_nan
            tags.estimator_type, tags.target_tags = last.estimator_type, last.target_tags
            tags.classifier_tags, tags.regressor_tags = last.classifier_tags, last.regressor_tags
            tags.transformer_tags = last.transformer_tags
        return tags

    def _check_params(self) -> None:
        given = self.steps
        if not isinstance(given, (list, tuple)) or not given or any(len(step) != 2 for step in given):
            raise InvalidParameterError("steps must be a list of tuples (name, estimator).")
        check_names([name for name, _ in given])
        check_flag("fold", self.fold)
        for i, (name, step) in enumerate(given):
            if step == "passthrough" and i + 1 < len(given):
                continue
            check_step(name, step)
            if isinstance(step, Pipeline):
                raise InvalidParameterError(f"Step {name!r} is a pipeline.", hint="Put its steps here.")
            if i + 1 < len(given) and not hasattr(step, "transform"):
                raise InvalidParameterError(f"Step {name!r} does not transform.", hint="A model comes last.")
            if i and isinstance(step, (ColumnTransformer, TextTransform)):
                raise InvalidParameterError(f"Step {name!r} is a {type(step).__name__}.", hint="It comes first.")
        for name in {FRONT, JOINT}.intersection(dict(given)):
            raise InvalidParameterError(f"A step cannot be named {name!r}.", hint="Choose another name.")

    def _split(self) -> _Plan:
        steps = [(name, step) for name, step in self.steps if step != "passthrough"]
        n_front = next((i for i, (_, step) in enumerate(steps) if not isinstance(step, ColumnFront)), len(steps))
        if not n_front:
            return _Plan(None, steps)
        first = steps[0][1]
        if isinstance(first, ColumnTransformer):
            front = first._front()
            front.then = [link for name, step in steps[1:n_front] for link in chain_of(f"then.{name}", step)]
            return _Plan(front, steps[n_front:])
        chain = [link for name, step in steps[:n_front] for link in chain_of(name, step)]
        return _Plan(Front([Branch("", None, chain)]), steps[n_front:])

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        first = next(step for _, step in self.steps if step != "passthrough")
        if isinstance(first, TextTransform):
            return (X := texts_of(X, least)), targets_input(self, X, y, reset=reset)
        if isinstance(first, ColumnFront):
            return any_input(self, X, y, reset=reset, least=least)
        return numeric_input(self, X, y, reset=reset, least=least)

    def _place(self, table: Table) -> npt.NDArray[np.int64] | None:
        return self.steps[-1][1]._place(table)  # type: ignore[no-any-return]

    def _kept(self, rows: Rows) -> Together | InTurn:
        """How the state is kept: sums of everything together, or each step's own."""
        front, rest = self._split()
        fold = fold_of(front, rest, is_classifier(self)) if self.fold and not rows.has_weights else None
        return InTurn(front, rest) if fold is None else fold

    # ------------------------------------------------------------------ the machinery

    def _update(self, change: Change) -> dict[str, Part | None]:
        kept, tolerant = self._kept(change.rows), change.tolerant
        if not tolerant and change.parts:  # a model that sleeps may learn step by step
            tolerant = not change.n_before or slept(self, change)
        return kept.update(change, tolerant=tolerant)

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if not len(rows):
            return None
        try:
            return self._kept(rows).solve(rows, parts)
        except InvalidDataError:
            return None

    def _revive(self, name: str, part: Part) -> Any:
        of, _, own = name.partition("/")
        return part if (step := dict(self.steps).get(of)) is None else step._revive(own, part)

    def _estimate(self, rows: Rows, slots: Any, table: Table | None = None) -> tuple[int, int, tuple[str, ...]]:
        return self._kept(rows).estimate(rows, self._state().parts, slots, table)

    _estimate_corrected = _estimate

    def _most_work(self, rows: Rows) -> int:
        return self._kept(rows).most_work(rows, self._state().parts)

    def _guarantee(self, *after: Any, **how: Any) -> Guarantee:
        """Equality, or what the last step promises if that is less: the steps before it are equal on both sides."""
        if (last := weaker_step(self)) is None:
            return super()._guarantee()
        return last._guarantee_after(*after, **how) if after else last._guarantee()

    _guarantee_after = _guarantee

    def _reading(self) -> tuple[str, ...]:
        return () if (last := weaker_step(self)) is None else last._reading()

    def _terms(self) -> str:
        kept: Any = self._kept(self._rows())
        if hasattr(kept, "terms"):
            return str(kept.terms())
        return "".join(dict.fromkeys(step._terms() for _, step in self.steps if step != "passthrough"))

    def _examine(self, state: Fitted) -> None:
        super()._examine(state)
        if state.rows is not None and isinstance(kept := self._kept(state.rows), InTurn):
            found = kept.doubt(state.rows, state.parts)
            state.doubt, state.is_examined = found or None, found != ""

    # ------------------------------------------------------------------ predicting

    def _asked(self, method: str, X: Any, *arguments: Any) -> Any:
        """What the last step says about rows, which go through the others in blocks."""
        solution = self._solution()
        X, _ = self._validate(X, None, reset=False)
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        front, rest = self._split()
        known, blocks = below(FRONT, solution), []
        for start in range(0, n, step := rows_at_a_time(known)):
            Z = X.iloc[start : start + step] if hasattr(X, "iloc") else X[start : start + step]
            Z = Z if front is None else front.transform(known, Z)
            blocks.append(asked_of(rest, solution, method, Z, *arguments))
        return blocks[0] if len(blocks) == 1 else stacked(blocks)

    @_last_has("predict")
    def predict(self, X: Any) -> Any:
        """What the last step predicts, shape (n,) or (n, n_targets)."""
        return self._asked("predict", X)

    @_last_has("predict_proba")
    def predict_proba(self, X: Any) -> Any:
        """P(class | x) for each row, shape (n, n_classes), in the order of ``classes_``."""
        return self._asked("predict_proba", X)

    @_last_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> Any:
        """log P(class | x) for each row, shape (n, n_classes)."""
        return self._asked("predict_log_proba", X)

    @_last_has("decision_function")
    def decision_function(self, X: Any) -> Any:
        """Score of each class, as the last step gives them."""
        return self._asked("decision_function", X)

    @_last_has("transform")
    def transform(self, X: Any) -> Any:
        """Rows through all steps, shape (n, number of outputs)."""
        return self._asked("transform", X)

    @_last_has("transform")
    def fit_transform(self, X: Any, y: Any = None, **given: Any) -> Any:
        """``fit``, then ``transform``."""
        return self.fit(X, y, **given).transform(X)

    @_last_has("score")
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of right labels of a classifier, R² of a regressor."""
        judge = accuracy_score if is_classifier(self) else r2_score
        return float(judge(y, self.predict(X), sample_weight=sample_weight))

    @_last_has("transform")
    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the outputs."""
        front, rest = self._split()
        known = getattr(self, "feature_names_in_", None)
        names = input_features if input_features is not None else known
        width = getattr(self, "n_features_in_", 0)
        names = [f"x{j}" for j in range(width)] if names is None else [str(name) for name in names]
        if front is not None:
            names = front.names_out(below(FRONT, self._solution()), names)
        return np.array(names_behind(rest, self._solution(), names), dtype=object)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        if not is_classifier(self):
            raise AttributeError("Only a classifier has classes.")
        return np.array(list(self.named_steps.values())[-1].classes_)

    @property
    def named_steps(self) -> dict[str, Any]:
        """The steps after the transformers of single columns, as fitted models that know no record."""
        solution, (front, rest) = self._solution(), self._split()
        width = outputs_of_front(front, getattr(self, "n_features_in_", 0), below(FRONT, solution))
        return steps_behind(rest, solution, width)
