"""Sweeps: one dial is turned, all else stays. Cells without references, compared with one retrain of their own seed."""

from __future__ import annotations

import dataclasses

from expunge.lab.cells import Cell, Scenario, Seeds

__all__ = ["SWEEPS", "Line", "Sweep"]


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of the picture.

    Parameters
    ----------
    name : str
    points : tuple of (float or str, Scenario)
        Where on the axis, and what is run there.
    """

    name: str
    points: tuple[tuple[float | str, Scenario], ...]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A dial and what it does.

    Parameters
    ----------
    title : str
    axis : str
        What the dial is.
    shows : tuple of str
        Scores to draw.
    lines : tuple of Line
    train : tuple of int
        Seeds of training.
    """

    title: str
    axis: str
    shows: tuple[str, ...]
    lines: tuple[Line, ...]
    train: tuple[int, ...] = (0,)

    def cells(self) -> list[Cell]:
        """All cells of it."""
        return [
            Cell(scenario, Seeds(seed), 0) for line in self.lines for _, scenario in line.points for seed in self.train
        ]


def _over(name: str, workload: str, model: str, request: str, method: str, values: tuple[float, ...]) -> Line:
    """A line whose dial stands as {} in one of the parts."""
    parts = (workload, model, request, method)
    return Line(name, tuple((v, Scenario(*(part.replace("{}", f"{v:g}") for part in parts))) for v in values))


_SHARES = (0.01, 0.05, 0.1, 0.25, 0.5)
_REQUESTS = (1, 10, 100, 1000)
_COST = ("work_share",)

SWEEPS: dict[str, Sweep] = {
    "epsilon": Sweep(
        "How much privacy a certificate spends", "epsilon", ("test_accuracy", "js_forget"),
        tuple(
            _over(name, "digits", f"{name}@{{}}", "random", "forget", (0.1, 1, 10))
            for name in ("certified", "langevin", "descent", "newton")
        ),
    ),
    "order": Sweep(
        "An early or a late record", "record", ("work_share", "changed_most"),
        tuple(
            Line(name, (("early", Scenario("digits", model, "early", "forget")),
                        ("late", Scenario("digits", model, "late", "forget"))))
            for name, model in (("shards with slices", "sisa@n_shards=4,n_slices=4"), ("forest", "forest"))
        ),
    ),
    "requests": Sweep(
        "Many requests, one after another", "requests", _COST,
        (
            _over("forest", "adult", "forest", "sequence@{}", "forget", _REQUESTS),
            _over("sums", "adult", "ridge", "sequence@{}", "forget", _REQUESTS),
            _over("shards", "location", "sisa", "sequence@{}", "forget", _REQUESTS),
        ),
    ),
    "shards": Sweep(
        "How many shards", "shards", ("work_share", "test_accuracy"),
        (_over("one record", "location@2000", "sisa@{}", "record", "forget", (2, 5, 10, 20)),),
    ),
    "share": Sweep(
        "How much is forgotten", "share forgotten", ("test_accuracy", "work_share"),
        (
            _over("forest", "adult", "forest", "random@{}", "forget", _SHARES),
            _over("sums", "adult", "ridge", "random@{}", "forget", _SHARES),
            _over("shards", "location@2000", "sisa", "random@{}", "forget", _SHARES),
        ),
        (0, 1, 2),
    ),
    "size": Sweep(
        "How many records are learned", "records", _COST,
        (
            _over("forest, one record", "adult@{}", "forest", "record", "forget", (1000, 2000, 4000, 8000)),
            _over("shards, one record", "adult@{}", "sisa", "record", "forget", (1000, 2000, 4000, 8000)),
        ),
    ),
    "slices": Sweep(
        "How many slices", "slices", ("work_share", "test_accuracy"),
        (_over("four shards", "digits", "sisa@n_shards=4,n_slices={}", "record", "forget", (2, 4, 8)),),
    ),
    "strength": Sweep(
        "How much a fake softens its answers", "strength", ("js_forget", "test_accuracy"),
        (_over("forest", "adult", "forest", "random", "soften@{}", (0, 0.25, 0.5, 0.75, 1)),),
    ),
    "tiny-share": Sweep(
        "How much is forgotten", "share forgotten", ("test_accuracy", "work_share"),
        (_over("tree", "breast-cancer", "tree", "random@{}", "forget", (0.1, 0.3, 0.5)),),
    ),
    "trees": Sweep(
        "How many trees", "trees", ("work_share", "test_accuracy"),
        (_over("one record", "adult", "forest@{}", "record", "forget", (10, 50, 100)),),
    ),
    "width": Sweep(
        "How wide the network is", "hidden units", ("test_accuracy", "js_forget"),
        (_over("trained again", "digits", "mlp@{}", "random", "retrain", (8, 32, 128)),),
    ),
}  # fmt: skip
