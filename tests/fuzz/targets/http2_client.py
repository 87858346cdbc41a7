"""A server's bytes at a client's HTTP/2 session with two calls under way, and what the caller makes of their end. The
first byte says how the rest is cut; when it is odd, the server's SETTINGS are put in front."""

import random
from collections.abc import Iterator

import hpack

from core.rpc import call
from core.rpc.status import RpcError
from ext.http2.framing import FramingError
from ext.http2.limits import Limits
from ext.http2.session import Session, Stream, StreamClosed, live
from tests.ext_http2.pair import HEADERS, LOOP
from tests.fuzz import frames
from tests.fuzz.target import Target


def check(data: bytes) -> None:
    before = live()
    _play(data[1:], data[0] if data else 0)
    assert live() == before, "streams or sessions are left"


def _play(data: bytes, choice: int) -> None:
    chance = random.Random(choice)
    session = Session(False, loop=LOOP, limits=Limits(message=1000, buffer=2000, headers=1000))
    session.begin()
    streams = [_call(session, b"/a.B/C"), _call(session, b"/a.B/D")]
    session.send()
    wire, alive = (frames.frame(frames.SETTINGS, 0, 0) if choice & 1 else b"") + data, True
    while wire and alive:
        size = chance.choice((1, 9, 100, 10_000))
        alive = session.receive(wire[:size])
        wire = wire[size:]
        for stream in streams:
            _read(stream, chance)
        assert len(session.send()) < 1 << 20
        if chance.random() < 0.2 and session.usable:
            streams.append(_call(session, b"/more"))
    session.close()
    assert session.buffered == 0 and all(stream.closed for stream in streams)
    for stream in streams:
        failure = call._status(dict(call.trailers(stream) or [])) if _ended(stream) else None
        assert failure is None or isinstance(failure, RpcError)


def _call(session: Session, path: bytes) -> Stream:
    stream = session.request(path, b"host", b"http", list(HEADERS))
    stream.end(b"request")
    return stream


def _read(stream: Stream, chance: random.Random) -> None:
    try:
        while chance.random() < 0.9 and stream.take() is not None:
            pass
        if chance.random() < 0.1:
            stream.send(b"more")
    except FramingError:
        stream.reset()
    except StreamClosed:
        return


def _ended(stream: Stream) -> bool:
    return b"grpc-status" in dict(call.trailers(stream))


def seeds() -> Iterator[bytes]:
    encoder = hpack.Encoder()

    def headers(stream: int, flags: int, *fields: tuple[str, str]) -> bytes:
        return frames.frame(frames.HEADERS, frames.END_HEADERS | flags, stream, encoder.encode(fields))

    opened = (":status", "200"), ("content-type", "application/grpc")
    status = ("grpc-status", "5"), ("grpc-message", "not%20there"), ("grpc-status-details-bin", "CAUSBWhlbGxv")
    end = frames.END_STREAM
    reply = headers(1, 0, *opened) + frames.frame(frames.DATA, 0, 1, frames.message(b"reply"))
    yield b"\1" + reply + headers(1, end, ("grpc-status", "0")) + headers(3, end, *opened, *status)
    yield b"\3" + headers(3, end, (":status", "503"), ("content-type", "text/html")) + headers(1, 0, (":status", "100"))
    yield (
        b"\5"
        + reply
        + frames.frame(frames.RST_STREAM, 0, 1, bytes([0, 0, 0, 7]))
        + frames.frame(frames.GOAWAY, 0, 0, bytes(8))
    )
    yield b"\7" + frames.frame(frames.SETTINGS, 0, 0, bytes([0, 3, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0])) + reply
    yield b"\x09" + headers(1, end, *opened, ("grpc-status", "9" * 300), ("grpc-message", "%zz%C3"))


TARGET = Target(check, seeds, runs=4000, native=True, minutes=5)
