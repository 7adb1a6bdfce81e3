"""A small ledger made of fixed keys, texts and times: two requests, a change of the signing key, one that held nothing.

``PYTHONPATH=src:tests python tests/ledger/samples.py`` writes what is missing in ``tests/golden/receipts-1``; nothing
that is there is ever replaced.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.ledger import receipts
from expunge.ledger.blinding import blind, digest_of_set
from expunge.ledger.bundle import Bundle
from expunge.ledger.entries import Entry
from expunge.ledger.heads import SignedHead
from expunge.ledger.keys import Signer
from expunge.ledger.log import Log, MemoryStore
from expunge.ledger.pseudonyms import handle, pseudonym
from expunge.ledger.receipts import DataChange, ModelChange, Receipt, envelope_hash
from expunge.ledger.rotation import rotate
from expunge.records import Guarantee

GOLDEN = Path(__file__).parents[1] / "golden" / "receipts-1"
EXACT = Guarantee(
    kind="exact",
    statement="bit for bit the model of a fresh fit without the records, same seed, same environment",
    assumptions=("requests do not depend on published models", "the environment is that of the fingerprint"),
)
CERTIFIED = Guarantee(kind="certified", statement="(0.5, 1e-05)-indistinguishable", epsilon=0.5, delta=1e-5)
ACCOUNT = dataclasses.replace(CERTIFIED, epsilon_left=1.5, residual=0.125, residual_limit=2.5)
BOUNDED = Guarantee(kind="bounded", statement="no coefficient further than the bound", norm="max", bound=3e-15)
EMPIRICAL = Guarantee(kind="empirical", statement="no attack told it from a retrained model")


def signer(name: str) -> Signer:
    """A key that is the same in every run. Never sign anything real with it."""
    return Signer._of_private(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


def secret(name: str) -> bytes:
    """32 bytes that are the same in every run."""
    return hashlib.sha256(b"secret " + name.encode()).digest()


def digest(name: str) -> str:
    """A blinded digest."""
    return blind(hashlib.sha256(name.encode()).digest(), secret(name))[0]


def people(count: int) -> str:
    """A blinded digest of a set of records."""
    handles = [handle(secret("index"), "record", number) for number in range(count)]
    return blind(digest_of_set(handles), secret(f"people {count}"))[0]


def change(model: str, before: int, *, guarantee: Guarantee = EXACT, previous: str | None = None) -> ModelChange:
    """One model that forgot three records."""
    return ModelChange(
        model=model, version_before=before, version_after=before + 1, method="ForestClassifier", guarantee=guarantee,
        records=3, work=1_204, digest_before=digest(f"{model} {before}"), digest_after=digest(f"{model} {before + 1}"),
        configuration=hashlib.sha256(b'{"seed":0}').hexdigest(), previous=previous,
        audit={"membership": {"auc": 0.503, "interval": [0.47, 0.54], "power": 0.91}, "references": 20},
        notes=("Tree 17 was trained again from its root.",),
    )  # fmt: skip


def people_change(number: int) -> DataChange:
    """A data set that lost three of nine records."""
    return DataChange(data="people", version_before=number, version_after=number + 1, before=people(9), after=people(6))


def receipt(number: int = 1, *, models: tuple[ModelChange, ...] | None = None) -> Receipt:
    """A receipt about a person in two models."""
    models = (change("income", number), change("churn", number, guarantee=CERTIFIED)) if models is None else models
    return Receipt(
        request=f"r-{number:04d}", action="forget-subject", outcome="done", received=f"2026-03-{number:02d}T09:30:00Z",
        completed=f"2026-03-{number:02d}T09:31:12Z", due=f"2026-04-{number:02d}", code_version="0.1.0", models=models,
        data=(people_change(number),),
        numerics={"python": "3.11.7", "numpy": "2.4.6", "blas": "openblas Haswell", "cpu": "avx2 fma"},
        notes=("The data set was rewritten in 1 of 64 buckets.",),
    )  # fmt: skip


def nothing_held(number: int = 9) -> Receipt:
    """The answer to a request about somebody who is not known."""
    return Receipt(
        request=f"r-{number:04d}", action="forget-subject", outcome="nothing-held", code_version="0.1.0",
        received="2026-03-09T09:30:00Z", completed="2026-03-09T09:30:01Z", due="2026-04-09",
    )  # fmt: skip


@dataclasses.dataclass
class Ledger:
    """A log, the bundles that it issued, and the heads that were signed on the way."""

    store: MemoryStore
    log: Log
    bundles: list[bytes]
    heads: list[SignedHead]
    rotation: bytes


def entry(kind: str, time: str, **fields: object) -> Entry:
    return Entry(kind=kind, time=time, fields=fields)


def issue(ledger: Ledger, issued: Receipt, key: Signer, rotations: tuple[bytes, ...] = ()) -> bytes:
    """Write the entries of a request, sign the receipt, and bundle it."""
    log, request = ledger.log, issued.request
    envelope = receipts.seal(issued, key)
    before, after = issued.received, issued.completed
    subject = pseudonym(secret("person"), "subject", "p-17")
    entries = [
        entry("request", before, request=request, action=issued.action, subject=subject, due=issued.due),
        entry("start", before, request=request),
    ]
    for model in issued.models:
        entries += [
            entry(
                "removal", after, request=request, model=model.model, version=model.version_after,
                records=model.records, guarantee=model.guarantee.kind,
            ),
            entry(
                "new-version", after, model=model.model, version=model.version_after, digest=model.digest_after,
                request=request,
            ),
        ]  # fmt: skip
    entries.append(entry("receipt", after, request=request, envelope=envelope_hash(envelope)))
    index = log.append(entries)[-1]
    head = log.sign_head(key, time=after)
    ledger.heads.append(head)
    ledger.bundles.append(Bundle.make(envelope, log, index, head, rotations).to_bytes())
    return envelope


def build() -> Ledger:
    """The whole story."""
    store = MemoryStore()
    first, second = signer("first"), signer("second")
    ledger = Ledger(store, Log(store), [], [], rotate(first, second, time="2026-03-02T12:00:00Z"))
    envelope = issue(ledger, receipt(1), first)
    handed_over = hashlib.sha256(ledger.rotation).hexdigest()
    ledger.log.append(
        [
            entry("rotation", "2026-03-02T12:00:00Z", old=first.key_id, new=second.key_id, envelope=handed_over),
            entry("refusal", "2026-03-02T13:00:00Z", request="r-0700", reason="legal-duty"),
            entry("override", "2026-03-02T14:00:00Z", reason="court-order", data="people", subject=None),
            entry("extension", "2026-03-02T15:00:00Z", request="r-0003", due="2026-06-03", reason="many-requests"),
        ]
    )
    models = (
        change("income", 2, guarantee=BOUNDED, previous=envelope_hash(envelope)),
        change("churn", 2, guarantee=EMPIRICAL),
    )
    issue(ledger, receipt(3, models=models), second, (ledger.rotation,))
    issue(ledger, nothing_held(), second, (ledger.rotation,))
    return ledger


def main() -> None:
    """Write what is missing."""
    ledger = build()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    files = {f"000{number}.json": data for number, data in enumerate(ledger.bundles, start=1)}
    files |= {"first.pem": signer("first").public_pem, "second.pem": signer("second").public_pem}
    files |= {"head.json": ledger.heads[0].envelope, "entries.jsonl": b"\n".join(ledger.store.entry_list) + b"\n"}
    for name, data in files.items():
        if not (GOLDEN / name).exists():
            (GOLDEN / name).write_bytes(data)


if __name__ == "__main__":
    main()
