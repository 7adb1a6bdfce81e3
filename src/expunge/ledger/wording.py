"""What a receipt says, in sentences for people who read neither code nor hashes."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context

from expunge.ledger import audit_words
from expunge.ledger.receipts import DataChange, ModelChange, Receipt
from expunge.records import Guarantee
from expunge.unseen import seen

__all__ = [
    "about_data", "about_guarantee", "about_request", "asked", "done_to", "moment", "numbers", "outcome", "sentences",
]  # fmt: skip

#: What is asked, with a place for the data set that a request is limited to.
_ACTIONS = {
    "forget-subject": "forget everything about one person{}",
    "forget-records": "forget some records{}",
    "forget-classes": "forget every record of a class{}",
    "forget-features": "forget columns of all records{}",
    "rectify": "replace records{} by corrected ones",
    "expire": "forget records{} that were kept as long as agreed",
}
#: What a model would have been made from, where it is not the records that are left.
_MADE_FROM = {"rectify": "the corrected records and all others", "forget-features": "the remaining columns alone"}
_KINDS = {
    "exact": "The issuer states that the model is now, bit for bit, the one that would have been made from {}, with "
    "the same settings and in the same environment.",
    "certified": "The issuer states that the model cannot be told from one made from {}, but for a small margin that "
    "is proved (epsilon and delta below).",
    "bounded": "The issuer states that the model is no further than a proved distance from one made from {}.",
    "empirical": "Nothing is proved about the model. It was tested, and the figures of the audit say what was found.",
}


def outcome(receipt: Receipt) -> str:
    """The outcome, in one sentence."""
    if receipt.outcome == "nothing-held":
        where = "the workspace" if receipt.within is None else f"the data set {receipt.within}, which it is limited to,"
        return f"Nothing was held: {where} knew no record that the request names."
    models, sets = [change.model for change in receipt.models], [change.data for change in receipt.data]
    rows = "columns" if receipt.action == "forget-features" else "records"
    said = f"The request was carried out{'.' if models else f'; no model had learned from the {rows}.'}"
    return " ".join([said, *_changed("model", models), *_changed("data set", sets)])


def _changed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    return [f"{f'One {what}' if len(names) == 1 else f'{len(names)} {what}s'} changed: {', '.join(names)}."]


def asked(receipt: Receipt) -> str:
    """What was asked: in words, or the code itself where there are none."""
    where = "" if receipt.within is None else f" in the data set {receipt.within}"
    return _ACTIONS[receipt.action].format(where) if receipt.action in _ACTIONS else receipt.action + where


def about_request(receipt: Receipt) -> str:
    """What was asked, when, and whether it was done in time."""
    sentence = f"Request {receipt.request}, received {moment(receipt.received)}: {asked(receipt)}. "
    sentence += f"Completed {moment(receipt.completed)}"
    if receipt.due is None:
        return f"{sentence}; no day was set."
    return f"{sentence}; due on {receipt.due}: {'in time' if receipt.in_time else 'late'}."


def done_to(action: str) -> tuple[str, str]:
    """The word for what an action does, and for what was done."""
    return ("correcting", "corrected") if action == "rectify" else ("forgetting", "forgotten")


def about_data(change: DataChange, action: str) -> str:
    """What happened to a data set, in one sentence."""
    told = f"{change.data}: version {change.version_before} became version {change.version_after}"
    if change.records is None:
        return f"{told}."
    was = "was" if change.records == 1 else "were"
    return f"{told}; {_rows(change.records)} {was} {'corrected' if action == 'rectify' else 'taken out'}."


def _rows(count: int) -> str:
    """So many records; where there are none, columns went."""
    return f"{count:,} record{'' if count == 1 else 's'}" if count else "columns"


def _about_model(change: ModelChange, action: str) -> str:
    """What happened to a model, in one sentence."""
    times = f"{change.work:,} time{'' if change.work == 1 else 's'}"  # each tree reads for itself
    return (
        f"{change.model} ({change.method}): version {change.version_before} became version {change.version_after} by "
        f"{done_to(action)[0]} {_rows(change.records)}; to do so records were read {times}."
    )


def about_guarantee(guarantee: Guarantee, action: str = "") -> str:
    """What a kind of guarantee means, after what was done."""
    return _KINDS[guarantee.kind].format(_MADE_FROM.get(action, "the remaining records alone"))


def _about_audit(change: ModelChange) -> str:
    """What the audit of a model said: its verdict, or its figures where it has none."""
    if not change.audit:
        return "Audit: none is in this receipt."
    told = audit_words.told(change.audit)
    return f"Audit: {told.verdict or '; '.join(f'{name}: {text}' for name, text in told.rows.items())}"


def numbers(guarantee: Guarantee) -> dict[str, str]:
    """The numbers of a guarantee, by their names; none for an exact or an empirical one.

    They have six digits, and never promise more than those that are signed: what is spent or at most so large is
    rounded up, what is left or hidden down.
    """
    values = {
        "Epsilon": _up(guarantee.epsilon),
        "Delta": _up(guarantee.delta),
        "Distance at most": _up(guarantee.bound),
        "Measured as": guarantee.norm,
        "Epsilon left": _down(guarantee.epsilon_left),
        "Residual gradient at most": _up(guarantee.residual),
        "Residual that is hidden": _down(guarantee.residual_limit),
    }
    return {name: value for name, value in values.items() if value is not None}


def _up(value: float | None) -> str | None:
    return None if value is None else _six_digits(value, ROUND_CEILING)


def _down(value: float | None) -> str | None:
    return None if value is None else _six_digits(value, ROUND_FLOOR)


def _six_digits(value: float, rounding: str) -> str:
    """The shortest text of at most six digits; what twelve cannot tell from them (0.1 + 0.2) is them."""
    told = Context(prec=6, rounding=rounding).create_decimal(f"{value:.12g}")
    return f"{float(told):g}"


def sentences(receipt: Receipt) -> list[str]:
    """The receipt for a terminal, line by line."""
    lines = [about_request(receipt), outcome(receipt)]
    lines += [about_data(change, receipt.action) for change in receipt.data]
    for change in receipt.models:
        lines += [_about_model(change, receipt.action), f"Guarantee: {change.guarantee.sentence()}"]
        lines += [f"{name}: {value}" for name, value in numbers(change.guarantee).items()]
        lines += [_about_audit(change), *change.notes]
    return [seen(line) for line in [*lines, *receipt.notes]]


def moment(time: str) -> str:
    """A moment as people write it."""
    return f"{time[:10]} at {time[11:16]} UTC"
