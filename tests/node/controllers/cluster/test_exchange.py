"""Nodes that find each other: control planes and workers in one process, each at an address of this machine's loopback,
with the stores, trustds, certificates and sockets of nodes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from core.base.clock import SystemClock
from core.cluster.discovery.table import Table
from core.config import generate
from core.node.api.discovery import Affiliates
from core.node.api.trust import Authority
from core.node.controllers.cluster.affiliates import AffiliateMerge, LocalAffiliate, Members
from core.node.controllers.cluster.exchange import Exchange
from core.node.controllers.cluster.identity import DiscoverySettings
from core.node.controllers.config import machine_type
from core.node.controllers.k8s.network.endpoints import DiscoveredEndpoints, StaticEndpoint
from core.node.controllers.secrets import APICertificates, CertSANs, TrustdCertificates, os_root
from core.node.holders import Holders, Joined
from core.node.resources.cluster import Affiliate, Identity, Member, PeerNetwork
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Nodename, NodeStatus
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.runtime import MachineResetSignal
from core.node.resources.secrets import TrustdCerts
from core.node.survivor import Survivor
from core.node.trust import Desk
from core.node.waiting import torn_down
from core.rpc.client import Channel
from core.rpc.server import Server
from core.state import Controller
from tests.node.controllers.house import House
from tests.node.trust.house import NOW, SECRETS, work
from tests.support.clock import on_loop
from tests.support.fdtable import FdTable

OPTIONS = generate.Options(name="c", endpoint="https://127.0.2.1:6443")
LEADING = generate.control_plane(SECRETS, OPTIONS)
WORKING = generate.worker(SECRETS, OPTIONS)
SIGNAL = MachineResetSignal.at("machine")


class Node(House):
    """`number` is the last part of its address, and of its name."""

    def __init__(self, number: int, port: int, config: bytes, *more: Controller) -> None:
        self.address, self.name = f"127.0.2.{number}", f"node-{number}"
        self.table = Table(SystemClock())
        super().__init__(
            SystemClock(),
            [
                *(os_root(), machine_type(), DiscoverySettings(), LocalAffiliate("Ichor"), StaticEndpoint()),
                *(DiscoveredEndpoints(), Exchange(self.table, port), AffiliateMerge(), Members(), *more),
            ],
        )
        self.put("local", Identity(node_id=f"id-{number}"))
        for id_ in ("current", "routed-no-k8s", "accumulative"):
            self.put(id_, NodeAddress(addresses=(f"{self.address}/24",)))
        self.put("hostname", HostnameStatus(hostname=self.name))
        self.put("nodename", Nodename(nodename=self.name))
        self.put("v1alpha1", MachineConfig(yaml_marshalled=config))

    async def knows(self, *numbers: int) -> None:
        """Wait until these are its members."""
        names = {f"node-{number}" for number in numbers}
        await self.until(lambda: self.all(Member).keys() == names)


@contextlib.asynccontextmanager
async def worker(number: int, port: int, config: bytes = WORKING) -> AsyncIterator[Node]:
    node = Node(number, port, config)
    async with node.running():
        yield node


@contextlib.asynccontextmanager
async def control_plane(number: int, port: int, folder: Path) -> AsyncIterator[Node]:
    """With a trustd at its address."""
    node, clock, table = (
        Node(number, port, LEADING, CertSANs(), APICertificates(work), TrustdCertificates()),
        SystemClock(),
        FdTable(),
    )
    holders = Holders(node.store, Survivor(table, "joined", dict[str, Joined]), clock)
    services = [
        Authority(node.store, holders, work, clock).service(),
        Affiliates(node.store, node.table, clock).service(),
    ]
    server, path = Server(services), folder / f"trustd-{number}-{id(node)}.sock"
    own = socket.socket(socket.AF_UNIX)
    own.bind(str(path))
    own.listen()
    with own, socket.create_server((node.address, port)) as door:
        async with node.running(), Channel(path) as channel:
            await server.serve(own)
            await node.until(lambda: node.store.find(TrustdCerts.at("trustd")))
            desk = Desk(channel, clock)
            serving = asyncio.create_task(desk.serve(door))
            try:
                yield node
            finally:
                serving.cancel()
                await asyncio.wait([serving])
                await desk.server.drain(0)
                await server.drain(0)
    table.close()


def _port() -> int:
    with socket.create_server(("127.0.2.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@on_loop
async def test_all_find_all_by_the_endpoint_alone(tmp_path: Path) -> None:
    port = _port()
    async with (
        control_plane(1, port, tmp_path) as first,
        control_plane(2, port, tmp_path) as second,
        worker(3, port) as third,
        worker(4, port) as fourth,
    ):
        for node in (first, second, third, fourth):
            await node.knows(1, 2, 3, 4)
        found = third.one(Affiliate, "id-2")
        assert found == second.one(Affiliate, "id-2")
        fourth.put("node-4", NodeStatus(nodename="node-4", pod_cidrs=("10.244.4.0/24",)))
        for node in (first, second, third):
            await node.until(partial(node.one, PeerNetwork, "id-4"))
            network = node.one(PeerNetwork, "id-4")
            assert network is not None
            assert (network.nodename, network.pod_networks) == ("node-4", ("10.244.4.0/24",))
        assert not fourth.all(PeerNetwork)


@on_loop
async def test_what_is_known_outlives_who_told_it(tmp_path: Path) -> None:
    """The endpoint's control plane goes, and comes back with nothing."""
    port = _port()
    async with control_plane(2, port, tmp_path) as second, worker(3, port) as third:
        async with control_plane(1, port, tmp_path):
            await second.knows(1, 2, 3)
            await third.knows(1, 2, 3)
        third.put("node-3", NodeStatus(nodename="node-3", pod_cidrs=("10.244.3.0/24",)))
        await second.until(lambda: second.one(PeerNetwork, "id-3"))
        async with control_plane(1, port, tmp_path) as again:
            await again.knows(1, 2, 3)


@on_loop
async def test_a_node_that_was_wiped_takes_its_own_place(tmp_path: Path) -> None:
    port = _port()
    async with control_plane(1, port, tmp_path) as first:
        async with worker(3, port):
            await first.until(lambda: first.one(Affiliate, "id-3"))
        async with worker(3, port) as again:
            again.put("local", Identity(node_id="id-new"))
            await first.until(lambda: first.one(Affiliate, "id-new") and not first.one(Affiliate, "id-3"))
            await first.until(lambda: [each.node_id for each in first.all(Member).values()] == ["id-1", "id-new"])


@on_loop
async def test_a_node_that_is_reset_says_so_to_all_that_are_there(tmp_path: Path) -> None:
    port = _port()
    async with (
        control_plane(2, port, tmp_path) as second,
        worker(3, port) as third,
        worker(4, port) as fourth,
    ):
        async with control_plane(1, port, tmp_path) as first:
            for node in (first, second, third, fourth):
                await node.knows(1, 2, 3, 4)
        third.put("machine", MachineResetSignal())  # while the first control plane does not answer
        third.store.hold(SIGNAL, Exchange.name)
        async with asyncio.timeout(30):
            await torn_down(third.store, SIGNAL)
        await second.knows(1, 2, 4)
        await fourth.knows(1, 2, 4)
        second.put("machine", MachineResetSignal())
        second.store.hold(SIGNAL, Exchange.name)
        async with asyncio.timeout(30):
            await torn_down(second.store, SIGNAL)
        await fourth.knows(1, 4)


@on_loop
async def test_who_was_never_among_others_has_nothing_to_say() -> None:
    alone = House(SystemClock(), [Exchange(Table(SystemClock()))])
    alone.put("machine", MachineResetSignal())
    alone.store.hold(SIGNAL, Exchange.name)
    async with alone.running(), asyncio.timeout(30):
        await torn_down(alone.store, SIGNAL)


@on_loop
async def test_who_has_the_token_and_not_the_secret_is_nobody(tmp_path: Path) -> None:
    port, other = _port(), generate.new_secrets(NOW)
    stranger = generate.worker(SECRETS, OPTIONS).replace(SECRETS.cluster.secret.encode(), other.cluster.secret.encode())
    assert stranger != WORKING
    async with (
        control_plane(1, port, tmp_path) as first,
        worker(4, port, stranger) as fourth,
        worker(3, port) as third,
    ):
        await third.knows(1, 3)
        await first.knows(1, 3)
        assert fourth.all(Member).keys() == {"node-4"}
