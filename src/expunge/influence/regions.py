"""A picture of what forgetting a record does to the regions of a decision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import InvalidDataError
from expunge.influence.picture import new_figure, write_figure
from expunge.influence.result import Influence
from expunge.influence.try_repair import forgetting

__all__ = ["plot_regions"]

_RING = "#c8102e"
_REGIONS = ("#cfe0f3", "#f6dfc8", "#d5ead6", "#e6d6ea", "#e5e5e5", "#f3d6d6")
_MARKERS = "osD^vP"
_CELLS = 200


def plot_regions(
    model: Any, found: Influence, X: Any, y: Any, path: str | Path, *, ids: Any = None, n: int = 1,
    without: Callable[[tuple[Any, ...]], Any] | None = None,
) -> Path:  # fmt: skip
    """Draw what a classifier of two columns decides: as it is, without its most influential records, without others.

    Parameters
    ----------
    model : Unlearner or object with ``predict``
        Not changed.
    found : Influence
        Of its records.
    X : ndarray of shape (m, 2)
        The records, to be drawn.
    y : array of shape (m,)
        Their labels.
    path : path
        Of a PNG file; one that is there is replaced.
    ids : sequence of m ids, optional
        Of the rows; default: 0 to m-1.
    n : int
        How many are forgotten, of the most and of the least influential.
    without : callable (ids) -> model, optional
        As of :func:`~expunge.influence.try_repair.try_repair`.

    Raises
    ------
    InvalidDataError
        Not two columns.
    FileNotUsableError
        The file cannot be written.
    """
    X, labels = np.asarray(X, dtype=np.float64), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != 2:
        raise InvalidDataError(f"A picture has two columns, and X has shape {X.shape}.", hint="Choose two.")
    without = without or forgetting(model, "record")
    places = {one: i for i, one in enumerate(range(len(X)) if ids is None else np.asarray(ids).tolist())}
    order = found.order()
    groups = {"most": found.ids[order[:n]].tolist(), "least": found.ids[order[-n:]].tolist()}
    models = {"as it is": (model, [])} | {
        (f"without the {n} that matter {which}" if n > 1 else f"without the one that matters {which}"): (
            without(tuple(gone)),
            gone,
        )
        for which, gone in groups.items()
    }
    classes = np.unique(labels).tolist()
    low, high = X.min(axis=0), X.max(axis=0)
    low, high = low - 0.06 * (high - low), high + 0.06 * (high - low)
    across, up = np.meshgrid(np.linspace(low[0], high[0], _CELLS), np.linspace(low[1], high[1], _CELLS))
    grid = np.stack([across.ravel(), up.ravel()], axis=1)
    before, figure = np.asarray(model.predict(grid)), new_figure(12, 4.2)
    for axes, (title, (one, gone)) in zip(figure.subplots(1, 3), models.items(), strict=True):
        _draw(axes, one.predict(grid), (across, up), X, labels, classes)
        for name in gone:
            axes.plot(*X[places[name]], "o", markersize=15, markerfacecolor="none", markeredgecolor=_RING, mew=2)
        moved = float(np.mean(np.asarray(one.predict(grid)) != before))
        told = f"{100 * moved:.2g} % of the plane decided otherwise" if gone else f"{len(X):,} records"
        axes.set_title(f"{title}\n{told}", fontsize=10, loc="left")
    return write_figure(figure, path)


def _draw(axes: Any, said: Any, at: Any, X: Any, labels: Any, classes: list[Any]) -> None:
    """Regions, and the records over them."""
    from matplotlib.colors import ListedColormap

    number = {label: i for i, label in enumerate(classes)}
    regions = np.array([number[label] for label in np.asarray(said).tolist()]).reshape(at[0].shape)
    colours = ListedColormap([_REGIONS[i % len(_REGIONS)] for i in range(len(classes))])
    axes.pcolormesh(*at, regions, cmap=colours, vmin=-0.5, vmax=len(classes) - 0.5, shading="nearest")
    for i, label in enumerate(classes):
        of_class = labels == label
        axes.plot(
            *X[of_class].T, _MARKERS[i % len(_MARKERS)], markersize=4.5, color="0.25", markerfacecolor="white",
            label=str(label),
        )  # fmt: skip
    axes.legend(fontsize=8, loc="best", framealpha=0.8)
    axes.tick_params(labelsize=8)
