"""Every score-based attack on the audited model and on all references: one AUC each, side by side.

The statistics of the references do not depend on the audited model: each reference is measured against the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from expunge.audit.copies import alike
from expunge.audit.exponential import exponential_family
from expunge.audit.inputs import References, Scores
from expunge.audit.lira import lira_offline, lira_online
from expunge.audit.memory_left import LEAST_UNFORGOTTEN, memory_interval, memory_left
from expunge.audit.moments import moments, without_each
from expunge.audit.rmia import rmia_offline, rmia_online
from expunge.audit.statistics import Interval, auc
from expunge.audit.thresholds import against_thresholds, class_thresholds
from expunge.errors import InvalidDataError

__all__ = ["LEAST_RETRAINS", "Evidence", "collect"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_RETRAINS = 4
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
    times : ndarray of int, shape (q,)
        How many references answer as each of those trained with the forget set does, itself among them.
    is_among : bool
        Whether the audited model answers all records as one of the retrained references does.
    """

    names: tuple[str, ...]
    audited: Floats
    retrains: Floats
    unforgotten: Floats
    scores: dict[str, Floats]
    z: Floats
    reference_z: Floats
    memory: Interval | None
    times: npt.NDArray[np.intp]
    is_among: bool


class _Answers(NamedTuple):
    """Signals of the audited model (n,), of retrained (m, n) and of do-nothing references (q, n); forgotten first."""

    target: dict[str, Floats]
    retrains: dict[str, Floats]
    unforgotten: dict[str, Floats]
    is_forgotten: Bools
    labels: npt.NDArray[np.int64] | None
    halves: tuple[Floats, Bools] | None  # log-odds (h, n) of models that know some of the records, and which


class _Views(NamedTuple):
    """What each model in turn looks like: its signal, what it is compared with, or its scores by one attack."""

    target: Any
    retrains: Any
    unforgotten: Any

    def map(self, attack: Callable[..., Floats], *others: _Views) -> _Views:
        """Scores of all models by one attack."""
        return _Views(*map(attack, self, *others))


def collect(scores: Scores, references: References) -> Evidence:
    """Run every attack that needs no training.

    Raises
    ------
    InvalidDataError
        Fewer than four different references without the records, or references that are all the same.

    Notes
    -----
    O((m + q) n log n) time for each attack; a few copies of one signal of the references in memory.
    """
    answers, used = _answers(scores, references)
    logits = _signal(answers, "logit")
    against = _against(logits.retrains, moments, without_each)
    audited, retrains, unforgotten, columns = [], [], [], {}
    for name, views in _attacks(answers, logits, against):
        audited.append(_auc(views.target, answers))
        retrains.append([_auc(view, answers) for view in views.retrains])
        unforgotten.append([_auc(view, answers) for view in views.unforgotten])
        columns[name] = _spread(views.target, used, len(scores.is_forgotten))
    names, memory = list(columns), None
    if len(logits.unforgotten) >= LEAST_UNFORGOTTEN:
        memory, of_retrains, of_unforgotten = _memory(answers, against)
        names.append("memory left")
        audited.append(memory.value)
        retrains.append(of_retrains)
        unforgotten.append(of_unforgotten)
    return Evidence(
        names=tuple(names), audited=np.array(audited), retrains=np.array(retrains).T,
        unforgotten=np.array(unforgotten).T, scores=columns, z=columns["LiRA"],
        reference_z=_spread(lira_offline(logits.retrains, against.retrains), used, len(scores.is_forgotten)),
        memory=memory, times=references.times(scores),
        is_among=_is_among(answers),
    )  # fmt: skip


def _answers(scores: Scores, references: References) -> tuple[_Answers, npt.NDArray[np.intp]]:
    used = np.concatenate([np.flatnonzero(scores.is_forgotten), np.flatnonzero(scores.is_held_out)])
    every, retrains, unforgotten = (
        references.without(scores),
        references.retrains(scores),
        references.unforgotten(scores),
    )
    shared = [name for name in _NAMES if name in references.signals and name in scores.signals]
    without = {n: np.asarray(references.signals[n], dtype=np.float64)[np.ix_(retrains, used)] for n in shared}
    logits = without["logit"]
    if len(every) >= LEAST_RETRAINS and float(np.ptp(logits, axis=0).max()) <= 1e-12 * float(np.abs(logits).max()):
        raise InvalidDataError(
            "All references are the same model: they show no range that a retrain could lie in.",
            hint="Train them with other seeds or on resampled records; equal models are compared by digest.",
        )
    if len(retrains) < LEAST_RETRAINS:
        copies = "" if len(retrains) == len(every) else f", and only {len(retrains)} of them answer differently"
        raise InvalidDataError(
            f"{len(every)} references were trained without forgotten and held-out records{copies}; an audit needs "
            f"{LEAST_RETRAINS}.",
            hint="And 39 before it can accuse anybody at 5 %.",
        )
    others = np.setdiff1d(np.arange(len(references)), np.concatenate([every, references.untouched(scores)]))
    return _Answers(
        target={n: np.asarray(scores.signals[n], dtype=np.float64)[used] for n in shared},
        retrains=without,
        unforgotten={n: np.asarray(references.signals[n], dtype=np.float64)[np.ix_(unforgotten, used)] for n in shared},
        is_forgotten=scores.is_forgotten[used],
        labels=None if scores.labels is None else scores.labels[used],
        halves=_halves(references, others, used),
    ), used


def _is_among(answers: _Answers) -> bool:
    """Whether the audited model answers as a retrained reference does."""
    together = [np.vstack([answers.retrains[name], answers.target[name]]) for name in answers.target]
    return bool(alike(together)[-1] < len(together[0]) - 1)


def _halves(
    references: References, rows: npt.NDArray[np.intp], used: npt.NDArray[np.intp]
) -> tuple[Floats, Bools] | None:
    """What the online attacks compare: models that know some of the records, each record twice in and twice out."""
    members = references.members[np.ix_(rows, used)]
    if min(members.sum(axis=0).min(), (~members).sum(axis=0).min()) < 2:
        return None
    return np.asarray(references.signals["logit"], dtype=np.float64)[np.ix_(rows, used)], members


def _signal(answers: _Answers, name: str) -> _Views:
    return _Views(*(part[name] for part in answers[:3]))


def _against(of_retrains: Floats, all_of: Callable[[Floats], Any], all_but_one: Callable[[Floats], Any]) -> _Views:
    """What each model is compared with: all retrained references, and each of these with the others."""
    whole = all_of(of_retrains)
    return _Views(whole, all_but_one(of_retrains), whole)


def _attacks(answers: _Answers, logits: _Views, against: _Views) -> Iterator[tuple[str, _Views]]:
    for signal, name in _NAMES.items():
        if signal in answers.target:
            yield name, _signal(answers, signal)
    if answers.labels is not None and len(logits.unforgotten):
        for signal in ("logit", "entropy", "modified_entropy"):
            if signal in answers.target:
                yield f"{_NAMES[signal]} by class", _by_class(answers, _signal(answers, signal), answers.labels)
    population = ~answers.is_forgotten
    yield "LiRA", logits.map(lira_offline, against)
    chances = _against(expit(logits.retrains), _mean, _mean_without_each)
    yield "RMIA", logits.map(partial(rmia_offline, is_population=population), chances)
    yield "exponential family", logits.map(exponential_family, against)
    if answers.halves is not None:
        halves, members = answers.halves
        inside, outside = moments(halves, members, what="in"), moments(halves, ~members)
        few = len(halves) < 64
        yield "LiRA online", logits.map(partial(lira_online, inside=inside, outside=outside, fixed_variance=few))
        p = expit(halves)
        inside, outside = moments(p, members, least=1, what="in"), moments(p, ~members, least=1)
        yield (
            "RMIA online",
            logits.map(partial(rmia_online, inside=inside.mean, outside=outside.mean, is_population=population)),
        )


def _by_class(answers: _Answers, views: _Views, labels: npt.NDArray[np.int64]) -> _Views:
    """Against the threshold of each record's class, found on the do-nothing references, whose members one knows."""
    q = len(views.unforgotten)
    thresholds = class_thresholds(
        views.unforgotten.ravel(), np.tile(labels, q), np.tile(answers.is_forgotten, q), n_classes=int(labels.max()) + 1
    )
    return views.map(partial(against_thresholds, labels=labels, thresholds=thresholds))


def _mean(p: Floats) -> Floats:
    return np.asarray(p.mean(axis=0))


def _mean_without_each(p: Floats) -> Floats:
    return np.asarray((p.sum(axis=0) - p) / (len(p) - 1))


def _memory(answers: _Answers, against: _Views) -> tuple[Interval, list[float], list[float]]:
    """Memory left of the audited model and of each reference; a reference is measured against the others."""
    n = int(answers.is_forgotten.sum())
    target, out, unforgotten = (of[..., :n] for of in _signal(answers, "logit"))
    (_, mean, variance), (_, others, of_others) = ([part[..., :n] for part in of] for of in against[:2])
    inside = unforgotten.mean(axis=0)
    others_unforgotten = (unforgotten.sum(axis=0) - unforgotten) / (len(unforgotten) - 1)
    return (
        memory_interval(target, mean, inside, variance),
        memory_left(out, others, inside, of_others).tolist(),
        memory_left(unforgotten, mean, others_unforgotten, variance).tolist(),
    )


def _auc(of: Floats, answers: _Answers) -> float:
    n = int(answers.is_forgotten.sum())  # which stand first
    return auc(of[:n], of[n:])


def _spread(values: Floats, used: npt.NDArray[np.intp], n: int) -> Floats:
    out = np.full((*values.shape[:-1], n), np.nan)
    out[..., used] = values
    return out
