"""``expunge forget``."""

from __future__ import annotations

from expunge.cli.options import By, Classes, Directory, Features, IdsFrom, Json, Records, Subjects, request_of
from expunge.cli.output import Output


def forget(
    model: Directory, subject: Subjects = None, record: Records = None, class_: Classes = None,
    feature: Features = None, ids_from: IdsFrom = None, by: By = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Forget records, persons, classes or columns, and rewrite the model."""
    from expunge.workspace import ModelDirectory

    out = Output(as_json)
    with out.working("Forgetting"):
        removal = ModelDirectory.open(model).forget(**request_of(record, subject, class_, feature, ids_from, by))
    out.result(
        removal.to_dict(),
        [str(removal), removal.guarantee.sentence(), *removal.notes, f"Digest: {removal.digest_after}"],
    )
