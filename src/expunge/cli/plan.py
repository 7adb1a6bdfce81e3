"""``expunge plan``."""

from __future__ import annotations

from expunge.cli.options import Asked, At, DataName, Json, asks
from expunge.cli.output import Output, in_words_of_here


@asks
def plan(asked: Asked, data: DataName = None, workspace: At = None, as_json: Json = False) -> None:
    """Say what forgetting would cost and promise, model by model. Changes nothing."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Planning"):
        made = Workspace.open(workspace).plan(**asked, data=data)
    lines = [*([] if len(made) else ["No model learned from it."]), *map(in_words_of_here, made.lines())]
    out.result(made.to_dict(), lines)
