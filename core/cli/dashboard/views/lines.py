"""The end of something that goes on: a log, events. Long lines are folded. Who has scrolled up stays where he
is, who is at the end stays at the end."""

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.cli.dashboard.model.told import LINES, Tail
from core.cli.dashboard.views.words import folded

T = TypeVar("T")
_HEAD: Final = Style(bold=True)
Drawn = tuple[str, str]  # what stands before a line, and the line


class Lines(ScrollView, Generic[T], can_focus=True):
    """Shows a `Tail`; `draw` makes text of an item."""

    def __init__(self, draw: Callable[[T], Drawn], *, ident: str, focus: bool = False) -> None:
        super().__init__(id=ident)
        self.can_focus = focus
        self._draw = draw
        self._tail: Tail[T] | None = None
        self._count = 0
        self._strips: list[Strip] = []
        self._heights: deque[int] = deque()
        self._empty = ""
        self.following = True  # is the end to be kept in sight?

    def show(self, tail: Tail[T], empty: str = "") -> None:
        """All of it, or what is new of it; or this sentence while there is nothing."""
        if self.following and self.scroll_offset.y < self.max_scroll_y:
            self.to_end()  # what there is to be seen was laid out anew
        if tail is self._tail and tail.count == self._count and empty == self._empty:
            return
        self._empty = empty
        if tail is not self._tail:
            self._tail = tail
            self._clear()
        self._add()
        self.refresh()

    def to_end(self) -> None:
        """Follow again."""
        self.following = True
        self.scroll_end(animate=False, force=True)  # also before there is a scrollbar

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value >= self.max_scroll_y:
            self.following = True
        elif new_value < old_value:
            self.following = False

    def on_resize(self) -> None:
        self._clear()
        self._add()

    @property
    def height(self) -> int:
        """Of all of it, in lines of the terminal."""
        return len(self._strips)

    @property
    def _width(self) -> int:
        """Beside the scrollbar."""
        return self.scrollable_content_region.width

    def _clear(self) -> None:
        self._strips, self._count = [], 0
        self._heights.clear()

    def _add(self) -> None:
        if self._tail is None or not self._width:
            return
        for item in self._tail.since(self._count):
            folded = self._fold(item)
            self._strips += folded
            self._heights.append(len(folded))
        self._count = self._tail.count
        gone = sum(self._heights.popleft() for _ in range(len(self._heights) - LINES))
        del self._strips[:gone]
        following, self.virtual_size = self.following, Size(self._width, len(self._strips))
        if following:
            self.to_end()
        elif gone:
            self.scroll_relative(y=-gone, animate=False)

    def _fold(self, item: T) -> list[Strip]:
        head, text = self._draw(item)
        width = max(1, self._width - len(head))
        first, *rest = folded(text, width)
        lines = [Strip([Segment(head, _HEAD), Segment(first)])]
        return lines + [Strip([Segment(" " * len(head)), Segment(line)]) for line in rest]

    def render_line(self, y: int) -> Strip:
        number = int(self.scroll_offset.y) + y
        if number < len(self._strips):
            return self._strips[number].adjust_cell_length(self._width)
        text = f" {self._empty}" if not self._strips and y == 1 else ""
        return Strip([Segment(text, Style(dim=True))]).adjust_cell_length(self._width)
