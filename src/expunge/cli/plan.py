"""``expunge plan``."""

from __future__ import annotations

from expunge.cli.options import By, Classes, Directory, Features, IdsFrom, Json, Records, Subjects, request_of
from expunge.cli.output import Output


def plan(
    model: Directory, subject: Subjects = None, record: Records = None, class_: Classes = None,
    feature: Features = None, ids_from: IdsFrom = None, by: By = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Say what forgetting would cost and promise. Changes nothing."""
    from expunge.workspace import ModelDirectory

    out = Output(as_json)
    with out.working("Planning"):
        planned = ModelDirectory.open(model).plan(**request_of(record, subject, class_, feature, ids_from, by))
    out.result(planned.to_dict(), [str(planned), planned.guarantee.sentence()])
