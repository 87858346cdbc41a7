"""The processes of a node: the busiest or the largest first, all or those that match."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.cli.dashboard.model.processes import Order, Process
from core.cli.dashboard.views.head import Line
from core.cli.dashboard.views.page import Page, Sight
from core.cli.dashboard.views.rows import Column, Row, Rows
from core.cli.dashboard.views.words import UNKNOWN, size, span


class Processes(Page):
    """The page."""

    KEYS: ClassVar[str] = "/ filter  s sort"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", show=False),
        Binding("escape", "all", show=False),
    ]

    _order = Order.CPU
    _sight: Sight | None = None

    def compose(self) -> ComposeResult:
        yield Line(id="process-count")
        yield Rows(
            Column("PID", 7, right=True),
            Column("CPU", 7, right=True),
            Column("MEMORY", 8, right=True),
            Column("STATE", 5),
            Column("THREADS", 7, right=True, spare=True),
            Column("CPU TIME", 8, right=True, spare=True),
            Column("COMMAND"),
            ident="process-rows",
        )
        yield Input(placeholder="words of the command line, or a number", id="filter", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one(Input).display = False

    def show(self, sight: Sight) -> None:
        self._sight = sight
        words = self.query_one(Input).value
        found, listed = sight.node.processes.found, sight.node.processes.listed(self._order, words)
        empty = f"no process matches {words!r}" if found else sight.why("Processes")
        self.query_one(Rows).show([_row(process) for process in listed], empty)
        matching = f", {len(listed)} with {words!r} (Esc shows all)" if words else ""
        said = f" {len(found)} processes{matching}, the most {self._order} first"
        self.query_one(Line).say(Text(said, no_wrap=True, overflow="ellipsis", end=""))

    def enter(self) -> None:
        self.screen.set_focus(self.query_one(Rows))

    def action_sort(self) -> None:
        self._order = Order.MEMORY if self._order is Order.CPU else Order.CPU
        self._again()

    def ask(self) -> None:
        """What is typed from the next key on is what processes are looked for by."""
        entry = self.query_one(Input)
        entry.display = True
        self.screen.set_focus(entry)

    def action_all(self) -> None:
        self.query_one(Input).value = ""
        self._close()

    def on_input_changed(self) -> None:
        self._again()

    def on_input_submitted(self) -> None:
        self._close()

    def _close(self) -> None:
        self.query_one(Input).display = False
        self.enter()
        self._again()

    def _again(self) -> None:
        if self._sight is not None:
            self.show(self._sight)


def _row(process: Process) -> Row:
    return Row(
        str(process.pid),
        (
            str(process.pid),
            UNKNOWN if process.cpu is None else f"{100 * process.cpu:.1f} %",
            size(process.resident),
            process.state,
            str(process.threads),
            f"{process.cpu_time:.1f}s" if process.cpu_time < 60 else span(process.cpu_time),
            process.command,
        ),
    )
