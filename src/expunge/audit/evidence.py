"""Every score-based attack on the audited model and on all references: one AUC each, side by side.

The statistics of the references do not depend on the audited model: each reference is measured against the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from expunge.audit.exponential import common_variance
from expunge.audit.inputs import References, Scores
from expunge.audit.lira import SMALLEST, lira_online
from expunge.audit.memory_left import LEAST_UNFORGOTTEN, memory_interval, memory_left
from expunge.audit.moments import without_each
from expunge.audit.rmia import offline_prior, online_prior, share_beaten
from expunge.audit.statistics import Interval, auc
from expunge.audit.thresholds import class_thresholds
from expunge.errors import InvalidDataError

__all__ = ["LEAST_RETRAINS", "Evidence", "collect"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_RETRAINS = 4
_GAMMA, _A = 2.0, 0.3  # of RMIA, as in the paper
_NAMES = {
    "logit": "loss", "entropy": "entropy", "modified_entropy": "modified entropy", "correct": "label only",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """What the attacks see.

    Parameters
    ----------
    names : tuple of str
        Of the t attacks.
    audited : ndarray of shape (t,)
        AUC of the forgotten against the held-out records, on the audited model; of "memory left" its value.
    retrains : ndarray of shape (m, t)
        The same on each reference trained without the records.
    unforgotten : ndarray of shape (q, t)
        The same on each reference trained with the forget set, as if it were the audited model.
    scores : dict of ndarray of shape (n,)
        Score of each record on the audited model, by attack that has one; of records in neither set NaN.
    z, reference_z : ndarray of shape (n,), (m, n)
        Standard scores against the references, of the audited model and of each reference against the others.
    memory : Interval or None
        Memory left of the audited model.
    """

    names: tuple[str, ...]
    audited: Floats
    retrains: Floats
    unforgotten: Floats
    scores: dict[str, Floats]
    z: Floats
    reference_z: Floats
    memory: Interval | None


class _Answers(NamedTuple):
    """Signals of the audited model (n,), of retrained (m, n) and of do-nothing references (q, n); forgotten first."""

    target: dict[str, Floats]
    retrains: dict[str, Floats]
    unforgotten: dict[str, Floats]
    is_forgotten: Bools
    labels: npt.NDArray[np.int64] | None
    halves: tuple[Floats, Bools] | None  # log-odds (h, n) of models that know some of the records, and which


class _Views(NamedTuple):
    """Scores of one attack, of each model in turn."""

    target: Floats
    retrains: Iterable[Floats]
    unforgotten: Iterable[Floats]


def collect(scores: Scores, references: References) -> Evidence:
    """Run every attack that needs no training.

    Raises
    ------
    InvalidDataError
        Fewer than four references without the records, or references that are all the same.

    Notes
    -----
    O((m + q) n log n) time for each attack; a few copies of one signal of the references in memory.
    """
    answers, used = _answers(scores, references)
    z, reference_z = _standard_scores(answers)
    audited, retrains, unforgotten, columns = [], [], [], {}
    for name, views in _attacks(answers, z, reference_z):
        audited.append(_auc(views.target, answers))
        retrains.append([_auc(view, answers) for view in views.retrains])
        unforgotten.append([_auc(view, answers) for view in views.unforgotten])
        columns[name] = _spread(views.target, used, len(scores.is_forgotten))
    names, memory = list(columns), None
    if len(answers.unforgotten["logit"]) >= LEAST_UNFORGOTTEN:
        memory, of_retrains, of_unforgotten = _memory(answers)
        names.append("memory left")
        audited.append(memory.value)
        retrains.append(of_retrains)
        unforgotten.append(of_unforgotten)
    return Evidence(
        names=tuple(names), audited=np.array(audited), retrains=np.array(retrains).T,
        unforgotten=np.array(unforgotten).T, scores=columns,
        z=_spread(z, used, len(scores.is_forgotten)), reference_z=_spread(reference_z, used, len(scores.is_forgotten)),
        memory=memory,
    )  # fmt: skip


def _answers(scores: Scores, references: References) -> tuple[_Answers, npt.NDArray[np.intp]]:
    used = np.concatenate([np.flatnonzero(scores.is_forgotten), np.flatnonzero(scores.is_held_out)])
    retrains, unforgotten = references.retrains(scores), references.unforgotten(scores)
    if len(retrains) < LEAST_RETRAINS:
        raise InvalidDataError(
            f"{len(retrains)} references were trained without forgotten and held-out records; an audit needs "
            f"{LEAST_RETRAINS}.",
            hint="And 39 before it can accuse anybody at 5 %.",
        )
    shared = [name for name in _NAMES if name in references.signals and name in scores.signals]
    without = {n: np.asarray(references.signals[n], dtype=np.float64)[np.ix_(retrains, used)] for n in shared}
    if float(np.ptp(without["logit"], axis=0).max()) <= 1e-12 * float(np.abs(without["logit"]).max()):
        raise InvalidDataError(
            "All references are the same model: they show no range that a retrain could lie in.",
            hint="Train them with other seeds or on resampled records; equal models are compared by digest.",
        )
    others = np.setdiff1d(np.arange(len(references)), np.concatenate([retrains, unforgotten]))
    return _Answers(
        target={n: np.asarray(scores.signals[n], dtype=np.float64)[used] for n in shared},
        retrains=without,
        unforgotten={n: np.asarray(references.signals[n], dtype=np.float64)[np.ix_(unforgotten, used)] for n in shared},
        is_forgotten=scores.is_forgotten[used],
        labels=None if scores.labels is None else scores.labels[used],
        halves=_halves(references, others, used),
    ), used


def _halves(
    references: References, rows: npt.NDArray[np.intp], used: npt.NDArray[np.intp]
) -> tuple[Floats, Bools] | None:
    """What the online attacks compare: models that know some of the records, each record twice in and twice out."""
    members = references.members[np.ix_(rows, used)]
    if min(members.sum(axis=0).min(), (~members).sum(axis=0).min()) < 2:
        return None
    return np.asarray(references.signals["logit"], dtype=np.float64)[np.ix_(rows, used)], members


def _attacks(answers: _Answers, z: Floats, reference_z: Floats) -> Iterator[tuple[str, _Views]]:
    for signal, name in _NAMES.items():
        if signal in answers.target:
            yield name, _Views(*(part[signal] for part in answers[:3]))
    if answers.labels is not None and len(answers.unforgotten["logit"]):
        for signal in ("logit", "entropy", "modified_entropy"):
            if signal in answers.target:
                offset = _offsets(answers, signal, answers.labels)
                views = [part[signal] for part in answers[:3]]
                yield (
                    f"{_NAMES[signal]} by class",
                    _Views(views[0] - offset, (v - offset for v in views[1]), (v - offset for v in views[2])),
                )
    mean, deviation = _centre(answers.retrains["logit"])
    unforgotten = answers.unforgotten["logit"]
    yield "LiRA", _Views(z, reference_z, ((v - mean) / deviation for v in unforgotten))
    yield "RMIA", _rmia(answers)
    shrink = _shrinkage(answers.retrains["logit"])
    yield "exponential family", _Views(z * shrink, (v * shrink for v in reference_z), (
        (v - mean) / deviation * shrink for v in unforgotten
    ))  # fmt: skip
    if answers.halves is not None:
        yield from _online(answers, *answers.halves)


def _online(answers: _Answers, halves: Floats, members: Bools) -> Iterator[tuple[str, _Views]]:
    population, prior, few = ~answers.is_forgotten, online_prior(halves, members), len(halves) < 64
    logits = [part["logit"] for part in answers[:3]]
    yield "LiRA online", _Views(*(lira_online(of, halves, members, fixed_variance=few) for of in logits))

    def beaten(of: Floats) -> Floats:
        return share_beaten(expit(of), prior, population, gamma=_GAMMA)

    yield "RMIA online", _Views(beaten(logits[0]), map(beaten, logits[1]), map(beaten, logits[2]))


def _memory(answers: _Answers) -> tuple[Interval, list[float], list[float]]:
    """Memory left of the audited model and of each reference; a reference is measured against the others."""
    n = int(answers.is_forgotten.sum())
    target, out, unforgotten = (part["logit"][..., :n] for part in answers[:3])
    mean, variance, inside = out.mean(axis=0), out.var(axis=0, ddof=1), unforgotten.mean(axis=0)
    others, of_others = without_each(out)
    others_unforgotten = (unforgotten.sum(axis=0) - unforgotten) / (len(unforgotten) - 1)
    return (
        memory_interval(target, mean, inside, variance),
        memory_left(out, others, inside, of_others).tolist(),
        memory_left(unforgotten, mean, others_unforgotten, variance).tolist(),
    )


def _standard_scores(answers: _Answers) -> tuple[Floats, Floats]:
    """Of the audited model against all retrained references, and of each of these against the others."""
    logits = answers.retrains["logit"]
    mean, deviation = _centre(logits)
    others, variance = without_each(logits)
    return (answers.target["logit"] - mean) / deviation, (logits - others) / np.maximum(np.sqrt(variance), SMALLEST)


def _centre(logits: Floats) -> tuple[Floats, Floats]:
    return logits.mean(axis=0), np.maximum(logits.std(axis=0, ddof=1), SMALLEST)


def _shrinkage(logits: Floats) -> Floats:
    """Factor from each record's own deviation to the shrunken one; the degrees of freedom are the same for all."""
    m = len(logits)
    variance = np.maximum(logits.var(axis=0, ddof=1), SMALLEST**2)
    s0_squared, d0 = common_variance(np.full(logits.shape[1], float(m)), variance)
    shrunk = s0_squared if np.isinf(d0) else (d0 * s0_squared + (m - 1) * variance) / (d0 + m - 1)
    return np.asarray(np.sqrt(variance / shrunk))


def _rmia(answers: _Answers) -> _Views:
    population = ~answers.is_forgotten
    p = expit(answers.retrains["logit"])
    total, m = p.sum(axis=0), len(p)

    def beaten(of: Floats, outside: Floats) -> Floats:
        return share_beaten(of, offline_prior(outside, _A), population, gamma=_GAMMA)

    return _Views(
        beaten(expit(answers.target["logit"]), total / m),
        (beaten(row, (total - row) / (m - 1)) for row in p),
        (beaten(expit(row), total / m) for row in answers.unforgotten["logit"]),
    )


def _offsets(answers: _Answers, signal: str, labels: npt.NDArray[np.int64]) -> Floats:
    """Threshold of each record's class, found on the do-nothing references: there one knows who is a member."""
    unforgotten = answers.unforgotten[signal]
    q = len(unforgotten)
    thresholds = class_thresholds(
        unforgotten.ravel(), np.tile(labels, q), np.tile(answers.is_forgotten, q), n_classes=int(labels.max()) + 1
    )
    return np.asarray(thresholds[labels])


def _auc(of: Floats, answers: _Answers) -> float:
    n = int(answers.is_forgotten.sum())  # which stand first
    return auc(of[:n], of[n:])


def _spread(values: Floats, used: npt.NDArray[np.intp], n: int) -> Floats:
    out = np.full((*values.shape[:-1], n), np.nan)
    out[..., used] = values
    return out
