"""From one signing key to the next: the old key says which key follows it, and the new one says that it is there.

Whoever trusts the old key can then verify what the new one signs. A rotation is a statement in an envelope with both
signatures; it travels in every bundle that the new key signs, and its hash stands in the log.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from expunge.ledger.keys import PublicKeys, Signer

__all__ = ["ROTATION_TYPE", "Rotation", "follow", "rotate"]

#: Payload type of a rotation.
ROTATION_TYPE = "application/vnd.expunge.rotation+json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotation:
    """One key hands over to another.

    Parameters
    ----------
    old, new : str
        Key ids.
    public_key : str
        The new public key as PEM.
    reason : str
        A short code: ``scheduled``, ``lost``, ``replaced-service``.
    time : str
        When, by the clock of who rotated.
    """

    old: str
    new: str
    public_key: str
    reason: str
    time: str
    schema: int = 1

    newest: ClassVar[int] = 1


def rotate(old: Signer, new: Signer, *, time: str, reason: str = "scheduled") -> bytes:
    """The envelope in which one key hands over to another, signed by both."""
    raise NotImplementedError


def follow(keys: PublicKeys, rotations: Sequence[bytes]) -> tuple[PublicKeys, list[Rotation]]:
    """The keys, and those that they hand over to, step by step in the order given.

    Raises
    ------
    TamperedError
        If a rotation was changed, or starts from a key that is not believed.
    """
    raise NotImplementedError
