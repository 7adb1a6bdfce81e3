"""Scores that were produced elsewhere, as a table: one row for each record, one column for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.audit.inputs import References, Scores
from expunge.errors import InvalidDataError

__all__ = ["scores_from_table"]

Floats = npt.NDArray[np.float64]

ROLES = ("forgotten", "held-out")
_KNOWN = ("id", "role", "label", "group", "model")
_KINDS = {"without": False, "with": True}


def scores_from_table(columns: Mapping[str, Sequence[Any]]) -> tuple[Scores, References]:
    """Scores of an audited model and of its references.

    Parameters
    ----------
    columns : mapping of str to sequence of length n
        ``role`` ("forgotten" or "held-out") and ``model``, the probability that the audited model gives to the true
        class; ``without-1``, ``without-2``, ... the same of references that were trained without the forget set, and
        ``with-1``, ... of references that were trained with it; perhaps ``id``, ``label`` and ``group``. If no value
        lies outside 0 and 1 they are probabilities, else log-odds or any other score that is higher for a record that
        was trained on.

    Raises
    ------
    InvalidDataError
        A column that is missing or not known, a role that is none, a cell that is no number.

    Examples
    --------
    >>> scores, references = scores_from_table({
    ...     "role": ["forgotten", "forgotten", "held-out", "held-out"], "model": [0.9, 0.8, 0.6, 0.7],
    ...     "without-1": [0.5, 0.6, 0.7, 0.6]})
    >>> scores.n_forgotten, len(references)
    (2, 1)
    """
    for name in ("role", "model"):
        if name not in columns:
            raise InvalidDataError(f"The table of scores has no column {name!r}.", hint=_FORM)
    models = {name: _kind(name) for name in columns if name not in _KNOWN}
    if not models:
        raise InvalidDataError("The table of scores has no reference.", hint=_FORM)
    role = np.array([str(value) for value in columns["role"]])
    if strange := sorted(set(role.tolist()) - set(ROLES)):
        raise InvalidDataError(f"A role is 'forgotten' or 'held-out', got {strange[0]!r}.", hint=_FORM)
    values = {name: _numbers(name, columns[name]) for name in ("model", *models)}
    logits = _log_odds(np.array(list(values.values())))
    is_forgotten = role == "forgotten"
    labels = None
    if "label" in columns:
        labels = np.unique([str(v) for v in columns["label"]], return_inverse=True)[1].astype(np.int64)
    scores = Scores(
        signals={"logit": logits[0]}, is_forgotten=is_forgotten, is_held_out=~is_forgotten, labels=labels,
        ids=None if "id" not in columns else np.array([str(v) for v in columns["id"]], dtype=object),
        groups=None if "group" not in columns else np.array([str(v) for v in columns["group"]]),
    )  # fmt: skip
    known = np.array(list(models.values()))
    return scores, References(signals={"logit": logits[1:]}, members=known[:, None] & is_forgotten)


_FORM = (
    "Columns: role, model, without-1, without-2, ..., with-1, with-2, ...; perhaps id, label and group. "
    "One row for each record."
)


def _kind(name: str) -> bool:
    head, dash, tail = name.rpartition("-")
    if not dash or head not in _KINDS or not tail:
        raise InvalidDataError(f"The table of scores has a column {name!r} that nobody reads.", hint=_FORM)
    return _KINDS[head]


def _numbers(name: str, values: Sequence[Any]) -> Floats:
    try:
        return np.array([float(value) for value in values])
    except (TypeError, ValueError) as error:
        raise InvalidDataError(f"Column {name!r} of the scores holds a cell that is no number.") from error


def _log_odds(values: Floats) -> Floats:
    """Of probabilities their log-odds, kept finite; of other scores themselves."""
    if not np.isfinite(values).all():
        raise InvalidDataError("A score is not finite.", hint="Look for empty cells and NaN.")
    if values.min() < 0 or values.max() > 1:
        return values
    tiny = 1e-15
    return np.asarray(np.log(np.maximum(values, tiny)) - np.log(np.maximum(1 - values, tiny)))
