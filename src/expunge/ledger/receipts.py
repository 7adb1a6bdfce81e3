"""Receipts: what a request did, in a statement that stands alone.

A receipt is an in-toto Statement (v1) in a DSSE envelope. Its *subjects* are the model digests before and after,
blinded; its *predicate* says the rest. It holds no id, no pseudonym and no value of a record. The form of schema 1::

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "request/<its id>", "digest": {"sha256": SHA-256 of its id}},
                 {"name": "income@1", "digest": {"sha256": H(nonce || digest of version 1)}},
                 {"name": "income@2", "digest": {"sha256": H(nonce || digest of version 2)}}, ...],
     "predicateType": "urn:expunge:receipt:1",
     "predicate": {the other fields of Receipt, ModelChange, DataChange and Guarantee}}

Schema 2 has ``within`` in the predicate and ``records`` in each DataChange. Only a receipt that has one of them is
written so; all others are of schema 1, as they always were.

There are only integers and texts: other numbers stand as the shortest text that reads back as the same 64 bits.

References
----------
in-toto Attestation Framework, Statement v1. DSSE 1.0. What can be proved at all: Thudi, Jia, Shumailov, Papernot, "On
the necessity of auditable algorithmic definitions for machine unlearning", USENIX Security 2022.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from expunge.errors import InvalidParameterError, TamperedError
from expunge.ledger import canonical_json, dsse
from expunge.ledger.fields import (
    check_code,
    check_count,
    check_day,
    check_hash,
    check_name,
    check_schema,
    check_text,
    check_time,
    reading,
)
from expunge.ledger.keys import PublicKeys, Signer
from expunge.records import ACCOUNT, Guarantee

__all__ = [
    "NOT_PROVED",
    "RECEIPT_TYPE",
    "DataChange",
    "ModelChange",
    "Receipt",
    "envelope_hash",
    "open_envelope",
    "seal",
]

#: Payload type of a receipt, its statement type and its predicate type.
RECEIPT_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "urn:expunge:receipt:1"

#: What no receipt proves; every receipt says so.
NOT_PROVED = (
    "That no copy is left outside the workspace: backups, exports, files that other people keep.",
    "That every model, prediction file or data set that learned from the records was registered in the workspace.",
    "That the remaining records say nothing about the forgotten ones: what others reveal about a person stays.",
    "That the run was as it is described: the receipt is the word of whoever holds the key. Repeating the run from the "
    "remaining records is how that is checked; the numbers of a model alone cannot show it.",
    "That the times are right: they are those of the clock of the machine that signed.",
)

Outcome = Literal["done", "nothing-held"]
_FLOATS = ("epsilon", "delta", "bound", *ACCOUNT)  # of a guarantee


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelChange:
    """What happened to one model.

    Parameters
    ----------
    model : str
        Its name in the workspace.
    version_before, version_after : int
        Different numbers.
    method : str
        Name in the table of methods.
    guarantee : Guarantee
    records : int
        Records that were forgotten.
    work : int
        Readings of records; one that several parts of a model read, trees for one, counts in each.
    digest_before, digest_after : str
        Blinded (:func:`expunge.ledger.blinding.blind`), 64 hexadecimal digits.
    configuration : str
        SHA-256 of the method and its arguments, 64 hexadecimal digits.
    audit : mapping, optional
        Figures of an audit: texts, integers, floats (which become exact texts), and lists and mappings of them.
    previous : str, optional
        :func:`envelope_hash` of the receipt before this one that names the model.
    notes : tuple of str
        What else one should know: that a retrain took the place of a removal, say.

    Raises
    ------
    InvalidParameterError
        If a field is not of its form.
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

    def __post_init__(self) -> None:
        for name in ("model", "method"):
            check_name(getattr(self, name), name)
        for name in ("version_before", "version_after", "records", "work"):
            check_count(getattr(self, name), name)
        for name in ("digest_before", "digest_after", "configuration", *(["previous"] if self.previous else [])):
            check_hash(getattr(self, name), name)
        if self.version_before == self.version_after:
            raise InvalidParameterError(f"{self.model} has the version {self.version_after} before and after.")
        if not isinstance(self.guarantee, Guarantee):
            raise InvalidParameterError(f"guarantee is {self.guarantee!r}.", hint="Give what the removal returned.")
        promised = self.guarantee.assumptions
        texts = promised if isinstance(promised, tuple) else (promised,)
        if not all(isinstance(text, str) for text in (self.guarantee.statement, self.guarantee.norm or "", *texts)):
            raise InvalidParameterError("The guarantee holds something else than texts.", hint="Write it in words.")
        if self.audit is not None:
            if not isinstance(self.audit, Mapping):
                raise InvalidParameterError(f"audit is {self.audit!r}.", hint="Give figures by their names.")
            object.__setattr__(self, "audit", canonical_json.plain(self.audit))
            canonical_json.encode(self.audit)
        object.__setattr__(self, "notes", _texts(self.notes, "notes"))


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
    records : int, optional
        Records that were taken out or corrected; 0 where columns were. None: not said, as in receipts of schema 1.
    """

    data: str
    version_before: int
    version_after: int
    before: str
    after: str
    records: int | None = None

    def __post_init__(self) -> None:
        check_name(self.data, "data")
        for name in ("version_before", "version_after", *([] if self.records is None else ["records"])):
            check_count(getattr(self, name), name)
        for name in ("before", "after"):
            check_hash(getattr(self, name), name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a request did.

    Parameters
    ----------
    request : str
        Random id of the request: small letters, digits, hyphens.
    action : str
        What was asked, a short code: ``forget-subject``, ``forget-records``, ``forget-classes``, ``forget-features``,
        ``rectify``, ``expire``.
    outcome : {"done", "nothing-held"}
    received, completed : str
        Moments, as :func:`expunge.ledger.fields.utc` writes them.
    code_version : str
        Version of the library.
    due : str, optional
        Day by which it had to be done.
    models : tuple of ModelChange
        Empty if nothing was held.
    data : tuple of DataChange
    numerics : mapping of str to str
        Versions of libraries, BLAS kernel, processor features.
    not_proved : tuple of str
        :data:`NOT_PROVED`, and what else this receipt does not prove; never empty.
    notes : tuple of str
    within : str, optional
        The data set that the request was limited to.
    schema : int
        Of this form of the record: 2 with ``within`` or with ``records`` of a data set, else 1.

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
    within: str | None = None
    schema: int = 1

    newest: ClassVar[int] = 2

    def __post_init__(self) -> None:
        for name in ("request", "action"):
            check_code(getattr(self, name), name)
        for name in ("received", "completed"):
            check_time(getattr(self, name), name)
        check_name(self.code_version, "code_version")
        if self.due is not None:
            check_day(self.due, "due")
        if not isinstance(self.numerics, Mapping):
            raise InvalidParameterError(f"numerics is {self.numerics!r}.", hint="Give texts by their names.")
        for key, value in self.numerics.items():
            check_text(value, f"numerics[{key!r}]")
        object.__setattr__(self, "numerics", dict(self.numerics))
        for name in ("not_proved", "notes"):
            object.__setattr__(self, name, _texts(getattr(self, name), name))
        if not self.not_proved:
            raise InvalidParameterError("A receipt says what it does not prove.", hint="Take NOT_PROVED.")
        for name, kind in (("models", ModelChange), ("data", DataChange)):
            changes = getattr(self, name)
            if not isinstance(changes, (tuple, list)) or not all(isinstance(change, kind) for change in changes):
                raise InvalidParameterError(f"{name} holds something else than {kind.__name__}.", hint="Give a tuple.")
            object.__setattr__(self, name, tuple(changes))
        if self.outcome not in get_args(Outcome):
            raise InvalidParameterError(f"outcome is {self.outcome!r}.", hint=f"It is one of {get_args(Outcome)}.")
        if (self.outcome == "done") != bool(self.models or self.data):
            raise InvalidParameterError("What was done names a model or data set, nothing held names none.")
        if self.within is not None:
            check_name(self.within, "within")
        says_more = self.within is not None or any(change.records is not None for change in self.data)
        object.__setattr__(self, "schema", 2 if says_more else 1)
        if len({change.model for change in self.models}) < len(self.models):
            raise InvalidParameterError("A model is named twice.", hint="One change for each model.")

    @property
    def in_time(self) -> bool | None:
        """Whether it was completed by the day it was due (in UTC); None if there was no such day."""
        return None if self.due is None else self.completed[:10] <= self.due

    def to_statement(self) -> dict[str, Any]:
        """The in-toto statement, as plain data that :mod:`expunge.ledger.canonical_json` writes."""
        named = [(f"request/{self.request}", hashlib.sha256(self.request.encode("ascii")).hexdigest())]
        for model in self.models:
            named.append((f"{model.model}@{model.version_before}", model.digest_before))
            named.append((f"{model.model}@{model.version_after}", model.digest_after))
        predicate = canonical_json.plain(dataclasses.asdict(self))
        if self.schema == 1:
            del predicate["within"]
            for change in predicate["data"]:
                del change["records"]
        for told, model in zip(predicate["models"], self.models, strict=True):
            del told["digest_before"], told["digest_after"]
            told["guarantee"] = canonical_json.plain(model.guarantee.to_dict())
        return {
            "_type": STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in named],
            "predicateType": _PREDICATE,
            "predicate": predicate,
        }

    @classmethod
    def from_statement(cls, statement: Mapping[str, Any]) -> Receipt:
        """The receipt of a statement.

        Raises
        ------
        TamperedError
            If it is not a statement that :meth:`to_statement` gives.
        NewerFormatError
            If a later version wrote it.
        """
        what = "The receipt"
        with reading(what):
            kinds = (statement["_type"], statement["predicateType"])
            if kinds != (STATEMENT, _PREDICATE):
                raise InvalidParameterError(f"it is a statement of the kind {kinds[1]!r}.")
            predicate = dict(statement["predicate"])
            check_schema(predicate, cls.newest, what)
            digests = [subject["digest"]["sha256"] for subject in statement["subject"][1:]]
            pairs = zip(predicate.pop("models"), digests[::2], digests[1::2], strict=True)
            models = tuple(
                ModelChange(
                    **{**model, "guarantee": _guarantee(model["guarantee"])}, digest_before=before, digest_after=after
                )
                for model, before, after in pairs
            )
            data = tuple(DataChange(**change) for change in predicate.pop("data"))
            receipt = cls(**predicate, models=models, data=data)
            if receipt.to_statement() != statement:
                raise InvalidParameterError("its fields and its subjects do not fit.")
            return receipt


def seal(receipt: Receipt, signer: Signer) -> bytes:
    """Sign a receipt; the DSSE envelope as canonical JSON."""
    return dsse.seal(RECEIPT_TYPE, canonical_json.encode(receipt.to_statement()), [signer])


def open_envelope(envelope: bytes, keys: PublicKeys) -> Receipt:
    """The receipt in an envelope, after its signature was verified.

    Raises
    ------
    TamperedError
        If a byte differs from what was signed, or from the canonical form of what it says, or none of the keys signed
        it.
    NewerFormatError
        If its schema number is unknown.
    """
    payload, _ = dsse.open_envelope(envelope, keys, kind=RECEIPT_TYPE, what="The receipt")
    statement = canonical_json.decode(payload, what="The receipt")
    if not isinstance(statement, dict):
        raise TamperedError("The receipt is no statement.", hint="Ask who issued it.")
    return Receipt.from_statement(statement)


def envelope_hash(envelope: bytes) -> str:
    """SHA-256 of an envelope: what the log's entry holds, and what later receipts refer to."""
    return hashlib.sha256(envelope).hexdigest()


def _guarantee(data: Mapping[str, Any]) -> Guarantee:
    numbers = {name: None if data[name] is None else float(data[name]) for name in _FLOATS if name in data}
    guarantee: Guarantee = Guarantee.from_dict({**data, **numbers})
    return guarantee


def _texts(values: Any, name: str) -> tuple[str, ...]:
    if not isinstance(values, (tuple, list)):
        raise InvalidParameterError(f"{name} is {values!r}.", hint="Give a tuple of texts.")
    return tuple(check_text(value, name) for value in values)
