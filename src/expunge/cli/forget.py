"""``expunge forget``."""

from __future__ import annotations

from typing import Any

from expunge.cli.options import (
    At,
    By,
    Caller,
    Classes,
    DataName,
    Features,
    IdsFrom,
    Json,
    Key,
    Records,
    Subjects,
    request_of,
)  # fmt: skip
from expunge.cli.output import Output, show_answers


def forget(
    subject: Subjects = None, record: Records = None, class_: Classes = None, feature: Features = None,
    ids_from: IdsFrom = None, by: By = None, data: DataName = None, caller: Caller = "", key: Key = "",
    workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Forget persons, records, classes or columns in every model and data set, with a receipt."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Forgetting"):
        asked: Any = request_of(record, subject, class_, feature, ids_from, by)
        answers = Workspace.open(workspace).forget(**asked, data=data, caller=caller, key=key)
    show_answers(out, answers)
