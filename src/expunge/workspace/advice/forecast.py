"""From what was measured to what each number of shards and slices would cost; a pure function of both."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from expunge.maths.power_law import PowerLaw
from expunge.maths.sharding import By, Steps, draw_steps, full_reads, reads_of_requests
from expunge.seeds import derive_seed
from expunge.workspace.advice.measured import Measured, Score
from expunge.workspace.advice.question import Question

__all__ = ["Choice", "forecast"]

#: Numbers that a simulation may hold at a time; draws are as many as fit, between 20 and 2,000.
_CELLS = 2_000_000


@dataclasses.dataclass(frozen=True)
class Choice:
    """One number of shards and slices, and what it would cost. One shard with one slice is plain retraining.

    Parameters
    ----------
    n_shards, n_slices : int
    place_by : {"record", "subject"}
    reads, batch_reads : float
        Expected number of records read again for one request, and for a batch of them together.
    share, batch_share : float
        The same, of what a training of everything that is left reads.
    p50_s, p95_s : float
        Seconds that one request takes: half of them less, and 95 %.
    batch_p95_s : float
        Seconds that a batch takes; 95 % take less.
    month_s, month_batched_s : float
        Seconds of computing in a month, with each request at once and with batches.
    storage_bytes : float
        Of the model's file: rows, and the models of all slices.
    score : Score
    """

    n_shards: int
    n_slices: int
    place_by: str
    reads: float
    batch_reads: float
    share: float
    batch_share: float
    p50_s: float
    p95_s: float
    batch_p95_s: float
    month_s: float
    month_batched_s: float
    storage_bytes: float
    score: Score

    @property
    def is_plain(self) -> bool:
        """Whether this is retraining without shards."""
        return self.n_shards == self.n_slices == 1


def forecast(measured: Measured, question: Question) -> list[Choice]:
    """Every combination that was measured, plain retraining first, by shards and slices.

    Parameters
    ----------
    measured : Measured
    question : Question

    Returns
    -------
    list of Choice

    Notes
    -----
    Reads are exact expectations (:mod:`expunge.maths.sharding`). Times are those of draws from the same model, one
    shard after another, with the scatter of the measured times around their curve.
    """
    return [_choice(measured, question, *shape) for shape in sorted(measured.scores)]


def _choice(measured: Measured, question: Question, n_shards: int, n_slices: int) -> Choice:
    by: By = "subject" if measured.place_by == "subject" else "record"
    sizes, batch = measured.sizes, question.batch_of(measured.n_units)
    rng = np.random.default_rng(derive_seed(question.seed, "advice", n_shards, n_slices))
    reads, shares, times = [], [], []
    for k in (1, batch):
        left, units = measured.n_records * (1 - k / measured.n_units), measured.n_units - k
        expected = reads_of_requests(sizes, k, n_shards, n_slices, by)
        reads.append(expected)
        shares.append(expected / full_reads(left, units if by == "subject" else left, n_shards, n_slices))
        each = max(n_shards * n_slices * len(sizes), round(k * measured.n_records / measured.n_units))
        draws = int(np.clip(_CELLS // each, 20, 2000))
        steps = draw_steps(rng, draws, sizes, k, n_shards, n_slices, by)
        times.append(_seconds(steps, measured, n_slices, rng))
    return Choice(
        n_shards=n_shards, n_slices=n_slices, place_by=by, reads=reads[0], batch_reads=reads[1], share=shares[0],
        batch_share=shares[1], p50_s=float(np.quantile(times[0], 0.5)), p95_s=float(np.quantile(times[0], 0.95)),
        batch_p95_s=float(np.quantile(times[1], 0.95)), month_s=question.deletions * float(times[0].mean()),
        month_batched_s=question.deletions / batch * float(times[1].mean()),
        storage_bytes=_storage(measured, n_shards, n_slices), score=measured.scores[n_shards, n_slices],
    )  # fmt: skip


def _seconds(steps: Steps, measured: Measured, n_slices: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Seconds of each drawn removal."""
    out = np.full(len(steps.reads), measured.bookkeeping_s)
    first = measured.fit_s if n_slices == 1 else measured.first_s
    for law, which in ((first, steps.is_first), (measured.step_s, (steps.reads > 0) & ~steps.is_first)):
        draw, shard, number = np.nonzero(which)
        if law is not None and len(draw):
            times = _scattered(law, steps.reads[draw, shard, number], rng)
            out += np.bincount(draw, times, minlength=len(out))
    draw, shard = np.nonzero(steps.reads.any(axis=2))
    waits = measured.shard_s(steps.reads.max(axis=2)[draw, shard].astype(np.float64))
    return out + np.bincount(draw, waits, minlength=len(out))


def _scattered(law: PowerLaw, sizes: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Times as the curve says, each off by the factor of one of the measurements."""
    times: npt.NDArray[np.float64] = law(sizes.astype(np.float64)) * rng.choice(law.ratios, size=len(sizes))
    return times


def _storage(measured: Measured, n_shards: int, n_slices: int) -> float:
    prefixes = measured.n_records * np.arange(1, n_slices + 1) / (n_shards * n_slices)
    return float(measured.n_records * measured.row_bytes + n_shards * np.sum(measured.model_bytes(prefixes)))
