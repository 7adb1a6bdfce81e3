"""Routes that look: what there is, what was learned from whom, and what a model says. They change nothing."""

from __future__ import annotations

from fastapi import APIRouter

from expunge.service.answers import Told, rows_of, told
from expunge.service.at import At
from expunge.service.bodies import Asked, Rows

router = APIRouter(tags=["looking"])


@router.get("/status")
def status(desk: At) -> Told:
    """What there is, what is open, and what is to be done next."""
    return told(*desk.ask(lambda ws: ws.status()))


@router.get("/data")
def data_list(desk: At) -> Told:
    """All data sets."""
    found, notes = desk.ask(lambda ws: ws.data_list())
    return told({"data": found}, notes)


@router.get("/data/{name}")
def data_show(name: str, desk: At) -> Told:
    """One data set: its columns, where its rows came from, and how long they are kept."""
    return told(*desk.ask(lambda ws: ws.data_show(name)))


@router.get("/models")
def model_list(desk: At) -> Told:
    """All models."""
    found, notes = desk.ask(lambda ws: ws.model_list())
    return told({"models": found}, notes)


@router.get("/models/{name}")
def model_show(name: str, desk: At) -> Told:
    """One model: its method, options, columns and guarantee."""
    return told(*desk.ask(lambda ws: ws.model_show(name)))


@router.post("/models/{name}/predict")
def predict(name: str, body: Rows, desk: At) -> Told:
    """Predictions of the version in use."""
    frame, notes = desk.ask(lambda ws: ws.predict(name, body.rows, probabilities=body.probabilities))
    return told({"predictions": rows_of(frame)}, notes)


@router.post("/find")
def find(body: Asked, desk: At) -> Told:
    """All that holds or learned from a person or record, with dates."""
    found, notes = desk.ask(lambda ws: ws.find(**body.given()))
    return told({"found": [one.to_dict() for one in found]}, notes)


@router.post("/plan")
def plan(body: Asked, desk: At) -> Told:
    """What forgetting would cost and promise, model by model."""
    made, notes = desk.ask(lambda ws: ws.plan(**body.given()))
    return told(made.to_dict(), notes)
