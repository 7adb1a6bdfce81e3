"""Evidence beyond the answers of one audited model: what the distances of a report are taken from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from expunge.audit.inputs import References, Scores

__all__ = ["Further"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Further:
    """Each part is optional; a row of the report that lacks its part says so.

    Parameters
    ----------
    before : Scores, optional
        What the model said before the erasure, of the same records.
    unlearned : References, optional
        Other models that were trained on the forget set and made to forget it by the audited method, each with a seed
        of its own; of the same records. Four or more.
    untrained : ndarray of shape (n, k), optional
        Probabilities of the same network with its first weights.
    weights : mapping of str to ndarray, optional
        Weights of the audited model, by layer.
    reference_weights : mapping of str to ndarray of shape (m, ...), optional
        The same of all references, in their order.
    relearned : ndarray of shape (t,), optional
        Accuracy of the audited model on the forgotten records after 1, 2, ... steps of training on them again.
    reference_relearned : ndarray of shape (r, t), optional
        The same of r references that were trained without them; two or more.
    relearn_to : float
        Accuracy on them before the erasure.
    """

    before: Scores | None = None
    unlearned: References | None = None
    untrained: Floats | None = None
    weights: Mapping[str, Floats] | None = None
    reference_weights: Mapping[str, Floats] | None = None
    relearned: Floats | None = None
    reference_relearned: Floats | None = None
    relearn_to: float = 1.0
