"""Before the clock starts: a model and a removal of a few records, so that nothing is compiled while it runs."""

from __future__ import annotations

import contextlib

import numpy as np

from expunge.errors import ExpungeError
from expunge.lab.learners import Learner
from expunge.lab.trial import Trial

__all__ = ["warm"]

_FEW, _GONE = 80, 2


def warm(trial: Trial) -> None:
    """Train and forget a few of the retained records, with the model that is about to be timed.

    What is compiled at its first use (the loops of forests, half a minute on a fresh checkout) would otherwise be
    charged to the first cell that needs it. Where a few records are too few for a model, nothing is warmed.
    """
    learner: Learner = trial.learner
    if not hasattr(learner, "estimator"):  # networks compile nothing
        return
    retained = trial.parts.train & ~trial.drawn.mask()
    few = trial.records(retained & (np.cumsum(retained) <= _FEW))
    with contextlib.suppress(ExpungeError, ValueError):
        learner.forget(learner.train(few, 0), few, few.ids[:_GONE], 0)
