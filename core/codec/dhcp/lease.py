"""What a server's ACK grants: options read into a `Lease`. A malformed option that the lease can do without is left
out; an ACK without address, server or time is Invalid."""

import re
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_network
from typing import Final

import msgspec

from core.base.errors import Invalid
from core.codec.dhcp.message import ANY, Message, Option

FOREVER: Final = 0xFFFFFFFF
_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


class Lease(msgspec.Struct, frozen=True):
    """An address with what came along. Times are seconds after `since`, the monotonic moment of the request that
    won it; None is for ever."""

    interface: IPv4Interface
    server: IPv4Address
    since: float
    renew: float | None
    rebind: float | None
    expire: float | None
    routes: tuple[tuple[IPv4Network, IPv4Address], ...] = ()
    dns: tuple[IPv4Address, ...] = ()
    ntp: tuple[IPv4Address, ...] = ()
    hostname: str = ""
    domain: str = ""
    mtu: int = 0

    @staticmethod
    def of(message: Message, since: float) -> "Lease":
        """Read an ACK (or OFFER). Raises Invalid."""
        options = message.options
        servers = _addresses(options.get(Option.SERVER, b""))
        span = _number(options.get(Option.LEASE_TIME, b""))
        if message.yours == ANY or not servers or not span:
            raise Invalid("a DHCP lease without address, server or time")
        renew, rebind, expire = _times(span, message)
        return Lease(
            interface=IPv4Interface((message.yours, _prefix(options.get(Option.SUBNET_MASK, b""), message.yours))),
            server=servers[0],
            since=since,
            renew=renew,
            rebind=rebind,
            expire=expire,
            routes=_routes(message),
            dns=_addresses(options.get(Option.DNS, b"")),
            ntp=_addresses(options.get(Option.NTP, b"")),
            hostname=_text(options.get(Option.HOSTNAME, b"")),
            domain=_text(options.get(Option.DOMAIN, b"")),
            mtu=_mtu(options.get(Option.MTU, b"")),
        )


def _times(span: int, message: Message) -> tuple[float | None, float | None, float | None]:
    """T1, T2 and the end; the server's T1 and T2 where they are in order, else 1/2 and 7/8 (RFC 2131, 4.4.5)."""
    if span == FOREVER:
        return None, None, None
    renew = _number(message.options.get(Option.RENEWAL_TIME, b"")) or span / 2
    rebind = _number(message.options.get(Option.REBINDING_TIME, b"")) or span * 7 / 8
    if not renew <= rebind <= span:
        renew, rebind = span / 2, span * 7 / 8
    return float(renew), float(rebind), float(span)


def _routes(message: Message) -> tuple[tuple[IPv4Network, IPv4Address], ...]:
    """Classless routes, which when present put the router option out of force (RFC 3442)."""
    raw = message.options.get(Option.CLASSLESS_ROUTES)
    if raw is not None:
        return _classless(raw)
    routers = _addresses(message.options.get(Option.ROUTER, b""))
    return tuple((IPv4Network("0.0.0.0/0"), router) for router in routers[:1])


def _classless(raw: bytes) -> tuple[tuple[IPv4Network, IPv4Address], ...]:
    found: list[tuple[IPv4Network, IPv4Address]] = []
    at = 0
    while at < len(raw):
        width = raw[at]
        octets = (width + 7) // 8
        if width > 32 or at + 5 + octets > len(raw):
            return ()
        network = raw[at + 1 : at + 1 + octets].ljust(4, b"\0")
        gateway = IPv4Address(raw[at + 1 + octets : at + 5 + octets])
        found.append((IPv4Network((network, width), strict=False), gateway))
        at += 5 + octets
    return tuple(found)


def _prefix(mask: bytes, address: IPv4Address) -> int:
    """The width of a mask; without a usable one, a host's own (the server told of no neighbours)."""
    if len(mask) == 4:
        bits = f"{int.from_bytes(mask, 'big'):032b}"
        if "01" not in bits:
            return bits.count("1")
    return ip_network(address).prefixlen


def _addresses(raw: bytes) -> tuple[IPv4Address, ...]:
    usable = len(raw) - len(raw) % 4
    found = (IPv4Address(raw[at : at + 4]) for at in range(0, usable, 4))
    return tuple(dict.fromkeys(a for a in found if a != ANY))


def _number(raw: bytes) -> int:
    return int(struct.unpack("!I", raw)[0]) if len(raw) == 4 else 0


def _mtu(raw: bytes) -> int:
    value = int.from_bytes(raw, "big") if len(raw) == 2 else 0
    return value if value >= 68 else 0  # RFC 2132, 5.1


def _text(raw: bytes) -> str:
    """A DNS name, or nothing: what a server sends ends up in files, so nothing else passes."""
    name = raw.rstrip(b"\0").decode("ascii", "replace").rstrip(".")
    return name if len(name) <= 253 and _NAME.fullmatch(name) else ""
