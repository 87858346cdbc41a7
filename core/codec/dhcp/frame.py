"""IPv4 and UDP headers around a DHCP payload, for as long as the node has no address to send from. Owns the two
headers; the Ethernet one is the kernel's (a SOCK_DGRAM packet socket). A received UDP checksum is not judged: over
a virtual link the sender leaves it to hardware that does not exist."""

import struct
from ipaddress import IPv4Address
from typing import Final

from core.base.errors import Invalid

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68
BROADCAST: Final = IPv4Address("255.255.255.255")

_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_PSEUDO = struct.Struct("!4s4sBBH")
_PROTOCOL_UDP = 17
_TTL = 64
_LOW_DELAY = 0x10


def wrap(payload: bytes, source: IPv4Address, target: IPv4Address) -> bytes:
    """The packet from our client port to their server port."""
    size = _UDP.size + len(payload)
    pseudo = _PSEUDO.pack(source.packed, target.packed, 0, _PROTOCOL_UDP, size)
    total = checksum(pseudo + _UDP.pack(CLIENT_PORT, SERVER_PORT, size, 0) + payload) or 0xFFFF
    udp = _UDP.pack(CLIENT_PORT, SERVER_PORT, size, total)
    head = [0x45, _LOW_DELAY, _IP.size + size, 0, 0, _TTL, _PROTOCOL_UDP, 0, source.packed, target.packed]
    head[7] = checksum(_IP.pack(*head))
    return _IP.pack(*head) + udp + payload


def unwrap(packet: bytes) -> bytes:
    """The payload of a packet to our client port. Raises Invalid for anything else, fragments included."""
    if len(packet) < _IP.size + _UDP.size:
        raise Invalid("too short for a DHCP packet")
    version, _, total, _, fragment, _, protocol, *_ = _IP.unpack_from(packet)
    header = (version & 15) * 4
    if version >> 4 != 4 or header < _IP.size or protocol != _PROTOCOL_UDP or fragment & 0x3FFF:
        raise Invalid("not a whole IPv4 UDP packet")
    if not header + _UDP.size <= total <= len(packet) or checksum(packet[:header]):
        raise Invalid("an IPv4 header that is not right")
    _, port, size, _ = _UDP.unpack_from(packet, header)
    if port != CLIENT_PORT or not _UDP.size <= size <= total - header:
        raise Invalid("not for the DHCP client's port")
    return packet[header + _UDP.size : header + size]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
