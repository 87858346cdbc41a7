"""Addresses of links over an rtnetlink socket. Those added with `OWN` carry that number in IFA_PROTO (kernel 5.18), so
that a later process knows its own from anybody else's."""

import struct
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Final

from core.linux.rtattr import CREATE, REPLACE, attr, u32
from ext.netlink.socket import Socket, Table
from ext.netlink.types import Address

Interface = IPv4Interface | IPv6Interface

OWN: Final = 73  # the protocol number of addresses and routes that this node's controllers made
FOREVER: Final = 0xFFFFFFFF
SCOPE_GLOBAL, SCOPE_LINK, SCOPE_HOST = 0, 253, 254
NO_DAD: Final = 0x02  # IFA_F_NODAD
NO_PREFIX_ROUTE: Final = 0x200
GROUPS: Final = (5, 9)  # RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR

_NEW, _DELETE, _GET = 20, 21, 22
_ADDRESS, _LOCAL, _BROADCAST, _CACHE, _FLAGS, _PRIORITY, _PROTOCOL = 1, 2, 4, 6, 8, 9, 11
_HEAD = struct.Struct("=BBBBI")
_CACHEINFO = struct.Struct("=IIII")
_FAMILY: Final = {4: 2, 6: 10}


def addresses(socket: Socket, *, family: int = 0, index: int = 0) -> "Table[Address]":
    """Addresses of all links or of one, of both families or one."""
    return socket.dump(_GET, _HEAD.pack(family, 0, 0, 0, index))


def add(
    socket: Socket,
    index: int,
    interface: Interface,
    *,
    scope: int = SCOPE_GLOBAL,
    flags: int = 0,
    priority: int = 0,
    protocol: int = OWN,
    valid: int = FOREVER,
    preferred: int = FOREVER,
) -> None:
    """Add the address, or bring what differs of an existing one in line. Lifetimes in seconds; `priority` is the metric
    of the prefix route."""
    body = _body(interface) + attr(_PROTOCOL, bytes([protocol])) + attr(_CACHE, _CACHEINFO.pack(preferred, valid, 0, 0))
    if flags:
        body += u32(_FLAGS, flags)
    if priority:
        body += u32(_PRIORITY, priority)
    if interface.version == 4 and interface.network.prefixlen < 31:
        body += attr(_BROADCAST, interface.network.broadcast_address.packed)
    socket.request(_NEW, CREATE | REPLACE, _head(index, interface, scope) + body)


def remove(socket: Socket, index: int, interface: Interface) -> None:
    """Remove the address. Raises NetlinkError EADDRNOTAVAIL."""
    socket.request(_DELETE, 0, _head(index, interface, 0) + _body(interface))


def interface_of(record: Address) -> Interface:
    """The address with its prefix as a value."""
    return ip_interface((ip_address(record.local or record.address), record.prefix))


def _head(index: int, interface: Interface, scope: int) -> bytes:
    return _HEAD.pack(_FAMILY[interface.version], interface.network.prefixlen, 0, scope, index)


def _body(interface: Interface) -> bytes:
    return attr(_LOCAL, interface.ip.packed) + attr(_ADDRESS, interface.ip.packed)
