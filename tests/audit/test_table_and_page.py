"""Scores from elsewhere, and the page that people read."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from expunge.audit import AuditReport, audit
from expunge.audit.curves import roc_points
from expunge.audit.page import report_html
from expunge.audit.table import scores_from_table
from expunge.errors import FileNotUsableError, InvalidDataError


def columns(seed: int = 0, *, known: float = 0.0, n: int = 40) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    forgotten = np.arange(n) < n // 2
    difficulty = rng.normal(size=n)

    def model(memory: float) -> list[float]:
        return (1 / (1 + np.exp(-difficulty - rng.normal(size=n) - memory * forgotten))).tolist()

    return {
        "id": [f"r{i}" for i in range(n)], "role": np.where(forgotten, "forgotten", "held-out").tolist(),
        "label": ["a", "b"] * (n // 2), "model": model(known),
        **{f"without-{i}": model(0) for i in range(45)}, **{f"with-{i}": model(3) for i in range(15)},
    }  # fmt: skip


def test_a_table_of_scores_is_audited() -> None:
    assert audit(*scores_from_table(columns())).verdict == "forgotten"
    assert audit(*scores_from_table(columns(known=3))).verdict == "not forgotten"


def test_cells_may_be_text_and_scores_need_not_be_probabilities() -> None:
    table = columns()
    texts = {k: [str(v) for v in values] for k, values in table.items()}
    assert audit(*scores_from_table(texts)).to_json() == audit(*scores_from_table(table)).to_json()
    scaled = {k: [50 * v - 7 for v in x] if k not in ("id", "role", "label") else x for k, x in table.items()}
    assert scores_from_table(scaled)[0].signals["logit"].max() > 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"role": None}, "no column 'role'"),
        ({"model": None}, "no column 'model'"),
        ({"role": ["kept"] * 40}, "'forgotten' or 'held-out'"),
        ({"wihtout-1": [0.5] * 40}, "nobody reads"),
        ({"without-": [0.5] * 40}, "nobody reads"),
        ({"model": ["x"] * 40}, "no number"),
        ({"model": [float("nan")] * 40}, "not finite"),
        ({"model": [""] * 40}, "no number"),
        ({"model": [0.5] * 40}, "same score"),
    ],
)
def test_tables_that_are_refused(changes: dict[str, Any], words: str) -> None:
    table = {**columns(), **changes}
    with pytest.raises(InvalidDataError, match=words):
        scores_from_table({k: v for k, v in table.items() if v is not None})
    with pytest.raises(InvalidDataError, match="no reference"):
        scores_from_table({k: v for k, v in columns().items() if k in ("role", "model")})


class Tags(HTMLParser):
    """Open tags, to see that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("known", [0.0, 3.0, None])
def test_the_page_stands_alone(known: float | None) -> None:
    report = AuditReport(verdict="cannot tell", sentence="Too few.")
    if known is not None:
        report = audit(*scores_from_table(columns(known=known)))
    page = report_html(report)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert re.findall(r"(?:src|href)=|<script|url\(|@import|https?:", page) == []
    assert report.sentence in page
    assert all(attack.name in page for attack in report.attacks)
    assert not re.search(r"\br\d+\b", re.sub(r"<style>.*</style>", "", page, flags=re.DOTALL))
    assert page.count("<svg") == (0 if known is None else 3)


def test_what_a_report_says_is_no_markup() -> None:
    report = AuditReport(verdict="cannot tell", sentence="<b>bold</b>", notes=("<i>",))
    assert "<b>bold" not in report_html(report)


def test_pages_are_written(tmp_path: Any) -> None:
    report = audit(*scores_from_table(columns()))
    page = report.save(tmp_path / "report.html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(FileNotUsableError):
        report.save(tmp_path / "nowhere" / "report.json")


def test_roc_points_are_rates() -> None:
    rng = np.random.default_rng(0)
    members, others = rng.normal(1, 1, 300).round(1), rng.normal(size=500).round(1)
    for false, true in roc_points(members, others):
        cut = min(v for v in others if np.mean(others >= v) <= false + 1e-6)
        assert np.mean(others >= cut) == pytest.approx(false, abs=1e-6)
        assert np.mean(members >= cut) == pytest.approx(true, abs=1e-6)
