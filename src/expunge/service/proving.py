"""Routes that prove: receipts as they lie on the disk, the keys that verify them, the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from expunge.errors import UnknownNameError
from expunge.service.answers import Told, told
from expunge.service.at import At
from expunge.workspace import Workspace, receipt_page

router = APIRouter(tags=["proof"])

_LISTED = ("request", "known_as", "kind", "state", "received", "due")


async def _sent(request: Request) -> bytes:
    return await request.body()


Sent = Annotated[bytes, Depends(_sent)]


@router.get("/receipts")
def receipts(desk: At) -> Told:
    """The requests that have a receipt."""
    answers, notes = desk.ask(lambda ws: ws.request_list(every=True))
    every = [one.to_dict() for one in answers if one.receipt is not None]
    return told({"receipts": [{name: one[name] for name in _LISTED} for one in every]}, notes)


@router.get("/receipts/{number}")
def receipt(number: int, desk: At) -> Response:
    """The receipt of a request, byte for byte as it was signed."""
    data, _ = desk.ask(lambda ws: _receipt_of(ws, number).read_bytes())
    return Response(data, media_type="application/json")


@router.get("/receipts/{number}/page")
def page(number: int, desk: At) -> Response:
    """The receipt of a request, verified against the log, as a page for people."""
    text, _ = desk.ask(lambda ws: receipt_page(ws.verify(_receipt_of(ws, number)), _receipt_of(ws, number)))
    return Response(text, media_type="text/html")


@router.get("/receipts/{number}/audits/{place}")
def audit_receipt(number: int, place: int, desk: At) -> Response:
    """A receipt that an audit attached later, by its place in the list of the request's audits, from 0."""
    data, _ = desk.ask(lambda ws: _audit_of(ws, number, place).read_bytes())
    return Response(data, media_type="application/json")


def _receipt_of(ws: Workspace, number: int) -> Path:
    answer = ws.request_show(number)
    if answer.receipt is None:
        raise UnknownNameError(f"Request {number} has no receipt yet.", hint=f"It is {answer.request.state}.")
    return answer.receipt


def _audit_of(ws: Workspace, number: int, place: int) -> Path:
    lying = {at: one["receipt"] for at, one in enumerate(ws.request_show(number).audits) if one["receipt"]}
    if place not in lying:
        raise UnknownNameError(f"Request {number} has no receipt of an audit {place}.", hint="GET /requests/NUMBER.")
    return Path(lying[place])


@router.post("/verify")
def verify(sent: Sent, desk: At, replay: bool = False) -> Told:
    """Verify the receipt in the body against the log; without one, everything. A replay fits afresh, and compares."""
    alone = desk.change if replay or not sent else desk.ask
    verdict, notes = alone(lambda ws: ws.verify(sent or None, replay=replay))
    return told(verdict.to_dict(), notes)


@router.get("/key")
def key(desk: At) -> Response:
    """The public key that verifies receipts, as PEM: to give away."""
    data, _ = desk.ask(lambda ws: Path(ws.keys_show()["public_key"]).read_bytes())
    return Response(data, media_type="application/x-pem-file")


@router.get("/log")
def log(desk: At) -> Told:
    """All entries of the log."""
    entries, notes = desk.ask(lambda ws: ws.log())
    return told({"entries": entries}, notes)


@router.get("/log/head")
def head(desk: At) -> Response:
    """Size and root of the log, signed now, for an outsider to keep."""
    data, _ = desk.ask(lambda ws: ws.head().envelope)
    return Response(data, media_type="application/json")
