"""``expunge methods``."""

from __future__ import annotations

import dataclasses

from expunge.cli.options import Json
from expunge.cli.output import Output


def methods(as_json: Json = False) -> None:
    """List the methods: their task, their guarantee and what they can do."""
    from expunge.workspace import list_methods, list_network_methods

    out = Output(as_json)
    with out.working("Listing"):
        cards = [*list_methods(), *list_network_methods()]
    rows = [
        (card.name, card.task, card.guarantee, ", ".join(card.forgets), "yes" if card.learns else "no")
        for card in cards
    ]
    data = {"methods": [dataclasses.asdict(card) for card in cards]}
    out.table(data, ("method", "task", "guarantee", "forgets", "learns more"), rows)
