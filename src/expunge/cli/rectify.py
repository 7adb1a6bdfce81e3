"""``expunge rectify``."""

from __future__ import annotations

from typing import Annotated

import typer

from expunge.cli.options import Data, Delimiter, Directory, Encoding, Json
from expunge.cli.output import Output
from expunge.records import Plan

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would cost and promise; change nothing.")]


def rectify(
    model: Directory, data: Data, dry_run: DryRun = False, delimiter: Delimiter = None, encoding: Encoding = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Correct records: the file has their ids and the columns to correct, with the right values."""
    from expunge.workspace import ModelDirectory

    out = Output(as_json)
    with out.working("Rectifying"):
        found = ModelDirectory.open(model).rectify(data, delimiter=delimiter, encoding=encoding, dry_run=dry_run)
    lines = [str(found), found.guarantee.sentence()]
    if not isinstance(found, Plan):
        lines += [*found.notes, f"Digest: {found.digest_after}"]
    out.result(found.to_dict(), lines)
