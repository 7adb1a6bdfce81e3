"""The split guard: while a method forgets, nobody may load the data again; and what it leaves must not know the test.

A method is given training records and nothing else. It could still load the workload by itself and train on the test
records, which would make it look good. Two things stand against that: loading data while a method works is an error,
and a model that treats test records as ones it was trained on, more than any reference does, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from expunge.audit.statistics import auc
from expunge.errors import PeekedError

__all__ = ["check_open", "check_test_unknown", "closed"]

#: A model that stands so many standard deviations above the references has seen the test records.
_FAR = 5.0
_LEAST_SPREAD = 0.01  # of an AUC: what a few hundred records leave to chance

_closed = [False]


@contextmanager
def closed() -> Iterator[None]:
    """While this lasts, loading data is an error."""
    before = _closed[0]
    _closed[0] = True
    try:
        yield
    finally:
        _closed[0] = before


def check_open(what: str) -> None:
    """Refuse to load data while a method forgets.

    Raises
    ------
    PeekedError
    """
    if _closed[0]:
        raise PeekedError(
            f"A method asked for {what} while it was forgetting.", hint="It may use the training records it was given."
        )


def check_test_unknown(
    tested: npt.NDArray[np.float64], held_out: npt.NDArray[np.float64],
    references: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
) -> None:  # fmt: skip
    """Refuse a model that is surer of the test records than of held-out ones, beyond what references are.

    Parameters
    ----------
    tested, held_out : ndarray
        Log-odds of the true class, of the audited model.
    references : list of pairs of ndarray
        The same of models that were trained on neither.

    Raises
    ------
    PeekedError
    """
    own = auc(tested, held_out)
    others = np.array([auc(*pair) for pair in references]) if references else np.array([0.5])
    spread = max(_LEAST_SPREAD, float(others.std()))
    if own - others.mean() > _FAR * spread * (1 if len(references) >= 4 else 2):
        raise PeekedError(
            f"The model knows the test records: it is surer of them than of held-out ones (AUC {own:.3f}; references "
            f"{others.mean():.3f}).",
            hint="No method may train on test records.",
        )
