"""``expunge log``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from expunge.cli.options import At, Json
from expunge.cli.output import Output

Head = Annotated[bool, typer.Option("--head", help="Print the signed head, for an outsider to keep.")]


def log(head: Head = False, workspace: At = None, as_json: Json = False) -> None:
    """Print the entries of the log, or its signed head."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Reading"):
        opened = Workspace.open(workspace)
        signed = opened.head().envelope.decode() if head else ""
        entries = [] if head else opened.log()
    if head:
        out.result(json.loads(signed), [signed], plain=True)
        return
    rows = [
        (one["index"], one["time"], one["kind"], one.get("number"), one.get("request") or one.get("model") or "")
        for one in entries
    ]
    out.table({"entries": entries}, ("entry", "time", "kind", "request", "about"), rows)
