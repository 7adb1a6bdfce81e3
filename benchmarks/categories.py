"""CategoricalNB on Adult as it comes, beside scikit-learn's encoder and CategoricalNB: quality and cost of forgetting.

python benchmarks/categories.py
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, duration, in_turn, machine, middle, ratio, seconds, table
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.naive_bayes import CategoricalNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import expunge

RARE = "Holand-Netherlands"  # one person of the data comes from there


def adult() -> tuple[pd.DataFrame, Any, Any]:
    """Text columns, and whole numbers that are few enough to be categories."""
    frame = pd.read_csv(DATA / "adult.csv.gz", keep_default_na=False, na_values="?")
    is_train = (frame["split"] == "train").to_numpy()
    return frame.drop(columns=["income", "split", "fnlwgt"]), frame["income"].to_numpy(), is_train


def main() -> str:
    if not DATA.exists():
        return "## Categories\n\nThe real data sets are not here.\n"
    frame, y, is_train = adult()
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].fillna(
        "missing"
    )  # scikit-learn's encoder passes on what is missing, its model does not
    X, y_train, X_test, y_test = frame[is_train], y[is_train], frame[~is_train], y[~is_train]
    ours = expunge.CategoricalNB(min_categories=130)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=129)
    theirs = make_pipeline(encoder, CategoricalNB(min_categories=130))
    times = in_turn({"ours": lambda: ours.fit(X, y_train), "theirs": lambda: theirs.fit(X, y_train)})
    rows = []
    for name, model, key in (("`expunge.CategoricalNB`", ours, "ours"), ("encoder, scikit-learn's", theirs, "theirs")):
        chance = model.predict_proba(X_test)[:, 1]
        accuracy = accuracy_score(y_test, model.predict(X_test))
        rows.append([name, f"{accuracy:.4f}", f"{roc_auc_score(y_test == '>50K', chance):.4f}", middle(times[key])])
    rows[0] += [ratio(times["ours"], times["theirs"])]
    rows[1] += [""]
    quality = table("Categorical naive Bayes on Adult", ["model", "accuracy", "AUC", "fit", "ratio of fits"], rows)
    return quality + "\n" + forgetting(X, y_train, statistics.median(times["theirs"]))


def forgetting(X: pd.DataFrame, y: Any, refit: float) -> str:
    """One person, one per cent, and a category that goes with the person who had it."""
    rng = np.random.default_rng(0)
    gone = {
        "one person": [X.index[17]],
        "1 % of the persons": rng.choice(X.index, len(X) // 100, replace=False).tolist(),
        "the one from a country": X.index[X["native_country"] == RARE].tolist(),
    }
    rows = []
    for name, ids in gone.items():
        model = expunge.CategoricalNB().fit(X, y, record_ids=X.index)
        model.predict(X[:1])
        taken = seconds(partial(model.forget, ids))
        keep = ~X.index.isin(ids)
        fresh = expunge.CategoricalNB().fit(X[keep], y[keep], record_ids=X.index[keep])
        same = "equal" if model.digest() == fresh.digest() else "DIFFERENT"
        left = "yes" if RARE in model.categories_[list(X).index("native_country")] else "no"
        rows.append([name, len(ids), duration(taken), f"{refit / taken:.0f} ×", same, left])
    head = ["forget", "records", "time", "scikit-learn's refit ÷ that", "digest", "rare country still known"]
    return table("Categorical naive Bayes on Adult: forgetting", head, rows, f"Measured on {machine()}.")


if __name__ == "__main__":
    print(main())
