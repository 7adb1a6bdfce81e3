"""Neighbours and groups of records; a person among them is forgotten, and 1 % and 5 % of all.

python examples/forget_a_neighbour.py [table.csv]     numbers, and a column label
"""

import sys

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import expunge

if len(sys.argv) > 1:
    frame = pd.read_csv(sys.argv[1])
    X, y = frame.drop(columns="label").to_numpy(float), frame["label"].to_numpy()
else:
    X, y = load_digits(return_X_y=True)
X, asked, y, answers = train_test_split(X, y, test_size=0.2, random_state=0)
people = np.array([f"person {i // 3}" for i in range(len(X))])  # three records each
ids = np.arange(len(X))


def left(model, *, labels: bool) -> bool:
    """Whether it equals a fresh fit on the records that it still knows, to the bit."""
    rest = model.record_ids_
    fresh = type(model)(**model.get_params())
    told = {"record_ids": rest, "subject_ids": people[rest]}
    return fresh.fit(X[rest], y[rest] if labels else None, **told).digest() == model.digest()


near = expunge.KNeighborsClassifier(n_neighbors=5).fit(X, y, record_ids=ids, subject_ids=people)
groups = expunge.KMeans(n_clusters=len(np.unique(y)), max_samples=128).fit(X, record_ids=ids, subject_ids=people)

_, found = near.kneighbors(asked[:1])  # names of records, never positions
person = people[found[0, 0]]
print(f"The nearest record is about {person}: right for {near.score(asked, answers):.3f}")
print(near.plan(subjects=person), "|", groups.plan(subjects=person))
for share in (None, 0.01, 0.05):
    for name, model in (("neighbours", near), ("groups", groups)):
        if share is None:
            removal = model.forget(subjects=person)
        else:
            drawn = np.random.default_rng(0).choice(model.record_ids_, int(share * len(X)), replace=False)
            removal = model.forget(drawn)
        score = near.score(asked, answers) if model is near else -groups.score(asked) / len(asked)
        print(f"{name:10s} {share or person}: {removal}, {score:.4g}")
        assert removal.guarantee.kind == "exact"
        assert left(model, labels=model is near)
assert person not in people[near.kneighbors(asked)[1]]
