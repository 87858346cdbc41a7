"""DHCPv4 messages (RFC 2131 section 2, options RFC 2132, long options RFC 3396): bytes <-> `Message`. Owns the layout;
what an option means is `lease`'s business. Refuses what is too short, lacks the magic cookie or cuts an option off."""

import enum
import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final

import msgspec

from core.base.errors import Invalid

ANY: Final = IPv4Address(0)
ETHERNET: Final = 1  # hardware type
_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE: Final = bytes([99, 130, 83, 99])
_MINIMUM: Final = 300  # some relays drop anything below BOOTP's size
_PAD, _END = 0, 255


class Kind(enum.IntEnum):
    """DHCP message types (option 53)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class Option(enum.IntEnum):
    """Option codes that this node sends or reads."""

    SUBNET_MASK = 1
    ROUTER = 3
    DNS = 6
    HOSTNAME = 12
    DOMAIN = 15
    MTU = 26
    NTP = 42
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER = 54
    PARAMETERS = 55
    TEXT = 56
    MAX_SIZE = 57
    RENEWAL_TIME = 58
    REBINDING_TIME = 59
    CLIENT_IDENTIFIER = 61
    CLASSLESS_ROUTES = 121


class Message(msgspec.Struct, frozen=True):
    """One message. `options` maps codes to values, joined where a value came in pieces."""

    reply: bool
    xid: int
    hardware: bytes
    options: Mapping[int, bytes] = msgspec.field(default_factory=dict)
    seconds: int = 0
    broadcast: bool = False
    client: IPv4Address = ANY
    yours: IPv4Address = ANY
    server: IPv4Address = ANY
    relay: IPv4Address = ANY

    @property
    def kind(self) -> Kind | None:
        """The message type, None when it is absent or unknown."""
        raw = self.options.get(Option.MESSAGE_TYPE, b"")
        return Kind(raw[0]) if len(raw) == 1 and raw[0] in Kind._value2member_map_ else None


def encode(message: Message) -> bytes:
    """The datagram's payload. Raises Invalid for a hardware address above 16 bytes."""
    if len(message.hardware) > 16:
        raise Invalid("a DHCP hardware address has at most 16 bytes")
    fixed = _FIXED.pack(
        2 if message.reply else 1,
        ETHERNET,
        len(message.hardware),
        0,
        message.xid,
        message.seconds,
        0x8000 if message.broadcast else 0,
        message.client.packed,
        message.yours.packed,
        message.server.packed,
        message.relay.packed,
        message.hardware,
        b"",
        b"",
    )
    options = b"".join(_pieces(code, value) for code, value in message.options.items())
    return (fixed + _COOKIE + options + bytes([_END])).ljust(_MINIMUM, b"\0")


def decode(data: bytes) -> Message:
    """The message in a datagram. Raises Invalid."""
    if len(data) < _FIXED.size + len(_COOKIE):
        raise Invalid("a DHCP message of less than 240 bytes")
    op, _, size, _, xid, seconds, flags, client, yours, server, relay, hardware, name, file = _FIXED.unpack_from(data)
    if data[_FIXED.size : _FIXED.size + 4] != _COOKIE:
        raise Invalid("no DHCP magic cookie")
    if op not in (1, 2) or size > 16:
        raise Invalid("not a DHCP operation or hardware address")
    options: dict[int, bytes] = {}
    _collect(data[_FIXED.size + 4 :], options)
    overload = options.get(Option.OVERLOAD, b"\0")[:1]
    for part in {b"\1": [file], b"\2": [name], b"\3": [file, name]}.get(overload, []):
        _collect(part, options)
    return Message(
        reply=op == 2,
        xid=xid,
        hardware=hardware[:size],
        options=options,
        seconds=seconds,
        broadcast=bool(flags & 0x8000),
        client=IPv4Address(client),
        yours=IPv4Address(yours),
        server=IPv4Address(server),
        relay=IPv4Address(relay),
    )


def _pieces(code: int, value: bytes) -> bytes:
    chunks = [value[at : at + 255] for at in range(0, len(value), 255)] or [b""]
    return b"".join(bytes([code, len(chunk)]) + chunk for chunk in chunks)


def _collect(data: bytes, options: dict[int, bytes]) -> None:
    for code, value in _walk(data):
        options[code] = options.get(code, b"") + value


def _walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        code = data[at]
        if code == _END:
            return
        if code == _PAD:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise Invalid(f"DHCP option {code} is cut off")
        yield code, data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
