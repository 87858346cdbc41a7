"""What each layer wants, and what the merge makes of it: no kernel, only the store."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_interface
from typing import Any

import pytest

from core.codec.dhcp import Lease
from core.config.schema.links import Route
from core.config.schema.network import HostEntry
from core.node.controllers.network import cmdline
from core.node.controllers.network.cmdline import Ip, from_cmdline
from core.node.controllers.network.config import from_config, route_spec
from core.node.controllers.network.defaults import defaults, hostname_of
from core.node.controllers.network.etcfiles import hosts, resolv_conf
from core.node.controllers.network.merge import merges
from core.node.controllers.network.operators import granted
from core.node.controllers.network.wishes import Wishes
from core.node.resources.config import MachineConfig
from core.node.resources.network import (
    AddressSpec,
    ConfigLayer,
    Dhcp4,
    Family,
    HardwareAddr,
    HostnameSpec,
    HostnameStatus,
    LinkSpec,
    LinkStatus,
    LinkType,
    OperatorSpec,
    ResolverSpec,
    ResolverStatus,
    RouteSpec,
    Scope,
    TimeServerSpec,
)
from core.node.resources.runtime import KernelCmdline
from tests.node.controllers.house import House
from tests.node.controllers.network.test_network import WORKER
from tests.support.clock import FakeClock, on_loop, settle


@pytest.mark.parametrize(
    ("word", "setting"),
    [
        ("dhcp", Ip(dhcp=True)),
        ("eth1:dhcp", Ip(device="eth1", dhcp=True)),
        ("::::name:eth0:dhcp", Ip(device="eth0", dhcp=True, hostname="name")),
        (
            "10.0.0.2::10.0.0.1:255.255.0.0:n:eth0:off:9.9.9.9:8.8.8.8:ntp.example",
            Ip(
                device="eth0",
                interface=ip_interface("10.0.0.2/16"),
                gateway="10.0.0.1",
                hostname="n",
                dns=("9.9.9.9", "8.8.8.8"),
                ntp=("ntp.example",),
            ),
        ),
        ("10.0.0.2:::24", Ip(interface=ip_interface("10.0.0.2/24"))),
        (
            "[fd00::2]::[fd00::1]:64::eth0:none:[fd00::53]",
            Ip(device="eth0", interface=ip_interface("fd00::2/64"), gateway="fd00::1", dns=("fd00::53",)),
        ),
    ],
)
def test_ip_words(word: str, setting: Ip) -> None:
    assert cmdline.parse(word) == setting


@pytest.mark.parametrize(
    "word", ["", "10.0.0.2::nowhere", "10.0.0.300", "::::::wifi", "10.0.0.2:::255.0.255.0", "[fd00::2]x", "a:b:c"]
)
def test_ip_words_without_sense(word: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError):
        cmdline.parse(word)
    assert cmdline.settings(f"quiet ip={word} ip=eth7:dhcp") == (Ip(device="eth7", dhcp=True),)
    assert "passed over" in caplog.text


def card(index: int, **more: Any) -> LinkStatus:
    return LinkStatus(index=index, type=LinkType.ETHER, hardware_addr=f"02:00:00:00:00:{index:02x}", **more)


class Layers(House):
    """All layers and merges, and links that are only said to be there."""

    def __init__(self, *, words: str = "", config: str = "", links: dict[str, LinkStatus] | None = None) -> None:
        super().__init__(FakeClock(), [defaults(), from_cmdline(), from_config(), *merges()])
        for name, status in (links or {}).items():
            self.put(name, status)
        if words:
            self.put("cmdline", KernelCmdline(cmdline=words))
        if config:
            self.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER + config.encode()))

    def dhcp(self) -> set[str]:
        return {spec.link_name for spec in self.all(OperatorSpec).values()}

    def up(self) -> set[str]:
        return {spec.name for spec in self.all(LinkSpec).values() if spec.up}


@on_loop
async def test_physical_links_get_dhcp_unless_somebody_speaks_of_them() -> None:
    links = {"e0": card(1), "e1": card(2), "e2": card(3), "e3": card(4), "br0": card(5, kind="bridge")}
    config = "  network: {interfaces: [{interface: e1, addresses: [10.0.0.9/24]}, {interface: e3, ignore: true}]}\n"
    house = Layers(links=links, config=config, words="ip=10.0.0.2:::24::e2:off")
    async with house.running():
        await settle()
        assert house.dhcp() == {"e0"}
        assert house.up() == {"lo", "e0", "e1", "e2"}
        assert {s.address for s in house.all(AddressSpec).values() if s.link_name != "lo"} == {
            "10.0.0.9/24",
            "10.0.0.2/24",
        }


@on_loop
async def test_links_to_leave_alone_by_the_command_line() -> None:
    house = Layers(links={"e0": card(1), "wl0": card(2)}, words="talos.network.interface.ignore=wl*,x0")
    async with house.running():
        await settle()
        assert house.up() == {"lo", "e0"}


@on_loop
async def test_ip_without_a_device_is_for_the_first_card() -> None:
    house = Layers(links={"a-veth": card(1, kind="veth"), "e1": card(3), "e0": card(2)}, words="ip=dhcp")
    async with house.running():
        await settle()
        assert [s.config_layer for s in house.all(OperatorSpec).values() if s.link_name == "e0"] == [
            ConfigLayer.CMDLINE
        ]


@on_loop
async def test_a_selector_picks_links_by_what_they_are() -> None:
    links = {
        "e0": card(1, driver="virtio_net", bus_path="0000:00:03.0"),
        "e1": card(2, driver="e1000e", pci_id="8086:10d3"),
        "v0": card(3, kind="veth"),
    }
    for selector, names in (
        ("{driver: virtio*}", {"e0"}),
        ("{hardwareAddr: '02:00:00:00:00:0[12]'}", {"e0", "e1"}),
        ("{pciID: '8086:*', physical: true}", {"e1"}),
        ("{physical: false}", {"v0"}),
        ("{busPath: '0000:00:03*'}", {"e0"}),
    ):
        house = Layers(links=links, config=f"  network: {{interfaces: [{{deviceSelector: {selector}, mtu: 1300}}]}}\n")
        async with house.running():
            await settle()
            assert {s.name for s in house.all(LinkSpec).values() if s.mtu == 1300} == names


@on_loop
async def test_hostnames_resolvers_and_time_servers_by_layer() -> None:
    house = Layers(words="talos.hostname=a.b.c ip=10.0.0.2:::24::e0:off:1.2.3.4::t0", links={"e0": card(1)})
    async with house.running():
        house.put("first", HardwareAddr(name="e0", hardware_addr="02:00:00:00:00:01"))
        await settle()
        hostname = house.all(HostnameSpec)["hostname"]
        assert (hostname.hostname, hostname.domainname, hostname.config_layer) == ("a", "b.c", ConfigLayer.CMDLINE)
        assert house.all(ResolverSpec)["resolvers"].dns_servers == ("1.2.3.4",)
        assert house.all(TimeServerSpec)["timeservers"].ntp_servers == ("t0",)
        config = "  network: {searchDomains: [x.y]}\n"
        house.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER + config.encode()))
        await settle()
        merged = house.all(ResolverSpec)["resolvers"]
        assert (merged.dns_servers, merged.search_domains) == (("1.2.3.4",), ("x.y",))
        house.drop(KernelCmdline.at("cmdline"))
        await settle()
        assert house.all(HostnameSpec)["hostname"].hostname == hostname_of("02:00:00:00:00:01")
        assert house.all(ResolverSpec)["resolvers"].dns_servers == ("1.1.1.1", "8.8.8.8")
        assert house.all(TimeServerSpec)["timeservers"].ntp_servers == ("time.cloudflare.com",)


@pytest.mark.parametrize(
    ("route", "family", "destination", "scope"),
    [
        (Route(gateway="10.0.0.1"), Family.INET4, "", Scope.GLOBAL),
        (Route(network="0.0.0.0/0", gateway="10.0.0.1"), Family.INET4, "", Scope.GLOBAL),
        (Route(gateway="fd00::1"), Family.INET6, "", Scope.GLOBAL),
        (Route(network="10.1.2.3/16"), Family.INET4, "10.1.0.0/16", Scope.LINK),
        (Route(network="fd01::/48", gateway="fd00::1"), Family.INET6, "fd01::/48", Scope.GLOBAL),
    ],
)
def test_routes_of_the_config(route: Route, family: Family, destination: str, scope: Scope) -> None:
    spec = route_spec("e0", route)
    assert (spec.family, spec.destination, spec.scope, spec.priority) == (family, destination, scope, 1024)


def lease(*routes: tuple[str, str], address: str = "10.0.0.5/32") -> Lease:
    pairs = tuple((IPv4Network(network), IPv4Address(gateway)) for network, gateway in routes)
    return Lease(IPv4Interface(address), IPv4Address("10.0.0.1"), 0.0, 60.0, 100.0, 120.0, routes=pairs)


def test_a_gateway_outside_the_subnet_is_made_reachable_first() -> None:
    wishes = Wishes(ConfigLayer.OPERATOR)
    granted(wishes, "e0", lease(("0.0.0.0/0", "10.0.0.1"), ("192.168.0.0/16", "0.0.0.0")), Dhcp4(route_metric=9))
    specs: list[RouteSpec] = list(wishes.specs[RouteSpec].values())
    assert [(s.destination, s.gateway, s.scope, s.priority) for s in specs] == [
        ("10.0.0.1/32", "", Scope.LINK, 9),
        ("", "10.0.0.1", Scope.GLOBAL, 9),
        ("192.168.0.0/16", "", Scope.LINK, 9),
    ]


def test_what_a_client_shall_not_take_it_does_not_take() -> None:
    wishes = Wishes(ConfigLayer.OPERATOR)
    options = Dhcp4(skip_routes=True, skip_hostname_request=True)
    granted(wishes, "e0", lease(("0.0.0.0/0", "10.0.0.1")), options)
    assert not wishes.specs[RouteSpec]
    assert not wishes.specs[HostnameSpec]
    assert list(wishes.specs[AddressSpec]) == ["operator/dhcp4/e0/10.0.0.5/32"]


def test_files_of_etc() -> None:
    assert resolv_conf(ResolverStatus(dns_servers=("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4")), "x.y") == (
        "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nsearch x.y\n"
    )
    assert resolv_conf(ResolverStatus(), "") == ""
    text = hosts(
        HostnameStatus(hostname="n", domainname="x.y"), "10.0.0.2", (HostEntry(ip="10.1.1.1", aliases=("a", "b")),)
    )
    assert [line.split() for line in text.splitlines()] == [
        ["127.0.0.1", "localhost"],
        ["10.0.0.2", "n.x.y", "n"],
        ["::1", "localhost", "ip6-localhost", "ip6-loopback"],
        ["ff02::1", "ip6-allnodes"],
        ["ff02::2", "ip6-allrouters"],
        ["10.1.1.1", "a", "b"],
    ]
