"""What is measured of a cell. A measure gives named numbers; None stands where there is nothing to measure."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from expunge.audit import audit
from expunge.audit.evidence import collect
from expunge.audit.outputs import js_divergence
from expunge.errors import ExpungeError
from expunge.lab.evaluation import Evaluation, Floats
from expunge.lab.plugins import find, names

__all__ = ["MEASURES", "Measure", "measure_all", "measure_names"]

Value = float | int | bool | str | None


@dataclasses.dataclass(frozen=True)
class Measure:
    """Something to measure.

    Parameters
    ----------
    what : str
        What the numbers say, and what is ideal.
    of : callable
        ``of(evaluation)`` gives a number, or numbers by name.
    """

    what: str
    of: Callable[[Evaluation], Value | dict[str, Value]]


def measure_names() -> list[str]:
    """Names of all measures, with those of plug-ins."""
    return names("measures", MEASURES)


def measure_all(evaluation: Evaluation) -> dict[str, Value]:
    """All numbers by name."""
    out: dict[str, Value] = {}
    for name in measure_names():
        found = find("measures", MEASURES, name).of(evaluation)
        out.update(found if isinstance(found, dict) else {name: found})
    return out


@functools.lru_cache(maxsize=1)
def _qualities(e: Evaluation) -> dict[str, Value]:
    """Quality (accuracy, R², ...) on retained, forgotten and tested records, and gaps to the references.

    ``rest``: on tested records of classes that are retained, which is all of them unless a class is forgotten.
    """
    out: dict[str, Value] = {"measure": e.task.measure}
    known = np.isin(e.labels, e.labels[e.is_retained]) if e.task.is_classes else np.ones(len(e.labels), dtype=bool)
    parts = {"retain": e.is_retained, "forget": e.is_forgotten, "test": e.is_tested, "rest": e.is_tested & known}
    for part, mask in parts.items():
        after, fresh, name = e.quality(e.after, mask), e.quality(e.fresh, mask), f"{part}_{e.task.measure}"
        out |= {name: after, f"before_{name}": e.quality(e.before, mask), f"fresh_{name}": fresh}
        others = e.reference_qualities(mask, of_members=part == "retain")
        out |= _against(f"{part}", after, others, otherwise=fresh)
    return out


def _against(name: str, own: float | None, others: Floats, *, otherwise: float | None) -> dict[str, Value]:
    """A number, its gap to the mean of the references, and where the references themselves lie."""
    if own is None or (not len(others) and otherwise is None):
        return {f"{name}_gap": None, f"{name}_reference": None, f"{name}_reference_low": None,
                f"{name}_reference_high": None, f"{name}_reference_gap": None}  # fmt: skip
    if not len(others):
        return {f"{name}_gap": own - float(otherwise or 0), f"{name}_reference": otherwise,
                f"{name}_reference_low": None, f"{name}_reference_high": None,
                f"{name}_reference_gap": None}  # fmt: skip
    mean, n = float(others.mean()), len(others)
    low, high = others.min(), others.max()
    left_out = np.abs(others - mean) * n / (n - 1) if n > 1 else np.zeros(1)
    return {f"{name}_gap": own - mean, f"{name}_reference": mean, f"{name}_reference_low": float(low),
            f"{name}_reference_high": float(high), f"{name}_reference_gap": float(left_out.mean())}  # fmt: skip


@functools.lru_cache(maxsize=1)
def _audit(e: Evaluation) -> dict[str, Value]:
    """Verdict, power and the attack of the audit: LiRA where there are references, else the loss."""
    keys = ("verdict", "power", "power_low", "p_not_forgotten", "p_over_forgotten", "epsilon_low", "attack_auc")
    empty: dict[str, Value] = {**dict.fromkeys(keys), "audit_refused": "", **_against("attack", None, np.empty(0),
                                                                                     otherwise=None)}  # fmt: skip
    scores, refusal = e.try_scores(e.after)
    if scores is None or e.references is None:
        return empty | {"audit_refused": refusal or "the cell has no references"}
    try:
        report, evidence = audit(scores, e.references), collect(scores, e.references)
    except ExpungeError as error:
        return empty | {"audit_refused": str(error)}
    at = evidence.names.index("LiRA") if "LiRA" in evidence.names else 0
    auc = float(evidence.audited[at])
    return {
        "verdict": report.verdict, "power": report.power.value, "power_low": report.power.low,
        "p_not_forgotten": report.p_not_forgotten, "p_over_forgotten": report.p_over_forgotten,
        "epsilon_low": report.epsilon.low, "attack_auc": auc, "audit_refused": "",
        **_against("attack", auc, evidence.retrains[:, at], otherwise=None),
    }  # fmt: skip


def _mean_gap(e: Evaluation) -> dict[str, Value]:
    """Mean of the absolute gaps on retain, forget, test and attack, and what a reference itself has."""
    found = {**_qualities(e), **_audit(e)}
    parts = [p for p in ("retain", "forget", "test", "attack") if found.get(f"{p}_gap") is not None]
    own = [abs(float(found[f"{p}_gap"] or 0)) for p in parts]
    others = [found[f"{p}_reference_gap"] for p in parts]
    known = [float(value) for value in others if value is not None]
    return {
        "mean_gap": float(np.mean(own)) if own else None,
        "mean_gap_of_a_retrain": float(np.mean(known)) if known and len(known) == len(parts) else None,
    }


def _distances(e: Evaluation) -> dict[str, Value]:
    """Distances of the answers to those of the retrain under the same seed, and what forgetting changed."""
    out: dict[str, Value] = {"largest_difference": float(np.abs(e.after - e.fresh).max())}
    for part, mask in (("forget", e.is_forgotten), ("test", e.is_tested)):
        is_told = e.task.is_classes and mask.any()
        out[f"js_{part}"] = max(0.0, float(js_divergence(e.after[mask], e.fresh[mask]).mean())) if is_told else None
    tested = e.is_tested
    out["changed_share"] = None
    if e.task.is_classes and tested.any():
        out["changed_share"] = float((e.after[tested].argmax(axis=1) != e.before[tested].argmax(axis=1)).mean())
    out["changed_most"] = float(np.abs(e.after - e.before)[tested].max()) if tested.any() else None
    return out


def _spread(e: Evaluation) -> dict[str, Value]:
    """Retrain against retrain: how far models differ that were trained on the same, under other seeds."""
    others = e.reference_qualities(e.is_tested)
    if e.references is None or len(others) < 2:
        return {"retrain_spread": None, "retrain_disagreement": None, "forget_distance": None,
                "forget_distance_of_a_retrain": None}  # fmt: skip
    rows = e.retrains()
    n = len(rows)
    logits = e.references.signals["logit"][rows][:, e.is_forgotten]
    own = e.signals(e.after)["logit"][e.is_forgotten]
    return {
        "retrain_spread": float(others.std(ddof=1)),
        "retrain_disagreement": _disagreement(e.references.signals["correct"][rows][:, e.is_tested])
        if e.task.is_classes
        else None,
        "forget_distance": float(np.abs(own - logits.mean(axis=0)).mean()),
        "forget_distance_of_a_retrain": float(np.abs(logits - logits.mean(axis=0)).mean() * n / (n - 1)),
    }


def _disagreement(right: Floats) -> float:
    """Share of the records on which one of two models is right and the other wrong."""
    n, share = len(right), right.mean(axis=0)
    return float((2 * share * (1 - share)).mean() * n / (n - 1))


MEASURES: dict[str, Measure] = {
    "quality": Measure(
        "quality on each part (accuracy, R², ...), its gap to the references; ideal: no gap", _qualities
    ),
    "audit": Measure("the audit's verdict with its power, and the attack LiRA; ideal: forgotten", _audit),
    "distances": Measure("answers against a retrain under the same seed; ideal: 0", _distances),
    "mean-gap": Measure("mean of four absolute gaps; ideal: that of a retrain, which stands beside", _mean_gap),
    "spread": Measure("retrain against retrain, and log-odds on the forget set in the same unit", _spread),
}
