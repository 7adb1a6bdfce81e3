"""How often the audit accuses a model that is a retrain: many sets of references, many retrains for each.

python docs/lab/accused.py [--sets 9] [--each 10] [--write]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from expunge.audit.cards import card
from expunge.audit.evidence import collect
from expunge.audit.inputs import Scores
from expunge.audit.ranks import max_t
from expunge.estimators.threads import one_thread
from expunge.lab.cells import Cell
from expunge.lab.intervals import bootstrap
from expunge.lab.summary import ALPHA
from expunge.lab.trial import prepare
from expunge.seeds import derive_seed

HERE = Path(__file__).resolve().parent
PAGE = HERE / "accused.md"
BEGIN, END = "<!-- written by docs/lab/accused.py -->", "<!-- end -->"
GROUPS = (
    "adult/ridge/random", "cardio/isolation/outliers", "digits/forest/class@3", "sentiment/bayes/mislabelled",
)  # fmt: skip


def main() -> None:
    """Print the table, and put it on the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS))
    parser.add_argument("--sets", type=int, default=9)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    shared = HERE.parents[2] / "shared" / "data"
    if "EXPUNGE_DATA" not in os.environ and shared.is_dir():
        os.environ["EXPUNGE_DATA"] = str(shared)
    warnings.simplefilter("ignore")
    found: dict[str, list[list[str]]] = {name: [] for name in asked.groups}
    for number in range(asked.sets):
        for name in asked.groups:
            found[name].append(verdicts(name, number, asked.each))
            if asked.write and all(found.values()):  # the page holds what there is, whenever this is stopped
                head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
                PAGE.write_text(f"{head}{BEGIN}\n\n{table(found)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    sys.stdout.write(f"{table(found)}\n")


def verdicts(group: str, number: int, n: int) -> list[str]:
    """What the audit says of n retrains, by one set of references: "", "not forgotten" or "over-forgotten"."""
    cell = Cell.parse(f"{group}/retrain/s0e{number}")
    trial = prepare(cell)
    q, task = trial.query, trial.data.task
    forgotten, held_out = trial.drawn.mask()[q], trial.parts.held_out[q]
    out = []
    with tempfile.TemporaryDirectory() as store, one_thread():
        references = trial.references(cell, Path(store))
        for k in range(n):
            seed = derive_seed(1 + number * n + k, "accused")  # no two models of the table share a seed
            model = trial.learner.train(trial.records(trial.chosen(seed)), seed)
            scores = Scores(
                signals=task.read(trial.answer(model), trial.data.y[q], trial.learner.floor), is_forgotten=forgotten,
                is_held_out=held_out, labels=trial.data.y[q] if task.is_classes else None,
            )  # fmt: skip
            out.append(_verdict(collect(scores, references)))  # type: ignore[arg-type]
    return out


def _verdict(evidence: Any) -> str:
    deciding = [i for i, name in enumerate(evidence.names) if card(name).decides]
    found = max_t(np.vstack([evidence.audited[deciding], evidence.retrains[:, deciding]]))
    if min(found.p_high, found.p_low) > ALPHA / 2:
        return ""
    return "not forgotten" if found.p_high < found.p_low else "over-forgotten"


def table(found: dict[str, list[list[str]]]) -> str:
    """A row for each group, and one for all."""
    lines = [
        "| workload / model / request | retrains | not forgotten | over-forgotten | accused | in one set |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    every = [one for sets in found.values() for one in sets]
    for name, sets in [*found.items(), ("all", every)]:
        lines.append(_row(f"`{name}`" if name != "all" else "**all**", sets))
    return "\n".join(lines)


def _row(name: str, sets: Sequence[Sequence[str]]) -> str:
    told = Counter(verdict for one in sets for verdict in one)
    shares = [sum(map(bool, one)) / len(one) for one in sets]
    share = bootstrap(shares)
    value, low, high = (f"{100 * x:.1f} %" for x in share)
    least, most = (f"{100 * x:.0f} %" for x in (min(shares), max(shares)))
    cells = [
        name, f"{sum(map(len, sets))} in {len(sets)} sets", str(told["not forgotten"]), str(told["over-forgotten"]),
        f"{value} ({low} to {high})", f"{least} to {most}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
