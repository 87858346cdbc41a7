"""The first lines and the last: which node, how it is, which page, which keys."""

from rich.text import Text
from textual.widget import Widget

from core.cli.dashboard.model.node import Node, Reach
from core.cli.dashboard.sources.attention import Tab
from core.cli.dashboard.views.page import Sight
from core.cli.dashboard.views.words import MARKS, share, size, span

_COLOURS = {Reach.UP: "green", Reach.DOWN: "red", Reach.TRYING: "yellow"}


class Line(Widget):
    """One line of text, drawn anew when it has changed."""

    _text = Text()

    def say(self, text: Text) -> None:
        """This from now on."""
        if text != self._text:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        return self._text


def head(sight: Sight, width: int) -> Text:
    """Which node this is, and how it is."""
    node = sight.node
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    if len(sight.fleet.nodes) > 1:
        text.append(f" {list(sight.fleet.nodes).index(node.name) + 1}/{len(sight.fleet.nodes)}", "dim")
    text.append(f" {node.title}", "bold")
    text.append(f"  {MARKS[node.reach]} {node.status}", f"{_COLOURS[node.reach]} bold")
    text.append("  " + "  ".join(_facts(sight, node)))
    if sight.look.paused:
        text.truncate(max(0, width - 9), pad=True)
        text.append(" PAUSED ", "reverse bold")
    return text


def _facts(sight: Sight, node: Node) -> list[str]:
    busy = node.processors.history.now
    load = [f"cpu {share(busy)}", f"mem {share(node.memory.history.now)}"] * (sight.look.tab is not Tab.OVERVIEW)
    up = f"{'host ' * node.contained}up {span(node.processors.uptime)}"
    addresses = [address.partition("/")[0] for address in node.facts.addresses[:1]]
    return [*load, *addresses, up, node.version] if node.reach is Reach.UP else []


def tabs(sight: Sight) -> Text:
    """Which pages there are, and which one this is: in brackets, for who sees no colours."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for number, tab in enumerate(Tab, 1):
        chosen = tab is sight.look.tab
        label = f"{number} {tab.capitalize()}"
        text.append(f"[{label}]" if chosen else f" {label} ", "reverse bold" if chosen else "")
    return text


def foot(sight: Sight, keys: str, interval: float, width: int) -> Text:
    """The keys, and what the watching costs."""
    several = "←→ node  " if len(sight.fleet.nodes) > 1 else ""
    left = f" {keys}{'  ' if keys else ''}{several}1-7 page  p pause  ? help  q quit"
    received = sum(node.received for node in sight.fleet.nodes.values())
    right = f"every {interval:g}s, {size(received)} read "
    room = width - len(left) - len(right)
    return Text(left + " " * room + right if room > 1 else left, "dim", no_wrap=True, end="")
