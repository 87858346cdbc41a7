"""`python -m benchmarks.picture JSON SVG`: draws the figures that are kept. A line for each figure with a budget or a
peer; the place on a logarithmic scale is the figure over its budget, or over its first peer, so that 1 is what is
allowed, or equal. Owns the drawing, refuses to measure; one file, no script, legible on light and dark pages."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from benchmarks.figures import short

WIDTH: Final = 1120
LEFT, RIGHT = 410, 800  # the scale's ends
ROW, GROUP, TOP = 22, 38, 92
STYLE: Final = """
svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.page { fill: #ffffff; } .name { fill: #24292f; } .said { fill: #57606a; } .head { fill: #24292f; font-weight: 600; }
.title { fill: #24292f; font-size: 19px; font-weight: 600; } .grid { stroke: #eaeef2; } .line { stroke: #57606a; }
.good { fill: #2da44e; } .bad, .missed { fill: #cf222e; }
.even { fill: #0969da; } .spread { stroke: #24292f; opacity: .55; }
.peer { fill: #ffffff; stroke: #8250df; stroke-width: 1.6; } .then { stroke: #bf8700; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117; } .name, .head, .title { fill: #e6edf3; } .said { fill: #9198a1; } .grid { stroke: #21262d; }
.line { stroke: #9198a1; } .good { fill: #3fb950; } .bad, .missed { fill: #f85149; } .even { fill: #4493f8; }
.spread { stroke: #e6edf3; } .peer { fill: #0d1117; stroke: #ab7df8; } .then { stroke: #d29922; } }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A figure as it is drawn: everything over what it is judged by, whose value is 1. `judged`: a budget holds."""

    suite: str
    label: str
    value: float
    spread: tuple[float, float]
    judged: bool
    then: float | None
    peers: tuple[tuple[str, float], ...]
    said: str


def line(figure: Mapping[str, Any]) -> Line | None:
    """What a kept figure looks like; None when it has neither budget nor peer."""
    peers = [(peer["name"], peer["median"]) for peer in figure.get("peers", ()) if peer["median"] > 0]
    least, median, most = figure["values"]
    ratio = figure.get("ratio_budget")
    if "budget" in figure:
        one, said = figure["budget"], f"{short(median)} {figure['unit']} of {short(figure['budget'])}"
    elif peers and ratio is not None:
        one = peers[0][1] * ratio
        said = f"{short(median / peers[0][1])} of {short(ratio)} x {peers[0][0]}"
    elif peers:
        one, said = peers[0][1], f"{short(median / peers[0][1])} x {peers[0][0]}"
    else:
        return None
    if not median:
        return None
    then = figure["then"] / one if "then" in figure else None
    judged = "budget" in figure or ratio is not None
    shown = tuple((name, value / one) for name, value in peers)
    return Line(figure["suite"], figure["label"], median / one, (least / one, most / one), judged, then, shown, said)


class Scale:
    """From a ratio to a place; whole powers of ten at both ends."""

    def __init__(self, lines: Sequence[Line]) -> None:
        ratios = [1.0, *(ratio for each in lines for ratio in (*each.spread, *(peer for _, peer in each.peers)))]
        self.low = math.floor(math.log10(max(min(ratios), 1e-4)))
        self.high = math.ceil(math.log10(max(ratios)))

    def at(self, ratio: float) -> float:
        """Where it lies between LEFT and RIGHT."""
        share = (math.log10(max(ratio, 1e-9)) - self.low) / max(1, self.high - self.low)
        return round(LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, share)), 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Each power of ten and how it is written."""
        for power in range(self.low, self.high + 1):
            yield self.at(10.0**power), f"{10.0**power:g}x"


def svg(about: str, figures: Sequence[Mapping[str, Any]]) -> str:
    """The picture of the kept figures."""
    lines = [drawn for figure in figures if (drawn := line(figure))]
    scale = Scale(lines)
    body, y = [], TOP
    for suite, group in groupby(lines, key=lambda each: each.suite):
        y += GROUP
        body.append(_text(24, y - 8, suite, "head"))
        for each in group:
            body += _row(each, scale, y)
            y += ROW
    height = y + 24
    size = f'width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height}">',
            f"<style>{STYLE}</style>",
            f'<rect class="page" {size}/>',
            *_head(about),
            *_grid(scale, height),
            *body,
            "</svg>\n",
        ]
    )


def _head(about: str) -> Iterator[str]:
    yield _text(24, 34, "Measured against budgets and peers", "title")
    yield _text(24, 56, about, "said")
    x = 24.0
    for mark, what, wide in (
        ('<rect class="good" x="{x}" y="70" width="18" height="10" rx="2"/>', "within its budget", 150),
        ('<rect class="bad" x="{x}" y="70" width="18" height="10" rx="2"/>', "above it", 96),
        ('<rect class="even" x="{x}" y="70" width="18" height="10" rx="2"/>', "no budget: over the first peer", 240),
        ('<circle class="peer" cx="{x}" cy="75" r="4"/>', "peers", 78),
        ('<path class="then" d="M{x} 69v12"/>', "aimed at", 88),
        ('<path class="spread" d="M{x} 75h18"/>', "spread of the rounds", 160),
    ):
        yield mark.format(x=x)
        yield _text(x + (10 if "circle" in mark or "then" in mark else 24), 79, what, "said")
        x += wide


def _grid(scale: Scale, height: int) -> Iterator[str]:
    for x, name in scale.ticks():
        yield f'<path class="{"line" if name == "1x" else "grid"}" d="M{x} {TOP + 22}V{height - 16}"/>'
        yield _text(x, TOP + 16, name, "said", "middle")


def _row(each: Line, scale: Scale, y: int) -> Iterator[str]:
    """Name, bar from 1 to the value, spread, peers, what is aimed at, and the figures in words."""
    middle, here, one = y + 8, scale.at(each.value), scale.at(1)
    kind = ("good" if each.value <= 1 else "bad") if each.judged else "even"
    peers = ", ".join(f"{name} {short(ratio / each.value)}x ours" for name, ratio in each.peers)
    yield f"<g><title>{escape(f'{each.label}: {each.said}. {peers}')}</title>"
    yield _text(36, y + 12, _cut(each.label), "name")
    left, width = min(here, one), max(2.0, round(abs(here - one), 1))
    yield f'<rect class="{kind}" x="{left}" y="{y + 3}" width="{width}" height="10" rx="2"/>'
    low, high = (scale.at(ratio) for ratio in each.spread)
    if high > low:
        yield f'<path class="spread" d="M{low} {middle}H{high}M{low} {y + 5}v6M{high} {y + 5}v6"/>'
    for _, ratio in each.peers:
        yield f'<circle class="peer" cx="{scale.at(ratio)}" cy="{middle}" r="4"/>'
    if each.then is not None:
        yield f'<path class="then" d="M{scale.at(each.then)} {y + 1}v14"/>'
    yield _text(RIGHT + 18, y + 12, each.said, "missed" if kind == "bad" else "said") + "</g>"


def _cut(label: str, most: int = 54) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def draw(source: Path, target: Path) -> None:
    """The picture of what `benchmarks.kept` has saved."""
    kept = json.loads(source.read_text())
    target.write_text(svg(kept["about"], kept["figures"]))


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
