"""The report of the demonstration: one HTML file that needs nothing else, with pictures in it."""

from __future__ import annotations

import base64
import importlib.resources
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from expunge.lab.demo_influence import DIGITS, InfluencePicture, LeftOut

if TYPE_CHECKING:
    from expunge.lab.demo import DemoResult

__all__ = ["report_html"]

#: Colours of the pictures in the light and in the dark theme: the same as in the template's style.
THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "text": "#3d4654", "areas": ("#d3e4f5", "#fbe3c4"), "points": ("#1f5f9e", "#b45f06"), "edge": "#ffffff",
        "moved": "#8a2f7d", "ring": "#16191f", "line": "#5b6575",
    },
    "dark": {
        "text": "#c3cad6", "areas": ("#1d3650", "#4c3614"), "points": ("#79b6f2", "#f3ab4c"), "edge": "#14181f",
        "moved": "#e58fd9", "ring": "#ffffff", "line": "#aab4c3",
    },
}  # fmt: skip


def report_html(result: DemoResult) -> str:
    """The whole page.

    Parameters
    ----------
    result : DemoResult

    Returns
    -------
    str
        HTML without any address outside itself: style and pictures are in it.
    """
    import jinja2

    from expunge import __version__

    source = importlib.resources.files("expunge.lab").joinpath("templates/demo.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    influence = result.influence
    cases = [
        {"case": case, "name": name, "panels": panels(influence, case)}
        for name, case in (("influential", influence.influential), ("harmless", influence.harmless))
    ]
    return environment.from_string(source).render(
        result=result, table=list(zip(result.models, result.rows(), strict=True)), columns=result.columns, cases=cases,
        touched=sum(was for _, was in result.shards), touched_records=sum(n for n, was in result.shards if was),
        all_equal=all(row.is_equal for row in result.models), themes=THEMES, version=__version__,
    )  # fmt: skip


def panels(influence: InfluencePicture, case: LeftOut) -> list[dict[str, str]]:
    """The three pictures of a case, each for both themes, as data URIs."""
    told = (
        ("before", "Before", case.before),
        ("after", "After forgetting", case.after),
        ("retrained", "Trained again without it", case.retrained),
    )
    return [
        {"key": key, "title": title, "share": f"{100 * np.mean(plane != case.before):.1f} %"}
        | {theme: _picture(influence, case, plane, key == "before", colours) for theme, colours in THEMES.items()}
        for key, title, plane in told
    ]


def _picture(influence: InfluencePicture, case: LeftOut, plane: Any, is_before: bool, colours: dict[str, Any]) -> str:
    """Areas of decision, points, the record in question, and what moved; as a data URI."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6, 3.4), dpi=144)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.13, 0.13, 0.85, 0.85))
    view: dict[str, Any] = {"origin": "lower", "extent": influence.box, "aspect": "auto", "interpolation": "nearest"}
    is_second = (plane == DIGITS[1]).astype(float)
    axes.imshow(is_second, cmap=ListedColormap(colours["areas"]), vmin=0, vmax=1, **view)
    moved = plane != case.before
    if moved.any():
        mask = np.ma.masked_where(~moved, np.ones_like(is_second))
        axes.imshow(mask, cmap=ListedColormap([colours["moved"]]), alpha=0.55, **view)
    middle: dict[str, Any] = {"origin": "lower", "extent": influence.box, "levels": [0.5]}
    old = (case.before == DIGITS[1]).astype(float)
    axes.contour(is_second, colors=[colours["line"]], linewidths=1.6, **middle)
    if moved.any():
        axes.contour(old, colors=[colours["line"]], linewidths=1.2, linestyles="dashed", **middle)
    for digit, marker, colour in zip(DIGITS, ("o", "^"), colours["points"], strict=True):
        shown = influence.digits == digit
        if not is_before:
            shown = shown & (np.arange(len(shown)) != case.record)
        axes.scatter(
            influence.points[shown, 0], influence.points[shown, 1], s=34, marker=marker, color=colour,
            edgecolors=colours["edge"], linewidths=0.7, zorder=3,
        )  # fmt: skip
    place = influence.points[case.record]
    axes.scatter(
        place[:1], place[1:], s=190, facecolors="none", edgecolors=colours["ring"], linewidths=1.8, zorder=4,
        linestyles="solid" if is_before else "dotted",
    )  # fmt: skip
    _label(axes, colours["text"])
    stream = io.BytesIO()
    figure.savefig(stream, format="png", transparent=True, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _label(axes: Any, colour: str) -> None:
    axes.set_xlabel("ink in the upper left", color=colour, fontsize=9)
    axes.set_ylabel("ink in the lower left", color=colour, fontsize=9)
    axes.tick_params(colors=colour, labelsize=8, length=3)
    axes.locator_params(nbins=4)
    for side in axes.spines.values():
        side.set_color(colour)
        side.set_linewidth(0.6)
