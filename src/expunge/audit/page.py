"""The report as one HTML page that needs nothing else: style and pictures are in it."""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Sequence
from typing import Any

from expunge.audit.cards import CARDS
from expunge.audit.report import AuditReport, Figure

__all__ = ["report_html"]

#: Attacks whose curves are drawn: the rest is in the table.
DRAWN = ("loss", "modified entropy", "LiRA", "RMIA", "exponential family")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 520.0, 330.0, 58.0, 46.0, 12.0, 24.0


def report_html(report: AuditReport) -> str:
    """The whole page.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    str
        HTML without any address outside itself.
    """
    import jinja2

    source = importlib.resources.files("expunge.audit").joinpath("templates/audit.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["figure"] = _figure
    environment.filters["percent"] = _percent_figure
    environment.filters["p"] = _p_value
    environment.filters["short"] = lambda value: "–" if value is None else f"{value:.3f}"
    pictures = [p for p in (_roc(report.curves), _scores(report.curves), _log_ratios(report.curves)) if p]
    return environment.from_string(source).render(report=report, pictures=pictures, cards=CARDS)


def _figure(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "–"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _percent_figure(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "–"
    return f"{figure.value:.0%} ({figure.low:.0%} to {figure.high:.0%})"


def _p_value(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


# ---------------------------------------------------------------------------------------------------------- pictures


def _roc(curves: Any) -> dict[str, Any] | None:
    roc = {name: points for name, points in curves.get("roc", {}).items() if name in DRAWN}
    if not roc:
        return None
    smallest = min(points[0][0] for points in roc.values())
    low = math.floor(math.log10(max(smallest, 1e-6)) + 1e-9)

    def place(false: float, true: float) -> tuple[float, float]:
        return _x((math.log10(max(false, 10.0**low)) - low) / -low), _y(
            (math.log10(max(true, 10.0**low)) - low) / -low
        )  # fmt: skip

    ticks = [(10.0**k, f"{10.0**k:.{max(0, -k - 2)}%}") for k in range(low, 1)]
    shapes = _frame([(place(v, 1)[0], t) for v, t in ticks], [(place(1, v)[1], t) for v, t in ticks])
    shapes.append(_path([place(10.0**low, 10.0**low), place(1, 1)], "chance"))
    shapes += [_path([place(*point) for point in points], f"line c{i}") for i, points in enumerate(roc.values())]
    return {
        "title": "Found and wrongly accused", "svg": "".join(shapes), "x": "held-out records accused",
        "y": "forgotten records found", "legend": [(f"c{i}", name) for i, name in enumerate(roc)],
        "text": "Both axes logarithmic. On the dashed line an attack only guesses; what counts is how far a curve lies "
        "above it at the left.",
    }  # fmt: skip


def _scores(curves: Any) -> dict[str, Any] | None:
    z = curves.get("z")
    if not z:
        return None
    names = [name for name in ("forgotten", "held out", "retrained references") if name in z]
    return {
        "title": "Scores against the references", "svg": _histogram(z["edges"], [z[name] for name in names]),
        "x": "standard deviations above models trained without the records", "y": "density",
        "legend": [(f"c{i}", name) for i, name in enumerate(names)],
        "text": "If forgetting worked the forgotten records lie where the held-out ones lie, and where they lie on the "
        "retrained references.",
    }  # fmt: skip


def _log_ratios(curves: Any) -> dict[str, Any] | None:
    found = curves.get("log_ratio") or curves.get("epsilon")  # its name before schema 3
    if not found:
        return None
    return {
        "title": "What one answer gives away about one record", "svg": _histogram(
            found["edges"], [found["forgotten"]]
        ),
        "x": "log-likelihood ratio: trained on it against not, nats", "y": "density",
        "legend": [("c0", "forgotten")],
        "text": "Right of 0 the answer looks more like that of a model that was trained on the record; far to the "
        "right are the records listed below. It estimates the privacy loss of this one answer, and bounds no ε.",
    }  # fmt: skip


def _histogram(edges: Sequence[float], densities: Sequence[Sequence[float]]) -> str:
    low, high = edges[0], edges[-1]
    peak = 1.05 * max(max(d) for d in densities) or 1.0

    def across(value: float) -> float:
        return _x((value - low) / (high - low))

    step = _step(high - low)
    first = math.ceil(low / step) * step
    ticks = [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]
    shapes = _frame([(across(t), f"{t:g}") for t in ticks], [(_y(0.0), "0")])
    for i, density in enumerate(densities):
        points = [(across(edges[0]), _y(0))]
        for left, right, value in zip(edges[:-1], edges[1:], density, strict=True):
            points += [(across(left), _y(value / peak)), (across(right), _y(value / peak))]
        shapes.append(_path([*points, (across(edges[-1]), _y(0))], f"area c{i}"))
    return "".join(shapes)


def _step(span: float) -> float:
    """A round distance of ticks, so that there are four to eight."""
    rough = span / 6
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough)


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _frame(across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]) -> list[str]:
    out = [_path([(_x(0), _y(1)), (_x(0), _y(0)), (_x(1), _y(0))], "axis")]
    for place, text in across:
        out.append(_path([(place, _y(0)), (place, _y(1))], "grid"))
        out.append(f'<text x="{place:.1f}" y="{_y(0) + 17:.1f}" text-anchor="middle">{text}</text>')
    for place, text in up:
        out.append(_path([(_x(0), place), (_x(1), place)], "grid"))
        out.append(f'<text x="{_LEFT - 6:.1f}" y="{place + 4:.1f}" text-anchor="end">{text}</text>')
    return out


def _path(points: Sequence[tuple[float, float]], kind: str) -> str:
    line = " ".join(f"{'M' if i == 0 else 'L'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
    return f'<path class="{kind}" d="{line}"/>'
