"""A model of one's own that forgets: predict the class whose mean is nearest, and take a record out of sums."""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import ClassifierMixin

import expunge
from expunge.maths import exact
from expunge.validation import numeric_input

UNIT = 2.0**-32  # values and weights are rounded to multiples of it, so that sums are integers


class NearestMean(ClassifierMixin, expunge.Unlearner):
    """Predict the class whose mean is nearest."""

    def __init__(self, *, seed=0):
        self.seed = seed

    def _update(self, change):  # the sums of the classes after records went or came: a function of what is left alone
        old = change.parts.get("sums", {"labels": [], "sums": []})
        totals = dict(zip(old["labels"], old["sums"], strict=True))
        for sign, table in ((-1, change.removed), (1, change.added)):
            weight = np.ones(len(table)) if table.weight is None else table.weight
            columns = np.column_stack([np.ones(len(table)), weight, weight[:, None] * table.X])
            for label in np.unique(table.y).tolist():
                more = exact.column_sums(columns[table.y == label], UNIT)
                totals[label] = exact.carry(totals.get(label, 0) + sign * more)
        left = [label for label in sorted(totals) if totals[label].any()]
        return {"sums": {"labels": left, "sums": np.array([totals[label] for label in left])}}

    def _solve(self, rows, parts):
        totals = [exact.to_float(total, UNIT) for total in parts["sums"]["sums"]]
        pairs = zip(parts["sums"]["labels"], totals, strict=True)
        known = {label: total[2:] / total[1] for label, total in pairs if total[1] > 0}
        if not known:
            return None  # dormant
        return {"classes": np.array(list(known)), "means": np.array(list(known.values()))}

    def _estimate(self, rows, slots):  # forgetting reads the records that go, and no other
        return len(slots), len(slots), ("sums",)

    @property
    def classes_(self):
        return self._solution()["classes"].copy()

    def predict(self, X):
        X, _ = numeric_input(self, X, None, reset=False)
        solution = self._solution()
        return solution["classes"][cdist(X, solution["means"]).argmin(axis=1)]


if __name__ == "__main__":
    from sklearn.datasets import load_iris

    from expunge.checks import check_unlearner

    X, y = load_iris(return_X_y=True)
    model = NearestMean().fit(X, y)
    print(model.forget([3, 4, 77]))
    results = check_unlearner(NearestMean())
    passed = sum(result.status == "passed" for result in results)
    print(passed, "of", len(results), "checks passed, the others do not apply")
