"""Audits on real data: which models the audit finds, on which tasks, and what it cannot see there.

python benchmarks/audit_real.py [--write] [--controls FILE] [--only tasks|exact|lira|none] [--store FOLDER]

``--store`` keeps the references of the tasks, so that a run goes on where it stopped. ``--write`` puts the tables into
docs/audit.md, and ``--controls`` that of the self-test, from what ``expunge audit --self-test --json`` printed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, machine, table
from scipy.special import expit
from sklearn.base import is_classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import expunge
from expunge.audit import References, Scores, audit, audit_by_digest, signals_of, signals_of_values
from expunge.audit.references import mlp_outputs, plan_around, references, softmax_outputs
from expunge.audit.statistics import delong_paired, tpr_at_fpr
from expunge.methods import METHODS, find_method
from expunge.workspace.models.method_references import MethodTraining

PAGE = Path(__file__).resolve().parents[1] / "docs" / "audit.md"
N_RETRAINS, N_UNFORGOTTEN = 48, 16


def picture_rows(name: str, n: int, seed: int) -> tuple[Any, Any]:
    """Pictures as rows in [0, 1], a draw of n."""
    with np.load(DATA / f"{name}.npz") as file:
        x, y = file["x_train"] if "x_train" in file else file["x"], file["y_train"] if "y_train" in file else file["y"]
    chosen = np.random.default_rng(seed).permutation(len(x))[:n]
    return (x[chosen].reshape(n, -1) / 255).astype(np.float32), y[chosen].astype(np.int64)


def adult(n: int, seed: int) -> tuple[Any, Any]:
    """Adult: numbers scaled, categories one-hot."""
    frame = pd.read_csv(DATA / "adult.csv.gz").drop(columns=["split"]).sample(n, random_state=seed)
    y = (frame.pop("income") == ">50K").to_numpy().astype(np.int64)
    numbers = frame.select_dtypes("number")
    rest = frame.drop(columns=numbers.columns)
    X = np.hstack([
        StandardScaler().fit_transform(numbers),
        OneHotEncoder(sparse_output=False, min_frequency=20).fit_transform(rest),
    ])  # fmt: skip
    return X, y


def location(n: int, seed: int) -> tuple[Any, Any]:
    """Location-30: which places a person was at, and which of 30 kinds of person that is."""
    with np.load(DATA / "location30.npz") as file:
        X, y = file["X"].astype(np.float32), file["y"].astype(np.int64)
    chosen = np.random.default_rng(seed).permutation(len(X))[:n]
    return X[chosen], y[chosen]


def film_texts(n: int, seed: int) -> list[str]:
    """Sentences of films."""
    return [text for text, _ in _films(n, seed)]


def sentiment(n: int, seed: int) -> tuple[Any, Any]:
    """Sentences of films, for or against, as TF-IDF of words."""
    texts, labels = zip(*_films(n, seed), strict=True)
    X = TfidfVectorizer(min_df=3, sublinear_tf=True).fit_transform(texts)
    return X.toarray().astype(np.float32), np.array(labels)


def _films(n: int, seed: int) -> list[tuple[str, int]]:
    with gzip.open(DATA / "rt_polarity.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    chosen = np.random.default_rng(seed).permutation(len(lines))[:n]
    return [(lines[i]["text"], int(lines[i]["label"])) for i in chosen]


def by_estimator(make: Any, X: Any, y: Any, members: Any, seeds: Any, *, query: Any) -> Any:
    """Outputs of a scikit-learn estimator, one fit for each row of members; ``make(random_state)``."""
    k = int(y.max()) + 1
    out = np.zeros((len(members), len(query), k))
    for i, (member, seed) in enumerate(zip(members, seeds, strict=True)):
        model = make(random_state=seed).fit(X[member], y[member])
        out[i][:, model.classes_] = model.predict_proba(query)
    return out


def forest(random_state: int) -> Any:
    return RandomForestClassifier(100, random_state=random_state, n_jobs=1)


def logistic(random_state: int) -> Any:
    return LogisticRegression(C=100.0, max_iter=2000, random_state=random_state)


class Task:
    """A data set and a way to train: roles are drawn, references are trained once."""

    store: Path | None = None  # of all tasks

    def __init__(self, name: str, X: Any, y: Any, train: Any, *, share: float, keep: float, floor: float, batch: int):
        rng = np.random.default_rng(7)
        n = len(X)
        role = rng.permutation(n)
        n_forget = round(share * n)
        self.name, self.X, self.y, self.train, self.keep, self.floor, self.batch = name, X, y, train, keep, floor, batch
        self.forgotten, self.held_out = np.zeros((2, n), dtype=bool)
        self.forgotten[role[:n_forget]] = True
        self.held_out[role[n_forget : 2 * n_forget]] = True
        self.query = np.flatnonzero(self.forgotten | self.held_out)

    def masks(self) -> dict[str, Any]:
        return {"is_forgotten": self.forgotten[self.query], "is_held_out": self.held_out[self.query]}

    def references(self, train: Any, **more: Any) -> Any:
        plan = plan_around(
            np.arange(len(self.X)), is_forgotten=self.forgotten, is_held_out=self.held_out, n=N_RETRAINS + 1,
            n_unforgotten=N_UNFORGOTTEN + 1, keep=self.keep, seed=1,
        )  # fmt: skip
        given = {"labels": self.y[self.query], **more}
        if self.store is not None:
            given |= {"store": self.store, "content": (self.name, self.X, self.y, self.query)}
        return references(train, plan, query=self.query, batch=self.batch, floor=self.floor, **given)

    def scores(self, signals: Any) -> Scores:
        return Scores(signals=signals, labels=self.y[self.query], ids=self.query, **self.masks())

    def scores_of(self, training: Any, model: Any) -> Scores:
        answers, targets = training.answers(model), training.targets()
        if training.task == "regression":
            return Scores(signals=signals_of_values(answers, targets), ids=self.query, **self.masks())
        return self.scores(signals_of(answers, targets, floor=self.floor))


def without(of: References, row: int) -> tuple[Any, References]:
    """Take one model out: it is audited, the others are its references."""
    rest = np.arange(len(of)) != row
    return {k: v[row] for k, v in of.signals.items()}, References(
        signals={k: v[rest] for k, v in of.signals.items()}, members=of.members[rest]
    )


def words(report: Any) -> str:
    return f"{report.verdict} (p = {min(report.p_not_forgotten, report.p_over_forgotten):.3f})"


def audit_task(task: Task) -> list[Any]:
    """A retrained and a do-nothing model, audited against the same references."""
    start = time.perf_counter()
    every = task.references(partial(task.train, task.X, task.y, query=task.X[task.query]))
    signals, rest = without(every, 0)
    rest = without(rest, N_RETRAINS)[1]  # a do-nothing model less, so that both audits see the same references
    retrained = audit(task.scores(signals), rest)
    unchanged_signals, _ = without(every, N_RETRAINS + 1)
    unchanged = audit(task.scores(unchanged_signals), rest)
    best = max((a for a in unchanged.attacks if a.auc.value is not None), key=lambda a: a.auc.value)
    loss = unchanged.attacks[0]
    power = retrained.power
    return [
        task.name, f"{len(task.X) - int(task.held_out.sum()):,} / {int(task.forgotten.sum()):,}", words(retrained),
        words(unchanged), f"{power.value:.0%} (≥ {power.low:.0%})", f"{loss.auc.value:.3f}",
        f"{best.auc.value:.3f} ({best.name})", f"{time.perf_counter() - start:.0f} s",
    ]  # fmt: skip


def tasks() -> list[Task]:
    mnist, fashion = picture_rows("mnist", 2000, 0), picture_rows("fashion_mnist", 2000, 0)
    soft = partial(softmax_outputs, penalty=1e-4, steps=200)
    network = partial(mlp_outputs, n_hidden=64, epochs=20, batch=50, rate=2e-3)
    some = {"share": 0.15, "keep": 1.0, "floor": 1e-45, "batch": 65}
    fixed = {**some, "keep": 0.9}
    A, L, T = adult(4000, 0), location(2400, 0), sentiment(2400, 0)
    forests = {**some, "floor": 1 / 200, "batch": 4}
    return [
        Task("MNIST, network", *mnist, network, **some),
        Task("MNIST, softmax regression", *mnist, soft, **fixed),
        Task("Fashion-MNIST, network", *fashion, network, **some),
        Task("Fashion-MNIST, softmax regression", *fashion, soft, **fixed),
        Task("Adult, random forest", *A, partial(by_estimator, forest), **forests),
        Task("Adult, logistic regression", *A, partial(by_estimator, logistic), **{**fixed, "batch": 4}),
        Task(
            "Adult, logistic regression, many records",
            *adult(20_000, 1),
            partial(by_estimator, partial(LogisticRegression, max_iter=500)),
            share=0.05, keep=0.9, floor=1e-45, batch=4,
        ),
        Task("Location-30, network", *L, network, **some),
        Task("Film sentiment, TF-IDF and logistic regression", *T, partial(by_estimator, logistic),
             **{**fixed, "batch": 4}),
    ]  # fmt: skip


LOGISTIC = LogisticRegression(max_iter=300)
#: Every exact method that predicts, and what it is made of here.
PREDICTS: dict[str, dict[str, Any]] = {
    "BayesianRidge": {}, "BernoulliNB": {}, "CategoricalNB": {}, "DecisionTreeClassifier": {},
    "DecisionTreeRegressor": {"max_depth": 6}, "ForestClassifier": {"n_estimators": 30},
    "ForestRegressor": {"n_estimators": 30}, "FourierRidge": {"n_frequencies": 60, "gamma": 0.01},
    "FourierRidgeClassifier": {"n_frequencies": 60, "gamma": 0.01}, "GaussianNB": {"var_smoothing": 1e-3},
    "KNeighborsClassifier": {}, "KNeighborsRegressor": {},
    "LinearDiscriminantAnalysis": {}, "ModularClassifier": {"estimator": LOGISTIC}, "MultinomialNB": {},
    "NearestCentroid": {},
    "Pipeline": {"steps": [("scale", expunge.StandardScaler()), ("ridge", expunge.RidgeClassifier())]},
    "QuadraticDiscriminantAnalysis": {"reg_param": 0.5}, "RetrainClassifier": {"estimator": LOGISTIC},
    "RetrainRegressor": {"estimator": SklearnRidge()}, "Ridge": {}, "RidgeClassifier": {},
    "SISAClassifier": {"estimator": LOGISTIC, "n_shards": 4},
    "SISARegressor": {"estimator": SklearnRidge(), "n_shards": 4},
}  # fmt: skip
#: Those that predict nothing: digests are compared. Of the second kind the input is texts.
ANSWERS_NOTHING: dict[str, dict[str, Any]] = {
    "ColumnTransformer": {"transformers": [("some", expunge.StandardScaler(), [0, 1, 2])]},
    "GaussianDetector": {}, "HistogramDetector": {}, "IsolationForest": {"n_estimators": 30},
    "KBinsDiscretizer": {"n_bins": 3}, "KMeans": {}, "LocalOutlierFactor": {}, "MinMaxScaler": {},
    "NeighborDetector": {}, "PCADetector": {},
    "OneHotEncoder": {"handle_unknown": "ignore"},
    "OrdinalEncoder": {"handle_unknown": "use_encoded_value", "unknown_value": -1}, "PCA": {"n_components": 5},
    "SimpleImputer": {}, "StandardScaler": {}, "TruncatedSVD": {},
}  # fmt: skip
READS_TEXT: dict[str, dict[str, Any]] = {
    "CountVectorizer": {}, "HashingVectorizer": {"n_features": 4096}, "TfidfVectorizer": {},
}  # fmt: skip

#: These leave another state than a fresh fit; their promise is measured elsewhere.
NOT_EXACT = {
    "BayesianLogisticRegression", "CertifiedLogisticRegression", "CertifiedRidge", "DescentToDelete",
    "LangevinLogisticRegression", "NewtonLogisticRegression",
}  # fmt: skip


def exact_rows() -> list[list[Any]]:
    """Every exact method on small versions of the inputs: digest, and what the attacks alone say."""
    if missing := set(METHODS) - NOT_EXACT - set(PREDICTS) - set(ANSWERS_NOTHING) - set(READS_TEXT):
        raise SystemExit(f"No row for {sorted(missing)}: add what it is made of.")
    inputs = {
        "MNIST": small_pictures("mnist"), "Fashion-MNIST": small_pictures("fashion_mnist"), "Adult": adult(900, 1),
        "Location-30": location(900, 1), "Film sentiment": sentiment(900, 1),
    }  # fmt: skip
    rows = []
    for method, arguments in sorted({**PREDICTS, **ANSWERS_NOTHING, **READS_TEXT}.items()):
        cells = [method]
        for name, (X, y) in inputs.items():
            X = X[:, X.var(axis=0).argsort()[::-1][:60]].astype(np.float64)
            if method == "MultinomialNB":
                X = X - X.min()
            if method in ("CategoricalNB", "OneHotEncoder", "OrdinalEncoder"):
                X = np.greater(X, np.median(X, axis=0)).astype(np.int64)
            model = find_method(method)(**arguments)
            if method in READS_TEXT:
                cells.append(_by_digest(model, np.array(film_texts(900, 1), dtype=object), None)
                             if name == "Film sentiment" else "–")  # fmt: skip
            elif method in ANSWERS_NOTHING:
                cells.append(_by_digest(model, X, None))
            else:
                cells.append(_exact(model, X, y if is_classifier(model) else y.astype(np.float64)))
            print(method, name, cells[-1], flush=True)
        rows.append(cells)
    return rows


def _by_digest(model: Any, X: Any, y: Any) -> str:
    """The verdict by digest after an erasure and, behind it, before."""
    n = len(X)
    task = Task("", X, y, None, share=0.15, keep=0.9, floor=1e-12, batch=4)
    training = MethodTraining(model, X, y, np.arange(n), task.query)
    learned, kept = ~task.held_out, ~task.held_out & ~task.forgotten
    fresh, erased = training.fitted(kept).digest(), training.fitted(learned)
    before = audit_by_digest((erased.digest(), fresh), n_forgotten=int(task.forgotten.sum()))
    erased.forget(np.flatnonzero(task.forgotten).tolist())
    after = audit_by_digest((erased.digest(), fresh), n_forgotten=int(task.forgotten.sum()))
    return f"{after.verdict} / – / {before.verdict}"


def small_pictures(name: str) -> tuple[Any, Any]:
    X, y = picture_rows(name, 900, 1)
    return X.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(X), -1), y


def _exact(model: Any, X: Any, y: Any) -> str:
    """Verdicts with the digest, by the attacks alone, and on the model before it forgot."""
    task = Task("", X, y, None, share=0.15, keep=0.9, floor=1e-12, batch=4)
    ids = np.arange(len(X))
    training = MethodTraining(model, X, y, ids, task.query)
    every = task.references(training, task=training.task, labels=training.targets())
    learned, kept = ~task.held_out, ~task.held_out & ~task.forgotten
    erased = training.fitted(learned)
    before = task.scores_of(training, erased)
    erased.forget(ids[task.forgotten].tolist())
    after = task.scores_of(training, erased)
    digests = (erased.digest(), training.fitted(kept).digest())
    whole = audit(after, every, digests=digests)
    alone = audit(after, every)
    nothing = audit(before, every)
    return f"{whole.verdict} / {alone.verdict} / {nothing.verdict}"


def lira_against_loss(n: int = 24_000, n_models: int = 64) -> list[list[Any]]:
    """LiRA and the loss attack at 0.1 % false positives on an overfit network trained on half of the records."""
    from expunge.audit.exponential import exponential_family
    from expunge.audit.lira import lira_offline, lira_online
    from expunge.audit.moments import moments
    from expunge.audit.rmia import rmia_offline, rmia_online

    X, y = picture_rows("fashion_mnist", n, 3)
    rng = np.random.default_rng(5)
    members = np.zeros((n_models + 1, n), dtype=bool)
    for i in range(n_models + 1):
        members[i, rng.permutation(n)[: n // 2]] = True
    train = partial(mlp_outputs, X, y, n_hidden=128, epochs=25, batch=128, rate=2e-3)
    out = []
    for at in range(0, n_models + 1, 13):
        part = train(members[at : at + 13], tuple(range(at, min(at + 13, n_models + 1))))
        out.append(signals_of(part, y)["logit"])
        print("  networks", at, flush=True)
    logits = np.concatenate(out)
    target, refs, own = logits[0], logits[1:], members[0]
    known = members[1:]
    inside, outside = moments(refs, known, what="in"), moments(refs, ~known)
    chance_in, chance_out = (moments(expit(refs), chosen).mean for chosen in (known, ~known))
    scores = {
        "loss": target,
        "LiRA online": lira_online(target, inside, outside),
        "LiRA offline": lira_offline(target, outside),
        "RMIA online": rmia_online(target, chance_in, chance_out, ~own),
        "RMIA offline": rmia_offline(target, chance_out, ~own),
        "exponential family": exponential_family(target, outside, inside),
    }
    rows = []
    for name, score in scores.items():
        inside, outside = score[own], score[~own]
        difference, _ = delong_paired((target[own], inside), (target[~own], outside))
        low, one = tpr_at_fpr(inside, outside, 0.001), tpr_at_fpr(inside, outside, 0.01)
        from expunge.audit.statistics import auc

        rows.append([
            name, f"{low.value:.2%} ({low.low:.2%} to {low.high:.2%})", f"{one.value:.2%}",
            f"{auc(inside, outside):.3f}", f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})",
        ])  # fmt: skip
    return rows


def controls_table(found: dict[str, Any]) -> str:
    """Which attack catches which control, from what ``expunge audit --self-test --json`` printed."""
    rows = found["rows"]
    head = ["", *(row["name"] for row in rows)]
    body = [
        ["**verdict**", *(f"**{row['caught'] / found['trials']:.0%}** ({row['low']:.0%} to {row['high']:.0%})"
                          for row in rows)],
        *([name, *(f"{row['by_attack'][name]:.0%}" for row in rows)] for name in rows[0]["by_attack"]),
    ]  # fmt: skip
    return table(
        "Which attack catches which control", head, body,
        f"{found['trials']} independent trials; accuracy {found['train_accuracy']:.0%} on records learned, "
        f"{found['test_accuracy']:.0%} on others. In the first row the share of trials called not forgotten or "
        "over-forgotten, with its 95 % interval; below, the share in which each attack alone accuses at 5 %. "
        + (f"Descriptive only: {', '.join(found['idle'])}." if found["idle"] else "Every attack catches a control."),
    )  # fmt: skip


def put(name: str, text: str) -> None:
    """Put a text between two marks of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(f"<!-- {name}: begin -->")
    _, _, after = rest.partition(f"<!-- {name}: end -->")
    told = text.strip().replace("\n## ", "\n### ").removeprefix("## ")
    whole = f"{before}<!-- {name}: begin -->\n\n### {told}\n\n<!-- {name}: end -->{after}"
    PAGE.write_text(whole, encoding="utf-8")


def main() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--controls", type=Path, metavar="FILE")
    parser.add_argument("--only", choices=["tasks", "exact", "lira", "none"])
    parser.add_argument("--store", type=Path, metavar="FOLDER")
    args, _ = parser.parse_known_args()
    warnings.filterwarnings("ignore")
    parts: dict[str, str] = {}
    if args.only in (None, "tasks"):
        rows = []
        for task in tasks():
            task.store = args.store
            rows.append(audit_task(task))
            print(rows[-1], flush=True)
        parts["tasks"] = table(
            "Real data: a retrained model and one that forgot nothing",
            ["task", "trained on / of them forgotten", "retrained", "do nothing", "power", "AUC of the loss attack",
             "best AUC", "time"], rows,
            f"{N_RETRAINS} references without the forget set and {N_UNFORGOTTEN} with it. The AUCs are of the "
            f"do-nothing model. Times with a busy machine; {machine()}.",
        )  # fmt: skip
    if args.only in (None, "exact"):
        head = ["method", "MNIST", "Fashion-MNIST", "Adult", "Location-30", "Film sentiment"]
        parts["exact"] = table(
            "Real data: every exact method", head, exact_rows(),
            "In each cell: the verdict with the digest of a fresh fit / by the attacks alone / on the model before it "
            "forgot. Regressions learn the number of the class. Where a method predicts nothing digests alone speak; "
            "of the model before it forgot they say that it is another.",
        )  # fmt: skip
    if args.only in (None, "lira"):
        parts["lira"] = table(
            "Fashion-MNIST, an overfit network: members found at 0.1 % false positives",
            ["attack", "TPR at 0.1 % FPR", "TPR at 1 % FPR", "AUC", "AUC minus that of the loss attack"],
            lira_against_loss(),
            "64 references on random halves of 24,000 records.",
        )  # fmt: skip
    text = "\n".join(parts.values())
    if args.write:
        for name, part in parts.items():
            put(name, part)
    if args.controls is not None:
        put("controls", controls_table(json.loads(args.controls.read_text(encoding="utf-8"))))
    return text


if __name__ == "__main__":
    print(main())
