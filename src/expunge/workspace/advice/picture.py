"""The trade-off as a picture: what each number of shards and slices costs, and how well it predicts."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from expunge.files.whole import write_whole
from expunge.workspace.advice.advice import Advice
from expunge.workspace.advice.forecast import Choice

__all__ = ["draw_png", "write_png"]

_COLOURS = ("#1f5f9e", "#b45f06", "#2e7d32", "#8a2f7d", "#5b6575", "#a3341f")
_MARKERS = "osD^vP"
_PLAIN, _RING = "#16191f", "#c8102e"


def write_png(advice: Advice, path: str | Path) -> Path:
    """Write the picture to a file; one that is there is replaced.

    Raises
    ------
    FileNotUsableError
        The file cannot be written.
    """
    data = draw_png(advice)
    return write_whole(Path(path), lambda stream: stream.write(data))


def draw_png(advice: Advice) -> bytes:
    """The picture: share retrained, time, storage and score, each against the number of shards."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(10, 7), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    ((share, seconds), (storage, score)) = figure.subplots(2, 2)
    batch = advice.batch
    together = f", and {batch} together (dashed)" if batch > 1 else ""
    _curves(share, advice, lambda c: 100 * c.share, f"Retrained for one request{together}", "% of a full training")
    _curves(seconds, advice, lambda c: c.p50_s, "Time of one request: half, and 95 % (band)", "seconds")
    _curves(storage, advice, lambda c: c.storage_bytes / 1e6, "Size of the model's file", "MB")
    _curves(score, advice, lambda c: c.score.mean, "Score with 95 % interval, cross-validated", advice.measured.metric)
    for number, (_, choices) in enumerate(_series(advice)):
        x, colour = [c.n_shards for c in choices], _COLOURS[number % len(_COLOURS)]
        seconds.fill_between(x, [c.p50_s for c in choices], [c.p95_s for c in choices], color=colour, alpha=0.18, lw=0)
        if batch > 1:
            share.plot(x, [100 * c.batch_share for c in choices], color=colour, linestyle="dashed", linewidth=1.3)
        low, high = [c.score.low for c in choices], [c.score.high for c in choices]
        score.fill_between(x, low, high, color=colour, alpha=0.12, lw=0)
    plain = advice.choices[0]
    score.axhline(plain.score.mean - advice.question.max_loss, color="0.45", linestyle="dotted", linewidth=1.2)
    score.annotate(
        f"{advice.question.max_loss:g} below plain", (1, plain.score.mean - advice.question.max_loss), fontsize=8,
        color="0.35", xytext=(0, -10), textcoords="offset points",
    )  # fmt: skip
    for axes in (share, seconds):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    storage.set_ylim(bottom=0)
    handles, labels = share.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _series(advice: Advice) -> list[tuple[int, list[Choice]]]:
    """The choices with shards, by number of slices."""
    sharded = [choice for choice in advice.choices if not choice.is_plain]
    return [(r, [c for c in sharded if c.n_slices == r]) for r in sorted({c.n_slices for c in sharded})]


def _curves(axes: Any, advice: Advice, value: Any, title: str, unit: str) -> None:
    """A line for each number of slices, plain retraining as a point, and a ring around what is recommended."""
    plain, chosen = advice.choices[0], advice.recommended
    axes.plot([1], [value(plain)], "*", color=_PLAIN, markersize=12, label="plain retraining", zorder=4)
    for number, (n_slices, choices) in enumerate(_series(advice)):
        label = f"{n_slices} slice{'s' if n_slices > 1 else ''}"
        axes.plot(
            [c.n_shards for c in choices], [value(c) for c in choices], marker=_MARKERS[number % len(_MARKERS)],
            color=_COLOURS[number % len(_COLOURS)], markersize=5, label=label,
        )  # fmt: skip
    ring: dict[str, Any] = {"color": _RING, "markerfacecolor": "none", "markeredgewidth": 1.8, "markersize": 17}
    axes.plot([chosen.n_shards], [value(chosen)], "o", **ring, linestyle="none", label="recommended", zorder=5)
    shards = sorted({c.n_shards for c in advice.choices})
    axes.set_xscale("log")
    axes.set_xticks(shards, labels=[str(s) for s in shards])
    axes.minorticks_off()
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_ylabel(unit, fontsize=9)
    axes.set_xlabel("shards", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
