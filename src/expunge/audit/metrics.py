"""Distances and tests that do not decide, each beside the same number between retrained models.

A row that lacks its evidence says what it would have needed. All are taken on the forgotten records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.audit.activations import activation_distance
from expunge.audit.anamnesis import anamnesis_index
from expunge.audit.before_after import before_after
from expunge.audit.completeness import completeness
from expunge.audit.forgetting_rate import forgetting_rate
from expunge.audit.forgetting_score import forgetting_score, record_scores
from expunge.audit.further import Further
from expunge.audit.inputs import References, Scores
from expunge.audit.klom import klom
from expunge.audit.logistic import starter_kit_accuracy
from expunge.audit.moments import moments
from expunge.audit.outputs import js_divergence, kl_divergence
from expunge.audit.ranks import rank_p_value
from expunge.audit.report import Figure, Metric
from expunge.audit.statistics import Interval, auc, clopper_pearson, delong, mean_interval
from expunge.audit.two_sample import two_sample_p_value
from expunge.audit.u_lira import u_lira
from expunge.audit.weights import layer_distances, weight_distance
from expunge.audit.zrf import zero_retrain_forgetting
from expunge.errors import InvalidDataError

__all__ = ["metrics_of"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Weights = Mapping[str, Floats]
Side = Literal["more", "less", "both"]

#: So many models and forgotten records are compared in pairs, at most; of more records those at even distances.
MODELS, RECORDS = 64, 500
#: Retrained models that the starter kit's attack is trained on again.
KITS = 8
#: Standard deviations above the references from which on a forgotten record counts as found.
FOUND = 1.6448536269514722  # one held-out record in twenty, if scores are normal


class _Case(NamedTuple):
    """An audit: its evidence, retrained and do-nothing references, and the forgotten records that are compared."""

    scores: Scores
    references: References
    further: Further
    retrains: Rows
    unforgotten: Rows
    records: Rows


def metrics_of(scores: Scores, references: References, further: Further) -> tuple[Metric, ...]:
    """All rows, in the order of the cards.

    Notes
    -----
    O(m² n k) for the distances of m references' outputs on n forgotten records of k classes, with m at most 64 and n at
    most 500.
    """
    forgotten = np.flatnonzero(scores.is_forgotten)
    if len(forgotten) > RECORDS:
        forgotten = forgotten[np.linspace(0, len(forgotten) - 1, RECORDS).astype(np.intp)]
    retrains, unforgotten = references.retrains(scores)[:MODELS], references.unforgotten(scores)[:MODELS]
    case = _Case(scores, references, further, retrains, unforgotten, forgotten)
    return tuple(row for name, make in _ROWS.items() for row in _told(name, make, case))


def _told(name: str, make: Make, case: _Case) -> Iterator[Metric]:
    try:
        yield from make(name, case)
    except InvalidDataError as error:
        yield Metric(name=name, figure=Figure(refusal=error.message))


# ------------------------------------------------------------------------------------------------ one model, in pairs


def _between(each: Callable[[Floats, Floats], Floats], *, side: Side = "more") -> Make:
    """Mean over records and retrained references of a number for each record, from the outputs of two models."""

    def make(name: str, case: _Case) -> Iterator[Metric]:
        own, others = _outputs(case)
        retrained = [others[i] for i in case.retrains]
        per_record = np.mean([each(other, own) for other in retrained], axis=0)
        if not np.isfinite(per_record).all():
            raise InvalidDataError("It is infinite: a retrained model gives a class a chance that this one rules out.")
        apart = np.array([[each(a, b).mean() if a is not b else 0.0 for a in retrained] for b in retrained])
        nulls = apart.sum(axis=1) / (len(retrained) - 1)
        unforgotten = [float(np.mean([each(a, others[i]).mean() for a in retrained])) for i in case.unforgotten]
        yield _row(name, Figure.of(mean_interval(per_record)), nulls, unforgotten, side=side)

    return make


def _outputs(case: _Case) -> tuple[Floats, dict[int, Floats]]:
    own, others = case.scores.outputs, case.references.outputs
    if own is None or others is None:
        raise InvalidDataError("It needs the probabilities of the audited model and of its references.")
    if own.shape[1] != others.shape[2]:
        raise InvalidDataError(f"The audited model has {own.shape[1]} classes, its references {others.shape[2]}.")
    chosen = (*case.retrains, *case.unforgotten)
    return own[case.records], {int(i): others[i][case.records] for i in chosen}


def _same_label(first: Floats, second: Floats) -> Floats:
    return completeness(first.argmax(axis=1), second.argmax(axis=1))


def _guessing(name: str, case: _Case) -> Iterator[Metric]:
    own, others = _outputs(case)
    if case.further.untrained is None:
        raise InvalidDataError("It needs the probabilities of the network before its training.")
    untrained = case.further.untrained[case.records]
    value = mean_interval(zero_retrain_forgetting(own, untrained))
    nulls, unforgotten = (
        np.array([zero_retrain_forgetting(others[i], untrained).mean() for i in rows])
        for rows in (case.retrains, case.unforgotten)
    )
    yield _row(name, Figure.of(value), nulls, unforgotten, side="both")


def _weights(name: str, case: _Case) -> Iterator[Metric]:
    own, others = case.further.weights, case.further.reference_weights
    if own is None or others is None:
        raise InvalidDataError("It needs the weights of the audited model and of its references, by layer.")
    models = [{layer: of[i] for layer, of in others.items()} for i in case.retrains]
    unforgotten = [{layer: of[i] for layer, of in others.items()} for i in case.unforgotten]
    for detail in [""] if name == "weight distance" else list(own):
        apart = np.array([[_apart(b, a, detail) if a is not b else 0.0 for a in models] for b in models])
        own_apart = np.array([_apart(own, a, detail) for a in models])
        of_unforgotten = [float(np.mean([_apart(k, a, detail) for a in models])) for k in unforgotten]
        nulls = apart.sum(axis=1) / (len(models) - 1)
        yield _row(name, Figure.of(mean_interval(own_apart)), nulls, of_unforgotten, detail=detail)


def _apart(first: Weights, second: Weights, layer: str) -> float:
    """Of all weights, or of one layer relative to the second model's."""
    return layer_distances(second, first)[layer] if layer else weight_distance(first, second)


def _starter_kit(name: str, case: _Case) -> Iterator[Metric]:
    forgotten, held_out = case.scores.is_forgotten, case.scores.is_held_out

    def accuracy(logit: Floats) -> Interval:
        loss = np.logaddexp(0, -np.asarray(logit, dtype=np.float64))
        return starter_kit_accuracy(*(_thinned(loss[part], RECORDS) for part in (forgotten, held_out)))

    logits = case.references.signals["logit"]
    value = accuracy(np.asarray(case.scores.signals["logit"]))
    nulls, unforgotten = (
        np.array([accuracy(logits[i]).value for i in rows[:KITS]]) for rows in (case.retrains, case.unforgotten)
    )
    yield _row(name, Figure.of(value), nulls, unforgotten, side="both")


# ------------------------------------------------------------------------------------------------- before the erasure


def _lost(name: str, case: _Case) -> Iterator[Metric]:
    before = _before(case)
    logits = np.asarray(case.references.signals["logit"], dtype=np.float64)[:, case.records]
    out = moments(logits[case.retrains])

    def found(logit: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(logit > out.mean + FOUND * np.sqrt(out.variance))

    first = found(np.asarray(before.signals["logit"])[case.records])
    after = found(np.asarray(case.scores.signals["logit"])[case.records])
    value, found_before = forgetting_rate(first, after), int(first.sum())
    share = clopper_pearson(int(after.sum()), len(after))
    ends = (1 - share.high * len(after) / found_before, 1 - share.low * len(after) / found_before)
    nulls, unforgotten = (
        np.array([forgetting_rate(first, found(logits[i])) for i in rows]) for rows in (case.retrains, case.unforgotten)
    )
    yield _row(name, Figure.of(Interval(value, *ends)), nulls, unforgotten, side="both")


def _both_versions(name: str, case: _Case) -> Iterator[Metric]:
    """Learned on one pair of references, with and without the forget set; tried on the audited pair and on others."""
    before = _before(case)
    others, own = case.references.outputs, case.scores.outputs
    if before.outputs is None or own is None or others is None:
        raise InvalidDataError("It needs probabilities of both versions and of the references.")
    pairs = list(zip(case.unforgotten, case.retrains, strict=False))
    if len(pairs) < 2:
        raise InvalidDataError("It needs two references that were trained on the forget set.")
    used = np.flatnonzero(case.scores.is_forgotten | case.scores.is_held_out)
    erased = case.scores.is_forgotten[used]
    shadow = tuple(others[i][used] for i in pairs[0])
    of = before_after((shadow[0], shadow[1]), erased, (before.outputs[used], own[used]))
    nulls = [
        auc(*_parted(before_after((shadow[0], shadow[1]), erased, (others[i][used], others[j][used])), erased))
        for i, j in pairs[1:]
    ]
    yield _row(name, Figure.of(delong(*_parted(of, erased))), np.array(nulls), [])


def _before(case: _Case) -> Scores:
    before = case.further.before
    if before is None:
        raise InvalidDataError("It needs what the model said before the erasure.")
    if not np.array_equal(before.is_forgotten, case.scores.is_forgotten):
        raise InvalidDataError("What the model said before is of other records.")
    return before


# --------------------------------------------------------------------------------------------------------- many models


def _many(case: _Case, least: int) -> tuple[Floats, Floats, Floats]:
    """Of unlearned models, of retrained ones, and of as many others: log-odds on the forgotten records."""
    unlearned = case.further.unlearned
    if unlearned is None:
        raise InvalidDataError(f"It needs {least} other models or more that forgot the records by the same method.")
    unlearned.check_fits(case.scores)
    retrained = np.asarray(case.references.signals["logit"], dtype=np.float64)[np.ix_(case.retrains, case.records)]
    size = min(len(unlearned), len(retrained) // 2)
    if size < least:
        raise InvalidDataError(
            f"It needs {least} unlearned and {2 * least} retrained models, got {len(unlearned)} and {len(retrained)}."
        )
    own = np.asarray(unlearned.signals["logit"], dtype=np.float64)[:size, case.records]
    return own, retrained[:size], retrained[size : 2 * size]


def _u_lira(name: str, case: _Case) -> Iterator[Metric]:
    own, truth, twin = _many(case, 4)
    yield _beside(name, u_lira(own, truth).accuracy, u_lira(twin, truth).accuracy)


def _klom(name: str, case: _Case) -> Iterator[Metric]:
    own, truth, twin = _many(case, 4)
    yield _beside(name, mean_interval(klom(own, truth)), mean_interval(klom(twin, truth)))


def _forgetting_score(name: str, case: _Case) -> Iterator[Metric]:
    own, truth, twin = _many(case, 4)
    found = forgetting_score(own, np.vstack([truth, twin]))
    yield _beside(
        name, mean_interval(record_scores(found.epsilons, found.n_models)),
        mean_interval(record_scores(found.retrain_epsilons, found.n_models)),
    )  # fmt: skip


def _two_samples(name: str, case: _Case) -> Iterator[Metric]:
    own, truth, twin = _many(case, 4)
    repeats = 999

    def told(first: Floats) -> Interval:
        p = two_sample_p_value(first, truth, seed=0, repeats=repeats)
        drawn = clopper_pearson(round(p * (1 + repeats)) - 1, repeats)  # of the permutations that were drawn
        return Interval(p, min(drawn.low, p), max(drawn.high, p))

    yield _beside(name, told(own), told(twin))


def _anamnesis(name: str, case: _Case) -> Iterator[Metric]:
    own, others = case.further.relearned, case.further.reference_relearned
    if own is None or others is None or len(others) < 2:
        raise InvalidDataError("It needs the accuracies of this model and of two retrained ones while they relearn.")

    def index(of: Floats, against: Sequence[Floats]) -> Floats:
        return np.array([anamnesis_index(of, other, case.further.relearn_to) for other in against])

    nulls = [float(index(of, [o for j, o in enumerate(others) if j != i]).mean()) for i, of in enumerate(others)]
    yield _row(name, Figure.of(mean_interval(index(own, list(others)))), np.array(nulls), [], side="both")


# ---------------------------------------------------------------------------------------------------------------- rows


def _row(
    name: str, figure: Figure, nulls: Floats, unforgotten: Sequence[float] | Floats, *, side: Side = "more",
    detail: str = "",
) -> Metric:  # fmt: skip
    """A figure beside that of each retrained model, with its rank among them on the side that is farther away."""
    if figure.value is None or not len(nulls):
        raise InvalidDataError("It needs retrained references to stand beside.")
    more, less = rank_p_value(figure.value, nulls), rank_p_value(-figure.value, -nulls)
    low, high = np.quantile(nulls, [0.025, 0.975])
    return Metric(
        name=name, detail=detail, figure=figure, null_low=float(low), null_mean=float(nulls.mean()),
        null_high=float(high), unforgotten=float(np.mean(unforgotten)) if len(unforgotten) else None,
        p_value={"more": more, "less": less, "both": min(1.0, 2 * min(more, less))}[side],
    )  # fmt: skip


def _beside(name: str, value: Interval, retrained: Interval) -> Metric:
    """A figure of many models beside that of retrained against retrained, each with its interval."""
    return Metric(
        name=name, figure=Figure.of(value), null_low=float(retrained.low), null_mean=float(retrained.value),
        null_high=float(retrained.high),
    )  # fmt: skip


def _parted(values: Floats, erased: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    return values[erased], values[~erased]


def _thinned(values: Floats, most: int) -> Floats:
    if len(values) <= most:
        return values
    return np.asarray(values[np.linspace(0, len(values) - 1, most).astype(np.intp)])


Make = Callable[[str, _Case], Iterator[Metric]]

_ROWS: dict[str, Make] = {
    "starter kit": _starter_kit, "U-LiRA": _u_lira, "before and after": _both_versions, "KLoM": _klom,
    "forgetting score": _forgetting_score, "weight distance": _weights, "layer distance": _weights,
    "activation distance": _between(activation_distance), "KL divergence": _between(kl_divergence),
    "JS divergence": _between(js_divergence), "completeness": _between(_same_label, side="less"), "ZRF": _guessing,
    "forgetting rate": _lost, "anamnesis index": _anamnesis, "two samples over seeds": _two_samples,
}  # fmt: skip
