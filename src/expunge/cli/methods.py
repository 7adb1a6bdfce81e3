"""``expunge methods``."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from expunge.cli.options import Json
from expunge.cli.output import Output

Task = Annotated[str | None, typer.Option(help="Only those for this task, as classification, regression or network.")]


def methods(task: Task = None, as_json: Json = False) -> None:
    """List the methods: their task, their guarantee and what they can do."""
    from expunge.workspace import list_all_methods

    out = Output(as_json)
    with out.working("Listing"):
        cards = list_all_methods(task)
    rows = [
        (card.name, card.short, card.task, card.guarantee, ", ".join(card.forgets), "yes" if card.learns else "no")
        for card in cards
    ]
    data = {"methods": [dataclasses.asdict(card) for card in cards]}
    out.table(data, ("method", "or short", "task", "guarantee", "forgets", "learns more"), rows)
