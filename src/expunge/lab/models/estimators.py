"""Families that are estimators: the methods of this library, and scikit-learn's under retraining and SISA."""

from __future__ import annotations

import math
from typing import Any

from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from expunge.arguments import check_choice
from expunge.lab.data import Data
from expunge.lab.learners import EstimatorLearner
from expunge.lab.plugins import own_model
from expunge.methods import find_method

__all__ = ["behind", "sums"]


def softmax(data: Data, *, C: float = 10.0) -> EstimatorLearner:
    """Softmax regression, trained again to forget."""
    return EstimatorLearner(_method("RetrainClassifier")(behind(data, LogisticRegression(C=C, max_iter=300))))


def mlp(data: Data, *, width: int = 64) -> EstimatorLearner:
    """A network with one hidden layer, trained again to forget."""
    return EstimatorLearner(_method("RetrainClassifier")(behind(data, _mlp(width))), keep=1.0)


def sisa(data: Data, *, n_shards: int = 10, n_slices: int = 1, place_by: str = "record") -> EstimatorLearner:
    """SISA of softmax regressions; with slices, of ones that are trained by steps and kept at each slice."""
    base = LogisticRegression(C=10.0, max_iter=300) if n_slices == 1 else _steps(data)
    part = behind(data, base)
    return EstimatorLearner(
        _method("SISAClassifier")(part, n_shards=n_shards, n_slices=n_slices, place_by=place_by), keep=1.0
    )


def sisa_mlp(data: Data, *, n_shards: int = 5) -> EstimatorLearner:
    """SISA of networks with one hidden layer."""
    return EstimatorLearner(_method("SISAClassifier")(behind(data, _mlp(32)), n_shards=n_shards), keep=1.0)


def sisa_words(data: Data, *, n_shards: int = 5) -> EstimatorLearner:
    """SISA of naive Bayes behind words, both of this library."""
    part = _pipeline(_method("TfidfVectorizer")(norm=None), _method("MultinomialNB")())
    return EstimatorLearner(_method("SISAClassifier")(part, n_shards=n_shards))


def modular(data: Data) -> EstimatorLearner:
    """One classifier for each pair of classes."""
    return EstimatorLearner(_method("ModularClassifier")(behind(data, LogisticRegression(C=10.0, max_iter=300))))


def forest(data: Data, *, n_estimators: int = 50) -> EstimatorLearner:
    """A forest whose trees forget in place."""
    grown = _method("ForestClassifier")(n_estimators=n_estimators)
    return EstimatorLearner(grown, keep=1.0, floor=1 / (2 * n_estimators))


def tree(data: Data, *, max_depth: int = 12) -> EstimatorLearner:
    """One tree that forgets in place."""
    return EstimatorLearner(_method("DecisionTreeClassifier")(max_depth=max_depth), floor=1e-3)


def ridge(data: Data, *, alpha: float = 1.0) -> EstimatorLearner:
    """Ridge regression on classes, from exact sums."""
    return EstimatorLearner(sums(data, _method("RidgeClassifier")(alpha=alpha)))


def centroid(data: Data) -> EstimatorLearner:
    """Nearest class mean, from exact sums."""
    return EstimatorLearner(sums(data, _method("NearestCentroid")()))


def neighbours(data: Data, *, n_neighbors: int = 5) -> EstimatorLearner:
    """The classes of the nearest records."""
    model = _method("KNeighborsClassifier")(n_neighbors=n_neighbors)
    return EstimatorLearner(sums(data, model), floor=1 / (2 * n_neighbors))


def lda(data: Data, *, shrinkage: float = 0.1) -> EstimatorLearner:
    """Linear discriminants, from exact sums."""
    return EstimatorLearner(sums(data, _method("LinearDiscriminantAnalysis")(shrinkage=shrinkage)))


def qda(data: Data, *, reg_param: float = 0.1) -> EstimatorLearner:
    """Quadratic discriminants, from exact sums."""
    return EstimatorLearner(sums(data, _method("QuadraticDiscriminantAnalysis")(reg_param=reg_param)))


def pca_lda(data: Data, *, n_components: int = 20) -> EstimatorLearner:
    """Principal components, then linear discriminants."""
    steps = (_method("PCA")(n_components=n_components), _method("LinearDiscriminantAnalysis")())
    return EstimatorLearner(_pipeline(*steps))


def fourier(data: Data, *, n_frequencies: int = 300) -> EstimatorLearner:
    """Ridge regression on random Fourier features: a kernel machine that forgets by subtraction."""
    model = _method("FourierRidgeClassifier")(n_frequencies=n_frequencies)
    return EstimatorLearner(sums(data, model), keep=1.0)


def bayes(data: Data) -> EstimatorLearner:
    """Naive Bayes of the kind that suits the data, from exact sums: multinomial for text, normal for other numbers."""
    if data.kind == "text":
        return EstimatorLearner(_pipeline(_method("TfidfVectorizer")(norm=None), _method("MultinomialNB")()))
    if data.kind == "image":
        return EstimatorLearner(_method("MultinomialNB")())
    return EstimatorLearner(sums(data, _method("GaussianNB")(var_smoothing=1e-3)))


def bernoulli(data: Data, *, n_bins: int = 5) -> EstimatorLearner:
    """Naive Bayes on what is there and what is not: words, bins of numbers, categories."""
    last = _method("BernoulliNB")()
    if data.kind == "text":
        return EstimatorLearner(_pipeline(_method("CountVectorizer")(), last))
    if not _categories(data):
        return EstimatorLearner(_method("BernoulliNB")(binarize=0.5))
    encoder = _method("OneHotEncoder")(handle_unknown="ignore")
    return EstimatorLearner(_pipeline(_columns(data, encoder, _method("KBinsDiscretizer")(n_bins=n_bins)), last))


def categorical(data: Data, *, n_bins: int = 5) -> EstimatorLearner:
    """Naive Bayes on categories and bins of numbers."""
    encoder = _method("OrdinalEncoder")(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = _columns(data, encoder, _method("KBinsDiscretizer")(n_bins=n_bins))
    return EstimatorLearner(_pipeline(columns, _method("CategoricalNB")()))


def scaled_bayes(data: Data) -> EstimatorLearner:
    """Multinomial naive Bayes on columns brought to 0 to 1, gaps filled first."""
    encoder = _method("OneHotEncoder")(handle_unknown="ignore")
    columns = _columns(data, encoder, _method("MinMaxScaler")())
    return EstimatorLearner(_pipeline(columns, _method("MultinomialNB")()))


def filled_ridge(data: Data) -> EstimatorLearner:
    """Gaps filled by means, then ridge regression on classes."""
    return EstimatorLearner(_pipeline(_method("SimpleImputer")(), _method("RidgeClassifier")()))


def hashed_ridge(data: Data, *, n_features: int = 256) -> EstimatorLearner:
    """Hashed words, then ridge regression on classes."""
    return EstimatorLearner(
        _pipeline(_method("HashingVectorizer")(n_features=n_features), _method("RidgeClassifier")())
    )


def svd_ridge(data: Data, *, n_components: int = 50) -> EstimatorLearner:
    """The 300 most frequent words, truncated SVD, then ridge regression on classes."""
    words = _method("TfidfVectorizer")(max_features=300)
    return EstimatorLearner(
        _pipeline(words, _method("TruncatedSVD")(n_components=n_components), _method("RidgeClassifier")())
    )


def words_ridge(data: Data, *, max_features: int = 500) -> EstimatorLearner:
    """Weights of the most frequent words, then ridge regression on classes, solved together."""
    words = _method("TfidfVectorizer")(max_features=max_features)
    return EstimatorLearner(_pipeline(words, _method("RidgeClassifier")()))


def certified(
    data: Data, *, epsilon: float = 1.0, sigma: float = 1.0, alpha: float = 20.0, words: str = "hashed"
) -> EstimatorLearner:
    """Logistic regression whose removals are certified; texts by hashed words, or by TF-IDF, which moves with each."""
    return _within(data, "CertifiedLogisticRegression", words, epsilon=epsilon, sigma=sigma, alpha=alpha)


def langevin(data: Data, *, epsilon: float = 1.0, noise: float = 0.05, alpha: float = 20.0) -> EstimatorLearner:
    """Logistic regression by noisy gradient descent, certified."""
    return _within(data, "LangevinLogisticRegression", epsilon=epsilon, noise=noise, alpha=alpha)


def newton(data: Data, *, epsilon: float = 1.0, alpha: float = 1.0, capacity: float = 10.0) -> EstimatorLearner:
    """Logistic regression by a Newton step and noise on what is published, certified."""
    return _within(data, "NewtonLogisticRegression", epsilon=epsilon, alpha=alpha, capacity=capacity)


def bayesian(data: Data, *, alpha: float = 1.0, algorithm: str = "eubo") -> EstimatorLearner:
    """Logistic regression with a posterior that records are divided out of."""
    return EstimatorLearner(_method("BayesianLogisticRegression")(alpha=alpha, algorithm=algorithm))


def descent(data: Data, *, epsilon: float = 1.0, n_steps: int = 100, alpha: float = 100.0) -> EstimatorLearner:
    """Logistic regression by gradient descent that goes on after each request, certified."""
    return _within(data, "DescentToDelete", epsilon=epsilon, n_steps=n_steps, alpha=alpha)


def private(data: Data, *, epsilon: float = 1.0, group_size: int = 1) -> EstimatorLearner:
    """Logistic regression under differential privacy, that forgets so many records by doing nothing."""
    return _within(data, "PrivateLogisticRegression", epsilon=epsilon, group_size=group_size)


def private_bayes(data: Data, *, epsilon: float = 1.0, group_size: int = 1) -> EstimatorLearner:
    """Gaussian naive Bayes under differential privacy, on numbers from 0 to 1."""
    model = _method("PrivateGaussianNB")(epsilon=epsilon, group_size=group_size, bounds=(0.0, 1.0))
    return EstimatorLearner(_bounded(data, model), keep=1.0)


def private_bernoulli(data: Data, *, epsilon: float = 1.0, group_size: int = 1) -> EstimatorLearner:
    """Naive Bayes of presence under differential privacy."""
    model = _method("PrivateBernoulliNB")(epsilon=epsilon, group_size=group_size, binarize=0.5)
    return EstimatorLearner(_bounded(data, model), keep=1.0)


def private_online(data: Data, *, epsilon: float = 1.0, group_size: int = 1) -> EstimatorLearner:
    """Logistic regression on a stream under differential privacy."""
    return _within(data, "PrivateOnlineLogisticRegression", epsilon=epsilon, group_size=group_size)


def estimator(data: Data, *, method: str) -> EstimatorLearner:
    """Any method of the library, or of a plug-in, with its defaults; by the name of its class."""
    return EstimatorLearner(own_model(method)())


def _within(data: Data, name: str, words: str = "hashed", **given: Any) -> EstimatorLearner:
    """A method with a bound on rows, behind numbers that keep it."""
    return EstimatorLearner(_bounded(data, _method(name)(norm_bound=_norm(data), **given), words), keep=1.0)


def _norm(data: Data) -> float:
    """A public bound on rows of :func:`_bounded`. Longer rows are cut.

    That of words is 1; else that of a row whose numbers are all a half, and one category of each column.
    """
    if data.kind == "text":
        return 1.0
    n_categories = len(_categories(data))
    return math.sqrt(n_categories + 0.25 * (data.X.shape[1] - n_categories))


def _bounded(data: Data, model: Any, words: str = "hashed") -> Any:
    """The model on numbers from 0 to 1, scaled columns and categories; of texts, on rows of words of length 1."""
    check_choice("words", words, ("hashed", "tfidf"))
    if data.kind == "text":
        vectors = {
            "hashed": ("HashingVectorizer", {"n_features": 256}),
            "tfidf": ("TfidfVectorizer", {"max_features": 256}),
        }
        name, given = vectors[words]
        return _pipeline(_method(name)(**given), model)
    if not hasattr(data.X, "columns"):
        return model
    if not _categories(data):
        return _pipeline(_method("MinMaxScaler")(), model)
    encoder = _method("OneHotEncoder")(handle_unknown="ignore")
    return _pipeline(_columns(data, encoder, _method("MinMaxScaler")()), model)


def _method(name: str) -> Any:
    return find_method(name)


def _pipeline(*steps: Any) -> Any:
    names = [f"{i}-{type(step).__name__.lower()}" for i, step in enumerate(steps)]
    return _method("Pipeline")(list(zip(names, steps, strict=True)))


def _mlp(width: int) -> MLPClassifier:
    return MLPClassifier((width,), max_iter=60, learning_rate_init=3e-3)


def _steps(data: Data) -> SGDClassifier:
    return SGDClassifier(loss="log_loss", max_iter=5, tol=None)


def _categories(data: Data) -> list[str]:
    """Names of the columns that hold texts."""
    from pandas.api.types import is_numeric_dtype

    frame = data.X
    return [c for c in frame.columns if not is_numeric_dtype(frame[c])] if hasattr(frame, "columns") else []


def _columns(data: Data, encoder: Any, numbers: Any) -> Any:
    return _method("ColumnTransformer")([("texts", encoder, _categories(data))], remainder=numbers)


def sums(data: Data, model: Any) -> Any:
    """The model on numbers; of a frame, behind scales and one-hot columns that forget too."""
    if not hasattr(data.X, "columns"):
        return model
    if not _categories(data):
        return _pipeline(_method("StandardScaler")(), model)
    encoder = _method("OneHotEncoder")(handle_unknown="ignore")
    return _pipeline(_columns(data, encoder, _method("StandardScaler")()), model)


def behind(data: Data, model: Any) -> Any:
    """The same for estimators of scikit-learn, with its own transformers."""
    if data.kind == "text":
        return make_pipeline(TfidfVectorizer(), model)
    if hasattr(data.X, "columns"):
        encoder = (OneHotEncoder(handle_unknown="ignore"), _categories(data))
        return make_pipeline(make_column_transformer(encoder, remainder=StandardScaler()), model)
    return model
