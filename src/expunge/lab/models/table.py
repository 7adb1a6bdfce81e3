"""The table of models. Listing it imports nothing heavy."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING

from expunge.errors import InvalidParameterError
from expunge.lab.spec import check_dials, parse, unknown

if TYPE_CHECKING:
    from expunge.lab.data import Data
    from expunge.lab.learners import Learner

__all__ = ["MODELS", "Family", "build", "model_names"]

_ALL = ("image", "table", "text")
_ESTIMATORS = "expunge.lab.models.estimators"
_NETWORKS = "expunge.lab.models.networks"


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
    """

    what: str
    source: str
    kinds: tuple[str, ...] = _ALL
    dial: str = ""
    dials: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


def _own(
    what: str, function: str, kinds: tuple[str, ...], dial: str, *uses: str, dials: tuple[str, ...] = ()
) -> Family:
    return Family(what, f"{_ESTIMATORS}:{function}", kinds, dial, dials, uses)


def _network(what: str, function: str, *, kinds: tuple[str, ...] = ("image",)) -> Family:
    return Family(what, f"{_NETWORKS}:{function}", kinds, "width", ("epochs",))


_NUMBERS = ("image", "table")
_FRONT = ("Pipeline", "ColumnTransformer", "OneHotEncoder", "StandardScaler")

MODELS: dict[str, Family] = {
    "bayes": _own("naive Bayes", "bayes", _ALL, "", "GaussianNB", "MultinomialNB", "TfidfVectorizer"),
    "bernoulli": _own("naive Bayes of presence", "bernoulli", _ALL, "n_bins", "BernoulliNB", "CountVectorizer",
                      "KBinsDiscretizer"),
    "categorical": _own("naive Bayes of categories", "categorical", ("table",), "n_bins", "CategoricalNB",
                        "OrdinalEncoder", "KBinsDiscretizer"),
    "centroid": _own("nearest class mean", "centroid", _NUMBERS, "", "NearestCentroid"),
    "certified": _own("logistic regression with certificates", "certified", _NUMBERS, "epsilon",
                      "CertifiedLogisticRegression", dials=("sigma",)),
    "cnn": _network("a small convolutional network", "cnn"),
    "cnn-strided": _network("the same without pooling, a third of the work", "cnn_strided"),
    "descent": _own("descent that goes on, certified", "descent", _NUMBERS, "epsilon", "DescentToDelete",
                    dials=("steps",)),
    "estimator": _own("any method of the library or of a plug-in", "estimator", _ALL, "method"),
    "filled-ridge": _own("gaps filled, then ridge regression", "filled_ridge", ("table",), "", "SimpleImputer",
                         "RidgeClassifier"),
    "forest": _own("a forest that forgets in place", "forest", _NUMBERS, "n_estimators", "ForestClassifier"),
    "fourier": _own("random Fourier features", "fourier", _NUMBERS, "n_frequencies", "FourierRidgeClassifier"),
    "hashed-ridge": _own("hashed words, then ridge regression", "hashed_ridge", ("text",), "n_features",
                         "HashingVectorizer", "RidgeClassifier"),
    "langevin": _own("noisy descent, certified", "langevin", _NUMBERS, "epsilon", "LangevinLogisticRegression",
                     dials=("noise",)),
    "lda": _own("linear discriminants", "lda", _NUMBERS, "shrinkage", "LinearDiscriminantAnalysis"),
    "mlp": _own("one hidden layer, trained again", "mlp", _ALL, "width", "RetrainClassifier"),
    "modular": _own("a classifier for each pair of classes", "modular", _ALL, "", "ModularClassifier"),
    "net-mlp": _network("one hidden layer, in PyTorch", "net_mlp"),
    "net-softmax": _network("softmax regression, in PyTorch", "net_softmax"),
    "pca-lda": _own("principal components, linear discriminants", "pca_lda", ("image",), "n_components", "PCA"),
    "qda": _own("quadratic discriminants", "qda", _NUMBERS, "reg_param", "QuadraticDiscriminantAnalysis"),
    "resnet18": _network("ResNet-18 for small images", "resnet18"),
    "ridge": _own("ridge regression on classes", "ridge", _NUMBERS, "alpha", "RidgeClassifier", *_FRONT),
    "scaled-bayes": _own("columns from 0 to 1, naive Bayes", "scaled_bayes", ("table",), "", "MinMaxScaler",
                         "MultinomialNB"),
    "sisa": _own("shards of softmax regressions", "sisa", _ALL, "n_shards", "SISAClassifier",
                 dials=("n_slices", "place_by")),
    "sisa-mlp": _own("shards of small networks", "sisa_mlp", _ALL, "n_shards", "SISAClassifier"),
    "softmax": _own("softmax regression, trained again", "softmax", _ALL, "C", "RetrainClassifier"),
    "svd-ridge": _own("words, truncated SVD, ridge regression", "svd_ridge", ("text",), "n_components", "TruncatedSVD",
                      "TfidfVectorizer"),
    "tree": _own("one tree that forgets in place", "tree", _NUMBERS, "max_depth", "DecisionTreeClassifier"),
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
    return found, dials


def build(text: str, data: Data) -> Learner:
    """The learner of a name, for this data.

    Raises
    ------
    UnknownNameError
        There is no such model.
    InvalidParameterError
        It does not take data of this kind, or has no such dial.
    """
    found, dials = family(text)
    if data.kind not in found.kinds:
        raise InvalidParameterError(
            f"The model {text!r} does not take {data.kind} data.", hint=f"It takes {', '.join(found.kinds)} data."
        )
    module, _, function = found.source.partition(":")
    learner: Learner = getattr(importlib.import_module(module), function)(data, **dials)
    return learner
