"""How numbers, times and states are written for people. No textual here."""

import time
from typing import Final

from rich.cells import cell_len, chop_cells

from core.base.units import format_size
from core.cli.dashboard.model.node import Node, Reach

UNKNOWN: Final = "–"
MARKS: Final = {Reach.UP: "●", Reach.DOWN: "✗", Reach.TRYING: "…"}  # beside the word, never in its place
_DAY: Final = 86400


def share(value: float | None) -> str:
    """0.123 -> "12 %"."""
    return UNKNOWN if value is None else f"{100 * value:.0f} %"


def size(value: float | None) -> str:
    """Bytes."""
    return UNKNOWN if value is None else format_size(round(value))


def rate(value: float | None) -> str:
    """Bytes a second."""
    return UNKNOWN if value is None else f"{format_size(round(value))}/s"


def span(seconds: float | None) -> str:
    """A length of time in its two largest units: 93784 -> "1d 2h"."""
    if seconds is None:
        return UNKNOWN
    rest = int(max(0.0, seconds))
    parts: list[str] = []
    for unit, letter in ((_DAY, "d"), (3600, "h"), (60, "m"), (1, "s")):
        number, rest = divmod(rest, unit)
        if number or parts or letter == "s":
            parts.append(f"{number}{letter}")
    return " ".join(parts[:2])


def moment(at: int, now: float) -> str:
    """A time of the clock here; the day, too, unless it is today."""
    then = time.localtime(at)
    same = time.strftime("%F", then) == time.strftime("%F", time.localtime(now))
    return UNKNOWN if not at else time.strftime("%T" if same else "%m-%d %H:%M", then)


def folded(text: str, width: int) -> list[str]:
    """A line in as many as it needs on a terminal: cut between words where that leaves no great gap."""
    lines = []
    while cell_len(text) > width:
        piece = chop_cells(text, width)[0]
        space = piece.rfind(" ")
        end = len(piece) if text[len(piece)] == " " or space < len(piece) // 2 else space
        lines.append(text[: max(1, end)])
        text = text[max(1, end) :].removeprefix(" ")
    return [*lines, text]


def health(node: Node) -> str:
    """Of its services, in a few words."""
    services = node.services
    if not services.found:
        return UNKNOWN
    running = sum(service.state == "Running" for service in services.found)
    return f"{running} run, {services.troubled} FAIL" if services.troubled else f"{running} run, all well"


def silence(node: Node, now: float, patience: float) -> str:
    """What is wrong between us and the node, if something is."""
    if node.reach is Reach.DOWN:
        return f"No answer for {span(now - node.since)}: {node.reason}"
    late = node.late(now, patience)
    return "" if late is None else f"Late: nothing heard for {span(late)}"
