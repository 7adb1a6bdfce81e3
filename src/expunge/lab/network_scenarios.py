"""Scenarios of methods for networks: every method, tuned alike, on Fashion-MNIST; some of them on other pictures.

The dials were found by ``expunge lab tune``, with the same number of trials for each method, and stand in
``network_settings.json``: for a random tenth and for one class. Other requests take those of the random tenth. So does
a network that is trained for a hundred passes instead of forty, each method with two and a half times as many.

ResNet-18 is for a graphics processor: some methods, with dials of their own and half as many passes, as it is trained
for half as many.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections.abc import Iterator, Sequence

from expunge.lab.cells import Cell, Scenario, cross
from expunge.lab.network_methods import LAB_NETWORK_METHODS

__all__ = [
    "CLOTHES", "GPU", "GPU_METHODS", "LONG", "LONG_REQUESTS", "MODEL", "N_REFERENCES", "REQUESTS", "SAMPLES", "SHORTER",
    "gpu_cells", "network_cells", "stretched", "tuned", "with_model",
]  # fmt: skip

#: 1,031 pictures are trained on: small enough to be known by heart, as do-nothing's gap has to show.
CLOTHES, MODEL = "fashion@n=1600,test=official", "cnn-strided"
REQUESTS = ("random@0.1", "class@3", "random@0.01", "subject@1", "memorised@0.05", "mislabelled@0.05")
#: The same network trained for longer, and requests of it.
LONG, LONGER, LONG_REQUESTS = "cnn-strided@epochs=100", 2.5, ("random@0.1",)
#: Without the forget set; a third as many know it.
N_REFERENCES = 8
#: Other pictures, each with one request.
SAMPLES = (
    ("mnist@n=1600,test=official", "mislabelled@0.05"),
    ("cifar10@n=1600,test=official", "random@0.1"),
    ("faces", "subject@1"),
)
#: All 10,000 pictures that are at hand, not augmented: they have to be known by heart. Workload, model, request.
GPU = ("cifar10@test=official", "resnet18@augment=0,epochs=20", "random@0.1")
SHORTER, N_GPU_REFERENCES = 0.5, 4
_SAMPLED = ("fine-tuning", "neg-grad-plus", "random-labels", "sal-un", "scrub", "ssd")
GPU_METHODS = (*_SAMPLED, "cfk", "euk")
_ALWAYS = ("retrain", "do-nothing")
_THREE = (0, 1, 2)


def network_cells(
    requests: Sequence[str] = REQUESTS, *, samples: Sequence[tuple[str, str]] = SAMPLES,
    long: Sequence[str] = LONG_REQUESTS, train: Sequence[int] = _THREE, n_references: int = N_REFERENCES,
) -> Iterator[Cell]:  # fmt: skip
    """The cells, with tuned dials.

    Parameters
    ----------
    requests : sequence of str
        Of Fashion-MNIST.
    samples : sequence of (str, str)
        Other pictures, and requests of these.
    long : sequence of str
        Of Fashion-MNIST, with the network that is trained for longer.
    train : sequence of int
        Seeds of training.
    n_references : int
    """
    every = tuple(LAB_NETWORK_METHODS)
    groups = [(CLOTHES, MODEL, request, [tuned(name, request) for name in every]) for request in requests]
    groups += [(CLOTHES, LONG, request, [stretched(tuned(name, request)) for name in every]) for request in long]
    groups += [(workload, MODEL, request, [tuned(name, request) for name in _SAMPLED]) for workload, request in samples]
    for workload, model, request, methods in groups:
        scenarios = [Scenario(workload, model, request, method) for method in (*_ALWAYS, *methods)]
        yield from cross(scenarios, train=train, n_references=n_references)


def gpu_cells(
    setting: tuple[str, str, str] = GPU, *, train: Sequence[int] = _THREE, n_references: int = N_GPU_REFERENCES
) -> Iterator[Cell]:
    """Cells for a graphics processor (``EXPUNGE_DEVICE=cuda``): the sampled methods and those of the last layers.

    Parameters
    ----------
    setting : (str, str, str)
        Workload, model and request.
    train : sequence of int
    n_references : int
    """
    methods = [tuned(name, with_model(*setting[1:])) for name in GPU_METHODS]
    scenarios = [Scenario(*setting, method) for method in (*_ALWAYS, *methods)]
    yield from cross(scenarios, train=train, n_references=n_references)


def with_model(model: str, request: str) -> str:
    """Under which name the dials of a request stand that were found on another than the usual network.

    Examples
    --------
    >>> with_model("resnet18@epochs=20", "random@0.1")
    'resnet18 random@0.1'
    """
    return f"{model.partition('@')[0]} {request}"


def stretched(method: str) -> str:
    """The same dials, with as many more passes as the longer training has.

    Examples
    --------
    >>> stretched("scrub@epochs=3,lr=0.004"), stretched("ssd@2")
    ('scrub@epochs=8,lr=0.004', 'ssd@2')
    """
    return re.sub(r"(?<=epochs=)\d+", lambda found: str(round(LONGER * int(found[0]))), method)


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
