"""A life of the DHCP client: whatever comes, and whenever, it neither raises nor stops asking. Input: a byte that says
how long to wait (0: until its deadline; 255: stop and start), the length of the reply that comes then, the reply."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from core.codec.dhcp import Bound, Client, Effect, Lost, Send, State, decode, encode
from tests.fuzz.target import Target
from tests.fuzz.targets.dhcp import replies

_HARDWARE = b"\2\0\0\0\0\1"
_BOUND = (State.BOUND, State.RENEWING, State.REBINDING)


def check(data: bytes) -> None:
    client, now, at = Client(_HARDWARE, lambda: 0.5, hostname="node"), 1000.0, 0
    _judge(client, client.start(now))
    while at + 3 <= len(data):
        wait, size = data[at], int.from_bytes(data[at + 1 : at + 3], "big") % 600
        reply, at = data[at + 3 : at + 3 + size], at + 3 + size
        if wait == 255:
            _judge(client, client.stop(now))
            _judge(client, client.start(now))
        elif wait:
            now += wait * 4
            _judge(client, client.tick(now))
        elif client.deadline is not None:
            now = max(now, client.deadline)
            _judge(client, client.tick(now))
        _judge(client, client.received(_ours(reply), now))


def _judge(client: Client, effects: list[Effect]) -> None:
    assert (
        client.deadline is not None
        or client.state is State.STOPPED
        or (client.lease is not None and client.lease.expire is None)
    ), "it is stuck"
    assert (client.lease is not None) == (client.state in _BOUND)
    for effect in effects:
        assert isinstance(effect, Bound | Lost | Send)
        if isinstance(effect, Send):
            asked = decode(effect.payload)
            assert not asked.reply and asked.hardware == _HARDWARE and isinstance(effect.target, IPv4Address)


def _ours(reply: bytes) -> bytes:
    """Addressed to this client: its kind of header, its question's number, its hardware."""
    if len(reply) < 240:
        return reply
    return b"\2\1\6\0" + (1 << 31).to_bytes(4, "big") + reply[8:28] + _HARDWARE.ljust(16, b"\0") + reply[44:]


def seeds() -> Iterator[bytes]:
    ack, offer, nak, routes, forever = (encode(reply).rstrip(b"\0") for reply in replies())

    def life(*steps: tuple[int, bytes]) -> bytes:
        return b"".join(bytes([wait]) + len(reply).to_bytes(2, "big") + reply for wait, reply in steps)

    yield life((0, offer), (1, ack), (0, b""), (0, ack), (0, b""), (0, nak))
    yield life((1, offer), (0, b""), (0, b""), (0, b""), (0, b""), (0, b""), (0, nak))
    yield life((0, offer), (1, forever), (200, b""), (255, b""), (0, offer), (0, nak))
    yield life(
        (0, offer), (1, routes), (200, b""), (250, b""), (250, ack), (250, b""), (254, b""), (254, b""), (254, b"")
    )


TARGET = Target(check, seeds, runs=300)
