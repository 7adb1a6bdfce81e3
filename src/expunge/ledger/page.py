"""A verdict as a page that people without programs can read: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from expunge.ledger import audit_words, wording
from expunge.ledger.bundle import Bundle
from expunge.ledger.page_style import STYLE
from expunge.ledger.receipts import ModelChange, Receipt, envelope_hash
from expunge.ledger.verify import Verdict
from expunge.unseen import seen

__all__ = ["page"]


def page(verdict: Verdict, data: bytes) -> str:
    """HTML of a verdict and the receipt that it is about.

    Parameters
    ----------
    verdict : Verdict
    data : bytes
        The bundle that was verified.

    Returns
    -------
    str
        A whole document. Whatever stands in the receipt is shown as text; a receipt whose signature is not good is not
        shown at all.
    """
    receipt = verdict.receipt
    title = f"Receipt of request {receipt.request}" if receipt else "A receipt that cannot be trusted"
    parts = [_banner(verdict), _found(verdict)]
    if receipt:
        parts = [_banner(verdict), _asked(receipt), *(_model(change, receipt.action) for change in receipt.models)]
        parts += [_not_proved(receipt), _found(verdict), _technical(verdict, receipt, data), _FOOT]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{_text(title)}</h1>\n{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _banner(verdict: Verdict) -> str:
    if verdict.ok:
        mark, head = "good", "Verified"
        line = "This receipt is signed by a key that you trust, stands in the log of its issuer, and was not changed."
    else:
        mark, head = "bad", "Not verified"
        line = f"{verdict.lines[-1]} Do not rely on this receipt."
    return f'<p class="banner {mark}" role="status"><strong>{head}.</strong> {_text(line)}</p>\n'


def _asked(receipt: Receipt) -> str:
    due = "none was set" if receipt.due is None else f"{receipt.due}: {'in time' if receipt.in_time else 'late'}"
    rows = {
        "Asked": wording.asked(receipt),
        "Received": wording.moment(receipt.received),
        "Completed": wording.moment(receipt.completed),
        "Due": due,
        "Data sets": " ".join(wording.about_data(change, receipt.action) for change in receipt.data),
    }
    body = f'<p class="lead">{_text(wording.outcome(receipt))}</p>{_table(rows)}{_noted(receipt.notes)}'
    return _section("What was asked, and what was done", body)


def _model(change: ModelChange, action: str) -> str:
    rows = {
        "Method": change.method,
        "Versions": f"{change.version_before} became {change.version_after}",
        f"Records {wording.done_to(action)[1]}": f"{change.records:,}" if change.records else "columns of all",
        "Readings of records": f"{change.work:,}",
        "Guarantee": change.guarantee.kind,
        "In its own words": change.guarantee.statement,
        **wording.numbers(change.guarantee),
    }
    body = f'<p class="lead">{_text(wording.about_guarantee(change.guarantee, action))}</p>{_table(rows)}'
    if change.guarantee.assumptions:
        body += f"<h3>This holds if</h3>{_list(change.guarantee.assumptions)}"
    if change.audit:
        body += f"<h3>What the audit measured</h3>{_audit(change.audit)}"
    return _section(f"Model {change.model}", body + _noted(change.notes))


def _audit(figures: Mapping[str, Any]) -> str:
    told = audit_words.told(figures)
    lead = f'<p class="lead">{_text(told.verdict)}</p>' if told.verdict else ""
    return f"{lead}{_table(told.rows)}"


def _not_proved(receipt: Receipt) -> str:
    return _section("What this does not prove", _list(receipt.not_proved))


def _found(verdict: Verdict) -> str:
    return _section("What was looked at", _list(verdict.lines))


def _technical(verdict: Verdict, receipt: Receipt, data: bytes) -> str:
    bundle = Bundle.from_bytes(data)
    rows = {"SHA-256 of the receipt": envelope_hash(bundle.envelope), "Place in the log": str(bundle.index)}
    if verdict.head:
        rows |= {"Entries in the log": str(verdict.head.size), "Signed root": verdict.head.root}
        rows |= {"Signed with the key": verdict.head.key_id}
    for subject in receipt.to_statement()["subject"]:
        rows[f"Blinded digest of {subject['name']}"] = subject["digest"]["sha256"]
    del rows[f"Blinded digest of request/{receipt.request}"]
    for change in receipt.data:
        rows[f"Records of {change.data}@{change.version_before}, blinded"] = change.before
        rows[f"Records of {change.data}@{change.version_after}, blinded"] = change.after
    for model in receipt.models:
        rows[f"Settings of {model.model}"] = model.configuration
        if model.previous:
            rows[f"Receipt before this one of {model.model}"] = model.previous
    rows["Software"] = f"expunge {receipt.code_version}"
    rows |= receipt.numerics
    return (
        "<details><summary>For technical readers</summary><p>A blinded digest can be compared with a model only by "
        f"somebody to whom the issuer shows the number that blinds it.</p>{_table(rows, code=True)}</details>\n"
    )


# ---------------------------------------------------------------- pieces

_FOOT = (
    "<footer>This page says in words what the receipt says. It is not the receipt: what counts is the file, which "
    "anybody can verify with the public key of its issuer.</footer>\n"
)


def _text(value: str) -> str:
    return html.escape(seen(value))


def _section(title: str, body: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{body}</section>\n"


def _list(items: Iterable[str]) -> str:
    found = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f"<ul>{found}</ul>" if found else ""


def _noted(notes: Iterable[str]) -> str:
    found = _list(notes)
    return f"<h3>Notes</h3>{found}" if found else ""


def _table(rows: Mapping[str, str], *, code: bool = False) -> str:
    mark = ' class="code"' if code else ""
    cells = (
        f"<tr><th scope='row'>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows.items() if value
    )
    return f"<table{mark}>{''.join(cells)}</table>"
