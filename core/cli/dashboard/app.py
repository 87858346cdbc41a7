"""The program on the terminal: puts sources, model and views together. It draws at most four times a second, only
what has changed, and never waits for a node."""

from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, Input

from core.base.clock import Clock, SystemClock
from core.cli.dashboard.model.node import Fleet
from core.cli.dashboard.sources import feed
from core.cli.dashboard.sources.attention import Attention, Look, Tab
from core.cli.dashboard.views.devices import Disks, Network
from core.cli.dashboard.views.head import Line, foot, head, tabs
from core.cli.dashboard.views.help import Help
from core.cli.dashboard.views.overview import Overview
from core.cli.dashboard.views.page import Page, Sight
from core.cli.dashboard.views.processes import Processes
from core.cli.dashboard.views.rows import Rows
from core.cli.dashboard.views.services import Services
from core.cli.dashboard.views.told import Events, Logs
from core.cli.target import Nodes

FRAME: Final = 0.25  # seconds
_PAGES: Final[dict[Tab, type[Page]]] = {
    Tab.OVERVIEW: Overview,
    Tab.PROCESSES: Processes,
    Tab.SERVICES: Services,
    Tab.LOGS: Logs,
    Tab.EVENTS: Events,
    Tab.NETWORK: Network,
    Tab.DISKS: Disks,
}
_COMMANDS: Final = frozenset(("tab", "page", "node", "filter", "pause", "help", "leave"))
_FIRST_LOG: Final = "machined"


class Dashboard(App[None]):
    """Shows the nodes until somebody quits."""

    TITLE = "Ichor"
    CSS_PATH = "views/style.tcss"
    ENABLE_COMMAND_PALETTE = False
    # all before the widgets see them, and so in the order of the keys: on a slow link they come many at once
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=True)
        for keys, action in (
            *((str(number), f"tab('{tab}')") for number, tab in enumerate(Tab, 1)),
            ("tab", "page(1)"),
            ("shift+tab", "page(-1)"),
            ("right,n", "node(1)"),
            ("left", "node(-1)"),
            ("slash", "filter"),
            ("p", "pause"),
            ("question_mark,f1", "help"),
            ("q", "leave"),
            ("ctrl+c", "interrupt"),
        )
    ]

    def __init__(self, nodes: Nodes, interval: float, clock: Clock | None = None) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.animation_level = "none"
        self._watched, self._interval, self._time = nodes, interval, clock or SystemClock()
        self.fleet = Fleet.of(nodes.names)
        self.attention = Attention(Look(nodes.names[0], log=_FIRST_LOG))
        self._drawn: tuple[int, Look] | None = None
        self._head, self._trouble, self._tabs, self._foot = map(_line, ("head", "trouble", "tabs", "foot"))
        self._pages = {tab: page(id=tab) for tab, page in _PAGES.items()}
        self._switcher = ContentSwitcher(initial=Tab.OVERVIEW)

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._trouble
        yield self._tabs
        with self._switcher:
            yield from self._pages.values()
        yield self._foot

    def on_mount(self) -> None:
        self.page.enter()
        self.run_worker(feed.run(self._watched, self.fleet, self.attention, self._time, self._interval))
        self.set_interval(FRAME, self.draw)

    @property
    def page(self) -> Page:
        """The one that is seen."""
        return self._pages[self.attention.look.tab]

    def draw(self, at_once: bool = False) -> None:
        """Bring what is seen up to what is known, if something has changed."""
        if not (self.is_running and self._head.is_mounted):
            return  # a last tick, while the screen is being taken down
        sight = self._sight()
        self._head.say(head(sight, self.size.width))
        self._trouble.say(Text(f" {sight.trouble}", "bold", no_wrap=True, overflow="ellipsis", end=""))
        self._trouble.display = bool(sight.trouble)
        state = self.fleet.changes, sight.look
        if state == self._drawn or (sight.look.paused and not at_once):
            return
        self._drawn = state
        self._tabs.say(tabs(sight))
        self._foot.say(foot(sight, self.page.KEYS, self._interval, self.size.width))
        self.page.show(sight)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that are meant for what is over the pages, or for a line that is typed, are no commands."""
        if action in _COMMANDS and (isinstance(self.focused, Input) or isinstance(self.screen, Help)):
            return False
        return action != "filter" or isinstance(self.page, Processes)

    def on_resize(self) -> None:
        self._tabs.set_class(self.size.height > 30, "tall")
        self._turned()

    def action_tab(self, tab: str) -> None:
        self.attention.turn(tab=Tab(tab))
        self._switcher.current = tab
        self.page.enter()
        self._turned()

    def action_page(self, step: int) -> None:
        pages = list(Tab)
        self.action_tab(pages[(pages.index(self.attention.look.tab) + step) % len(pages)])

    def action_node(self, step: int) -> None:
        names = list(self.fleet.nodes)
        self.attention.turn(node=names[(names.index(self.attention.look.node) + step) % len(names)])
        self._turned()

    def action_filter(self) -> None:
        assert isinstance(self.page, Processes)
        self.page.ask()

    def action_pause(self) -> None:
        self.attention.turn(paused=not self.attention.look.paused)
        self._turned()

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_leave(self) -> None:
        self.exit()

    def action_interrupt(self) -> None:
        self.exit()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if event.rows.id == "nodes":
            self.attention.turn(node=event.key)
            self._turned()
        elif event.rows.id in ("overview-services", "service-rows"):
            self.attention.turn(log=event.key)
            self.action_tab(Tab.LOGS)
            self._logs.select(event.key)

    def on_logs_wanted(self, event: Logs.Wanted) -> None:
        self.attention.turn(log=event.log)
        self._turned()

    @property
    def _logs(self) -> Logs:
        page = self._pages[Tab.LOGS]
        assert isinstance(page, Logs)
        return page

    def _sight(self) -> Sight:
        patience = 3 * self._interval + 1
        return Sight(self.fleet, self.attention.look, self._time.now(), self._time.monotonic(), patience)

    def _turned(self) -> None:
        """Somebody did something, and sees it at once."""
        self.draw(at_once=True)


def _line(name: str) -> Line:
    return Line(id=name)
