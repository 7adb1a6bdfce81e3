"""Figures of an audit for people: all of them, in words where their form is known."""

from __future__ import annotations

from typing import Any

import pytest

from expunge.audit.report import AttackResult, AuditReport, Figure
from expunge.ledger.audit_words import told


def figures() -> dict[str, Any]:
    auc = Figure(value=0.61, low=0.5, high=0.7, confidence=0.95)
    attack = AttackResult(
        name="membership", auc=auc, tpr_1_percent=auc, tpr_01_percent=auc, null_low=0.42, null_mean=0.5, null_high=0.58,
        p_not_forgotten=0.03, p_over_forgotten=0.97, p_corrected=0.031, power=auc, decides=True,
    )  # fmt: skip
    return AuditReport(
        verdict="not forgotten", sentence="One attack finds more.", n_forgotten=3, n_held_out=30, n_retrains=39,
        p_not_forgotten=0.031, power=Figure(value=0.9, low=0.8, high=1.0, confidence=0.95), attacks=[attack],
    ).figures()  # fmt: skip


def test_words_for_what_the_audit_of_the_library_says() -> None:
    found = told(figures())
    assert found.verdict == "Not forgotten. One attack finds more."
    assert found.rows["Records it asked about"] == "3 forgotten, 30 never learned, for comparison"
    assert found.rows["References"].startswith("39 trained without the records")
    assert found.rows["Power: how often a model that forgot nothing is found"] == "0.9 (0.8 to 1, confidence 0.95)"
    assert found.rows["Attack membership"] == (
        "AUC 0.61 (0.5 to 0.7, confidence 0.95); models without the records give 0.42 to 0.58; p 0.031 after correction"
    )
    assert not [name for name in found.rows if "_" in name or "." in name], "nothing is left as a raw key"


@pytest.mark.parametrize("name", sorted(figures()))
def test_no_figure_is_lost_whatever_form_it_has(name: str) -> None:
    strange = {**figures(), name: {"odd": ["a canary", {"deep": "a second one"}]}}
    text = str(told(strange))
    assert "a canary" in text
    assert "a second one" in text
    assert "a third one" in str(told({**figures(), "more": "a third one"}))
