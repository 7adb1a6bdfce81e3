"""Routes about requests: taken in, listed, held, carried out. Who they are about stands in bodies alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from fastapi import APIRouter

from expunge.service.answers import Told, told
from expunge.service.at import At
from expunge.service.bodies import Confirmation, Correction, Name, Reason, Run, Wish

router = APIRouter(tags=["requests"])

#: Of calls without a body.
NO_RUN, NOT_CONFIRMED, NO_REASON = Run(), Confirmation(), Reason()


def _told(answers: Iterable[Any], notes: list[str], *, status: int = 200) -> Told:
    return told({"requests": [answer.to_dict() for answer in answers]}, notes, status=status)


@router.post("/requests", status_code=201)
def request_ask(body: Wish, desk: At) -> Told:
    """Take requests in, durably, one for each person, to be carried out later."""
    answers, notes = desk.ask(lambda ws: [ws.request_show(number) for number in ws.request_ask(**body.given())])
    return _told(answers, notes, status=201)


@router.get("/requests")
def request_list(desk: At, every: bool = False) -> Told:
    """The open requests, or all."""
    return _told(*desk.ask(lambda ws: ws.request_list(every=every)))


@router.get("/requests/{number}")
def request_show(number: int, desk: At) -> Told:
    """One request: its state, due date and law, and what became of it when."""
    return _told(*desk.ask(lambda ws: [ws.request_show(number)]))


@router.post("/requests/run")
def request_run(desk: At, body: Run = NO_RUN) -> Told:
    """Carry out what waits: these requests, or those that the policy says."""
    numbers = body.requests
    about = ["What the policy says"] if numbers is None else [f"Request {number}" for number in numbers]
    return _told(*desk.change(lambda ws: ws.request_run(numbers), about=about))


@router.post("/requests/{number}/settle")
def request_settle(number: int, body: Name, desk: At) -> Told:
    """Say that something derived has been deleted or made anew elsewhere."""
    return _told(*desk.change(lambda ws: [ws.request_settle(number, body.name)]))


@router.post("/requests/{number}/identity")
def identity(number: int, desk: At, body: Confirmation = NOT_CONFIRMED) -> Told:
    """Note that the person was asked who they are, or has answered."""
    action = "confirm-identity" if body.confirmed else "ask-identity"
    return _told(*desk.ask(lambda ws: [ws.request_step(number, action)]))


@router.post("/requests/{number}/{action}")
def request_step(
    number: int, action: Literal["hold", "release", "extend", "refuse"], desk: At, body: Reason = NO_REASON
) -> Told:
    """Hold a request, end a hold, take the further period, or refuse it."""
    return _told(*desk.ask(lambda ws: [ws.request_step(number, action, reason=body.reason)]))


@router.post("/forget")
def forget(body: Wish, desk: At) -> Told:
    """Take requests in and carry them out: every model forgets, every copy is rewritten, a receipt is written."""
    return _told(*desk.change(lambda ws: ws.forget(**body.given())))


@router.post("/rectify")
def rectify(body: Correction, desk: At) -> Told:
    """Correct records under their ids: whole rows, or the columns that were wrong alone."""
    given = body.model_dump(exclude={"rows"}, exclude_none=True)
    return _told(*desk.change(lambda ws: ws.rectify(body.rows, **given)))


@router.post("/data/expire")
def data_expire(desk: At) -> Told:
    """Forget the records that have been kept as long as their data sets say."""
    return _told(*desk.change(lambda ws: ws.data_expire()))
