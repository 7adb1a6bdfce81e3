"""The audit as a whole: evidence, verdict, strata, worst records, curves, and the sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.audit.cards import card
from expunge.audit.curves import curves_of
from expunge.audit.epsilon import least_epsilon
from expunge.audit.evidence import LEAST_RETRAINS, Evidence, collect
from expunge.audit.further import Further
from expunge.audit.inputs import References, Scores
from expunge.audit.metrics import metrics_of
from expunge.audit.ranks import max_t_each, rank_p_value
from expunge.audit.report import AttackResult, AuditReport, Figure, Metric, Verdict
from expunge.audit.statistics import Interval, delong, tpr_at_fpr
from expunge.audit.strata import record_log_ratios, strata_of, worst_records
from expunge.audit.verdict import LEAST_POWER, Decision, caught_share, decide, equality, retrains_needed
from expunge.errors import InvalidDataError

__all__ = ["audit", "audit_by_digest"]

Floats = npt.NDArray[np.float64]

UNSEEN = (
    "What the model does elsewhere than on the records that were asked about: a filter that watches for exactly them "
    "and answers as a retrained model would passes.",
    "Backups, copies, caches, earlier versions and models trained from this one's answers.",
    "Traces in weights that do not show in answers, unless digests were compared.",
    "A single record among many: the verdict is about the forget set; the list of the worst records is a hint.",
)


def audit(
    scores: Scores, references: References, *, digests: tuple[str, str] | None = None, further: Further | None = None,
    alpha: float = 0.05, pseudonym_key: int | None = None, n_worst: int = 10,
) -> AuditReport:  # fmt: skip
    """Say whether forgetting worked, how sure that is, and whether the audit could have known.

    Parameters
    ----------
    scores : Scores
        What the audited model says about forgotten and held-out records.
    references : References
        What models trained without the forget set say, and models trained with it. 39 of the first kind are needed to
        accuse at 5 %, 14 of the second to be told "forgotten"; those that answer alike count once.
    digests : pair of str, optional
        Digest of the audited model, and of a fresh fit without the records that the auditor made.
    further : Further, optional
        Give it, empty or not, for distances and tests that do not decide, each beside retrained models. They take a
        second or two.
    alpha : float
        Chance to accuse a retrained model, at most.
    pseudonym_key : int, optional
        Secret that turns record ids into pseudonyms; default: the worst records stand under their place in the forget
        set.
    n_worst : int
        Records to list.

    Returns
    -------
    AuditReport

    Raises
    ------
    InvalidDataError
        References that do not fit the scores, of which too few differ, or all the same.

    Notes
    -----
    The audited model must be a draw like the references if forgetting worked: the same kind of training on the same
    records. Then its rank among them is an exact p-value (but for 1 in m, since a reference is measured against m - 1
    others and the audited model against m).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> forgotten = np.repeat([True, False], 50)
    >>> models = rng.normal(size=(101, 100))
    >>> models[:30] += 3 * forgotten                                       # 30 models trained on the forget set
    >>> scores = Scores(signals={"logit": models[-1]}, is_forgotten=forgotten, is_held_out=~forgotten)
    >>> members = np.zeros((100, 100), dtype=bool)
    >>> members[:30] = forgotten
    >>> references = References(signals={"logit": models[:-1]}, members=members)
    >>> audit(scores, references).verdict
    'forgotten'
    >>> unchanged = Scores(signals={"logit": models[0]}, is_forgotten=forgotten, is_held_out=~forgotten)
    >>> audit(unchanged, references).verdict
    'not forgotten'
    """
    retrains_needed(alpha)
    is_equal = None if digests is None else digests[0] == digests[1]
    n_retrains, n_unforgotten = len(references.retrains(scores)), len(references.unforgotten(scores))
    n_around = len(references.without(scores)) + len(references.untouched(scores))
    common: dict[str, Any] = {
        "alpha": alpha, "n_forgotten": scores.n_forgotten, "n_held_out": scores.n_held_out, "n_retrains": n_retrains,
        "n_unforgotten": n_unforgotten, "version": _version(), "unseen": UNSEEN,
    }  # fmt: skip
    try:
        evidence = collect(scores, references)
    except InvalidDataError as error:
        if not is_equal or len(references.without(scores)) < LEAST_RETRAINS:
            raise
        return AuditReport(
            verdict="forgotten", sentence=_sentence("forgotten", None, n_retrains, is_equal=True), notes=(str(error),),
            reasons=(equality(True),), **common,
        )  # fmt: skip
    decides = np.array([card(name).decides for name in evidence.names])
    decision = decide(
        evidence.audited[decides], evidence.retrains[:, decides], evidence.unforgotten[:, decides], alpha=alpha,
        is_equal=is_equal, times=evidence.times, is_among=evidence.is_among,
    )  # fmt: skip
    attacks = _attack_results(evidence, scores, decides)
    log_ratios = record_log_ratios(scores, references)
    return AuditReport(
        verdict=decision.verdict,
        sentence=_sentence(decision.verdict, decision, n_retrains, is_equal=bool(is_equal)),
        reasons=decision.reasons,
        notes=_notes(
            decision,
            evidence,
            n_retrains,
            alpha,
            is_equal,
            copies=n_around - n_retrains - n_unforgotten,
            other=len(references) - n_around,
        ),
        p_not_forgotten=decision.p_not_forgotten,
        p_over_forgotten=decision.p_over_forgotten,
        power=decision.power,
        epsilon=_epsilon(evidence, scores),
        attacks=attacks,
        strata=strata_of(evidence, scores, references),
        worst=worst_records(evidence, scores, log_ratios, key=pseudonym_key, n=n_worst),
        curves=curves_of(evidence, scores, log_ratios),
        metrics=(*_memory_row(evidence), *(metrics_of(scores, references, further) if further is not None else ())),
        **common,
    )


def audit_by_digest(digests: tuple[str, str], *, n_forgotten: int, n_held_out: int = 0, why: str = "") -> AuditReport:
    """Say whether a model is the one that a fresh fit without the records gives; no score is looked at.

    What is left where scores say nothing: a single record, no held-out records, a model that answers nothing.

    Parameters
    ----------
    digests : pair of str
        Digest of the audited model, and of a fresh fit without the records that the auditor made.
    n_forgotten, n_held_out : int
    why : str
        Why scores were not looked at.

    Returns
    -------
    AuditReport
        "forgotten" where the digests are equal, else "cannot tell": states may differ though nothing is left.

    Examples
    --------
    >>> audit_by_digest(("ab", "ab"), n_forgotten=1).verdict
    'forgotten'
    >>> audit_by_digest(("ab", "cd"), n_forgotten=1).verdict
    'cannot tell'
    """
    is_equal = digests[0] == digests[1]
    verdict: Verdict = "forgotten" if is_equal else "cannot tell"
    return AuditReport(
        verdict=verdict,
        sentence=_sentence(verdict, None, 0, is_equal=True) if is_equal else (
            "The model is not bit for bit the one that training without these records gives, and nothing else was "
            "looked at."
        ),
        reasons=(equality(is_equal),), notes=(why,) if why else (), unseen=UNSEEN[1:2], n_forgotten=n_forgotten,
        n_held_out=n_held_out, version=_version(),
    )  # fmt: skip


def _attack_results(evidence: Evidence, scores: Scores, decides: npt.NDArray[np.bool_]) -> tuple[AttackResult, ...]:
    nulls = evidence.retrains
    up = np.array([rank_p_value(v, nulls[:, j]) for j, v in enumerate(evidence.audited)])
    down = np.array([rank_p_value(-v, -nulls[:, j]) for j, v in enumerate(evidence.audited)])
    corrected = max_t_each(np.vstack([evidence.audited, nulls]))
    out = []
    for j, name in enumerate(evidence.names):
        members, others = (
            evidence.scores[name][part] if name in evidence.scores else None
            for part in (scores.is_forgotten, scores.is_held_out)
        )
        low, high = np.quantile(nulls[:, j], [0.025, 0.975])
        has_auc = name in evidence.scores
        out.append(
            AttackResult(
                name=name,
                auc=_of_records(delong, members, others),
                tpr_1_percent=_of_records(tpr_at_fpr, members, others, 0.01),
                tpr_01_percent=_of_records(tpr_at_fpr, members, others, 0.001),
                null_low=float(low) if has_auc else None,
                null_mean=float(nulls[:, j].mean()) if has_auc else None,
                null_high=float(high) if has_auc else None,
                p_not_forgotten=float(up[j]),
                p_over_forgotten=float(down[j]),
                p_corrected=float(corrected[j]),
                power=_power_alone(nulls[:, j], evidence.unforgotten[:, j], evidence.times),
                decides=bool(decides[j]),
            )
        )
    return tuple(out)


def _memory_row(evidence: Evidence) -> tuple[Metric, ...]:
    """Beside the attack of that name, which has p-values and a power, its value."""
    if evidence.memory is None:
        return ()
    j = evidence.names.index("memory left")
    nulls, unforgotten = evidence.retrains[:, j], evidence.unforgotten[:, j]
    low, high = np.quantile(nulls, [0.025, 0.975])
    return (Metric(
        name="memory left", figure=Figure.of(evidence.memory), null_low=float(low), null_mean=float(nulls.mean()),
        null_high=float(high), unforgotten=float(unforgotten.mean()),
        p_value=rank_p_value(evidence.memory.value, nulls),
    ),)  # fmt: skip


def _of_records(what: Callable[..., Interval], members: Floats | None, others: Floats | None, *more: float) -> Figure:
    if members is None or others is None:
        return Figure(refusal="It has one number for the forget set as a whole, and none for a record.")
    try:
        return Figure.of(what(members, others, *more))
    except InvalidDataError as error:
        return Figure(refusal=str(error))


def _power_alone(retrains: Floats, unforgotten: Floats, times: npt.NDArray[np.intp]) -> Figure:
    """Share of the do-nothing references above all but 2.5 % of the retrained ones."""
    if not len(unforgotten):
        return Figure(refusal="No reference was trained on the forget set.")
    return Figure.of(caught_share(np.array([rank_p_value(v, retrains) <= 0.025 for v in unforgotten]), times))


def _epsilon(evidence: Evidence, scores: Scores) -> Figure:
    """Of the attack that decides for itself on references: LiRA."""
    of = evidence.scores["LiRA"]
    members, others = of[scores.is_forgotten], of[scores.is_held_out]
    if min(len(members), len(others)) < 20:
        return Figure(refusal="Fewer than 20 records of a kind bound no privacy loss.")
    bound = least_epsilon(members, others)
    return Figure.of(Interval(min(bound.value, 1e9), bound.low, 1e9))


def _notes(
    decision: Decision, evidence: Evidence, n_retrains: int, alpha: float, is_equal: bool | None, *, copies: int,
    other: int,
) -> tuple[str, ...]:  # fmt: skip
    notes = []
    if copies:
        notes.append(
            f"{copies} references answer as others do, and count as one with these: train references with other seeds "
            "or on resampled records."
        )
    if other and "LiRA online" not in evidence.names:
        notes.append(
            f"{other} references were trained on some of the records and were not used: the online attacks take two "
            "that know a record and two that do not, of every record."
        )
    if not other:
        notes.append("The online attacks, LiRA and RMIA, need references that were trained on random halves.")
    if is_equal and min(decision.p_not_forgotten, decision.p_over_forgotten) <= alpha / 2:
        notes.append(
            "The attacks alone would have accused this model, as they do with one retrained model in "
            f"{1 / alpha:.0f}; equal bits outweigh them."
        )
    if n_retrains < retrains_needed(alpha):
        notes.append(f"With {retrains_needed(alpha)} retrained references or more the attacks could accuse.")
    return tuple(notes)


def _sentence(verdict: str, decision: Decision | None, n_retrains: int, *, is_equal: bool) -> str:
    if is_equal:
        return (
            "The model is bit for bit the one that training without these records gives: nothing of them can be in it."
        )
    if verdict == "not forgotten":
        return (
            f"The model still treats the records it should have forgotten as ones it was trained on: it stands out "
            f"from {n_retrains} models that were trained without them."
        )
    if verdict == "over-forgotten":
        return (
            f"The model treats the forgotten records worse than {n_retrains} models that never saw them: something was "
            "done to hide them, and that shows which records were forgotten."
        )
    if verdict == "forgotten":
        return (
            f"On these records the model cannot be told from {n_retrains} models that were trained without them, by an "
            "audit that does find models which forgot nothing."
        )
    if decision is not None and decision.power.low is not None:
        return (
            "No trace of the records was found, but the audit is too weak to say more: of the models that forgot "
            f"nothing it is sure to find {decision.power.low:.0%} only, where {LEAST_POWER:.0%} are needed."
        )
    return (
        "No trace of the records was found, but nobody checked whether this audit finds models that forgot nothing: "
        "give references that were trained on the records too."
    )


def _version() -> str:
    from expunge import __version__

    return __version__
