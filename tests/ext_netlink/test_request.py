"""Requests: what they make is what iproute2 then sees."""

import errno
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from core.linux import address, link, route
from ext.netlink.socket import Socket
from ext.netlink.types import NetlinkError
from tests.support.netns import Namespace, cable, namespace


@pytest.fixture
def near() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def test_links_are_made_changed_moved_and_removed() -> None:
    with cable() as (near, far), Socket(netns=near.fd) as here:
        made = link.create_veth(here, "p0", "p1", peer_netns=far.fd)
        assert far.ask("link", "show", "p1")[0]["ifname"] == "p1"
        bridge = link.create(here, "br0", "bridge", mtu=1400)
        link.configure(here, made.ifindex, up=True, mtu=1400, master=bridge.ifindex, address=bytes([2, 0, 0, 0, 0, 9]))
        seen = near.ask("link", "show", "p0")[0]
        assert (seen["mtu"], seen["master"], seen["address"]) == (1400, "br0", "02:00:00:00:00:09")
        assert "UP" in seen["flags"]
        link.configure(here, made.ifindex, master=0, up=False)
        link.configure(here, made.ifindex, name="renamed")
        assert "master" not in near.ask("link", "show", "renamed")[0]
        link.move(here, made.ifindex, far.fd)
        assert far.ask("link", "show", "renamed")
        link.delete(here, bridge.ifindex)
        with pytest.raises(NetlinkError):
            link.find(here, "br0")


def test_adding_an_address_twice_is_fine_and_refreshes_its_lifetime(near: Namespace) -> None:
    near.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    wanted = ip_interface("10.3.0.7/16")
    with Socket(netns=near.fd) as socket:
        index = link.find(socket, "v0").ifindex
        address.add(socket, index, wanted, valid=100, preferred=50)
        address.add(socket, index, wanted, valid=9000, preferred=8000, priority=0)
        (found,) = address.addresses(socket, index=index)
        assert (address.interface_of(found), found.protocol) == (wanted, address.OWN)
        assert 8000 < found.valid <= 9000
        (theirs,) = near.ask("addr", "show", "dev", "v0")[0]["addr_info"]
        assert (theirs["local"], theirs["prefixlen"], theirs["broadcast"]) == ("10.3.0.7", 16, "10.3.255.255")
        address.remove(socket, index, wanted)
        with pytest.raises(NetlinkError) as gone:
            address.remove(socket, index, wanted)
    assert gone.value.errno == errno.EADDRNOTAVAIL


def test_only_our_route_of_a_prefix_can_be_removed(near: Namespace) -> None:
    near.batch(
        "link add v0 type veth peer name v1",
        "link set v1 up",
        "link set v0 up",
        "addr add 10.0.0.1/24 dev v0",
        "route add 10.8.0.0/16 via 10.0.0.3 dev v0 metric 50",
    )
    foreign = route.Entry(ip_network("10.8.0.0/16"), gateway=ip_address("10.0.0.3"), priority=50)
    with Socket(netns=near.fd) as socket:
        index = link.find(socket, "v0").ifindex
        ours = route.Entry(ip_network("10.8.0.0/16"), index, ip_address("10.0.0.2"), priority=60, mtu=1280, table=700)
        route.add(socket, ours)
        route.add(socket, ours)
        (seen,) = near.ask("route", "show", "table", "700")
        assert (seen["gateway"], seen["metric"], seen["protocol"]) == ("10.0.0.2", 60, str(address.OWN))
        with pytest.raises(NetlinkError) as refused:
            route.remove(socket, foreign)
        assert refused.value.errno == errno.ESRCH
        route.remove(socket, ours)
        assert not list(route.routes(socket, protocol=address.OWN))


def test_default_routes_of_both_families(near: Namespace) -> None:
    near.batch(
        "link add v0 type veth peer name v1",
        "link set v1 up",
        "link set v0 up",
        "addr add 10.0.0.1/24 dev v0",
        "addr add fd00::1/64 dev v0 nodad",
    )
    with Socket(netns=near.fd) as socket:
        index = link.find(socket, "v0").ifindex
        route.add(socket, route.Entry(ip_network("0.0.0.0/0"), index, ip_address("10.0.0.2"), priority=1024))
        route.add(socket, route.Entry(ip_network("::/0"), index, ip_address("fd00::2"), priority=1024))
        found = {str(route.destination(r)) for r in route.routes(socket, protocol=address.OWN)}
    assert found == {"0.0.0.0/0", "::/0"}


def test_requests_sent_together_are_each_answered_in_order(near: Namespace) -> None:
    near.batch("link add v0 type veth peer name v1", "link set v1 up", "link set v0 up")
    with Socket(netns=near.fd) as socket:
        index = link.find(socket, "v0").ifindex
        ways = [index if n % 100 else 9999 for n in range(700)]  # every hundredth leads over no link
        wanted = [
            route.Entry(ip_network((0x0B000000 + (n << 8), 24)), way, scope=route.SCOPE_LINK, mtu=1400)
            for n, way in enumerate(ways)
        ]
        answers = socket.requests(route.addition(entry) for entry in wanted)
        assert [None if answer is None else answer.errno for answer in answers] == [
            None if n % 100 else errno.ENODEV for n in range(700)
        ]
        assert len(route.routes(socket, protocol=address.OWN)) == 693
        assert socket.requests([]) == []
        with pytest.raises(ValueError, match="too long"):
            socket.requests([(24, 0, bytes(1 << 16))])
        with pytest.raises(ValueError, match="sent alone"):
            socket.requests([(26, 0x300, b"")])
        assert link.find(socket, "v0").ifindex == index  # and the next answer is its own
    assert len(near.ask("route", "show", "protocol", str(address.OWN))) == 693
