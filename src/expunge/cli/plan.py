"""``expunge plan``."""

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


def plan(
    subject: Subjects = None, record: Records = None, class_: Classes = None, feature: Features = None,
    ids_from: IdsFrom = None, by: By = None, data: DataName = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Say what forgetting would cost and promise, model by model. Changes nothing."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Planning"):
        made = Workspace.open(workspace).plan(**request_of(record, subject, class_, feature, ids_from, by), data=data)
    told = [{"model": name, **planned.to_dict()} for name, planned in made]
    lines = [f"{name}: {planned} {planned.guarantee.sentence()}" for name, planned in made]
    out.result({"plans": told}, lines or ["No model learned from it; copies of data would be rewritten."])
