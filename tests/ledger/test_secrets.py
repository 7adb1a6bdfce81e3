"""Names that end with a key: nobody can link an entry to a person whose key was shredded."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import (
    FileNotUsableError,
    InvalidIdError,
    InvalidParameterError,
    NewerFormatError,
    ShreddedKeyError,
    TamperedError,
)
from expunge.ledger import pseudonyms
from expunge.ledger.blinding import blind, digest_of_set, opens
from expunge.ledger.entries import Entry
from expunge.ledger.pseudonyms import caller_key, handle, pseudonym, seal, tombstone, typed_id, unseal
from expunge.ledger.subject_keys import SubjectKeys
from ledger.samples import secret

KEY, OTHER = secret("one"), secret("two")
PEOPLE = [f"p-{i}" for i in range(200)]


# ---------------------------------------------------------------- ids and purposes


def test_ids_of_different_types_differ() -> None:
    values = [17, "17", -17, "i17", "s17", 0, "", 2**63 - 1, -(2**63), "é", "e\u0301", "\udc80"]
    assert len({typed_id(value) for value in values}) == len(values)
    assert typed_id(np.int64(17)) == typed_id(np.uint8(17)) == typed_id(17)
    assert typed_id(np.str_("17")) == typed_id("17")
    for wrong in (True, np.True_, 1.0, np.float64(1), None, b"17", 2**63, -(2**63) - 1, ["a"], ("a",)):
        with pytest.raises(InvalidIdError):
            typed_id(wrong)


@settings(max_examples=30)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(), max_size=8, unique_by=lambda v: (type(v), v)))
def test_no_two_ids_have_one_form(values: list[int | str]) -> None:
    assert len({typed_id(value) for value in values}) == len(values)


def test_every_purpose_has_its_own_names() -> None:
    """With one key for everything, no two functions agree, nor do records and subjects."""
    names = {
        function(KEY, kind, value)[:16]
        if function is not pseudonym
        else bytes.fromhex(pseudonym(KEY, kind, value))[:16]
        for function in (handle, tombstone, pseudonym)
        for kind in ("record", "subject")
        for value in (1, "1", "subject", "record")
    }
    names |= {
        caller_key(KEY, "record", "1")[:16],
        caller_key(KEY, "recor", "d1")[:16],
        caller_key(KEY, "", "record1")[:16],
    }
    assert len(names) == 3 * 2 * 4 + 3
    assert handle(KEY, "record", 1) != handle(OTHER, "record", 1)
    assert (len(handle(KEY, "record", 1)), len(pseudonym(KEY, "record", 1)), len(tombstone(KEY, "record", 1))) == (
        16,
        64,
        32,
    )
    with pytest.raises(InvalidParameterError, match="32"):
        handle(b"short", "record", 1)
    with pytest.raises(InvalidParameterError, match="person"):
        handle(KEY, "person", 1)  # type: ignore[arg-type]


def test_these_names_never_change() -> None:
    """They stand in databases and logs for years."""
    key = bytes(range(32))
    assert handle(key, "record", "a").hex() == "196b01fd04a289ab5ee1686c132bbe5d"
    assert pseudonym(key, "subject", 17) == "cb4fa0bbb3075b043f2c50856f17358becf368f0732d5f5386a8f9460ebb2bb9"
    assert tombstone(key, "subject", 17).hex() == "3ccd7332a7037e205535adf39abea4ed902ea8bf492ae3af080c84c450f6a600"
    assert caller_key(key, "crm", "order-7").hex() == "e3f5395f89b618151694d8f12214876b1382e2674fbd2036372d88f0903e69a2"


# ---------------------------------------------------------------- sealing


def test_what_is_sealed_opens_with_its_key_and_place_alone() -> None:
    sealed = seal(KEY, typed_id("p-17"), context=b"r-1")
    assert unseal(KEY, sealed, context=b"r-1") == b"sp-17"
    assert b"p-17" not in sealed
    assert seal(KEY, typed_id("p-17"), context=b"r-1") != sealed
    for wrong in [(OTHER, sealed, b"r-1"), (KEY, sealed, b"r-2"), (KEY, sealed[:5], b"r-1"), (KEY, b"", b"r-1")]:
        with pytest.raises(TamperedError):
            unseal(wrong[0], wrong[1], context=wrong[2])
    for place in range(len(sealed)):
        flipped = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(TamperedError):
            unseal(KEY, flipped, context=b"r-1")


# ---------------------------------------------------------------- the file of keys


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    return SubjectKeys.create(tmp_path / "subjects.keys")


def test_keys_are_there_random_and_stay(keys: SubjectKeys) -> None:
    assert len(keys) == 0
    keys.reserve(3)
    assert len(keys) == 1024
    found = [keys.key(number) for number in range(1024)]
    assert len(set(found)) == 1024
    size = keys.path.stat().st_size
    keys.reserve(1024)
    assert keys.path.stat().st_size == size
    keys.reserve(1025)
    assert len(keys) == 2048
    again = SubjectKeys(keys.path)
    assert [again.key(number) for number in range(1024)] == found


def test_a_shredded_key_is_gone_from_every_byte(keys: SubjectKeys, tmp_path: Path) -> None:
    keys.reserve(5)
    found = [keys.key(number) for number in range(5)]

    def everywhere() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert all(key in everywhere() for key in found), "the search can find them"
    keys.shred([1, 3, 3])
    keys.shred(iter([1]))
    for number, key in enumerate(found):
        assert (key in everywhere()) is (number not in (1, 3))
        assert keys.is_shredded(number) is (number in (1, 3))
    for number in (1, 3):
        with pytest.raises(ShreddedKeyError, match=f"key {number} was shredded"):
            keys.key(number)
    assert [keys.key(number) for number in (0, 2, 4)] == [found[0], found[2], found[4]]
    keys.reserve(6)
    keys.reserve(2000)
    assert SubjectKeys(keys.path).is_shredded(1), "making more brings none back"


def test_an_entry_cannot_be_linked_to_a_person_whose_key_is_shredded(keys: SubjectKeys, tmp_path: Path) -> None:
    """Somebody who has every file and tries every id finds the person before, and nobody after."""
    keys.reserve(10)
    name = pseudonym(keys.key(7), "subject", "p-123")
    fields = {"request": "r-1", "action": "forget-subject", "subject": name, "due": None}
    line = Entry(kind="request", time="2026-03-01T09:30:00Z", fields=fields).to_bytes().decode()

    def found() -> set[str]:
        file = SubjectKeys(keys.path)
        alive = [file.key(number) for number in range(len(file)) if not file.is_shredded(number)][:20]
        guesses = [*alive, bytes(32)]
        return {person for person in PEOPLE for key in guesses if pseudonym(key, "subject", person) in line}

    assert found() == {"p-123"}
    keys.shred([7])
    assert found() == set()


def test_numbers_that_do_not_exist(keys: SubjectKeys) -> None:
    keys.reserve(1)
    before = keys.path.read_bytes()
    for wrong in (-1, 1024, True, "0", 0.0):
        for act in (keys.key, keys.is_shredded, lambda number: keys.shred([0, number])):
            with pytest.raises(InvalidParameterError, match="no key"):
                act(wrong)  # type: ignore[arg-type]
    assert keys.path.read_bytes() == before, "a refused request shreds nothing"


def test_each_flipped_byte_is_found(keys: SubjectKeys) -> None:
    keys.reserve(2)
    keys.shred([1])
    data = keys.path.read_bytes()
    for number in (0, 1):
        for place in range(64 * (number + 1), 64 * (number + 2)):
            with keys.path.open("r+b") as stream:
                for byte in (data[place] ^ 4, data[place]):
                    stream.seek(place)
                    stream.write(bytes([byte]))
                    stream.flush()
                    if byte != data[place]:
                        with pytest.raises(TamperedError, match=f"key {number} in"):
                            keys.key(number)
    assert keys.path.read_bytes() == data
    for place in range(64):
        keys.path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        with pytest.raises(TamperedError):
            SubjectKeys(keys.path)


def test_keys_of_one_place_are_no_keys_of_another(keys: SubjectKeys) -> None:
    """A key that somebody copied over another is found: its number is in the check."""
    keys.reserve(2)
    data = bytearray(keys.path.read_bytes())
    data[64:128] = data[128:192]
    keys.path.write_bytes(data)
    with pytest.raises(TamperedError, match="key 0"):
        keys.key(0)


@pytest.mark.parametrize("torn", [1, 63, 64, 100, 64 * 500, 64 * 1024 - 1])
def test_a_power_cut_while_keys_are_made(keys: SubjectKeys, torn: int) -> None:
    """The block is there in part, or with holes: the next call makes it whole, and what was given out before stays."""
    keys.reserve(1)
    first = keys.path.read_bytes()
    keys.reserve(1025)
    whole = keys.path.read_bytes()
    for data in (whole[: len(first) + torn], first + bytes(64 * 16) + whole[len(first) + 64 * 16 : len(first) + torn]):
        keys.path.write_bytes(data)
        again = SubjectKeys(keys.path)
        again.shred([5])
        again.reserve(1300)
        assert len(again) >= 1300
        found = [again.key(number) for number in range(len(again)) if number != 5]
        assert len(set(found)) == len(found)
        assert again.path.read_bytes()[: 64 * 6] == first[: 64 * 6]
        assert again.is_shredded(5)


def test_a_full_disk_leaves_the_keys(keys: SubjectKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.reserve(1)
    kept = keys.key(0)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for act in (lambda: keys.reserve(5000), lambda: keys.shred([9])):
            with pytest.raises(FileNotUsableError, match="No space left"):
                act()
    assert keys.key(0) == kept
    keys.shred([9])
    keys.reserve(5000)
    assert keys.is_shredded(9)
    assert len({keys.key(number) for number in range(5000) if number != 9}) == 4999


@pytest.mark.skipif(os.name != "posix", reason="this system has no file modes")
def test_the_file_is_for_its_owner_alone(keys: SubjectKeys) -> None:
    keys.reserve(1)
    assert keys.path.stat().st_mode & 0o777 == 0o600
    keys.path.chmod(0o640)
    for act in (lambda: SubjectKeys(keys.path), lambda: keys.key(0), lambda: keys.shred([0])):
        with pytest.raises(FileNotUsableError, match="chmod 600"):
            act()


def test_files_that_are_none(tmp_path: Path, keys: SubjectKeys) -> None:
    with pytest.raises(FileNotUsableError, match="there already"):
        SubjectKeys.create(keys.path)
    with pytest.raises(FileNotUsableError):
        SubjectKeys(tmp_path / "missing")
    data = keys.path.read_bytes()
    keys.path.write_bytes(data.replace(b"keys 1", b"keys 2"))
    with pytest.raises(NewerFormatError, match="format 2"):
        SubjectKeys(keys.path)
    assert keys.path.read_bytes() == data.replace(b"keys 1", b"keys 2"), "refused untouched"
    for wrong in (b"", data[:63], b"x" * 64):
        keys.path.write_bytes(wrong)
        with pytest.raises(TamperedError):
            SubjectKeys(keys.path)


# ---------------------------------------------------------------- blinding


def test_a_commitment_opens_with_its_nonce_alone() -> None:
    digest, other = secret("digest"), secret("other digest")
    commitment, nonce = blind(digest)
    assert opens(commitment, nonce, digest)
    assert opens(commitment, nonce, digest.hex())
    assert not opens(commitment, nonce, other)
    assert not opens(commitment, other, digest)
    assert blind(digest)[0] != commitment, "equal digests do not show"
    assert not opens(commitment, bytes(32), digest)
    for wrong in (b"short", "0" * 63, "zz" * 32, ""):
        with pytest.raises(InvalidParameterError):
            blind(wrong)
    with pytest.raises(InvalidParameterError, match="nonce"):
        blind(digest, b"short")


def test_a_commitment_is_what_sha256sum_computes() -> None:
    import hashlib

    assert blind(KEY, OTHER)[0] == hashlib.sha256(OTHER + KEY).hexdigest()


def test_the_digest_of_a_set_knows_no_order() -> None:
    handles = [handle(KEY, "record", i) for i in range(20)]
    assert digest_of_set(handles) == digest_of_set(reversed(handles)) == digest_of_set(set(handles))
    assert digest_of_set(handles[1:]) != digest_of_set(handles)
    assert digest_of_set([]) == digest_of_set(()) != digest_of_set([bytes(16)])
    with pytest.raises(InvalidParameterError, match="lengths"):
        digest_of_set([b"a", b"bc"])


def test_the_room_has_no_other_way_to_name_a_person() -> None:
    assert set(pseudonyms.__all__) == {
        "Kind",
        "caller_key",
        "handle",
        "pseudonym",
        "seal",
        "tombstone",
        "typed_id",
        "unseal",
    }
