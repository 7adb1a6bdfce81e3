"""Third-party estimators: made repeatable before a fit, and stored without code after it.

:func:`prepare` and :func:`one_thread` remove what would make two fits on the same records differ: free random states,
threads, and choices by measured time. :func:`dump_estimator` and :func:`load_estimator` store a fitted estimator
through skops in a canonical archive (:mod:`expunge.skops_archive`): equal leaves (:func:`expunge.digest.leaf`), equal
bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from expunge.digest import first_difference, leaf
from expunge.encoding import path_of, walk
from expunge.errors import TamperedError, UnsupportedEstimatorError
from expunge.skops_archive import canonical, members
from expunge.threads import one_thread
from expunge.trusted import TRUSTED_TYPES

__all__ = ["TRUSTED_TYPES", "dump_estimator", "load_estimator", "one_thread", "prepare"]

_THREAD_PARAMETERS = frozenset({"n_jobs", "num_threads", "num_thread", "nthread", "nthreads", "thread_count"})


# ------------------------------------------------------------------------------------------------------ before the fit


def prepare(estimator: Any, *, seed_for: Callable[[str], int]) -> Any:
    """Clone an estimator so that two fits on the same records can be equal bit for bit.

    Parameters
    ----------
    estimator : estimator
        Anything scikit-learn can clone: an estimator, a Pipeline, LightGBM, XGBoost. It is left as it is.
    seed_for : callable
        From the name of a parameter (``"random_state"``, ``"sgd__random_state"``) to an integer in [0, 2**31 - 1).
        Called once for each name, in sorted order.

    Returns
    -------
    estimator
        An unfitted clone. These of its parameters, nested ones included, are set:

        - each ``random_state``, whatever it was, to ``seed_for(name)``;
        - each ``seed`` or name ending in ``_seed`` (LightGBM, XGBoost) that is not None, to ``seed_for(name)``; where
          it is None the library derives it from ``random_state``;
        - the ``random_state`` of parameters that are no estimators, such as a shuffling ``KFold``, likewise;
        - ``n_jobs``, ``num_threads``, ``nthread``, ``thread_count`` and their aliases to 1;
        - of LightGBM also ``deterministic`` and ``force_col_wise``, unless given: it would else choose between two
          orders of summation by measuring time;
        - ``memory`` to None: a cache on disk would keep rows that are to be forgotten, and changes no result;
        - metadata requests (``set_fit_request``) name their owner instead of pointing back to it, which could not be
          stored.

    Raises
    ------
    UnsupportedEstimatorError
        If the object is not an estimator that can be cloned.
    """
    from sklearn.base import clone

    try:
        copy = clone(estimator)
        parameters = copy.get_params(deep=True)
    except (TypeError, AttributeError, RuntimeError) as error:
        raise UnsupportedEstimatorError(
            f"{type(estimator).__name__} is not an estimator that can be cloned: {error}.",
            hint="Pass an instance with get_params and set_params, such as a scikit-learn estimator or Pipeline.",
        ) from error
    settings: dict[str, Any] = {}
    for name in sorted(parameters):
        last, value = name.rpartition("__")[2], parameters[name]
        if last == "random_state" or (value is not None and (last == "seed" or last.endswith("_seed"))):
            settings[name] = seed_for(name)
        elif last in _THREAD_PARAMETERS and (value is not None or not _warns_of_threads(copy, parameters, name)):
            settings[name] = 1
        elif last == "memory":
            settings[name] = None
        elif _is_drawing(value):
            value.random_state = seed_for(f"{name}__random_state")
    copy.set_params(**settings)
    for part in [copy, *parameters.values()]:
        _free_requests(part)
        if _is_lightgbm(part):
            given = part.get_params(deep=False)
            part.set_params(deterministic=given.get("deterministic", True))
            if "force_row_wise" not in given:
                part.set_params(force_col_wise=given.get("force_col_wise", True))
    return copy


def _warns_of_threads(root: Any, parameters: dict[str, Any], name: str) -> bool:
    """Say whether the estimator of this parameter deprecates it: scikit-learn's logistic regressions do."""
    owner = parameters[name.rpartition("__")[0]] if "__" in name else root
    return type(owner).__module__ == "sklearn.linear_model._logistic"


def _is_drawing(value: Any) -> bool:
    """Say whether a parameter that is no estimator draws random numbers: a splitter that shuffles, a distribution."""
    drawing = hasattr(value, "random_state") and getattr(value, "shuffle", True)
    return drawing and not hasattr(value, "get_params") and not isinstance(value, type)


def _free_requests(part: Any) -> None:
    requests = getattr(part, "__dict__", {}).get("_metadata_request")
    for request in [requests, *vars(requests).values()] if requests is not None else []:
        if hasattr(request, "owner"):
            request.owner = type(part).__name__


def _is_lightgbm(part: Any) -> bool:
    return any(base.__module__ == "lightgbm.sklearn" and base.__name__ == "LGBMModel" for base in type(part).__mro__)


# ------------------------------------------------------------------------------------------------------- after the fit


def dump_estimator(estimator: Any) -> bytes:
    """Store a fitted estimator as data.

    Parameters
    ----------
    estimator : estimator
        Anything :func:`expunge.digest.leaf` and skops can take.

    Returns
    -------
    bytes
        An archive (:mod:`expunge.skops_archive`). Two estimators with equal leaves give equal bytes, in any process
        with the same library versions.

    Raises
    ------
    UnsupportedEstimatorError
        If a part cannot be stored, or does not come back as it was; the message has its path.

    Notes
    -----
    What was written is loaded again and compared before the bytes are returned: skops alone would, for instance, turn
    the key False of a dict into True without a word. That is two thirds of the time.
    """
    import skops.io

    leaf(estimator)
    try:
        data = canonical(skops.io.dumps(estimator))
        again = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    except UnsupportedEstimatorError:
        raise
    except Exception as error:
        raise UnsupportedEstimatorError(
            f"{type(estimator).__name__} cannot be stored: {str(error).rstrip('.') or type(error).__name__}.",
            hint=_SIMPLER,
        ) from error
    different = first_difference(estimator, again)
    if different is not None:
        raise UnsupportedEstimatorError(
            f"{type(estimator).__name__} cannot be stored: {different} would come back changed.", hint=_SIMPLER
        )
    return data


_SIMPLER = "Keep arrays, numbers, text and dicts with text or integer keys in its parameters and fitted attributes."


def load_estimator(data: bytes, *, trusted: Sequence[str] = ()) -> Any:
    """Load what :func:`dump_estimator` stored, after looking at every type it names.

    Parameters
    ----------
    data : bytes
        The archive.
    trusted : sequence of str
        Full names of types and functions to accept beyond :data:`TRUSTED_TYPES` and those that skops accepts.

    Returns
    -------
    estimator
        With a leaf equal to that of the stored one.

    Raises
    ------
    TamperedError
        If the bytes are not an archive that was written by :func:`dump_estimator`.
    UnsupportedEstimatorError
        If it names types that are not accepted (then nothing of it was imported, built or called), or packages that are
        not installed.

    Notes
    -----
    Accepting a type is no statement about its content. Child and feature numbers of trees are checked, since compiled
    code uses them as indices without bounds; for the rest, load files whose digest or receipt you verified.
    """
    import skops.io

    members(data)
    try:
        named = skops.io.get_untrusted_types(data=data)
    except Exception as error:
        raise TamperedError(f"The stored estimator cannot be read: {error}.", hint=_RESTORE) from error
    unknown = sorted(set(named) - TRUSTED_TYPES - set(trusted))
    if unknown:
        raise UnsupportedEstimatorError(
            f"The stored estimator needs types that are not on the list of trusted ones: {', '.join(unknown)}.",
            hint=f"If you know the file and these types, pass expunge.load(path, trusted={unknown!r}).",
        )
    try:
        estimator = skops.io.loads(data, trusted=named)
    except ImportError as error:
        raise UnsupportedEstimatorError(
            f"The stored estimator cannot be loaded here: {error}.", hint=_INSTALL
        ) from error
    except Exception as error:
        raise TamperedError(f"The stored estimator cannot be rebuilt: {error}.", hint=_RESTORE) from error
    _check_trees(estimator)
    return estimator


_RESTORE = "Restore the file from where it was written."
_INSTALL = "Install the package it came from, in the version it was fitted with."


def _check_trees(estimator: Any) -> None:
    """Refuse trees whose nodes point outside themselves: compiled code follows them without looking."""
    import numpy as np

    for place, part, _ in walk(estimator):
        kind = f"{type(part).__module__}.{type(part).__name__}"
        if kind == "sklearn.tree._tree.Tree":
            left, right, feature, limit = part.children_left, part.children_right, part.feature, part.n_features
            inner = left != -1
        elif kind == "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor":
            left, right, feature = (part.nodes[field].astype(np.int64) for field in ("left", "right", "feature_idx"))
            inner, limit = part.nodes["is_leaf"] == 0, np.iinfo(np.int64).max
        else:
            continue
        number, n_nodes = np.flatnonzero(inner), len(left)
        inside = all(((child[inner] > number) & (child[inner] < n_nodes)).all() for child in (left, right))
        if not (inside and n_nodes and ((feature[inner] >= 0) & (feature[inner] < limit)).all()):
            raise TamperedError(
                f"The tree at {path_of(place)} of the stored estimator leads outside itself.", hint=_RESTORE
            )
