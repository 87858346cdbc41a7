"""What a host says to its segment when an address is its own from now on: an ARP announcement (RFC 5227 section 3), an
unsolicited neighbor advertisement (RFC 4861 section 7.2.6). Owns what is behind the Ethernet header; sends nothing."""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from core.codec.dhcp.frame import checksum

EVERYBODY: Final = b"\xff" * 6
ALL_NODES: Final = IPv6Address("ff02::1")
ALL_NODES_MAC: Final = bytes.fromhex("333300000001")

_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET, _IPV4, _REQUEST = 1, 0x0800, 1
_IPV6 = struct.Struct("!IHBB16s16s")
_ADVERTISEMENT = struct.Struct("!BBHI16sBB6s")
_PSEUDO = struct.Struct("!16s16sII")
_NA, _OVERRIDE, _TARGET_MAC, _ICMPV6 = 136, 0x20000000, 2, 58
_HOPS = 255  # receivers drop what may have come from behind a router


def arp(hardware: bytes, address: IPv4Address) -> bytes:
    """The ARP packet; goes to EVERYBODY. As a request: those who know the address take it up, and nobody answers."""
    return _ARP.pack(_ETHERNET, _IPV4, 6, 4, _REQUEST, hardware, address.packed, bytes(6), address.packed)


def advertisement(hardware: bytes, address: IPv6Address) -> bytes:
    """The IPv6 packet; goes to ALL_NODES_MAC. It takes the place of what neighbors knew before."""
    source, target = address.packed, ALL_NODES.packed
    message = [_NA, 0, 0, _OVERRIDE, address.packed, _TARGET_MAC, 1, hardware]
    pseudo = _PSEUDO.pack(source, target, _ADVERTISEMENT.size, _ICMPV6)
    message[2] = checksum(pseudo + _ADVERTISEMENT.pack(*message))
    head = _IPV6.pack(6 << 28, _ADVERTISEMENT.size, _ICMPV6, _HOPS, source, target)
    return head + _ADVERTISEMENT.pack(*message)
