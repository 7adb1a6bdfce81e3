"""The command line: each command reads its options, calls the facade and prints.

Exit codes: 0 done, 1 an unforeseen error, 2 a wrong command line, 130 interrupted, and for foreseen errors those of
:data:`expunge.errors.EXIT_CODES`. With ``--json`` every command prints one JSON object, errors included.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from expunge.cli.adopt import adopt
from expunge.cli.advise import advise
from expunge.cli.audit import audit
from expunge.cli.data import data
from expunge.cli.demo import demo
from expunge.cli.export import export
from expunge.cli.find import find
from expunge.cli.fit import fit
from expunge.cli.forget import forget
from expunge.cli.influence import influence
from expunge.cli.init import init
from expunge.cli.keys import keys
from expunge.cli.lab import lab
from expunge.cli.log import log
from expunge.cli.methods import methods
from expunge.cli.model import model
from expunge.cli.output import INTERRUPTED, show_error, show_interrupted, show_unforeseen, show_usage
from expunge.cli.plan import plan
from expunge.cli.predict import predict
from expunge.cli.promote import promote
from expunge.cli.rectify import rectify
from expunge.cli.request import request
from expunge.cli.serve import serve
from expunge.cli.status import status
from expunge.cli.verify import verify
from expunge.errors import ExpungeError

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="expunge", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
#: What ``expunge --help`` shows together; groups of commands are named beside the commands.
_PANELS = {
    "Data and models": (init, data, fit, adopt, model, predict, influence, export, promote),
    "Requests": (find, plan, forget, rectify, request, status),
    "Proof": (audit, verify, log, keys),
    "More": (demo, advise, methods, lab, serve),
}
for _panel, _members in _PANELS.items():
    for _member in _members:
        if isinstance(_member, typer.Typer):
            app.add_typer(_member, rich_help_panel=_panel)
        else:
            app.command(rich_help_panel=_panel)(_member)


def _version(asked: bool) -> None:
    if asked:
        from expunge import __version__

        typer.echo(f"expunge {__version__}")
        raise typer.Exit


@app.callback()
def _expunge(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of unforeseen errors.")] = False,
) -> None:
    """Make a trained model forget chosen records, and check that it did."""


def main() -> None:
    """Entry point of the command ``expunge``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code.

    Examples
    --------
    >>> run(["--version"])  # doctest: +ELLIPSIS
    expunge ...
    0
    """
    as_json = "--json" in arguments
    command = typer.main.get_command(app)
    try:
        code = int(command.main(args=list(arguments), prog_name="expunge", standalone_mode=False) or 0)
        return show_interrupted(as_json=as_json) if code == INTERRUPTED else code  # typer catches Ctrl-C itself
    except ExpungeError as error:
        return show_error(error, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return show_interrupted(as_json=as_json)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if hasattr(error, "format_message"):
            return show_usage(error, arguments, as_json=as_json)
        if "--debug" in arguments or os.environ.get("EXPUNGE_DEBUG"):
            raise
        return show_unforeseen(error, as_json=as_json)
