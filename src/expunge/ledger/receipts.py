"""Receipts: what a request did, in a statement that stands alone.

A receipt is an in-toto Statement (v1) in a DSSE envelope. Its *subjects* are the model digests before and after, blinded;
its *predicate* says the rest. It holds no id, no pseudonym and no value of a record. The form of schema 1::

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "request/<id>", "digest": {"sha256": SHA-256 of the request's id}},
                 {"name": "income/1/before", "digest": {"sha256": H(nonce || digest)}}, ...],
     "predicateType": "urn:expunge:receipt:1",
     "predicate": the fields of Receipt}

Only integers and texts: other numbers stand as the shortest text that reads back as the same 64 bits.

References
----------
in-toto Attestation Framework, Statement v1. DSSE 1.0. What can be proved at all: Thudi, Jia, Shumailov, Papernot, "On the
necessity of auditable algorithmic definitions for machine unlearning", USENIX Security 2022.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from expunge.ledger.keys import PublicKeys, Signer
from expunge.records import Guarantee

__all__ = [
    "NOT_PROVED",
    "PREDICATE",
    "STATEMENT_TYPE",
    "DataChange",
    "ModelChange",
    "Receipt",
    "envelope_hash",
    "open_envelope",
    "seal",
]

STATEMENT_TYPE = "application/vnd.in-toto+json"
PREDICATE = "urn:expunge:receipt:1"

#: What no receipt proves; every receipt ends with it.
NOT_PROVED: tuple[str, ...] = ()

Outcome = Literal["done", "nothing-held"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelChange:
    """What happened to one model.

    Parameters
    ----------
    model : str
        Its name in the workspace.
    version_before, version_after : int
    method : str
        Name in the table of methods.
    guarantee : Guarantee
    records : int
        Records that were forgotten.
    work : int
        Records that were read again.
    digest_before, digest_after : str
        Blinded (:func:`expunge.ledger.blinding.blind`).
    configuration : str
        SHA-256 of the method and its arguments.
    audit : mapping, optional
        Figures of an audit: texts, integers, floats (which become exact texts), lists and mappings of them.
    previous : str, optional
        :func:`envelope_hash` of the receipt before this one that names the model.
    notes : tuple of str
        What else one should know: that a retrain took the place of a removal, say.
    """

    model: str
    version_before: int
    version_after: int
    method: str
    guarantee: Guarantee
    records: int
    work: int
    digest_before: str
    digest_after: str
    configuration: str
    audit: Mapping[str, Any] | None = None
    previous: str | None = None
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataChange:
    """What happened to one data set.

    Parameters
    ----------
    data : str
        Its name in the workspace.
    version_before, version_after : int
    before, after : str
        Blinded digests of the set of its records' pseudonyms (:func:`expunge.ledger.blinding.digest_of_set`).
    """

    data: str
    version_before: int
    version_after: int
    before: str
    after: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a request did.

    Parameters
    ----------
    request : str
        Random id of the request: letters, digits, hyphens.
    action : str
        What was asked, a short code: ``forget-subject``, ``forget-records``, ``forget-classes``, ``forget-features``,
        ``rectify``, ``expire``.
    outcome : {"done", "nothing-held"}
    received, completed : str
        Moments, as :func:`expunge.ledger.fields.utc` writes them.
    due : str, optional
        Day by which it had to be done.
    models : tuple of ModelChange
        Empty if nothing was held.
    data : tuple of DataChange
    code_version : str
        Version of the library.
    numerics : mapping of str to str
        Versions of libraries, BLAS kernel, processor features.
    not_proved : tuple of str
        :data:`NOT_PROVED`, and what else this receipt does not prove.
    notes : tuple of str

    Raises
    ------
    InvalidParameterError
        If a field is not of its form.
    """

    request: str
    action: str
    outcome: Outcome
    received: str
    completed: str
    code_version: str
    due: str | None = None
    models: tuple[ModelChange, ...] = ()
    data: tuple[DataChange, ...] = ()
    numerics: Mapping[str, str] = dataclasses.field(default_factory=dict)
    not_proved: tuple[str, ...] = NOT_PROVED
    notes: tuple[str, ...] = ()
    schema: int = 1

    newest: ClassVar[int] = 1

    def to_statement(self) -> dict[str, Any]:
        """The in-toto statement, as plain data."""
        raise NotImplementedError

    @classmethod
    def from_statement(cls, statement: Mapping[str, Any]) -> Receipt:
        """The receipt of a statement. An unknown schema number is refused."""
        raise NotImplementedError


def seal(receipt: Receipt, signer: Signer) -> bytes:
    """Sign a receipt; the DSSE envelope as canonical JSON."""
    raise NotImplementedError


def open_envelope(envelope: bytes, keys: PublicKeys) -> Receipt:
    """The receipt in an envelope, after its signature was verified and its bytes compared with those of the receipt read.

    Raises
    ------
    TamperedError
        If a byte differs from what was signed, or none of the keys signed it.
    NewerFormatError
        If its schema number is unknown.
    """
    raise NotImplementedError


def envelope_hash(envelope: bytes) -> str:
    """SHA-256 of an envelope: what the log's entry holds, and later receipts refer to."""
    raise NotImplementedError
