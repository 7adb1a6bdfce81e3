"""Asking to forget or rectify: looking first, then taking the request in, then carrying it out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from expunge.errors import ExpungeError, FileNotUsableError, InvalidRequestError, TamperedError, UnknownRecordError
from expunge.records import Plan
from expunge.workspace.data import buckets, datasets
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.models import predictions
from expunge.workspace.models.models import NOT_INSTALLED
from expunge.workspace.requests import (
    auditing,
    carrying_out,
    correcting,
    finding,
    receipting,
    removing,
    request_queue,
)
from expunge.workspace.requests.answers import Answer
from expunge.workspace.requests.costs import planned_costs
from expunge.workspace.requests.group_commit import GroupCommit
from expunge.workspace.requests.naming import named_values
from expunge.workspace.requests.planning import Planned, PlannedData, rewriting
from expunge.workspace.requests.request_queue import Wish
from expunge.workspace.requests.targets import (
    SPELLED,
    held_by,
    not_searched,
    refuse_several,
    refuse_unsearchable,
    respelled,
    told_as_respelled,
)
from expunge.workspace.rules.policies import Decision, Policy, decide, is_overdue, waiting_of
from expunge.workspace.rules.request_states import WAITING
from expunge.workspace.rules.retention import expired, read_duration, read_times
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.given import Given, given_table

__all__ = [
    "Answer", "answer", "due_now", "expire", "outlived", "plan", "rectify", "refuse_ambiguous", "run", "take_in",
    "wishes_of",
]  # fmt: skip

Ids = Any


def wishes_of(
    *, records: Ids = None, subjects: Ids = None, classes: Ids = None, features: Ids = None, data: str | None = None,
    **more: Any,
) -> list[Wish]:  # fmt: skip
    """One wish for each person, and one for all records, classes or columns. Each is one value, or a list.

    Raises
    ------
    InvalidRequestError
        Nothing is named.
    """
    people = [] if subjects is None else named_values("subject", subjects)
    out = [Wish(kind="subject", values=(one,), data=data, **more) for one in dict.fromkeys(people)]
    for kind, values in (("record", records), ("class", classes), ("feature", features)):
        if values is not None and (named := named_values(kind, values)):
            out.append(Wish(kind=kind, values=tuple(named), data=data, **more))
    if not out:
        raise InvalidRequestError("Name what to forget.", hint="A record, subject, class or feature.")
    return out


def plan(core: Core, wishes: Sequence[Wish]) -> Planned:
    """What each model would do, and promise, and what would be rewritten. Changes nothing.

    Raises
    ------
    UnknownRecordError
        Nobody holds anything of it.
    InvalidRequestError
        A record of several data sets.
    """
    out: list[tuple[str, Plan]] = []
    sets: list[PlannedData] = []
    missed: dict[str, None] = {}
    near: dict[Any, None] = {}
    asked = [value for wish in wishes for value in wish.values]
    size = 0
    for wish in wishes:
        payload = _payload(wish)
        with core.read() as connection:
            unread = refuse_unsearchable(core, connection, wish.kind, payload)
            refuse_several(core, connection, wish.kind, payload)
            held = held_by(core, connection, wish.kind, payload)
            if not held and not predictions.about(core, connection, wish.kind, wish.values):
                raise _unknown(core, connection, wish, unread)
            if wish.kind == "record":
                _refuse_partly_known(core, connection, wish, held)
            near |= dict.fromkeys(respelled(core, connection, wish.kind, payload, beside=asked))
        missed |= dict.fromkeys(unread)
        made = removing.planned(core, wish.kind, payload, held)
        size += rewriting(core, held, made)
        out += made
        sets += [PlannedData(one.data.name, len(one.handles), tuple(one.features)) for one in held]
    return Planned(tuple(out), size, tuple(missed), tuple(near), tuple(sets))


def refuse_ambiguous(core: Core, wishes: Sequence[Wish]) -> None:
    """Refuse records of several data sets before a request is taken in, unless it repeats one by its key.

    Raises
    ------
    InvalidRequestError
        The first of them, with the data sets.
    """
    unsure = [wish for wish in wishes if wish.kind == "record" and wish.data is None]
    if not unsure:
        return
    with core.read() as connection:
        for wish in unsure:
            if not request_queue.is_known(core, connection, wish):
                refuse_several(core, connection, wish.kind, _payload(wish))


def _refuse_impossible(core: Core, wishes: Sequence[Wish]) -> None:
    """Refuse what a method cannot do, before a request is taken in.

    Of a person of whom nothing is held there will be a receipt that says so. A record, class or column that nobody has
    is a slip of the keyboard, unless it was asked for before under the same key.

    Raises
    ------
    UnknownRecordError
        Nothing is known by that name.
    """
    audited: dict[str, dict[int, datasets.DataSet]] = {}
    for wish in wishes:
        payload = _payload(wish)
        with core.read() as connection:
            if request_queue.is_known(core, connection, wish):
                continue
            refuse_unsearchable(core, connection, wish.kind, payload)
            refuse_several(core, connection, wish.kind, payload)
            held = held_by(core, connection, wish.kind, payload, look=True)
            is_known = bool(held or predictions.about(core, connection, wish.kind, wish.values))
            if held and wish.kind == "record":
                _refuse_partly_known(core, connection, wish, held)
            if not is_known and wish.kind != "subject":
                raise _unknown(core, connection, wish)
        removing.refuse_unable(wish.kind, held)
        if wish.held_out is not None:
            audited.setdefault(wish.held_out, {}).update({one.data.id: one.data for one in held if one.models})
        if wish.kind == "feature":
            with suppress(*NOT_INSTALLED):
                removing.planned(core, wish.kind, payload, held)
    for held_out, learned_from in audited.items():
        auditing.refuse_known(core, held_out, list(learned_from.values()))


def take_in(core: Core, commits: GroupCommit, wishes: Sequence[Wish], finished: dict[bytes, int]) -> list[int]:
    """Take requests in that are possible; gives their numbers.

    What repeats an interrupted request that was ``finished`` at opening, so that nothing is held of it now, is that
    request, once: who was killed asks again, and wants its receipt.
    """
    before: list[int | None] = []
    for wish in wishes:
        number = finished.pop(request_queue.handle_of(core, wish), None)
        if number is not None:
            with core.read() as connection:
                number = None if _is_known(core, connection, wish.kind, _payload(wish)) else number
        before.append(number)
    new = [wish for wish, number in zip(wishes, before, strict=True) if number is None]
    _refuse_impossible(core, new)
    numbers = iter(commits.accept(new) if new else ())
    return [next(numbers) if number is None else number for number in before]


def _unknown(core: Core, connection: Any, wish: Wish, unread: Sequence[str] = ()) -> UnknownRecordError:
    near = told_as_respelled(respelled(core, connection, wish.kind, _payload(wish)))
    if wish.kind == "rectify":
        return UnknownRecordError(
            f"No record {wish.values[0]!r} in {wish.data!r}: never added, or forgotten.",
            hint=" ".join([SPELLED, *near]),
        )
    hint = SPELLED if wish.kind in ("record", "subject") else "Check it."
    return UnknownRecordError(
        f"Nothing is held of {wish.kind} {wish.values[0]!r}: never learned, or forgotten.",
        hint=" ".join([hint, *near, *not_searched(unread)]),
    )


def _refuse_partly_known(core: Core, connection: Any, wish: Wish, held: Sequence[Any]) -> None:
    known = {str(value) for one in held for value in one.ids}
    if unknown := [value for value in wish.values if str(value) not in known]:
        payload = _payload(wish) | {"values": unknown[:1]}
        near = told_as_respelled(respelled(core, connection, wish.kind, payload))
        raise UnknownRecordError(
            f"No record {unknown[0]!r}: never learned, or forgotten already.", hint=" ".join(["Check the id.", *near])
        )


def _payload(wish: Wish) -> dict[str, Any]:
    return {"values": list(wish.values), "data": wish.data, "rows": wish.rows}


def run(
    core: Core, numbers: Sequence[int], *, audit: removing.Audit | None = None, or_raise: bool = True
) -> list[Answer]:
    """Carry out requests of these numbers; those that are final already are answered. The lock is held.

    Raises
    ------
    ExpungeError
        None of them could be carried out, and ``or_raise``. Else the answers say which could not, and why.
    """
    waiting: list[int] = []
    nothing: list[int] = []
    failed: dict[int, ExpungeError] = {}
    missed: dict[int, list[str]] = {}
    asked: dict[int, tuple[str, dict[str, Any]]] = {}
    with core.read() as connection:
        for number in dict.fromkeys(numbers):
            row, request = request_queue.fetch(core, connection, number)
            if request.is_final or row["step"]:
                continue
            try:
                payload = request_queue.payload_of(core, row)
                asked[number] = request.kind, payload
                missed[number] = refuse_unsearchable(core, connection, request.kind, payload)
                refuse_several(core, connection, request.kind, payload)
                is_held = request.state not in WAITING or _is_known(core, connection, request.kind, payload)
            except (FileNotUsableError, TamperedError) as error:
                raise _waiting_on(error, number) from error
            except ExpungeError as error:
                failed[number] = error
            else:
                (waiting if is_held else nothing).append(number)
    receipting.nothing_held(core, nothing)
    try:
        done = carrying_out.carry_out(core, waiting, audit=audit)
    except (FileNotUsableError, TamperedError) as error:
        raise _waiting_on(error, *waiting) from error
    failed |= done.failed
    if or_raise and failed and len(failed) == len(set(numbers)):
        number, first = next(iter(failed.items()))
        raise _waiting_on(first, number) from first
    with core.read() as connection:
        near = {number: respelled(core, connection, *wanted) for number, wanted in asked.items()}
        still = {number: finding.outside(core, connection, *wanted) for number, wanted in asked.items()}
        beside: dict[int, list[Any]] = {
            number: [told.get(number, ()) for told in (missed, near, still)] for number in numbers
        }
        return [
            answer(core, connection, number, done.outcomes.get(number), failed.get(number), *beside[number])
            for number in dict.fromkeys(numbers)
        ]


def _waiting_on(error: ExpungeError, *numbers: int) -> ExpungeError:
    """The error, which also says that what was asked is taken in, and waits."""
    which = f"Request {numbers[0]} waits" if len(numbers) == 1 else f"Requests {', '.join(map(str, numbers))} wait"
    told = f"{which}: `expunge request run` carries out what waits."
    return type(error)(error.message, hint=f"{error.hint} {told}".strip())


def _is_known(core: Core, connection: Any, kind: str, payload: Mapping[str, Any]) -> bool:
    """Whether a data set, a model, or predictions that are kept know what is asked."""
    held = held_by(core, connection, kind, payload, look=True)
    return bool(held or predictions.about(core, connection, kind, payload["values"]))


def answer(
    core: Core, connection: Any, number: int, outcome: Mapping[str, Any] | None = None,
    problem: ExpungeError | None = None, missed: Sequence[str] = (), near: Sequence[Any] = (),
    still: Sequence[finding.Finding] = (),
) -> Answer:  # fmt: skip
    """How a request stands."""
    row, request = request_queue.fetch(core, connection, number)
    receipt = None if row["receipt"] is None else receipting.path_of(core, row["receipt"])
    waiting, done = tuple(json.loads(row["waiting"] or "[]")), outcome or {"models": (), "data": (), "predictions": ()}
    audits = tuple(
        {"model": model["model"], "figures": model["audit"], "receipt": None}
        for model in done["models"]
        if model["audit"]
    )
    return Answer(
        request, receipt, waiting, tuple(done["models"]), tuple(done["data"]), str(problem or ""),
        problem_code="" if problem is None else problem.code, known_as=journal.request_id(core, number), audits=audits,
        unsearched=tuple(missed), respelled=tuple(near), overdue=is_overdue(request, core.now()),
        predictions=tuple(done["predictions"]),
        still_held=tuple({"what": one.what, "name": one.name} for one in still),
    )  # fmt: skip


def due_now(core: Core, policy: Policy | None = None) -> Decision:
    """What the policy of the workspace says is to be carried out now. One that waits asks what is planned."""
    policy = policy or Policy.from_text(core.config.policy)
    with core.read() as connection:
        every = [one for one in request_queue.open_requests(core, connection) if not one[0]["step"]]
        last = core.db.get_meta(connection, "last-run")
        costs = {} if policy.kind == "at-once" else planned_costs(core, connection, every)
    queue_now = waiting_of([request for _, request in every], costs)
    moment = datetime.fromisoformat(last) if last else None
    return decide(queue_now, policy, core.now(), last_run=moment)


# ------------------------------------------------------------------ rectify, expire


def rectify(core: Core, path: Given, *, data: str, delimiter: str | None, encoding: str | None, **more: Any) -> Wish:
    """The wish to correct records: with whole rows, or with the columns that were wrong.

    Raises
    ------
    UnknownRecordError
        A row whose record is not held.
    UnsupportedRequestError
        A model that cannot learn again.
    """
    with core.read() as connection:
        opened = datasets.open_data(core, connection, data)
    table = given_table(path, delimiter=delimiter, encoding=encoding)
    again = Wish(kind="rectify", values=tuple(buckets.ids_of(table, opened.card.record_id)), data=data, **more)
    with core.read() as connection:
        if request_queue.is_answered(core, connection, again):
            return again  # whatever has become of the records since
    ids, rows = correcting.read_correction(core, opened, table)
    wish = Wish(kind="rectify", values=tuple(ids), data=data, rows=rows, **more)
    with core.read() as connection:
        held = held_by(core, connection, "rectify", _payload(wish))
        if not held:
            raise _unknown(core, connection, wish)
        _refuse_partly_known(core, connection, wish, held)
    with suppress(*NOT_INSTALLED):
        removing.planned(core, "rectify", _payload(wish), held)
    return wish


def expire(core: Core) -> list[Wish]:
    """Wishes to forget the records that have been kept as long as their data set says."""
    return [Wish(kind="record", values=tuple(ids), data=name, action="expire") for name, ids in outlived(core).items()]


def outlived(core: Core) -> dict[str, list[Any]]:
    """Ids of the records that have been kept as long as their data set says, by its name. Reads all rows of those sets
    whose records are kept for a time."""
    out = {}
    with core.read() as connection:
        names = [row["name"] for row in core.db.rows(connection, dataset_table)]
        opened = [datasets.open_data(core, connection, name) for name in names]
    for data in opened:
        card = data.card
        if card.keep is None or card.time_column is None or not data.n_records:
            continue
        table = datasets.read(core, data)
        what = f"Column {card.time_column!r} of {data.name!r}"
        times = read_times(table[card.time_column].to_pylist(), what=what, zone=core.config.zone)
        over = expired(times, read_duration(card.keep), core.now(), zone=core.config.zone)
        ids = [value for value, is_over in zip(table[card.record_id].to_pylist(), over, strict=True) if is_over]
        if ids:
            out[data.name] = ids
    return out
