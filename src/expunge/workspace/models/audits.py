"""Audits of models, and of scores in files: read, train references, hand over to the audit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from expunge.audit import AuditReport, Scores, audit, signals_of
from expunge.audit.evidence import LEAST_RETRAINS
from expunge.audit.references import plan_around, references
from expunge.audit.references.train import Progress
from expunge.audit.table import scores_from_table
from expunge.audit.verdict import retrains_needed
from expunge.errors import (
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnknownRecordError,
    UnsupportedRequestError,
)
from expunge.workspace.models.method_references import MethodTraining, probabilities_of
from expunge.workspace.tabular.schema import Schema, TableRows, parse_label, read_rows
from expunge.workspace.tabular.tables import read_table

__all__ = ["audit_model", "audit_scores"]

#: Share of the retained records of each reference: without it a method that draws nothing would give one model.
KEEP = 0.9
#: Least probability that is told from 0; votes and forests answer 0 and 1.
FLOOR = 1e-6


def audit_scores(
    path: str | Path, *, alpha: float = 0.05, delimiter: str | None = None, encoding: str | None = None
) -> AuditReport:
    """Audit scores that were produced elsewhere; see :func:`expunge.audit.table.scores_from_table`."""
    table = read_table(path, delimiter=delimiter, encoding=encoding)
    return audit(*scores_from_table(table.to_pydict()), alpha=alpha)


def audit_model(
    model: Any, schema: Schema, data: str | Path, *, forgotten: Sequence[str], held_out: Sequence[str] | None = None,
    n_references: int = 48, n_unforgotten: int = 16, alpha: float = 0.05, seed: int = 0, n_jobs: int = 1,
    store: str | Path | None = None, progress: Progress | None = None, delimiter: str | None = None,
    encoding: str | None = None,
) -> AuditReport:  # fmt: skip
    """Audit a model against models that its own method makes without, and with, the forgotten records.

    Parameters
    ----------
    model : Unlearner
        It has forgotten already.
    schema : Schema
        Of its table.
    data : path
        A table with the records that the model knows, the forgotten ones and the held-out ones. Only who still has the
        forgotten records can audit their erasure; delete the table afterwards.
    forgotten : sequence of str
        Ids of the records that the model should have forgotten.
    held_out : sequence of str, optional
        Ids of records that it was never trained on; default: all of the table that it does not know and that are not
        forgotten.
    n_references, n_unforgotten : int
        Models to train without and with the forgotten records.
    alpha, seed, n_jobs, store, progress
        As in :func:`expunge.audit.audit` and :func:`expunge.audit.references.references`.

    Returns
    -------
    AuditReport
        With the digest of a fresh fit as evidence.

    Raises
    ------
    InvalidParameterError
        Fewer than four references, or an alpha that is none.
    InvalidRequestError, UnknownRecordError, InvalidDataError
        Records that the model still knows, or that the table does not have.
    UnsupportedRequestError
        A regressor or a transformer.
    """
    retrains_needed(alpha)
    if n_references < LEAST_RETRAINS or n_unforgotten < 0:
        raise InvalidParameterError(
            f"An audit needs {LEAST_RETRAINS} references or more, got {n_references} and {n_unforgotten}.",
            hint=f"{retrains_needed(alpha)} before it can accuse anybody at {alpha:g}.",
        )
    if schema.task != "classification" or model._state().rows is None:
        raise UnsupportedRequestError(
            "Audits are of classifiers that still have their rows.",
            hint="Of other models give a table of scores: expunge audit --scores FILE.",
        )
    rows = read_rows(read_table(data, delimiter=delimiter, encoding=encoding), schema)
    ids = np.array(rows.ids, dtype=np.int64 if schema.record_kind == "integer" else object)
    roles = _roles(
        rows,
        model,
        [parse_label(v, schema.record_kind, "record id") for v in forgotten],
        None if held_out is None else [parse_label(v, schema.record_kind, "record id") for v in held_out],
    )
    asked = np.flatnonzero(roles["forgotten"] | roles["held-out"])
    subjects = None if rows.subjects is None else {"subject_ids": np.array(rows.subjects, dtype=object)}
    training = MethodTraining(model, rows.X, rows.y, ids, asked, subjects)
    labels = np.searchsorted(training.classes, training.y[asked])
    plan = plan_around(
        ids, is_forgotten=roles["forgotten"], is_held_out=roles["held-out"], n=n_references,
        n_unforgotten=n_unforgotten, keep=KEEP, seed=seed,
    )  # fmt: skip
    plan.members[:, ~roles["known"] & ~roles["forgotten"]] = False
    content = None if store is None else (rows.X, training.y, ids, asked, type(model).__name__, model.get_params())
    trained = references(
        training, plan, labels, query=asked, store=store, content=content, n_jobs=n_jobs, progress=progress, floor=FLOOR
    )
    scores = Scores(
        signals=signals_of(probabilities_of(model, rows.X.iloc[asked], training.classes), labels, floor=FLOOR),
        is_forgotten=roles["forgotten"][asked], is_held_out=roles["held-out"][asked], ids=ids[asked], labels=labels,
    )  # fmt: skip
    fresh = training.fitted(roles["known"])
    return audit(scores, trained, digests=(model.digest(), fresh.digest()), alpha=alpha, pseudonym_key=None)


def _roles(rows: TableRows, model: Any, forgotten: list[Any], held_out: list[Any] | None) -> dict[str, Any]:
    """Masks over the rows of the table: known to the model, forgotten, held out."""
    known, place = set(model.record_ids_.tolist()), {record: i for i, record in enumerate(rows.ids)}
    if still := known.intersection(forgotten):
        raise InvalidRequestError(
            f"The model still knows record {next(iter(still))!r}: it was not asked to forget it.",
            hint="Forget first; --forgotten takes the ids of that request.",
        )
    for what, names in (("forgotten", forgotten), ("held out", held_out or []), ("known to the model", sorted(known))):
        lost = next((name for name in names if name not in place), None)
        if lost is not None:
            raise UnknownRecordError(
                f"The table has no record {lost!r}, which is {what}.",
                hint="Give the table that the model was fitted on, with the held-out records below.",
            )
    if held_out is None:
        held_out = [record for record in rows.ids if record not in known and record not in set(forgotten)]
    if strange := known.intersection(held_out):
        raise InvalidRequestError(
            f"The model was trained on record {next(iter(strange))!r}: it is not held out.", hint="Leave it out."
        )
    if len(set(forgotten)) < 2:
        raise InvalidDataError(
            f"An audit by scores needs two forgotten records, got {len(set(forgotten))}.",
            hint="Of a single one compare the digest with that of a fresh fit.",
        )
    if len(held_out) < 2:
        raise InvalidDataError(
            "The table has no two records that the model was never trained on.",
            hint="Add held-out records of the same kind: forgotten ones are compared with them.",
        )
    out = {}
    for name, members in (("known", known), ("forgotten", set(forgotten)), ("held-out", set(held_out))):
        out[name] = np.array([record in members for record in rows.ids])
    return out
