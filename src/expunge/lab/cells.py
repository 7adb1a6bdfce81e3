"""Scenarios and their cells: what is run, under names that never change.

A *scenario* is workload × model × request × method; a *cell* is a scenario with its seeds. The id of a cell says all
that its scores follow from, beside the data and the code::

    adult/forest/subject/forget/s0          forest on Adult, ten persons, by the model's own forget, training seed 0
    digits@600/sisa@20/random@0.1/retrain/s1u2e3r0     with unlearning seed 2, evaluation seed 3 and no references

A part may carry a dial behind an @ (:mod:`expunge.lab.spec`). Seeds that are 0, and 40 references, are left out.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator

from expunge.errors import InvalidRequestError
from expunge.methods import kebab, method_names

__all__ = ["N_REFERENCES", "PARTS", "Cell", "Scenario", "Seeds", "cross"]

#: References without the forget set of a cell: 39 are needed to accuse anybody at 5 %.
N_REFERENCES = 40
#: What an id consists of.
PARTS = ("workload", "model", "request", "method", "seeds")

_SEEDS = re.compile(r"s(\d+)(?:u(\d+))?(?:e(\d+))?(?:r(\d+))?")
_ODD_NUMBER = re.compile(r"[@=](0\d[\d.]*|\d*\.\d*0|\.\d+|\d+\.)(?=,|$)")


def _wrong_part(parts: list[str]) -> str:
    """Which part of an id is wrong by its form; names are looked up later, in the tables."""
    if len(parts) != len(PARTS) or not all(parts):
        read = [f"{name} {part!r}" if part else f"no {name}" for name, part in zip(PARTS, parts, strict=False)]
        lacks = [f"no {name}" for name in PARTS[len(parts) :]]
        more = [f"{part!r} is too much" for part in parts[len(PARTS) :]]
        return ", ".join([*read, *lacks, *more])
    return (
        f"{parts[-1]!r} are no seeds, which are written s0, or s1u2e3r8 (training, unlearning, evaluation, references)"
    )


def _by_class(model: str) -> str:
    """A model as ids spell it: a method of the library by its class, where the name of the command line is given."""
    family, at, dial = model.partition("@")
    if family != "estimator":
        return model
    key, equals, name = dial.rpartition("=")
    return f"{family}{at}{key}{equals}{ {kebab(one): one for one in method_names()}.get(name, name) }"


@dataclasses.dataclass(frozen=True, order=True)
class Scenario:
    """What is done to what.

    Parameters
    ----------
    workload, model, request, method : str
        Names in the tables of the lab, with dials or without.
    """

    workload: str
    model: str
    request: str
    method: str

    @property
    def id(self) -> str:
        """Its permanent name."""
        return f"{self.workload}/{self.model}/{self.request}/{self.method}"


@dataclasses.dataclass(frozen=True, order=True)
class Seeds:
    """Three sources of chance.

    Parameters
    ----------
    train : int
        Of the model that will forget.
    unlearn : int
        Of the forgetting.
    evaluation : int
        Of who is trained on, forgotten, held out and tested on, and of the references.
    """

    train: int = 0
    unlearn: int = 0
    evaluation: int = 0


@dataclasses.dataclass(frozen=True, order=True)
class Cell:
    """One experiment.

    Parameters
    ----------
    scenario : Scenario
    seeds : Seeds
    n_references : int
        Models trained without the forget set, by which the cell is measured; a third as many know it. 0: the cell is
        compared with one retrain of its own seed alone.

    Examples
    --------
    >>> cell = Cell.parse("adult/forest/subject/forget/s0")
    >>> cell.scenario.request, cell.n_references, cell.id
    ('subject', 40, 'adult/forest/subject/forget/s0')
    """

    scenario: Scenario
    seeds: Seeds = Seeds()
    n_references: int = N_REFERENCES

    @property
    def id(self) -> str:
        """Its permanent name."""
        seeds = self.seeds
        text = f"s{seeds.train}" + "".join(
            f"{letter}{value}"
            for letter, value, default in (
                ("u", seeds.unlearn, 0), ("e", seeds.evaluation, 0), ("r", self.n_references, N_REFERENCES),
            )
            if value != default
        )  # fmt: skip
        return f"{self.scenario.id}/{text}"

    @property
    def shared(self) -> str:
        """Name of what it shares with others: the drawn request and the references."""
        s = self.scenario
        return f"{s.workload}/{s.model}/{s.request}/e{self.seeds.evaluation}r{self.n_references}"

    @property
    def n_unforgotten(self) -> int:
        """References that know the forget set: 14 of 40, so that the power can be called sufficient."""
        return math.ceil(0.35 * self.n_references)

    @property
    def n_models(self) -> int:
        """All references."""
        return self.n_references + self.n_unforgotten

    @classmethod
    def parse(cls, text: str) -> Cell:
        """The cell of an id; a method of the library may be named as on the command line (``estimator@gaussian-nb``).

        Raises
        ------
        InvalidRequestError
            This is no id of a cell, or a number in it is written in an unusual way: one cell has one id.
        """
        *parts, seeds = text.strip().split("/")
        found = _SEEDS.fullmatch(seeds)
        if len(parts) != 4 or not all(parts) or found is None:
            raise InvalidRequestError(
                f"{text!r} names no cell of the lab: {_wrong_part([*parts, seeds])}.",
                hint="A cell is workload/model/request/method/seeds, as in adult/forest/subject/forget/s0.",
            )
        if odd := next(filter(None, map(_ODD_NUMBER.search, parts)), None):
            raise InvalidRequestError(
                f"{text!r} spells a number in an unusual way: {odd[1]!r}.", hint="Write 0.1 for 0.10, and 300 for 0300."
            )
        train, unlearn, evaluation, references = (None if g is None else int(g) for g in found.groups())
        parts[1] = _by_class(parts[1])
        return cls(
            Scenario(*parts), Seeds(train or 0, unlearn or 0, evaluation or 0),
            N_REFERENCES if references is None else references,
        )  # fmt: skip


def cross(
    scenarios: Iterable[Scenario], *, train: Iterable[int] = (0,), unlearn: Iterable[int] = (0,),
    evaluation: Iterable[int] = (0,), n_references: int = N_REFERENCES,
) -> Iterator[Cell]:  # fmt: skip
    """Every scenario with every training, unlearning and evaluation seed.

    Examples
    --------
    >>> [cell.id for cell in cross([Scenario("a", "b", "c", "d")], train=(0, 1), unlearn=(0, 1))]
    ['a/b/c/d/s0', 'a/b/c/d/s0u1', 'a/b/c/d/s1', 'a/b/c/d/s1u1']
    """
    t, u, e = tuple(train), tuple(unlearn), tuple(evaluation)
    for scenario in scenarios:
        for one in t:
            for other in u:
                for third in e:
                    yield Cell(scenario, Seeds(one, other, third), n_references)
