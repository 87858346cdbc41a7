"""gRPC's messages in a byte stream: however it is cut, the same messages come out, and the same complaint. Input: the
message limit and the cuts (2 bytes), the stream."""

import random
from collections.abc import Iterator

from ext.http2.framing import Decoder, Encoder, FramingError
from tests.ext_http2.twin import framed, split
from tests.fuzz.target import Target


def check(data: bytes) -> None:
    limit, cuts, stream = (data[0] if data else 0) * 8, random.Random(data[1] if data[1:] else 0), data[2:]
    messages, fault = split(stream, limit)
    decoder, taken, said = Decoder(limit), list[bytes](), 0
    while stream:
        size = cuts.choice((1, 2, 5, 6, 100, 4096))
        decoder.feed(stream[:size])
        stream = stream[size:]
        if cuts.random() < 0.5:
            said = said or _take(decoder, taken)
    decoder.end()
    said = said or _take(decoder, taken)
    assert (taken, said) == (messages, fault)
    assert said or decoder.held == 0
    _encoded(messages, cuts)


def _take(decoder: Decoder, taken: list[bytes]) -> int:
    try:
        while (message := decoder.take()) is not None:
            taken.append(message)
    except FramingError as error:
        assert str(error)
        return error.code
    return 0


def _encoded(messages: list[bytes], cuts: random.Random) -> None:
    encoder, out = Encoder(), b""
    for message in messages:
        encoder.put(message)
        if cuts.random() < 0.5:
            out += encoder.read(cuts.randrange(20))
    out += encoder.read(1 << 20)
    assert out == framed(*messages) and encoder.pending == 0


def seeds() -> Iterator[bytes]:
    yield b"\xff\0" + framed(b"", b"abc", b"x" * 300)
    yield b"\x02\1" + framed(b"abc", b"x" * 300)
    yield b"\xff\2" + framed(b"abc") + b"\1\0\0\0\1x"
    yield b"\xff\3" + framed(b"abcdef")[:-2]
    yield b"\xff\4" + framed(b"a", b"") + b"\0\0"


TARGET = Target(check, seeds, runs=10_000, native=True, minutes=5)
