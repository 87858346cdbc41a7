"""A DHCP server's packet as the client takes it apart: link-layer frame, message, lease."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

from core.base.errors import Invalid
from core.codec.dhcp import Kind, Lease, Message, Option, decode, encode, frame
from tests.fuzz.target import Target, attempt

_FRAME = 28


def check(data: bytes) -> None:
    payload = attempt(Invalid, frame.unwrap, _addressed(data))
    if payload is not None:
        assert len(payload) <= len(data)
    message = attempt(Invalid, decode, data[_FRAME:])
    if message is None:
        return
    again = decode(encode(message))
    assert again == message, "another message after a round trip"
    lease = attempt(Invalid, Lease.of, message, 100.0)
    if lease is not None:
        _sound(lease)


def _sound(lease: Lease) -> None:
    assert isinstance(lease.interface, IPv4Interface) and lease.interface.ip.packed != bytes(4)
    if lease.expire is not None:
        assert lease.renew is not None and lease.rebind is not None
        assert 0 < lease.renew <= lease.rebind <= lease.expire
    for name in (lease.hostname, lease.domain):
        assert name.isascii() and not set(name) & set("/\\ \n\0")
    assert lease.mtu == 0 or 68 <= lease.mtu < 65536


def _addressed(data: bytes) -> bytes:
    """With the IP header's checksum mended."""
    header = (data[0] & 15) * 4 if data else 0
    if not 20 <= header <= len(data):
        return data
    head = data[:10] + bytes(2) + data[12:header]
    return head[:10] + frame.checksum(head).to_bytes(2, "big") + data[10:][2:]


def replies() -> Iterator[Message]:
    """What servers say."""
    options: dict[int, bytes] = {
        Option.MESSAGE_TYPE: bytes([Kind.ACK]),
        Option.SERVER: bytes([10, 0, 0, 1]),
        Option.LEASE_TIME: (3600).to_bytes(4, "big"),
        Option.SUBNET_MASK: bytes([255, 255, 255, 0]),
        Option.ROUTER: bytes([10, 0, 0, 1]),
        Option.DNS: bytes([10, 0, 0, 1, 9, 9, 9, 9]),
        Option.HOSTNAME: b"node-1",
        Option.DOMAIN: b"cluster.local",
        Option.MTU: (1400).to_bytes(2, "big"),
    }
    hardware, yours = b"\2\0\0\0\0\1", IPv4Address("10.0.0.77")
    yield Message(True, 1 << 31, hardware, options, yours=yours)
    yield Message(True, 1 << 31, hardware, {**options, Option.MESSAGE_TYPE: bytes([Kind.OFFER])}, yours=yours)
    yield Message(True, 1 << 31, hardware, {Option.MESSAGE_TYPE: bytes([Kind.NAK]), Option.TEXT: b"no"})
    ways = bytes([0, 10, 0, 0, 1, 24, 10, 1, 2, 10, 0, 0, 9, 32, 1, 2, 3, 4, 10, 0, 0, 8])
    times: dict[int, bytes] = {Option.RENEWAL_TIME: bytes([0, 0, 0, 9]), Option.REBINDING_TIME: bytes([0, 0, 1, 0])}
    yield Message(True, 1 << 31, hardware, {**options, **times, Option.CLASSLESS_ROUTES: ways}, yours=yours)
    yield Message(True, 1 << 31, hardware, {**options, Option.LEASE_TIME: b"\xff" * 4, 43: b"x" * 300}, yours=yours)


def seeds() -> Iterator[bytes]:
    for message in replies():
        packet = bytearray(frame.wrap(encode(message), IPv4Address("10.0.0.1"), frame.BROADCAST))
        packet[20:24] = packet[22:24] + packet[20:22]  # from the server's port to ours
        yield bytes(packet)
    overloaded = bytearray(packet)
    overloaded[28 + 240 : 28 + 243] = bytes([Option.OVERLOAD, 1, 3])
    yield bytes(overloaded)


TARGET = Target(check, seeds, runs=8000, minutes=5)
