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
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

import expunge
from expunge.checks import Case

#: How many methods the table has; a new one comes with an instance below.
N_METHODS = 60


def string_pipeline() -> object:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["town", "colour"]), remainder=StandardScaler()
    )
    return make_pipeline(columns, LogisticRegression(max_iter=20))


def frame_columns() -> expunge.ColumnTransformer:
    encoder = expunge.OneHotEncoder(handle_unknown="ignore")
    return expunge.ColumnTransformer([("texts", encoder, ["town", "colour"])], remainder=expunge.StandardScaler())


#: Other values of the arguments that a guess from the default does not find.
OTHER_COLUMNS = {"transformers": [[("texts", expunge.OneHotEncoder(), ["town"])]]}


#: Instances that are tried with ``--slow`` only. Every method has another one that is tried always.
SLOW = frozenset(
    {
        "ALS-warm", "BayesianLogisticRegression-reverse", "BayesianRidge-fixed", "ForestClassifier-frame",
        "GaussianDetector-share", "IsolationForest-share", "LangevinLogisticRegression-batches",
        "LinearDiscriminantAnalysis-shrinkage", "ModularClassifier-columns", "ModularClassifier-densities",
        "NearestCentroid-shrunken", "PCA-share", "Pipeline-forest-words", "Pipeline-neighbours-words",
        "Pipeline-rare-frame", "Pipeline-ridge-words", "Pipeline-sharded", "RetrainClassifier-texts",
        "RetrainRegressor-tree", "SISAClassifier-histgb", "SISAClassifier-lightgbm", "SISAClassifier-logistic",
        "SISAClassifier-persons", "SISAClassifier-strings", "SISAClassifier-weighted", "SISARegressor-tree",
    }
)  # fmt: skip


#: Kind of the guarantee of instances that do not promise equality.
KINDS = {
    **dict.fromkeys(
        ("CertifiedLogisticRegression", "CertifiedRidge", "DescentToDelete", "LangevinLogisticRegression",
         "LangevinLogisticRegression-batches", "NewtonLogisticRegression", "PrivateBernoulliNB", "PrivateGaussianNB",
         "PrivateLogisticRegression", "PrivateOnlineLogisticRegression"),
        "certified",
    ),
    "EASE-bounded": "bounded",
    **dict.fromkeys(("ALS-warm", "BayesianLogisticRegression", "BayesianLogisticRegression-reverse"), "empirical"),
}  # fmt: skip


#: Arguments that cannot matter where no number is missing; tests of their own try them.
NOTHING_MISSING: dict[str, list[str]] = {"fill_value": [], "keep_empty_features": []}


#: Other steps of a pipeline over texts.
WEIGHTED = [("words", expunge.TfidfVectorizer(norm=None)), ("bayes", expunge.MultinomialNB(alpha=0.5))]


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
    persons = expunge.SISAClassifier(SklearnGaussianNB(), n_shards=2, place_by="subject")
    yield "SISAClassifier-persons", Case(persons)
    yield "SISARegressor-tree", Case(expunge.SISARegressor(DecisionTreeRegressor(max_depth=3), n_shards=3))
    sgd = SGDRegressor(max_iter=3, tol=None)
    median = expunge.SISARegressor(sgd, n_shards=2, n_slices=2, aggregation="median")
    yield "SISARegressor-sgd-slices", Case(median)
    density = expunge.ModularClassifier(KernelDensity(), priors="empirical")
    yield "ModularClassifier-densities", Case(density, alternatives={"priors": [None]})
    yield "ModularClassifier-pairs", Case(expunge.ModularClassifier(SklearnGaussianNB()))
    by_columns = expunge.ModularClassifier(SklearnGaussianNB(), by="columns", groups=2)
    yield "ModularClassifier-columns", Case(by_columns, alternatives={"by": ["class"]})
    yield "GaussianNB", Case(expunge.GaussianNB())
    yield "MultinomialNB", Case(expunge.MultinomialNB())
    yield "MultinomialNB-sparse", Case(expunge.MultinomialNB(), table="sparse")
    yield "BernoulliNB", Case(expunge.BernoulliNB())
    yield "CategoricalNB-frame", Case(expunge.CategoricalNB(), table="frame")
    few = {"n_frequencies": 12, "gamma": 0.01, "alpha": 1e-3}
    yield "FourierRidge", Case(expunge.FourierRidge(**few))
    yield "FourierRidgeClassifier", Case(expunge.FourierRidgeClassifier(**few))
    seeded = {"noise_seed": 0, "norm_bound": 4.0}  # without a seed no two fits are alike
    yield "CertifiedLogisticRegression", Case(expunge.CertifiedLogisticRegression(**seeded))
    yield "CertifiedRidge", Case(expunge.CertifiedRidge(**seeded))
    shared = {"alpha": 20.0, **seeded}
    yield "LangevinLogisticRegression", Case(expunge.LangevinLogisticRegression(noise=0.3, **shared))
    stochastic = expunge.LangevinLogisticRegression(noise=1.0, n_batches=2, **shared)
    yield "LangevinLogisticRegression-batches", Case(stochastic)
    many = {**shared, "alpha": 100.0}  # the noise hides so many, but does not saturate every probability
    yield "NewtonLogisticRegression", Case(expunge.NewtonLogisticRegression(capacity=10.0, **many))
    yield "BayesianLogisticRegression", Case(expunge.BayesianLogisticRegression(alpha=10.0, n_samples=8))
    reverse = expunge.BayesianLogisticRegression(algorithm="rkl", n_samples=8)
    yield "BayesianLogisticRegression-reverse", Case(reverse)
    yield "DescentToDelete", Case(expunge.DescentToDelete(n_steps=400, **shared))
    hidden = {"noise_seed": 0, "group_size": 3}
    yield "PrivateBernoulliNB", Case(expunge.PrivateBernoulliNB(**hidden))
    yield "PrivateGaussianNB", Case(expunge.PrivateGaussianNB(**hidden))
    yield "PrivateLogisticRegression", Case(expunge.PrivateLogisticRegression(n_steps=10, **hidden))
    yield "PrivateOnlineLogisticRegression", Case(expunge.PrivateOnlineLogisticRegression(batch_size=8, **hidden))
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
    yield "ForestClassifier", Case(expunge.ForestClassifier(n_estimators=3))
    shared = expunge.ForestClassifier(n_estimators=4, max_depth=4)
    yield "ForestClassifier-frame", Case(shared, table="frame")
    yield "ForestRegressor", Case(expunge.ForestRegressor(n_estimators=3, max_depth=4, share=0.7))
    yield "DecisionTreeClassifier", Case(expunge.DecisionTreeClassifier())
    yield "DecisionTreeRegressor", Case(expunge.DecisionTreeRegressor())
    yield "IsolationForest", Case(expunge.IsolationForest(n_estimators=4, max_samples=20))
    yield "IsolationForest-share", Case(expunge.IsolationForest(n_estimators=3, max_samples=0.5, contamination=0.1))
    yield "GaussianDetector", Case(expunge.GaussianDetector())
    yield "GaussianDetector-share", Case(expunge.GaussianDetector(contamination=0.1))
    yield "PCADetector", Case(expunge.PCADetector())
    yield "HistogramDetector", Case(expunge.HistogramDetector(n_bins=5))
    yield "NeighborDetector", Case(expunge.NeighborDetector(n_neighbors=2))
    yield "LocalOutlierFactor", Case(expunge.LocalOutlierFactor(n_neighbors=2, contamination=0.1))
    yield "KMeans", Case(expunge.KMeans(n_clusters=2, max_samples=16))
    yield "KNeighborsClassifier", Case(expunge.KNeighborsClassifier(n_neighbors=2))
    yield "KNeighborsRegressor", Case(expunge.KNeighborsRegressor(n_neighbors=2))
    yield "ALS", Case(expunge.ALS(n_factors=3, n_sweeps=3), table="interactions", alternatives={"warm_sweeps": []})
    warm = expunge.ALS(n_factors=3, n_sweeps=3, algorithm="warm")
    yield "ALS-warm", Case(warm, table="interactions", alternatives={"warm_sweeps": []})
    yield "EASE", Case(expunge.EASE(alpha=2.0), table="interactions", alternatives={"tol": []})
    bounded = expunge.EASE(alpha=2.0, algorithm="bounded")
    yield "EASE-bounded", Case(bounded, table="interactions", alternatives={"tol": []})
    yield "ItemKNN", Case(expunge.ItemKNN(n_neighbors=3), table="interactions")
    yield "Popularity", Case(expunge.Popularity(), table="interactions")
    few = {"n_shards": 2, "n_factors": 2, "epochs": 2}
    yield "ShardedBPR", Case(expunge.ShardedBPR(batch_size=16, **few), table="interactions")
    yield "StandardScaler", Case(expunge.StandardScaler())
    yield "MinMaxScaler", Case(expunge.MinMaxScaler())
    yield "SimpleImputer", Case(expunge.SimpleImputer(), alternatives=NOTHING_MISSING)
    yield (
        "SimpleImputer-frame",
        Case(
            expunge.SimpleImputer(strategy="most_frequent"),
            table="frame",
            alternatives=NOTHING_MISSING,
        ),
    )
    yield "OneHotEncoder-frame", Case(expunge.OneHotEncoder(handle_unknown="ignore"), table="frame")
    nothing_unknown: dict[str, list[str]] = {"handle_unknown": [], "unknown_value": []}
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    yield "OrdinalEncoder-frame", Case(expunge.OrdinalEncoder(**unknown), table="frame", alternatives=nothing_unknown)
    yield "KBinsDiscretizer", Case(expunge.KBinsDiscretizer(n_bins=3))
    yield "CountVectorizer", Case(expunge.CountVectorizer(), table="texts")
    yield "TfidfVectorizer", Case(expunge.TfidfVectorizer(), table="texts")
    yield "HashingVectorizer", Case(expunge.HashingVectorizer(n_features=64), table="texts")
    yield "PassageIndex", Case(expunge.PassageIndex(), table="texts")
    yield "SpanReader", Case(expunge.SpanReader(), table="questions")
    yield "ColumnTransformer-frame", Case(frame_columns(), table="frame", alternatives=OTHER_COLUMNS)
    other_steps = {"steps": [[("scale", expunge.StandardScaler(with_std=False)), ("ridge", expunge.Ridge())]]}
    folded = expunge.Pipeline([("scale", expunge.StandardScaler()), ("ridge", expunge.Ridge())])
    yield "Pipeline-folded", Case(folded, alternatives=other_steps)
    frame = expunge.make_pipeline(frame_columns(), expunge.RidgeClassifier())
    yield "Pipeline-frame", Case(frame, table="frame")
    bayes = expunge.GaussianNB(var_smoothing=1e-15)  # scikit-learn's smoothing, and so ours, leaves weights out
    scaled = expunge.make_pipeline(expunge.StandardScaler(), expunge.PCA(n_components=2), bayes)
    yield "Pipeline-in-turn", Case(scaled, alternatives={"fold": []})
    sharded = expunge.SISAClassifier(LogisticRegression(max_iter=20), n_shards=2)
    yield (
        "Pipeline-sharded",
        Case(expunge.make_pipeline(frame_columns(), sharded), table="frame", alternatives={"fold": []}),
    )
    normed = expunge.make_pipeline(expunge.TfidfVectorizer(), expunge.MultinomialNB())
    ridge = expunge.make_pipeline(expunge.TfidfVectorizer(max_features=6), expunge.RidgeClassifier())
    counted = {"table": "texts", "alternatives": {"steps": [WEIGHTED], "fold": []}}
    forest = expunge.ForestClassifier(n_estimators=3, max_depth=4)
    yield "Pipeline-forest-words", Case(expunge.make_pipeline(expunge.CountVectorizer(), forest), **counted)
    known = expunge.LocalOutlierFactor(n_neighbors=2, contamination=0.1)
    yield "Pipeline-neighbours-words", Case(expunge.make_pipeline(expunge.TfidfVectorizer(), known), **counted)
    rare = expunge.make_pipeline(frame_columns(), expunge.HistogramDetector(n_bins=4, contamination=0.1))
    yield "Pipeline-rare-frame", Case(rare, table="frame", alternatives={"fold": []})
    yield "Pipeline-ridge-words", Case(ridge, table="texts", alternatives={"steps": [WEIGHTED]})
    yield "Pipeline-normed-words", Case(normed, table="texts", alternatives={"steps": [WEIGHTED]})
