"""Receipts: what they say, what they refuse to say, and that old ones always load."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
from typing import Any

import pytest

from expunge.errors import InvalidParameterError, NewerFormatError, TamperedError
from expunge.ledger import canonical_json, receipts, wording
from expunge.ledger.bundle import Bundle
from expunge.ledger.heads import sign_head
from expunge.ledger.keys import PublicKeys
from expunge.ledger.log import Log, MemoryStore
from expunge.ledger.receipts import NOT_PROVED, Receipt
from expunge.ledger.verify import verify_bundle
from expunge.records import Guarantee
from ledger.samples import (
    ACCOUNT,
    BOUNDED,
    CERTIFIED,
    EMPIRICAL,
    EXACT,
    GOLDEN,
    build,
    change,
    entry,
    nothing_held,
    people_change,
    receipt,
    signer,
)

TIME = "2026-03-01T09:30:00Z"
ALL = [
    receipt(),
    nothing_held(),
    receipt(models=()),
    receipt(
        models=tuple(
            change(f"m{i}", 1, guarantee=g) for i, g in enumerate((EXACT, CERTIFIED, ACCOUNT, BOUNDED, EMPIRICAL))
        )
    ),
]


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("made", ALL, ids=["two models", "nothing held", "data alone", "all guarantees"])
def test_there_and_back(made: Receipt) -> None:
    key = signer("first")
    assert Receipt.from_statement(made.to_statement()) == made
    assert Receipt.from_statement(json.loads(json.dumps(made.to_statement()))) == made
    envelope = receipts.seal(made, key)
    assert receipts.open_envelope(envelope, key.public_keys) == made
    assert receipts.seal(made, key) == envelope, "the same receipt is the same bytes"
    assert receipts.envelope_hash(envelope) == hashlib.sha256(envelope).hexdigest()


def test_the_statement_is_one_of_in_toto() -> None:
    statement = receipt().to_statement()
    assert list(statement) == ["_type", "subject", "predicateType", "predicate"]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["name"] for subject in statement["subject"]] == [
        "request/r-0001", "income@1", "income@2", "churn@1", "churn@2",
    ]  # fmt: skip
    for subject in statement["subject"]:
        assert set(subject) == {"name", "digest"}
        assert set(subject["digest"]) == {"sha256"}
        assert len(bytes.fromhex(subject["digest"]["sha256"])) == 32
    assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(b"r-0001").hexdigest()
    envelope = json.loads(receipts.seal(receipt(), signer("first")))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert json.loads(base64.b64decode(envelope["payload"])) == statement
    assert envelope["signatures"][0]["keyid"] == signer("first").key_id


def test_numbers_keep_every_bit_and_are_no_floats() -> None:
    awkward = {"a": 0.1 + 0.2, "b": [1e-300, -0.0, 5e-324], "c": {"d": 1.7976931348623157e308, "n": 2**53 - 1}}
    made = receipt(models=(dataclasses.replace(change("m", 1), audit=awkward),))
    audit = Receipt.from_statement(made.to_statement()).models[0].audit
    assert audit is not None
    assert float(audit["a"]) == 0.1 + 0.2
    assert [float(x) for x in audit["b"]] == [1e-300, 0.0, 5e-324]
    assert math.copysign(1, float(audit["b"][1])) == -1
    assert (float(audit["c"]["d"]), audit["c"]["n"]) == (1.7976931348623157e308, 2**53 - 1)

    def floats(value: Any) -> bool:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return isinstance(value, float) or any(map(floats, inner))

    assert not any(floats(made.to_statement()) for made in [*ALL, made])
    bounded = Guarantee(kind="bounded", statement="s", norm="l2", bound=0.1 + 0.2)
    again = Receipt.from_statement(receipt(models=(change("m", 1, guarantee=bounded),)).to_statement())
    assert again.models[0].guarantee.bound == 0.1 + 0.2


# ---------------------------------------------------------------- what a receipt refuses to say


@pytest.mark.parametrize(
    "wrong",
    [
        {"request": "John Smith"},
        {"action": "Forget John"},
        {"outcome": "perhaps"},
        {"outcome": "nothing-held"},
        {"received": "yesterday"},
        {"completed": "2026-02-30T00:00:00Z"},
        {"due": "2026-4-1"},
        {"due": "2026-04-01T00:00:00Z"},
        {"code_version": ""},
        {"code_version": "0.1\n"},
        {"models": (), "data": ()},
        {"models": ("income",)},
        {"models": change("m", 1)},
        {"models": (change("m", 1), change("m", 2))},
        {"data": (change("m", 1),)},
        {"numerics": {"numpy": 2}},
        {"numerics": ["numpy"]},
        {"not_proved": ()},
        {"not_proved": "everything"},
        {"notes": ("\u202e",)},
        {"notes": [3]},
    ],
)
def test_a_receipt_with_a_wrong_field_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        dataclasses.replace(receipt(), **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"method": "x" * 201},
        {"records": -1},
        {"records": True},
        {"work": 1.0},
        {"version_after": 1},
        {"digest_before": "00"},
        {"digest_after": "Z" * 64},
        {"configuration": "A" * 64},
        {"previous": "00"},
        {"guarantee": "exact"},
        {"audit": {"auc": float("nan")}},
        {"audit": {"auc": object()}},
        {"audit": {"größe": 1}},
        {"audit": {"n": 2**53}},
        {"audit": -1},
        {"notes": "one text"},
    ],
)
def test_a_change_with_a_wrong_field_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        dataclasses.replace(change("m", 1), **wrong)


def test_every_receipt_says_what_it_does_not_prove() -> None:
    for made in ALL:
        assert made.to_statement()["predicate"]["not_proved"] == list(NOT_PROVED)
    assert any("backups" in line for line in NOT_PROVED)
    assert any("registered" in line for line in NOT_PROVED)


def test_a_receipt_is_late_only_after_its_day() -> None:
    for completed, due, expected in [
        ("2026-03-31T23:59:59Z", "2026-03-31", True),
        ("2026-04-01T00:00:00Z", "2026-03-31", False),
        ("2026-04-01T00:00:00Z", None, None),
    ]:
        assert dataclasses.replace(receipt(), completed=completed, due=due).in_time is expected


def test_a_statement_that_is_none() -> None:
    good = receipt().to_statement()
    for wrong in ({}, {**good, "predicate": 3}, {**good, "subject": None}, {**good, "_type": "x"}, {"predicate": good}):
        with pytest.raises(TamperedError):
            Receipt.from_statement(wrong)
    kinds = {3: NewerFormatError, **dict.fromkeys((2, 0, "1"), TamperedError)}
    for schema, kind in [*kinds.items(), (True, TamperedError)]:
        with pytest.raises(kind, match="do not fit" if schema == 2 else "schema"):
            Receipt.from_statement({**good, "predicate": {**good["predicate"], "schema": schema}})


def test_a_guarantee_of_a_later_version_is_refused() -> None:
    statement = json.loads(json.dumps(receipt().to_statement()))
    statement["predicate"]["models"][0]["guarantee"]["schema"] = 3
    with pytest.raises(NewerFormatError):
        Receipt.from_statement(statement)


def test_the_limit_of_a_request_and_the_records_of_a_data_set_make_schema_2() -> None:
    plain = receipt()
    assert (plain.schema, plain.data[0].records) == (1, None)
    assert "within" not in plain.to_statement()["predicate"]
    for more in ({"within": "people"}, {"data": (dataclasses.replace(plain.data[0], records=3),)}):
        said = dataclasses.replace(plain, **more)  # type: ignore[arg-type]
        assert said.schema == 2
        assert Receipt.from_statement(said.to_statement()) == said
    statement = said.to_statement()
    statement["predicate"]["data"][0]["records"] = -3
    with pytest.raises(TamperedError, match="records"):
        Receipt.from_statement(statement)


def test_an_account_stands_in_the_statement_and_its_absence_leaves_the_form_of_schema_1() -> None:
    told = [
        receipt(models=(change("m", 1, guarantee=g),)).to_statement()["predicate"]["models"][0]["guarantee"]
        for g in (ACCOUNT, CERTIFIED)
    ]
    assert {name: told[0][name] for name in ("schema", "epsilon_left", "residual", "residual_limit")} == {
        "schema": 2, "epsilon_left": "1.5", "residual": "0.125", "residual_limit": "2.5",
    }  # fmt: skip
    assert set(told[0]) - set(told[1]) == {"epsilon_left", "residual", "residual_limit"}
    assert told[1]["schema"] == 1
    assert wording.numbers(ACCOUNT)["Residual that is hidden"] == "2.5"
    many = {"epsilon": 1.0000001, "epsilon_left": 0.1 + 0.2, "residual": 0.1, "residual_limit": 2 / 3}
    words = wording.numbers(dataclasses.replace(ACCOUNT, **many))
    assert (words["Epsilon"], words["Epsilon left"], words["Delta"]) == ("1.00001", "0.3", "1e-05")
    assert (words["Residual gradient at most"], words["Residual that is hidden"]) == ("0.1", "0.666666")
    statement = json.loads(json.dumps(receipt(models=(change("m", 1, guarantee=ACCOUNT),)).to_statement()))
    statement["predicate"]["models"][0]["guarantee"]["schema"] = 1
    with pytest.raises(TamperedError):
        Receipt.from_statement(statement)


# ---------------------------------------------------------------- bundles


def test_a_bundle_is_made_of_what_belongs_together() -> None:
    key = signer("first")
    envelope = receipts.seal(receipt(), key)
    log = Log(MemoryStore())
    log.append([entry("start", TIME, request="r-0001")])
    early = log.sign_head(key, time=TIME)
    [index] = log.append([entry("receipt", TIME, request="r-0001", envelope=receipts.envelope_hash(envelope))])
    head = log.sign_head(key, time=TIME)
    assert verify_bundle(Bundle.make(envelope, log, index, head).to_bytes(), key.public_pem).ok
    log.append([entry("start", TIME, request=f"r-{i}") for i in range(30)])
    assert Bundle.make(envelope, log, index, head) == Bundle.make(envelope, log, index, head)
    later = Bundle.make(envelope, log, index, log.sign_head(key, time=TIME)).to_bytes()
    assert verify_bundle(later, key.public_pem).ok
    for wrong in ((envelope, 0, head), (envelope + b" ", index, head), (envelope, index, early)):
        with pytest.raises(InvalidParameterError):
            Bundle.make(wrong[0], log, wrong[1], wrong[2])
    with pytest.raises(InvalidParameterError):
        sign_head(-1, bytes(32), time=TIME, signer=key)


def test_there_and_back_as_bytes() -> None:
    for data in build().bundles:
        assert Bundle.from_bytes(data).to_bytes() == data
        assert canonical_json.encode(json.loads(data)) == data


# ---------------------------------------------------------------- old ones


def test_old_receipts_always_verify() -> None:
    """Written by schema 1; must verify for ever, with the keys of their time."""
    first, second = ((GOLDEN / f"{name}.pem").read_bytes() for name in ("first", "second"))
    expected = {
        "0001.json": ("r-0001", "done", 2, first),
        "0002.json": ("r-0003", "done", 2, second),
        "0003.json": ("r-0009", "nothing-held", 0, second),
    }
    assert sorted(path.name for path in GOLDEN.glob("0*.json")) == list(expected)
    for name, (request, outcome, models, key) in expected.items():
        data = (GOLDEN / name).read_bytes()
        for keys in (first, key):
            verdict = verify_bundle(data, keys)
            assert verdict.ok, verdict.lines
        made = verdict.receipt
        assert made
        assert (made.request, made.outcome, len(made.models)) == (request, outcome, models)
        assert Bundle.from_bytes(data).to_bytes() == data
    kinds = {model.guarantee.kind for name in expected for model in _models((GOLDEN / name).read_bytes(), first)}
    assert kinds == {"exact", "certified", "bounded", "empirical"}


def _models(data: bytes, key: bytes) -> tuple[Any, ...]:
    made = verify_bundle(data, PublicKeys.from_pem(key)).receipt
    assert made
    return made.models


def test_the_same_words_give_the_same_bytes_as_then() -> None:
    """Same fields, same key, same bytes: the form of schema 1 has not moved."""
    for number, data in enumerate(build().bundles, start=1):
        assert data == (GOLDEN / f"000{number}.json").read_bytes()


# ---------------------------------------------------------------- words


def test_sentences_for_people() -> None:
    lines = wording.sentences(receipt())
    assert "due on 2026-04-01: in time" in lines[0]
    assert "2 models changed: income, churn" in lines[1]
    assert any(
        "version 1 became version 2 by forgetting 3 records; to do so records were read 1,204 times" in line
        for line in lines
    )
    assert "Epsilon: 0.5" in lines
    assert "Nothing was held" in wording.sentences(nothing_held())[1]
    assert "no model had learned" in wording.sentences(receipt(models=()))[1]
    late = dataclasses.replace(receipt(), completed="2027-01-01T00:00:00Z")
    assert "late" in wording.about_request(late)
    assert "no day was set" in wording.about_request(dataclasses.replace(receipt(), due=None, action="my-own"))
    assert people_change(1).data == "people"
