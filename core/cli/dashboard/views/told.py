"""What a node tells: the log of a service, and events."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from core.cli.dashboard.model.told import Happening
from core.cli.dashboard.views.head import Line
from core.cli.dashboard.views.lines import Drawn, Lines
from core.cli.dashboard.views.page import Page, Sight
from core.cli.dashboard.views.rows import Column, Row, Rows
from core.cli.dashboard.views.words import moment


class Logs(Page):
    """The logs of a node at the left, the end of one of them at the right."""

    KEYS: ClassVar[str] = "⏎ follow  PgUp PgDn End"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "scroll_log(-1)", show=False, priority=True),
        Binding("pagedown", "scroll_log(1)", show=False, priority=True),
        Binding("end", "newest", show=False, priority=True),
    ]

    class Wanted(Message):
        """This log is to be followed."""

        def __init__(self, log: str) -> None:
            super().__init__()
            self.log = log

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Rows(Column("LOG"), ident="log-names")
            with Vertical():
                yield Line(id="log-title")
                yield Lines[str](lambda line: ("", line), ident="log-lines")

    def show(self, sight: Sight) -> None:
        log, lines = sight.node.log, self.query_one(Lines)
        names = self.query_one(Rows)
        names.show([Row(name, (name,)) for name in sight.node.logs], sight.why("LogsContainers"))
        lines.show(log.lines, sight.why("Logs"))
        where = "following" if lines.following else "scrolled back; End follows again"
        said = f" {log.name or 'no log'}: {log.lines.count} lines, {where}"
        self.query_one("#log-title", Line).say(Text(said, "bold", no_wrap=True, overflow="ellipsis", end=""))

    def enter(self) -> None:
        self.screen.set_focus(self.query_one(Rows))

    def select(self, log: str) -> None:
        """The cursor to that log."""
        self.query_one(Rows).select(log)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.post_message(self.Wanted(event.key))

    def action_scroll_log(self, pages: int) -> None:
        lines = self.query_one(Lines)
        lines.scroll_relative(y=pages * max(1, lines.size.height - 1), animate=False)

    def action_newest(self) -> None:
        self.query_one(Lines).to_end()


class Events(Page):
    """What happened, the newest last."""

    KEYS: ClassVar[str] = "PgUp PgDn End"

    def compose(self) -> ComposeResult:
        yield Lines(self._drawn, ident="event-lines", focus=True)

    def show(self, sight: Sight) -> None:
        self._now = sight.now
        self.query_one(Lines).show(sight.node.happenings.tail, sight.why("Events"))

    def enter(self) -> None:
        self.screen.set_focus(self.query_one(Lines))

    def _drawn(self, event: Happening) -> Drawn:
        return f" {moment(event.at, self._now):<11} {event.about:<9} ", event.said
