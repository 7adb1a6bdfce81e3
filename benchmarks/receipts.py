"""How long it takes to sign a receipt, to verify one, and to write to a long log.

python benchmarks/receipts.py
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from measure import duration, each, machine, middle, table

from expunge.ledger import receipts
from expunge.ledger.bundle import Bundle
from expunge.ledger.entries import Entry
from expunge.ledger.keys import PublicKeys, generate
from expunge.ledger.log import Log, MemoryStore
from expunge.ledger.page import page
from expunge.ledger.receipts import DataChange, ModelChange, Receipt
from expunge.ledger.subject_keys import SubjectKeys
from expunge.ledger.verify import verify_bundle
from expunge.records import Guarantee

TIME = "2026-03-01T09:30:00Z"


def entries(count: int) -> list[Entry]:
    return [Entry(kind="start", time=TIME, fields={"request": f"r-{i}"}) for i in range(count)]


def receipt() -> Receipt:
    """A receipt about two models."""
    digest = "0123456789abcdef" * 4
    guarantee = Guarantee(kind="exact", statement="bit for bit that of a fresh fit", assumptions=("same environment",))
    models = tuple(
        ModelChange(
            model=name, version_before=1, version_after=2, method="ForestClassifier", guarantee=guarantee, records=3,
            work=1_204, digest_before=digest, digest_after=digest, configuration=digest, previous=digest,
            audit={"auc": 0.503, "interval": [0.47, 0.54], "power": 0.91},
        )
        for name in ("income", "churn")
    )  # fmt: skip
    return Receipt(
        request="r-1", action="forget-subject", outcome="done", received=TIME, completed=TIME, due="2026-04-01",
        code_version="0.1.0", models=models, numerics={"numpy": "2.4.6", "blas": "openblas Haswell", "cpu": "avx2"},
        data=(DataChange(data="people", version_before=1, version_after=2, before=digest, after=digest),),
    )  # fmt: skip


def main() -> str:
    folder = Path(tempfile.mkdtemp())
    key = generate(folder / "key.pem")
    keys = PublicKeys.from_pem(key.public_pem)
    made = receipt()
    log = Log(MemoryStore())
    lines = entries(100_000)
    growth = statistics.median(each([lambda: log.append(lines[:10_000])] * 10)) / 10_000

    def issue() -> bytes:
        envelope = receipts.seal(made, key)
        entry = Entry(
            kind="receipt", time=TIME, fields={"request": "r-1", "envelope": receipts.envelope_hash(envelope)}
        )
        [index] = log.append([entry])
        return Bundle.make(envelope, log, index, log.sign_head(key, time=TIME)).to_bytes()

    data = issue()
    verdict = verify_bundle(data, keys)
    message = b"x" * 2000
    signature = key.sign(message)
    subjects = SubjectKeys.create(folder / "subjects.keys")
    subjects.reserve(1000)
    shred = [lambda number=number: subjects.shred([number]) for number in range(50)]
    rows = [
        ["a receipt about two models signed, written to a log of 100,000, bundled", each([issue] * 200), 5e-3],
        ["the bundle verified", each([lambda: verify_bundle(data, keys)] * 200), 5e-3],
        ["of which two signatures, by the library that does them", each([
            lambda: (keys.verify(key.key_id, message, signature), keys.verify(key.key_id, message, signature))
        ] * 200), None],
        ["the page for people made", each([lambda: page(verdict, data)] * 50), None],
        ["the whole log read and hashed again", each([lambda: log.check([])] * 5), None],
        ["the key of a person read", each([lambda: subjects.key(500)] * 200), None],
        ["the key of a person shredded, to the disk", each(shred), None],
    ]  # fmt: skip
    shown = [
        [name, middle(times), *(["", ""] if target is None else [duration(target), _met(times, target)])]
        for name, times, target in rows
    ]
    shown.append(["one entry of 10,000 added together", duration(growth), "", ""])
    note = f"A bundle has {len(data):,} bytes. The log is in memory. Measured on {machine()}."
    return table("Receipts", ["what", "time", "target", "met"], shown, note)


def _met(times: list[float], target: float) -> str:
    return "yes" if statistics.median(times) < target else "no"


if __name__ == "__main__":
    print(main())
