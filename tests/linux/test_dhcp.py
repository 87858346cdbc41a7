"""The DHCP client against dnsmasq over a veth: winning, renewing, being refused, the server gone and back. Time is the
test's own; packets are real."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from core.codec.dhcp import Bound, Client, Lost, State
from core.linux import address, link
from core.linux.dhcp import Runner
from core.linux.network import Network
from tests.support.clock import FakeClock, settle
from tests.support.dnsmasq import dnsmasq
from tests.support.netns import Namespace, cable
from tests.support.pid1 import until

RANGE = "--dhcp-range=10.7.0.50,10.7.0.60,255.255.255.0,2m"
OPTIONS = (
    "--dhcp-option=option:router,10.7.0.1",
    "--dhcp-option=option:classless-static-route,0.0.0.0/0,10.7.0.1,192.168.9.0/24,10.7.0.2",
    "--dhcp-option=option:dns-server,10.7.0.1,9.9.9.9",
    "--dhcp-option=option:ntp-server,10.7.0.3",
    "--dhcp-option=option:mtu,1380",
    "--domain=lab.example",
    "--dhcp-host=02:00:00:00:00:55,10.7.0.55,chosen-name",
)


class Node:
    """The client's side: applies what it wins, as the node's controllers do."""

    def __init__(self, near: Namespace, far: Namespace, network: Network) -> None:
        self.near, self.far, self.network = near, far, network
        self.clock = FakeClock()
        self.link = link.find(network.rtnl, "eth0")
        self.client = Client(self.link.address, random.random)
        self.reports: asyncio.Queue[Bound | Lost] = asyncio.Queue()
        self.task: asyncio.Task[None]
        self._applied: IPv4Interface | None = None

    def report(self, effect: Bound | Lost) -> None:
        if self._applied and (isinstance(effect, Lost) or effect.lease.interface != self._applied):
            address.remove(self.network.rtnl, self.link.ifindex, self._applied)
            self._applied = None
        if isinstance(effect, Bound):
            self._applied = effect.lease.interface
            address.add(self.network.rtnl, self.link.ifindex, self._applied)
        self.reports.put_nowait(effect)

    def start(self, *, release: bool = False) -> None:
        """Begin, with a server that listens already."""
        runner = Runner(self.network, self.link.ifindex, "eth0", self.client, self.clock, self.report)
        self.task = asyncio.create_task(runner.run(release=release))

    async def due(self) -> None:
        """Let time pass up to the client's next deadline, and no further: packets take no time of the test's."""
        await settle()
        assert self.client.deadline is not None
        await self.clock.advance(max(0.0, self.client.deadline - self.clock.monotonic()))

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def next(self) -> Bound | Lost:
        return await asyncio.wait_for(self.reports.get(), 20)

    async def asking(self) -> Bound:
        """What is bound once the client has asked, maybe again: a link that comes up loses what is sent at first."""
        for _ in range(10):
            await self.due()
            try:
                effect = await asyncio.wait_for(self.reports.get(), 2)
            except TimeoutError:
                continue
            assert isinstance(effect, Bound)
            return effect
        raise AssertionError("ten times asked, and nothing bound")

    async def bound(self) -> Bound:
        effect = await self.next()
        assert isinstance(effect, Bound)
        return effect

    async def lost(self) -> Lost:
        effect = await self.next()
        assert isinstance(effect, Lost)
        return effect


@asynccontextmanager
async def running() -> AsyncIterator[Node]:
    with cable() as (near, far):
        near.batch("link set eth0 address 02:00:00:00:00:55 up")
        far.batch("link set far0 up", "addr add 10.7.0.1/24 dev far0", "addr add 10.8.0.1/24 dev far0")
        until(lambda: carries(near, "eth0") and carries(far, "far0"), what="the cable to carry")
        with Network(near.fd) as network:
            node = Node(near, far, network)
            try:
                yield node
            finally:
                await node.stop()


def carries(namespace: Namespace, name: str) -> bool:
    """The kernel drops what is sent over a fresh link until it has seen to it, which it does in its own time."""
    return bool(namespace.ask("link", "show", name)[0]["operstate"] == "UP")


def test_a_lease_with_all_its_options(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as node:
            with dnsmasq(node.far, "far0", tmp_path, RANGE, *OPTIONS):
                node.start()
                lease = (await node.bound()).lease
        assert lease.interface == IPv4Interface("10.7.0.55/24")
        assert lease.server == IPv4Address("10.7.0.1")
        assert lease.routes == (
            (IPv4Network("0.0.0.0/0"), IPv4Address("10.7.0.1")),
            (IPv4Network("192.168.9.0/24"), IPv4Address("10.7.0.2")),
        )
        assert lease.dns == (IPv4Address("10.7.0.1"), IPv4Address("9.9.9.9"))
        assert (lease.ntp, lease.mtu) == ((IPv4Address("10.7.0.3"),), 1380)
        assert (lease.hostname, lease.domain) == ("chosen-name", "lab.example")
        assert lease.expire == 120.0

    asyncio.run(scenario())


def test_renewals_keep_the_address(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as node:
            with dnsmasq(node.far, "far0", tmp_path, RANGE, *OPTIONS):
                node.start()
                first = (await node.bound()).lease
                for _ in range(3):
                    await node.due()
                    renewed = (await node.bound()).lease
                    assert renewed.interface == first.interface
                    assert renewed.since > first.since
                    assert node.client.state is State.BOUND
                    first = renewed

    asyncio.run(scenario())


def test_a_server_that_serves_another_net_refuses_and_a_new_address_follows(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as node:
            with dnsmasq(node.far, "far0", tmp_path, RANGE):
                node.start()
                assert (await node.bound()).lease.interface in IPv4Network("10.7.0.0/24")
            (tmp_path / "leases").unlink()
            other = "--dhcp-range=10.8.0.50,10.8.0.60,255.255.255.0,2m"
            with dnsmasq(node.far, "far0", tmp_path, other, "--dhcp-authoritative"):
                await node.due()
                assert "refused" in (await node.lost()).reason
                await node.due()
                assert (await node.bound()).lease.interface in IPv4Network("10.8.0.0/24")

    asyncio.run(scenario())


def test_a_server_gone_past_the_lease_takes_the_address_and_back_gives_it_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as node:
            with dnsmasq(node.far, "far0", tmp_path, RANGE, *OPTIONS):
                node.start()
                had = (await node.bound()).lease.interface
            await node.clock.advance(119.5)
            assert node.reports.empty()
            assert node.client.state is State.REBINDING
            await node.due()
            assert (await node.lost()).reason == "expired"
            assert not [a for found in node.near.ask("-4", "addr", "show", "dev", "eth0") for a in found["addr_info"]]
            with dnsmasq(node.far, "far0", tmp_path, RANGE, *OPTIONS):
                await node.due()
                assert (await node.bound()).lease.interface == had

    asyncio.run(scenario())


def test_a_link_that_goes_down_and_comes_back_takes_nothing_but_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as node:
            with dnsmasq(node.far, "far0", tmp_path, RANGE, *OPTIONS):
                node.near.ip("link", "set", "eth0", "down")
                node.start()
                await node.due()
                assert node.client.state is State.SELECTING
                assert not node.task.done()
                node.near.ip("link", "set", "eth0", "up")
                had = (await node.asking()).lease
                await node.due()
                assert (await node.bound()).lease.interface == had.interface

    asyncio.run(scenario())


def test_a_release_at_the_end_frees_the_address_at_the_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as node:
            with dnsmasq(node.far, "far0", tmp_path, RANGE, "--log-dhcp") as said:
                node.start(release=True)
                await node.bound()
                await node.stop()
                assert (await node.lost()).reason == "released"
                assert "02:00:00:00:00:55" in said("DHCPRELEASE")

    asyncio.run(scenario())
