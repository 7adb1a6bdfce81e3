"""What a good answer is: a workload says what is asked for, and every gap and every attack follows from that.

=============  =====================================================  ==========================  ====================
task           answer to a record                                     the audit reads             quality of a part
=============  =====================================================  ==========================  ====================
``classes``    probabilities of k classes                             log-odds of the true one    accuracy
``numbers``    a number                                               minus the squared error     R²
``anomalies``  how normal it looks, on any scale                      that                        AUC over both kinds
``groups``     minus the squared distance to the nearest centre       that                        share of spread told
``ranking``    scores of k candidates, one of them the true one       log-odds of the true one    hit rate at 10
``answers``    log-probability of the true text, F1 of the text said  log-odds of the true text   mean F1
=============  =====================================================  ==========================  ====================

A workload of another kind brings a :class:`Task` of its own in ``Data(task=...)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from expunge.audit.inputs import signals_of
from expunge.audit.squared_error import signals_of_values
from expunge.audit.statistics import auc

__all__ = ["ANOMALIES", "ANSWERS", "CLASSES", "GROUPS", "NUMBERS", "RANKING", "TASKS", "Task"]

Floats = npt.NDArray[np.float64]
Signals = dict[str, Floats]

_AT = 10  # places of a ranking that anybody looks at
_MOST = 50.0  # log-odds beyond which nobody tells probabilities apart


@dataclasses.dataclass(frozen=True)
class Task:
    """What is asked for, and how good an answer is.

    Parameters
    ----------
    name : str
    measure : str
        What quality is called in the scores: ``test_accuracy``, ``test_r2``.
    unit : str
        The same for people.
    read : callable
        ``read(answers, labels, floor)`` gives the signals of n records, each of shape (n,), by the names of
        :data:`expunge.audit.inputs.SIGNALS`: ``logit`` is what attacks look at, higher for what looks like a member.
    quality : callable
        ``quality(signals, labels)`` of some of the records, 1 for perfect answers; None where it cannot be told.
    is_classes : bool
        Whether answers are probabilities of classes, so that labels can be planted and decisions compared.
    """

    name: str
    measure: str
    unit: str
    read: Callable[[Any, Any, float], Signals]
    quality: Callable[[Mapping[str, Floats], Any], float | None]
    is_classes: bool = False


def _classes(answers: Any, labels: Any, floor: float) -> Signals:
    return signals_of(answers, labels, floor=floor)


def _numbers(answers: Any, labels: Any, floor: float) -> Signals:
    return signals_of_values(answers, labels)


def _normality(answers: Any, labels: Any, floor: float) -> Signals:
    return {"logit": np.asarray(answers, dtype=np.float64)}


def _candidates(answers: Any, labels: Any, floor: float) -> Signals:
    scores = np.asarray(answers, dtype=np.float64)
    true = scores[np.arange(len(scores)), labels]
    others = scores.copy()
    others[np.arange(len(scores)), labels] = -np.inf
    place = (others >= true[:, None]).sum(axis=1)  # of equals the true one comes last: a constant wins nothing
    return {"logit": true - logsumexp(others, axis=1), "correct": (place < _AT).astype(np.float64)}


def _texts(answers: Any, labels: Any, floor: float) -> Signals:
    said = np.asarray(answers, dtype=np.float64)
    likely = np.minimum(said[:, 0], -np.exp(-_MOST))
    return {"logit": np.clip(likely - np.log(-np.expm1(likely)), -_MOST, _MOST), "correct": said[:, 1]}


def _mean_right(signals: Mapping[str, Floats], labels: Any) -> float | None:
    return float(signals["correct"].mean()) if len(labels) else None


def _explained(signals: Mapping[str, Floats], labels: Any) -> float | None:
    """One minus the mean squared error, in units of the variance of all targets asked about, or of the rows."""
    return 1.0 + float(signals["logit"].mean()) if len(labels) else None


def _told_apart(signals: Mapping[str, Floats], labels: Any) -> float | None:
    """Chance that a normal record looks more normal than an anomalous one; None where one kind is missing."""
    odd = np.asarray(labels) == 1
    if not 0 < odd.sum() < len(odd):
        return None
    return auc(signals["logit"][~odd], signals["logit"][odd])


CLASSES = Task("classes", "accuracy", "accuracy", _classes, _mean_right, is_classes=True)
NUMBERS = Task("numbers", "r2", "R²", _numbers, _explained)
GROUPS = Task("groups", "spread_told", "share of spread told", _normality, _explained)
ANOMALIES = Task("anomalies", "auc", "AUC", _normality, _told_apart)
RANKING = Task("ranking", "hit_rate", "hit rate at 10", _candidates, _mean_right)
ANSWERS = Task("answers", "f1", "F1", _texts, _mean_right)

TASKS: dict[str, Task] = {task.name: task for task in (ANOMALIES, ANSWERS, CLASSES, GROUPS, NUMBERS, RANKING)}
