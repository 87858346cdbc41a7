"""Panels of the overview: a frame, numbers in its title, a graph inside, a line of detail at its foot."""

from collections.abc import Sequence
from typing import Final

from rich.text import Text
from textual.widget import Widget

from core.base.units import format_size
from core.cli.dashboard.views.bars import ceiling, graph

Values = Sequence[float | None]
_MARGIN: Final = 8


class Panel(Widget):
    """What has a frame and a title; neither is ever read as markup."""

    def title(self, text: str) -> None:
        """What stands in the frame."""
        self.border_title = text.replace("[", "\\[")


class Graph(Panel):
    """One or two graphs, one above the other. Without a `top` each is as high as its largest value."""

    def __init__(self, *named: tuple[str, str], ident: str) -> None:
        """`named` are the name and the colour of each; names are left out of a single graph."""
        super().__init__(id=ident)
        self._named = named
        self._series: tuple[Values, ...] = ()
        self._top: float | None = None
        self._foot = ""

    def show(self, title: str, foot: str, *series: Values, top: float | None = None) -> None:
        """These values, the latest last."""
        self.title(title)
        self._series, self._foot, self._top = series, foot, top
        self.refresh()

    def render(self) -> Text:
        width, height = self.size.width, self.size.height - bool(self._foot)
        drawn = Text(no_wrap=True, end="")
        many = max(1, len(self._series))
        for values, (name, colour) in zip(self._series, self._named, strict=True):
            self._one(drawn, values, name if many > 1 else "", colour, (width, height // many))
        return drawn.append(self._foot[:width], "dim")

    def _one(self, drawn: Text, values: Values, name: str, colour: str, size: tuple[int, int]) -> None:
        """One of them, with its name and what its top stands for at the left."""
        margin = _MARGIN if name else 0
        width = max(0, size[0] - margin)
        seen = values[max(0, len(values) - width) :]
        top = self._top or ceiling(seen, 1000.0)
        labels = [name, format_size(round(top))] if name else []
        for line, row in enumerate(graph(seen, width, size[1], top)):
            drawn.append((labels[line] if line < len(labels) else "").ljust(margin)[:margin], "dim")
            bars = row.lstrip(" ")
            drawn.append(" " * (len(row) - len(bars))).append(f"{bars}\n", colour)
