"""What was measured on a sample: records of plain numbers, from which a forecast follows without another look."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from expunge.maths.power_law import PowerLaw

__all__ = ["Measured", "Score"]


@dataclasses.dataclass(frozen=True)
class Score:
    """Accuracy (or R²) of one number of shards and slices, cross-validated with people kept whole.

    Parameters
    ----------
    mean, low, high : float
        Mean over the folds, and a 95 % interval for it.
    loss, loss_high : float
        How much less than plain retraining, on the same folds, and the upper end of the 95 % interval of that.
    n_shards : int
        Shards that were really trained.
    is_whole : bool
        Whether each held as many records as it will; if not, the accuracy is one of smaller shards.
    """

    mean: float
    low: float
    high: float
    loss: float
    loss_high: float
    n_shards: int
    is_whole: bool


@dataclasses.dataclass(frozen=True)
class Measured:
    """A table and an estimator, in numbers.

    Parameters
    ----------
    n_records, n_sampled : int
    sizes : dict of int to int
        Number of records -> how many people have so many, in the whole table.
    has_people : bool
        Whether a column said whom a record is about.
    metric : {"accuracy", "R²"}
    shard_s : PowerLaw
        Seconds that a shard takes before it is trained, by its number of records: to read them, for example.
    fit_s : PowerLaw
        Seconds of a fit by the number of records.
    first_s, step_s : PowerLaw or None
        With slices: seconds of a step that starts anew, and of one that continues from a checkpoint, by the number of
        records of all slices so far. None where the estimator cannot continue.
    bookkeeping_s : float
        Seconds that a removal takes in a model of this table beside all of that.
    model_bytes : PowerLaw
        Bytes of one fitted estimator in a file, by the number of records it learned from.
    row_bytes : float
        Bytes of a record in a file.
    scores : dict of (n_shards, n_slices) to Score
        (1, 1) is plain retraining.
    left_out : dict of (n_shards, n_slices) to str
        Why a combination was not measured.
    elapsed_s : float
    """

    n_records: int
    n_sampled: int
    sizes: Mapping[int, int]
    has_people: bool
    metric: str
    shard_s: PowerLaw
    fit_s: PowerLaw
    first_s: PowerLaw | None
    step_s: PowerLaw | None
    bookkeeping_s: float
    model_bytes: PowerLaw
    row_bytes: float
    scores: Mapping[tuple[int, int], Score]
    left_out: Mapping[tuple[int, int], str]
    elapsed_s: float

    @property
    def n_units(self) -> int:
        """People, and records about nobody."""
        return sum(self.sizes.values())

    @property
    def place_by(self) -> str:
        """Placing by person helps where somebody has more than one record."""
        return "subject" if max(self.sizes) > 1 else "record"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        out = dataclasses.asdict(self)
        out["scores"] = [
            {"n_shards": s, "n_slices": r, **dataclasses.asdict(score)} for (s, r), score in self.scores.items()
        ]
        out["left_out"] = [{"n_shards": s, "n_slices": r, "why": why} for (s, r), why in self.left_out.items()]
        out["sizes"] = {str(size): count for size, count in self.sizes.items()}
        return out
