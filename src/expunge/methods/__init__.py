"""The table of methods: names and where they live. Listing the names imports nothing heavy.

A plug-in adds names through the entry-point group ``expunge.methods``, in the same form ``name = "module:Class"``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from typing import TYPE_CHECKING, Any

from expunge.errors import UnknownMethodError
from expunge.methods.networks import NETWORK_MODELS
from expunge.near_names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["METHODS", "OWN_ESTIMATORS", "find_method", "kebab", "load", "method_names"]

METHODS: dict[str, str] = {
    "ALS": "expunge.methods.recommend.als:ALS",
    "BayesianLogisticRegression": "expunge.methods.bayesian.bayesian_logistic_regression:BayesianLogisticRegression",
    "BayesianRidge": "expunge.methods.sums.bayesian_ridge:BayesianRidge",
    "BernoulliNB": "expunge.methods.sums.discrete_nb:BernoulliNB",
    "CategoricalNB": "expunge.methods.sums.categorical_nb:CategoricalNB",
    "CertifiedLogisticRegression": "expunge.methods.certified.logistic_regression:CertifiedLogisticRegression",
    "CertifiedRidge": "expunge.methods.certified.ridge:CertifiedRidge",
    "ColumnTransformer": "expunge.methods.preprocessing.column_transformer:ColumnTransformer",
    "CountVectorizer": "expunge.methods.text.count_vectorizer:CountVectorizer",
    "DecisionTreeClassifier": "expunge.methods.forest.forest_classifier:DecisionTreeClassifier",
    "DecisionTreeRegressor": "expunge.methods.forest.forest_regressor:DecisionTreeRegressor",
    "DescentToDelete": "expunge.methods.certified.descent_to_delete:DescentToDelete",
    "EASE": "expunge.methods.recommend.ease:EASE",
    "ForestClassifier": "expunge.methods.forest.forest_classifier:ForestClassifier",
    "ForestRegressor": "expunge.methods.forest.forest_regressor:ForestRegressor",
    "FourierRidge": "expunge.methods.sums.fourier_ridge:FourierRidge",
    "FourierRidgeClassifier": "expunge.methods.sums.fourier_ridge_classifier:FourierRidgeClassifier",
    "GaussianDetector": "expunge.methods.anomaly.gaussian_detector:GaussianDetector",
    "GaussianNB": "expunge.methods.sums.gaussian_nb:GaussianNB",
    "HashingVectorizer": "expunge.methods.text.hashing_vectorizer:HashingVectorizer",
    "HistogramDetector": "expunge.methods.anomaly.histogram_detector:HistogramDetector",
    "IsolationForest": "expunge.methods.forest.isolation_forest:IsolationForest",
    "ItemKNN": "expunge.methods.recommend.item_knn:ItemKNN",
    "KBinsDiscretizer": "expunge.methods.preprocessing.k_bins_discretizer:KBinsDiscretizer",
    "KMeans": "expunge.methods.clusters.k_means:KMeans",
    "KNeighborsClassifier": "expunge.methods.neighbours.k_neighbors_classifier:KNeighborsClassifier",
    "KNeighborsRegressor": "expunge.methods.neighbours.k_neighbors_regressor:KNeighborsRegressor",
    "LangevinLogisticRegression": "expunge.methods.certified.langevin:LangevinLogisticRegression",
    "LinearDiscriminantAnalysis": "expunge.methods.sums.linear_discriminant:LinearDiscriminantAnalysis",
    "LocalOutlierFactor": "expunge.methods.anomaly.local_outlier_factor:LocalOutlierFactor",
    "MinMaxScaler": "expunge.methods.preprocessing.min_max_scaler:MinMaxScaler",
    "ModularClassifier": "expunge.methods.sharded.modular:ModularClassifier",
    "MultinomialNB": "expunge.methods.sums.discrete_nb:MultinomialNB",
    "NearestCentroid": "expunge.methods.sums.nearest_centroid:NearestCentroid",
    "NeighborDetector": "expunge.methods.anomaly.neighbor_detector:NeighborDetector",
    "NewtonLogisticRegression": "expunge.methods.certified.newton_logistic_regression:NewtonLogisticRegression",
    "OneHotEncoder": "expunge.methods.preprocessing.one_hot_encoder:OneHotEncoder",
    "OrdinalEncoder": "expunge.methods.preprocessing.ordinal_encoder:OrdinalEncoder",
    "PCA": "expunge.methods.sums.pca:PCA",
    "PCADetector": "expunge.methods.anomaly.pca_detector:PCADetector",
    "PassageIndex": "expunge.methods.text.passage_index:PassageIndex",
    "Pipeline": "expunge.methods.pipeline.pipeline:Pipeline",
    "Popularity": "expunge.methods.recommend.popularity:Popularity",
    "PrivateBernoulliNB": "expunge.methods.private.bernoulli_nb:PrivateBernoulliNB",
    "PrivateGaussianNB": "expunge.methods.private.gaussian_nb:PrivateGaussianNB",
    "PrivateLogisticRegression": "expunge.methods.private.logistic_regression:PrivateLogisticRegression",
    "PrivateOnlineLogisticRegression": (
        "expunge.methods.private.online_logistic_regression:PrivateOnlineLogisticRegression"
    ),
    "QuadraticDiscriminantAnalysis": "expunge.methods.sums.quadratic_discriminant:QuadraticDiscriminantAnalysis",
    "RetrainClassifier": "expunge.methods.sharded.retrain:RetrainClassifier",
    "RetrainRegressor": "expunge.methods.sharded.retrain:RetrainRegressor",
    "Ridge": "expunge.methods.sums.ridge:Ridge",
    "RidgeClassifier": "expunge.methods.sums.ridge_classifier:RidgeClassifier",
    "SISAClassifier": "expunge.methods.sharded.sisa:SISAClassifier",
    "SISARegressor": "expunge.methods.sharded.sisa:SISARegressor",
    "ShardedBPR": "expunge.methods.recommend.sharded_bpr:ShardedBPR",
    "SimpleImputer": "expunge.methods.preprocessing.simple_imputer:SimpleImputer",
    "SpanReader": "expunge.methods.text.span_reader:SpanReader",
    "StandardScaler": "expunge.methods.preprocessing.standard_scaler:StandardScaler",
    "TfidfVectorizer": "expunge.methods.text.tfidf_vectorizer:TfidfVectorizer",
    "TruncatedSVD": "expunge.methods.sums.truncated_svd:TruncatedSVD",
}

#: Estimators of ours that files of SISA and Retrain may hold, beside those of other packages.
OWN_ESTIMATORS = ("expunge.methods.networks.network_estimator.NetworkEstimator",)

_GROUP = "expunge.methods"


def method_names() -> list[str]:
    """Names of all methods, ours and those of plug-ins, sorted."""
    return sorted({*METHODS, *(point.name for point in importlib.metadata.entry_points(group=_GROUP))})


def kebab(name: str) -> str:
    """The name of a class as the command line and the lab write it.

    Examples
    --------
    >>> kebab("GaussianNB"), kebab("SISAClassifier"), kebab("L1Sparse")
    ('gaussian-nb', 'sisa-classifier', 'l1-sparse')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def find_method(name: str) -> Any:
    """The class of a method.

    Raises
    ------
    UnknownMethodError
        No such name; the sentence proposes the nearest ones.

    Examples
    --------
    >>> find_method("Ridge").__name__
    'Ridge'
    """
    if (place := METHODS.get(name) or NETWORK_MODELS.get(name)) is not None:
        module, _, attribute = place.partition(":")
        return getattr(importlib.import_module(module), attribute)
    for point in importlib.metadata.entry_points(group=_GROUP):
        if name in (point.name, point.value.rpartition(":")[2]):  # files name the class
            return point.load()
    otherwise = "Install the package that brings it, if it is a plug-in."
    hint = did_you_mean(name, method_names(), otherwise=otherwise)
    raise UnknownMethodError(f"There is no method {name!r}.", hint=hint)


def load(path: str | Path, *, trusted: Sequence[str] = ()) -> Any:
    """Load a model that was written by ``save`` or ``export``.

    Parameters
    ----------
    path : path
    trusted : list of str
        Types, as "module.Class", that third-party estimators in the file may consist of, beyond those known to be
        harmless.

    Returns
    -------
    The model. One that was exported predicts, and refuses to forget.

    Raises
    ------
    TamperedError
        The file is not what was written.
    UnknownMethodError
        It was written by a method that is not installed.
    """
    from expunge.files.storage import read_model

    return read_model(path, find=find_method, trusted=(*trusted, *OWN_ESTIMATORS))
