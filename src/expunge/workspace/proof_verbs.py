"""Verbs of the facade that look into models and prove something: influence, audits, receipts, the log, keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidRequestError
from expunge.workspace import opening, reports, verifying
from expunge.workspace.models import models
from expunge.workspace.requests import nonces
from expunge.workspace.storage.core import Core
from expunge.workspace.storage.steady import steady
from expunge.workspace.tabular.preparing import live_schema

if TYPE_CHECKING:
    from expunge.audit import AuditReport
    from expunge.influence import Influence
    from expunge.ledger.heads import SignedHead
    from expunge.ledger.verify import Verdict

__all__ = ["ProofVerbs"]


class ProofVerbs:
    """Parent of the facade; see there."""

    _core: Core

    @steady
    def influence(self, name: str, data: str | Path | None = None, **asked: Any) -> Influence:
        """Which records moved a model, and by how much. Changes nothing, keeps nothing.

        Parameters
        ----------
        name : str
            Of the model.
        data : path, optional
            A table with the target, of records that it never saw.
        **asked
            See :func:`expunge.workspace.models.influences.influence_of`.
        """
        from expunge.workspace.models.influences import influence_of

        core = self._core
        with core.read() as connection:
            model = models.open_model(core, connection, name)
        live = models.load(core, model).model
        return influence_of(live, live_schema(model.card.card, live), data, **asked)

    def audit(self, name: str, data: str | Path, *, attach: int | None = None, **asked: Any) -> AuditReport:
        """Whether a model has forgotten, against references.

        Parameters
        ----------
        name : str
            Of the model.
        data : path
            A table with the known, the forgotten and held-out records.
        attach : int, optional
            Number of the request that the model forgot by: its receipt is followed by one with the figures, in
            ``receipts/audit-0001.json``. The model has to be as that receipt says, and the forgotten ids those of the
            request, as far as the workspace can still tell.
        **asked
            See :func:`expunge.workspace.models.audits.audit_model`.

        Raises
        ------
        InvalidRequestError
            Figures that are not about that request. Nothing is trained and nothing signed.
        """
        from expunge.workspace.models.audits import audit_model
        from expunge.workspace.requests import auditing

        core = self._core
        with core.read() as connection:
            model = models.open_model(core, connection, name)
            told = None if attach is None else auditing.refuse_attaching(core, connection, attach, model)
        live = models.load(core, model).model
        schema, about = live_schema(model.card.card, live), ""
        if told is not None:
            about = auditing.refuse_other_records(core, *told, model, schema.record_kind, asked["forgotten"])
        report = audit_model(live, schema, data, **asked)
        if attach is not None:
            with core.lock.held():
                auditing.attach(core, attach, name, report.figures(), about=about)
        return report

    def verify(
        self, receipt: str | Path | bytes | None = None, *, key: str | Path | None = None,
        since: str | Path | None = None, replay: bool = False,
    ) -> Verdict:  # fmt: skip
        """Verify a receipt against the log of this workspace; without one, the whole workspace.

        Parameters
        ----------
        receipt : path or bytes, optional
            Its file, or what that holds.
        key : path, optional
            Public key as PEM; default: that of the workspace. One that was rotated out, or that followed, serves too.
        since : path, optional
            A signed head or a bundle kept from before: nothing before it may have changed.
        replay : bool
            Fit afresh without the records, and compare digests.

        Raises
        ------
        InvalidRequestError
            A replay is asked for without a receipt.
        """
        core = self._core
        if receipt is None and replay:
            raise InvalidRequestError("A replay is of one receipt.", hint="Name it: verify RECEIPT --replay.")
        if receipt is None:
            return verifying.verify_workspace(core, key=key, since=since)
        verdict = verifying.verify_receipt(receipt, key or core.layout.public_key, since=since, core=core)
        return verifying.replay(core, verdict) if replay else verdict

    def log(self) -> list[dict[str, Any]]:
        """All entries of the log."""
        return reports.entries(self._core)

    def head(self) -> SignedHead:
        """Size and root of the log, signed now, for an outsider to keep."""
        return verifying.head(self._core)

    def keys_show(self) -> dict[str, Any]:
        """Who signs, and where the secrets lie."""
        return reports.keys(self._core)

    def keys_shred_nonces(self, requests: Sequence[int] | None = None) -> dict[str, Any]:
        """Destroy the numbers that blind the digests *before*; see :mod:`expunge.workspace.requests.nonces`.

        Parameters
        ----------
        requests : sequence of int, optional
            Whose receipts; default: all there are.

        Raises
        ------
        UnknownNameError
            A request without a receipt.
        """
        with self._core.changing("nonces"):
            return nonces.shred(self._core, requests)

    def keys_rotate(self) -> dict[str, Any]:
        """Make a new signing key; the old one signs that it follows."""
        with self._core.lock.held():
            return opening.rotate(self._core)
