"""A measure of one's own, for the laboratory: how much surer a model is of forgotten records than a retrain is."""

import numpy as np

from expunge.lab import Cell, run_cell
from expunge.lab.measures import Measure
from expunge.lab.plugins import registered


def surer(evaluation):
    asked = evaluation.is_forgotten
    right = (np.flatnonzero(asked), evaluation.labels[asked])  # the probability of the true class
    return float((evaluation.after[right] - evaluation.fresh[right]).mean())


MEASURE = Measure("how much surer of forgotten records than a retrain; ideal: 0", surer)

if __name__ == "__main__":  # in a package: the entry point "surer = my_measure:MEASURE", group expunge.lab.measures
    with registered(measures={"surer": MEASURE}):
        for method in ("do-nothing", "forget"):
            scores = run_cell(Cell.parse(f"breast-cancer/tree/random@0.1/{method}/s0r0")).scores["scores"]
            print(f"{method}: {scores['surer']:+.3f}")
