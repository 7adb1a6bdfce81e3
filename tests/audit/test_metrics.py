"""Rows of the report that do not decide: each number beside retraining, and what it lacks said in words."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score

import expunge.audit
from expunge.audit import AuditReport, Further, References, Scores, audit, evidence, signals_of_values
from expunge.audit.cards import CARDS
from expunge.audit.evidence import collect
from expunge.audit.lira import lira_online
from expunge.audit.logistic import starter_kit_accuracy
from expunge.audit.metrics import metrics_of
from expunge.audit.moments import moments
from expunge.audit.page import report_html
from expunge.errors import InvalidDataError
from expunge.ledger import canonical_json

N, K, M, Q, HALVES, U = 80, 3, 44, 8, 8, 12
FORGOTTEN = np.arange(N) < N // 2
Y = np.arange(N) % K
RNG = np.random.default_rng(11)
DIFFICULTY = RNG.normal(size=(N, K))


def outputs(known: Any) -> Any:
    """Of one model: a difficulty that is the record's own, noise, and memory of what was learned."""
    logits = DIFFICULTY + 0.7 * RNG.normal(size=(N, K)) + 2.0 * np.eye(K)[Y] * np.asarray(known)[:, None]
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


def scores(known: Any, own: Any = None) -> Scores:
    answers = outputs(known) if own is None else own
    return Scores.from_probabilities(answers, Y, is_forgotten=FORGOTTEN, is_held_out=~FORGOTTEN)


NOTHING = np.zeros(N)
MEMBERS = np.zeros((M + Q, N), dtype=bool)
MEMBERS[M:, FORGOTTEN] = True
OF = np.array([outputs(row) for row in MEMBERS])
REFERENCES = References.from_probabilities(OF, Y, members=MEMBERS)


def everything(known: Any) -> Further:
    """Evidence for all rows; unlearned models know as much as the audited one."""
    unlearned = np.array([outputs(known) for _ in range(U)])
    layers = {"first": RNG.normal(size=(M + Q, 4)), "second": RNG.normal(size=(M + Q, 2, 2))}
    return Further(
        before=scores(FORGOTTEN), unlearned=References.from_probabilities(unlearned, Y, members=np.zeros((U, N), bool)),
        untrained=np.full((N, K), 1 / K), weights={"first": 3 + np.zeros(4), "second": np.zeros((2, 2))},
        reference_weights=layers, relearned=np.array([0.5, 1.0]),
        reference_relearned=np.array([[0.1, 0.2, 0.5, 1.0], [0.1, 0.5, 0.7, 1.0], [0.1, 0.7, 1.0, 1.0]]),
    )  # fmt: skip


def by_name(rows: Any) -> dict[str, Any]:
    return {f"{row.name} {row.detail}".strip(): row for row in rows}


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return audit(scores(FORGOTTEN), REFERENCES, further=everything(FORGOTTEN))


def test_every_row_is_there_and_finds_a_model_that_forgot_nothing(report: AuditReport) -> None:
    rows = by_name(report.metrics)
    assert {row.name for row in report.metrics} <= set(CARDS)
    assert all(row.figure.value is not None and row.null_mean is not None for row in report.metrics)
    for name in ("activation distance", "KL divergence", "JS divergence", "completeness", "weight distance"):
        assert rows[name].p_value == pytest.approx(1 / (M + 1)), name
    for name in ("KLoM", "U-LiRA"):
        assert rows[name].figure.low > rows[name].null_high
    assert rows["forgetting score"].figure.high < rows["forgetting score"].null_mean
    assert rows["two samples over seeds"].figure.value <= 0.01 < rows["two samples over seeds"].null_mean
    assert rows["forgetting rate"].figure.value < 0.3 < 0.8 < rows["forgetting rate"].null_mean
    assert rows["anamnesis index"].figure.value == pytest.approx(np.mean([2 / 4, 2 / 4, 2 / 3]))
    assert rows["memory left"].null_high < 0.5 < rows["memory left"].figure.low
    assert [row.name for row in report.metrics if CARDS[row.name].decides] == ["memory left"]


def test_a_retrained_model_lies_where_retrained_models_lie() -> None:
    rows = by_name(audit(scores(NOTHING), REFERENCES, further=everything(NOTHING)).metrics)
    for name in ("activation distance", "KL divergence", "JS divergence", "completeness", "ZRF", "forgetting rate"):
        assert rows[name].p_value > 0.02, name
    for name in ("KLoM", "U-LiRA", "forgetting score"):
        assert rows[name].figure.low < rows[name].null_high
        assert rows[name].null_low < rows[name].figure.high


def test_distances_by_plain_loops() -> None:
    own = outputs(NOTHING)
    rows = by_name(metrics_of(scores(NOTHING, own), REFERENCES, Further(untrained=np.full((N, K), 1 / K))))
    F = np.flatnonzero(FORGOTTEN)

    log_of, log_own = np.log(OF[:, F]), np.log(own[F])

    def kl(first: int, second: Any) -> float:
        """Sums of products, written out another way."""
        return float((OF[first, F] * log_of[first]).sum() - (OF[first, F] * second).sum()) / len(F)

    assert rows["KL divergence"].figure.value == pytest.approx(np.mean([kl(m, log_own) for m in range(M)]))
    apart = [np.mean([kl(j, log_of[i]) for j in range(M) if j != i]) for i in range(M)]
    assert rows["KL divergence"].null_mean == pytest.approx(np.mean(apart))
    assert rows["KL divergence"].null_low == pytest.approx(np.quantile(apart, 0.025))
    assert rows["KL divergence"].unforgotten == pytest.approx(
        np.mean([[kl(m, log_of[i]) for m in range(M)] for i in range(M, M + Q)])
    )
    same = np.mean([[own[i].argmax() == OF[m, i].argmax() for i in F] for m in range(M)])
    assert rows["completeness"].figure.value == pytest.approx(same)


def test_weights_are_compared_with_every_retrained_model(report: AuditReport) -> None:
    given = everything(NOTHING)
    rows = by_name(metrics_of(scores(NOTHING), REFERENCES, given))
    first, second = given.reference_weights["first"], given.reference_weights["second"]
    whole = [np.sqrt(((3 - first[m]) ** 2).sum() + (second[m] ** 2).sum()) for m in range(M)]
    assert rows["weight distance"].figure.value == pytest.approx(np.mean(whole))
    layer = [np.linalg.norm(3 - first[m]) / np.linalg.norm(first[m]) for m in range(M)]
    assert rows["layer distance first"].figure.value == pytest.approx(np.mean(layer))
    assert "layer distance second" in rows


@pytest.mark.parametrize("seed", range(4))
def test_starter_kit_is_scikit_learns_logistic_regression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, scale = (30, 60, 77, 50)[seed], (1.0, 1e-2, 1e3, 30.0)[seed]
    a, b = scale * rng.exponential(size=n), scale * (rng.exponential(1.6, size=n) + (seed == 3))
    drawn = np.random.default_rng(5)
    both = np.concatenate([drawn.choice(part, n, replace=False) for part in (a, b)])
    split = StratifiedShuffleSplit(n_splits=10, random_state=5)
    exactly = LogisticRegression(tol=1e-10, solver="newton-cholesky")
    want = cross_val_score(exactly, both[:, None], np.repeat([1, 0], n), cv=split).mean()
    assert starter_kit_accuracy(a, b, seed=5).value == pytest.approx(want, abs=0.5 / n)


def test_what_is_missing_is_said() -> None:
    plain = Scores(signals=dict(scores(NOTHING).signals), is_forgotten=FORGOTTEN, is_held_out=~FORGOTTEN)
    found = audit(plain, REFERENCES, further=Further())
    refused = {row.name: row.figure.refusal for row in found.metrics if row.figure.value is None}
    assert set(refused) == {row.name for row in found.metrics} - {"starter kit", "memory left"}
    assert "before the erasure" in refused["forgetting rate"]
    assert "probabilities" in refused["JS divergence"]
    assert "relearn" in refused["anamnesis index"]
    assert "4 other models" in refused["U-LiRA"]
    page = report_html(found)
    assert "Not measured" in page
    assert all(text in page for text in set(refused.values()))
    assert [row.name for row in audit(plain, REFERENCES).metrics] == ["memory left"]


def test_what_does_not_fit_is_said_too() -> None:
    few = References.from_probabilities(OF[:3], Y, members=np.zeros((3, N), bool))
    zero = outputs(NOTHING)
    zero[0] = [0.0, 0.5, 0.5]
    other = Scores.from_probabilities(outputs(NOTHING), Y, is_forgotten=~FORGOTTEN, is_held_out=FORGOTTEN)
    given = Further(unlearned=few, before=other)
    rows = by_name(metrics_of(scores(NOTHING, zero), REFERENCES, given))
    assert "got 3 and" in rows["KLoM"].figure.refusal
    assert "infinite" in rows["KL divergence"].figure.refusal
    assert "other records" in rows["forgetting rate"].figure.refusal
    with pytest.raises(InvalidDataError, match="Outputs have the shape"):
        Scores(signals=scores(NOTHING).signals, is_forgotten=FORGOTTEN, is_held_out=~FORGOTTEN, outputs=zero[:3])


def test_random_halves_make_the_online_attacks_rows() -> None:
    halves = RNG.random((HALVES, N)) < 0.5
    halves[1::2] = ~halves[::2]  # complements: every record is known to half of them
    of = np.concatenate([OF, [outputs(row) for row in halves]])
    every = References.from_probabilities(of, Y, members=np.vstack([MEMBERS, halves]))
    for known, verdict in ((NOTHING, False), (FORGOTTEN, True)):
        own = scores(known)
        found = audit(own, every)
        assert not any("online attacks" in note for note in found.notes)
        online = {a.name: a for a in found.attacks if "online" in a.name}
        assert set(online) == {"LiRA online", "RMIA online"}
        for attack in online.values():
            assert not attack.decides
            assert (attack.p_not_forgotten <= 0.025) == verdict
        # By the definition, on the models that know some records.
        logits = every.signals["logit"][M + Q :]
        want = lira_online(own.signals["logit"], moments(logits, halves), moments(logits, ~halves), fixed_variance=True)
        beaten = np.mean(want[FORGOTTEN][:, None] > want[~FORGOTTEN][None, :])
        assert online["LiRA online"].auc.value == pytest.approx(beaten)
    assert any("halves" in note for note in audit(scores(NOTHING), REFERENCES).notes)


#: Files and functions that no report calls, and why; all others are attacks and distances, and their own to the report.
NOT_IN_A_REPORT = {
    "backdoor": "asks the model about records with a mark",
    "figures": "writes of a report what may stand in a receipt",
    "knowledge": "of the records that are kept, in the laboratory",
    "language": "of language models, in the laboratory",
    "page": "writes a report as a page",
    "ranks.holm": "the other correction, for whoever has p-values alone",
    "reconstruction": "takes both versions of a linear model",
    "run.audit_by_digest": "where there is nothing to attack",
    "squared_error": "of regressions: called below",
    "statistics.binomial_power": "says how many trials a test needs",
    "statistics.bootstrap_auc": "the slow companion of delong",
    "statistics.delong_paired": "compares attacks, in a benchmark",
    "table": "reads a file",
    "two_sample.energy_distance": "the test permutes what it is made of",
    "verdict.equality": "where digests are given",
}


@pytest.mark.parametrize(
    ("attack", "rows"),
    [
        ("against_thresholds", {"loss by class", "entropy by class", "modified entropy by class"}),
        ("exponential_family", {"exponential family"}),
        ("lira_offline", {"LiRA"}),
        ("lira_online", {"LiRA online"}),
        ("rmia_offline", {"RMIA"}),
        ("rmia_online", {"RMIA online"}),
    ],
)
def test_an_attack_turned_round_turns_its_rows_round(
    attack: str, rows: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the audited model, of all references, and of nothing else."""
    halves = np.arange(HALVES)[:, None] % 2 == np.arange(N) % 2
    of = np.concatenate([OF, [outputs(row) for row in halves]])
    every = References.from_probabilities(of, Y, members=np.vstack([MEMBERS, halves]))
    own = scores(FORGOTTEN)
    before, plain = collect(own, every), getattr(evidence, attack)
    monkeypatch.setattr(evidence, attack, lambda *given, **named: -plain(*given, **named))
    after = collect(own, every)
    for part in ("audited", "retrains", "unforgotten"):
        for name, was, now in zip(before.names, getattr(before, part).T, getattr(after, part).T, strict=True):
            assert now == pytest.approx(1 - was if name in rows else was), (part, name)


def test_every_attack_and_distance_has_one_definition_which_a_report_calls() -> None:
    """Whoever changes the file of an attack changes what a report says."""
    halves = np.arange(HALVES)[:, None] % 2 == np.arange(N) % 2
    of = np.concatenate([OF, [outputs(row) for row in halves]])
    called = set()
    sys.setprofile(lambda frame, event, _: called.add(frame.f_code) if event == "call" else None)
    try:
        every = References.from_probabilities(of, Y, members=np.vstack([MEMBERS, halves]))
        audit(scores(FORGOTTEN), every, further=everything(FORGOTTEN))
    finally:
        sys.setprofile(None)
    idle = set()
    for path in Path(expunge.audit.__file__).parent.glob("[a-z]*.py"):
        module = importlib.import_module(f"expunge.audit.{path.stem}")
        public = {name: getattr(module, name) for name in module.__all__}
        functions = {name: of.__code__ for name, of in public.items() if inspect.isfunction(of)}
        idle |= {f"{path.stem}.{name}" for name, code in functions.items() if code not in called}
    assert {name for name in idle if not {name, name.partition(".")[0]} & set(NOT_IN_A_REPORT)} == set()
    assert set(NOT_IN_A_REPORT) <= idle | {name.partition(".")[0] for name in idle}, "A report calls them now."


def test_regressions_are_audited_by_their_errors() -> None:
    targets = 3 + 10 * RNG.normal(size=N)

    def predictions(known: Any) -> Any:
        return targets + 5 * RNG.normal(size=N) * np.where(known, 0.1, 1.0)

    of = np.array([predictions(row) for row in np.vstack([MEMBERS, MEMBERS[M:], MEMBERS[M:]])])
    every = References(signals=signals_of_values(of, targets), members=np.vstack([MEMBERS, MEMBERS[M:], MEMBERS[M:]]))
    for known, verdict in ((NOTHING > 0, "forgotten"), (FORGOTTEN, "not forgotten")):
        signals = signals_of_values(predictions(known), targets)
        own = Scores(signals=signals, is_forgotten=FORGOTTEN, is_held_out=~FORGOTTEN)
        assert audit(own, every).verdict == verdict
    error = signals_of_values(np.array([1.0, 2.0]), np.array([1.0, 4.0]))["logit"]
    assert error.tolist() == [0, -4 / 2.25]
    nothing = np.array([np.nan, 1])
    for values, true in ((np.ones(3), np.ones(3)), (np.ones(2), np.arange(3.0)), (nothing, np.arange(2.0))):
        with pytest.raises(InvalidDataError):
            signals_of_values(values, true)


def test_figures_of_a_receipt_are_numbers_about_the_whole_set(report: AuditReport) -> None:
    figures = report.figures()
    assert canonical_json.decode(canonical_json.encode(figures)) == figures
    assert (figures["verdict"], figures["n_forgotten"]) == ("not forgotten", N // 2)
    assert float(figures["attacks"]["LiRA"]["auc"]["value"]) == pytest.approx(
        next(a for a in report.attacks if a.name == "LiRA").auc.value, rel=1e-5
    )
    text = canonical_json.encode(figures).decode()
    assert not any(word in text for word in ("pseudonym", "forgotten record", "curves", "strata"))
    empty = AuditReport(verdict="cannot tell", sentence="Too few.").figures()
    assert canonical_json.decode(canonical_json.encode(empty)) == empty
