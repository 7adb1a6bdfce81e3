"""From one signing key to the next: the old key says which key follows it, and the new one says that it is there.

Whoever trusts the old key can then verify what the new one signs. A rotation is a statement in an envelope with both
signatures; it travels in every bundle that the new key signs, and its hash stands in the log.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from expunge.errors import InvalidParameterError, TamperedError
from expunge.ledger import canonical_json, dsse
from expunge.ledger.fields import check_code, check_schema, check_time, reading
from expunge.ledger.keys import PublicKeys, Signer

__all__ = ["ROTATION_TYPE", "Rotation", "chain", "follow", "led_to", "rotate"]

#: Payload type of a rotation.
ROTATION_TYPE = "application/vnd.expunge.rotation+json"
_LONGEST = 1_000  # characters of a public key as PEM, of which there are about 110


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotation:
    """One key hands over to another.

    Parameters
    ----------
    old_key, new_key : str
        Public keys as PEM, so that both signatures can always be compared.
    reason : str
        A short code: ``scheduled``, ``new-service``.
    time : str
        When, by the clock of who rotated.
    schema : int
        Of this form of the record.
    """

    old_key: str
    new_key: str
    reason: str
    time: str
    schema: int = 1

    newest: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_code(self.reason, "reason")
        check_time(self.time, "time")
        for name in ("old_key", "new_key"):
            if not isinstance(getattr(self, name), str) or len(getattr(self, name)) > _LONGEST:
                raise InvalidParameterError(f"{name} is no public key.", hint="Give its PEM text.")
        if self.old == self.new:
            raise InvalidParameterError("A key cannot hand over to itself.", hint="Make a new one.")

    @property
    def old(self) -> str:
        """Key id of the old key."""
        return _only(self.old_key)

    @property
    def new(self) -> str:
        """Key id of the new key."""
        return _only(self.new_key)

    @property
    def keys(self) -> PublicKeys:
        """Both keys."""
        return PublicKeys.from_pem(self.old_key, self.new_key)


def _only(pem: str) -> str:
    names = list(PublicKeys.from_pem(pem))
    if len(names) != 1:
        raise InvalidParameterError(f"A rotation names {len(names)} keys where one should stand.", hint="Give one.")
    return names[0]


def rotate(old: Signer, new: Signer, *, time: str, reason: str = "scheduled") -> bytes:
    """The envelope in which one key hands over to another, signed by both.

    Parameters
    ----------
    old, new : Signer
    time : str
        As :func:`expunge.ledger.fields.utc` writes it.
    reason : str
        A short code. There is none for a key that was lost or stolen: nobody should believe what it says about its
        heir. Publish the new key as you published the first.
    """
    old_key, new_key = (signer.public_pem.decode("ascii") for signer in (old, new))
    rotation = Rotation(old_key=old_key, new_key=new_key, reason=reason, time=time)
    return dsse.seal(ROTATION_TYPE, canonical_json.encode(dataclasses.asdict(rotation)), [old, new])


def follow(keys: PublicKeys, rotations: Sequence[bytes]) -> tuple[PublicKeys, list[Rotation]]:
    """The keys, and those that they hand over to, step by step in the order given.

    Every rotation is read and its signatures compared, also those away from keys that are not believed: who was given
    the second key need not know the first.

    Returns
    -------
    keys : PublicKeys
    rotations : list of Rotation
        Those that start from a key that is believed.

    Raises
    ------
    TamperedError
        If a rotation was changed, or does not follow the one before it.
    """
    followed: list[Rotation] = []
    last = ""
    for place, envelope in enumerate(rotations, start=1):
        what = f"Rotation {place} of the signing key"
        rotation = _read(envelope, what)
        if last and rotation.old != last:
            raise TamperedError(f"{what} does not follow the one before it.", hint="Take the file as it was issued.")
        last = rotation.new
        if rotation.old in keys:
            keys = keys | rotation.keys
            followed.append(rotation)
    return keys, followed


def chain(keys: PublicKeys, rotations: Sequence[bytes]) -> PublicKeys:
    """The keys, those that they hand over to, and those that handed over to them.

    A rotation is signed by both of its keys, so whoever believes the new one has its word for the old one. That is for
    who keeps the rotations, a workspace: what lies in it was signed by one key after the other.

    Raises
    ------
    TamperedError
        If a rotation was changed, or does not follow the one before it.
    """
    follow(keys, rotations)  # reads and compares all of them
    for place, envelope in reversed(list(enumerate(rotations, start=1))):
        rotation = _read(envelope, f"Rotation {place} of the signing key")
        if rotation.new in keys:
            keys = keys | rotation.keys
    return follow(keys, rotations)[0]


def led_to(key_id: str, rotations: Sequence[bytes]) -> bool:
    """Whether a key is one that these rotations, which :func:`follow` has verified, start from or lead to."""
    return any(key_id in (step.old, step.new) for step in (_read(one, "A rotation") for one in rotations))


def _read(envelope: bytes, what: str) -> Rotation:
    payload = dsse.Envelope.from_bytes(envelope, kind=ROTATION_TYPE, what=what).payload
    value = canonical_json.decode(payload, what=what)
    with reading(what):
        check_schema(value, Rotation.newest, what)
        rotation = Rotation(**value)
        _, signed = dsse.open_envelope(envelope, rotation.keys, kind=ROTATION_TYPE, what=what)
        if signed != [rotation.old, rotation.new]:
            raise TamperedError(f"{what} is not signed by both keys.", hint="Take the file as it was issued.")
    return rotation
