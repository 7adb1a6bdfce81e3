"""``expunge plan``."""

from __future__ import annotations

from expunge.cli.options import Asked, At, DataName, Json, asks
from expunge.cli.output import Output


@asks
def plan(asked: Asked, data: DataName = None, workspace: At = None, as_json: Json = False) -> None:
    """Say what forgetting would cost and promise, model by model. Changes nothing."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Planning"):
        made = Workspace.open(workspace).plan(**asked, data=data)
    out.result(made.to_dict(), [*([] if len(made) else ["No model learned from it."]), *made.lines()])
