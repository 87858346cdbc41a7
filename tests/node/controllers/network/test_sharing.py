"""Addresses that two nodes on one cable share, each with a kernel of its own, and a real etcd that both use."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_interface
from pathlib import Path
from time import time

import pytest

from core.base.clock import SystemClock
from core.cluster.etcd.client import Etcd
from core.linux.network import Network
from core.node.controllers.network import SharedAddresses, sharing
from core.node.controllers.network.addresses import AddressApply, address_status
from core.node.controllers.network.links import link_status
from core.node.controllers.network.merge import merges
from core.node.etcd.place import Place
from core.node.resources import secrets
from core.node.resources.etcd import EtcdSpec
from core.node.resources.network import (
    AddressSpec,
    AddressStatus,
    Family,
    LinkStatus,
    Operator,
    OperatorSpec,
    SharedAddress,
    Vip,
)
from core.node.resources.runtime import MachineStage, MachineStatus
from core.node.resources.services import Service
from core.node.resources.values import CertificateAndKey
from core.pki.types import Client
from core.rpc.status import Code, RpcError
from tests.cluster.etcd.test_client import first
from tests.node.controllers.house import House
from tests.support.clock import on_loop
from tests.support.etcd import Etcds, Running, issued
from tests.support.netns import Namespace, cable

SHARED = ("10.7.0.9/32", "fd07::9/128")
ELSEWHERE = "02:00:00:00:00:99"
CLOCK = SystemClock()


@pytest.fixture
def etcds(tmp_path: Path) -> Iterator[Etcds]:
    made = Etcds(tmp_path)
    yield made
    made.end()


class Node(House):
    """What of a control plane shares addresses; its etcd is `member`, said to be well."""

    def __init__(self, name: str, space: Namespace, kernel: Network, etcds: Etcds, member: Running) -> None:
        super().__init__(CLOCK, [*merges(), link_status(kernel), address_status(kernel), AddressApply(kernel)])
        self.link, self.space = next(each["ifname"] for each in space.ask("link") if each["ifname"] != "lo"), space
        self.place = Place(self.store, CLOCK)
        self._runtime.register(SharedAddresses(self.place, seconds=5))
        admin = issued(Client(time(), etcds.authority, (), "admin"))
        pair, authority = CertificateAndKey(crt=admin.crt, key=admin.key), CertificateAndKey(crt=etcds.authority.crt)
        self.put("etcd", secrets.Etcd(etcd=pair, etcd_peer=pair, etcd_admin=pair, etcd_api_server=pair))
        self.put("etcd", secrets.EtcdRoot(etcd_ca=authority))
        self.put("etcd", EtcdSpec(name=name, listen_client_addresses=(member.address,)))
        self.etcd(well=True)
        self.stage(MachineStage.RUNNING)
        for text in SHARED:
            ip = str(ip_interface(text).ip)
            self.put(f"vip/{self.link}/{ip}", OperatorSpec(Operator.VIP, self.link, vip=Vip(ip)))

    def etcd(self, *, well: bool) -> None:
        self.put("etcd", Service(running=True, healthy=well, unknown=False))

    def stage(self, stage: MachineStage) -> None:
        self.put("machine", MachineStatus(stage=stage))

    def has(self) -> bool:
        """All of the addresses, by the kernel."""
        return all(self.one(AddressStatus, f"{self.link}/{each}") for each in SHARED)

    def has_none(self) -> bool:
        return not any(self.one(AddressStatus, f"{self.link}/{each}") for each in SHARED)

    def standing(self) -> bool:
        return len(self.all(SharedAddress)) == len(SHARED)

    def lifetimes(self) -> list[int]:
        """What the kernel still gives each (s)."""
        (found,) = self.space.ask("addr", "show", "dev", self.link)
        shared = {str(ip_interface(each).ip) for each in SHARED}
        return [info["valid_life_time"] for info in found["addr_info"] if info["local"] in shared]

    def neighbor(self, ip: str) -> str:
        """The hardware address that the kernel knows behind `ip`."""
        return str(next(each["lladdr"] for each in self.space.ask("neigh", "show", ip)))


@asynccontextmanager
async def two(etcds: Etcds, member: Running) -> AsyncIterator[tuple[Node, Node]]:
    """The first has the addresses, the second would like to."""
    async with AsyncExitStack() as stack:
        spaces = stack.enter_context(cable())
        made = []
        for number, (space, link) in enumerate(zip(spaces, ("eth0", "far0"), strict=True)):
            space.batch(f"link set {link} up", f"addr add 10.7.0.{number + 1}/24 dev {link}")
            kernel = stack.enter_context(Network(space.fd))
            made.append(Node(f"node-{number}", space, kernel, etcds, member))
            stack.push_async_callback(made[-1].place.close)
        here, there = made
        await stack.enter_async_context(here.running())
        await here.until(here.has)
        await stack.enter_async_context(there.running())
        await there.until(there.standing)
        yield here, there


def forget(node: Node) -> None:
    """Have its kernel believe that the addresses are somewhere else."""
    for each in SHARED:
        ip = str(ip_interface(each).ip)
        node.space.ip("neigh", "replace", ip, "lladdr", ELSEWHERE, "nud", "stale", "dev", node.link)


@on_loop
async def test_one_node_has_them_and_hands_them_over_when_it_goes_down_or_loses_etcd(etcds: Etcds) -> None:
    member, etcd = await first(etcds)
    await etcd.close()
    async with two(etcds, member) as (here, there):
        assert there.has_none()
        assert max(here.lifetimes(), default=0) <= 5  # and not for ever
        forget(here)
        here.stage(MachineStage.REBOOTING)
        await there.until(there.has)
        assert here.has_none()
        hardware = there.one(LinkStatus, "far0")
        assert hardware is not None
        for each in SHARED:
            assert here.neighbor(str(ip_interface(each).ip)) == hardware.hardware_addr
        here.stage(MachineStage.RUNNING)
        await here.until(here.standing)
        there.etcd(well=False)
        await here.until(here.has)
        assert there.has_none() and not there.all(SharedAddress)
        for resource in here.store.list(OperatorSpec.all()):
            here.drop(OperatorSpec.at(resource.md.id))
        await here.until(here.has_none)
        assert not here.all(AddressSpec)


@on_loop
async def test_who_is_refused_when_it_gives_them_back_ends_all_the_same(etcds: Etcds) -> None:
    async def refused(etcd: Etcd, number: int) -> None:
        raise RpcError(Code.INTERNAL, "no")

    member, etcd = await first(etcds)
    await etcd.close()
    async with two(etcds, member) as (here, there):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sharing, "revoke", refused)
            here.stage(MachineStage.REBOOTING)
            await here.until(lambda: not here.all(SharedAddress))
            assert here.has_none()
        await there.until(there.has)


@on_loop
async def test_a_node_whose_etcd_does_not_answer_has_them_no_longer_than_its_lease(etcds: Etcds) -> None:
    member, etcd = await first(etcds)
    await etcd.close()
    async with two(etcds, member) as (here, there):
        os.close(member.send(signal.SIGSTOP))
        await here.until(here.has_none)
        assert there.has_none()
        os.close(member.send(signal.SIGCONT))
        one_of_them = [asyncio.ensure_future(node.until(node.has)) for node in (here, there)]
        await asyncio.wait(one_of_them, return_when=asyncio.FIRST_COMPLETED)
        assert here.has_none() or there.has_none()
        for each in one_of_them:
            each.cancel()
        await asyncio.wait(one_of_them)


@on_loop
async def test_the_kernel_takes_them_off_when_nobody_renews_the_lease() -> None:
    with cable() as (near, far), Network(near.fd) as kernel:
        near.ip("link", "set", "eth0", "up")
        far.ip("link", "set", "far0", "up")
        house = House(CLOCK, [link_status(kernel), address_status(kernel), AddressApply(kernel)])
        async with house.running():
            for each in SHARED:
                house.put(f"eth0/{each}", SharedAddress(each, "eth0", held=True, until=CLOCK.monotonic() + 5))
                family = Family.INET6 if ":" in each else Family.INET4
                house.put(f"eth0/{each}", AddressSpec(each, "eth0", family, announce_with_arp=True))
            await house.until(lambda: all(house.one(AddressStatus, f"eth0/{each}") for each in SHARED))
            await house.until(lambda: not any(house.one(AddressStatus, f"eth0/{each}") for each in SHARED))
            assert house.all(AddressSpec)  # nobody has taken the wish back
