"""Verifying receipts: alone with a public key, with the log of a workspace, or by doing the work again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from expunge.errors import TamperedError, UnknownNameError, UnsupportedRequestError
from expunge.files.whole import read_whole
from expunge.ledger.blinding import opens
from expunge.ledger.heads import SignedHead
from expunge.ledger.keys import PublicKeys
from expunge.ledger.rotation import chain
from expunge.ledger.verify import Verdict, verify_bundle, verify_log
from expunge.workspace import agreement
from expunge.workspace.data import datasets
from expunge.workspace.database.tables import receipts
from expunge.workspace.models import fitting, models
from expunge.workspace.requests import receipting, scrub
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.storage.numerics import fingerprint

__all__ = ["head", "replay", "verify_receipt", "verify_workspace"]


def _kept(since: str | Path | None) -> bytes | None:
    """A head that was kept; a new line that a shell put behind it is no part of it."""
    return None if since is None else read_whole(since).rstrip(b"\r\n")


def verify_receipt(
    path: str | Path | bytes, key: str | Path, *, since: str | Path | None = None, core: Core | None = None
) -> Verdict:
    """Verify a bundle with a public key, and, with a workspace, against its log."""
    keys, old = PublicKeys.from_file(key), _kept(since)
    data = path if isinstance(path, bytes) else read_whole(path)
    if core is None:
        return verify_bundle(data, keys, since=old)
    with core.read() as connection:
        try:
            keys = chain(keys, receipting.rotations_of(core, connection))
        except TamperedError as error:
            return Verdict(ok=False, lines=(str(error),), code=error.code)
        return verify_bundle(data, keys, since=old, log=journal.open_log(connection))


def verify_workspace(core: Core, *, key: str | Path | None = None, since: str | Path | None = None) -> Verdict:
    """Read everything again: the log, every sealed row, every chunk, every receipt; the first thing that differs, that
    was taken out or put there is named.

    What keys signed that were rotated out since is believed through the rotations, which have to stand in the log.
    """
    old, given = _kept(since), core.signer.public_keys if key is None else PublicKeys.from_file(key)
    verdict = Verdict(ok=True, lines=())
    try:
        with core.read() as connection:
            keys = chain(given, receipting.rotations_of(core, connection))
        beside = agreement.receipts_beside(core, keys)  # before the log: one that is issued meanwhile would be newer
        heads = [held.head for held in beside.values() if held.head is not None]
        with core.read() as connection:
            log, rotations = journal.open_log(connection), receipting.rotations_of(core, connection)
            keys = chain(given, rotations)
            agreement.check_log(core, connection, log, heads)
            signed = log.sign_head(core.signer, time=stamp(core.now()))
            verdict = verify_log(log, signed.envelope, keys, since=old, heads=heads)
            if not verdict:
                return verdict
            agreement.check_rotations(log, rotations)
            agreement.check_tables(core, connection, log)
            for table in core.db.tables.values():
                if "seal" in table.columns:
                    core.db.rows(connection, table)
        scrub.read_everything(core)
        scrub.check(core)
        agreement.check_receipts(core, keys, beside)
        agreement.check_keys(core, rotations)
    except TamperedError as error:
        return dataclasses.replace(verdict, ok=False, lines=(*verdict.lines, str(error)), code=error.code)
    return dataclasses.replace(verdict, lines=(*verdict.lines, _ALL_THERE))


def head(core: Core) -> SignedHead:
    """Size and root of the log, signed now, for an outsider to keep.

    Raises
    ------
    TamperedError
        The log was rewritten: nothing is signed over it.
    """
    with core.read() as connection:
        log = journal.checked_log(core, connection)
        return log.sign_head(core.signer, time=stamp(journal.moment(core, connection)))


def replay(core: Core, verdict: Verdict) -> Verdict:
    """Do the work again: fit afresh on what is left, and compare digests with those that the receipt commits to.

    Parameters
    ----------
    core : Core
    verdict : Verdict
        Of the receipt; must be good.

    Returns
    -------
    Verdict
        With a line for each model. Where the numerics differ, bits cannot be compared here; that is said, and the
        largest difference of predictions with it, and is no fault.

    Raises
    ------
    UnsupportedRequestError
        Every model has changed since, so that nothing was replayed.
    """
    receipt = verdict.receipt
    if not verdict or receipt is None:
        return verdict
    lines, ok, outdated = list(verdict.lines), True, list[str]()
    with core.read() as connection:
        row = _row_of(core, connection, receipt.request)
        nonces = json.loads(row["nonces"])
        live = {model.name: model for model in models.live_models(core, connection)}
    for change in receipt.models:
        model = live.get(change.model)
        if model is None or model.version != change.version_after:
            now = "is no more" if model is None else f"has version {model.version} now"
            outdated.append(f"{change.model} {now}")
            lines.append(f"{outdated[-1]}: replay the receipt of that version.")
            continue
        if change.guarantee.kind != "exact":
            lines.append(f"{change.model}: the guarantee is {change.guarantee.kind}; there is no digest to compare.")
            continue
        fresh = _fresh(core, model)
        if opens(change.digest_after, bytes.fromhex(nonces[change.model][1]), fresh.digest()):
            lines.append(f"{change.model}: a fresh fit on what is left has the digest that the receipt commits to.")
        elif dict(receipt.numerics) != fingerprint():
            far = _furthest(core, model, fresh)
            lines.append(f"{change.model}: bits cannot be compared here; predictions differ by at most {far:.3g}.")
        else:
            ok = False
            lines.append(f"{change.model}: a fresh fit on what is left has another digest than the receipt says.")
    if outdated and len(outdated) == len(receipt.models):
        raise UnsupportedRequestError(
            f"The receipt is as it was signed, and nothing was replayed: {', '.join(outdated)}.",
            hint="A receipt can be replayed until its models change again: replay the newest one of each.",
        )
    return dataclasses.replace(verdict, ok=ok, lines=tuple(lines), code="" if ok else "tampered")


def _row_of(core: Core, connection: Any, request: str) -> dict[str, Any]:
    for row in core.db.rows(connection, receipts, receipts.c.number > 0):
        if journal.request_id(core, row["request"]) == request:
            return row
    raise UnknownNameError("This workspace did not issue the receipt.", hint="Name the one that did: --workspace.")


def _fresh(core: Core, model: models.Model) -> Any:
    """A fresh fit of a model on those records of its data set that it learned: what was appended later is left out."""
    import pyarrow as pa

    with core.read() as connection:
        data = datasets.open_data(core, connection, number=model.dataset)
    table = datasets.read(core, data)
    if model.n_records != data.n_records:
        ids = table[data.card.record_id].to_pylist()
        known = set(models.load(core, model).model._rows().known(ids))
        table = table.take(pa.array([i for i, value in enumerate(ids) if value in known], pa.int64()))
    return fitting.fitted_on(core, model.card.card, data, table, dormant=True)


def _furthest(core: Core, model: models.Model, fresh: Any) -> float:
    import numpy as np

    from expunge.requests import named_rows

    held = models.load(core, model).model
    X = named_rows(held, held._rows().peek(held._rows().slots()).X)
    a, b = (np.asarray(getattr(m, "predict_proba", m.predict)(X)) for m in (held, fresh))
    return float(np.abs(a.astype(float) - b.astype(float)).max()) if a.dtype.kind == "f" else float((a != b).any())


_ALL_THERE = "Every row of the database, chunk and receipt is what was written, and no request or receipt is missing."
