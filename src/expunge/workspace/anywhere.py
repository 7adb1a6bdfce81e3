"""Verbs that need no workspace where none is named: an export predicts, a receipt is verified, scores are audited."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import FileNotUsableError, InvalidRequestError
from expunge.files.whole import read_whole, write_whole
from expunge.paths import check_path
from expunge.workspace.storage.layout import find_workspace
from expunge.workspace.tabular.exported import is_export, predict_export
from expunge.workspace.verifying import verify_receipt

if TYPE_CHECKING:
    import pandas as pd

    from expunge.audit import AuditReport
    from expunge.ledger.verify import Verdict

__all__ = ["audit_scores", "predict", "receipt_page", "verify"]


def audit_scores(
    path: str | Path, *, alpha: float = 0.05, delimiter: str | None = None, encoding: str | None = None
) -> AuditReport:
    """Audit scores that were produced elsewhere; see :func:`expunge.audit.table.scores_from_table`."""
    from expunge.workspace.models import audits

    return audits.audit_scores(path, alpha=alpha, delimiter=delimiter, encoding=encoding)


def predict(
    name: str | Path, data: str | Path, *, workspace: str | Path | None = None, keep: str | None = None, **options: Any
) -> pd.DataFrame:
    """Predictions of a model of a workspace by its name, or of an export by its folder.

    Raises
    ------
    InvalidRequestError
        An export is asked to keep its predictions.
    """
    if workspace is None and is_export(name):
        if keep is not None:
            raise InvalidRequestError("An export keeps no predictions.", hint="Write them with --out.")
        return predict_export(name, data, **options)
    from expunge.workspace.workspace import Workspace

    return Workspace.open(workspace).predict(name, data, keep=keep, **options)


def verify(
    receipt: str | Path | None = None, *, key: str | Path | None = None, since: str | Path | None = None,
    replay: bool = False, html: str | Path | None = None, workspace: str | Path | None = None,
) -> Verdict:  # fmt: skip
    """Verify a receipt by a public key alone; with a workspace, or without a key, against its log too.

    Parameters
    ----------
    receipt : path, optional
        Without one, a whole workspace is read again.
    key, since, replay
        See :meth:`expunge.workspace.Workspace.verify`.
    html : path, optional
        Write the verdict as a page for people.
    workspace : path, optional

    Raises
    ------
    InvalidRequestError
        Neither a key nor a workspace that has one; or a page is wanted, and no receipt is named.
    """
    if receipt is None and html is not None:
        raise InvalidRequestError("A page is of one receipt.", hint="Name it: verify RECEIPT --html FILE.")
    if receipt is not None and key is not None and workspace is None and not replay:
        verdict = verify_receipt(receipt, key, since=since)
    else:
        from expunge.workspace.workspace import Workspace

        if receipt is not None and key is None and workspace is None:
            _refuse_without_key()
        verdict = Workspace.open(workspace).verify(receipt, key=key, since=since, replay=replay)
    if receipt is not None and html is not None:
        text = receipt_page(verdict, receipt).encode()
        write_whole(check_path(html), lambda stream: stream.write(text), for_others=True)
    return verdict


def receipt_page(verdict: Verdict, receipt: str | Path | bytes) -> str:
    """A verdict and the receipt that it is about as one HTML document for people, which loads nothing."""
    from expunge.ledger.page import page

    return page(verdict, receipt if isinstance(receipt, bytes) else read_whole(receipt))


def _refuse_without_key() -> None:
    """Refuse a receipt that nothing here could verify."""
    try:
        find_workspace()
    except FileNotUsableError:
        raise InvalidRequestError(
            "A receipt is verified with the public key of who issued it, and none is named.",
            hint="Give --key public.pem, which they give away; or --workspace DIR, if you are who issued it.",
        ) from None
