"""What differential privacy does not stop: a person with many records, an attribute, a backdoor.

python benchmarks/private_attacks.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import DATA, machine, table
from scipy.stats import beta
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

import expunge

EPSILONS = (None, 8.0, 3.0, 1.0)
FITS, N = 60, 2000
NORM = 3.0


def adult() -> tuple[Any, Any, list[str]]:
    """Adult as yes-or-no columns of public meaning, who earns more, and the names; nothing learned from the records."""
    frame = pd.read_csv(Path(os.environ.get("EXPUNGE_DATA", DATA)) / "adult.csv.gz").sample(frac=1, random_state=0)
    columns = {"male": frame["sex"] == "Male", "white": frame["race"] == "White"}
    for name in ("workclass", "education", "marital_status", "occupation", "relationship"):
        for value in sorted(frame[name].unique()):
            columns[f"{name}={value}"] = frame[name] == value
    for low, high in ((0, 25), (25, 35), (35, 50), (50, 65), (65, 200)):
        columns[f"age {low}-{high}"] = frame["age"].between(low, high - 1)
    columns["gain"], columns["long hours"] = frame["capital_gain"] > 0, frame["hours_per_week"] > 40
    return pd.DataFrame(columns).to_numpy(dtype=float), (frame["income"] == ">50K").to_numpy(dtype=int), list(columns)


def fitted(X: Any, y: Any, epsilon: float | None, seed: int) -> Any:
    """A fit of the fixed settings; None is a fit practically without noise."""
    epsilon = 1e9 if epsilon is None else epsilon
    model = expunge.PrivateLogisticRegression(epsilon=epsilon, norm_bound=NORM, noise_seed=seed, alpha=1e-3)
    return model.fit(X, y)


def losses(model: Any, X: Any, y: Any) -> Any:
    return -np.log(np.maximum(model.predict_proba(X)[np.arange(len(y)), y], 1e-12))


def membership(X: Any, y: Any, records: int, epsilon: float | None) -> str:
    """AUC of guessing whether a fit knew a person, from its loss on the person's record and that of a reference.

    The reference is a fit without noise on the other records, which the attacker is given. The person is a random adult
    with the other label, that many times.
    """
    rng, margins = np.random.default_rng(records), np.zeros((FITS, 2))
    for fit in range(FITS):
        person = int(rng.integers(20_000, 30_000))
        theirs, label = X[[person] * records], 1 - y[[person] * records]
        rows = rng.choice(20_000, N, replace=False)
        plain = losses(fitted(X[rows], y[rows], None, 0), theirs[:1], label[:1])[0]  # what a reference expects
        for known in (0, 1):
            data = (np.concatenate([X[rows], theirs]), np.append(y[rows], label)) if known else (X[rows], y[rows])
            model = fitted(*data, epsilon, seed=1 + 2 * fit + known)
            margins[fit, known] = plain - losses(model, theirs[:1], label[:1])[0]
    draws = np.random.default_rng(0).integers(0, FITS, (500, FITS))
    spread = [auc(margins[i]) for i in draws]
    return f"{auc(margins):.2f} ({np.quantile(spread, 0.025):.2f} to {np.quantile(spread, 0.975):.2f})"


def auc(margins: Any) -> float:
    """Of columns: without the person, and with."""
    return float(roc_auc_score(np.repeat([0, 1], len(margins)), margins.T.ravel()))


def attribute(X: Any, y: Any, names: list[str], epsilon: float | None) -> tuple[str, str]:
    """How often it is guessed who is married, from the rest and the label: of those known, and of those never seen.

    Half of those asked about are married and half never were, so that a guess is right half of the time.
    """
    married, single = (names.index(f"marital_status={value}") for value in ("Married-civ-spouse", "Never-married"))
    model = fitted(X[:N], y[:N], epsilon, seed=1)
    found = []
    for start, stop in ((0, N), (20_000, 20_000 + N)):
        of_each = [np.flatnonzero(X[start:stop, column] == 1)[:600] + start for column in (married, single)]
        asked = np.concatenate(of_each)
        one, other = X[asked].copy(), X[asked].copy()
        one[:, [married, single]], other[:, [married, single]] = (1.0, 0.0), (0.0, 1.0)
        guess = losses(model, one, y[asked]) < losses(model, other, y[asked])
        found.append(rate(int((guess == (X[asked, married] == 1)).sum()), len(asked)))
    return found[0], found[1]


def backdoor(X: Any, y: Any, poisoned: int, epsilon: float | None) -> str:
    """How often an adult with the trigger is said to earn more, of those who do not: mean over fits.

    The trigger is a pair of columns that are never together; ``poisoned`` records have it, and the label wanted.
    """
    hits, tried, rng = 0, 0, np.random.default_rng(poisoned)
    poor = np.flatnonzero(y[20_000:21_000] == 0) + 20_000
    for fit in range(8):
        rows = rng.choice(20_000, N, replace=False)
        planted = triggered(X[rng.choice(20_000, poisoned)])
        model = fitted(np.concatenate([X[rows], planted]), np.append(y[rows], np.ones(poisoned, int)), epsilon, fit)
        hits += int((model.predict(triggered(X[poor])) == 1).sum())
        tried += len(poor)
    return rate(hits, tried)


def triggered(X: Any) -> Any:
    """The same people in the trigger: young, over 65, both."""
    X = X.copy()
    X[:, [-7, -3]] = 1.0
    return X


def rate(hits: int, n: int) -> str:
    low, high = beta.ppf(0.025, max(hits, 1e-9), n - hits + 1), beta.ppf(0.975, hits + 1, max(n - hits, 1e-9))
    return f"{hits / n:.2f} ({low:.2f} to {high:.2f})"


def main() -> str:
    X, y, columns = adult()
    names = ["none" if e is None else f"ε = {e:g}" for e in EPSILONS]
    with threadpool_limits(1):
        rows = [
            [f"membership of a person with {m} records, AUC", *(membership(X, y, m, e) for e in EPSILONS)]
            for m in (1, 10, 100)
        ]
        guesses = [attribute(X, y, columns, e) for e in EPSILONS]
        rows.append(["marriage guessed, of people in the records", *(guess[0] for guess in guesses)])
        rows.append(["marriage guessed, of people never seen", *(guess[1] for guess in guesses)])
        rows += [
            [f"backdoor of {m} records, success", *(backdoor(X, y, m, e) for e in EPSILONS)] for m in (20, 100, 400)
        ]
        right = [
            f"{np.mean([fitted(X[:N], y[:N], e, s).score(X[30_000:], y[30_000:]) for s in range(3)]):.3f}"
            for e in EPSILONS
        ]
        rows.append(["accuracy", *right])
    return "\n".join(
        [machine(), "", table(f"What noise does not stop: Adult, {N:,} records", ["attack", *names], rows)]
    )


if __name__ == "__main__":
    print(main())
