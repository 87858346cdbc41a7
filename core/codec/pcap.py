"""Captured packets as a classic pcap file (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html):
little-endian, microseconds. One way only: packets to bytes."""

import struct
from typing import Final

ETHERNET: Final = 1
RAW_IP: Final = 101
_MAGIC: Final = 0xA1B2C3D4
_FILE: Final = struct.Struct("<IHHiIII")
_PACKET: Final = struct.Struct("<IIII")


def header(snap: int, link: int) -> bytes:
    """What the file begins with: at most `snap` bytes of each packet, all of the kind `link`."""
    return _FILE.pack(_MAGIC, 2, 4, 0, 0, snap, link)


def packet(nanoseconds: int, data: bytes | memoryview, length: int) -> bytes:
    """One packet of `length` bytes that came at a time since the epoch; `data` is what was kept of it."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return _PACKET.pack(seconds, rest // 1000, len(data), length) + data
