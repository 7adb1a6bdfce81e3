"""Destroying the numbers that blind the digests before: afterwards nobody can test a guess of what was forgotten.

A receipt commits to the digests of a model before and after as H(nonce || digest). Who has the nonce of the digest
*before*, the model after and the rest of the data can add a guessed record, refit, and compare. An auditor who is to
compare the model before needs the nonce; a replay needs only that of the digest after, which is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from expunge.errors import UnknownNameError
from expunge.table.ids import listed
from expunge.workspace.database.tables import receipts
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core

__all__ = ["shred"]


def shred(core: Core, requests: Sequence[int] | None = None) -> dict[str, Any]:
    """Destroy the nonces of the digests before. The lock is held; may be repeated.

    Parameters
    ----------
    core : Core
    requests : sequence of int, optional
        Numbers of requests; default: all that have a receipt.

    Returns
    -------
    dict
        ``shredded``: numbers of the requests of which there was one.

    Raises
    ------
    UnknownNameError
        A request without a receipt. Nothing has changed.
    """
    gone: list[int] = []
    with core.write() as connection:
        rows = core.db.rows(connection, receipts)
        numbers = [row["request"] for row in rows]  # a list: what was given may be anything
        requests = [] if requests is None else listed(requests)
        if missing := [one for one in requests if isinstance(one, bool) or one not in numbers]:
            raise UnknownNameError(f"Request {missing[0]!r} has no receipt.", hint="See `expunge request list --all`.")
        for row in rows:
            nonces = json.loads(row["nonces"])
            if (requests and row["request"] not in requests) or not any(before for before, _ in nonces.values()):
                continue
            kept = {model: [None, after] for model, (_, after) in nonces.items()}
            core.db.update(connection, receipts, row["number"], nonces=json.dumps(kept))
            gone.append(row["request"])
        if gone:
            journal.append(core, connection, "nonces-shredded", {"receipts": len(gone)})
    core.db.truncate_log()
    return {"shredded": gone}
