"""Data of one's own, for the laboratory: two moons, and people who own five points each."""

import numpy as np
from sklearn.datasets import make_moons

from expunge.lab import Cell, run_cell
from expunge.lab.data import Data, invent_subjects
from expunge.lab.plugins import registered
from expunge.lab.workloads import Workload


def load(n):
    X, y = make_moons(n, noise=0.3, random_state=0)
    ids = np.arange(n)
    return Data(
        name="moons", kind="table", X=X, y=y, ids=ids, subjects=invent_subjects(ids), classes=("upper", "lower")
    )


WORKLOAD = Workload("points on two moons", load, n=400)

if __name__ == "__main__":  # in a package: the entry point "moons = my_data:WORKLOAD", group expunge.lab.workloads
    with registered(workloads={"moons": WORKLOAD}):
        scores = run_cell(Cell.parse("moons/tree/subject@5/forget/s0r8")).scores["scores"]
    print(f"test accuracy {scores['test_accuracy']:.2f}, equal to a fresh fit: {scores['is_equal']}")
