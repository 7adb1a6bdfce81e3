"""Options that several commands share, and how what they hold is read."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from expunge.errors import InvalidParameterError, InvalidRequestError

__all__ = [
    "Asked", "At", "Caller", "Data", "DataName", "Delimiter", "Encoding", "Json", "Key", "Name", "Override", "Received",
    "Regime", "asks", "column_types", "integers", "json_values", "refuse_given",
]  # fmt: skip

#: What the options that :func:`asks` adds hold, as the facade takes it.
Asked = dict[str, list[str]]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
At = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="Default: EXPUNGE_WORKSPACE, or the nearest one upwards."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.")]
DataName = Annotated[str | None, typer.Option("--data", metavar="NAME", help="Only in this data set.")]
Caller = Annotated[str, typer.Option(help="Who asks, for --key.")]
Key = Annotated[str, typer.Option(help="The caller's own key: asking again with it is the same request.")]
Received = Annotated[str | None, typer.Option(metavar="WHEN", help="Arrival, as 2026-03-05; default: now.")]
Regime = Annotated[str | None, typer.Option(help="The law, as gdpr or ccpa; default: that of the workspace.")]
Override = Annotated[str, typer.Option(metavar="REASON", help="Short code for why forgotten rows may come in again.")]
Data = Annotated[Path, typer.Option(metavar="FILE", help="CSV or Parquet file; may be packed by gzip.")]
Delimiter = Annotated[
    str | None, typer.Option(help="Between the cells of a CSV file, as ';' or tab; default: a comma.")
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of a CSV file, as latin-1, cp1252 or utf-16; default: UTF-8.")
]

Records = Annotated[list[str] | None, typer.Option("--record", help="Id of a record; may be repeated.")]
Subjects = Annotated[list[str] | None, typer.Option("--subject", help="Id of a person; may be repeated.")]
Classes = Annotated[list[str] | None, typer.Option("--class", help="A whole class; may be repeated.")]
Features = Annotated[list[str] | None, typer.Option("--feature", help="A whole column; may be repeated.")]
IdsFrom = Annotated[Path | None, typer.Option(help="File with one id per line; - for standard input. Needs --by.")]
By = Annotated[str | None, typer.Option(help="What --ids-from holds: record, subject, class or feature.")]

#: What a command may be asked about, in the order of its help; see :func:`asks`.
_ASKED = {
    "subject": Subjects, "record": Records, "class_": Classes, "feature": Features, "ids_from": IdsFrom, "by": By,
}  # fmt: skip

_PLURALS = {"record": "records", "subject": "subjects", "class": "classes", "feature": "features"}


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what is to be forgotten; it is called with what they hold as ``asked``.

    Without any of them ``asked`` is empty where the command has a default for it, else the request is refused.
    """
    own = inspect.signature(command).parameters
    hints = get_type_hints(command, include_extras=True)
    is_needed = own["asked"].default is inspect.Parameter.empty
    shown = {name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in _ASKED}
    kept = {name: one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, one in own.items() if name != "asked"}
    hints = {**_ASKED, **{name: hint for name, hint in hints.items() if name != "asked"}}

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        named = {name: given.pop(name) for name in _ASKED}
        asked = request_of(**named) if is_needed or any(named.values()) else {}
        command(asked=asked, **given)

    every = [one.replace(annotation=hints[name]) for name, one in (shown | kept).items()]
    wrapped.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    wrapped.__annotations__ = hints
    return wrapped


def request_of(
    record: Sequence[str] | None, subject: Sequence[str] | None, class_: Sequence[str] | None,
    feature: Sequence[str] | None, ids_from: Path | None, by: str | None,
) -> dict[str, list[str]]:  # fmt: skip
    """What to forget, from the options that :func:`asks` adds."""
    from expunge.workspace import read_ids

    request = {"records": record, "subjects": subject, "classes": class_, "features": feature}
    out = {name: list(values) for name, values in request.items() if values}
    if (ids_from is None) != (by is None):
        raise InvalidRequestError(
            "--ids-from and --by go together.", hint="For example --ids-from people.txt --by subject, or --by record."
        )
    if by is not None and by not in _PLURALS:
        raise InvalidRequestError(f"--by is {by!r}.", hint=f"It takes one of {', '.join(_PLURALS)}.")
    if ids_from is not None and by is not None:
        ids = read_ids(ids_from)
        if not ids:
            raise InvalidRequestError("The input holds no id.", hint="Give one in a line.")
        out[_PLURALS[by]] = out.get(_PLURALS[by], []) + ids
    if not any(out.values()):
        raise InvalidRequestError(
            "Name what to forget.", hint="With --record, --subject, --class or --feature, or with --ids-from and --by."
        )
    if "features" in out and len(out) > 1:
        raise InvalidRequestError("--feature stands alone.", hint="Forget records and columns one after the other.")
    return out


def refuse_given(context: typer.Context, names: Iterable[str], what: str) -> None:
    """Refuse options that stand on the command line and would be passed over.

    Raises
    ------
    InvalidRequestError
        The first of them.
    """
    passed_over = set(names)
    for one in context.command.params:
        source = context.get_parameter_source(one.name or "")
        if one.name in passed_over and source is not None and source.name == "COMMANDLINE":
            raise InvalidRequestError(f"{one.opts[0]} has no use for {what}.", hint="Leave it out.")


def pairs(texts: Iterable[str] | None, option: str) -> dict[str, str]:
    """``name=value`` texts as a dict; the name may hold an equals sign, the value not."""
    out: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise InvalidParameterError(f"{option} takes name=value, got {text!r}.", hint="See --help.")
        out[name] = value
    return out


def column_types(texts: Sequence[str] | None) -> dict[str, str]:
    """Types of columns from ``age=number,job=text``."""
    return pairs((part for text in texts or () for part in text.split(",")), "--columns")


def integers(text: str | None, option: str) -> list[int] | None:
    """Integers from ``5,10,20``; None stays None.

    Raises
    ------
    InvalidParameterError
        A part of the text is no integer.
    """
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidParameterError(f"{option} takes integers, got {text!r}.", hint="For example 5,10,20.") from None


def json_values(texts: Sequence[str] | None, option: str) -> dict[str, Any]:
    """Constructor arguments from ``n_shards=10``: JSON where it is, else text."""
    out: dict[str, Any] = {}
    for name, value in pairs(texts, option).items():
        try:
            out[name] = json.loads(value)
        except ValueError:
            out[name] = value
    return out
