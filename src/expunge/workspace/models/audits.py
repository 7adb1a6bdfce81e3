"""Audits of models, and of scores in files: read, train references, hand over to the audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from expunge.audit import (
    AuditReport,
    Further,
    References,
    Scores,
    audit,
    audit_by_digest,
    signals_of_values,
)
from expunge.audit.evidence import LEAST_RETRAINS
from expunge.audit.references import ReferencePlan, join, plan_around, plan_halves, references
from expunge.audit.references.train import Progress
from expunge.audit.table import scores_from_table
from expunge.audit.verdict import retrains_needed
from expunge.contract import DormantModelError
from expunge.errors import (
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnknownRecordError,
    UnsupportedRequestError,
)
from expunge.seeds import derive_seed
from expunge.table.ids import listed
from expunge.workspace.models.method_references import MethodTraining
from expunge.workspace.tabular.columns import parse_label
from expunge.workspace.tabular.reading import TableRows, read_rows
from expunge.workspace.tabular.schema import Schema
from expunge.workspace.tabular.tables import read_table

__all__ = ["How", "audit_model", "audit_scores"]

#: Share of the retained records of each reference: without it a method that draws nothing would give one model.
KEEP = 0.9
#: Least probability that is told from 0; votes and forests answer 0 and 1.
FLOOR = 1e-6


def audit_scores(
    path: str | Path, *, alpha: float = 0.05, delimiter: str | None = None, encoding: str | None = None
) -> AuditReport:
    """Audit scores that were produced elsewhere; see :func:`expunge.audit.table.scores_from_table`."""
    table = read_table(path, delimiter=delimiter, encoding=encoding)
    return audit(*scores_from_table(table.to_pydict()), further=Further(), alpha=alpha)


def audit_model(
    model: Any, schema: Schema, data: str | Path, *, forgotten: Sequence[str], held_out: Sequence[str] | None = None,
    delimiter: str | None = None, encoding: str | None = None, **how: Any,
) -> AuditReport:  # fmt: skip
    """Audit a model: its digest first, then against models that its own method makes without the forgotten records.

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
    delimiter, encoding : str, optional
        Of the table, if it is text.
    **how
        As in :class:`How`.

    Returns
    -------
    AuditReport
        With the digest of a fresh fit as evidence; with nothing else for a single record, without held-out records,
        without references, and for a model that predicts nothing.

    Raises
    ------
    InvalidParameterError
        One to three references, or an alpha that is none.
    InvalidRequestError, UnknownRecordError, InvalidDataError
        Records that the model still knows, or that the table does not have.
    UnsupportedRequestError
        A model that no longer has its rows.
    """
    asked = How(**how)
    if model._state().rows is None:
        raise UnsupportedRequestError(
            "Audits are of models that still have their rows.",
            hint="Of other models give a table of scores: expunge audit --scores FILE.",
        )
    rows = read_rows(read_table(data, delimiter=delimiter, encoding=encoding), schema)
    ids = np.array(rows.ids, dtype=np.int64 if schema.record_kind == "integer" else object)
    roles = _roles(
        rows,
        model,
        [parse_label(v, schema.record_kind, "record id") for v in listed(forgotten)],
        None if held_out is None else [parse_label(v, schema.record_kind, "record id") for v in listed(held_out)],
    )
    query = np.flatnonzero(roles["forgotten"] | roles["held-out"])
    subjects = None if rows.subjects is None else {"subject_ids": np.array(rows.subjects, dtype=object)}
    training = MethodTraining(model, rows.X, rows.y, ids, query, subjects)
    digests = (model.digest(), training.fitted(roles["known"], allow_dormant=True).digest())
    n_forgotten, n_held_out = int(roles["forgotten"].sum()), int(roles["held-out"].sum())
    why = _why_digest_alone(schema, asked, n_forgotten, n_held_out)
    if not why and digests[0] != digests[1]:
        why = _why_no_answer(schema, model, rows, roles)
    if why:
        return audit_by_digest(digests, n_forgotten=n_forgotten, n_held_out=n_held_out, why=why)
    try:
        scores = _scores(model, training, roles)
    except (InvalidDataError, DormantModelError) as error:
        if digests[0] != digests[1]:
            raise
        why = f"Digests alone were compared: {error.message}"
        return audit_by_digest(digests, n_forgotten=n_forgotten, n_held_out=n_held_out, why=why)
    of, unlearned = _references(training, roles, asked)
    return audit(scores, of, digests=digests, further=Further(unlearned=unlearned), alpha=asked.alpha)


@dataclasses.dataclass(frozen=True, kw_only=True)
class How:
    """How an audit is made.

    Parameters
    ----------
    n_references, n_unforgotten : int
        Models to train without and with the forgotten records. Without any the digest decides alone.
    n_halves : int
        Models to train on random halves of the forgotten and held-out records, for the online attacks; an even number.
    n_unlearned : int
        Models to train with the forgotten records and to make forget them, for the rows that compare many models.
    alpha, seed, n_jobs, store, progress
        As in :func:`expunge.audit.audit` and :func:`expunge.audit.references.references`.
    """

    n_references: int = 48
    n_unforgotten: int = 16
    n_halves: int = 0
    n_unlearned: int = 0
    alpha: float = 0.05
    seed: int = 0
    n_jobs: int = 1
    store: str | Path | None = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if self.n_references == 0 and (self.n_halves or self.n_unlearned):
            raise InvalidParameterError(
                "Without references digests are compared, and no other model is trained.",
                hint="Ask for references, too, or leave --halves and --unlearned out.",
            )
        needed = retrains_needed(self.alpha)
        if 0 < self.n_references < LEAST_RETRAINS or min(
            self.n_references, self.n_unforgotten, self.n_halves, self.n_unlearned
        ) < 0:  # fmt: skip
            raise InvalidParameterError(
                f"An audit needs {LEAST_RETRAINS} references or more, or none: then digests are compared; got "
                f"{self.n_references} and {self.n_unforgotten}.",
                hint=f"{needed} before it can accuse anybody at {self.alpha:g}.",
            )


def _why_digest_alone(schema: Schema, asked: How, n_forgotten: int, n_held_out: int) -> str:
    """Why scores are not looked at; empty if they are."""
    if schema.task not in ("classification", "regression"):
        return "Digests alone were compared: attacks look at predictions, and this model makes none."
    if asked.n_references == 0:
        return "Digests alone were compared: no references were asked for."
    if min(n_forgotten, n_held_out) < 2:
        return (
            f"Digests alone were compared: attacks need two forgotten and two held-out records, and there are "
            f"{n_forgotten} and {n_held_out}."
        )
    return ""


def _why_no_answer(schema: Schema, model: Any, rows: TableRows, roles: dict[str, Any]) -> str:
    """Why answers show nothing of the forgotten records: no class of theirs is left among them; else empty."""
    if schema.task != "classification" or rows.y is None:
        return ""
    left, gone = set(model.classes_.tolist()), {rows.y[i] for i in np.flatnonzero(roles["forgotten"])}
    if left & gone:
        return ""
    return (
        "Digests alone were compared: the model answers with no class of the forgotten records any more, so that its "
        "answers would look the same if all else of them were left."
    )


def _scores(model: Any, training: MethodTraining, roles: dict[str, Any]) -> Scores:
    """What the audited model says about the forgotten and the held-out records."""
    query, labels, answers = training.query, training.targets(), training.answers(model)
    common = {
        "is_forgotten": roles["forgotten"][query], "is_held_out": roles["held-out"][query], "ids": training.ids[query],
    }  # fmt: skip
    if training.task == "regression":
        return Scores(signals=signals_of_values(answers, labels), **common)
    return Scores.from_probabilities(answers, labels, floor=FLOOR, **common)


def _references(training: MethodTraining, roles: dict[str, Any], asked: How) -> tuple[References, References | None]:
    """References, and models that forgot as the audited one did."""
    masks = {"is_forgotten": roles["forgotten"], "is_held_out": roles["held-out"]}
    unused = ~(roles["known"] | roles["forgotten"] | roles["held-out"])

    def around(purpose: str, n: int, n_unforgotten: int) -> ReferencePlan:
        seed = asked.seed if not purpose else derive_seed(asked.seed, purpose)
        return plan_around(training.ids, **masks, n=n, n_unforgotten=n_unforgotten, keep=KEEP, seed=seed)

    def trained(train: MethodTraining, *plans: ReferencePlan) -> References:
        plan, model = join(plans), train.model
        plan.members[:, unused] = False
        content = (train.X, train.y, train.ids, train.query, type(model).__name__, model.get_params(), train.forgets)
        return references(
            train, plan, train.targets(), query=train.query, store=asked.store, content=content, n_jobs=asked.n_jobs,
            progress=asked.progress, floor=FLOOR, task=train.task,
        )  # fmt: skip

    plans = [around("", asked.n_references, asked.n_unforgotten)]
    if asked.n_halves:
        seed = derive_seed(asked.seed, "halves")
        plans.append(plan_halves(training.ids, **masks, n=asked.n_halves, seed=seed))
    of = trained(training, *plans)
    if not asked.n_unlearned:
        return of, None
    unlearned = trained(training.that_forgets(roles["forgotten"]), around("unlearned", 0, asked.n_unlearned))
    return of, unlearned


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
    if not forgotten:
        raise InvalidDataError("No forgotten record was named.", hint="--forgotten takes the ids of the request.")
    if both := set(forgotten).intersection(held_out):
        raise InvalidDataError(
            f"Record {next(iter(both))!r} is forgotten and held out at once.", hint="Leave it out of one."
        )
    out = {}
    for name, members in (("known", known), ("forgotten", set(forgotten)), ("held-out", set(held_out))):
        out[name] = np.array([record in members for record in rows.ids])
    return out
