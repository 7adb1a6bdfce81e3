"""A bundle and a public key in, a verdict in words out. Needs no workspace, no model, no data and no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from expunge.errors import InvalidParameterError, InvalidRequestError, NewerFormatError, TamperedError
from expunge.ledger import canonical_json, merkle, wording
from expunge.ledger.bundle import Bundle
from expunge.ledger.entries import Entry
from expunge.ledger.heads import SignedHead, check_extends
from expunge.ledger.keys import PublicKeys
from expunge.ledger.log import Log
from expunge.ledger.proofs import ConsistencyProof
from expunge.ledger.receipts import Receipt, envelope_hash, open_envelope
from expunge.ledger.rotation import follow, led_to
from expunge.unseen import seen

__all__ = ["Verdict", "verify_bundle", "verify_log"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found.

    Parameters
    ----------
    ok : bool
        Whether everything that was looked at is as it was signed.
    lines : tuple of str
        What was looked at and found, one sentence each; the last one says what is wrong, if something is.
    not_proved : tuple of str
        What the receipt does not prove.
    receipt : Receipt or None
        The receipt, if its signature is good.
    head : SignedHead or None
        The head, if its signature is good: keep it, for ``since``.
    code : str
        ``""``, or the code of the error: ``"tampered"``, ``"newer-format"``.
    """

    ok: bool
    lines: tuple[str, ...]
    not_proved: tuple[str, ...] = ()
    receipt: Receipt | None = None
    head: SignedHead | None = None
    code: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def sentences(self) -> list[str]:
        """For a terminal: what was looked at and found, what the receipt says, and what it does not prove."""
        if self.receipt is None:
            return list(self.lines)
        return [*self.lines, *wording.sentences(self.receipt), "Not proved:", *map(seen, self.not_proved)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data; of the receipt all that is signed but the digests."""
        said = None if self.receipt is None else self.receipt.to_statement()["predicate"]
        return {"ok": self.ok, "lines": list(self.lines), "receipt": said, "not_proved": list(self.not_proved)}

    def raise_if_wrong(self) -> Verdict:
        """Itself if all is well; else the error.

        Raises
        ------
        TamperedError, NewerFormatError
        """
        if self.ok:
            return self
        kind = NewerFormatError if self.code == NewerFormatError.code else TamperedError
        raise kind(self.lines[-1])


def verify_bundle(
    data: bytes,
    keys: PublicKeys | bytes | str,
    *,
    since: bytes | None = None,
    log: Log | None = None,
    proof: bytes | None = None,
) -> Verdict:
    """Verify a receipt that somebody hands over.

    Parameters
    ----------
    data : bytes
        The bundle.
    keys : PublicKeys, or PEM text
        Whom to believe.
    since : bytes, optional
        A signed head that was kept from before, or a bundle that holds one: nothing it sums up may have changed. Needs
        ``log`` or ``proof``, unless both heads have one size.
    log : Log, optional
        The log of the workspace: every entry is read and hashed again.
    proof : bytes, optional
        A :class:`~expunge.ledger.proofs.ConsistencyProof` from the issuer, for those who cannot read the log: between
        the sizes of the kept head and of the head in the bundle, whichever is older.

    Returns
    -------
    Verdict
        What is wrong with the bundle, the old head, the proof or the log is in it, not raised.

    Raises
    ------
    InvalidParameterError
        If the keys are none.
    InvalidRequestError
        If ``since`` needs a log or a proof and there is none, or a proof for other sizes.
    """
    believed = _keys(keys)
    found = _Findings()
    return _judge(found, _verified(found, data, believed, since, log, proof))


def verify_log(
    log: Log,
    head: bytes,
    keys: PublicKeys | bytes | str,
    *,
    since: bytes | None = None,
    rotations: Sequence[bytes] = (),
    heads: Sequence[SignedHead] = (),
) -> Verdict:
    """Verify a whole log against its signed head and against one that was kept from before.

    Parameters
    ----------
    log : Log
    head : bytes
        Its newest signed head.
    keys, since
        As in :func:`verify_bundle`.
    rotations : sequence of bytes
        Envelopes in which one key hands over to the next, as bundles hold them.
    heads : sequence of SignedHead
        Others that were verified, as those in receipts: the log may have changed since none of them.
    """
    given = _keys(keys)
    found = _Findings()

    def steps() -> Iterator[str]:
        believed, _ = follow(given, rotations)
        found.head = SignedHead.from_bytes(head, believed)
        yield _head_line(found.head)
        yield from _log_lines(log, [found.head, *heads], since, believed)

    return _judge(found, steps())


# ---------------------------------------------------------------- steps


@dataclasses.dataclass
class _Findings:
    receipt: Receipt | None = None
    head: SignedHead | None = None


def _judge(found: _Findings, steps: Iterator[str]) -> Verdict:
    """Take the steps, each of which says what it found, up to the first that fails."""
    lines: list[str] = []
    code = ""
    try:
        lines.extend(steps)
    except TamperedError as error:
        code = error.code
        lines.append(str(error))
    not_proved = found.receipt.not_proved if found.receipt else ()
    return Verdict(
        ok=not code, lines=tuple(lines), not_proved=not_proved, receipt=found.receipt, head=found.head, code=code
    )


def _verified(
    found: _Findings,
    data: bytes,
    keys: PublicKeys,
    since: bytes | None,
    log: Log | None,
    proof: bytes | None,
) -> Iterator[str]:
    bundle = Bundle.from_bytes(data)
    keys, rotations = follow(keys, bundle.rotations)
    for step in rotations:
        yield f"The key {step.old[:16]} handed over to the key {step.new[:16]} on {step.time} ({step.reason})."
    found.receipt = open_envelope(bundle.envelope, keys)
    yield "The receipt is signed by a key that you trust, and no byte of it has changed since."
    head = SignedHead.from_bytes(bundle.head, keys)
    if bundle.rotations and not led_to(head.key_id, bundle.rotations):
        raise TamperedError(
            f"The rotations in the bundle are not those of the key {head.key_id[:16]}, which signed the head.",
            hint="Take the file as it was issued.",
        )
    _check_place(bundle, head)
    found.head = head
    yield f"It is entry {bundle.index} of the log. {_head_line(head)}"
    if log is not None:
        yield from _log_lines(log, [head], since, keys)
        if log.entry(bundle.index).to_bytes() != bundle.entry:
            raise TamperedError(
                f"Entry {bundle.index} of the log is not that of this receipt.", hint="Ask who keeps it."
            )
        yield f"Entry {bundle.index} of the log is that of this receipt."
        yield from _previous_lines(log, found.receipt, bundle.index)
    elif since is not None:
        yield _heads_line(_old_head(since, keys), head, proof)


def _heads_line(kept: SignedHead, head: SignedHead, proof: bytes | None) -> str:
    """Compare two heads without the log. A receipt may also be older than the head that was kept."""
    old, new = (kept, head) if kept.size <= head.size else (head, kept)
    path: tuple[bytes, ...] = ()
    if old.size != new.size:
        found = None if proof is None else ConsistencyProof.from_bytes(proof)
        if found is None or (found.old, found.new) != (old.size, new.size):
            raise InvalidRequestError(
                f"Comparing heads of {_entries(old.size)} and {_entries(new.size)} needs the log, or a proof for them.",
                hint="Give --workspace, or ask the issuer for the consistency proof.",
            )
        path = found.path
    check_extends(old, new, path)
    return f"The log of {new.time} begins with what the head of {old.time} sums up ({_entries(old.size)})."


def _check_place(bundle: Bundle, head: SignedHead) -> None:
    entry = Entry.from_bytes(bundle.entry, what="The entry of the log")
    if (entry.kind, entry.fields.get("envelope")) != ("receipt", envelope_hash(bundle.envelope)):
        raise TamperedError("The entry of the log is not that of this receipt.", hint="Take the file as it was issued.")
    leaf = merkle.leaf_hash(bundle.entry)
    root = bytes.fromhex(head.root)
    if not merkle.verify_inclusion(leaf, bundle.index, head.size, bundle.path, root):
        raise TamperedError(
            "The proof of the place in the log, or the entry, was changed: they do not lead to the signed root.",
            hint="Take the file as it was issued.",
        )


def _log_lines(log: Log, heads: list[SignedHead], since: bytes | None, keys: PublicKeys) -> Iterator[str]:
    old = [] if since is None else [_old_head(since, keys)]
    log.check([*heads, *old])
    for head in old:
        yield f"What the head of {head.time} sums up ({_entries(head.size)}) is still there, unchanged."
    signed = max(head.size for head in [*heads, *old])
    yield f"The log was read and hashed again up to its signed size ({_entries(signed)}), and gives the signed root."
    if len(log) > signed:
        yield f"What came later ({_entries(len(log) - signed)}) is in order; no head given here signs it."


def _previous_lines(log: Log, receipt: Receipt, index: int) -> Iterator[str]:
    for change in receipt.models:
        if change.previous is not None:
            if not log.has_receipt(change.previous, before=index):
                raise TamperedError(
                    f"The receipt before this one of {change.model} does not stand in the log before it.",
                    hint="Ask who keeps it.",
                )
            yield f"The receipt before this one of {change.model} stands in the log before it."


def _old_head(data: bytes, keys: PublicKeys) -> SignedHead:
    what = "The kept head"
    value: Any = canonical_json.decode(data, what=what)
    if isinstance(value, dict) and "head" in value:
        bundle = Bundle.from_bytes(data)
        keys, _ = follow(keys, bundle.rotations)
        data = bundle.head
    return SignedHead.from_bytes(data, keys, what=what)


def _head_line(head: SignedHead) -> str:
    return f"The log had {_entries(head.size)} on {head.time}, signed with the key {head.key_id[:16]}."


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _keys(keys: PublicKeys | bytes | str) -> PublicKeys:
    found = keys if isinstance(keys, PublicKeys) else PublicKeys.from_pem(keys)
    if not len(found):
        raise InvalidParameterError(
            "There is no key to believe.", hint="Give the public key of who issued the receipt."
        )
    return found
