"""Notifications: deltas as they happen, and the signal that some were lost."""

import select
from collections.abc import Iterator
from ipaddress import ip_interface, ip_network

import pytest

from core.linux import address, link, route
from ext.netlink.socket import Monitor, Socket, UeventSocket
from ext.netlink.types import Address, Change, Link, Overrun, Route
from tests.support.netns import Namespace, namespace

EVERYTHING = (link.GROUP, *address.GROUPS, *route.GROUPS)


@pytest.fixture
def near() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def read(monitor: Monitor) -> list[Change]:
    """All that has come: rtnetlink has queued it before the command that caused it returns."""
    found: list[Change] = []
    while select.select([monitor], [], [], 0)[0]:
        found += monitor.changes()
    return found


def test_changes_come_in_order_with_the_object_as_it_is(near: Namespace) -> None:
    with Socket(netns=near.fd) as socket, Monitor(EVERYTHING, netns=near.fd) as monitor:
        assert not monitor.changes()
        pair = link.create_veth(socket, "v0", "v1")
        link.configure(socket, pair.ifindex, up=True)
        link.configure(socket, link.find(socket, "v1").ifindex, up=True)
        address.add(socket, pair.ifindex, ip_interface("10.0.0.1/24"))
        route.add(socket, route.Entry(ip_network("10.9.0.0/16"), pair.ifindex, scope=route.SCOPE_LINK))
        link.delete(socket, pair.ifindex)
        changes = read(monitor)
    links = [(c.gone, c.record.name) for c in changes if isinstance(c.record, Link)]
    assert {(False, "v0"), (False, "v1")} <= set(links)
    assert links[-1] in ((True, "v0"), (True, "v1"))
    added = [c.record for c in changes if isinstance(c.record, Address) and not c.gone and c.record.family == 2]
    assert [str(address.interface_of(a)) for a in added] == ["10.0.0.1/24"]
    ways = [(c.gone, str(route.destination(c.record))) for c in changes if isinstance(c.record, Route)]
    assert (False, "10.9.0.0/16") in ways


def test_deltas_lead_from_the_dump_before_to_the_dump_after(near: Namespace) -> None:
    with Socket(netns=near.fd) as socket, Monitor((link.GROUP,), netns=near.fd) as monitor:
        known = {found.ifindex: found.name for found in link.links(socket)}
        near.batch(*(f"link add a{n} type veth peer name b{n}" for n in range(30)))
        near.batch(*(f"link del a{n}" for n in range(0, 30, 2)), "link set a1 name renamed")
        for change in read(monitor):
            assert isinstance(change.record, Link)
            if change.gone:
                known.pop(change.record.ifindex, None)
            else:
                known[change.record.ifindex] = change.record.name
        assert known == {found.ifindex: found.name for found in link.links(socket)}


def test_lost_notifications_are_said_and_the_dump_heals(near: Namespace) -> None:
    with Socket(netns=near.fd) as socket, Monitor((link.GROUP,), netns=near.fd, receive_buffer=4096) as monitor:
        near.batch(*(f"link add a{n} type veth peer name b{n}" for n in range(50)))
        with pytest.raises(Overrun):
            monitor.changes()
        assert not monitor.changes()
        assert len(link.links(socket)) == 101
        link.delete(socket, link.find(socket, "a7").ifindex)
        assert {(c.gone, c.record.name) for c in read(monitor) if isinstance(c.record, Link) and c.gone} == {
            (True, "a7"),
            (True, "b7"),
        }


def test_a_burst_is_handed_out_in_pieces_and_nothing_of_it_is_lost(near: Namespace) -> None:
    near.batch("link add v0 type veth peer name v1", "link set v1 up", "link set v0 up")
    with Socket(netns=near.fd) as socket, Monitor(route.GROUPS, netns=near.fd, receive_buffer=64 << 20) as monitor:
        index = link.find(socket, "v0").ifindex
        targets = [ip_network((0x0B000000 + (n << 4), 28)) for n in range(3000)]
        wanted = [route.Entry(target, index, scope=route.SCOPE_LINK) for target in targets]
        assert socket.requests(map(route.addition, wanted)) == [None] * len(wanted)
        first = monitor.changes()
        assert 1000 < len(first) < 2000
        assert first[-1] == list(first)[-1] == first[len(first) - 1]
        with pytest.raises(IndexError):
            first[len(first)]
        told = [c.record for c in (*first, *read(monitor)) if isinstance(c.record, Route)]
        ours = [record for record in told if record.protocol == address.OWN]  # IPv6 makes its own when a link comes up
        assert [route.destination(record) for record in ours] == targets
        assert not any(change.gone for change in first)


def test_kernel_events_are_raw_datagrams(near: Namespace) -> None:
    with Socket(netns=near.fd) as socket, UeventSocket(netns=near.fd) as events:
        assert events.read() == []
        link.create_veth(socket, "v0", "v1")
        found: list[bytes] = []
        while not any(e.startswith(b"add@") and b"\0INTERFACE=v0\0" in e for e in found):
            assert select.select([events], [], [], 10)[0], found
            found += events.read()


def test_a_closed_socket_is_closed_once() -> None:
    socket = Socket()
    assert socket.fileno() >= 0
    socket.close()
    socket.close()
    assert socket.fileno() == -1
    with pytest.raises(OSError, match="Bad file"):
        link.links(socket)
