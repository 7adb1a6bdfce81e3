"""Pictures as SVG text, coloured by the page: points on two axes, and lines with bands."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Sequence

__all__ = ["Curve", "Dot", "curves", "pareto", "scatter", "standalone"]

_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 14, 46
_COLOURS = ("#2457c5", "#c2410c", "#15803d", "#7e22ce", "#0e7490", "#a16207", "#be185d", "#475569")
_N_COLOURS = len(_COLOURS)


@dataclasses.dataclass(frozen=True)
class Dot:
    """A point: cost (above 0, on a logarithmic axis), gap, a name, and a class for its colour.

    Parameters
    ----------
    x : float
        Cost, above 0.
    y : float
        Gap.
    name : str
    kind : str
    """

    x: float
    y: float
    name: str
    kind: str


@dataclasses.dataclass(frozen=True)
class Curve:
    """A line: places on the axis, means, and the ends of the band.

    Parameters
    ----------
    name : str
    x, y : sequence of float
    low, high : sequence of float
        Empty for no band.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def pareto(dots: Sequence[Dot]) -> set[int]:
    """Which points no other beats: none is as good on both axes and better on one.

    Examples
    --------
    >>> sorted(pareto([Dot(1, 1, "a", ""), Dot(2, 2, "b", ""), Dot(0.5, 3, "c", "")]))
    [0, 2]
    """
    return {
        i for i, a in enumerate(dots)
        if not any((b.x <= a.x and b.y <= a.y) and (b.x < a.x or b.y < a.y) for b in dots)
    }  # fmt: skip


def scatter(dots: Sequence[Dot], *, across: str, up: str) -> str:
    """Points, cost on a logarithmic axis; those on the front are ringed and joined."""
    if not dots:
        return ""
    x0, x1 = _powers([d.x for d in dots])
    top = max(d.y for d in dots) * 1.12 or 1.0
    frame = _Frame(x0, x1, 0.0, top)
    out = frame.open([(v, _power_text(v)) for v in range(int(x0), int(x1) + 1)], across, up)
    front = sorted(pareto(dots), key=lambda i: dots[i].x)
    path = " ".join(f"{frame.x(math.log10(dots[i].x)):.1f},{frame.y(dots[i].y):.1f}" for i in front)
    out.append(f'<polyline class="front" points="{path}"/>')
    places = [(frame.x(math.log10(dot.x)), frame.y(dot.y)) for dot in dots]
    taken = [(x - 8, y - 8, x + 8, y + 8) for x, y in places]
    for i, (dot, (x, y)) in enumerate(zip(dots, places, strict=True)):
        ring, name = " ring" if i in front else "", html.escape(dot.name)
        out.append(
            f'<circle class="dot {dot.kind}{ring}" cx="{x:.1f}" cy="{y:.1f}" r="6"><title>{name}</title></circle>'
        )
        left, base, box = _room_for(x, y, 7.2 * len(dot.name), taken)
        taken.append(box)
        out.append(f'<text class="label" x="{left:.1f}" y="{base:.1f}">{name}</text>')
    return _svg(out)


def curves(lines: Sequence[Curve], *, across: str, up: str, log: bool = False) -> str:
    """Lines with bands; the axis across is logarithmic on request."""
    points = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True)]
    if not points:
        return ""
    place = math.log10 if log else float
    xs = sorted({x for x, _ in points})
    ys = [y for line in lines for y in (*line.y, *line.low, *line.high)]
    low, high = _room(min(ys), max(ys))
    frame = _Frame(place(xs[0]), place(xs[-1]), low, high)
    shown = xs if len(xs) <= 7 else [xs[round(i * (len(xs) - 1) / 5)] for i in range(6)]
    out = frame.open([(place(x), f"{x:g}") for x in shown], across, up)
    for i, line in enumerate(lines):
        colour = f"c{i % _N_COLOURS}"
        where = [frame.x(place(x)) for x in line.x]
        if line.low:
            there = [f"{x:.1f},{frame.y(v):.1f}" for x, v in zip(where, line.high, strict=True)]
            back = [f"{x:.1f},{frame.y(v):.1f}" for x, v in zip(where, line.low, strict=True)][::-1]
            out.append(f'<polygon class="band {colour}" points="{" ".join(there + back)}"/>')
        path = " ".join(f"{x:.1f},{frame.y(v):.1f}" for x, v in zip(where, line.y, strict=True))
        out.append(f'<polyline class="line {colour}" points="{path}"/>')
        if len(line.x) <= 12:
            out += [
                f'<circle class="mark {colour}" cx="{x:.1f}" cy="{frame.y(v):.1f}" r="3.5"/>'
                for x, v in zip(where, line.y, strict=True)
            ]
    return _svg(out)


Box = tuple[float, float, float, float]


def _room_for(x: float, y: float, width: float, taken: Sequence[Box]) -> tuple[float, float, Box]:
    """Where a label of a point finds room: left end, base line, and the box that it then takes."""
    tried = []
    for away in (0, 16, 32, 48):
        for left in (x + 10, x - 10 - width):
            for base in (y - 8 - away, y + 16 + away):
                box = (left, base - 12, left + width, base + 3)
                inside = left >= _LEFT and box[2] <= _WIDTH and box[1] >= 0 and box[3] <= _HEIGHT - _BOTTOM
                if inside and not any(_overlap(box, other) for other in taken):
                    return left, base, box
                tried.append((left, base, box))
    return next(((*place,) for place in tried if place[2][0] >= _LEFT and place[2][2] <= _WIDTH), tried[0])


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class _Frame:
    """From numbers to places on the picture."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float) -> None:
        self.x0, self.y0 = x0, y0
        self.dx, self.dy = (x1 - x0) or 1.0, (y1 - y0) or 1.0

    def x(self, value: float) -> float:
        return _LEFT + (value - self.x0) / self.dx * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.y0) / self.dy * (_HEIGHT - _TOP - _BOTTOM)

    def open(self, ticks: Sequence[tuple[float, str]], across: str, up: str) -> list[str]:
        out = []
        for value in _ticks(self.y0, self.y0 + self.dy):
            y = self.y(value)
            out.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            out.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}</text>')
        for value, text in ticks:
            x = self.x(value)
            anchor = "end" if x > _WIDTH - 30 else "middle"
            at = _WIDTH - 2 if anchor == "end" else x
            out.append(f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="{anchor}">{text}</text>')
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        out.append(
            f'<text class="label" x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{html.escape(across)}</text>'
        )
        place = (_TOP + _HEIGHT - _BOTTOM) / 2
        out.append(f'<text class="label" transform="translate(14 {place}) rotate(-90)" text-anchor="middle">'
                   f"{html.escape(up)}</text>")  # fmt: skip
        out.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"/>')
        return out


def standalone(picture: str, names: Sequence[str] = ()) -> str:
    """A picture as a file of its own, on white, with the names of its lines above it."""
    rules = "".join(f".c{i}{{stroke:{colour};fill:{colour}}}" for i, colour in enumerate(_COLOURS))
    legend, x = [], float(_LEFT)
    for i, name in enumerate(names):
        legend.append(f'<rect class="c{i % _N_COLOURS}" x="{x:.0f}" y="-15" width="18" height="3"/>')
        legend.append(f'<text x="{x + 24:.0f}" y="-9">{html.escape(name)}</text>')
        x += 44 + 7.2 * len(name)
    style = (
        "text{font:12px system-ui,sans-serif;fill:#566070}.grid{stroke:#dde1e8}.axis{fill:none;stroke:#566070}"
        f"{rules}.line{{fill:none;stroke-width:2}}.band{{fill-opacity:.15;stroke:none}}"
    )
    box = f'viewBox="0 -28 {_WIDTH} {_HEIGHT + 28}" width="{_WIDTH}"'
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img"><style>{style}</style>'
        f'<rect x="0" y="-28" width="{_WIDTH}" height="{_HEIGHT + 28}" fill="#fff"/>'
    )
    return opening + "".join(legend) + picture.partition(">")[2] + "\n"


def _svg(parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'


def _powers(values: Sequence[float]) -> tuple[float, float]:
    logs = [math.log10(v) for v in values]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    return float(low), float(high if high > low else low + 1)


def _power_text(power: float) -> str:
    share = 10.0 ** (power + 2)
    return f"{share:g} %"


def _room(low: float, high: float) -> tuple[float, float]:
    """A little more than the values take; from 0 where that is near."""
    span = (high - low) or abs(high) or 1.0
    bottom = 0.0 if 0 <= low < 0.6 * high else low - 0.1 * span
    return bottom, high + 0.1 * span


def _ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= raw)
    first = math.ceil(low / step - 1e-9)
    return [(first + i) * step for i in range(int((high - first * step) / step + 1e-9) + 1)]


def _short(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.3g}"
