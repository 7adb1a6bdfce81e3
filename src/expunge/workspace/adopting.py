"""Models trained elsewhere: taken over where they can forget exactly, else words about what can be done.

A fitted scikit-learn estimator comes as a skops file, which is read through an allow-list, with the data set it was
fitted on. Some estimators are functions of sums (a table has them): ours with the same arguments, fitted on the same
table, gives the same predictions but for rounding. If it does, within the stated tolerance, on every row of the table,
it takes over as a model of the workspace and is exact from then on. Else nothing is made, and what one can do is said.
"""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import InvalidDataError, InvalidParameterError, TamperedError, UnsupportedEstimatorError
from expunge.estimators import load_estimator
from expunge.estimators.skops_archive import canonical
from expunge.files.whole import read_whole
from expunge.paths import lasting_path
from expunge.workspace import reports
from expunge.workspace.data import datasets
from expunge.workspace.models import fitting
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.preparing import told_as_invalid_data
from expunge.workspace.tabular.reading import TableRows, read_rows

__all__ = ["adopt", "adopt_any", "refuse_taken"]

#: Class in scikit-learn -> our method, the task, and the arguments that mean the same in both.
_TWINS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "Ridge": ("Ridge", "regression", ("alpha", "fit_intercept")),
    "RidgeClassifier": ("RidgeClassifier", "classification", ("alpha", "fit_intercept")),
    "GaussianNB": ("GaussianNB", "classification", ("var_smoothing",)),
    "MultinomialNB": ("MultinomialNB", "classification", ("alpha", "fit_prior")),
    "BernoulliNB": ("BernoulliNB", "classification", ("alpha", "binarize", "fit_prior")),
}

#: What only one of the two kinds of models has.
_ONLY_OF = {"an estimator": ("tolerance", "trusted"), "a network": ("method", "state", "options", "log", "start")}


def adopt_any(
    core: Core, name: str, path: str | Path | None, *, data: str, target: str | None, task: str | None = None,
    **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Take over an estimator from a file, or, where a task is named, a network. The lock is held.

    Raises
    ------
    InvalidParameterError
        Neither an estimator with its target, nor a network with its task; or both; or what only the other has.
    """
    what, other = ("an estimator", "a network") if task is None else ("a network", "an estimator")
    if strange := [option for option in _ONLY_OF[other] if option in options]:
        hint = "Leave it out." if task is not None else "Leave it out, or name the blueprint of the network: --task."
        raise InvalidParameterError(f"{strange[0]} is of {other}, and this takes over {what}.", hint=hint)
    if task is not None:
        if path is not None:
            raise InvalidParameterError("A network comes with --state, not as an estimator.", hint="Leave FILE out.")
        from expunge.workspace import adopting_networks

        return adopting_networks.adopt(core, name, data=data, target=target, task=task, **options)
    if path is None or target is None:
        raise InvalidParameterError(
            "Name the file of an estimator and its --target, or the --task and --state of a network.",
            hint="See `expunge adopt --help`.",
        )
    return adopt(core, name, path, data=data, target=target, **options)


def refuse_taken(core: Core, name: str) -> None:
    """Refuse a name that a model has: nothing is taken over in the place of another model.

    Raises
    ------
    InvalidRequestError
        The name is taken.
    """
    hint = f"Choose another name, or take that one out first: expunge model remove {name}."
    fitting.refuse_known(core, name, replace=False, hint=hint)


def adopt(
    core: Core, name: str, path: str | Path, *, data: str, target: str, tolerance: float = 1e-6,
    trusted: tuple[str, ...] = (), columns: Mapping[str, str] | None = None, ignore: tuple[str, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """Take over a fitted estimator.

    Parameters
    ----------
    core : Core
        The lock is held.
    name : str
        Of the new model.
    path : path
        A skops file.
    data, target : str
        The data set it was fitted on, and the column it predicts.
    tolerance : float
        Largest difference of a predicted number or probability, on any row of the data set.
    trusted : tuple of str
        More types, as "module.Class", that the file may consist of.
    columns, ignore
        As for a fit.

    Raises
    ------
    UnsupportedEstimatorError
        It cannot be taken over; the sentence says why, the hint what can be done.
    TamperedError
        The file holds a type that is not on the allow-list.
    """
    refuse_taken(core, name)
    estimator = load_estimator(_canonical(read_whole(path), path), trusted=trusted)
    kind = type(estimator).__name__
    if kind not in _TWINS or not type(estimator).__module__.startswith("sklearn."):
        raise UnsupportedEstimatorError(
            f"A fitted {kind} cannot be taken over: it keeps nothing from which one record could be taken out exactly.",
            hint=_offer(name, data, target),
        )
    method, task, shared = _TWINS[kind]
    given = estimator.get_params(deep=False)
    options = {argument: given[argument] for argument in shared}
    with core.read() as connection:
        opened = datasets.open_data(core, connection, data)
    made = fitting.prepare_fit(
        core, opened, target=target, method=method, estimator=None, task=task, options=options, columns=columns or {},
        ignore=ignore, schema=None, bare=True, learn=_fit,
    )  # fmt: skip
    far = _furthest(estimator, made.model, made.table, made.card.schema)
    if not far <= tolerance:
        raise UnsupportedEstimatorError(
            f"Our {method}, fitted on {data!r} with the same arguments, predicts otherwise by up to {far:.3g}, more "
            f"than {tolerance:g}: it was fitted on other rows, with weights, or with arguments that ours lacks.",
            hint=_offer(name, data, target),
        )
    made = dataclasses.replace(made, taken_from=(lasting_path(path),))
    told = reports.model(core, fitting.enter(core, name, opened, made, gate={}, replace=False, override=""))
    return told | {"difference": far, "tolerance": tolerance, "adopted": f"sklearn {kind}"}


def _fit(model: Any, rows: TableRows) -> None:
    model.fit(rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects)


def _canonical(data: bytes, path: str | Path) -> bytes:
    """A file of skops in the form of ours; nothing of it is imported or built for that."""
    try:
        return canonical(data)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise TamperedError(f"{str(path)!r} is no estimator saved by skops.", hint="Use skops.io.dump.") from error


def _furthest(theirs: Any, ours: Any, table: Any, schema: Any) -> float:
    """Largest difference of predictions on the rows of the table."""
    rows = read_rows(table, schema)
    X = rows.X if hasattr(theirs, "feature_names_in_") else rows.X.to_numpy()
    if getattr(theirs, "n_features_in_", X.shape[1]) != X.shape[1]:
        raise InvalidDataError(
            f"The estimator was fitted on {theirs.n_features_in_} columns, the data set has {X.shape[1]}.",
            hint="Leave columns out with --ignore.",
        )
    if hasattr(theirs, "classes_") and list(map(str, theirs.classes_)) != list(map(str, ours.classes_)):
        return float("inf")
    with told_as_invalid_data():
        for ask in ("predict_proba", "decision_function", "predict"):
            if hasattr(theirs, ask) and hasattr(ours, ask):
                a, b = (np.asarray(getattr(m, ask)(x), dtype=float) for m, x in ((theirs, X), (ours, rows.X)))
                return float(np.abs(a - b).max()) if a.shape == b.shape else float("inf")
    return float("inf")


def _offer(name: str, data: str, target: str) -> str:
    return (
        f"Train again where records are forgotten: `expunge fit {name} --data {data} --target {target} --method sisa` "
        "(one shard is trained again for a record), or a native method: see `expunge methods`."
    )
