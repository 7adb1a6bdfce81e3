"""Training a shard slice by slice: who can continue training, and one step of it.

Step i sees the records of slices 1 to i and starts from the checkpoint of step i - 1. It starts anew where that
checkpoint knows other classes than the records of slices 1 to i, or is a constant, or none: so a checkpoint never knows
a class that is not among its own records, and one that vanishes invalidates every checkpoint that was told of it.

References
----------
Bourtoule et al., "Machine Unlearning", IEEE S&P 2021 (arXiv 1912.03817), section IV-B: slicing.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.base import is_classifier
from sklearn.utils import get_tags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedEstimatorError
from expunge.estimators import tighten
from expunge.methods.sharded.training import constant, fit_estimator, fit_keywords, is_too_little, repeatable, seeded
from expunge.rows import Table
from expunge.seeds import derive_seed
from expunge.table.label_kinds import as_labels

__all__ = ["WARM_STARTERS", "Shard", "Template", "how_to_continue", "prefix", "train_shard", "train_shards"]

#: scikit-learn estimators whose ``warm_start`` continues from the last coefficients. Those with ``partial_fit`` need no
#: entry. Forests, bagging and boosting only add trees: the old ones stay as they were, and the histograms of
#: HistGradientBoosting are valid for the same records only.
WARM_STARTERS = frozenset(
    {"ElasticNet", "GammaRegressor", "HuberRegressor", "Lasso", "LogisticRegression", "MultiTaskElasticNet"}
    | {"MultiTaskLasso", "PoissonRegressor", "TweedieRegressor"}
)

How = Literal["partial_fit", "warm_start"]


def how_to_continue(estimator: Any) -> How:
    """How an estimator, or the last step of a Pipeline, continues training on more records.

    Raises
    ------
    UnsupportedEstimatorError
        It cannot, or a step before the last learns from the records.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression, SGDClassifier
    >>> how_to_continue(SGDClassifier()), how_to_continue(LogisticRegression())
    ('partial_fit', 'warm_start')
    """
    before, last = _split(estimator)
    for step in before:
        if get_tags(step).requires_fit:
            raise UnsupportedEstimatorError(
                f"{type(step).__name__} learns from all records, so a Pipeline with it cannot be trained in slices.",
                hint="Use n_slices=1, or row-wise steps (Normalizer, HashingVectorizer, FunctionTransformer).",
            )
    if hasattr(last, "partial_fit"):
        return "partial_fit"
    is_own = type(last).__module__.startswith("sklearn.") and type(last).__name__ in WARM_STARTERS
    if is_own and getattr(last, "solver", None) != "liblinear":
        return "warm_start"
    why = "its liblinear solver starts anew" if is_own else "it has no partial_fit"
    if hasattr(last, "warm_start") and not is_own:
        why = "its warm_start adds to what it has and leaves the old as it is"
    raise UnsupportedEstimatorError(
        f"{type(last).__name__} cannot continue training from a checkpoint: {why}.",
        hint=f"Use n_slices=1, an estimator with partial_fit, or one of {', '.join(sorted(WARM_STARTERS))}.",
    )


@dataclasses.dataclass(frozen=True)
class Shard:
    """A shard to train, from one of its slices on.

    Parameters
    ----------
    number : int
    table : Table
        All its records, slice by slice.
    ends : dict of int to int
        Of each slice to train that holds records: how many records are in the slices up to it.
    previous : fitted estimator or None
        The checkpoint before the first of these slices.
    previous_end : int
        How many records it was trained on.
    tolerant : bool
        Whether a shard that is too small becomes None, or is an error.
    """

    number: int
    table: Table
    ends: dict[int, int]
    previous: Any
    previous_end: int
    tolerant: bool


class Template:
    """The user's estimator made repeatable, once, when a step first needs it; each step sets its own seeds on a copy.

    Parameters
    ----------
    estimator : unfitted estimator of the user
    seed : int
    """

    def __init__(self, estimator: Any, seed: int) -> None:
        self.estimator, self.seed = estimator, seed
        last = _split(estimator)[1]
        self.how, self.takes = how_to_continue(estimator), _keywords(last)
        self._names = [name for name in last.get_params(deep=True) if name.rpartition("__")[2] == "random_state"]
        self._ready: Any = None

    def new(self) -> Any:
        """An unfitted model."""
        if self._ready is None:
            self._ready = seeded(self.estimator, self.seed, "slices")
            if self.how == "warm_start":
                _split(self._ready)[1].set_params(warm_start=True)
        return copy.deepcopy(self._ready)

    def reseed(self, model: Any, *path: str | int) -> None:
        """Set every ``random_state`` of the last step from the seed and the path."""
        last = _split(model)[1]
        for name in self._names:
            value = derive_seed(self.seed, "estimator", *path, name)
            if "__" in name:
                last.set_params(**{name: value})
            else:
                setattr(last, name, value)


def train_shards(
    estimator: Any, jobs: Iterable[Shard], *, n: int, seed: int, n_slices: int, n_jobs: int | None, verbose: int
) -> list[list[Any]]:
    """Train n shards, here or in workers, each as :func:`train_shard`."""
    if verbose and n > 1:
        jobs = _watched(jobs, n)
    template = Template(estimator, seed) if n_slices > 1 else None
    n_jobs = None if n_jobs is None else min(int(n_jobs), n)
    if n == 1 or effective_n_jobs(n_jobs) == 1:
        return [train_shard(estimator, template, job, seed=seed) for job in jobs]
    # Rows go to the workers through pipes: a memory map would leave them in a temporary file. These two of scikit-learn
    # are joblib's, and take its global configuration along.
    parallel = Parallel(n_jobs=n_jobs, max_nbytes=None)
    return list(parallel(delayed(train_shard)(estimator, template, job, seed=seed) for job in jobs))


def _watched(jobs: Iterable[Shard], n: int) -> Iterator[Shard]:
    from rich.console import Console
    from rich.progress import track

    return iter(track(jobs, description="Training shards", total=n, console=Console(stderr=True)))


def train_shard(estimator: Any, template: Template | None, shard: Shard, *, seed: int) -> list[Any]:
    """Train a shard; this runs in a worker.

    Parameters
    ----------
    estimator : unfitted estimator of the user
    template : Template or None
        Of the estimator, for training in slices; None for a single fit.
    shard : Shard
    seed : int

    Returns
    -------
    list
        The checkpoint of each slice in ``shard.ends``: None where the estimator cannot learn from so little.

    Raises
    ------
    InvalidDataError
        The last one is None, and the shard is not tolerant.
    """
    try:
        if template is None:
            model = seeded(estimator, seed, "shard", shard.number)
            return [fit_estimator(model, shard.table, tolerant=shard.tolerant) for _ in shard.ends]
        with repeatable():
            return _train_slices(template, shard)
    except Exception as error:
        if not is_too_little(error):
            raise
        raise InvalidDataError(
            f"{type(estimator).__name__} cannot learn from shard {shard.number} with its {len(shard.table)} records: "
            f"{str(error).rstrip('.')}.",
            hint="Use fewer shards, or give more records.",
        ) from error


def _train_slices(template: Template, shard: Shard) -> list[Any]:
    labels = _Labels(shard.table.y) if is_classifier(template.estimator) else None
    checkpoints: list[Any] = []
    previous, previous_end = shard.previous, shard.previous_end
    for number, end in shard.ends.items():
        part, classes = prefix(shard.table, end), None
        if labels is not None:
            part, classes = dataclasses.replace(part, y=labels.until(end)), labels.classes(end)
            if len(classes) != len(labels.classes(previous_end)):
                previous = None
        if classes is not None and len(classes) == 1:
            model = constant(part.y)
        else:
            model = template.new() if previous is None else copy.deepcopy(previous)
            template.reseed(model, "shard", shard.number, "slice", number)
            try:
                _step(model, part, classes, template)
            except Exception as error:
                is_last = number == max(shard.ends)
                if (is_last and not shard.tolerant) or not is_too_little(error):
                    raise
                model = None
        checkpoints.append(tighten(model))
        previous, previous_end = model, end
    return checkpoints


def _step(model: Any, part: Table, classes: npt.NDArray[Any] | None, template: Template) -> None:
    """Train a model, new or continued, on the records of all slices so far."""
    before, last = _split(model)
    X = part.X
    for step in before:
        X = step.transform(X)
    if template.how == "warm_start":
        last.fit(X, part.y, **fit_keywords(last, part.weight))
        return
    keywords: dict[str, Any] = {}
    if classes is not None and "classes" in template.takes:
        keywords["classes"] = classes
    if part.weight is not None:
        if "sample_weight" not in template.takes:
            raise InvalidParameterError(
                f"{type(last).__name__}.partial_fit takes no sample_weight.",
                hint="Leave the weights out, or use n_slices=1.",
            )
        keywords["sample_weight"] = part.weight
    last.partial_fit(X, part.y, **keywords)


def _keywords(last: Any) -> set[str]:
    """Keywords that a partial_fit takes; one that is open to any takes classes, and weights if fit does."""
    if not hasattr(last, "partial_fit"):
        return set()
    known = inspect.signature(last.partial_fit).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return set(known)
    return {*known, "classes", *(["sample_weight"] if has_fit_parameter(last, "sample_weight") else [])}


def _split(estimator: Any) -> tuple[list[Any], Any]:
    """The steps of a Pipeline that transform, and the estimator at its end."""
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    return [step for step in steps[:-1] if step is not None and step != "passthrough"], steps[-1]


class _Labels:
    """Targets of a shard, and which of them are known after so many records."""

    def __init__(self, y: npt.NDArray[Any]) -> None:
        self._y = as_labels(y)
        self._all, self._first = np.unique(self._y, return_index=True)

    def classes(self, end: int) -> npt.NDArray[Any]:
        """Labels among the first records, sorted; texts no wider than needed."""
        found = self._all[self._first < end]
        return np.array(found.tolist()) if found.dtype.kind == "U" else np.asarray(found)

    def until(self, end: int) -> npt.NDArray[Any]:
        """Targets of the first records; a text further back does not make them wider."""
        y = self._y[:end]
        return y.astype(self.classes(end).dtype) if y.dtype.kind == "U" else np.asarray(y)


def prefix(table: Table, end: int) -> Table:
    """The first records, as if no others had been read: categories that only later ones have are not there."""
    part = table.head(end)
    if end == len(table) or not hasattr(part.X, "columns"):
        return part
    X = part.X.copy()
    for name in X.columns[[dtype.name == "category" for dtype in X.dtypes]]:
        X[name] = X[name].cat.remove_unused_categories()
    return dataclasses.replace(part, X=X)
