"""A table that draws only what is seen of it, so that a thousand rows cost as little as ten; the row under the cursor
is kept when rows come, go and change places. Style is never all that tells rows apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

_HEAD: Final = Style(bold=True, underline=True)
_CURSOR: Final = Style(reverse=True)
_GAP: Final = 2
_ROOM: Final = 30  # what a column that takes the rest is worth


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and the width of what is under it; 0: what the others leave. `spare` columns are left out when there
    is no room for all."""

    title: str
    width: int = 0
    right: bool = False
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in the columns; `key` says which row it is when rows change places."""

    key: str
    cells: tuple[str, ...]
    style: str = ""


class Rows(ScrollView, can_focus=True):
    """The table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "leap(-1)", show=False),
        Binding("pagedown", "leap(1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, rows: "Rows", key: str) -> None:
            super().__init__()
            self.rows, self.key = rows, key

        @property
        def control(self) -> "Rows":
            return self.rows

    def __init__(self, *columns: Column, ident: str) -> None:
        super().__init__(id=ident)
        self._columns, self._empty = columns, ""
        self._rows: Sequence[Row] = ()
        self._key = ""
        self._index = 0

    @property
    def rows(self) -> Sequence[Row]:
        """All of them."""
        return self._rows

    def show(self, rows: Sequence[Row], empty: str = "") -> None:
        """These from now on, or this sentence in their place. Who has not moved the cursor stays at the top. Only what
        has changed is drawn."""
        before, self._rows = self._rows, rows
        if len(rows) != len(before) or (not rows and empty != self._empty):
            self.refresh()
        self._empty = empty
        for number, (old, new) in enumerate(zip(before, rows, strict=False)):
            if old != new:
                self.refresh_line(number + 1)
        if self._index:
            self._place(next((n for n, row in enumerate(rows) if row.key == self._key), self._index))
        else:
            self._place(0)

    def select(self, key: str) -> None:
        """The cursor to that row."""
        self._place(next((n for n, row in enumerate(self._rows) if row.key == key), self._index))

    def action_move(self, rows: int) -> None:
        self._place(self._index + rows)

    def action_leap(self, pages: int) -> None:
        self._place(self._index + pages * max(1, self.size.height - 2))

    def action_choose(self) -> None:
        if self._key:
            self.post_message(self.Chosen(self, self._key))

    def on_click(self, event: Click) -> None:
        number = event.y - 1 + int(self.scroll_offset.y)
        if event.y > 0 and number < len(self._rows):
            self._place(number)
            self.action_choose() if event.chain > 1 else None

    def _place(self, index: int) -> None:
        before, self._index = self._index, max(0, min(index, len(self._rows) - 1))
        self._key = self._rows[self._index].key if self._rows else ""
        self.virtual_size = Size(self._width, len(self._rows) + 1)
        if self._index != before:
            self.refresh_line(before + 1)
            self.refresh_line(self._index + 1)
        self.scroll_to_region(Region(0, self._index, 1, 2), animate=False, force=True)

    @property
    def _width(self) -> int:
        """Beside the scrollbar."""
        return self.scrollable_content_region.width

    def on_resize(self) -> None:
        self._place(self._index)

    def render_line(self, y: int) -> Strip:
        width = self._width
        if y == 0:
            return Strip([Segment(self._line([c.title for c in self._columns], width), _HEAD)], width)
        number = int(self.scroll_offset.y) + y - 1
        if number < len(self._rows):
            row = self._rows[number]
            style = Style.parse(row.style) + (_CURSOR if number == self._index and self.has_focus else Style())
            return Strip([Segment(self._line(row.cells, width), style)], width)
        text = self._empty if not self._rows and y == 2 else ""
        return Strip([Segment(set_cell_size(f" {text}", width), Style(dim=True))], width)

    def _line(self, cells: Sequence[str], width: int) -> str:
        columns = self._shown(width)
        fixed = sum(column.width + _GAP for column, _ in columns)
        shown = [_fit(cells[at], c.width or max(1, width - fixed), c.right) for c, at in columns]
        return set_cell_size(f" {(' ' * _GAP).join(shown)}", width)

    def _shown(self, width: int) -> list[tuple[Column, int]]:
        """The columns there is room for, with their places."""
        columns = list(zip(self._columns, range(len(self._columns)), strict=True))
        least = sum((column.width or _ROOM) + _GAP for column in self._columns)
        return columns if least <= width else [(column, at) for column, at in columns if not column.spare]


def _fit(text: str, width: int, right: bool) -> str:
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width) if not right else " " * (width - cell_len(text)) + text
