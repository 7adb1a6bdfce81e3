"""One instance or more of every method in the table: what the contract is tried on."""

from __future__ import annotations

from collections.abc import Iterator

import lightgbm
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.naive_bayes import GaussianNB as SklearnGaussianNB
from sklearn.naive_bayes import MultinomialNB as SklearnMultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

import expunge
from expunge.checks import Case

#: How many methods the table has; a new one comes with an instance below.
N_METHODS = 15


def string_pipeline() -> object:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["town", "colour"]), remainder=StandardScaler()
    )
    return make_pipeline(columns, LogisticRegression(max_iter=20))


def instances() -> dict[str, Case]:
    """Cases by name."""
    return dict(_instances())


def _instances() -> Iterator[tuple[str, Case]]:
    yield "RetrainClassifier-logistic", Case(expunge.RetrainClassifier(LogisticRegression(max_iter=50)))
    words = make_pipeline(TfidfVectorizer(), SklearnMultinomialNB())  # its vocabulary comes from the records, too
    yield "RetrainClassifier-texts", Case(expunge.RetrainClassifier(words), table="texts")
    yield "RetrainRegressor-ridge", Case(expunge.RetrainRegressor(SklearnRidge()))
    yield "RetrainRegressor-tree", Case(expunge.RetrainRegressor(DecisionTreeRegressor(max_depth=3)))
    yield "SISAClassifier-logistic", Case(expunge.SISAClassifier(LogisticRegression(max_iter=50)))
    boosted = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2, max_leaf_nodes=4)
    yield "SISAClassifier-histgb", Case(expunge.SISAClassifier(boosted, n_shards=2))
    light = lightgbm.LGBMClassifier(n_estimators=2, min_child_samples=2, num_leaves=4, verbose=-1)
    yield "SISAClassifier-lightgbm", Case(expunge.SISAClassifier(light, n_shards=2, aggregation="vote"))
    slices = expunge.SISAClassifier(SGDClassifier(loss="log_loss", max_iter=3, tol=None), n_shards=2, n_slices=3)
    yield "SISAClassifier-sgd-slices", Case(slices)
    weighted = expunge.SISAClassifier(SklearnGaussianNB(), n_shards=4, aggregation="weighted")
    yield "SISAClassifier-weighted", Case(weighted)
    yield "SISAClassifier-strings", Case(expunge.SISAClassifier(string_pipeline(), n_shards=2), table="frame")
    yield "SISARegressor-tree", Case(expunge.SISARegressor(DecisionTreeRegressor(max_depth=3), n_shards=3))
    sgd = SGDRegressor(max_iter=3, tol=None)
    median = expunge.SISARegressor(sgd, n_shards=2, n_slices=2, aggregation="median")
    yield "SISARegressor-sgd-slices", Case(median)
    yield "GaussianNB", Case(expunge.GaussianNB())
    yield "MultinomialNB", Case(expunge.MultinomialNB())
    yield "MultinomialNB-sparse", Case(expunge.MultinomialNB(), table="sparse")
    yield "BernoulliNB", Case(expunge.BernoulliNB())
    yield "Ridge", Case(expunge.Ridge())
    yield "RidgeClassifier", Case(expunge.RidgeClassifier())
    yield "LinearDiscriminantAnalysis", Case(expunge.LinearDiscriminantAnalysis())
    yield "LinearDiscriminantAnalysis-shrinkage", Case(expunge.LinearDiscriminantAnalysis(shrinkage=0.1))
    yield "QuadraticDiscriminantAnalysis", Case(expunge.QuadraticDiscriminantAnalysis())
    yield "NearestCentroid", Case(expunge.NearestCentroid())
    yield "NearestCentroid-shrunken", Case(expunge.NearestCentroid(shrink_threshold=0.5, priors="empirical"))
    yield "PCA", Case(expunge.PCA(n_components=2))
    yield "PCA-share", Case(expunge.PCA(n_components=0.9))
    yield "TruncatedSVD", Case(expunge.TruncatedSVD())
    yield "TruncatedSVD-sparse", Case(expunge.TruncatedSVD(), table="sparse")
    yield "BayesianRidge", Case(expunge.BayesianRidge())
    yield "BayesianRidge-fixed", Case(expunge.BayesianRidge(hyperparameters="fixed"))
