"""The rule, the whole audit on models whose memory is known, and the report."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from expunge.audit import AuditReport, Figure, References, Scores, audit
from expunge.audit.cards import CARDS, card
from expunge.audit.evidence import collect
from expunge.audit.exponential import common_variance
from expunge.audit.report import AttackResult
from expunge.audit.verdict import decide, retrains_needed
from expunge.errors import InvalidDataError, InvalidParameterError, NewerFormatError

N = 120
FORGOTTEN = np.arange(N) < N // 2
LABELS = np.arange(N) % 3
MEMORY = 1.5


def world(seed: int, *, retrains: int = 60, unforgotten: int = 20, memory: float = MEMORY) -> tuple[Any, References]:
    """Scores are a difficulty of the record's own, noise of the model's own, and memory of what was learned."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(size=N)
    members = np.zeros((retrains + unforgotten, N), dtype=bool)
    members[retrains:, FORGOTTEN] = True

    def model(known: Any) -> Any:
        return difficulty + rng.normal(size=N) + memory * known

    logits = np.array([model(row) for row in members])
    return model, References(signals=signals(logits), members=members)


def signals(logit: Any) -> dict[str, Any]:
    p = 1 / (1 + np.exp(-logit))
    return {
        "logit": logit, "entropy": p * np.log(p) + (1 - p) * np.log(1 - p),
        "modified_entropy": 2 * (1 - p) * np.log(p), "correct": (logit > 0).astype(float),
    }  # fmt: skip


def scores(logit: Any, **more: Any) -> Scores:
    given = {"labels": LABELS, "ids": np.arange(1000, 1000 + N), **more}
    return Scores(signals=signals(logit), is_forgotten=FORGOTTEN, is_held_out=~FORGOTTEN, **given)


def test_the_four_verdicts() -> None:
    model, references = world(0)
    assert audit(scores(model(0)), references).verdict == "forgotten"
    assert audit(scores(model(FORGOTTEN)), references).verdict == "not forgotten"
    assert audit(scores(model(-1.0 * FORGOTTEN)), references).verdict == "over-forgotten"
    model, references = world(0, memory=0.02)
    weak = audit(scores(model(0)), references)
    assert weak.verdict == "cannot tell"
    assert "too weak" in weak.sentence
    assert audit(scores(model(FORGOTTEN)), references).verdict != "forgotten"


def test_without_do_nothing_references_silence_is_not_forgotten() -> None:
    model, references = world(1, unforgotten=0)
    report = audit(scores(model(0)), references)
    assert report.verdict == "cannot tell"
    assert "nobody checked" in report.sentence
    assert audit(scores(model(3 * FORGOTTEN)), references).verdict == "not forgotten"


def test_too_few_references_accuse_nobody() -> None:
    model, references = world(2, retrains=38)
    report = audit(scores(model(9 * FORGOTTEN)), references)
    assert report.verdict == "cannot tell"
    assert any("39" in note for note in report.notes)
    assert audit(scores(model(9 * FORGOTTEN)), references, alpha=0.1).verdict == "not forgotten"
    model, references = world(2, retrains=39)
    assert audit(scores(model(9 * FORGOTTEN)), references).verdict == "not forgotten"


@pytest.mark.parametrize(("alpha", "needed"), [(0.05, 39), (0.1, 19), (0.01, 199), (0.2, 9)])
def test_references_needed_are_those_with_which_the_rule_can_accuse(alpha: float, needed: int) -> None:
    assert retrains_needed(alpha) == needed
    for m, verdict in ((needed, "not forgotten"), (needed - 1, "cannot tell")):
        nulls = np.random.default_rng(0).normal(size=(m, 1))
        assert decide(np.array([99.0]), nulls, np.empty((0, 1)), alpha=alpha).verdict == verdict
    with pytest.raises(InvalidParameterError):
        retrains_needed(0.0)


def test_equal_bits_are_forgotten_whatever_the_attacks_say() -> None:
    model, references = world(3)
    report = audit(scores(model(FORGOTTEN)), references, digests=("ab", "ab"))
    assert report.verdict == "forgotten"
    assert any("equal bits outweigh" in note for note in report.notes)
    assert audit(scores(model(FORGOTTEN)), references, digests=("ab", "cd")).verdict == "not forgotten"


def test_equal_references_are_no_obstacle_to_equal_bits() -> None:
    logits = np.tile(np.random.default_rng(0).normal(size=N), (40, 1))
    references = References(signals=signals(logits), members=np.zeros((40, N), dtype=bool))
    assert audit(scores(logits[0]), references, digests=("ab", "ab")).verdict == "forgotten"


def chosen(references: References, rows: Any) -> References:
    """These rows of the references, in this order; some perhaps several times."""
    return References(
        signals={name: of[rows] for name, of in references.signals.items()}, members=references.members[rows]
    )


def test_copies_of_references_count_as_one() -> None:
    """Five models twelve times each accuse nobody, and one model copied is no power."""
    model, references = world(2)
    rows, own = np.append(np.arange(60) % 5, [60] * 24), scores(model(3 * FORGOTTEN))
    report, once = audit(own, chosen(references, rows)), audit(own, chosen(references, [0, 1, 2, 3, 4, 60]))
    assert (report.verdict, report.n_retrains, report.n_unforgotten) == ("cannot tell", 5, 1)
    assert any(note.startswith("78 references answer as others do") for note in report.notes)
    assert report.p_not_forgotten == once.p_not_forgotten == pytest.approx(1 / 6)
    assert [of.auc for of in report.attacks] == [of.auc for of in once.attacks]
    full = chosen(references, np.append(np.arange(60), [60] * 24))
    assert full.retrains(own).tolist() == list(range(60))
    quiet = audit(scores(model(0)), full)
    assert (quiet.verdict, quiet.n_unforgotten) == ("cannot tell", 1)
    with pytest.raises(InvalidDataError, match=r"60 references .* only 3 of them answer differently; an audit needs 4"):
        audit(own, chosen(references, np.arange(60) % 3))


def test_a_retrained_reference_is_accused_of_nothing() -> None:
    """Where answers are coarse, two models may agree by chance; the most extreme one would else be accused."""
    _, references = world(3, retrains=100)
    evidence = collect(scores(references.signals["logit"][70]), references)
    assert evidence.is_among
    most = evidence.retrains.argmax(axis=0)[0]
    report = audit(scores(references.signals["logit"][most]), references)
    assert (report.p_not_forgotten, report.p_over_forgotten) == (1.0, 1.0)
    assert any("as one of the retrained references does" in reason for reason in report.reasons)


def test_a_missed_copy_counts_each_time_and_a_caught_one_once() -> None:
    nulls, models = np.random.default_rng(0).normal(size=(60, 1)), np.array([[9.0], [9.5], [0.0]])
    power = decide(np.zeros(1), nulls, models, alpha=0.05, times=np.array([7, 1, 3])).power
    assert power.value == pytest.approx(2 / 5)


def test_power_counts_only_with_enough_references() -> None:
    """Thirteen of thirteen may still be a power below 0.8; fourteen of fourteen are not, at 95 %."""
    nulls = np.random.default_rng(0).normal(size=(60, 1))
    for q, verdict in ((13, "cannot tell"), (14, "forgotten")):
        assert decide(np.zeros(1), nulls, np.full((q, 1), 9.0), alpha=0.05).verdict == verdict


def test_wrong_with_certainty_is_over_forgotten() -> None:
    """Entropy alone would call it remembered, since the model is sure."""
    model, references = world(14)
    wrong = audit(scores(model(0) - 4.0 * FORGOTTEN), references)
    assert wrong.verdict == "over-forgotten"
    assert wrong.p_not_forgotten <= 0.025


@pytest.mark.slow
def test_a_retrain_is_accused_in_one_case_of_twenty() -> None:
    accused = 0
    for seed in range(400):
        model, references = world(seed, unforgotten=2)
        accused += audit(scores(model(0)), references).verdict in ("not forgotten", "over-forgotten")
    assert stats.binomtest(accused, 400, 0.05, alternative="greater").pvalue > 0.01


def test_evidence_of_references_does_not_depend_on_the_audited_model() -> None:
    model, references = world(4)
    first, second = (collect(scores(model(known)), references) for known in (0, FORGOTTEN))
    assert (first.retrains == second.retrains).all()
    assert (first.unforgotten == second.unforgotten).all()
    assert not (first.audited == second.audited).all()


def test_evidence_by_plain_loops() -> None:
    """AUC of a reference by the loss attack, by LiRA, by RMIA and by shrunken variances, from the definitions."""
    model, references = world(5, retrains=10, unforgotten=3)
    evidence = collect(scores(model(0)), references)
    logits = references.signals["logit"]
    nulls = logits[:10]
    for i in (0, 7):
        rest = np.delete(nulls, i, axis=0)
        z = (nulls[i] - rest.mean(axis=0)) / rest.std(axis=0, ddof=1)
        variance = rest.var(axis=0, ddof=1)
        s0_squared, d0 = common_variance(np.full(N, 9.0), variance)
        shrunk = (nulls[i] - rest.mean(axis=0)) / np.sqrt(s0_squared + (variance - s0_squared) / (1 + d0 / 8))
        p, chance = expit(nulls[i]), expit(rest).mean(axis=0)
        ratio = p / (0.65 * chance + 0.35)
        beaten = np.mean(ratio[:, None] / ratio[None, ~FORGOTTEN] >= 2.0, axis=1)
        by_name = {"loss": nulls[i], "LiRA": z, "RMIA": beaten, "exponential family": shrunk}
        for name, values in by_name.items():
            pairs = values[FORGOTTEN][:, None] - values[~FORGOTTEN][None]
            want = (pairs > 0).mean() + 0.5 * (pairs == 0).mean()
            assert evidence.retrains[i, evidence.names.index(name)] == pytest.approx(want)


def test_records_in_neither_set_change_nothing() -> None:
    model, references = world(6)
    own = model(0)
    report = audit(scores(own), references)
    pad = np.random.default_rng(0).normal(size=(80, 7))
    wide = References(
        signals=signals(np.hstack([references.signals["logit"], pad])),
        members=np.hstack([references.members, np.ones((80, 7), dtype=bool)]),
    )
    masks = {"is_forgotten": np.append(FORGOTTEN, [False] * 7), "is_held_out": np.append(~FORGOTTEN, [False] * 7)}
    padded = Scores(signals=signals(np.append(own, pad[0])), labels=np.append(LABELS, [0] * 7), **masks)
    assert audit(padded, wide).to_json() == report.to_json()


def test_the_order_of_records_and_references_changes_nothing() -> None:
    model, references = world(7)
    own, rng = model(0), np.random.default_rng(1)
    order, models = rng.permutation(N), rng.permutation(len(references))
    shuffled = References(
        signals={k: v[np.ix_(models, order)] for k, v in references.signals.items()},
        members=references.members[np.ix_(models, order)],
    )
    moved = Scores(signals={k: v[order] for k, v in signals(own).items()}, is_forgotten=FORGOTTEN[order],
                   is_held_out=~FORGOTTEN[order], labels=LABELS[order])  # fmt: skip
    first, second = audit(scores(own), references), audit(moved, shuffled)
    assert first.p_not_forgotten == pytest.approx(second.p_not_forgotten)
    assert [a.auc.value for a in first.attacks] == pytest.approx([a.auc.value for a in second.attacks])


def test_references_that_know_some_records_are_not_used() -> None:
    model, references = world(7)
    members = references.members.copy()
    members[:3, 5] = True
    report = audit(scores(model(0)), References(signals=references.signals, members=members))
    assert (report.n_retrains, report.n_unforgotten) == (57, 20)
    assert any(note.startswith("3 references were trained on some") for note in report.notes)


def test_strata_show_what_the_average_hides() -> None:
    model, references = world(8)
    group = np.where(np.arange(N) % 4 == 0, "few", "many")
    own = model(3.0 * (FORGOTTEN & (group == "few")))
    report = audit(scores(own, groups=group), references)
    by_name = {s.name: s for s in report.strata if s.kind == "group"}
    assert by_name["few"].p_corrected < 0.05 < by_name["many"].p_corrected
    assert by_name["few"].auc.value > 0.9 > by_name["many"].auc.value
    assert by_name["few"].n_forgotten == 15
    assert {s.kind for s in report.strata} == {"memorisation", "class", "group"}


def test_worst_records_stand_under_pseudonyms() -> None:
    model, references = world(9)
    own = model(0)
    own[17] += 12
    places = audit(scores(own), references)
    assert places.worst[0].pseudonym == "forgotten record 18"
    keyed, again, other = (audit(scores(own), references, pseudonym_key=key) for key in (5, 5, 6))
    assert keyed.worst == again.worst
    assert keyed.worst[0].pseudonym not in {w.pseudonym for w in other.worst}
    assert len(keyed.worst) == 10


@pytest.mark.parametrize("key", [None, 5])
def test_no_id_is_in_the_report(key: int | None) -> None:
    model, references = world(10)
    ids = np.array([f"canary-{i}" for i in range(N)], dtype=object)
    text = audit(scores(model(0), ids=ids), references, pseudonym_key=key).to_json()
    assert "canary" not in text


def test_report_goes_through_json(tmp_path: Any) -> None:
    model, references = world(11)
    report = audit(scores(model(0)), references)
    again = AuditReport.from_json(report.to_json())
    assert again.to_json() == report.to_json()
    assert isinstance(again.attacks[0], AttackResult)
    assert isinstance(again.attacks[0].auc, Figure)
    saved = report.save(tmp_path / "report.json")
    assert AuditReport.from_json(saved.read_text(encoding="utf-8")).verdict == report.verdict
    assert audit(scores(model(0)), references).schema == 3


def test_a_report_of_later_days_is_refused() -> None:
    data = AuditReport(verdict="cannot tell", sentence="No.").to_dict()
    with pytest.raises(NewerFormatError):
        AuditReport.from_dict({**data, "schema": 4})
    with pytest.raises(InvalidParameterError, match="no field"):
        AuditReport.from_dict({**data, "surprise": 1})
    for text in ("no json", "[1]"):
        with pytest.raises(InvalidParameterError, match="no audit report"):
            AuditReport.from_json(text)


#: A report of schema 1 as it was first written. It must always load.
FIRST = (
    '{"verdict": "forgotten", "sentence": "Nothing is left.", "alpha": 0.05, "power": {"value": 1.0, "low": 0.86, '
    '"high": 1.0, "confidence": 0.9, "refusal": "", "schema": 1}, "worst": [{"pseudonym": "a", "z": 1.0, "epsilon": '
    'null, "schema": 1}], "attacks": [], "schema": 1}'
)

#: One of schema 2, which has distances.
SECOND = (
    '{"verdict": "cannot tell", "sentence": "Too weak.", "metrics": [{"name": "KLoM", "figure": {"value": 2.0, "low": '
    '1.5, "high": 2.5, "confidence": 0.95, "refusal": "", "schema": 1}, "detail": "", "null_low": 1.0, "null_mean": '
    '1.8, "null_high": 2.6, "unforgotten": null, "p_value": null, "schema": 1}], "schema": 2}'
)


#: One whose worst record has its log-likelihood ratio under the name of an epsilon, and a curve of them.
NAMED_EPSILON = (
    '{"verdict": "cannot tell", "sentence": "Too weak.", "worst": [{"pseudonym": "a", "z": 1.0, "epsilon": 2.5, '
    '"schema": 1}], "curves": {"epsilon": {"edges": [-2.0, 0.0, 2.0], "forgotten": [0.1, 0.4]}}, "schema": 2}'
)


def test_a_report_of_earlier_days_loads() -> None:
    report = AuditReport.from_json(FIRST)
    assert (report.verdict, report.power.low, report.worst[0].pseudonym) == ("forgotten", 0.86, "a")
    assert report.metrics == ()
    metric = AuditReport.from_json(SECOND).metrics[0]
    assert (metric.name, metric.figure.value, metric.null_mean) == ("KLoM", 2.0, 1.8)


def test_what_was_called_an_epsilon_is_read_as_the_log_likelihood_ratio_that_it_is(tmp_path: Path) -> None:
    report = AuditReport.from_json(NAMED_EPSILON)
    assert (report.worst[0].log_ratio, report.worst[0].epsilon, report.worst[0].schema) == (2.5, 2.5, 1)
    assert AuditReport.from_json(report.to_json()) == report
    page = report.save(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<td>2.50</td>" in page
    assert "log-likelihood ratio: trained on it against not, nats" in page
    assert "per-record ε" not in page


def test_a_figure_has_a_number_or_a_refusal() -> None:
    for wrong in ({}, {"value": 1.0}, {"value": 1.0, "low": 0.0, "high": 1.0, "refusal": "no"}):
        with pytest.raises(InvalidParameterError):
            Figure(**wrong)
    with pytest.raises(InvalidParameterError):
        AuditReport(verdict="fine", sentence="")  # type: ignore[arg-type]


def test_rates_nobody_can_know_are_refused_in_the_report() -> None:
    model, references = world(12)
    for attack in audit(scores(model(0)), references).attacks:
        if attack.name == "memory left":
            assert "none for a record" in attack.auc.refusal
            continue
        assert attack.tpr_1_percent.value is None
        assert "needs 1,000 non-members" in attack.tpr_1_percent.refusal


def test_every_attack_of_the_audit_has_a_card() -> None:
    model, references = world(13)
    report = audit(scores(model(0)), references)
    assert {a.name for a in report.attacks} <= set(CARDS)
    for a in report.attacks:
        assert a.decides == card(a.name).decides
        assert a.name == "memory left" or a.null_low <= a.null_mean <= a.null_high
    assert all(dataclasses.astuple(c)[:-1] and all(dataclasses.astuple(c)[:-1]) for c in CARDS.values())
    with pytest.raises(InvalidParameterError):
        card("magic")
    json.loads(report.to_json())
