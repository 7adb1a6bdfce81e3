"""A bundle and a public key in, a verdict in words out. Needs no workspace, no model, no data and no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from expunge.errors import InvalidParameterError, InvalidRequestError, NewerFormatError, TamperedError
from expunge.ledger import canonical_json, merkle
from expunge.ledger.bundle import Bundle
from expunge.ledger.entries import Entry
from expunge.ledger.heads import SignedHead, check_extends
from expunge.ledger.keys import PublicKeys
from expunge.ledger.log import Log
from expunge.ledger.receipts import Receipt, envelope_hash, open_envelope
from expunge.ledger.rotation import follow

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
    data: bytes, keys: PublicKeys | bytes | str, *, since: bytes | None = None, log: Log | None = None
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
        ``log``, unless both heads have one size.
    log : Log, optional
        The log of the workspace: every entry is read and hashed again.

    Returns
    -------
    Verdict
        What is wrong with the bundle, the old head or the log is in it, not raised.

    Raises
    ------
    InvalidParameterError
        If the keys are none.
    InvalidRequestError
        If ``since`` needs a log and there is none.
    """
    believed = _keys(keys)
    found = _Findings()
    with_log = _verified(found, data, believed, since, log)
    return _judge(found, with_log)


def verify_log(log: Log, head: bytes, keys: PublicKeys | bytes | str, *, since: bytes | None = None) -> Verdict:
    """Verify a whole log against its signed head and against one that was kept from before.

    Parameters
    ----------
    log : Log
    head : bytes
        Its newest signed head.
    keys, since
        As in :func:`verify_bundle`.
    """
    believed = _keys(keys)
    found = _Findings()

    def steps() -> Iterator[str]:
        found.head = SignedHead.from_bytes(head, believed)
        yield _head_line(found.head)
        yield from _log_lines(log, [found.head], since, believed)

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


def _verified(found: _Findings, data: bytes, keys: PublicKeys, since: bytes | None, log: Log | None) -> Iterator[str]:
    bundle = Bundle.from_bytes(data)
    keys, rotations = follow(keys, bundle.rotations)
    for step in rotations:
        yield f"The key {step.old[:16]} handed over to the key {step.new[:16]} on {step.time} ({step.reason})."
    found.receipt = open_envelope(bundle.envelope, keys)
    yield "The receipt is signed by a key that you trust, and no byte of it has changed since."
    head = SignedHead.from_bytes(bundle.head, keys)
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
    elif since is not None:
        old = _old_head(since, keys)
        if old.size != head.size:
            raise InvalidRequestError(
                f"The kept head has {old.size} entries, that of the receipt {head.size}; comparing them needs the log.",
                hint="Give --workspace, or ask for a head of the same size.",
            )
        check_extends(old, head, [])
        yield f"The head that was kept from {old.time} has the same entries."


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
        yield f"The {head.size} entries of the head that was kept from {head.time} are still there, unchanged."
    signed = max(head.size for head in [*heads, *old])
    yield f"The {signed} signed entries of the log were read and hashed again; they give the signed root."
    if len(log) > signed:
        yield f"Its {len(log) - signed} later entries are in order, but under no head that was given."


def _old_head(data: bytes, keys: PublicKeys) -> SignedHead:
    what = "The kept head"
    value: Any = canonical_json.decode(data, what=what)
    if isinstance(value, dict) and "head" in value:
        bundle = Bundle.from_bytes(data)
        keys, _ = follow(keys, bundle.rotations)
        data = bundle.head
    return SignedHead.from_bytes(data, keys, what=what)


def _head_line(head: SignedHead) -> str:
    return f"The log had {head.size} entries on {head.time}, signed with the key {head.key_id[:16]}."


def _keys(keys: PublicKeys | bytes | str) -> PublicKeys:
    found = keys if isinstance(keys, PublicKeys) else PublicKeys.from_pem(keys)
    if not len(found):
        raise InvalidParameterError(
            "There is no key to believe.", hint="Give the public key of who issued the receipt."
        )
    return found
