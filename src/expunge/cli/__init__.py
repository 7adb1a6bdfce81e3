"""The command line: each command reads its options, calls the facade and prints.

Exit codes: 0 done, 1 an unforeseen error, 2 a wrong command line, and for foreseen errors those of
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
from expunge.cli.init import init
from expunge.cli.keys import keys
from expunge.cli.lab import lab
from expunge.cli.log import log
from expunge.cli.methods import methods
from expunge.cli.model import model
from expunge.cli.output import show_error, show_unforeseen, show_usage
from expunge.cli.plan import plan
from expunge.cli.predict import predict
from expunge.cli.promote import promote
from expunge.cli.rectify import rectify
from expunge.cli.request import request
from expunge.cli.status import status
from expunge.cli.verify import verify
from expunge.errors import ExpungeError

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="expunge", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
for _command in (
    demo, init, fit, adopt, find, plan, forget, rectify, audit, verify, log, status, predict, export, promote, methods,
):  # fmt: skip
    app.command()(_command)
for _group in (data, request, advise, keys, lab):
    app.add_typer(_group)
