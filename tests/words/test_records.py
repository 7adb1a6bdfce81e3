"""Records: what they refuse to say, how they read, and that old ones always load."""

from __future__ import annotations

import json

import pytest

from expunge.errors import InvalidParameterError, NewerFormatError
from expunge.records import Addition, Guarantee, Plan, Removal

EXACT = Guarantee(kind="exact", statement="equal to a fresh fit", assumptions=("same environment",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "perfect"},
        {"kind": "exact", "epsilon": 1.0, "delta": 0.0},
        {"kind": "certified"},
        {"kind": "certified", "epsilon": 1.0},
        {"kind": "certified", "epsilon": float("inf"), "delta": 0.1},
        {"kind": "bounded", "norm": "l2"},
        {"kind": "bounded", "norm": "l2", "bound": float("nan")},
        {"kind": "empirical", "norm": "l2", "bound": 1.0},
    ],
)
def test_a_guarantee_says_no_more_than_its_kind(wrong: dict) -> None:
    with pytest.raises(InvalidParameterError):
        Guarantee(statement="s", **wrong)


def test_lines_a_person_reads() -> None:
    removal = Removal(guarantee=EXACT, n_forgotten=3, work=3, elapsed_s=0.0004)
    assert str(removal) == "exact · 3 records · 400 µs"
    assert str(Plan(guarantee=EXACT, n_records=1, work_low=5, work_high=1200)) == "exact · 1 record · reads 5 to 1,200"
    assert str(Addition(n_learned=2, work=2, elapsed_s=3.0)) == "learned · 2 records · 3 s"
    assert EXACT.sentence() == "exact: equal to a fresh fit. Assumptions: same environment."
    page = Removal(
        guarantee=Guarantee(kind="exact", statement="<b>"), n_forgotten=1, work=1, elapsed_s=1.0
    )._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    "record",
    [
        EXACT,
        Guarantee(kind="certified", statement="s", epsilon=1.0, delta=1e-5),
        Guarantee(kind="certified", statement="s", epsilon=1.0, delta=1e-5, epsilon_left=2.0, residual=0.0),
        Guarantee(kind="bounded", statement="s", norm="l2", bound=0.5),
        Plan(guarantee=EXACT, n_records=1, work_low=5, work_high=9, touched=("a", "b"), expected_s=0.1),
        Removal(
            guarantee=EXACT, n_forgotten=3, work=3, elapsed_s=0.4, touched=("a",), digest_before="0", digest_after="1"
        ),
        Addition(n_learned=2, work=2, elapsed_s=3.0),
    ],
)
def test_there_and_back_through_json(record: Guarantee | Plan | Removal | Addition) -> None:
    assert type(record).from_dict(json.loads(json.dumps(record.to_dict()))) == record


#: Written by schema 1; must load for ever.
OLD_REMOVAL = {
    "guarantee": {"kind": "exact", "statement": "s", "assumptions": ["a"], "epsilon": None, "delta": None,
                  "norm": None, "bound": None, "schema": 1},
    "n_forgotten": 3, "work": 9, "elapsed_s": 0.5, "touched": ["shard/001"], "digest_before": None,
    "digest_after": None, "schema": 1,
}  # fmt: skip


def test_old_records_load_and_newer_ones_are_refused() -> None:
    removal = Removal.from_dict(OLD_REMOVAL)
    assert (removal.work, removal.guarantee.assumptions, removal.touched) == (9, ("a",), ("shard/001",))
    with pytest.raises(NewerFormatError, match="schema 2"):
        Removal.from_dict({**OLD_REMOVAL, "schema": 2})
