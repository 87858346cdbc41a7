"""Dumps, compared with what iproute2 says of the same namespace."""

import errno
import ipaddress
import struct
from collections.abc import Iterator

import pytest

from core.linux import address, link, route
from ext.netlink.socket import Socket
from ext.netlink.types import NetlinkError
from tests.support.netns import Namespace, namespace


@pytest.fixture
def near() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def mac(raw: bytes) -> str:
    return raw.hex(":")


def test_links_are_those_of_ip(near: Namespace) -> None:
    near.batch(
        "link add v0 type veth peer name v1",
        "link set v0 mtu 1400 alias 'a cable' up",
        "link property add dev v0 altname another-name",
        "link property add dev v0 altname third",
        "link add br0 type bridge",
        "link set v1 master br0",
    )
    with Socket(netns=near.fd) as socket:
        mine = {found.name: found for found in link.links(socket)}
    for theirs in near.ask("link"):
        found = mine.pop(theirs["ifname"])
        assert (found.ifindex, found.mtu, mac(found.address)) == (theirs["ifindex"], theirs["mtu"], theirs["address"])
        assert found.qdisc == theirs["qdisc"]
        assert found.kind == theirs.get("linkinfo", {}).get("info_kind", "")
        assert found.slave_kind == theirs.get("linkinfo", {}).get("info_slave_kind", "")
        assert found.alias == theirs.get("ifalias", "")
        assert list(found.names) == theirs.get("altnames", [])
        assert bool(found.flags & link.UP) == ("UP" in theirs["flags"])
        assert bool(found.master) == ("master" in theirs)
    assert not mine


def test_addresses_are_those_of_ip(near: Namespace) -> None:
    near.batch(
        "link add v0 type veth peer name v1",
        "addr add 10.1.2.3/24 broadcast + dev v0 label v0:x",
        "addr add 10.9.0.1 peer 10.9.0.2/32 dev v0 metric 77",
        "addr add fd00::5/64 dev v0 nodad valid_lft 500 preferred_lft 400",
    )
    with Socket(netns=near.fd) as socket:
        index = link.find(socket, "v0").ifindex
        mine = {str(address.interface_of(a).ip): a for a in address.addresses(socket, index=index)}
    theirs = {a["local"]: a for found in near.ask("addr", "show", "dev", "v0") for a in found["addr_info"]}
    assert mine.keys() == theirs.keys()
    for key, found in mine.items():
        assert found.prefix == theirs[key]["prefixlen"]
        assert found.label == theirs[key].get("label", "")
        assert found.priority == theirs[key].get("metric", 0)
        assert abs(found.valid - theirs[key]["valid_life_time"]) <= 5
    assert mine["10.9.0.1"].address == ipaddress.ip_address("10.9.0.2").packed


def test_routes_and_rules_are_those_of_ip(near: Namespace) -> None:
    near.batch(
        "link add v0 type veth peer name v1",
        "link set v0 up",
        "link set v1 up",
        "addr add 10.0.0.1/24 dev v0",
        "route add 10.5.0.0/16 via 10.0.0.9 dev v0 metric 7 mtu 1300 proto 42",
        "route add 10.6.0.0/16 table 1000 nexthop via 10.0.0.2 weight 3 nexthop via 10.0.0.3 dev v0",
        "route add blackhole 10.7.0.0/16",
        "route add 0.0.0.0/0 via inet6 fe80::1 dev v0",
        "route add fd01::/48 dev v0 metric 9",
        "rule add from 10.1.0.0/16 fwmark 0x10/0xff table 1000 priority 99 iif v0",
    )
    with Socket(netns=near.fd) as socket:
        by_destination = {str(route.destination(r)): r for r in route.routes(socket) if r.table in (254, 1000)}
        ours = list(route.routes(socket, protocol=42))
        rules = {rule.priority: rule for rule in route.rules(socket, family=2)}
    for theirs in near.ask("route", "show", "table", "all"):
        if theirs.get("table", "main") not in ("main", "1000") or theirs["dst"] == "default":
            continue
        found = by_destination[str(ipaddress.ip_network(theirs["dst"]))]
        assert found.priority == theirs.get("metric", 0)
        gateway = str(ipaddress.ip_address(found.gateway)) if found.gateway else None
        assert gateway == theirs.get("gateway")
    assert by_destination["10.5.0.0/16"].mtu == 1300
    assert by_destination["10.7.0.0/16"].type == route.BLACKHOLE
    assert by_destination["0.0.0.0/0"].gateway == ipaddress.ip_address("fe80::1").packed
    assert [(h.weight, str(ipaddress.ip_address(h.gateway))) for h in by_destination["10.6.0.0/16"].hops] == [
        (3, "10.0.0.2"),
        (1, "10.0.0.3"),
    ]
    assert [str(route.destination(r)) for r in ours] == ["10.5.0.0/16"]
    assert (rules[99].mark, rules[99].mask, rules[99].input, rules[99].table) == (0x10, 0xFF, "v0", 1000)
    assert rules[99].src_prefix == 16


def test_neighbors_are_those_of_ip(near: Namespace) -> None:
    near.batch(
        "link add v0 type veth peer name v1",
        "link set v0 up",
        "addr add 10.0.0.1/24 dev v0",
        "neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0 nud permanent",
    )
    with Socket(netns=near.fd) as socket:
        found = {n.address: n for n in route.neighbors(socket, family=2)}
    assert mac(found[bytes([10, 0, 0, 7])].hardware) == "02:00:00:00:00:07"


def test_five_hundred_cables_are_one_table(near: Namespace) -> None:
    near.batch(*(f"link add a{n} type veth peer name b{n}" for n in range(500)))
    with Socket(netns=near.fd) as socket:
        table = link.links(socket)
    assert len(table) == 1001
    assert {found.name for found in table} == {"lo", *(f"{end}{n}" for end in "ab" for n in range(500))}
    assert table[-1].ifindex == max(found.ifindex for found in table)
    assert table.nbytes < 1001 * 600
    with pytest.raises(IndexError):
        table[1001]


def test_an_error_carries_the_kernels_sentence(near: Namespace) -> None:
    with Socket(netns=near.fd) as socket:
        with pytest.raises(NetlinkError) as raised:
            address.add(socket, 1, ipaddress.ip_interface("10.0.0.1/8"), flags=0, protocol=0, valid=0)
        assert raised.value.errno == errno.EINVAL
        assert "address lifetime invalid" in str(raised.value)
        with pytest.raises(NetlinkError) as missing:
            link.find(socket, "nowhere")
        assert missing.value.errno == errno.ENODEV


def test_a_filter_the_kernel_does_not_know_is_refused_not_ignored(near: Namespace) -> None:
    with Socket(netns=near.fd) as socket, pytest.raises(NetlinkError):
        socket.dump(22, struct.pack("=BBBBI", 0, 99, 0, 0, 0))


def test_what_is_not_a_dump_is_refused() -> None:
    with Socket() as socket, pytest.raises(ValueError, match="no records"):
        socket.dump(80, b"")
