"""Bad input is refused with a sentence, never answered with a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from expunge.audit import References, Scores, audit, signals_of
from expunge.audit.inputs import check_probabilities
from expunge.errors import DuplicateRecordError, ExpungeError, InvalidDataError

RNG = np.random.default_rng(0)
P = RNG.dirichlet(np.ones(3), 20)
Y = np.arange(20) % 3
FORGOTTEN, HELD_OUT = np.arange(20) < 8, np.arange(20) >= 12


def scores(**changes: Any) -> Scores:
    given: dict[str, Any] = {
        "signals": signals_of(P, Y), "is_forgotten": FORGOTTEN, "is_held_out": HELD_OUT, "labels": Y,
    }  # fmt: skip
    return Scores(**{**given, **changes})


@pytest.mark.parametrize(
    ("p", "y", "words"),
    [
        (P * 0.9, Y, "sum to one"),
        (np.hstack([P[:, :2], 0.5 * P[:, :1]]), Y, "sum to one"),
        (P - 0.5, Y, "between 0 and 1"),
        (10 * P, Y, "between 0 and 1"),
        (np.where(P > 0.9, np.nan, P) * np.where(np.arange(20)[:, None] == 3, np.nan, 1), Y, "finite"),
        (P[:, :1], Y, "two classes"),
        (P[0], Y, "two classes"),
        (P, Y[:5], "labels of shape"),
        (P, Y + 1, "columns of the probabilities"),
        (P, Y - 1, "columns of the probabilities"),
        (P, Y.astype(float), "columns of the probabilities"),
        ((P > 0.5).astype(int), Y, "finite numbers"),
    ],
)
def test_probabilities_that_are_none(p: Any, y: Any, words: str) -> None:
    with pytest.raises(InvalidDataError, match=words):
        check_probabilities(p, y)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_held_out": ~FORGOTTEN | (np.arange(20) == 2)}, "at once"),
        ({"is_forgotten": np.arange(20) < 1}, "two records of each kind"),
        ({"is_held_out": np.zeros(20, dtype=bool)}, "two records of each kind"),
        ({"is_forgotten": FORGOTTEN.astype(int)}, "boolean"),
        ({"labels": np.zeros(20, dtype=int)}, "one class"),
        ({"labels": np.where(FORGOTTEN, 1, 2)}, "no held-out record is of it"),
        ({"signals": {"logit": np.full(20, 0.3)}}, "same score"),
        ({"signals": {"logit": np.where(FORGOTTEN, np.inf, 1.0)}}, "no finite"),
        ({"signals": {"entropy": RNG.normal(size=20)}}, "'logit' is missing"),
        ({"signals": {"logit": RNG.normal(size=20), "magic": RNG.normal(size=20)}}, "no signal 'magic'"),
        ({"signals": {"logit": RNG.normal(size=19)}}, "shape"),
        ({"signals": {"logit": np.arange(20)}}, "no finite numbers"),
        ({"labels": Y - 1}, "from 0 on"),
        ({"labels": Y.astype(str)}, "from 0 on"),
        ({"ids": np.arange(19)}, "ids has shape"),
        ({"groups": np.array(["a"] * 3)}, "groups has shape"),
    ],
)
def test_scores_that_cannot_be_audited(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidDataError, match=words):
        scores(**changes)


def test_an_id_in_both_sets_is_seen() -> None:
    ids = np.arange(20)
    ids[15] = 3
    with pytest.raises(DuplicateRecordError):
        scores(ids=ids)


def test_references_that_do_not_fit() -> None:
    logits = RNG.normal(size=(6, 20))
    with pytest.raises(InvalidDataError, match="boolean"):
        References(signals={"logit": logits}, members=np.zeros((6, 20)))
    with pytest.raises(InvalidDataError, match="shape"):
        References(signals={"logit": logits}, members=np.zeros((5, 20), dtype=bool))
    with pytest.raises(InvalidDataError, match="three dimensions"):
        References.from_probabilities(P, Y, members=np.zeros((1, 20), dtype=bool))


@pytest.mark.parametrize("m", [1, 3])
def test_too_few_references(m: int) -> None:
    few = References(signals={"logit": RNG.normal(size=(m, 20))}, members=np.zeros((m, 20), dtype=bool))
    with pytest.raises(InvalidDataError, match="an audit needs 4"):
        audit(scores(), few)


def test_references_that_saw_the_records_are_no_retrains() -> None:
    members = np.zeros((50, 20), dtype=bool)
    members[:, 3] = True  # a forgotten record was left in: every reference is worthless
    with pytest.raises(InvalidDataError, match="0 references were trained without"):
        audit(scores(), References(signals={"logit": RNG.normal(size=(50, 20))}, members=members))


def test_references_that_are_all_one_model() -> None:
    same = np.tile(RNG.normal(size=20), (50, 1))
    with pytest.raises(InvalidDataError, match="same model"):
        audit(scores(), References(signals={"logit": same}, members=np.zeros((50, 20), dtype=bool)))


def test_references_of_other_records() -> None:
    with pytest.raises(InvalidDataError, match="speak of 19 records"):
        audit(
            scores(), References(signals={"logit": RNG.normal(size=(50, 19))}, members=np.zeros((50, 19), dtype=bool))
        )


def test_every_refusal_has_a_sentence() -> None:
    with pytest.raises(ExpungeError) as caught:
        check_probabilities(P * 0.9, Y)
    assert str(caught.value).endswith(".")
    assert caught.value.hint


def test_a_forest_gets_a_floor() -> None:
    p, y = np.array([[1.0, 0.0], [0.9, 0.1]]), np.array([0, 0])
    assert signals_of(p, y)["logit"][0] > 100
    assert signals_of(p, y, floor=0.005)["logit"][0] == pytest.approx(np.log(1.005 / 0.005))


def test_inputs_are_not_written_to() -> None:
    p, y = P.copy(), Y.copy()
    p.setflags(write=False)
    signals_of(p, y)
    signals_of(np.stack([p, p]), y)
    assert (p == P).all()
