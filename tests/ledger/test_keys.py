"""Keys: where they come from, who may read them, what they sign, and how one follows another."""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from expunge.errors import FileNotUsableError, InvalidParameterError, NewerFormatError, TamperedError
from expunge.ledger import canonical_json, dsse
from expunge.ledger.keys import PublicKeys, Signer, generate
from expunge.ledger.rotation import ROTATION_TYPE, chain, follow, rotate
from expunge.ledger.secret_files import create_secret, private_folder, read_private, read_secret, write_private
from ledger.samples import signer

TIME = "2026-03-01T09:30:00Z"
PEM, RAW = serialization.Encoding.PEM, serialization.Encoding.Raw
posix = pytest.mark.skipif(os.name != "posix", reason="this system has no file modes")


def pem_of_private(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


# ---------------------------------------------------------------- files


@posix
def test_a_new_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "keys")
    old = os.umask(0)  # the mode must not depend on it
    try:
        made = generate(folder / "ed25519.pem")
    finally:
        os.umask(old)
    assert (folder / "ed25519.pem").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Signer.from_file(folder / "ed25519.pem").key_id == made.key_id
    folder.chmod(0o755)
    private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o610, 0o644, 0o777])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    generate(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(FileNotUsableError, match=f"has mode {mode:04o}.*chmod 600"):
        Signer.from_file(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o400)
    Signer.from_file(tmp_path / "key.pem")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    made = generate(tmp_path / "key.pem")
    with pytest.raises(FileNotUsableError, match="never overwritten"):
        generate(tmp_path / "key.pem")
    assert Signer.from_file(tmp_path / "key.pem").key_id == made.key_id
    (tmp_path / "dangling").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileNotUsableError):
        generate(tmp_path / "dangling")
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileNotUsableError, match="No space left"):
        generate(tmp_path / "key.pem")
    assert list(tmp_path.iterdir()) == []


def test_paths_that_are_none(tmp_path: Path) -> None:
    for act in (
        lambda: Signer.from_file(tmp_path / "missing.pem"),
        lambda: Signer.from_file(tmp_path),
        lambda: generate(tmp_path / "no" / "folder.pem"),
        lambda: PublicKeys.from_file(tmp_path / "missing.pem"),
        lambda: read_private(tmp_path / "missing"),
        lambda: private_folder(tmp_path / "no" / "folder"),
    ):
        with pytest.raises(FileNotUsableError):
            act()


def test_a_password_locks_the_file(tmp_path: Path) -> None:
    made = generate(tmp_path / "key.pem", password=b"correct horse")
    assert b"ENCRYPTED" in (tmp_path / "key.pem").read_bytes()
    assert Signer.from_file(tmp_path / "key.pem", password=b"correct horse").key_id == made.key_id
    with pytest.raises(InvalidParameterError, match=r"is encrypted.*Give the password"):
        Signer.from_file(tmp_path / "key.pem")
    with pytest.raises(InvalidParameterError, match="check the password"):
        Signer.from_file(tmp_path / "key.pem", password=b"wrong")
    generate(tmp_path / "open.pem")
    with pytest.raises(InvalidParameterError, match="not encrypted"):
        Signer.from_file(tmp_path / "open.pem", password=b"correct horse")


def test_other_secrets(tmp_path: Path) -> None:
    for n_bytes in (16, 32):
        made = create_secret(tmp_path / f"{n_bytes}", n_bytes)
        assert len(made) == n_bytes
        assert read_secret(tmp_path / f"{n_bytes}", n_bytes) == made
        assert read_private(tmp_path / f"{n_bytes}") == made.hex().encode() + b"\n"
    with pytest.raises(TamperedError, match="no secret of 32 bytes"):
        read_secret(tmp_path / "16", 32)
    for number, text in enumerate(
        (b"", b"zz\n", b"\xff\xfe", made.hex().upper().encode() + b"\n", made.hex().encode())
    ):
        write_private(tmp_path / f"wrong {number}", text)
        with pytest.raises(TamperedError):
            read_secret(tmp_path / f"wrong {number}", 32)


# ---------------------------------------------------------------- environment and callables


def test_a_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    text = pem_of_private(key).decode()
    for value in (text, text.replace("\n", "\\n"), text.strip()):
        monkeypatch.setenv("EXPUNGE_SIGNING_KEY", value)
        made = Signer.from_env()
        assert made.public_keys.verify(made.key_id, b"x", key.sign(b"x"))
    for value in ("", "nonsense", text[:80]):
        monkeypatch.setenv("MY_KEY", value)
        with pytest.raises(InvalidParameterError, match="MY_KEY") as error:
            Signer.from_env("MY_KEY")
        assert text.splitlines()[1][20:] not in str(error.value), "a key is never shown"


def test_a_key_service_that_signs_something_else_is_refused() -> None:
    key, other = signer("first"), signer("second")
    made = Signer.from_callable(key.public_pem, key.sign)
    assert made.key_id == key.key_id
    assert made.sign(b"message") == key.sign(b"message")
    for wrong in (other.sign, lambda message: key.sign(message + b"!"), lambda message: b"", lambda message: bytes(64)):
        with pytest.raises(InvalidParameterError, match="does not fit the public key"):
            Signer.from_callable(key.public_pem, wrong).sign(b"message")
    for wrong in (b"", key.public_pem + other.public_pem):
        with pytest.raises(InvalidParameterError, match=r"This text holds (no public key|2 public keys)"):
            Signer.from_callable(wrong, key.sign)


def test_no_key_of_another_kind(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private(tmp_path / "rsa.pem", pem_of_private(key))
    with pytest.raises(InvalidParameterError, match="another kind"):
        Signer.from_file(tmp_path / "rsa.pem")
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(InvalidParameterError, match="another kind"):
        PublicKeys.from_pem(public)
    broken = b"-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----"
    for text in (broken, b"", "hello"):
        with pytest.raises(InvalidParameterError):
            PublicKeys.from_pem(text)
    private = pem_of_private(ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(InvalidParameterError, match="private key"):
        PublicKeys.from_pem(private)


# ---------------------------------------------------------------- names, signatures


def test_the_name_of_a_key_is_a_hash_that_anybody_can_compute() -> None:
    made = signer("first")
    key = serialization.load_pem_public_key(made.public_pem)
    raw = key.public_bytes(RAW, serialization.PublicFormat.Raw)
    assert made.key_id == hashlib.sha256(bytes.fromhex("302a300506032b6570032100") + raw).hexdigest()  # RFC 8410


def test_signatures_are_those_of_rfc_8032() -> None:
    """Section 7.1, test 2: the message 0x72."""
    private = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    made = Signer._of_private(ed25519.Ed25519PrivateKey.from_private_bytes(private))
    assert made.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_a_signer_does_not_show_its_key(tmp_path: Path) -> None:
    made = generate(tmp_path / "key.pem")
    assert repr(made) == f"Signer({made.key_id[:16]})"
    with pytest.raises(TypeError):
        pickle.dumps(made)


def test_sets_of_keys() -> None:
    first, second = signer("first"), signer("second")
    both = PublicKeys.from_pem(first.public_pem + second.public_pem)
    assert list(both) == [first.key_id, second.key_id]
    assert list(first.public_keys | second.public_keys) == list(both)
    assert both.pem(second.key_id) == second.public_pem
    assert (len(both), first.key_id in both, "x" in both) == (2, True, False)
    assert not both.verify("x", b"", b"")
    assert not both.verify(second.key_id, b"m", first.sign(b"m"))


# ---------------------------------------------------------------- envelopes


def test_the_encoding_that_is_signed_is_that_of_the_protocol() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("é", b"") == "DSSEv1 2 é 0 ".encode()


def test_an_envelope_with_a_signature_that_cannot_be_compared_is_refused() -> None:
    first, second = signer("first"), signer("second")
    envelope = dsse.seal("kind", b"{}", [first, second])
    assert dsse.open_envelope(envelope, first.public_keys | second.public_keys, kind="kind")[1] == [
        first.key_id, second.key_id,
    ]  # fmt: skip
    with pytest.raises(TamperedError, match="not among those given"):
        dsse.open_envelope(envelope, first.public_keys, kind="kind")


# ---------------------------------------------------------------- rotation


def test_a_row_of_rotations_is_followed_from_any_key_in_it() -> None:
    keys = [signer(name) for name in ("first", "second", "third")]
    row = [rotate(old, new, time=TIME) for old, new in itertools.pairwise(keys)]
    for start, key in enumerate(keys):
        found, steps = follow(key.public_keys, row)
        assert set(found) == {k.key_id for k in keys[start:]}
        assert [step.new for step in steps] == [k.key_id for k in keys[start + 1 :]]
    found, steps = follow(signer("stranger").public_keys, row)
    assert (len(found), steps) == (1, [])


def test_rotations_that_lead_nowhere() -> None:
    first, second, thief = signer("first"), signer("second"), signer("thief")
    names = [key.public_pem.decode() for key in (first, thief)]

    def forged(signers: list[Signer], **changed: object) -> bytes:
        fields = {"old_key": names[0], "new_key": names[1], "reason": "scheduled", "time": TIME, "schema": 1, **changed}
        return dsse.seal(ROTATION_TYPE, canonical_json.encode(fields), signers)

    assert follow(first.public_keys, [forged([first, thief])])[1]
    for signers in ([thief], [first], [thief, thief], [thief, first], [second, thief], [first, thief, second]):
        with pytest.raises(TamperedError):
            follow(first.public_keys, [forged(signers)])
    with pytest.raises(TamperedError, match="does not follow"):
        follow(first.public_keys, [rotate(first, second, time=TIME), rotate(first, thief, time=TIME)])
    for changed in ({"reason": "Because I say so"}, {"more": 1}, {"new_key": "x"}, {"old_key": names[0] + names[1]}):
        with pytest.raises(TamperedError):
            follow(first.public_keys, [forged([first, thief], **changed)])
    with pytest.raises(NewerFormatError):
        follow(first.public_keys, [forged([first, thief], schema=2)])
    with pytest.raises(InvalidParameterError, match="itself"):
        rotate(first, first, time=TIME)


def test_a_chain_is_believed_from_either_end_and_a_foreign_key_is_not(tmp_path: Path) -> None:
    first, second, third, other = (generate(tmp_path / f"{name}.pem") for name in "abcd")
    steps = [rotate(first, second, time="2026-01-01T00:00:00Z"), rotate(second, third, time="2026-02-01T00:00:00Z")]
    every = {first.key_id, second.key_id, third.key_id}
    for one in (first, second, third):
        assert set(chain(one.public_keys, steps)) == every
    assert set(chain(other.public_keys, steps)) == {other.key_id}
    with pytest.raises(TamperedError, match="Rotation 2"):
        chain(first.public_keys, steps[::-1])
