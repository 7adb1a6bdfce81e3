"""The page for people: it shows what was verified and nothing else, runs nothing, loads nothing."""

from __future__ import annotations

import dataclasses
import html.parser

from expunge.ledger import receipts, wording
from expunge.ledger.bundle import Bundle
from expunge.ledger.log import Log, MemoryStore
from expunge.ledger.page import page
from expunge.ledger.verify import verify_bundle
from ledger.samples import EXACT, build, change, entry, receipt, signer

KEY = signer("first")
VOID = {"meta", "br"}


class Reader(html.parser.HTMLParser):
    """Tags that open and close in order; the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def bundle_of(made: receipts.Receipt) -> bytes:
    envelope = receipts.seal(made, KEY)
    log = Log(MemoryStore())
    [index] = log.append(
        [entry("receipt", made.completed, request=made.request, envelope=receipts.envelope_hash(envelope))]
    )
    return Bundle.make(envelope, log, index, log.sign_head(KEY, time=made.completed)).to_bytes()


def test_everything_of_a_receipt_is_on_its_page() -> None:
    for data in build().bundles:
        verdict = verify_bundle(data, KEY.public_pem)
        read = Reader(page(verdict, data))
        made = verdict.receipt
        assert made
        assert "Verified." in read.text
        for text in (made.request, *made.not_proved, *made.notes, *made.numerics.values(), *verdict.lines):
            assert text in read.text, text
        for model in made.models:
            for text in (
                model.model,
                model.method,
                model.guarantee.statement,
                *model.guarantee.assumptions,
                *model.notes,
            ):
                assert text in read.text
            for digest in (model.digest_before, model.digest_after, model.configuration, model.previous or ""):
                assert digest in read.text
            assert "0.503" in read.text
            assert "0.47, 0.54" in read.text


def test_a_page_runs_and_loads_nothing() -> None:
    read = Reader(page(verify_bundle(build().bundles[0], KEY.public_pem), build().bundles[0]))
    assert read.tags.isdisjoint({"script", "img", "link", "iframe", "a", "form", "object", "svg"})
    assert read.attributes.isdisjoint({"href", "src", "style", "onload", "onclick"})


def test_what_stands_in_a_receipt_is_text() -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&"
    made = receipt(
        models=(
            dataclasses.replace(
                change("m", 1), model=evil, method=evil, notes=(evil,), audit={"<b>": evil, "n": [{"a": evil}]},
                guarantee=dataclasses.replace(EXACT, statement=evil, assumptions=(evil,)),
            ),
        )
    )  # fmt: skip
    made = dataclasses.replace(made, notes=(evil,), code_version=evil, numerics={evil: evil}, not_proved=(evil,))
    data = bundle_of(made)
    verdict = verify_bundle(data, KEY.public_pem)
    assert verdict.ok
    text = page(verdict, data)
    read = Reader(text)
    assert read.tags.isdisjoint({"script", "img", "b"})
    assert evil in read.text
    assert "<script" not in text


def test_nothing_in_a_receipt_moves_the_cursor_or_turns_a_line() -> None:
    """A terminal obeys escape codes; a page turns text around: what an issuer wrote must do neither."""
    evil = "good\x1b[2J\x1b[1;1HVERIFIED\x9b2J\u202ekcab\n\r"
    guarantee = dataclasses.replace(EXACT, statement=evil, assumptions=(evil,))
    made = receipt(models=(dataclasses.replace(change("m", 1), guarantee=guarantee, audit={"a": evil}),))
    data = bundle_of(made)
    verdict = verify_bundle(data, KEY.public_pem)
    assert verdict.ok
    for text in (*wording.sentences(made), *verdict.lines, page(verdict, data).replace("\n", "")):
        assert not set(text) & set("\x1b\x9b\u202e\n\r")


def test_a_receipt_that_was_changed_is_not_shown() -> None:
    data = build().bundles[0]
    place = data.index(b'"payload":"') + 400
    wrong = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    verdict = verify_bundle(wrong, KEY.public_pem)
    read = Reader(page(verdict, wrong))
    assert "Not verified." in read.text
    assert "Do not rely on this receipt" in read.text
    assert "The receipt was changed" in read.text
    assert "r-0001" not in read.text
    assert "Verified." not in read.text
    for rubbish in (b"", b"\xff", b"<script>"):
        assert "Not verified." in Reader(page(verify_bundle(rubbish, KEY.public_pem), rubbish)).text


def test_a_good_receipt_in_a_wrong_log_is_shown_as_not_verified() -> None:
    import json

    from expunge.ledger import canonical_json

    value = json.loads(build().bundles[0])
    value["proof"]["index"] = 1
    data = canonical_json.encode(value)
    verdict = verify_bundle(data, KEY.public_pem)
    text = Reader(page(verdict, data)).text
    assert "Not verified." in text
    assert "Verified." not in text
