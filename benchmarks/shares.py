"""Forgetting one record, 1 % and 5 %, and an audit of it: what the pages of several methods tell alike.

Used by neighbours.py, clusters.py and anomaly.py. Processor time of one thread, with the next answer: a method may put
work off until it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from measure import duration, machine, spent, table

from expunge.audit import References, Scores, audit
from expunge.audit.references import plan_around

ASKED = {"one": None, "1 %": 0.01, "5 %": 0.05}
N_RETRAINED, N_UNFORGOTTEN = 48, 16  # references of an audit

Signals = dict[str, Any]


class Case(NamedTuple):
    """A method on a set.

    Parameters
    ----------
    name : tuple of str
        Of the set, and of the method where there are several.
    make : callable
        A new model.
    X, y : arrays
        Records that are learned; y may be None.
    quality : callable
        ``quality(model)``, a number for people.
    """

    name: tuple[str, ...]
    make: Callable[[], Any]
    X: Any
    y: Any
    quality: Callable[[Any], str]

    def fit(self, chosen: Any, seed: int = 0) -> Any:
        """A model of some records."""
        y = None if self.y is None else self.y[chosen]
        return self.make().set_params(seed=seed).fit(self.X[chosen], y, record_ids=chosen)


def forgotten(title: str, head: list[str], cases: list[Case], what: str) -> str:
    """The table; ``head`` names what the cases are named by, ``what`` the quality."""
    columns = [*head, "forgotten", f"{what}: before", "after", "retrained", "digest", "forget, with the next answer",
               "refit", "refit / forget"]  # fmt: skip
    note = "One: mean of 25, one after another; 1 % and 5 %, and refits: median of three."
    return table(title, columns, [row for case in cases for row in _rows(case)], f"{note} {machine()}.")


def _rows(case: Case) -> list[list[Any]]:
    n, asked = len(case.X), case.X[:1]
    every, order = np.arange(n), np.random.default_rng(0).permutation(n)
    case.fit(every[: min(n, 1000)])
    rows, before = [], ""
    for name, share in ASKED.items():
        gone = order[: 1 if share is None else round(share * n)]
        rest = np.setdiff1d(every, gone)
        models = [_ready(case.fit(every), asked) for _ in range(3)]
        before = before or case.quality(models[0])
        times = spent(partial(_forget, model, gone, asked) for model in models)
        fresh: list[Any] = []
        refit = float(np.median(spent([partial(_refit, case, rest, fresh)] * 3)))
        is_equal = models[0].digest() == fresh[0].digest()
        after, retrained = case.quality(models[0]), case.quality(fresh[0])
        if share is None:
            times = spent(partial(_forget, models[0], one, asked) for one in order[1:26])
        took = float(np.mean(times) if share is None else np.median(times))
        rows.append([*case.name, name, before, after, retrained, "equal" if is_equal else "**other**", duration(took),
                     duration(refit), f"{refit / took:.3g}"])  # fmt: skip
    return rows


def _refit(case: Case, chosen: Any, kept: list[Any]) -> None:
    kept.append(_ready(case.fit(chosen), case.X[:1]))


def _ready(model: Any, asked: Any) -> Any:
    (model.score_samples if hasattr(model, "score_samples") else model.predict)(asked)
    return model


def _forget(model: Any, gone: Any, asked: Any) -> None:
    model.forget(gone.tolist())
    _ready(model, asked)


def audited(case: Case, signals: Callable[[Any, Any], Signals], *, share: float = 0.1) -> list[Any]:
    """A row: verdicts by attacks alone on a model that forgot, and on it before; ``signals(model, places)``."""
    n = len(case.X)
    role = np.random.default_rng(7).permutation(n)
    is_forgotten, is_held_out = np.zeros((2, n), dtype=bool)
    size = round(share * n)
    is_forgotten[role[:size]], is_held_out[role[size : 2 * size]] = True, True
    asked = np.flatnonzero(is_forgotten | is_held_out)
    plan = plan_around(np.arange(n), is_forgotten=is_forgotten, is_held_out=is_held_out, n=N_RETRAINED + 1,
                       n_unforgotten=N_UNFORGOTTEN, keep=0.9)  # fmt: skip
    seeds = range(len(plan.members))
    told = [signals(case.fit(np.flatnonzero(plan.members[seed]), seed), asked) for seed in seeds[1:]]
    references = References(
        signals={key: np.array([one[key] for one in told]) for key in told[0]}, members=plan.members[1:, asked]
    )
    model = case.fit(np.flatnonzero(plan.members[0] | is_forgotten), 0)  # a draw like every reference
    found: list[Any] = []
    for step in ("before", "after"):
        if step == "after":
            model.forget(np.flatnonzero(is_forgotten).tolist())
        scores = Scores(signals=signals(model, asked), is_forgotten=is_forgotten[asked],
                        is_held_out=is_held_out[asked])  # fmt: skip
        found.append(audit(scores, references))
    before, after = found
    best = max((attack for attack in before.attacks if attack.auc.value is not None), key=lambda a: a.auc.value)
    power = after.power
    return [*case.name, f"{int(plan.members[0].sum()) + size:,} / {size:,}", _words(after), _words(before),
            f"{power.value:.0%} (≥ {power.low:.0%})", f"{best.auc.value:.3f} ({best.name})"]  # fmt: skip


def _words(report: Any) -> str:
    return f"{report.verdict} (p = {min(report.p_not_forgotten, report.p_over_forgotten):.3f})"


def audits(title: str, head: list[str], rows: list[list[Any]]) -> str:
    """The table of audits."""
    columns = [*head, "learned / forgotten", "after forgetting", "before", "power", "best AUC before"]
    note = f"By attacks alone, digests unseen; {N_RETRAINED} references without and {N_UNFORGOTTEN} with the forgotten."
    return table(title, columns, rows, f"{note} {machine()}.")
