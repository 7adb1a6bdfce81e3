"""``expunge serve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import At, Json
from expunge.cli.output import Output

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="To listen at; put a proxy with TLS before any other.")]
Port = Annotated[int, typer.Option(help="0 takes a free one.")]
Token = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With the token; made if it is not there. Default: among the keys.")
]
Allow = Annotated[
    list[str] | None, typer.Option("--allow-host", metavar="NAME", help="Under which it is called, too; repeatable.")
]


def serve(
    host: Host = "127.0.0.1", port: Port = 8321, token_file: Token = None, allow_host: Allow = None,
    workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Serve the workspace over HTTP to who has the token, until SIGTERM or Ctrl-C."""
    from expunge.service import Service

    out = Output(as_json)
    with out.working("Starting"):
        made = Service(workspace, host=host, port=port, token_file=token_file, allow_hosts=allow_host or ())
    told = {"path": str(made.path), "url": made.url, "token_file": str(made.token_file)}
    lines = [f"{made.path} at {made.url}; what may be asked: {made.url}/openapi.json.", f"Token: {made.token_file}."]
    out.result(told, [*lines, "Ctrl-C ends it; what is under way ends first."])
    sys.stdout.flush()
    _log_calls()
    made.run()


def _log_calls() -> None:
    """One line on standard error for each call; it names nobody."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("expunge.service")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
