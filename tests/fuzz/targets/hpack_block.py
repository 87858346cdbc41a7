"""Header blocks of requests. The same block twice on one connection, once in one frame and once cut into CONTINUATIONs:
a server must see the same call, of fields that the hpack package reads in it too. Input: cuts (1 byte), the block."""

import random
from collections.abc import Iterator

import hpack

from ext.http2.session import Stream
from tests.ext_http2.pair import Pair
from tests.fuzz import frames
from tests.fuzz.target import Target
from tests.fuzz.targets.http2_server import block


def check(data: bytes) -> None:
    content, chance = data[1:], random.Random(data[0] if data else 0)
    whole = _seen(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1, content))
    cut = chance.randrange(len(content) + 1)
    then = frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, content[cut:])
    assert _seen(frames.frame(frames.HEADERS, frames.END_STREAM, 1, content[:cut]) + then) == whole
    for fields in whole:
        assert set(fields) <= set(_oracle(content)), "fields that nobody sent"


def _seen(wire: bytes) -> list[list[tuple[bytes, bytes]]]:
    """The headers of the calls that a server is told of."""
    pair = Pair()
    pair.server.receive(frames.OPENING + wire)
    found = [_fields(stream) for stream in pair.seen]
    pair.close()
    return found


def _fields(stream: Stream) -> list[tuple[bytes, bytes]]:
    named = (
        *((b":method", stream.method), (b":path", stream.path), (b":authority", stream.authority)),
        *((b"content-type", stream.content_type), (b"grpc-timeout", stream.timeout)),
    )
    return [(name, value) for name, value in named if value is not None] + stream.headers


def _oracle(content: bytes) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in hpack.Decoder().decode(content, raw=True)]


def seeds() -> Iterator[bytes]:
    for number, more in enumerate(((), (("a", "b"), ("key-bin", "AAEC")), (("grpc-timeout", "1H"),))):
        yield bytes([number]) + block(hpack.Encoder(), *more)
    plain = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/x"), (b":authority", b"y"), (b"z", b"w" * 200)]
    yield b"\7" + hpack.Encoder().encode(plain, huffman=False)


TARGET = Target(check, seeds, runs=6000, native=True, minutes=5)
