"""A folded pipeline on real patients: fit and forget against scikit-learn, and the memory of sums as rows grow.

python benchmarks/pipelines.py
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import sklearn.compose
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing
from measure import duration, each, in_turn, machine, middle, ratio, seconds, table
from real_tables import read

import expunge


def pipelines(texts: list[str]) -> tuple[Any, Any]:
    """Encoder, scaler and RidgeClassifier: ours and scikit-learn's."""
    out = []
    for steps, linear in ((expunge, expunge), (sklearn.preprocessing, sklearn.linear_model)):
        encoder = steps.OneHotEncoder(handle_unknown="ignore")
        place = expunge if steps is expunge else sklearn.compose
        columns = place.ColumnTransformer([("texts", encoder, texts)], remainder=steps.StandardScaler())
        make = expunge if steps is expunge else sklearn.pipeline
        out.append(make.make_pipeline(columns, linear.RidgeClassifier()))
    return out[0], out[1]


def patients() -> str:
    """Fit once and again, forget patients one by one."""
    real = read("diabetes 130-US")
    texts = [name for name in real.X if real.X[name].dtype == object]
    X = real.X.assign(**{name: real.X[name].fillna("?") for name in texts})
    ours, theirs = pipelines(texts)
    times = in_turn(
        {"ours": lambda: ours.fit(X, real.y, subject_ids=real.person), "sklearn": lambda: theirs.fit(X, real.y)},
        repeats=5, warmup=0,
    )  # fmt: skip
    agree = float((ours.predict(X) == theirs.predict(X)).mean())
    who = np.random.default_rng(0).permutation(np.unique(real.person.astype(str)))[:100].tolist()
    single = each(partial(ours.forget, subjects=[person]) for person in who)
    solve = []
    for person in who[:5]:
        of = real.person == person
        ours.learn(X[of], real.y[of], record_ids=np.flatnonzero(of), subject_ids=real.person[of])
        ours.forget(subjects=[person])
        solve.append(seconds(ours._solution))
    n_outputs = theirs[0].transform(X[:1]).shape[1]
    fit_ratio = statistics.median(a / b for a, b in zip(times["ours"], times["sklearn"], strict=True))
    speedup = statistics.median(times["ours"]) / statistics.median(single)
    against = ratio(times["ours"], times["sklearn"])
    rows = [
        ["fit, ours", middle(times["ours"]), against, "2 × scikit-learn's", _met(fit_ratio <= 2)],
        ["fit, scikit-learn", middle(times["sklearn"]), "", "", ""],
        ["forget a patient", middle(single), f"{speedup:,.0f} × faster than our refit", "100 ×", _met(speedup >= 100)],
        ["the same, 99th percentile", duration(float(np.percentile(single, 99))), "", "", ""],
        ["solve after it, when asked", middle(solve), "", "", ""],
    ]  # fmt: skip
    shape = f"{len(X):,} rows, {X.shape[1]} columns, {n_outputs:,} outputs"
    return table(
        f"Encoder + scaler + RidgeClassifier on diabetes 130-US: {shape}",
        ["what", "time", "ratio", "target", "met"],
        rows,
        f"Both predict the same class for {agree:.4%} of the rows. Measured on {machine()}.",
    )


def _met(yes: bool) -> str:
    return "yes" if yes else "no"


def memory() -> str:
    """Bytes of the learned state, apart from the rows, as the number of rows grows."""
    rows = []
    rng = np.random.default_rng(0)
    town = np.array(["Aarhus", "Bergen", "Turku", "Visby"], dtype=object)
    for n in (10**4, 10**5, 10**6):
        X = pd.DataFrame({f"x{j}": rng.normal(size=n) for j in range(10)} | {"town": town[rng.integers(4, size=n)]})
        y = (X["x0"] + rng.normal(size=n) > 0).to_numpy().astype(np.int64)
        model, _ = pipelines(["town"])
        model.fit(X, y)
        sums = expunge.GaussianNB().fit(X.drop(columns="town"), y)
        rows.append([f"{n:,}", f"{state_bytes(model):,}", f"{state_bytes(sums):,}"])
    return table("Bytes of the learned state, apart from the rows", ["rows", "pipeline", "GaussianNB"], rows)


def state_bytes(model: Any) -> int:
    """Bytes of all arrays in the parts of a model."""
    return sum(v.nbytes for part in model._state().parts.values() for v in part.values() if isinstance(v, np.ndarray))


def main() -> str:
    return "\n".join([patients(), memory()])


if __name__ == "__main__":
    print(main())
