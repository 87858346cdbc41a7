"""The pages of what a node is connected to: its network, its disks and volumes."""

from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget

from core.cli.dashboard.model.devices import Device, Volume
from core.cli.dashboard.views.bars import gauge
from core.cli.dashboard.views.page import Page, Sight
from core.cli.dashboard.views.rows import Column, Row, Rows
from core.cli.dashboard.views.words import UNKNOWN, rate, share, size


class About(Widget):
    """Names and what they stand for, a line each."""

    _text = Text()

    def say(self, facts: dict[str, str]) -> None:
        """These."""
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        for name, value in facts.items():
            text.append(f" {name:<13}", "bold").append(f"{value or UNKNOWN}\n")
        if text != self._text:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        return self._text


class Network(Page):
    """Who the node is on the network, and what goes through its links."""

    def compose(self) -> ComposeResult:
        yield About(id="network-about")
        yield Rows(
            Column("LINK"),
            Column("IN", 11, right=True),
            Column("OUT", 11, right=True),
            Column("IN SO FAR", 10, right=True),
            Column("OUT SO FAR", 10, right=True),
            Column("ERRORS", 7, right=True),
            Column("DROPPED", 7, right=True),
            ident="links",
        )

    def show(self, sight: Sight) -> None:
        facts = sight.node.facts
        about = {
            "Hostname": facts.hostname,
            "Addresses": ", ".join(facts.addresses),
            "Gateways": ", ".join(facts.gateways),
            "Name servers": ", ".join(facts.resolvers),
            "Time servers": ", ".join(facts.time_servers),
        }
        self.query_one(About).say(about)
        links = [_link(link) for link in sight.node.links.found.values()]
        self.query_one(Rows).show(links, sight.why("NetworkDeviceStats"))

    def enter(self) -> None:
        self.screen.set_focus(self.query_one(Rows))


class Disks(Page):
    """How full volumes are, and how busy disks."""

    def compose(self) -> ComposeResult:
        yield Rows(
            Column("VOLUME"),
            Column("ON", 12),
            Column("SIZE", 8, right=True),
            Column("FREE", 8, right=True),
            Column("USED", 5, right=True),
            Column("", 20, spare=True),
            ident="volumes",
        )
        yield Rows(
            Column("DISK"),
            Column("READ", 11, right=True),
            Column("WRITE", 11, right=True),
            Column("BUSY", 5, right=True),
            Column("READ SO FAR", 11, right=True),
            Column("WRITTEN", 10, right=True),
            ident="disk-rows",
        )

    def show(self, sight: Sight) -> None:
        node = sight.node
        self.query_one("#volumes", Rows).show([_volume(one) for one in node.volumes], sight.why("Mounts"))
        disks = [_disk(disk, bool(node.disks.whole(disk.name))) for disk in node.disks.found.values()]
        self.query_one("#disk-rows", Rows).show(disks, sight.why("DiskStats"))

    def enter(self) -> None:
        self.screen.set_focus(self.query_one("#volumes", Rows))


def _link(link: Device) -> Row:
    so_far = size(link.bytes_in), size(link.bytes_out)
    wrong = str(link.errors), str(link.dropped)
    return Row(link.name, (link.name, rate(link.inward.rate), rate(link.outward.rate), *so_far, *wrong))


def _disk(disk: Device, part: bool) -> Row:
    busy = None if disk.busy.rate is None else min(1.0, disk.busy.rate)
    so_far = size(disk.bytes_in), size(disk.bytes_out)
    name = f"{'  ' * part}{disk.name}"
    return Row(disk.name, (name, rate(disk.inward.rate), rate(disk.outward.rate), share(busy), *so_far))


def _volume(volume: Volume) -> Row:
    source = volume.source.removeprefix("/dev/")
    if volume.target == "/":  # an image is as large as what is in it
        return Row("/", ("/", source, size(volume.size), UNKNOWN, UNKNOWN, "the image, read-only"))
    numbers = size(volume.size), size(volume.available), share(volume.share)
    return Row(volume.target, (volume.target, source, *numbers, gauge(volume.share, 20)))
