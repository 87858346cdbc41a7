"""A client's bytes at a server's HTTP/2 session. The first byte says how the rest is cut and what the handlers do, and
when it is odd what opens a connection is put in front."""

import random
from collections.abc import Iterator

import hpack

from ext.http2.framing import FramingError
from ext.http2.limits import Limits
from ext.http2.session import Stream, live
from tests.ext_http2.pair import Pair
from tests.fuzz import frames
from tests.fuzz.target import Target

_HEADERS = [(b":status", b"200"), (b"content-type", b"application/grpc")]
_LIMITS = Limits(message=1000, buffer=2000, output=600, headers=1000, fields=20, streams=8, noise=100, resets=20)
_WINDOW = 1 << 20


def check(data: bytes) -> None:
    before = live()
    _play(data[1:], data[0] if data else 0)
    assert live() == before, "streams or sessions are left"


def _play(data: bytes, choice: int) -> None:
    chance, pair = random.Random(choice), Pair(**_LIMITS._asdict())
    wire, alive = (frames.OPENING if choice & 1 else b"") + data, True
    while wire and alive:
        size = chance.choice((1, 9, 100, 10_000))
        alive = pair.server.receive(wire[:size])
        wire = wire[size:]
        for stream in pair.seen:
            _handle(stream, chance)
        assert len(pair.server.send()) < _WINDOW
        assert 0 <= pair.server.buffered <= _LIMITS.buffer + 8 * 1005
        assert 0 <= pair.server.queued <= _LIMITS.output
        assert pair.server.active <= 8
        if chance.random() < 0.1:
            pair.server.review()
    pair.close()
    assert pair.server.buffered == pair.server.queued == 0
    assert all(stream.closed for stream in pair.seen)


def _handle(stream: Stream, chance: random.Random) -> None:
    """Read, answer, reset or do nothing."""
    assert stream.method is not None or stream.closed
    try:
        while chance.random() < 0.8 and stream.take() is not None:
            pass
    except FramingError:
        stream.reset()
    match chance.randrange(8):
        case 0:
            stream.finish(_HEADERS, [(b"grpc-status", b"0")], b"answer" * 50)
        case 1:
            stream.reset()


def block(encoder: hpack.Encoder, *more: tuple[str, str]) -> bytes:
    """A call's headers as a client would write them."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "node")]
    found: bytes = encoder.encode([*fields, ("content-type", "application/grpc"), ("te", "trailers"), *more])
    return found


def seeds() -> Iterator[bytes]:
    encoder = hpack.Encoder()
    first, second = block(encoder), block(encoder, ("grpc-timeout", "5S"), ("key-bin", "AAEC"))
    open_, close = frames.END_HEADERS, frames.END_HEADERS | frames.END_STREAM
    head = frames.frame(frames.HEADERS, open_, 1, first)
    body = frames.frame(frames.DATA, frames.END_STREAM, 1, frames.message(b"request" * 20))
    calls = (
        head + body,
        head
        + frames.frame(frames.DATA, 0, 1, frames.message(b"x" * 50)[:20])
        + frames.frame(frames.RST_STREAM, 0, 1, bytes(4)),
        frames.frame(frames.HEADERS, 0, 1, first[:9]) + frames.frame(frames.CONTINUATION, close, 1, first[9:]),
        head + frames.frame(frames.HEADERS, close, 3, second) + frames.frame(frames.PING, 0, 0, b"12345678") + body,
        head
        + frames.frame(frames.WINDOW_UPDATE, 0, 1, b"\0\0\1\0")
        + frames.frame(frames.HEADERS, close, 1, b"\0\1a\1b"),
        head + frames.frame(frames.SETTINGS, 0, 0, bytes([0, 4, 0, 0, 0, 1, 0, 5, 0, 0, 64, 0])) + body,
        head + frames.frame(frames.GOAWAY, 0, 0, bytes(8) + b"bye") + frames.frame(frames.PRIORITY, 0, 1, bytes(5)),
        head + frames.frame(frames.DATA, 8, 1, b"\3" + frames.message(b"padded") + bytes(3)),
    )
    for number, call in enumerate(calls):
        yield bytes([2 * number + 1]) + call
    yield b"\0" + frames.OPENING + head + body


TARGET = Target(check, seeds, runs=6000, native=True, minutes=5)
