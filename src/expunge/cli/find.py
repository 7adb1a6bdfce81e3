"""``expunge find``."""

from __future__ import annotations

from expunge.cli.options import (
    At,
    By,
    Classes,
    DataName,
    Features,
    IdsFrom,
    Json,
    Records,
    Subjects,
    request_of,
)  # fmt: skip
from expunge.cli.output import Output


def find(
    subject: Subjects = None, record: Records = None, class_: Classes = None, feature: Features = None,
    ids_from: IdsFrom = None, by: By = None, data: DataName = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """List everything that holds a person or learned from one, with dates."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Looking"):
        found = Workspace.open(workspace).find(**request_of(record, subject, class_, feature, ids_from, by), data=data)
    told = {"found": [one.to_dict() for one in found]}
    if not found:
        out.result(told, ["Nothing is held."])
        return
    columns = ("what", "name", "version", "records", "since", "through")
    out.table(told, columns, [[getattr(one, name) for name in columns] for one in found])
