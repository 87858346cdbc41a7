"""The dashboard before nodes that run: on a terminal of its own as a person has it, and by textual's pilot beside a
node that does not answer."""

import asyncio
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.cli.dashboard.app import Dashboard
from core.cli.dashboard.model.node import Reach
from core.cli.dashboard.sources.attention import Tab
from core.cli.dashboard.views.lines import Lines
from core.cli.dashboard.views.rows import Rows
from core.cli.target import known
from tests.support import cluster
from tests.support.cluster import Node
from tests.support.pid1 import until
from tests.support.results import Record
from tests.support.terminal import Terminal, terminal


def test_on_a_terminal(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "dash") as (node,):
        command = node.home.command("dashboard", "-d", "200ms", "-n", node.address, "-e", node.endpoint)
        with terminal(command, node.home.environment, tmp_path, 100, 40) as screen:
            _overview(screen, node)
            _event(screen, node)
            _log(screen, node)
            _processes(screen)
            _apid_dies(screen, node)
            screen.press("q")
            assert screen.ended() == 0
            assert screen.restored


def _overview(screen: Terminal, node: Node) -> None:
    screen.until(lambda text: f"{node.name}  ● running, ready" in text.splitlines()[0])
    screen.until(lambda text: "load" in text and "% of" in text)
    wanted = ["containerd", "Running", "✔", "healthy"]
    screen.until(lambda text: any(line.split()[:4] == wanted for line in text.splitlines()))


def _event(screen: Terminal, node: Node) -> None:
    screen.press("5")
    node.ichorctl("service", "imagecheck", "start")
    screen.until("imagecheck Running")
    screen.press("3")
    screen.until(lambda text: any(line.split()[:2] == ["imagecheck", "Finished"] for line in text.splitlines()))


def _log(screen: Terminal, node: Node) -> None:
    """Choose a log, and see what is written to it from now on."""
    screen.press("4")
    screen.until(lambda text: "machined: " in text and "imagecheck" in text)
    screen.press("jj\r")
    before = _lines(screen.until(_lines))
    node.ichorctl("service", "imagecheck", "start")
    screen.until(lambda text: _lines(text) > before and "following" in text)
    screen.until(lambda text: re.search(r"checked (\d+) of \1 blocks", text))


def _lines(text: str) -> int:
    """How many the log is said to have."""
    found = re.search(r"imagecheck: (\d+) lines", text)
    return int(found[1]) if found else 0


def _processes(screen: Terminal) -> None:
    screen.press("2")
    screen.until("ichor-machined")
    screen.press("/spawner")
    screen.until(lambda text: "1 with 'spawner'" in text and "ichor-machined" not in text)
    assert "ichor-spawner" in screen.text
    screen.press("\x1b")
    screen.until("ichor-machined")


def _apid_dies(screen: Terminal, node: Node) -> None:
    """And is not replaced while its parent stands still."""
    screen.press("1")
    spawner, old = node.pid("ichor-spawner"), node.pid("ichor-apid")
    os.kill(spawner, signal.SIGSTOP)
    try:
        os.kill(old, signal.SIGKILL)
        screen.until(lambda text: "✗ unreachable" in text and "No answer for" in text.splitlines()[1])
        screen.until(lambda text: "healthy" in text)  # what was known is kept
    finally:
        os.kill(spawner, signal.SIGCONT)
    until(lambda: node.pid("ichor-apid") not in (0, old), 60)
    screen.until("● running, ready")


def test_a_dead_node_disturbs_no_other(node: Node, record_result: Record) -> None:
    async def look() -> None:
        nodes = known(str(node.home.client_file), "", (node.address, _nobody(node)), (node.endpoint,))
        app = Dashboard(nodes, 0.2)
        async with app.run_test(size=(100, 40)) as pilot:
            await _looked_at(app, pilot, node, record_result)

    asyncio.run(look())


def _nobody(node: Node) -> str:
    """This machine, as the node sees it: no node, and it says so."""
    return f"{node.address.rpartition('.')[0]}.1"


async def _seen(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await pilot.pause(0.02)


async def _looked_at(app: Dashboard, pilot: Pilot[None], node: Node, record_result: Record) -> None:
    alive, dead = app.fleet.nodes.values()
    await _seen(pilot, lambda: dead.reach is Reach.DOWN and alive.facts.ready and alive.services.found)
    assert {alive.title, dead.title} == {node.name, _nobody(node)}
    samples, received = len(alive.processors.history.last(500)), alive.received
    await _seen(pilot, lambda: len(alive.processors.history.last(500)) >= samples + 10)
    record_result("read of a node in a beat of the overview", f"{(alive.received - received) / 10:.0f} bytes")
    await pilot.press("right")
    assert app.attention.look.node == dead.name
    await pilot.press("left", "p")
    await _seen(pilot, lambda: app.attention.look.paused)
    await pilot.press("p")
    pages: dict[Tab, Callable[[], object]] = {
        Tab.PROCESSES: lambda: alive.processes.found,
        Tab.LOGS: lambda: alive.log.lines.count and "machined" in alive.logs,
        Tab.EVENTS: lambda: alive.happenings.tail.count,
        Tab.NETWORK: lambda: alive.facts.gateways and alive.facts.resolvers and alive.links.found["eth0"].inward.rate,
        Tab.DISKS: lambda: any(volume.target == "/var" for volume in alive.volumes),
    }
    for tab, filled in pages.items():
        await pilot.press(str(list(Tab).index(tab) + 1))
        await _seen(pilot, filled)
        await _seen(pilot, lambda: _drawn(app))
    assert alive.refused == {}


def _drawn(app: Dashboard) -> bool:
    """Has the page that is seen rows or lines?"""
    tables = [len(rows.rows) for rows in app.page.query(Rows)]
    return all(tables) and all(lines.height for lines in app.page.query(Lines))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_at_both_sizes_everything_is_seen(node: Node, size: tuple[int, int]) -> None:
    command = node.home.command("dashboard", "-d", "200ms", "-n", node.address, "-e", node.endpoint)
    with terminal(command, node.home.environment, node.home.folder, *size) as screen:
        screen.until(lambda text: all(word in text for word in (node.name, "cores", "Memory", "apid", "q quit")))
        for key, words in (("2", "ichor-apid"), ("3", "trustd"), ("5", "boot stop"), ("6", "eth0"), ("7", "/var")):
            screen.press(key)
            screen.until(words)
        screen.press("q")
        assert screen.ended() == 0
