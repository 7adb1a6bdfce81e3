"""``expunge status``."""

from __future__ import annotations

from typing import Any

from expunge.cli.options import At, Json
from expunge.cli.output import Output, counted


def status(workspace: At = None, as_json: Json = False) -> None:
    """Say what there is, what is open, and what is to be done next."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Looking"):
        told = Workspace.open(workspace).status()
    rows = [(one["name"], one["version"], one["state"], one["n_records"]) for one in told["models"]]
    out.table(told, ("model", "version", "state", "records"), rows, lines=_lines(told))


def _lines(told: dict[str, Any]) -> list[str]:
    requests = ", ".join(f"{count} {state}" for state, count in sorted(told["requests"].items())) or "none"
    lines = [
        f"{told['path']}: {counted(len(told['data']), 'data set')}, {counted(len(told['models']), 'model')}, "
        f"{told['log']:,} log {'entry' if told['log'] == 1 else 'entries'}.",
        *(f"Data set {one['name']}: {counted(one['n_records'], 'record')}, {one['kind']}." for one in told["data"]),
        *(
            f"{one['name']} knows {one['n_records']:,} of {one['n_data']:,} records of {one['data']!r}."
            for one in told["models"]
            if one["n_records"] < one["n_data"]
        ),
        *(
            f"{name}: {counted(n, 'record')} {'has outlived its' if n == 1 else 'have outlived their'} time: "
            "`expunge data expire`."
            for name, n in told["outlived"].items()
        ),
        f"Requests: {requests}.",
        *(f"Request {number} is overdue since {day}." for number, day in told["overdue"].items()),
        f"Carry out now: {', '.join(map(str, told['run_now'])) or 'nothing'} ({told['why']}).",
    ]
    if told["pressing"]:
        lines.append(f"Decide on {', '.join(map(str, told['pressing']))}: they wait for you, and their date comes.")
    return lines
