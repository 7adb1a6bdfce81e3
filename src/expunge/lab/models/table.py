"""The table of models. Listing it imports nothing heavy."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING

from expunge.errors import InvalidParameterError
from expunge.lab.plugins import own_model
from expunge.lab.spec import check_dials, parse, unknown

if TYPE_CHECKING:
    from expunge.lab.data import Data
    from expunge.lab.learners import Learner

__all__ = ["MODELS", "Family", "build", "model_names"]

_ALL = ("image", "table", "text")
_ESTIMATORS = "expunge.lab.models.estimators"
_NETWORKS = "expunge.lab.models.networks"
_VALUES = "expunge.lab.models.values"
_READERS = "expunge.lab.models.readers"
_RECOMMENDERS = "expunge.lab.models.recommenders"


@dataclasses.dataclass(frozen=True)
class Family:
    """Models of one kind, of several sizes.

    Parameters
    ----------
    what : str
        In a few words.
    source : str
        "module:function"; ``function(data, **dials)`` gives a :class:`~expunge.lab.learners.Learner`. It looks at
        the kind and the columns of the data and learns nothing.
    kinds : tuple of str
        Data that it takes.
    dial : str
        What a bare value behind the @ is for.
    dials : tuple of str
        Further ones.
    uses : tuple of str
        Methods of the library that it consists of.
    task : str
        What it answers, by :data:`expunge.lab.tasks.TASKS`.
    """

    what: str
    source: str
    kinds: tuple[str, ...] = _ALL
    dial: str = ""
    dials: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    task: str = "classes"


def _own(
    what: str, function: str, kinds: tuple[str, ...], dial: str, *uses: str, dials: tuple[str, ...] = ()
) -> Family:
    return Family(what, f"{_ESTIMATORS}:{function}", kinds, dial, dials, uses)


def _value(
    what: str, function: str, dial: str, *uses: str, task: str = "numbers", dials: tuple[str, ...] = ()
) -> Family:
    return Family(what, f"{_VALUES}:{function}", ("table",), dial, dials, uses, task)


def _network(what: str, function: str, *dials: str, kinds: tuple[str, ...] = ("image",)) -> Family:
    return Family(what, f"{_NETWORKS}:{function}", kinds, "width", ("epochs", *dials))


def _lists(what: str, function: str, dial: str, *uses: str, dials: tuple[str, ...] = ()) -> Family:
    return Family(what, f"{_RECOMMENDERS}:{function}", ("table",), dial, dials, uses, "ranking")


_NUMBERS = ("image", "table")
_FRONT = ("Pipeline", "ColumnTransformer", "OneHotEncoder", "StandardScaler")

MODELS: dict[str, Family] = {
    "bayes": _own("naive Bayes", "bayes", _ALL, "", "GaussianNB", "MultinomialNB", "TfidfVectorizer"),
    "bayesian": _own("logistic regression with a posterior", "bayesian", _NUMBERS, "alpha",
                     "BayesianLogisticRegression", dials=("algorithm",)),
    "bayesian-ridge": _value("regression that chooses its penalty", "bayesian_ridge", "", "BayesianRidge"),
    "bernoulli": _own("naive Bayes of presence", "bernoulli", _ALL, "n_bins", "BernoulliNB", "CountVectorizer",
                      "KBinsDiscretizer"),
    "categorical": _own("naive Bayes of categories", "categorical", ("table",), "n_bins", "CategoricalNB",
                        "OrdinalEncoder", "KBinsDiscretizer"),
    "centroid": _own("nearest class mean", "centroid", _NUMBERS, "", "NearestCentroid"),
    "certified": _own("logistic regression with certificates", "certified", _ALL, "epsilon",
                      "CertifiedLogisticRegression", dials=("alpha", "sigma", "words")),
    "certified-ridge": _value("regression with certificates", "certified_ridge", "epsilon", "CertifiedRidge"),
    "cnn": _network("a small convolutional network", "cnn"),
    "cnn-strided": _network("the same without pooling, a third of the work", "cnn_strided"),
    "descent": _own("descent that goes on, certified", "descent", _ALL, "epsilon", "DescentToDelete",
                    dials=("alpha", "n_steps")),
    "estimator": _own("any method of the library or of a plug-in", "estimator", _ALL, "method"),
    "filled-ridge": _own("gaps filled, then ridge regression", "filled_ridge", ("table",), "", "SimpleImputer",
                         "RidgeClassifier"),
    "forest": _own("a forest that forgets in place", "forest", _NUMBERS, "n_estimators", "ForestClassifier"),
    "forest-numbers": _value("a regression forest that forgets in place", "forest_numbers", "n_estimators",
                             "ForestRegressor"),
    "fourier": _own("random Fourier features", "fourier", _NUMBERS, "n_frequencies", "FourierRidgeClassifier"),
    "fourier-numbers": _value("regression on random Fourier features", "fourier_numbers", "n_frequencies",
                              "FourierRidge"),
    "gaussian-distance": _value("the distance from the mean", "gaussian_distance", "shrinkage", "GaussianDetector",
                                task="anomalies"),
    "groups": _value("groups of near records", "groups", "n_clusters", "KMeans", task="groups",
                     dials=("max_samples",)),
    "hashed-ridge": _own("hashed words, then ridge regression", "hashed_ridge", ("text",), "n_features",
                         "HashingVectorizer", "RidgeClassifier"),
    "histograms": _value("rare values, column by column", "histograms", "n_bins", "HistogramDetector",
                         task="anomalies"),
    "index": Family("an index of passages", f"{_READERS}:index", ("text",), "least_coverage", (), ("PassageIndex",),
                    "ranking"),
    "isolation": _value("an isolation forest that forgets in place", "isolation", "n_estimators", "IsolationForest",
                        task="anomalies", dials=("max_samples",)),
    "item-factors": _lists("factors of users and items", "item_factors", "n_factors", "ALS", dials=("algorithm",)),
    "item-neighbours": _lists("the items most like those a user knows", "item_neighbours", "n_neighbors", "ItemKNN"),
    "item-shards": _lists("embeddings in shards of users", "item_shards", "n_shards", "ShardedBPR"),
    "item-weights": _lists("weights of items for items", "item_weights", "alpha", "EASE", dials=("algorithm",)),
    "langevin": _own("noisy descent, certified", "langevin", _ALL, "epsilon", "LangevinLogisticRegression",
                     dials=("alpha", "noise")),
    "lda": _own("linear discriminants", "lda", _NUMBERS, "shrinkage", "LinearDiscriminantAnalysis"),
    "local-factor": _value("how dense it is around a record", "local_factor", "n_neighbors", "LocalOutlierFactor",
                           task="anomalies"),
    "mlp": _own("one hidden layer, trained again", "mlp", _ALL, "width", "RetrainClassifier"),
    "mlp-numbers": _value("one hidden layer for numbers, trained again", "mlp_numbers", "width", "RetrainRegressor"),
    "modular": _own("a classifier for each pair of classes", "modular", _ALL, "", "ModularClassifier"),
    "neighbour-distance": _value("the distance to the nearest records", "neighbour_distance", "n_neighbors",
                                 "NeighborDetector", task="anomalies"),
    "neighbours": _own("the nearest records", "neighbours", _NUMBERS, "n_neighbors", "KNeighborsClassifier"),
    "neighbours-numbers": _value("the mean of the nearest records", "neighbours_numbers", "n_neighbors",
                                 "KNeighborsRegressor"),
    "net-mlp": _network("one hidden layer, in PyTorch", "net_mlp"),
    "net-softmax": _network("softmax regression, in PyTorch", "net_softmax"),
    "newton": _own("a Newton step and noise on what is published, certified", "newton", _ALL, "epsilon",
                   "NewtonLogisticRegression", dials=("alpha", "capacity")),
    "pca-lda": _own("principal components, linear discriminants", "pca_lda", ("image",), "n_components", "PCA"),
    "popular": _lists("what most users have", "popular", "", "Popularity"),
    "private": _own("logistic regression, differentially private", "private", _ALL, "epsilon",
                    "PrivateLogisticRegression", dials=("group_size",)),
    "private-bayes": _own("naive Bayes, differentially private", "private_bayes", _NUMBERS, "epsilon",
                          "PrivateGaussianNB", dials=("group_size",)),
    "private-bernoulli": _own("naive Bayes of presence, differentially private", "private_bernoulli", _NUMBERS,
                              "epsilon", "PrivateBernoulliNB", dials=("group_size",)),
    "private-online": _own("a stream, differentially private", "private_online", _NUMBERS, "epsilon",
                           "PrivateOnlineLogisticRegression", dials=("group_size",)),
    "qda": _own("quadratic discriminants", "qda", _NUMBERS, "reg_param", "QuadraticDiscriminantAnalysis"),
    "reader": Family("a reader that answers with words of a passage", f"{_READERS}:reader", ("text",), "alpha", (),
                     ("SpanReader",), "answers"),
    "residuals": _value("what components cannot tell", "residuals", "n_components", "PCADetector", task="anomalies"),
    "resnet18": _network("ResNet-18 for small images", "resnet18", "augment"),
    "ridge": _own("ridge regression on classes", "ridge", _NUMBERS, "alpha", "RidgeClassifier", *_FRONT),
    "ridge-numbers": _value("ridge regression", "ridge_numbers", "alpha", "Ridge"),
    "scaled-bayes": _own("columns from 0 to 1, naive Bayes", "scaled_bayes", ("table",), "", "MinMaxScaler",
                         "MultinomialNB"),
    "sisa": _own("shards of softmax regressions", "sisa", _ALL, "n_shards", "SISAClassifier",
                 dials=("n_slices", "place_by")),
    "sisa-mlp": _own("shards of small networks", "sisa_mlp", _ALL, "n_shards", "SISAClassifier"),
    "sisa-numbers": _value("shards of ridge regressions", "sisa_numbers", "n_shards", "SISARegressor"),
    "sisa-words": _own("shards of pipelines that forget, over words", "sisa_words", ("text",), "n_shards",
                       "SISAClassifier", "TfidfVectorizer", "MultinomialNB", "Pipeline"),
    "softmax": _own("softmax regression, trained again", "softmax", _ALL, "C", "RetrainClassifier"),
    "words-ridge": _own("the most frequent words, ridge regression", "words_ridge", ("text",), "max_features",
                        "TfidfVectorizer", "RidgeClassifier"),
    "svd-ridge": _own("words, truncated SVD, ridge regression", "svd_ridge", ("text",), "n_components", "TruncatedSVD",
                      "TfidfVectorizer"),
    "tree": _own("one tree that forgets in place", "tree", _NUMBERS, "max_depth", "DecisionTreeClassifier"),
    "tree-numbers": _value("one regression tree that forgets in place", "tree_numbers", "max_depth",
                           "DecisionTreeRegressor"),
}  # fmt: skip


def model_names() -> list[str]:
    """Names of all families."""
    return sorted(MODELS)


def family(text: str) -> tuple[Family, dict[str, object]]:
    """The family of a name, and its dials."""
    name = text.partition("@")[0]
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    found = MODELS[name]
    _, dials = parse(text, found.dial)
    check_dials(text, dials, {*filter(None, [found.dial]), *found.dials})
    if name == "estimator":
        if "method" not in dials:
            raise InvalidParameterError("A model of the library is named behind an @.", hint="As estimator@GaussianNB.")
        own_model(str(dials["method"]))
    return found, dials


def build(text: str, data: Data) -> Learner:
    """The learner of a name, for this data.

    Raises
    ------
    UnknownNameError
        There is no such model.
    InvalidParameterError
        It does not take data of this kind, answers something else, or has no such dial.
    """
    found, dials = family(text)
    if data.kind not in found.kinds:
        raise InvalidParameterError(
            f"The model {text!r} does not take {data.kind} data.", hint=f"It takes {', '.join(found.kinds)} data."
        )
    if data.task.name != found.task and found.source != f"{_ESTIMATORS}:estimator":
        raise InvalidParameterError(
            f"The model {text!r} answers with {found.task}; {data.name!r} asks for {data.task.name}."
        )
    module, _, function = found.source.partition(":")
    learner: Learner = getattr(importlib.import_module(module), function)(data, **dials)
    return learner
