"""What proves something in a workspace: keys that follow each other, nonces that go, audits in receipts."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import expunge
from expunge.errors import InvalidParameterError, InvalidRequestError, TamperedError, UnknownNameError
from expunge.ledger.keys import generate
from expunge.workspace import verify, verifying
from expunge.workspace.database.tables import receipts
from workspace.test_growing import people


@pytest.fixture
def ws(tmp_path: Path) -> expunge.Workspace:
    people().to_csv(tmp_path / "people.csv", index=False)
    made = expunge.Workspace.init(tmp_path / "ws")
    made.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    made.fit("sums", data="people", target="label", method="gaussian-nb", bare=True)
    return made


def test_what_was_signed_before_a_rotation_is_verified_and_a_foreign_key_is_refused(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    first = tmp_path / "first.pem"
    first.write_bytes((ws.path / "public.pem").read_bytes())
    kept = tmp_path / "head.json"
    kept.write_bytes(ws.head().envelope)
    (before,) = ws.forget(subjects=["p1"])
    rotated = ws.keys_rotate()
    kept_key = ws.path / f"public-{rotated['old'][:16]}.pem"
    assert kept_key.read_bytes() == first.read_bytes()
    ws.keys_rotate()
    assert verify(before.receipt, key=kept_key)  # by itself, as who has no workspace does
    with pytest.raises(TamperedError, match="public-"):
        verify(before.receipt, key=ws.path / "public.pem").raise_if_wrong()
    (after,) = ws.forget(subjects=["p2"])
    for key in (None, first, ws.path / "public.pem"):
        for receipt in (before.receipt, after.receipt):
            assert ws.verify(receipt, key=key, since=kept), (key, receipt)
        assert ws.verify(key=key, since=kept)
        assert ws.verify(key=key, since=before.receipt)
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(generate(tmp_path / "other-secret.pem").public_pem)
    for receipt in (None, before.receipt, after.receipt):
        with pytest.raises(TamperedError):
            ws.verify(receipt, key=foreign).raise_if_wrong()
    # a rotation that is not in the log is none
    core = ws._core
    with core.write() as connection:
        held = json.loads(core.db.get_meta(connection, "rotations"))
        core.db.set_meta(connection, "rotations", json.dumps(held[:1]))
    assert not ws.verify()


def test_a_replay_where_bits_cannot_be_compared_measures_predictions_of_named_rows(
    ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (answer,) = ws.forget(subjects=["p1"])
    monkeypatch.setattr(verifying, "opens", lambda *_: False)
    monkeypatch.setattr(verifying, "fingerprint", dict)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = ws.verify(answer.receipt, replay=True)
    assert verdict
    assert "predictions differ by at most 0." in str(verdict)


def test_the_nonce_of_the_digest_before_is_destroyed_and_a_replay_still_says_yes(ws: expunge.Workspace) -> None:
    answers = ws.forget(subjects=["p1"]) + ws.forget(subjects=["p2"])
    core = ws._core

    def held() -> list[list[str | None]]:
        with core.read() as connection:
            return [json.loads(row["nonces"])["sums"] for row in core.db.rows(connection, receipts)]

    numbers = [pair[0] for pair in held()]
    assert all(numbers)
    with pytest.raises(UnknownNameError, match="Request 9"):
        ws.keys_shred_nonces([1, 9])
    assert ws.keys_shred_nonces([1]) == {"shredded": [1]}
    assert [pair[0] is None for pair in held()] == [True, False]
    assert ws.keys_shred_nonces() == {"shredded": [2]}
    assert ws.keys_shred_nonces() == {"shredded": []}
    everything = b"".join(path.read_bytes() for path in ws.path.iterdir() if path.is_file())
    assert not any(str(number).encode() in everything for number in numbers)
    assert [entry["receipts"] for entry in ws.log() if entry["kind"] == "nonces-shredded"] == [1, 1]
    verdict = ws.verify(answers[1].receipt, replay=True)
    assert "has the digest" in str(verdict)
    assert ws.verify()


# ---------------------------------------------------------------- audits


def told_of(ws: expunge.Workspace, receipt: Path | None) -> dict[str, object]:
    verdict = ws.verify(receipt)
    assert verdict.receipt is not None
    audit = verdict.receipt.models[0].audit
    assert audit is not None
    return dict(audit)


def test_an_audit_before_the_rows_go_stands_in_the_receipt_and_leaves_nothing(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    others = people(90)[60:]
    others.to_csv(tmp_path / "others.csv", index=False)
    ws.data_add(tmp_path / "others.csv", record_id="id", subject_id="person")
    with pytest.raises(InvalidParameterError, match="4 references or more"):
        ws.forget(subjects=["p1"], audit=3, held_out="others")
    with pytest.raises(UnknownNameError):
        ws.forget(subjects=["p1"], audit=4, held_out="nowhere")
    with pytest.raises(InvalidParameterError, match="for an audit"):
        ws.forget(subjects=["p1"], held_out="others")
    with pytest.raises(InvalidRequestError, match="records, not columns"):
        ws.forget(features=["age"], audit=4, held_out="others")
    with pytest.raises(InvalidRequestError, match="stands in 'people', too"):
        ws.forget(subjects=["p1"], audit=4, held_out="people", data="people")
    assert ws.request_list(every=True) == []
    (answer,) = ws.forget(subjects=["p1"], audit=4, held_out="others", data="people")
    for lines in (answer.lines(), ws.request_show(answer.request.number).details()):
        (verdict,) = [line for line in lines if line.startswith("sums: audit:")]
        assert verdict.startswith("sums: audit: forgotten. The model is bit for bit")
        assert "sums: 4 references; 39 are needed to accuse anybody at 0.05." in lines
    told = told_of(ws, answer.receipt)
    assert told["verdict"] == "forgotten"  # the digest is that of a fresh fit
    assert (told["n_forgotten"], told["n_held_out"], told["n_retrains"]) == (3, 30, 4)
    assert not list((ws.path / "tmp").iterdir())
    assert ws.verify(answer.receipt, replay=True)
    # what cannot be audited is no reason not to forget, and no record is named; the queue keeps what was asked
    (number,) = ws.request_ask(subjects=["p2"], audit=4)
    ws.request_run([number])
    told = told_of(ws, ws.request_show(number).receipt)
    assert told["verdict"] in ("cannot tell", "forgotten")
    assert not any(f"r00{i}" in str(told) for i in (6, 7, 8))


def test_an_audit_afterwards_follows_the_receipt_of_the_request(ws: expunge.Workspace, tmp_path: Path) -> None:
    (first,) = ws.forget(subjects=["p1"])
    ids = people()["id"][people()["person"] == "p1"].tolist()
    people(90).to_csv(tmp_path / "all.csv", index=False)
    asked = {"forgotten": ids, "n_references": 4, "n_unforgotten": 0}
    others = people(90)["id"][60:].tolist()
    for wrong, words in ((ids[:2], "forgot 3 records, and 2 ids"), (others[:3], "No request made")):
        with pytest.raises(InvalidRequestError, match=words):
            ws.audit("sums", tmp_path / "all.csv", attach=1, **(asked | {"forgotten": wrong}))
    assert ws.request_show(1).audits == ()
    report = ws.audit("sums", tmp_path / "all.csv", attach=1, **asked)
    attached = ws.path / "receipts" / "audit-0001.json"
    assert told_of(ws, attached)["verdict"] == report.verdict
    verdict = ws.verify(attached, replay=True)
    assert verdict.receipt.action == "audit"  # type: ignore[union-attr]
    assert "The receipt before this one of sums stands in the log before it." in verdict.lines
    assert [path.name for path in sorted((ws.path / "receipts").iterdir())] == ["0001.json", "audit-0001.json"]
    assert "about 3 records" in verdict.receipt.notes[-1]  # type: ignore[union-attr]
    assert ws.request_show(1).receipt == first.receipt
    assert f"sums: receipt of that audit: {attached}" in ws.request_show(1).details()
    (second,) = ws.forget(subjects=["p2"])
    assert second.receipt == ws.path / "receipts" / "0002.json"
    assert ws.verify(second.receipt)
    with pytest.raises(InvalidRequestError, match="has version 3 now"):
        ws.audit("sums", tmp_path / "all.csv", attach=1, **asked)
    with pytest.raises(UnknownNameError):
        ws.audit("sums", tmp_path / "all.csv", attach=7, **asked)
    ws.keys_shred_nonces()
    assert ws.verify()
