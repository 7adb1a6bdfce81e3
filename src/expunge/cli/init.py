"""``expunge init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Json, json_values
from expunge.cli.output import Output

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the workspace; made if it is not there.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="policy (at-once, every:6h, at:100, latest-safe), regime (gdpr, ccpa, pipl:15, days:30+15), zone (as "
        "Europe/Berlin), tombstones, after_switch, signing_key, database, store or allow_old_versions; may be "
        "repeated. docs/workspace.md says what each is for.",
    ),
]


def init(folder: Folder = Path("."), settings: Settings = None, as_json: Json = False) -> None:
    """Make a workspace: data sets, models, requests and receipts in one folder."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Making"):
        made = Workspace.init(folder, **json_values(settings, "--set"))
    keys = made.keys_show()
    out.result(
        {"path": str(made.path), **keys},
        [
            f"A workspace in {made.path}.",
            f"Receipts are signed with the key {keys['key_id'][:16]}; give away {keys['public_key']}.",
            f"Keep {keys['folder']} secret, and out of backups that outlive a deletion.",
        ],
    )
