"""Panels of the overview: a frame, numbers in its upper edge, one or two graphs inside, a line of detail at the foot.
Only the lines that have changed are drawn: over a slow link they are what costs."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from core.base.units import format_size
from core.cli.dashboard.views.bars import ceiling, graph

Values = Sequence[float | None]
Line = list[Segment]
_MARGIN: Final = 8  # columns of names
_DIM: Final = Style(dim=True)
_BOLD: Final = Style(bold=True)


class Graph(Widget):
    """The latest value is at the right. Without a `top` a graph is as high as its largest value."""

    def __init__(self, *named: tuple[str, str], ident: str) -> None:
        """`named` are the name and the colour of each; names are left out of a single graph."""
        super().__init__(id=ident)
        self._named = [(name, Style.parse(colour)) for name, colour in named]
        self._series: tuple[Values, ...] = ()
        self._title = self._foot = ""
        self._top: float | None = None
        self._lines: list[Line] = []

    def show(self, title: str, foot: str, *series: Values, top: float | None = None) -> None:
        """These values, the latest last."""
        self._title, self._foot, self._series, self._top = title, foot, series, top
        if not self.size:  # out of sight: when it comes back, it begins with what was seen last
            return
        before, self._lines = self._lines, self._drawn()
        for y, (old, new) in enumerate(zip_longest(before, self._lines)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        if self.size:
            self._lines = self._drawn()
            self.refresh()

    def render_line(self, y: int) -> Strip:
        return Strip(self._lines[y] if y < len(self._lines) else []).adjust_cell_length(self.size.width)

    def _drawn(self) -> list[Line]:
        width, height = self.size.width - 4, self.size.height - 2
        if width < 1 or height < 1:
            return []
        title = self._title[:width]
        edge = [Segment("╭─ ", _DIM), Segment(title, _BOLD), Segment(f" {'─' * (width - len(title) - 1)}╮", _DIM)]
        sides = Segment("│ ", _DIM), Segment(" │", _DIM)
        inside = [[sides[0], *line, sides[1]] for line in self._inside(width, height)]
        return [edge, *inside, [Segment(f"╰{'─' * (width + 2)}╯", _DIM)]]

    def _inside(self, width: int, height: int) -> list[Line]:
        many = max(1, len(self._series))
        foot = self._foot if many == 1 or height % many else ""  # of several only on a line they leave
        lines: list[Line] = []
        for values, (name, style) in zip(self._series, self._named, strict=False):
            rows = (height - bool(foot)) // many
            lines += self._one(values, name if many > 1 else "", style, width, rows)
        lines += [[Segment(set_cell_size(foot, width), _DIM)]] * bool(foot)
        return lines + [[Segment(" " * width)]] * (height - len(lines))

    def _one(self, values: Values, name: str, style: Style, width: int, rows: int) -> list[Line]:
        """One graph, with its name and what its top stands for at the left."""
        margin = _MARGIN if name and width > 2 * _MARGIN else 0
        seen = values[max(0, len(values) - width + margin) :]
        top = self._top or ceiling(seen, 1000.0)
        labels = [name, format_size(round(top)), *[""] * rows]
        return [
            [Segment(labels[number][:margin].ljust(margin), _DIM), *_bars(row, style)]
            for number, row in enumerate(graph(seen, width - margin, rows, top))
        ]


def _bars(row: str, style: Style) -> Line:
    """What is empty at the left has no colour, and costs none."""
    bars = row.lstrip(" ")
    return [Segment(" " * (len(row) - len(bars))), Segment(bars, style)]
