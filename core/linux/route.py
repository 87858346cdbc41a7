"""Routes and policy rules over an rtnetlink socket. Those made here carry the protocol number `OWN`; `remove` matches
on it unless told otherwise, so that nobody else's route can go by accident."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from core.linux.address import OWN
from core.linux.rtattr import CREATE, REPLACE, attr, nest, u32
from ext.netlink.socket import Socket, Table
from ext.netlink.types import Neighbor, Route, Rule

MAIN: Final = 254
SCOPE_UNIVERSE, SCOPE_LINK, SCOPE_HOST = 0, 253, 254
UNICAST, BLACKHOLE = 1, 6
ONLINK: Final = 4  # RTNH_F_ONLINK
GROUPS: Final = (7, 11)  # RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE

_NEW, _DELETE, _GET, _GET_NEIGHBOR, _GET_RULE = 24, 25, 26, 30, 34
_DST, _OUT, _GATEWAY, _PRIORITY, _SOURCE, _METRICS, _TABLE = 1, 4, 5, 6, 7, 8, 15
_METRIC_MTU = 2
_HEAD = struct.Struct("=BBBBBBBBI")
_NEIGHBOR = struct.Struct("=BxxxiHBB")
_FAMILY: Final = {4: 2, 6: 10}


@dataclass(frozen=True, slots=True)
class Entry:
    """A route as it is wanted; the identity of a route is its destination, table, priority and, for IPv6, way."""

    dst: IPv4Network | IPv6Network
    out: int = 0
    gateway: IPv4Address | IPv6Address | None = None
    source: IPv4Address | IPv6Address | None = None
    table: int = MAIN
    priority: int = 0
    scope: int = SCOPE_UNIVERSE
    type: int = UNICAST
    flags: int = 0
    mtu: int = 0
    protocol: int = OWN


def routes(socket: Socket, *, family: int = 0, table: int = 0, protocol: int = 0) -> "Table[Route]":
    """Routes, of all or one family, table, protocol: the kernel filters."""
    body = u32(_TABLE, table) if table else b""
    return socket.dump(_GET, _HEAD.pack(family, 0, 0, 0, 0, protocol, 0, 0, 0) + body)


def neighbors(socket: Socket, *, family: int = 0) -> "Table[Neighbor]":
    """The neighbour tables."""
    return socket.dump(_GET_NEIGHBOR, _NEIGHBOR.pack(family, 0, 0, 0, 0))


def rules(socket: Socket, *, family: int = 0) -> "Table[Rule]":
    """The policy rules."""
    return socket.dump(_GET_RULE, _HEAD.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))


def add(socket: Socket, entry: Entry) -> None:
    """Add the route or replace the one of the same identity."""
    socket.request(*addition(entry))


def addition(entry: Entry) -> tuple[int, int, bytes]:
    """What `add` asks for, to be sent with others by `Socket.requests`."""
    return _NEW, CREATE | REPLACE, _encode(entry)


def remove(socket: Socket, entry: Entry) -> None:
    """Remove the route that matches in all that is given. Raises NetlinkError ESRCH."""
    socket.request(_DELETE, 0, _encode(entry))


def destination(record: Route) -> IPv4Network | IPv6Network:
    """Where a dumped route leads, as a value."""
    packed = record.dst or bytes(4 if record.family == 2 else 16)
    return ip_network((packed, record.dst_prefix))


def _encode(entry: Entry) -> bytes:
    head = _HEAD.pack(
        _FAMILY[entry.dst.version],
        entry.dst.prefixlen,
        0,
        0,
        0,  # the table's number stands in its attribute, which holds more than a byte
        entry.protocol,
        entry.scope,
        entry.type,
        entry.flags,
    )
    body = attr(_DST, entry.dst.network_address.packed) if entry.dst.prefixlen else b""
    body += u32(_TABLE, entry.table)
    body += u32(_OUT, entry.out) if entry.out else b""
    body += attr(_GATEWAY, entry.gateway.packed) if entry.gateway else b""
    body += attr(_SOURCE, entry.source.packed) if entry.source else b""
    body += u32(_PRIORITY, entry.priority) if entry.priority else b""
    return head + body + (nest(_METRICS, u32(_METRIC_MTU, entry.mtu)) if entry.mtu else b"")
