"""Scenarios of methods for networks: every method, tuned alike, on Fashion-MNIST; some of them on other pictures.

The dials were found by ``expunge lab tune``, with the same number of trials for each method, and stand in
``network_settings.json``: for a random tenth and for one class. Other requests take those of the random tenth.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterator, Sequence

from expunge.lab.cells import Cell, Scenario, cross
from expunge.lab.network_methods import NETWORK_METHODS

__all__ = ["CLOTHES", "N_REFERENCES", "REQUESTS", "SAMPLES", "network_cells", "tuned"]

#: 1,031 pictures are trained on: small enough to be known by heart, as do-nothing's gap has to show.
CLOTHES, MODEL = "fashion@n=1600,test=official", "cnn-strided"
REQUESTS = ("random@0.1", "class@3", "random@0.01", "subject@1", "memorised@0.05", "mislabelled@0.05")
#: Without the forget set; a third as many know it.
N_REFERENCES = 8
#: Other pictures, each with one request.
SAMPLES = (
    ("mnist@n=1600,test=official", "mislabelled@0.05"),
    ("cifar10@n=1600,test=official", "random@0.1"),
    ("faces", "subject@1"),
)
_SAMPLED = ("fine-tuning", "neg-grad-plus", "random-labels", "sal-un", "scrub", "ssd")
_ALWAYS = ("retrain", "do-nothing")
_THREE = (0, 1, 2)


def network_cells(
    requests: Sequence[str] = REQUESTS, *, samples: Sequence[tuple[str, str]] = SAMPLES, train: Sequence[int] = _THREE,
    n_references: int = N_REFERENCES,
) -> Iterator[Cell]:  # fmt: skip
    """The cells, with tuned dials.

    Parameters
    ----------
    requests : sequence of str
        Of Fashion-MNIST.
    samples : sequence of (str, str)
        Other pictures, and requests of these.
    train : sequence of int
        Seeds of training.
    n_references : int
    """
    groups = [(CLOTHES, request, tuple(NETWORK_METHODS)) for request in requests]
    groups += [(workload, request, _SAMPLED) for workload, request in samples]
    for workload, request, names in groups:
        methods = (*_ALWAYS, *(tuned(name, request) for name in names))
        scenarios = [Scenario(workload, MODEL, request, method) for method in methods]
        yield from cross(scenarios, train=train, n_references=n_references)


def tuned(name: str, request: str) -> str:
    """A method with the dials that were found for this request; as it is where none were.

    Examples
    --------
    >>> tuned("scrub", "random@0.1").partition("@")[0]
    'scrub'
    """
    found = _settings()
    of_request = found.get(request) or found.get("random@0.1", {})
    return of_request.get(name, name)


@functools.cache
def _settings() -> dict[str, dict[str, str]]:
    source = importlib.resources.files("expunge.lab").joinpath("network_settings.json")
    found: dict[str, dict[str, str]] = json.loads(source.read_text(encoding="utf-8"))
    return found
