"""Three control planes with writes going on, to etcd and through the Kubernetes API, and what goes wrong with programs,
machines and wires: one long-lived cluster. Nothing that was acknowledged is lost, what clients saw of a register is
what one register would have shown them, and everything settles without a hand laid on it."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from core.base.errors import IchorError
from core.cluster.kubernetes.paths import Collection
from tests.support import fault, kubecluster, planes
from tests.support.cluster import Node, documents
from tests.support.kubecluster import Kubernetes
from tests.support.pid1 import until
from tests.support.results import Record
from tests.support.writes import Writes, client, writing

FROZEN = 30.0
CUT = 20.0  # longer than etcd waits for anything
SECONDS = 420.0  # of both processors being busy with others
NODES = Collection("v1", "nodes")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with kubecluster.running(tmp_path_factory.mktemp("faults"), control_planes=3) as made:
        settled(made)
        yield made


@pytest.mark.parametrize("program", ["etcd", "containerd", "kubelet", "ichor-machined", "ichor-spawner"])
def test_a_program_is_killed(kube: Kubernetes, program: str, record_result: Record) -> None:
    """On the node whose etcd leads."""
    node, _ = leader(kube.nodes)
    with writing(kube, f"killed-{program}") as writes:
        before = _pid(node, program)
        began = time.monotonic()
        os.kill(before, signal.SIGKILL)
        record_result("written again after", f"{writes.progress():.1f} s")
        until(lambda: _pid(node, program) not in (0, before), SECONDS, f"another {program}")
        _settles(kube, writes, began, record_result)


def test_a_node_stands_still(kube: Kubernetes, record_result: Record) -> None:
    """The one whose etcd leads, for half a minute."""
    node, _ = leader(kube.nodes)
    with writing(kube, "frozen") as writes:
        with fault.frozen(node):
            record_result("written again after", f"{writes.progress():.1f} s")
            time.sleep(FROZEN)
        _settles(kube, writes, time.monotonic(), record_result)


@pytest.mark.parametrize("leads", [False, True], ids=["follower", "leader"])
def test_a_node_is_cut_off_and_comes_back(kube: Kubernetes, leads: bool, record_result: Record) -> None:
    first, others = leader(kube.nodes)
    with writing(kube, f"cut-{leads}".lower()) as writes:
        with fault.cut(first if leads else others[0]):
            record_result("written again after", f"{writes.progress():.1f} s")
            time.sleep(CUT)
        _settles(kube, writes, time.monotonic(), record_result)


def test_two_of_three_are_lost_for_good(kube: Kubernetes, record_result: Record) -> None:
    """Who leads knows of all that was acknowledged, so nothing of it is lost when it is the one that is left."""
    left, gone = leader(kube.nodes)
    with writing(kube, "lost") as writes:
        began = time.monotonic()
        fault.power_off(*gone)
        for node in gone:
            fault.wipe(node)
        lost = ",".join(node.address for node in gone)
        until(lambda: left.ichorctl("etcd", "recover", "--lost", lost, code=None).code == 0, SECONDS, "the recovery")
        writes.progress()
        record_result("written again after", f"{time.monotonic() - began:.1f} s")
        for node in gone:
            fault.replace(node)
        _settles(kube, writes, began, record_result)


def leader(nodes: Sequence[Node]) -> tuple[Node, list[Node]]:
    """The node whose etcd leads, and the others."""
    found: list[Node] = []

    def leads() -> bool:
        said = [(node, node.ichorctl("etcd", "status", "-o", "json", code=None).out) for node in nodes]
        status = [(node, documents(out)[0]["memberStatus"]) for node, out in said if out]
        found[:] = [node for node, told in status if told["leader"] == told["memberId"] != "0"]
        return len(found) == 1

    until(leads, SECONDS, "a leader")
    return found[0], [node for node in nodes if node is not found[0]]


def settled(kube: Kubernetes) -> None:
    """Until every node is ready, in its own eyes and by every API server, and every etcd a member that votes."""
    for node in kube.nodes:
        node.await_ready(seconds=SECONDS)
        planes.up(node)
    until(lambda: _votes(kube.nodes), SECONDS, "three members that vote")
    until(lambda: asyncio.run(_ready(kube)), SECONDS, "three nodes that are ready")


def _settles(kube: Kubernetes, writes: Writes, began: float, record: Record) -> None:
    settled(kube)
    writes.progress()
    record("settled after", f"{time.monotonic() - began:.1f} s")


def _votes(nodes: Sequence[Node]) -> bool:
    said = [node.ichorctl("etcd", "members", "-o", "json", code=None).out for node in nodes]
    lists = [{m["hostname"]: m["isLearner"] for m in documents(out)[0]["members"]} for out in said if out]
    return lists == [{node.name: False for node in nodes}] * len(nodes)


async def _ready(kube: Kubernetes) -> bool:
    """Whether each API server says that each node is."""
    for node in kube.nodes:
        async with client(kube, node) as api:
            try:
                listed = (await api.list(NODES))["items"]
            except IchorError:
                return False
        conditions = [(each["metadata"]["name"], c["type"], c["status"]) for each in listed for c in _conditions(each)]
        if {name for name, *rest in conditions if rest == ["Ready", "True"]} != {each.name for each in kube.nodes}:
            return False
    return True


def _conditions(node: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = node["status"]["conditions"]
    return found


def _pid(node: Node, program: str) -> int:
    return planes.pid(node) if program == "etcd" else node.pid(program)
