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
    told = [{"model": name, **planned.to_dict()} for name, planned in made]
    lines = [f"{name}: {planned} {planned.guarantee.sentence()}" for name, planned in made]
    out.result({"plans": told}, lines or ["No model learned from it; copies of data would be rewritten."])
