"""Families that answer with a number: regressions, how normal a record looks, how near it is to a group."""

from __future__ import annotations

from sklearn.linear_model import Ridge as PlainRidge
from sklearn.neural_network import MLPRegressor

from expunge.lab.data import Data
from expunge.lab.learners import EstimatorLearner
from expunge.lab.models.estimators import behind, sums
from expunge.methods import find_method

__all__: list[str] = []


def bayesian_ridge(data: Data) -> EstimatorLearner:
    """Ridge regression that chooses its own penalty, from exact sums."""
    return EstimatorLearner(sums(data, find_method("BayesianRidge")()))


def certified_ridge(data: Data, *, epsilon: float = 1.0) -> EstimatorLearner:
    """Ridge regression whose removals are certified; longer rows than four are cut."""
    return EstimatorLearner(sums(data, find_method("CertifiedRidge")(epsilon=epsilon, norm_bound=4.0)), keep=1.0)


def forest_numbers(data: Data, *, n_estimators: int = 50) -> EstimatorLearner:
    """A forest of regression trees that forget in place."""
    return EstimatorLearner(find_method("ForestRegressor")(n_estimators=n_estimators), keep=1.0)


def fourier_numbers(data: Data, *, n_frequencies: int = 100) -> EstimatorLearner:
    """Ridge regression on random Fourier features."""
    return EstimatorLearner(sums(data, find_method("FourierRidge")(n_frequencies=n_frequencies)), keep=1.0)


def gaussian_distance(data: Data, *, shrinkage: float = 0.0) -> EstimatorLearner:
    """The distance from the mean, from exact sums."""
    return EstimatorLearner(find_method("GaussianDetector")(shrinkage=shrinkage), keep=1.0)


def groups(data: Data, *, n_clusters: int = 10, max_samples: int = 1024) -> EstimatorLearner:
    """Groups of near records; the fewer are looked at, the seldomer a search is made again."""
    return EstimatorLearner(find_method("KMeans")(n_clusters=n_clusters, max_samples=max_samples), keep=1.0)


def histograms(data: Data, *, n_bins: int = 10) -> EstimatorLearner:
    """Rare values, column by column, from exact counts."""
    return EstimatorLearner(find_method("HistogramDetector")(n_bins=n_bins), keep=1.0)


def isolation(data: Data, *, n_estimators: int = 100, max_samples: int = 256) -> EstimatorLearner:
    """An isolation forest; the larger a tree's draw, the more it remembers."""
    model = find_method("IsolationForest")(n_estimators=n_estimators, max_samples=max_samples)
    return EstimatorLearner(model, keep=1.0)


def local_factor(data: Data, *, n_neighbors: int = 20) -> EstimatorLearner:
    """How dense it is around a record, beside its neighbours."""
    return EstimatorLearner(find_method("LocalOutlierFactor")(n_neighbors=n_neighbors), keep=1.0)


def mlp_numbers(data: Data, *, width: int = 64) -> EstimatorLearner:
    """A network with one hidden layer, trained again to forget."""
    net = MLPRegressor(hidden_layer_sizes=(width,), max_iter=200, learning_rate_init=3e-3)
    return EstimatorLearner(find_method("RetrainRegressor")(behind(data, net)), keep=1.0)


def neighbour_distance(data: Data, *, n_neighbors: int = 5) -> EstimatorLearner:
    """The distance to the nearest records."""
    return EstimatorLearner(find_method("NeighborDetector")(n_neighbors=n_neighbors), keep=1.0)


def neighbours_numbers(data: Data, *, n_neighbors: int = 5) -> EstimatorLearner:
    """The mean target of the nearest records."""
    return EstimatorLearner(sums(data, find_method("KNeighborsRegressor")(n_neighbors=n_neighbors)))


def ridge_numbers(data: Data, *, alpha: float = 1.0) -> EstimatorLearner:
    """Ridge regression from exact sums."""
    return EstimatorLearner(sums(data, find_method("Ridge")(alpha=alpha)))


def sisa_numbers(data: Data, *, n_shards: int = 5) -> EstimatorLearner:
    """Shards of ridge regressions."""
    part = behind(data, PlainRidge())
    return EstimatorLearner(find_method("SISARegressor")(part, n_shards=n_shards), keep=1.0)


def tree_numbers(data: Data, *, max_depth: int = 8) -> EstimatorLearner:
    """One regression tree that forgets in place."""
    return EstimatorLearner(find_method("DecisionTreeRegressor")(max_depth=max_depth))


def residuals(data: Data, *, n_components: float = 0.9) -> EstimatorLearner:
    """What principal components cannot tell of a record."""
    return EstimatorLearner(find_method("PCADetector")(n_components=n_components), keep=1.0)
