"""A bundle and a public key in, a verdict in words out. Needs no workspace, no model, no data and no network."""

from __future__ import annotations

import dataclasses

from expunge.ledger.heads import SignedHead
from expunge.ledger.keys import PublicKeys
from expunge.ledger.log import Log
from expunge.ledger.receipts import Receipt

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

    def raise_if_wrong(self) -> Verdict:
        """Itself if all is well; else the error.

        Raises
        ------
        TamperedError, NewerFormatError
        """
        raise NotImplementedError


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
        A signed head that was kept from before, or another bundle: nothing before it may have changed. Needs ``log``,
        unless both heads have one size.
    log : Log, optional
        The log of the workspace: its entries are read and hashed again.

    Raises
    ------
    InvalidParameterError
        If the keys are none. What is wrong with the bundle is in the verdict, not raised.
    """
    raise NotImplementedError


def verify_log(log: Log, head: bytes, keys: PublicKeys | bytes | str, *, since: bytes | None = None) -> Verdict:
    """Verify a whole log against its signed head and one that was kept from before."""
    raise NotImplementedError
