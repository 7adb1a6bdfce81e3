"""The log: every changed byte of an entry or hash is found and the entry named; what may stand in an entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from expunge.errors import InvalidParameterError, NewerFormatError, TamperedError
from expunge.ledger import merkle
from expunge.ledger.entries import KINDS, Entry
from expunge.ledger.keys import PublicKeys
from expunge.ledger.log import Log, MemoryStore
from interruptions import interrupt
from ledger.samples import GOLDEN, Ledger, build, entry, secret, signer

TIME = "2026-03-01T09:30:00Z"


@pytest.fixture
def ledger() -> Ledger:
    return build()


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


# ---------------------------------------------------------------- every byte


def test_each_flipped_byte_of_each_entry_is_named(ledger: Ledger) -> None:
    entries = ledger.store.entry_list
    for index, data in enumerate(entries):
        for place in range(len(data)):
            entries[index] = flipped(data, place)
            with pytest.raises(TamperedError, match=rf"^Entry {index} of the log was changed"):
                ledger.log.check()
            with pytest.raises(TamperedError, match=rf"^Entry {index} of the log was changed"):
                ledger.log.entry(index)
        entries[index] = data
    ledger.log.check(ledger.heads)


def test_each_changed_hash_is_named(ledger: Ledger) -> None:
    """The entry for the hash of one entry, the range for that of a subtree."""
    hashes = ledger.store.hash_list
    for position, kept in enumerate(list(hashes)):
        hashes[position] = flipped(kept, position % 32)
        with pytest.raises(TamperedError) as error:
            ledger.log.check()
        found = [int(number) for number in re.findall(r"\d+", str(error.value))]
        (last,) = [i for i in range(len(ledger.log)) if merkle.stored(i) <= position < merkle.stored(i + 1)]
        assert found[-1] == last
        hashes[position] = kept


def test_an_entry_and_its_hashes_changed_together_are_caught_by_any_head(ledger: Ledger) -> None:
    """Whoever can write to the database computes every hash again: then only a signature helps, and narrows it down."""
    entries = list(ledger.log)
    for index in range(len(entries)):
        store = MemoryStore()
        log = Log(store)
        changed = [*entries[:index], entry("start", TIME, request="r-6666"), *entries[index + 1 :]]
        log.append(changed)
        log.check()
        with pytest.raises(TamperedError) as error:
            log.check(ledger.heads)
        sizes = [0, *(head.size for head in ledger.heads)]
        low = max(size for size in sizes if size <= index)
        high = min(size for size in sizes if size > index)
        assert f"Entries {low} to {high - 1} of the log" in str(error.value)


@pytest.mark.parametrize("index", [0, 5, 12, 20])
def test_an_entry_taken_out_put_in_or_moved_is_found(ledger: Ledger, index: int) -> None:
    entries = ledger.store.entry_list
    one = entries.pop(index)
    with pytest.raises(TamperedError, match=rf"Entry {index} " if index < 20 else "has 20 entries, but had 21"):
        ledger.log.check(ledger.heads)
    entries.insert(min(index + 1, len(entries) - 1) if index else 1, one)
    with pytest.raises(TamperedError, match=r"Entry \d+"):
        ledger.log.check(ledger.heads)


class Short(MemoryStore):
    """A database that lost a row and says nothing."""

    lost: Callable[[int], bool] = staticmethod(lambda position: False)

    def hashes(self, positions: Sequence[int]) -> list[bytes]:
        return [self.hash_list[p] for p in positions if not self.lost(p)]

    def entries(self, start: int, stop: int) -> list[bytes]:
        return self.entry_list[start : min(stop, 4)]


def test_a_store_that_gives_fewer_than_asked_is_found() -> None:
    store = Short()
    log = Log(store)
    log.append([entry("start", TIME, request=f"r-{i}") for i in range(6)])
    with pytest.raises(TamperedError, match="Entry 4 of the log is missing"):
        log.check()
    store.lost = lambda position: position == 9
    with pytest.raises(TamperedError, match="missing"):
        log.check()
    with pytest.raises(TamperedError, match="missing"):
        log.entry(5)


def test_an_interruption_adds_entries_with_their_hashes_or_none() -> None:
    step, where = 0, "before"
    entries = [entry("start", TIME, request=f"r-{i}") for i in range(4)]
    while where:
        log = Log(MemoryStore())
        log.append(entries[:1])
        where = interrupt(partial(log.append, entries[1:3]), step, {"MemoryStore.append"})
        log.append(entries[3:])
        log.check()
        assert len(log) in ((2, 4) if where else (4,)), where
        step += 1
    assert step > 10


def test_many_entries_in_one_go() -> None:
    log = Log(MemoryStore())
    places = log.append([entry("start", TIME, request=f"r-{i}") for i in range(2500)])
    assert places == list(range(2500))
    log.append([])
    head = log.sign_head(signer("first"), time=TIME)
    log.check([head])
    assert (head.size, head.root) == (2500, log.tree.root().hex())
    assert log.entry(2499).fields["request"] == "r-2499"


# ---------------------------------------------------------------- entries


GOOD = {
    "request": {"request": "r-1", "action": "forget-subject", "subject": "0" * 64, "due": "2026-04-01"},
    "extension": {"request": "r-1", "due": "2026-06-01", "reason": "many-requests"},
    "start": {"request": "r-1"},
    "removal": {"request": "r-1", "model": "Einkommen ü", "version": 2, "records": 3, "guarantee": "exact"},
    "refusal": {"request": "r-1", "reason": "legal-duty"},
    "new-version": {"model": "income", "version": 2, "digest": "0" * 64, "request": "r-1"},
    "receipt": {"request": "r-1", "envelope": "0" * 64},
    "append": {"data": "people", "version": 2, "records": 3},
    "withdrawal": {"what": "model", "name": "income", "version": 2},
    "nonces-shredded": {"receipts": 3},
    "rotation": {"old": "0" * 64, "new": "1" * 64, "envelope": "2" * 64},
    "override": {"reason": "court-order", "data": "people", "subject": "0" * 64},
}


def test_every_kind_of_entry_goes_there_and_back() -> None:
    assert set(GOOD) == set(KINDS)
    for kind, fields in GOOD.items():
        made = Entry(kind=kind, time=TIME, fields=fields)
        assert Entry.from_bytes(made.to_bytes()) == made
        assert dict(made.fields) == fields
        for name in fields:
            with pytest.raises(InvalidParameterError, match=name):
                Entry(kind=kind, time=TIME, fields={**fields, name: ["x"]})
            with pytest.raises(InvalidParameterError):
                Entry(kind=kind, time=TIME, fields={**fields, name: "Mr John Smith, 3 Long Lane\n" * 20})
        with pytest.raises(InvalidParameterError, match="email"):
            Entry(kind=kind, time=TIME, fields={**fields, "email": "p@example.org"})


@pytest.mark.parametrize("kind", ["request", "refusal", "extension", "override"])
def test_there_is_no_room_for_words_about_a_person(kind: str) -> None:
    """The log can never be changed, so what is about a person takes a pseudonym or a short code."""
    for name in GOOD[kind]:
        if name != "data":
            with pytest.raises(InvalidParameterError):
                Entry(kind=kind, time=TIME, fields={**GOOD[kind], name: "John Smith"})


@pytest.mark.parametrize(
    "time", ["2026-03-01", "2026-03-01T09:30:00", "2026-03-01T09:30:00+00:00", "2026-13-01T00:00:00Z", 5]
)
def test_a_moment_has_one_form(time: object) -> None:
    with pytest.raises(InvalidParameterError, match="moment"):
        Entry(kind="start", time=time, fields=GOOD["start"])  # type: ignore[arg-type]


def test_an_entry_of_a_later_version_is_refused_and_a_strange_one_named() -> None:
    data = Entry(kind="start", time=TIME, fields=GOOD["start"]).to_bytes()
    with pytest.raises(NewerFormatError, match="schema 2"):
        Entry.from_bytes(data.replace(b'"schema":1', b'"schema":2'))
    for wrong in (
        data.replace(b"start", b"sturt"),
        data.replace(b'"schema":1', b'"schema":0'),
        data.replace(b'"schema":1', b'"schema":true'),
        data.replace(b'"request":"r-1",', b""),
        data.replace(b'"request":"r-1"', b'"request":"r-1","zone":1'),
        b"[]",
        b"3",
        b'"start"',
    ):
        with pytest.raises(TamperedError):
            Entry.from_bytes(wrong)


def test_old_entries_always_load() -> None:
    lines = (GOLDEN / "entries.jsonl").read_bytes().splitlines()
    assert len(lines) == 21
    log = Log(MemoryStore())
    log.append([Entry.from_bytes(line) for line in lines])
    assert log._store.entries(0, 21) == lines
    from expunge.ledger.heads import SignedHead

    head = SignedHead.from_bytes(
        (GOLDEN / "head.json").read_bytes(), PublicKeys.from_pem((GOLDEN / "first.pem").read_bytes())
    )
    log.check([head])


def test_no_entry_names_the_person(ledger: Ledger) -> None:
    everything = b"".join(ledger.store.entry_list + ledger.bundles)
    assert b"p-17" not in everything
    assert secret("person").hex().encode() not in everything
