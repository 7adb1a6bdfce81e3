"""How a request stands, for programs and for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from expunge.workspace.requests.targets import NOTHING_HELD, not_searched, told_as_respelled
from expunge.workspace.rules.request_states import REASONS, Request

__all__ = ["Answer", "what_of"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a request stands.

    Parameters
    ----------
    request : Request
    receipt : Path or None
        Its receipt, once there is one.
    waiting : tuple of str
        What was derived from its models and is not settled yet.
    models : tuple of mapping
        What happened to each model, once it did: name, versions, guarantee, records or columns (``features``), work.
    data : tuple of mapping
        What happened to each data set: name, versions, records or columns (``features``), and where its rows came from
        (``sources``).
    problem : str
        Why it could not be carried out just now; it waits on.
    problem_code : str
        The code of that error, from :data:`expunge.errors.EXIT_CODES`.
    known_as : str
        What receipts and the log call it, for outsiders, who cannot tell its number from that.
    audits : tuple of mapping
        What audits of its models said: ``model``, ``figures`` as in the receipt, and, of one that was made afterwards,
        the ``receipt`` that has them.
    unsearched : tuple of str
        Data sets without a column of persons, in which the person could not be looked for just now.
    respelled : tuple of (int or str)
        Ids of which something is held still, and which only their spelling tells from what was asked just now.
    predictions : tuple of str
        Files of kept predictions that were deleted just now.
    overdue : bool
        Whether it is open, and its last day is over.
    still_held : tuple of mapping
        What still holds a person who was forgotten in one data set just now: ``what`` it is, and its ``name``.
    """

    request: Request
    receipt: Path | None
    waiting: tuple[str, ...]
    models: tuple[Mapping[str, Any], ...] = ()
    data: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""
    problem_code: str = ""
    known_as: str = ""
    audits: tuple[Mapping[str, Any], ...] = ()
    unsearched: tuple[str, ...] = ()
    respelled: tuple[Any, ...] = ()
    predictions: tuple[str, ...] = ()
    overdue: bool = False
    still_held: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without handles; the caller is the keyed hash that is kept."""
        request = self.request
        return {
            "request": request.number, "known_as": self.known_as, "kind": request.kind,
            "action": request.action or None, "within": request.within or None, "state": request.state,
            "caller": request.caller, "regime": request.regime, "due": str(request.due().day), "overdue": self.overdue,
            "received": request.received.isoformat(), "reason": request.reason,
            "receipt": None if self.receipt is None else str(self.receipt),
            "waiting": list(self.waiting), "models": [dict(model) for model in self.models],
            "data": [dict(data) for data in self.data], "problem": self.problem,
            "problem_code": self.problem_code,
            "audits": [dict(audit) for audit in self.audits],
            "unsearched": list(self.unsearched), "respelled": list(self.respelled),
            "predictions": list(self.predictions),
            "still_held": [dict(one) for one in self.still_held],
            "history": [
                {"action": step.action, "at": step.at.isoformat(), "reason": step.reason} for step in request.history
            ],
        }  # fmt: skip

    def lines(self) -> list[str]:
        """What came of it, for people."""
        request = self.request
        out = [f"Request {request.number} ({self.about()}): {request.state}{self._why()}, {self._due()}."]
        if self.problem:
            out.append(f"It could not be carried out and waits on: {self.problem}")
        if request.state == "nothing-held":
            within = f"That is of the data set {request.within!r} alone, which was asked about."
            out += [NOTHING_HELD, *([within] if request.within else [])]
        is_rectified = request.kind == "rectify"
        for model in self.models:
            guarantee = model["guarantee"]
            out.append(
                f"{model['model']}: version {model['version_before']} -> {model['version_after']}, "
                f"{_what(model)} {'corrected' if is_rectified else 'forgotten'}, {model['work']:,} read "
                f"again; {guarantee['kind']}: {guarantee['statement']}."
            )
            out += [f"{model['model']}: {note}." for note in model["notes"]]
        for audit in self.audits:
            out += _audit_lines(audit)
        for data in self.data:
            what = f"{_what(data)} {'corrected' if is_rectified else 'taken out'}"
            out.append(
                f"{data['data']}: data version {data['version_before']} -> {data['version_after']}, {what}, "
                f"{'files rewritten' if data['copied'] else 'only referred to'}."
            )
        if self.predictions:
            out.append(f"Kept predictions were deleted: {', '.join(self.predictions)}.")
        out += [f"Waiting for {name}: settle it with `expunge request settle {request.number} {name}`."
                for name in self.waiting]  # fmt: skip
        return out + ([f"Receipt: {self.receipt}"] if self.receipt is not None else [])

    def outside(self) -> list[str]:
        """What is left to do: where nobody could be looked for, under ids that are spelled otherwise, and at the places
        that the rows and models came from, where no workspace reaches."""
        verb = "correct" if self.request.kind == "rectify" else "delete"
        out = [*not_searched(self.unsearched), *told_as_respelled(self.respelled)]
        if self.still_held:
            places = ", ".join(f"{one['what']} {one['name']!r}" for one in self.still_held)
            out.append(
                f"Only the data set {self.request.within!r} was asked about. Something is still held of the person in "
                f"{places}: ask without a data set to have all of it forgotten."
            )
        for first, *more in dict.fromkeys(tuple(data["sources"]) for data in self.data):
            where, are = (f"{first} is", "there") if not more else (f"{', '.join((first, *more))} are", "where it is")
            which = " One of these may hold it, and the workspace does not know which." if more else ""
            out.append(f"{where} not the workspace's: {verb} the same {are}, if that has not been done.{which}")
        for model in self.models:
            out += [
                f"{path}, which {model['model']} was taken over from, is not the workspace's and knows what it knew: "
                "delete it, if that has not been done." for path in model.get("taken_from", ())
            ]  # fmt: skip
        return out

    def about(self) -> str:
        """What kind of request it is, and in which data set, if it is limited to one."""
        kind = self.request.action or self.request.kind
        return f"{kind} in {self.request.within!r}" if self.request.within else kind

    def details(self) -> list[str]:
        """All that is known of the request, for people: who asked, under which law, and what became of it when."""
        request = self.request
        out = [*self.lines(), f"Receipts and the log call it {self.known_as}."]
        out.append(f"Under {request.regime}, asked by {request.caller or 'nobody who gave a name'}.")
        out.append(f"{request.received:%Y-%m-%d %H:%M} received (times in UTC)")
        for step in request.history:
            words = REASONS.get(step.action, {}).get(step.reason or "", "")
            why = f": {step.reason}, {words}" if words else ""
            out.append(f"{step.at:%Y-%m-%d %H:%M} {step.action}{why}")
        return out

    def _due(self) -> str:
        return f"{'overdue since' if self.overdue else 'due'} {self.request.due()}"

    def _why(self) -> str:
        return f" ({self.request.reason})" if self.request.reason else ""


def _audit_lines(audit: Mapping[str, Any]) -> list[str]:
    """A verdict, whether so few references could accuse, and where the receipt of an audit made afterwards lies."""
    name, figures = audit["model"], audit["figures"]
    if "verdict" not in figures:  # an audit of the owner's own
        return []
    from expunge.audit.verdict import retrains_needed

    out = [f"{name}: audit: {figures['verdict']}. {figures['sentence']}"]
    n_retrains, alpha = figures.get("n_retrains", 0), float(figures.get("alpha") or 0.05)
    if 0 < n_retrains < (needed := retrains_needed(alpha)):
        out.append(f"{name}: {n_retrains} references; {needed} are needed to accuse anybody at {alpha:g}.")
    return out + ([f"{name}: receipt of that audit: {audit['receipt']}"] if audit["receipt"] else [])


def what_of(records: int, features: Sequence[str] = ()) -> str:
    """What a model forgot, or a data set lost: columns by their names, or so many records."""
    if features:
        return f"column{'s' if len(features) > 1 else ''} {', '.join(map(repr, features))}"
    return f"{records:,} record" if records == 1 else f"{records:,} records"


def _what(change: Mapping[str, Any]) -> str:
    return what_of(change["records"], change.get("features", ()))
