"""Verdicts: what is good passes, every changed byte is found and named, a rewritten log is caught."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from expunge.errors import InvalidParameterError, InvalidRequestError, NewerFormatError, TamperedError
from expunge.ledger import canonical_json, dsse
from expunge.ledger.bundle import Bundle
from expunge.ledger.heads import HEAD_TYPE, SignedHead
from expunge.ledger.keys import PublicKeys
from expunge.ledger.log import Log, MemoryStore
from expunge.ledger.proofs import ConsistencyProof
from expunge.ledger.receipts import RECEIPT_TYPE, envelope_hash, open_envelope
from expunge.ledger.rotation import ROTATION_TYPE, rotate
from expunge.ledger.verify import Verdict, verify_bundle, verify_log
from expunge.ledger.wording import sentences
from ledger.samples import Ledger, build, change, entry, issue, nothing_held, receipt, signer

FIRST, SECOND = signer("first").public_pem, signer("second").public_pem
FIRST_AND_SECOND = PublicKeys.from_pem(FIRST, SECOND)
#: Which part a sentence must name.
PARTS = re.compile(r"bundle|receipt|entry|log|head|[Rr]otation|key")


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return build()


def test_every_bundle_of_the_story_is_good(ledger: Ledger) -> None:
    for data, key in zip(ledger.bundles, (FIRST, SECOND, SECOND), strict=True):
        for keys in (FIRST, key, PublicKeys.from_pem(FIRST, SECOND)):  # the first key hands over to the second
            verdict = verify_bundle(data, keys)
            assert verdict.ok, verdict.lines
            assert verdict
            assert verdict.code == ""
            assert verdict.receipt
            assert verdict.not_proved == verdict.receipt.not_proved != ()
            assert verdict.raise_if_wrong() is verdict


def test_a_good_bundle_tells_what_it_says(ledger: Ledger) -> None:
    """Outcome, counts, guarantee, audit and what is not proved, without a page; nothing if the signature is bad."""
    verdict = verify_bundle(ledger.bundles[0], FIRST)
    assert verdict.receipt
    told = "\n".join(verdict.sentences())
    change = verdict.receipt.models[0]
    for text in (*verdict.lines, *sentences(verdict.receipt), "\nNot proved:\n", *verdict.not_proved):
        assert text in told
    assert (change.guarantee.statement in told, "Audit: membership.auc: 0.503" in told) == (True, True)
    assert verdict.to_dict()["receipt"]["outcome"] == "done"
    assert json.dumps(verdict.to_dict())
    wrong = verify_bundle(ledger.bundles[0], SECOND)
    assert (wrong.sentences(), wrong.to_dict()["receipt"]) == (list(wrong.lines), None)


def test_the_second_key_does_not_speak_for_the_first(ledger: Ledger) -> None:
    verdict = verify_bundle(ledger.bundles[0], SECOND)
    assert not verdict.ok
    assert "not among those given" in verdict.lines[-1]
    assert verdict.receipt is None
    with pytest.raises(TamperedError, match="not among"):
        verdict.raise_if_wrong()


def test_a_key_of_somebody_else_is_not_followed(ledger: Ledger) -> None:
    assert not verify_bundle(ledger.bundles[1], signer("stranger").public_pem).ok


# ---------------------------------------------------------------- every byte


def short_bundle(**changed: Any) -> bytes:
    """One model, no rotation: everything a receipt has, once."""
    ledger = Ledger(store := MemoryStore(), Log(store), [], [], b"")
    ledger.log.append([entry("start", "2026-03-01T09:30:00Z", request="r-0000")])
    issue(ledger, receipt(models=(change("income", 1, **changed),)), signer("first"))
    return ledger.bundles[0]


@pytest.mark.parametrize(("mask", "step"), [(0x01, 1), (0x20, 7), (0x80, 1)])
def test_each_flipped_byte_of_a_receipt_is_found_and_named(mask: int, step: int) -> None:
    data = short_bundle()
    keys = PublicKeys.from_pem(FIRST)
    assert verify_bundle(data, keys).ok
    for place in range(0, len(data), step):
        wrong = data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]
        verdict = verify_bundle(wrong, keys)
        assert not verdict.ok, f"byte {place} of {len(data)}: {wrong[place - 20 : place + 20]!r}"
        assert verdict.code in ("tampered", "newer-format")
        assert PARTS.search(verdict.lines[-1]), verdict.lines[-1]


def test_each_flipped_byte_of_a_rotation_is_found_whoever_is_believed(ledger: Ledger) -> None:
    data = ledger.bundles[2]
    start = data.index(b'"rotations"')
    for pem in (FIRST, SECOND):
        keys = PublicKeys.from_pem(pem)
        for place in range(start, len(data)):
            wrong = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            assert not verify_bundle(wrong, keys).ok, place


def test_bytes_before_behind_and_gone(ledger: Ledger) -> None:
    data = ledger.bundles[0]
    for wrong in (
        b"",
        data[:-1],
        data + b"\n",
        b" " + data,
        data + data,
        b"\xef\xbb\xbf" + data,
        b"null",
        b"[]",
        b"{}",
    ):
        verdict = verify_bundle(wrong, FIRST)
        assert not verdict.ok
        assert "bundle" in verdict.lines[-1]


def test_parts_of_different_bundles_do_not_fit(ledger: Ledger) -> None:
    values = [json.loads(data) for data in ledger.bundles]
    for part in ("envelope", "entry", "head", "proof"):
        mixed = canonical_json.encode({**values[1], part: values[2][part]})
        verdict = verify_bundle(mixed, PublicKeys.from_pem(FIRST, SECOND))
        assert not verdict.ok, part


def test_what_is_wrong_is_named(ledger: Ledger) -> None:
    value = json.loads(ledger.bundles[0])

    def says(pattern: str, **changed: Any) -> None:
        verdict = verify_bundle(canonical_json.encode({**value, **changed}), FIRST)
        assert not verdict.ok
        assert re.search(pattern, verdict.lines[-1]), verdict.lines[-1]

    payload = base64.b64encode(base64.b64decode(value["envelope"]["payload"]).replace(b"income", b"outcom")).decode()
    says("The receipt was changed", envelope={**value["envelope"], "payload": payload})
    says("no base64", envelope={**value["envelope"], "payload": "*"})
    says("The signed head was changed", head={**value["head"], "signatures": value["envelope"]["signatures"]})
    says("of the kind 'application/vnd.in-toto", head=value["envelope"])
    says("proof of the place", proof={**value["proof"], "index": 5})
    says("proof of the place", proof={**value["proof"], "path": value["proof"]["path"][:-1]})
    says("entry of the log is not that of this receipt", entry={**value["entry"], "envelope": "0" * 64})
    says("proof of the place in the log, or the entry", entry={**value["entry"], "time": "2020-01-01T00:00:00Z"})
    says("schema 2; this version reads up to 1", schema=2)
    says("its fields are", more=1)
    says("no signed envelope", envelope={**value["envelope"], "signatures": []})


def everywhere(value: Any, change: Callable[[Any], Any]) -> Iterator[Any]:
    """The value with one part after another replaced."""
    yield change(value)
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            for inner in everywhere(value[key], change):
                copy = value.copy()
                copy[key] = inner
                yield copy


@pytest.mark.parametrize("new", [None, True, -1, 2**53 - 1, "x", "", [], {}, [[]], {"a": {}}], ids=repr)
def test_any_part_replaced_by_anything_is_a_verdict_and_no_crash(ledger: Ledger, new: Any) -> None:
    for value in everywhere(json.loads(ledger.bundles[2]), lambda part: new):
        verdict = verify_bundle(canonical_json.encode(value), FIRST)
        assert not verdict.ok
        assert verdict.code == "tampered" or "schema" in verdict.lines[-1]


@pytest.mark.parametrize("new", ["", {}, "strangers", "twice"], ids=repr)
def test_nothing_that_needs_no_signature_may_be_put_in(ledger: Ledger, new: Any) -> None:
    value = json.loads(ledger.bundles[0])
    if new == "strangers":
        new = [json.loads(rotate(signer("a"), signer("b"), time="2026-03-02T12:00:00Z"))]
    if new == "twice":
        value["head"]["signatures"] *= 2
    else:
        value["rotations"] = new
    assert verify_bundle(canonical_json.encode(value), FIRST).code == "tampered"


@pytest.mark.parametrize("pem", [2**40, "-----BEGIN PUBLIC KEY-----\n" * 50_000], ids=["number", "long"])
def test_a_rotation_whose_key_is_none_costs_nothing(ledger: Ledger, pem: Any) -> None:
    value = json.loads(ledger.bundles[0])
    rotation = {"new_key": FIRST.decode(), "old_key": pem, "reason": "scheduled", "schema": 1}
    text = canonical_json.encode({**rotation, "time": "2026-03-02T12:00:00Z"})
    value["rotations"] = [json.loads(dsse.seal(ROTATION_TYPE, text, [signer("a")]))]
    verdict = verify_bundle(canonical_json.encode(value), FIRST)
    assert "no public key" in verdict.lines[-1]


@pytest.mark.parametrize("new", [None, True, -1, 2**53 - 1, "x", [], {}], ids=repr)
def test_any_part_replaced_and_signed_by_the_right_key_is_a_verdict_too(new: Any) -> None:
    for statement in everywhere(
        json.loads(json.dumps(receipt(models=(change("m", 1),)).to_statement())), lambda part: new
    ):
        envelope = dsse.seal(RECEIPT_TYPE, canonical_json.encode(statement), [signer("first")])
        try:
            made = open_envelope(envelope, PublicKeys.from_pem(FIRST))
        except TamperedError:
            continue
        assert sentences(made)
        assert made.to_statement() == statement, "only what a field allows, and then all of it"


# ---------------------------------------------------------------- what was signed, but is wrong


def forged(ledger: Ledger, alter: Callable[[dict[str, Any]], None]) -> bytes:
    """A bundle whose receipt was altered and signed again by the right key, with its place in a log."""
    statement = receipt().to_statement()
    alter(statement)
    envelope = dsse.seal(RECEIPT_TYPE, canonical_json.encode(statement), [signer("first")])
    log = Log(MemoryStore())
    [index] = log.append([entry("receipt", "2026-03-01T09:31:12Z", request="r-0001", envelope=envelope_hash(envelope))])
    return Bundle.make(envelope, log, index, log.sign_head(signer("first"), time="2026-03-01T09:31:12Z")).to_bytes()


def test_a_signature_does_not_make_a_receipt(ledger: Ledger) -> None:
    assert verify_bundle(forged(ledger, lambda statement: None), FIRST).ok

    def other_subject(statement: dict[str, Any]) -> None:
        statement["subject"][0]["digest"]["sha256"] = "0" * 64

    def no_limits(statement: dict[str, Any]) -> None:
        statement["predicate"]["not_proved"] = []

    def other_kind(statement: dict[str, Any]) -> None:
        statement["predicateType"] = "https://slsa.dev/provenance/v1"

    def too_strong(statement: dict[str, Any]) -> None:
        statement["predicate"]["models"][1]["guarantee"]["kind"] = "exact"

    def extra(statement: dict[str, Any]) -> None:
        statement["predicate"]["record_ids"] = ["p-17"]

    def missing(statement: dict[str, Any]) -> None:
        del statement["predicate"]["due"]

    for alter in (other_subject, no_limits, other_kind, too_strong, extra, missing):
        verdict = verify_bundle(forged(ledger, alter), FIRST)
        assert verdict.code == "tampered", alter.__name__
        assert "receipt" in verdict.lines[-1]


def test_an_unknown_schema_is_refused_and_not_called_tampered(ledger: Ledger) -> None:
    def newer(statement: dict[str, Any]) -> None:
        statement["predicate"]["schema"] = 3

    verdict = verify_bundle(forged(ledger, newer), FIRST)
    assert (verdict.ok, verdict.code) == (False, "newer-format")
    with pytest.raises(NewerFormatError, match="schema 3"):
        verdict.raise_if_wrong()


def test_a_head_is_no_receipt(ledger: Ledger) -> None:
    """What was signed for one purpose is worth nothing for another."""
    head = ledger.heads[0].envelope
    payload = dsse.Envelope.from_bytes(head, kind=HEAD_TYPE).payload
    signature = dsse.Envelope.from_bytes(head, kind=HEAD_TYPE).signatures
    disguised = dsse.Envelope(kind=RECEIPT_TYPE, payload=payload, signatures=signature).to_bytes()
    with pytest.raises(TamperedError, match="do not fit"):
        dsse.open_envelope(disguised, PublicKeys.from_pem(FIRST), kind=RECEIPT_TYPE)


# ---------------------------------------------------------------- the log, and what was kept from before


def test_the_log_is_read_and_hashed_again(ledger: Ledger) -> None:
    verdict = verify_bundle(ledger.bundles[1], FIRST, log=ledger.log, since=ledger.heads[0].envelope)
    assert verdict.ok
    assert any("(7 entries) is still there" in line for line in verdict.lines)
    assert any("signed size (18 entries)" in line for line in verdict.lines)
    assert any("came later (3 entries)" in line for line in verdict.lines)
    whole = verify_log(
        ledger.log, ledger.heads[-1].envelope, PublicKeys.from_pem(FIRST, SECOND), since=ledger.bundles[0]
    )
    assert whole.ok, whole.lines
    assert whole.head == ledger.heads[-1]


def test_the_receipt_before_must_stand_in_the_log_before(ledger: Ledger) -> None:
    verdict = verify_bundle(ledger.bundles[1], FIRST, log=ledger.log)
    assert "The receipt before this one of income stands in the log before it." in verdict.lines
    own = Ledger(store := MemoryStore(), Log(store), [], [], b"")
    envelope = issue(own, receipt(1, models=(change("income", 1),)), signer("first"))
    for number, previous in ((2, envelope_hash(envelope)), (3, "0" * 64)):
        issue(own, receipt(number, models=(change("income", number, previous=previous),)), signer("first"))
    assert verify_bundle(own.bundles[1], FIRST, log=own.log).ok
    assert "before this one of income does not stand" in verify_bundle(own.bundles[2], FIRST, log=own.log).lines[-1]
    assert not own.log.has_receipt(envelope_hash(envelope), before=4)
    assert own.log.has_receipt(envelope_hash(envelope), before=5)


def rewritten(ledger: Ledger, place: int) -> Ledger:
    """The log with one entry replaced, every hash computed again, and a head signed with the true key."""
    store = MemoryStore()
    copy = Ledger(store, Log(store), [], [], ledger.rotation)
    entries = list(ledger.log)
    entries[place] = entry("start", entries[place].time, request="r-6666")
    copy.log.append(entries)
    copy.heads.append(copy.log.sign_head(signer("second"), time="2026-03-09T09:30:01Z"))
    return copy


@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_log_that_was_rewritten_and_signed_again_is_caught(ledger: Ledger, place: int) -> None:
    keys = PublicKeys.from_pem(FIRST, SECOND)
    copy = rewritten(ledger, place)
    new, old = copy.heads[-1], ledger.heads[0]
    assert verify_log(copy.log, new.envelope, keys).ok, "without a head from before nobody can tell"
    verdict = verify_log(copy.log, new.envelope, keys, since=old.envelope)
    assert not verdict.ok
    assert f"Entries 0 to {old.size - 1} of the log" in verdict.lines[-1]
    assert old.time in verdict.lines[-1]
    with pytest.raises(TamperedError, match=f"first {old.size} entries"):
        copy.log.check_since(old, new)
    assert not verify_bundle(ledger.bundles[0], keys, log=copy.log).ok


def test_what_was_added_after_the_kept_head_is_not_rewriting(ledger: Ledger) -> None:
    copy = rewritten(ledger, 12)
    assert verify_log(copy.log, copy.heads[-1].envelope, PublicKeys.from_pem(FIRST, SECOND), since=ledger.bundles[0]).ok
    copy.log.check_since(ledger.heads[0], copy.heads[-1])


def test_a_log_that_lost_entries_is_caught(ledger: Ledger) -> None:
    store = MemoryStore()
    log = Log(store)
    log.append(list(ledger.log)[:10])
    keys = PublicKeys.from_pem(FIRST, SECOND)
    head = log.sign_head(signer("second"), time="2026-03-10T00:00:00Z")
    verdict = verify_log(log, head.envelope, keys, since=ledger.heads[1].envelope)
    assert "10 entries, but had 18" in verdict.lines[-1]
    with pytest.raises(TamperedError, match="taken out"):
        log.check_since(ledger.heads[1], head)
    assert "10 entries, but had 18" in verify_log(log, ledger.heads[1].envelope, keys).lines[-1]


def test_since_without_a_log(ledger: Ledger) -> None:
    same = ledger.heads[0].envelope
    assert verify_bundle(ledger.bundles[0], FIRST, since=same).ok
    assert verify_bundle(ledger.bundles[0], FIRST, since=ledger.bundles[0]).ok
    with pytest.raises(InvalidRequestError, match="needs the log"):
        verify_bundle(ledger.bundles[1], FIRST, since=same)
    other = rewritten(ledger, 2)
    short = Log(MemoryStore())
    short.append(list(other.log)[: ledger.heads[0].size])
    kept = short.sign_head(signer("first"), time="2026-03-01T00:00:00Z")
    assert "not those that were signed" in verify_bundle(ledger.bundles[0], FIRST, since=kept.envelope).lines[-1]


def test_an_outsider_without_the_log_needs_a_proof_alone(ledger: Ledger) -> None:
    sizes = [head.size for head in ledger.heads]
    for kept, size in zip(ledger.heads, sizes, strict=True):
        for data, other in zip(ledger.bundles, sizes, strict=True):  # receipts older and younger than the kept head
            proof = ConsistencyProof.make(ledger.log, min(size, other), max(size, other)).to_bytes()
            assert ConsistencyProof.from_bytes(proof).to_bytes() == proof
            verdict = verify_bundle(data, FIRST_AND_SECOND, since=kept.envelope, proof=proof)
            assert verdict.ok, verdict.lines
            assert f"sums up ({min(size, other)} entries)" in verdict.lines[-1]
    wrong = ConsistencyProof.make(ledger.log, 6, 18).to_bytes()
    with pytest.raises(InvalidRequestError, match="needs the log, or a proof"):
        verify_bundle(ledger.bundles[1], FIRST, since=ledger.heads[0].envelope, proof=wrong)
    assert ConsistencyProof.make(ledger.log, 7) == ConsistencyProof.make(ledger.log, 7, 21)


def test_each_flipped_byte_of_a_proof_and_a_rewritten_log_are_found(ledger: Ledger) -> None:
    kept = ledger.heads[0]
    proof = ConsistencyProof.make(ledger.log, 7, 18).to_bytes()
    for place in range(len(proof)):
        wrong = proof[:place] + bytes([proof[place] ^ 1]) + proof[place + 1 :]
        try:
            verdict = verify_bundle(ledger.bundles[1], FIRST, since=kept.envelope, proof=wrong)
        except InvalidRequestError:
            continue  # a proof for other sizes
        assert not verdict.ok, place
    other = Ledger(store := MemoryStore(), Log(store), [], [], b"")
    other.log.append([entry("start", "2026-03-01T09:30:00Z", request=f"r-{i}") for i in range(12)])
    issue(other, receipt(3, models=()), signer("first"))
    proof = ConsistencyProof.make(other.log, kept.size).to_bytes()
    assert verify_bundle(other.bundles[0], FIRST).ok
    verdict = verify_bundle(other.bundles[0], FIRST, since=kept.envelope, proof=proof)
    assert "not those that were signed on 2026-03-01" in verdict.lines[-1]


def test_a_whole_log_is_verified_over_a_change_of_keys(ledger: Ledger) -> None:
    newest = ledger.heads[-1].envelope
    assert not verify_log(ledger.log, newest, FIRST, since=ledger.heads[0].envelope).ok
    verdict = verify_log(ledger.log, newest, FIRST, since=ledger.heads[0].envelope, rotations=[ledger.rotation])
    assert verdict.ok, verdict.lines
    assert not verify_log(ledger.log, newest, FIRST, rotations=[ledger.rotation[:-1]]).ok


def test_a_kept_head_that_was_changed_is_found(ledger: Ledger) -> None:
    kept = ledger.heads[0].envelope
    for place in range(0, len(kept), 7):
        wrong = kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :]
        verdict = verify_bundle(ledger.bundles[0], FIRST, since=wrong)
        assert not verdict.ok, place
        assert "kept head" in verdict.lines[-1]


def test_an_empty_log_has_a_head_and_every_log_extends_it(ledger: Ledger) -> None:
    empty = Log(MemoryStore()).sign_head(signer("first"), time="2026-01-01T00:00:00Z")
    assert SignedHead.from_bytes(empty.to_bytes(), PublicKeys.from_pem(FIRST)) == empty
    ledger.log.check_since(empty, ledger.heads[-1])
    assert verify_bundle(ledger.bundles[0], FIRST, log=ledger.log, since=empty.envelope).ok


# ---------------------------------------------------------------- clumsy callers


def test_keys_that_are_none(ledger: Ledger) -> None:
    for wrong in (b"", "no key", PublicKeys()):
        with pytest.raises(InvalidParameterError):
            verify_bundle(ledger.bundles[0], wrong)


def test_a_verdict_reads_as_text(ledger: Ledger) -> None:
    verdict = verify_bundle(ledger.bundles[0], FIRST)
    assert isinstance(verdict, Verdict)
    assert str(verdict).splitlines() == list(verdict.lines)
    assert nothing_held().outcome == "nothing-held"


HEAVY = ("numpy", "scipy", "sklearn", "pandas", "pyarrow", "joblib", "skops", "jinja2", "sqlalchemy", "typer", "rich")


def test_a_bare_machine_is_enough(ledger: Ledger) -> None:
    """The whole ledger is imported, and a receipt verified and shown, where no other library can be imported."""
    code = (
        f"import sys\nfor name in {HEAVY!r}: sys.modules[name] = None\n"
        "import importlib, pkgutil, expunge.ledger as room\n"
        "for module in pkgutil.iter_modules(room.__path__): importlib.import_module(f'expunge.ledger.{module.name}')\n"
        "from expunge.ledger.verify import verify_bundle\nfrom expunge.ledger.page import page\n"
        f"data, pem = {ledger.bundles[0]!r}, {FIRST!r}\n"
        "verdict = verify_bundle(data, pem)\nprint(verdict.ok, '<html' in page(verdict, data))\n"
        "known = set(sys.stdlib_module_names) | {'expunge', 'cryptography', '_cffi_backend', 'cffi', 'pycparser'}\n"
        "tops = {name.partition('.')[0] for name, module in sys.modules.items() if module is not None}\n"
        "before = {name for name in tops if name.startswith(('_', 'sitecustomize', 'usercustomize'))}\n"
        "print(sorted(tops - known - before - {'google'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True", "[]"]
