"""Doors on a network of their own, in this process: live nodes, and addresses where nobody is."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from core.node.front.peers import Limits
from core.rpc.client import Channel
from core.rpc.status import Code
from tests.node.front.doors import PORT, VERSION, Cluster, answer, cluster, tls
from tests.support.netns import Namespace, cable, on_loop_in

A, B, C, HUNG, REFUSED, DEAD = "10.9.0.1", "10.9.0.2", "fd00:9::3", "10.9.0.7", "10.9.0.8", "10.8.0.9"
CALM = Limits(connect=60, patience=60)
Test = Callable[[Cluster, Channel], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    """Addresses for the nodes, and one that swallows everything."""
    with cable() as (near, far):
        for address in (A, B, HUNG, REFUSED):
            near.ip("address", "add", f"{address}/32", "dev", "lo")
        near.ip("address", "add", f"{C}/128", "dev", "lo", "nodad")
        near.ip("address", "add", "10.8.0.1/24", "dev", "eth0")
        near.ip("link", "set", "eth0", "up")
        far.ip("link", "set", "far0", "up")
        near.ip("neighbour", "add", DEAD, "lladdr", "02:00:00:00:00:09", "dev", "eth0", "nud", "permanent")
        yield near


@pytest.fixture
def run(space: Namespace, tmp_path: Path) -> Run:
    """Runs a test on nodes a, b, c with an administrator's channel to the first one's door."""

    def play(test: Test, limits: Limits = CALM, **nodes: str) -> None:
        async def main() -> None:
            async with cluster(tmp_path, limits, **(nodes or {"a": A, "b": B, "c": C})) as doors:
                await _settled(doors)
                first = next(iter(doors.nodes.values()))
                async with Channel(f"{first.address}:{PORT}", tls("os:admin")) as channel:
                    await test(doors, channel)

        on_loop_in(space, main)

    return play


async def _settled(doors: Cluster) -> None:
    """Every door has learned what it is called and what to show."""
    for node in doors.nodes.values():
        where = f"[{node.address}]:{PORT}" if ":" in node.address else f"{node.address}:{PORT}"
        async with Channel(where, tls("os:admin")) as channel:
            while await answer(channel, VERSION, [("node", f"{node.name}.test")]) is not Code.OK:
                pass
        node.calls.clear()
