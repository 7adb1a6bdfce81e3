"""Accuracy against epsilon, and against the deletions that one private fit serves: a picture."""

from __future__ import annotations

import io
from pathlib import Path

from expunge.errors import FileNotUsableError, InvalidParameterError
from expunge.files.whole import write_whole
from expunge.workspace.advice.privacy import PrivacyAdvice

__all__ = ["check_plot", "write_privacy"]

_COLOURS = {"certified": "#1f5f9e", "langevin": "#b45f06", "doing nothing": "#2e7d32"}
_PLAIN = "#16191f"


def check_plot(path: Path | None) -> None:
    """Refuse the name of a picture that could not be written, before anything is measured.

    Raises
    ------
    InvalidParameterError
        It does not end in ``.png``.
    FileNotUsableError
        There is no such folder, or it is one.
    """
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise InvalidParameterError(f"{str(path)!r} does not end in .png.", hint="Give it that ending.")
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise FileNotUsableError(f"{str(path)!r} cannot be written.", hint="Give a file in a folder that exists.")


def write_privacy(advice: PrivacyAdvice, path: Path | None) -> list[str]:
    """Write the picture if it was asked for; a sentence about it."""
    if path is None:
        return []
    data = _draw_privacy(advice)
    write_whole(path, lambda stream: stream.write(data))
    return [f"Wrote {path}."]


def _draw_privacy(advice: PrivacyAdvice) -> bytes:
    """The picture, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for how, colour in _COLOURS.items():
        line = sorted((c.epsilon, c.accuracy) for c in advice.choices if c.how == how)
        left.plot(*zip(*line, strict=True), "o-", color=colour, label=how, markersize=5)
    right.plot(*zip(*advice.by_deletions, strict=True), "o-", color=_COLOURS["doing nothing"], markersize=5)
    plain = next(c.accuracy for c in advice.choices if c.how == "retraining")
    for axes, title, unit in (
        (left, "Accuracy by what may be spent", "epsilon"),
        (right, f"Doing nothing at epsilon = {advice.epsilon:g}: by deletions served", "deletions"),
    ):
        axes.axhline(plain, color=_PLAIN, linewidth=1.0, label="retraining" if axes is left else None)
        axes.axhline(advice.target, color="0.45", linestyle="dotted", label="wanted" if axes is left else None)
        axes.set_xscale("log")
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlabel(unit, fontsize=9)
        axes.grid(alpha=0.25)
    left.set_ylabel("accuracy", fontsize=9)
    left.legend(fontsize=8, frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
