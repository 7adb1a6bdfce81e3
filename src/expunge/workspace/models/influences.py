"""Which records moved a model of the workspace: its rows are its own, the table to look at is given."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np

from expunge.errors import InvalidParameterError, InvalidRequestError
from expunge.influence import EqualOpportunity, Influence, MeanLoss, influence
from expunge.seeds import uniform64
from expunge.workspace.tabular.columns import parse_label
from expunge.workspace.tabular.reading import read_rows
from expunge.workspace.tabular.schema import Schema
from expunge.workspace.tabular.tables import read_table

__all__ = ["influence_of"]


def influence_of(
    model: Any, schema: Schema, data: str | Path | None = None, *, gap: str | None = None, positive: str | None = None,
    method: str | None = None, by: Literal["record", "subject"] = "record", sample: int | None = None, seed: int = 0,
    delimiter: str | None = None, encoding: str | None = None, progress: Any = None,
) -> Influence:  # fmt: skip
    """Say what forgetting each record of a model would change.

    Parameters
    ----------
    model : Unlearner
    schema : Schema
        Of its table.
    data : path, optional
        A table with the target, of records that the model never saw: their mean loss is asked about. Default: the loss
        of each record itself.
    gap : str, optional
        A column of that table: ask about the gap in equal opportunity between its groups instead.
    positive : str, optional
        For a gap: the label that is an opportunity.
    method, by, seed, progress
        See :func:`expunge.influence.influence`.
    sample : int, optional
        Ask about so many records or persons only, chosen by the hash of their ids.
    delimiter, encoding : str, optional
        Of the table, if it is text.

    Raises
    ------
    InvalidRequestError
        A gap without a table or a label; or a label without a gap, or a form of a table without one.
    """
    if gap is None and positive is not None:
        raise InvalidRequestError("A label that is an opportunity is for a gap.", hint="Give --gap COLUMN, too.")
    if data is None and (delimiter is not None or encoding is not None):
        raise InvalidRequestError("A delimiter or encoding is of a table, and none is named.", hint="Give --data FILE.")
    if gap is not None and (data is None or positive is None):
        raise InvalidRequestError(
            "A gap needs a table and the label that is an opportunity.", hint="Give --data FILE and --positive LABEL."
        )
    if sample is not None and sample < 1:
        raise InvalidParameterError(f"A sample has at least one record, not {sample}.", hint="Leave it out for all.")
    on: Any = "self" if data is None else _target(schema, data, gap, positive, delimiter, encoding)
    ids = None if sample is None else _sampled(model, by, sample, seed)
    return influence(model, on=on, method=method, ids=ids, by=by, seed=seed, progress=progress)


def _target(
    schema: Schema, data: str | Path, gap: str | None, positive: str | None, delimiter: str | None,
    encoding: str | None,
) -> MeanLoss | EqualOpportunity:  # fmt: skip
    table = read_table(data, delimiter=delimiter, encoding=encoding)
    groups = None
    if gap is not None:
        if gap not in table.column_names:
            raise InvalidRequestError(f"The table has no column {gap!r}.", hint="Name one of its columns.")
        groups = np.array([str(value) for value in table.column(gap).to_pylist()], dtype=object)
        if gap not in (*schema.columns, schema.target, schema.subject_id, *schema.ignored):
            table = table.drop_columns([gap])
    if schema.subject_id is not None and schema.subject_id not in table.column_names:
        schema = dataclasses.replace(schema, subject_id=None)
    rows = read_rows(table, schema)
    y = np.array(rows.y, dtype=np.float64 if schema.task == "regression" else object)
    if gap is None:
        return MeanLoss(rows.X, y)
    label = parse_label(str(positive), schema.target_kind, "label")
    return EqualOpportunity(rows.X, y, groups=groups, positive=label)


def _sampled(model: Any, by: str, n: int, seed: int) -> Any:
    """So many records, or persons."""
    rows = model._rows()
    table = rows.peek_beside(rows.slots())
    ids = table.ids
    if by == "subject":
        named = [] if table.subjects is None else [one for one in table.subjects.tolist() if one is not None]
        ids = np.array(list(dict.fromkeys(named)), dtype=object)
    return ids[np.argsort(uniform64(seed, "influence", ids), kind="stable")[:n]].tolist() if len(ids) else None
