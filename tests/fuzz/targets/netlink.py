"""What rtnetlink sends: a datagram of messages, read as notifications and as the answer to a dump of each kind."""

import socket as sockets
import struct
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from ext.netlink import socket
from tests.ext_netlink import twin
from tests.fuzz.target import Target
from tests.support.netns import Namespace, namespace

P = ParamSpec("P")
T = TypeVar("T")
_NEW = (16, 20, 24, 28, 32)  # link, address, route, neighbour, rule
_SETUP = (
    "link add eth0 address 02:00:00:00:00:01 type veth peer name far0 address 02:00:00:00:00:02",
    "link add br0 address 02:00:00:00:00:03 type bridge",
    "link set eth0 up alias outside mtu 1400",
    "link set far0 up master br0",
    "link property add dev eth0 altname enp0s3 altname uplink",
    "address add 10.5.0.2/24 brd + dev eth0 label eth0:a",
    "address add fd00::2/64 dev eth0 nodad",
    "route add default nexthop via 10.5.0.1 dev eth0 weight 3 nexthop via 10.5.0.9 dev eth0",
    "route add 10.6.0.0/16 via 10.5.0.1 metric 100 mtu 1300",
    "neighbor add 10.5.0.1 lladdr 02:00:00:00:00:09 dev eth0",
    "rule add from 10.5.0.0/24 fwmark 0x10/0xff iif eth0 table 5000",
)


def check(data: bytes) -> None:
    changes = _unless_bad(socket.changes_in, data)
    assert changes == _unless_bad(twin.changes, data), "not what the twin reads"
    for kind in _NEW:
        found = _unless_bad(socket.answer_in, kind, data)
        assert found is None or len(found[0]) <= len(data) // 16
    kind = _NEW[data[0] % len(_NEW)] if data else 1
    assert _unless_bad(socket.parse, kind, data[16:]) == _unless_bad(twin.parse, kind, data[16:])


def _unless_bad(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    try:
        return function(*args, **kwargs)
    except OSError as error:
        assert "Bad message" in str(error)
        return None
    except twin.Bad:
        return None


def seeds() -> Iterator[bytes]:
    """The dumps of a namespace with a bit of everything, and each of their messages."""
    with namespace() as there:
        there.batch(*_SETUP)
        for kind in _NEW:
            datagram = _dump(there, kind + 2)
            yield datagram[: TARGET.largest]
            at = 0
            while at + 16 <= len(datagram):
                size = int.from_bytes(datagram[at : at + 4], "little")
                yield datagram[at : at + size]
                at += (size + 3) & ~3


def _dump(there: Namespace, message: int) -> bytes:
    """The first datagram of the answer."""
    with sockets.socket(fileno=socket.socket_in(there.fd, sockets.AF_NETLINK, sockets.SOCK_RAW, 0)) as sock:
        sock.send(struct.pack("=IHHII", 32, message, 0x301, 1, 0) + bytes(16))
        return sock.recv(1 << 16)


TARGET = Target(check, seeds, runs=10_000, native=True, minutes=5)
