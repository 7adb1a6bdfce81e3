"""``expunge find``."""

from __future__ import annotations

from expunge.cli.options import Asked, At, DataName, Json, asks
from expunge.cli.output import Output


@asks
def find(asked: Asked, data: DataName = None, workspace: At = None, as_json: Json = False) -> None:
    """List everything that holds a person or learned from one, with dates."""
    from expunge.workspace import NOTHING_HELD, Workspace

    out = Output(as_json)
    with out.working("Looking"):
        found = Workspace.open(workspace).find(**asked, data=data)
    told = {"found": [one.to_dict() for one in found]}
    if not found:
        out.result(told, [NOTHING_HELD])
        return
    columns = ("what", "name", "version", "records", "since", "through")
    out.table(told, columns, [[getattr(one, name) for name in columns] for one in found])
