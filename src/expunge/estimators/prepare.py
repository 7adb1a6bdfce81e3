"""Making an estimator of the user repeatable: a clone with every seed set, on one thread, without a cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from expunge.errors import UnsupportedEstimatorError

__all__ = ["prepare"]

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
