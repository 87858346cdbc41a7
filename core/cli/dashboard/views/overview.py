"""All at a glance: the nodes when there are several, and of one its load, traffic, services and events."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Grid

from core.cli.dashboard.model.node import Node
from core.cli.dashboard.model.told import Happening
from core.cli.dashboard.views.bars import graph
from core.cli.dashboard.views.lines import Drawn, Lines
from core.cli.dashboard.views.page import Page, Sight
from core.cli.dashboard.views.panel import Graph
from core.cli.dashboard.views.rows import Column, Row, Rows
from core.cli.dashboard.views.services import service_rows
from core.cli.dashboard.views.words import MARKS, UNKNOWN, health, moment, rate, share, size

_WIDE = 512


class Overview(Page):
    """The page."""

    KEYS: ClassVar[str] = "⏎ log"

    def compose(self) -> ComposeResult:
        yield Rows(
            Column("NODE", 26),
            Column("STATUS", 19),
            Column("CPU", 5, right=True),
            Column("MEM", 5, right=True),
            Column("SERVICES", 16),
            Column("VERSION", spare=True),
            ident="nodes",
        )
        with Grid(id="graphs"):
            yield Graph(("cpu", "green"), ident="cpu")
            yield Graph(("memory", "cyan"), ident="memory")
            yield Graph(("in", "green"), ("out", "magenta"), ident="network-io")
            yield Graph(("read", "green"), ("write", "magenta"), ident="disk-io")
        with Grid(id="told"):
            yield Rows(Column("SERVICE", 12), Column("STATE", 11), Column("HEALTH"), ident="overview-services")
            yield Lines(self._event, ident="overview-events")

    def show(self, sight: Sight) -> None:
        node = sight.node
        self._now = sight.now
        self._list(sight)
        self._load(node)
        self._traffic(node)
        rows = [Row(row.key, (row.cells[0], row.cells[1], row.cells[2]), row.style) for row in service_rows(sight)]
        self.query_one("#overview-services", Rows).show(rows, sight.why("ServiceList"))
        self.query_one("#overview-events", Lines).show(node.happenings.tail, sight.why("Events"))

    def enter(self) -> None:
        self.screen.set_focus(self.query_one("#overview-services", Rows))

    def _list(self, sight: Sight) -> None:
        table = self.query_one("#nodes", Rows)
        table.display = len(sight.fleet.nodes) > 1
        table.styles.height = min(7, len(sight.fleet.nodes) + 1)
        table.show([_row(node) for node in sight.fleet.nodes.values()])

    def _load(self, node: Node) -> None:
        cores, averages = node.processors, node.load.averages
        load = f"load {' '.join(f'{one:.2f}' for one in averages)}" if averages else "load unknown"
        many = len(cores.each)
        if many > 1:
            load += f"  each {graph(cores.each, many, 1, 1.0)[0]}"
        title = f"CPU {share(cores.history.now)} of {many or UNKNOWN} {'core' if many == 1 else 'cores'}"
        self.query_one("#cpu", Graph).show(title, load, cores.history.last(_WIDE), top=1.0)
        memory = node.memory
        swap = f", swap {size(memory.swap_used)} of {size(memory.swap)}" if memory.swap else ""
        self.query_one("#memory", Graph).show(
            f"Memory {share(memory.history.now)} of {size(memory.whole)}",
            f"used {size(memory.used)}, cache {size(memory.cache)}{swap}",
            memory.history.last(_WIDE),
            top=1.0,
        )

    def _traffic(self, node: Node) -> None:
        links, disks = node.links, node.disks
        self.query_one("#network-io", Graph).show(
            f"Network in {rate(links.inward.now)} out {rate(links.outward.now)}",
            "so far in {} out {}".format(*map(size, links.so_far)),
            links.inward.last(_WIDE),
            links.outward.last(_WIDE),
        )
        self.query_one("#disk-io", Graph).show(
            f"Disks read {rate(disks.inward.now)} write {rate(disks.outward.now)}",
            "so far read {} written {}".format(*map(size, disks.so_far)),
            disks.inward.last(_WIDE),
            disks.outward.last(_WIDE),
        )

    def _event(self, event: Happening) -> Drawn:
        return f"{moment(event.at, self._now)} ", f"{event.about} {event.said}"


def _row(node: Node) -> Row:
    busy, used = node.processors.history.now, node.memory.history.now
    cells = (node.title, f"{MARKS[node.reach]} {node.status}", share(busy), share(used), health(node), node.version)
    return Row(node.name, cells)
