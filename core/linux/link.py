"""Network interfaces over an rtnetlink socket: list, find, create, change, delete. Keeps no state; every failure is the
kernel's own NetlinkError."""

import struct
from typing import Final

from core.linux.rtattr import CREATE, EXCLUSIVE, attr, nest, text, u32
from ext.netlink.socket import Socket, Table
from ext.netlink.types import Link

UP: Final = 0x1  # IFF_UP
LOOPBACK: Final = 0x8
LOWER_UP: Final = 0x10000
ETHERNET: Final = 1  # ARPHRD_ETHER
GROUP: Final = 1  # RTNLGRP_LINK

_NEW, _DELETE, _GET = 16, 17, 18
_ADDRESS, _NAME, _MTU, _LINK, _MASTER, _INFO, _NETNS, _MASK = 1, 3, 4, 5, 10, 18, 28, 29
_INFO_KIND, _INFO_DATA = 1, 2
_SKIP_STATISTICS = 8  # RTEXT_FILTER_SKIP_STATS: counters are most of a link's message
_PEER = 1  # VETH_INFO_PEER
_VLAN_ID = 1
_HEAD = struct.Struct("=BxHiII")


def links(socket: Socket) -> "Table[Link]":
    """All links of the namespace."""
    return socket.dump(_GET, _head() + u32(_MASK, _SKIP_STATISTICS))


def find(socket: Socket, name: str) -> Link:
    """The link of that name. Raises NetlinkError ENODEV."""
    found: Link = socket.get(_GET, _head() + text(_NAME, name) + u32(_MASK, _SKIP_STATISTICS))
    return found


def configure(
    socket: Socket,
    index: int,
    *,
    up: bool | None = None,
    mtu: int | None = None,
    master: int | None = None,
    name: str | None = None,
    address: bytes | None = None,
) -> None:
    """Change what is given of the link, in one request: all of it or nothing is accepted. `master` 0 frees it."""
    body = b""
    if mtu is not None:
        body += u32(_MTU, mtu)
    if master is not None:
        body += u32(_MASTER, master)
    if name is not None:
        body += text(_NAME, name)
    if address is not None:
        body += attr(_ADDRESS, address)
    flags, mask = (UP if up else 0, UP) if up is not None else (0, 0)
    socket.request(_NEW, 0, _head(index, flags, mask) + body)


def create(socket: Socket, name: str, kind: str, *, data: bytes = b"", parent: int = 0, mtu: int = 0) -> Link:
    """Make a virtual link of a driver's kind ("bridge", "dummy", ...); `data` are the kind's own attributes."""
    body = text(_NAME, name) + nest(_INFO, text(_INFO_KIND, kind), *([nest(_INFO_DATA, data)] if data else []))
    body += (u32(_LINK, parent) if parent else b"") + (u32(_MTU, mtu) if mtu else b"")
    socket.request(_NEW, CREATE | EXCLUSIVE, _head() + body)
    return find(socket, name)


def create_veth(socket: Socket, name: str, peer: str, *, peer_netns: int | None = None) -> Link:
    """A veth pair; the far end in the namespace behind the descriptor `peer_netns` if given."""
    far = _head() + text(_NAME, peer) + (u32(_NETNS, peer_netns) if peer_netns is not None else b"")
    return create(socket, name, "veth", data=nest(_PEER, far))


def create_vlan(socket: Socket, name: str, parent: int, identifier: int) -> Link:
    """An 802.1Q child of the link `parent`."""
    return create(socket, name, "vlan", data=attr(_VLAN_ID, struct.pack("=H", identifier)), parent=parent)


def move(socket: Socket, index: int, netns: int) -> None:
    """Hand the link to the namespace behind the descriptor."""
    socket.request(_NEW, 0, _head(index) + u32(_NETNS, netns))


def delete(socket: Socket, index: int) -> None:
    """Remove a virtual link."""
    socket.request(_DELETE, 0, _head(index))


def is_physical(link: Link) -> bool:
    """A device, or what stands for one in a container: an Ethernet link of no virtual kind, or an end of a veth."""
    return link.type == ETHERNET and not link.flags & LOOPBACK and (not link.kind or link.kind == "veth")


def _head(index: int = 0, flags: int = 0, mask: int = 0) -> bytes:
    return _HEAD.pack(0, 0, index, flags, mask)
