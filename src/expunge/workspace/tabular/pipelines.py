"""Ready-made estimators for tables, by the names that the command line knows.

Each takes a frame of float columns (NaN where missing) and text columns, and looks at the columns it is given, not at a
list of names: so it can be fitted again when a column is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expunge.errors import InvalidParameterError, MissingExtraError
from expunge.extras import needs_torch

__all__ = [
    "behind_backbone",
    "behind_columns",
    "behind_words",
    "default_estimator",
    "learns_from_tables",
    "make_estimator",
]

#: Name of each estimator -> the tasks it is for.
_ESTIMATORS: dict[str, tuple[str, ...]] = {
    "logistic": ("classification",),
    "linear": ("regression",),
    "hist-gradient-boosting": ("classification", "regression"),
    "lightgbm": ("classification", "regression"),
    "network": ("classification", "regression"),
}


def default_estimator(task: str) -> str:
    """The estimator nobody has to choose."""
    return "logistic" if task == "classification" else "linear"


def make_estimator(name: str, task: str) -> Any:
    """An unfitted pipeline.

    Parameters
    ----------
    name : str
        As ``--estimator`` takes it.
    task : {"classification", "regression"}

    Raises
    ------
    InvalidParameterError
        No such name, or not for this task.
    MissingExtraError
        LightGBM or torch is not installed.
    """
    fitting = [known for known, tasks in _ESTIMATORS.items() if task in tasks]
    if name not in fitting:
        why = f"is not for {task}" if name in _ESTIMATORS else "is not known"
        raise InvalidParameterError(f"The estimator {name!r} {why}.", hint=f"Choose {' or '.join(fitting)}.")
    if name == "network":
        return _network()
    return _linear(task) if name in ("logistic", "linear") else _trees(name, task)


def learns_from_tables(model: Any) -> bool:
    """Whether a method takes columns as they come: categories, or each column by itself."""
    from sklearn.utils import get_tags

    from expunge.methods.preprocessing.columnwise import ColumnFront

    tags = get_tags(model).input_tags
    return isinstance(model, ColumnFront) or bool(tags.categorical or tags.string)


def behind_columns(model: Any) -> Any:
    """A method of numbers behind transformers that forget: texts are encoded, numbers filled with their mean, scaled.

    For a method that counts (multinomial and Bernoulli naive Bayes) numbers are filled with the median and put into
    bins instead.

    Parameters
    ----------
    model : Unlearner
        Becomes the last step, named ``model``.

    Returns
    -------
    expunge.Pipeline
        Like the estimators of this module it looks at the columns it is given, so columns can be forgotten.
    """
    from sklearn.compose import make_column_selector
    from sklearn.utils import get_tags

    from expunge.methods.pipeline.pipeline import Pipeline
    from expunge.methods.preprocessing.column_transformer import ColumnTransformer
    from expunge.methods.preprocessing.k_bins_discretizer import KBinsDiscretizer
    from expunge.methods.preprocessing.one_hot_encoder import OneHotEncoder
    from expunge.methods.preprocessing.simple_imputer import SimpleImputer
    from expunge.methods.preprocessing.standard_scaler import StandardScaler

    counts = get_tags(model).input_tags.positive_only or hasattr(model, "binarize")
    fill = SimpleImputer(strategy="median" if counts else "mean", keep_empty_features=True)
    numbers = Pipeline([("fill", fill), ("bins", KBinsDiscretizer()) if counts else ("scale", StandardScaler())])
    numeric, other = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    texts = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("numbers", numbers, numeric), ("texts", texts, other)])
    return Pipeline([("columns", columns), ("model", model)], seed=model.seed)


def behind_backbone(model: Any, task: str) -> Any:
    """A method of numbers behind a network whose weights never change; ``task`` names its blueprint."""
    with needs_torch():
        from expunge.methods.networks.frozen_backbone import FrozenBackbone
    from expunge.methods.pipeline.pipeline import Pipeline

    steps = [("backbone", FrozenBackbone(task=task, seed=model.seed)), ("model", model)]
    return Pipeline(steps, seed=model.seed)


#: Names of vectorisers on the command line.
_WORDS = {"counts": "CountVectorizer", "tfidf": "TfidfVectorizer", "hashing": "HashingVectorizer"}


def behind_words(model: Any, words: Any, options: Mapping[str, Any]) -> Any:
    """A method of numbers behind a vectoriser that forgets, for one column of texts.

    Parameters
    ----------
    model : Unlearner
        Becomes the last step.
    words : str
        "counts", "tfidf" or "hashing".
    options : mapping
        Arguments of the vectoriser.

    Raises
    ------
    InvalidParameterError
        No such vectoriser, or an option that it does not have.
    """
    from expunge.methods.pipeline.pipeline import Pipeline
    from expunge.workspace.tabular.catalogue import make_method

    if words not in _WORDS:
        raise InvalidParameterError(f"Words are {', '.join(_WORDS)}, not {words!r}.", hint="As in words=tfidf.")
    steps = [("words", make_method(_WORDS[words], None, {"seed": model.seed, **options})), ("model", model)]
    return Pipeline(steps, seed=model.seed)


def _network() -> Any:
    with needs_torch():
        from expunge.methods.networks.network_estimator import NetworkEstimator
    return NetworkEstimator()


def _linear(task: str) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    fill = SimpleImputer(strategy="mean", keep_empty_features=True)
    numbers = Pipeline([("fill", fill), ("scale", StandardScaler())])
    model = LogisticRegression(max_iter=1000) if task == "classification" else Ridge()
    return Pipeline([("columns", _columns(numbers, OneHotEncoder(handle_unknown="ignore"))), ("model", model)])


def _trees(name: str, task: str) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    if name == "lightgbm":
        try:
            from lightgbm import LGBMClassifier, LGBMRegressor
        except ImportError as error:
            raise MissingExtraError("LightGBM is not installed.", hint="Run: pip install lightgbm") from error
        model = (LGBMClassifier if task == "classification" else LGBMRegressor)(verbose=-1)
    elif task == "classification":
        model = HistGradientBoostingClassifier()
    else:
        model = HistGradientBoostingRegressor()
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return Pipeline([("columns", _columns("passthrough", texts)), ("model", model)])


def _columns(numbers: Any, texts: Any) -> Any:
    from sklearn.compose import ColumnTransformer, make_column_selector

    numeric, other = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    return ColumnTransformer([("numbers", numbers, numeric), ("texts", texts, other)])
