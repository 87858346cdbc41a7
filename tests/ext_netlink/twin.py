"""The obvious decoder of rtnetlink: dictionaries of attributes and struct.unpack, nothing shared with the unit. Reads
what it is given as the unit must: a length that lies is refused, the last of equal attributes counts."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

from ext.netlink.types import Address, Change, Hop, Link, Neighbor, Record, Route, Rule

Attributes = list[tuple[int, bytes]]


class Bad(Exception):
    """A length that lies."""


def walk(data: bytes, head: int) -> Iterator[tuple[bytes, bytes]]:
    """Header and content of each thing that begins with its own length in two bytes, padded to four."""
    while len(data) >= head:
        size = int.from_bytes(data[:2], "little")
        if not head <= size <= len(data):
            raise Bad
        yield data[:head], data[head:size]
        data = data[(size + 3) & ~3 :]


def attributes(data: bytes) -> Attributes:
    return [(int.from_bytes(head[2:], "little") & 0x3FFF, content) for head, content in walk(data, 4)]


class Last:
    """The last attribute of each kind, as what it is asked for."""

    def __init__(self, found: Attributes) -> None:
        self._found = dict(found)

    def number(self, kind: int, default: int = 0, bits: int = 32) -> int:
        if kind not in self._found:
            return default
        return int.from_bytes(self._found[kind][:4], "little") & ((1 << bits) - 1)

    def raw(self, kind: int, most: int) -> bytes:
        return self._found.get(kind, b"")[:most]

    def text(self, kind: int, most: int | None = None) -> str:
        return self._found.get(kind, b"").partition(b"\0")[0][:most].decode("utf-8", "replace")


def gateway(found: Attributes) -> bytes:
    """RTA_GATEWAY, or RTA_VIA behind its two bytes of family: whichever comes last."""
    known = [
        data[:16] if kind == 5 else data[2:18] for kind, data in found if kind == 5 or (kind == 18 and len(data) > 2)
    ]
    return known[-1] if known else b""


def link(body: bytes) -> Link:
    kind, index, flags = struct.unpack_from("=xxHiI4x", body)
    found = attributes(body[16:])
    names: list[str] = []
    info: dict[str, Any] = {"kind": "", "slave": "", "vlan": 0}
    for number, data in found:
        if number == 52:
            names = [Last([one]).text(53) for one in attributes(data) if one[0] == 53]
        elif number == 18:
            about(data, info)
    last = Last(found)
    return Link(
        index, last.text(3, 15), kind, flags, last.number(4), last.number(5), last.number(10), last.number(27),
        last.number(13), last.number(16, bits=8), last.number(33, bits=8) != 0, str(info["kind"]), str(info["slave"]),
        last.text(6, 15), int(info["vlan"]), last.raw(1, 32), last.raw(2, 32), last.raw(54, 32), last.text(20),
        tuple(names), last.text(57), last.text(56),
    )  # fmt: skip


def about(data: bytes, info: dict[str, Any]) -> None:
    """IFLA_LINKINFO: the data of a kind can be read once the kind is known."""
    for number, content in attributes(data):
        text = Last([(0, content)]).text(0, 15)
        if number == 1:
            info["kind"] = text
        elif number == 4:
            info["slave"] = text
        elif number == 2 and info["kind"] == "vlan":
            info["vlan"] = Last(attributes(content)).number(1, info["vlan"])


def address(body: bytes) -> Address:
    family, prefix, flags, scope, index = struct.unpack_from("=BBBBI", body)
    found = attributes(body[8:])
    last = Last(found)
    caches = [data for kind, data in found if kind == 6 and len(data) >= 16]
    preferred, valid = struct.unpack_from("=II", caches[-1]) if caches else (0, 0)
    return Address(
        struct.unpack("=i", struct.pack("=I", index))[0], family, prefix, scope, last.number(8, flags),
        last.number(11, bits=8), last.number(9), preferred, valid, last.raw(1, 16), last.raw(2, 16), last.raw(4, 16),
        last.raw(5, 16), last.text(3, 15),
    )  # fmt: skip


def route(body: bytes) -> Route:
    family, dst, src, tos, table, protocol, scope, kind, flags = struct.unpack_from("=8BI", body)
    found = attributes(body[12:])
    last, mtu, ways = Last(found), 0, tuple[Hop, ...]()
    for number, data in found:
        if number == 8:
            mtu = Last(attributes(data)).number(2, mtu)
        elif number == 9:
            ways = tuple(hop(head, content) for head, content in walk(data, 8))
    return Route(
        family, last.raw(1, 16), dst, src, last.raw(7, 16), gateway(found), last.number(4), last.number(15, table),
        last.number(6), protocol, scope, kind, flags, tos, mtu, ways,
    )  # fmt: skip


def hop(head: bytes, content: bytes) -> Hop:
    weight, index = struct.unpack_from("=xxxBI", head)
    return Hop(index, weight + 1, gateway(attributes(content)))


def neighbor(body: bytes) -> Neighbor:
    family, index, state, flags, kind = struct.unpack_from("=BxxxiHBB", body)
    last = Last(attributes(body[12:]))
    return Neighbor(index, family, state, flags, kind, last.raw(1, 16), last.raw(2, 32))


def rule(body: bytes) -> Rule:
    family, dst, src, table, action = struct.unpack_from("=BBBxBxxB4x", body)
    last = Last(attributes(body[12:]))
    return Rule(
        family, last.raw(1, 16), dst, last.raw(2, 16), src, last.number(15, table), last.number(6), action,
        last.number(10), last.number(16), last.text(3, 15), last.text(17, 15),
    )  # fmt: skip


# type of the message that tells of one -> how to read it; the message that tells of its end follows by one
KINDS: dict[int, Callable[[bytes], Record]] = {16: link, 20: address, 24: route, 28: neighbor, 32: rule}


def parse(message: int, body: bytes) -> Record | None:
    """One message's record, None for a type that is none of ours."""
    if message & ~1 not in KINDS:
        return None
    try:
        return KINDS[message & ~1](body)
    except struct.error:
        raise Bad from None


def changes(datagram: bytes) -> list[Change]:
    """What a datagram of notifications tells."""
    found = []
    while len(datagram) >= 16:
        size, kind = struct.unpack_from("=IH", datagram)
        if not 16 <= size <= len(datagram):
            raise Bad
        record = parse(kind, datagram[16:size])
        if record is not None:
            found.append(Change(bool(kind & 1), record))
        datagram = datagram[(size + 3) & ~3 :]
    return found
