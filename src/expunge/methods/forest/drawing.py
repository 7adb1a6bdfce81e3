"""A tree as text and as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.arguments import check_count
from expunge.methods.forest.cells import describe, number_of
from expunge.methods.forest.splits import MISSING

__all__ = ["as_text", "picture"]

Part = dict[str, Any]

#: Levels that a picture shows at the most: it is twice as wide with each.
_DEEPEST = 12


def as_text(model: Any, solution: Part, tree: int, max_depth: int) -> str:
    """A line for each node, indented by its depth: the test or the prediction, and how many records it holds."""
    check_count("max_depth", max_depth, least=0)
    nodes = _Nodes(model, solution, tree)
    lines: list[str] = []

    def write(i: int, depth: int, head: str) -> None:
        said = nodes.said(i)
        if nodes.is_inner(i) and depth >= max_depth:
            said = "..."
        lines.append(f"{'|   ' * depth}{head}{said}  ({nodes.count(i):,} records)")
        if nodes.is_inner(i) and depth < max_depth:
            write(i + 1, depth + 1, "yes: ")
            write(nodes.right(i), depth + 1, "no: ")

    write(nodes.root, 0, "")
    return "\n".join(lines)


def picture(model: Any, solution: Part, tree: int, max_depth: int, ax: Any) -> Any:
    """The same on matplotlib axes; made if there are none."""
    import matplotlib.pyplot as plt

    check_count("max_depth", max_depth, least=0, most=_DEEPEST)
    nodes = _Nodes(model, solution, tree)
    axes = plt.subplots(figsize=(3.2 * 2**max_depth, 1.6 * (max_depth + 1)))[1] if ax is None else ax
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(-max_depth - 0.6, 0.6)

    def draw(i: int, depth: int, low: float, high: float, above: tuple[float, float] | None, side: str) -> None:
        x, y = (low + high) / 2, -float(depth)
        if above is not None:
            axes.plot([above[0], x], [above[1], y], color="0.7", linewidth=1, zorder=1)
            axes.text((above[0] + x) / 2, (above[1] + y) / 2, side, fontsize=8, color="0.4", ha="center", va="center",
                      bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "none"})  # fmt: skip
        goes_on = nodes.is_inner(i) and depth < max_depth
        said = nodes.said(i) if goes_on or not nodes.is_inner(i) else "..."
        colour = "#e8f1fa" if nodes.is_inner(i) else "#eaf6ea"
        axes.text(x, y, f"{said}\n{nodes.count(i):,} records", ha="center", va="center", fontsize=9, zorder=2,
                  bbox={"boxstyle": "round", "facecolor": colour, "edgecolor": "0.6"})  # fmt: skip
        if goes_on:
            draw(i + 1, depth + 1, low, x, (x, y), "yes")
            draw(nodes.right(i), depth + 1, x, high, (x, y), "no")

    draw(nodes.root, 0, 0.0, 1.0, None, "")
    return axes


class _Nodes:
    """The nodes of one tree, in words."""

    def __init__(self, model: Any, solution: Part, tree: int) -> None:
        check_count("tree", tree, least=0, most=len(solution["starts"]) - 2)
        self.solution, self.root = solution, int(solution["starts"][tree])
        names = getattr(model, "feature_names_in_", None)
        self._names = [f"x{j}" for j in range(len(solution["kinds"]))] if names is None else [str(n) for n in names]
        self._words = self._categories(model, range(self.root, int(solution["starts"][tree + 1])))

    def _categories(self, model: Any, nodes: range) -> dict[tuple[int, int], str]:
        """What the keys of categories stand for, as far as the model knows its rows."""
        rows, out = model._state().rows, {}
        feature, threshold = self.solution["feature"], self.solution["threshold"]
        wanted = {(int(feature[i]), int(threshold[i])) for i in nodes if feature[i] >= 0}
        for j in {j for j, _ in wanted if self.solution["kinds"][j] == "category"} if rows is not None else set():
            known = describe(rows.peek(rows.slots()).X, j, {key for f, key in wanted if f == j})
            out.update({(j, key): word for key, word in known.items()})
        return out

    def is_inner(self, i: int) -> bool:
        return bool(self.solution["feature"][i] >= 0)

    def right(self, i: int) -> int:
        return int(self.solution["right"][i])

    def count(self, i: int) -> int:
        return int(self.solution["count"][i])

    def said(self, i: int) -> str:
        """The test of a node, or what a leaf predicts."""
        if not self.is_inner(i):
            value, labels = self.solution["value"][:, i], self.solution["classes"]
            if not len(labels):
                return f"{value[0]:.4g}"
            at = int(np.argmax(value))
            return f"{labels.tolist()[at]} {value[at]:.0%}"
        feature, key = int(self.solution["feature"][i]), int(self.solution["threshold"][i])
        name, kind = self._names[feature], self.solution["kinds"][feature]
        if key == MISSING:
            return f"{name} is missing"
        if kind == "category":
            return f"{name} = {self._words.get((feature, key), f'category {key:016x}')}"
        return f"{name} <= {number_of(key, kind):.6g}"
