"""gRPC's framing against a twin that joins and splits: any messages, cut anywhere."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ext.http2.framing import EXHAUSTED, INTERNAL, UNIMPLEMENTED, Decoder, Encoder, FramingError
from tests.ext_http2.twin import split

MESSAGES = st.lists(st.binary(max_size=300), max_size=8)


def frame(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1))
def test_messages_survive_any_cutting(messages: list[bytes], sizes: list[int]) -> None:
    encoder, decoder = Encoder(), Decoder(1000)
    for message in messages:
        encoder.put(message)
    wire = b"".join(map(frame, messages))
    assert encoder.pending == len(wire)
    sent, turn = b"", 0
    while encoder.pending:
        chunk = encoder.read(sizes[turn % len(sizes)])
        decoder.feed(chunk)
        sent, turn = sent + chunk, turn + 1
    decoder.end()
    assert sent == wire
    assert decoder.held == len(wire)
    assert [decoder.take() for _ in messages] == messages
    assert (decoder.take(), decoder.held, decoder.fault) == (None, 0, 0)


@given(MESSAGES, st.integers(0, 299))
def test_what_came_before_a_fault_is_handed_out(messages: list[bytes], cut: int) -> None:
    decoder = Decoder(300)
    decoder.feed(b"".join(map(frame, messages)) + frame(bytes(300))[: 5 + cut])
    decoder.end()
    assert [decoder.take() for _ in messages] == messages
    with pytest.raises(FramingError) as caught:
        decoder.take()
    assert caught.value.code == INTERNAL


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x01\x00\x00\x00\x00", UNIMPLEMENTED),
        (b"\x00\x00\x00\x00\x0b", EXHAUSTED),
        (b"\x00\xff\xff\xff\xff", EXHAUSTED),
        (b"\x00\x00", INTERNAL),
    ],
)
def test_refusals(wire: bytes, code: int) -> None:
    decoder = Decoder(10)
    for byte in wire:
        decoder.feed(bytes([byte]))
    decoder.end()
    with pytest.raises(FramingError) as caught:
        decoder.take()
    assert caught.value.code == code


def test_nothing_is_kept_after_a_fault() -> None:
    decoder = Decoder(10)
    decoder.feed(b"\x01\x00\x00\x00\x05hello" + frame(b"later"))
    assert decoder.held == 5
    with pytest.raises(FramingError):
        decoder.take()


def test_the_largest_message_is_the_limit() -> None:
    decoder = Decoder(10)
    decoder.feed(frame(bytes(10)))
    assert decoder.take() == bytes(10)


CHUNKS = st.lists(st.one_of(st.binary(max_size=50), st.binary(max_size=120).map(frame)), max_size=20)


@given(CHUNKS, st.booleans())
def test_any_stream_is_read_as_the_twin_reads_it(chunks: list[bytes], late: bool) -> None:
    decoder, found, fault = Decoder(100), list[bytes](), 0
    for chunk in chunks:
        decoder.feed(chunk)
        if not late:
            fault = fault or taken(decoder, found)
    decoder.end()
    fault = fault or taken(decoder, found)
    assert (found, fault) == split(b"".join(chunks), 100)
    assert decoder.fault == fault


def taken(decoder: Decoder, found: list[bytes]) -> int:
    """All whole messages; the status of a fault or 0."""
    try:
        while (message := decoder.take()) is not None:
            found.append(message)
    except FramingError as error:
        return error.code
    return 0
