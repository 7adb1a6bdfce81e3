"""A picture of the scores of all records, and how pictures are made and written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from expunge.files.whole import write_whole

if TYPE_CHECKING:
    from expunge.influence.result import Influence

__all__ = ["new_figure", "write_figure", "write_scores"]

_UP, _DOWN, _PLAIN = "#1f5f9e", "#b45f06", "#5b6575"


def write_scores(found: Influence, path: str | Path, *, k: int = 20) -> Path:
    """All scores, sorted, and the k largest by name; see :meth:`Influence.plot`."""
    figure = new_figure(9, 0.8 + 0.2 * max(12, min(k, len(found))))
    every, names = figure.subplots(1, 2, width_ratios=(2, 3))
    scores = np.sort(found.scores)[::-1]
    every.plot(np.arange(1, len(scores) + 1), scores, color=_PLAIN, linewidth=1.6)
    every.axhline(0, color="0.7", linewidth=0.8)
    every.set_xlabel(f"{found.by}s, sorted", fontsize=9)
    every.set_ylabel("what forgetting one changes", fontsize=9)
    top = found.top(k)[::-1]
    names.barh(range(len(top)), [one.score for one in top], color=[_UP if one.score > 0 else _DOWN for one in top])
    names.set_yticks(range(len(top)), [str(one.id) for one in top])
    names.axvline(0, color="0.7", linewidth=0.8)
    names.set_xlabel("blue: forgetting it raises, orange: lowers", fontsize=9)
    for axes in (every, names):
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    figure.suptitle(found.sentence(), fontsize=10, x=0.01, ha="left")
    return write_figure(figure, path)


def new_figure(width: float, height: float) -> Any:
    """A figure of so many inches that needs no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Any, path: str | Path) -> Path:
    """A figure as a PNG file, whole or not at all; the same bytes for the same figure."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    data = stream.getvalue()
    return write_whole(Path(path), lambda file: file.write(data))
