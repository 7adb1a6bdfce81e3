"""``expunge verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import At, Json
from expunge.cli.output import Output

Receipt = Annotated[Path | None, typer.Argument(metavar="RECEIPT", help="A receipt; without one, the workspace.")]
Key = Annotated[Path | None, typer.Option(metavar="FILE", help="Public key (PEM) of who issued it.")]
Since = Annotated[Path | None, typer.Option(metavar="FILE", help="A head or receipt kept from before.")]
Replay = Annotated[bool, typer.Option("--replay", help="Fit afresh without the records, and compare.")]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page for people.")]


def verify(
    receipt: Receipt = None, key: Key = None, since: Since = None, replay: Replay = False, html: Page = None,
    workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Verify a receipt with a public key alone; with --workspace its log too; without a receipt, everything."""
    from expunge.workspace import verify as verified

    out = Output(as_json)
    with out.working("Verifying"):
        verdict = verified(receipt, key=key, since=since, replay=replay, html=html, workspace=workspace)
    out.result(verdict.raise_if_wrong().to_dict(), verdict.sentences())
