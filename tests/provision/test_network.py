"""The bridge and cables of a cluster on the real kernel; nothing is left behind."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from core.provision import network

CLUSTER = f"test-{os.getpid()}"
pytestmark = pytest.mark.root


@pytest.fixture
def bridge() -> Iterator[str]:
    name = network.bridge_name(CLUSTER)
    yield name
    network.remove(network.veth_name(CLUSTER, "a"))
    network.remove(name)


@pytest.fixture
def neighbour() -> Iterator[int]:
    """A process in a network namespace of its own."""
    child = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    try:
        own = os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116 - nsfs links have no Path.stat difference
        while os.stat(f"/proc/{child.pid}/ns/net").st_ino == own:  # noqa: PTH116
            os.sched_yield()
        yield child.pid
    finally:
        child.kill()
        child.wait()


def test_names_fit_and_differ() -> None:
    names = {network.veth_name(c, n) for c in ("a", "b") for n in ("a", "b")} | {network.bridge_name("a" * 60)}
    assert len(names) == 5
    assert all(len(name) <= 15 for name in names)


def test_making_twice_is_making_once(bridge: str) -> None:
    network.make_bridge(bridge, "10.5.254.1", 24)
    network.make_bridge(bridge, "10.5.254.1", 24)
    assert {"dst": "10.5.254.0/24", "dev": bridge}.items() <= next(
        route for route in network.routes() if route["dst"] == "10.5.254.0/24"
    ).items()


def test_a_cable_reaches_the_node(bridge: str, neighbour: int) -> None:
    network.make_bridge(bridge, "10.5.254.1", 24)
    veth = network.veth_name(CLUSTER, "a")
    network.plug(bridge, veth, neighbour)
    network.plug(bridge, veth, neighbour)
    seen = subprocess.run(
        ["nsenter", f"--net=/proc/{neighbour}/ns/net", "ip", "-brief", "link", "show", "eth0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.startswith("eth0")
    network.remove(veth)
    assert not network.exists(veth)
