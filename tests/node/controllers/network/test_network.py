"""The whole domain in a private network namespace: command line, config and DHCP become addresses, routes and
names, and the kernel follows every change of mind without losing what is not ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent, indent

from core.linux import address, link, route
from core.linux.address import OWN
from core.linux.network import Network
from core.node.controllers.files import etc_files
from core.node.controllers.network import network
from core.node.controllers.network.leftovers import GRACE
from core.node.resources.config import MachineConfig
from core.node.resources.network import (
    AddressStatus,
    HostnameStatus,
    LinkStatus,
    NetworkStatus,
    NodeAddress,
    OperatorSpec,
    ResolverStatus,
    RouteStatus,
    TimeServerStatus,
)
from core.node.resources.runtime import KernelCmdline
from ext.netlink.types import Address, Route
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop
from tests.support.dnsmasq import dnsmasq
from tests.support.netns import Namespace, cable

STATIC = "talos.platform=container ip=10.7.0.2::10.7.0.1:255.255.255.0:from-ip:eth0:off:10.7.0.1 talos.hostname=node-1"
WORKER = (Path(__file__).parents[3] / "config/corpus/minimal-worker.yaml").read_bytes()


class Net(House):
    """The domain's controllers on `eth0` of a namespace, names kept in a list instead of the host's UTS."""

    def __init__(self, near: Namespace, kernel: Network, folder: Path) -> None:
        self._kernel = kernel
        self.clock, self.near, self.folder, self.called = FakeClock(), near, folder / "etc", list[str]()
        super().__init__(self.clock, [*network(kernel, self.called.append), etc_files(self.folder)])

    def configure(self, text: str) -> None:
        """The config of a worker with `text` below `machine:`."""
        machine = indent(dedent(text).strip("\n"), "  ") + "\n"
        self.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER + machine.encode()))

    @asynccontextmanager
    async def watching(self, kind: type[Address] | type[Route]) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the kernel tells that one of ours came."""
        seen, listening = asyncio.Event(), asyncio.Event()

        async def listen() -> None:
            async for batch in self._kernel.changes([link.GROUP, *address.GROUPS, *route.GROUPS]):
                listening.set()
                for record in (change.record for change in batch if not change.gone):
                    if isinstance(record, Address | Route) and isinstance(record, kind) and record.protocol == OWN:
                        seen.set()

        task = asyncio.create_task(listen())
        await listening.wait()
        try:
            yield seen
        finally:
            task.cancel()
            await asyncio.wait([task])

    def addresses(self) -> set[str]:
        return {s.address for s in self.all(AddressStatus).values() if s.link_name == "eth0" and s.family == 2}

    def routes(self) -> set[tuple[str, str, int]]:
        return {(r.destination, r.gateway, r.priority) for r in self.all(RouteStatus).values() if r.protocol == OWN}


@asynccontextmanager
async def node(folder: Path, *, near: Namespace, cmdline: str = "") -> AsyncIterator[Net]:
    with Network(near.fd) as kernel:
        net = Net(near, kernel, folder)
        if cmdline:
            net.put("cmdline", KernelCmdline(cmdline=cmdline))
        async with net.running():
            yield net


@on_loop
async def test_the_command_line_makes_a_reachable_node(tmp_path: Path) -> None:
    with cable() as (near, far):
        far.batch("link set far0 up", "addr add 10.7.0.1/24 dev far0")
        async with node(tmp_path, near=near, cmdline=STATIC) as net:
            await net.until(
                lambda: net.one(NetworkStatus, "status")
                == NetworkStatus(address_ready=True, connectivity_ready=True, hostname_ready=True, etc_files_ready=True)
            )
            assert net.addresses() == {"10.7.0.2/24"}
            assert net.routes() == {("", "10.7.0.1", 1024)}
            (seen,) = near.ask("route", "show", "default")
            assert (seen["gateway"], seen["dev"], seen["metric"]) == ("10.7.0.1", "eth0", 1024)
            assert net.one(HostnameStatus, "hostname") == HostnameStatus(hostname="node-1")
            assert net.called[-1] == "node-1"
            addresses = net.one(NodeAddress, "default")
            assert addresses is not None and addresses.addresses == ("10.7.0.2/24",)
            await net.until(lambda: (net.folder / "hosts").read_text().count("10.7.0.2"))
        assert (net.folder / "resolv.conf").read_text() == "nameserver 10.7.0.1\n"
        assert (net.folder / "hostname").read_text() == "node-1\n"
        assert (net.folder / "hosts").read_text().splitlines()[1].split() == ["10.7.0.2", "node-1"]


@on_loop
async def test_the_config_wins_over_the_command_line_and_can_change_its_mind(tmp_path: Path) -> None:
    with cable() as (near, far):
        far.ip("link", "set", "far0", "up")
        async with node(tmp_path, near=near, cmdline=STATIC) as net:
            net.configure(
                """
                  network:
                    hostname: named.example.org
                    nameservers: [9.9.9.9, fd00::53]
                    searchDomains: [one.example, two.example]
                    extraHostEntries: [{ip: 10.1.1.1, aliases: [other, another]}]
                    interfaces:
                      - interface: eth0
                        mtu: 1400
                        addresses: [10.7.0.9/24, "fd07::9/64"]
                        routes:
                          - {network: 10.20.0.0/16, gateway: 10.7.0.77, metric: 50}
                          - {network: 10.30.0.0/16}
                  time: {servers: [ntp.example.org]}
                """
            )
            await net.until(lambda: len(net.routes()) == 3)
            assert net.addresses() == {"10.7.0.2/24", "10.7.0.9/24"}
            assert net.routes() == {
                ("", "10.7.0.1", 1024),
                ("10.20.0.0/16", "10.7.0.77", 50),
                ("10.30.0.0/16", "", 1024),
            }
            await net.until(lambda: net.all(LinkStatus)["eth0"].mtu == 1400)
            assert net.one(HostnameStatus, "hostname") == HostnameStatus(hostname="named", domainname="example.org")
            resolvers = net.one(ResolverStatus, "resolvers")
            assert resolvers is not None and resolvers.dns_servers == ("9.9.9.9", "fd00::53")
            times = net.one(TimeServerStatus, "timeservers")
            assert times is not None and times.ntp_servers == ("ntp.example.org",)
            await net.until(lambda: "named.example.org named" in (net.folder / "hosts").read_text())
            assert "other another" in (net.folder / "hosts").read_text()
            assert "search one.example two.example" in (net.folder / "resolv.conf").read_text()
            net.configure("network: {interfaces: [{interface: eth0, addresses: [10.7.0.10/24]}]}\n")
            await net.until(lambda: net.addresses() == {"10.7.0.2/24", "10.7.0.10/24"})
            await net.until(lambda: net.routes() == {("", "10.7.0.1", 1024)})
            assert net.one(HostnameStatus, "hostname") == HostnameStatus(hostname="node-1")
            net.drop(MachineConfig.at("v1alpha1"))
            await net.until(lambda: net.addresses() == {"10.7.0.2/24"})


@on_loop
async def test_what_vanishes_comes_again_and_what_is_foreign_stays(tmp_path: Path) -> None:
    with cable() as (near, far):
        far.ip("link", "set", "far0", "up")
        near.batch("link set eth0 up", "addr add 10.99.0.1/24 dev eth0", "route add 10.98.0.0/16 via 10.99.0.2")
        async with node(tmp_path, near=near, cmdline=STATIC) as net:
            await net.until(lambda: net.routes() and net.addresses() == {"10.7.0.2/24", "10.99.0.1/24"})
            for act in ("addr del 10.7.0.2/24 dev eth0", "link set eth0 down", "route del default"):
                async with net.watching(Address if act.startswith("addr") else Route) as seen:
                    near.batch(act)
                    await seen.wait()
            assert net.addresses() == {"10.7.0.2/24", "10.99.0.1/24"}
            assert near.ask("route", "show", "10.98.0.0/16") == []  # the kernel took it when the link went down
            near.ip("route", "add", "10.98.0.0/16", "via", "10.99.0.2")
            net.drop(KernelCmdline.at("cmdline"))
            await net.until(lambda: net.addresses() == {"10.99.0.1/24"} and not net.routes())
            assert near.ask("route", "show", "10.98.0.0/16")


@on_loop
async def test_a_link_that_goes_and_comes_back_is_configured_again(tmp_path: Path) -> None:
    with cable() as (near, far):
        async with node(tmp_path, near=near, cmdline=STATIC) as net:
            await net.until(lambda: net.addresses() == {"10.7.0.2/24"})
            near.ip("link", "del", "eth0")
            await net.until(lambda: "eth0" not in net.all(LinkStatus) and not net.addresses())
            near.ip("link", "add", "eth0", "type", "veth", "peer", "name", "far0", "netns", str(far.pid))
            await net.until(lambda: net.addresses() == {"10.7.0.2/24"})


@on_loop
async def test_dhcp_brings_everything_and_takes_it_away(tmp_path: Path) -> None:
    options = (
        "--dhcp-range=10.7.0.50,10.7.0.60,255.255.255.0,2m",
        "--dhcp-option=option:router,10.7.0.1",
        "--dhcp-option=option:dns-server,10.7.0.1",
        "--dhcp-option=option:ntp-server,10.7.0.3",
        "--dhcp-option=option:mtu,1380",
        "--domain=lab.example",
        "--dhcp-host=02:00:00:00:00:55,10.7.0.55,chosen",
    )
    with cable() as (near, far):
        near.ip("link", "set", "eth0", "address", "02:00:00:00:00:55")
        far.batch("link set far0 up", "addr add 10.7.0.1/24 dev far0")
        with dnsmasq(far, "far0", tmp_path, *options):
            async with node(tmp_path, near=near) as net:
                net.configure(
                    """
                      network:
                        interfaces: [{interface: eth0, dhcp: true, dhcpOptions: {routeMetric: 77}}]
                    """
                )
                await net.until(lambda: net.addresses() == {"10.7.0.55/24"} and net.routes())
                assert net.routes() == {("", "10.7.0.1", 77)}
                assert net.all(LinkStatus)["eth0"].mtu == 1380
                await net.until(lambda: net.called[-1:] == ["chosen"])
                assert net.one(HostnameStatus, "hostname") == HostnameStatus(
                    hostname="chosen", domainname="lab.example"
                )
                resolvers = net.one(ResolverStatus, "resolvers")
                assert resolvers == ResolverStatus(
                    dns_servers=("10.7.0.1",),
                    name_servers=resolvers.name_servers if resolvers else (),
                    search_domains=("lab.example",),
                )
                times = net.one(TimeServerStatus, "timeservers")
                assert times is not None and times.ntp_servers == ("10.7.0.3",)
                net.configure("network: {interfaces: [{interface: eth0}]}\n")
                await net.until(lambda: not net.addresses() and not net.routes())


@on_loop
async def test_a_new_machined_keeps_what_the_old_one_set_until_it_had_its_time(tmp_path: Path) -> None:
    with cable() as (near, far):
        far.ip("link", "set", "far0", "up")
        async with node(tmp_path, near=near, cmdline=STATIC) as net:
            await net.until(net.routes)
        async with node(tmp_path, near=near) as net:
            await net.until(net.routes)
            assert net.addresses() == {"10.7.0.2/24"}
            await net.clock.advance(GRACE - 1)
            assert near.ask("addr", "show", "dev", "eth0")[0]["addr_info"][0]["local"] == "10.7.0.2"
            await net.clock.advance(2)
            await net.until(lambda: not net.addresses() and not net.routes())


@on_loop
async def test_nothing_said_means_names_and_loopback_alone(tmp_path: Path) -> None:
    with cable() as (near, _):
        async with node(tmp_path, near=near) as net:
            await net.until(lambda: net.one(HostnameStatus, "hostname"))
            hostname = net.one(HostnameStatus, "hostname")
            assert hostname is not None and hostname.hostname.startswith("ichor-")
            resolvers = net.one(ResolverStatus, "resolvers")
            assert resolvers is not None and resolvers.dns_servers == ("1.1.1.1", "8.8.8.8")
            assert not net.all(OperatorSpec)  # a veth is no network card
