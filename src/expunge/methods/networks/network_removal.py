"""What a method for networks says it did."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from expunge.methods.networks.utility import UtilityRow
from expunge.records import Removal

__all__ = ["NetworkRemoval"]


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class NetworkRemoval(Removal):
    """What a method did to a network: a :class:`expunge.Removal` with its dose and what the model lost.

    Parameters
    ----------
    strength : float
        The balance factor; of "auto" the dose that was found.
    step_norm : float
        Euclidean norm of the change of the trainable weights.
    retain_kl : float
        Mean divergence of the new outputs from the old ones on the retain set.
    utility : tuple of UtilityRow
        For the forget set and the retain set, whole and by class and subgroup. Of a retain set of more than 2,048
        records a sample is looked at, chosen by the hash of their ids.
    """

    strength: float = 1.0
    step_norm: float = 0.0
    retain_kl: float = 0.0
    utility: tuple[UtilityRow, ...] = ()

    def report(self) -> str:
        """The utility report, a line for each part, class and subgroup."""
        return "\n".join(map(str, self.utility))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Any:
        rows = tuple(UtilityRow(**row) for row in data.get("utility", ()))
        return super().from_dict({**data, "utility": rows})
