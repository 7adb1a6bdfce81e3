"""Pages that follow from the code are those that the code gives now."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
assert _spec
assert _spec.loader
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", generate.PAGES)
def test_page_is_up_to_date(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == generate.PAGES[name](), "python docs/generate.py writes it again"
    assert len(written.splitlines()) > 10


def test_what_the_table_says_of_networks_without_torch_is_what_their_classes_say() -> None:
    pytest.importorskip("torch")
    from expunge import networks
    from expunge.methods import find_method
    from expunge.methods.networks.adopted_weights import method_of
    from expunge.workspace.tabular.catalogue import list_network_methods

    told = {card.python.partition(".")[2]: card for card in list_network_methods()}
    assert set(told) == {*networks.NETWORK_MODELS, *networks.NETWORK_METHODS}
    for name in networks.NETWORK_MODELS:
        kind, card = find_method(name), told[name]
        assert (kind._strongest, kind._learns, kind._requests) == (card.guarantee, card.learns, card.forgets), name
    for name in networks.NETWORK_METHODS:
        assert method_of(name, None)[0]._strongest == told[name].guarantee, name


def test_every_name_in_the_table_of_methods_is_one_of_python_and_forgets_what_it_says() -> None:
    rows = [line.strip("| ").split(" | ") for line in generate.method_page().splitlines() if line.startswith("| `")]
    cells = [
        (row[1].strip("`").split("."), row[4] if len(row) == 6 else row[3]) for row in rows if row[1] != "in Python"
    ]
    assert len(cells) > 60
    for path, forgets in cells:
        kind = functools.reduce(getattr, path[1:], importlib.import_module(path[0]))
        if path[1] in ("networks", "language") and hasattr(kind, "_requests"):
            assert forgets == ", ".join(kind._requests), path
