"""Parts of the forget set, and the records that stand out: an average over all may hide them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from expunge.audit.evidence import Evidence
from expunge.audit.inputs import References, Scores
from expunge.audit.lira import lira_online
from expunge.audit.moments import moments
from expunge.audit.ranks import max_t_each
from expunge.audit.report import Figure, Stratum, WorstRecord
from expunge.audit.statistics import auc, delong
from expunge.seeds import uniform64
from expunge.table.ids import check_ids

__all__ = ["record_log_ratios", "strata_of", "worst_records"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Records that a stratum needs on either side.
LEAST = 5


def record_log_ratios(scores: Scores, references: References) -> Floats | None:
    """Log-likelihood ratio "trained on it" against "not" of each forgotten record, in nats; of others NaN.

    None where fewer than two references were trained on the forget set. LiRA's score (Carlini et al. 2022, equation 4),
    with one variance for all records where references are few: a point estimate of the privacy loss of the one answer
    that was seen, and no bound on an epsilon.
    """
    retrains, unforgotten = references.retrains(scores), references.unforgotten(scores)
    if len(unforgotten) < 2 or len(retrains) < 2:
        return None
    forgotten = np.flatnonzero(scores.is_forgotten)
    target, logits = (
        np.take(of.signals["logit"], forgotten, axis=-1).astype(np.float64) for of in (scores, references)
    )
    inside, outside = moments(logits[unforgotten], what="in"), moments(logits[retrains])
    out = np.full(len(scores.is_forgotten), np.nan)
    out[forgotten] = lira_online(target, inside, outside, fixed_variance=len(unforgotten) < 32)
    return out


def strata_of(evidence: Evidence, scores: Scores, references: References) -> tuple[Stratum, ...]:
    """The AUC of the standard scores within parts of the forget set, each ranked among the references.

    By memorisation (thirds of the gap between references trained with and without a record), by class and by subgroup;
    parts with fewer than five records on either side are left out.
    """
    parts = [
        (kind, name, inside & scores.is_forgotten, against)
        for kind, name, inside, against in _parts(scores, references)
        if (inside & scores.is_forgotten).sum() >= LEAST and against.sum() >= LEAST
    ]
    if not parts:
        return ()
    models = np.vstack([evidence.z[None], evidence.reference_z])
    aucs = np.array([[auc(row[inside], row[against]) for _, _, inside, against in parts] for row in models])
    return tuple(
        Stratum(
            kind=kind, name=name, n_forgotten=int(inside.sum()), p_corrected=float(p),
            auc=Figure.of(delong(evidence.z[inside], evidence.z[against])),
        )
        for (kind, name, inside, against), p in zip(parts, max_t_each(aucs), strict=True)
    )  # fmt: skip


def _parts(scores: Scores, references: References) -> Iterator[tuple[str, str, Bools, Bools]]:
    retrains, unforgotten = references.retrains(scores), references.unforgotten(scores)
    if len(unforgotten):
        logits = references.signals["logit"]
        gap = np.asarray(logits[unforgotten].mean(axis=0) - logits[retrains].mean(axis=0), dtype=np.float64)
        low, high = np.quantile(gap[scores.is_forgotten], [1 / 3, 2 / 3])
        yield "memorisation", "least", gap < low, scores.is_held_out
        yield "memorisation", "middle", (gap >= low) & (gap < high), scores.is_held_out
        yield "memorisation", "most", gap >= high, scores.is_held_out
    for kind, column in (("class", scores.labels), ("group", scores.groups)):
        if column is not None:
            for value in np.unique(column[scores.is_forgotten]).tolist():
                inside = np.asarray(column == value)
                yield kind, str(value), inside, inside & scores.is_held_out


def worst_records(
    evidence: Evidence, scores: Scores, log_ratios: Floats | None, *, key: int | None, n: int
) -> tuple[WorstRecord, ...]:
    """The forgotten records that stand out most, by what one answer gives away or else by their standard score."""
    forgotten = np.flatnonzero(scores.is_forgotten)
    by = evidence.z if log_ratios is None else log_ratios
    order = forgotten[np.argsort(-by[forgotten], kind="stable")][:n]
    names = _pseudonyms(scores, forgotten, order, key)
    return tuple(
        WorstRecord(
            pseudonym=name, z=float(evidence.z[i]), log_ratio=None if log_ratios is None else float(log_ratios[i])
        )
        for name, i in zip(names, order, strict=True)
    )


def _pseudonyms(
    scores: Scores, forgotten: npt.NDArray[np.intp], order: npt.NDArray[np.intp], key: int | None
) -> list[str]:
    if key is None or scores.ids is None:
        return [f"forgotten record {int(np.searchsorted(forgotten, i)) + 1}" for i in order]
    hashed = uniform64(key, "audit pseudonym", check_ids(scores.ids[order]))
    return [f"{int(value):016x}" for value in hashed]
