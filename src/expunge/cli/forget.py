"""``expunge forget``."""

from __future__ import annotations

from typing import Any

from expunge.cli.options import Asked, At, Caller, DataName, Json, Key, asks
from expunge.cli.output import Output, show_answers


@asks
def forget(
    asked: Asked, data: DataName = None, caller: Caller = "", key: Key = "", workspace: At = None, as_json: Json = False
) -> None:
    """Forget persons, records, classes or columns in every model and data set, with a receipt."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Forgetting"):
        wish: Any = asked
        answers = Workspace.open(workspace).forget(**wish, data=data, caller=caller, key=key)
    show_answers(out, answers)
