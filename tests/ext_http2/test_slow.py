"""Peers that go on too slowly, without a clock: `review` is asked by hand, as a connection asks it every `patience`."""

import pytest

from ext.http2.session import Stream, StreamClosed
from tests.ext_http2.pair import Pair
from tests.fuzz import frames
from tests.fuzz.frames import frame
from tests.rpc.raw import block

OK = [(b":status", b"200"), (b"content-type", b"application/grpc")]
END = [(b"grpc-status", b"0")]
CALM = 11
STEP = 65536  # of a message, in the time between two reviews
PREFIX = b"\0\0\x20\0\0"


def begun(pair: Pair) -> Stream:
    """A call at the server, without a message so far."""
    pair.server.receive(frames.OPENING)
    pair.server.send()
    pair.server.receive(frame(frames.SETTINGS, 1, 0) + frame(frames.HEADERS, frames.END_HEADERS, 1, block()))
    return pair.seen[0]


def test_a_call_without_messages_may_stay() -> None:
    pair = Pair()
    stream = begun(pair)
    assert [pair.server.review() for _ in range(5)] == [False] * 5
    assert not stream.closed
    pair.close()


def test_a_message_that_is_due_must_come() -> None:
    pair = Pair()
    stream = begun(pair)
    stream.due = True
    assert pair.server.review()
    assert not stream.closed
    pair.server.review()
    assert (stream.closed, stream.error) == (True, CALM)
    assert frame(frames.RST_STREAM, 0, 1, CALM.to_bytes(4, "big")) in pair.server.send()
    pair.close()


@pytest.mark.parametrize(("piece", "closed"), [(STEP, False), (STEP - 1, True)])
def test_a_message_that_has_begun_must_go_on(piece: int, closed: bool) -> None:
    pair = Pair()
    stream = begun(pair)
    pair.server.receive(frame(frames.DATA, 0, 1, PREFIX))
    for _ in range(5):
        pair.server.review()
        data = bytes(piece)
        while data and pair.server.alive:
            pair.server.receive(frame(frames.DATA, 0, 1, data[:16384]))
            pair.server.send()
            data = data[16384:]
    assert stream.closed == closed
    pair.close()


def test_small_messages_one_after_the_other_are_not_slow() -> None:
    """At each review there is the beginning of one: never of the same."""
    pair = Pair()
    stream = begun(pair)
    pair.server.receive(frame(frames.DATA, 0, 1, b"\0\0\0\0\1"))
    for _ in range(5):
        assert pair.server.review()
        pair.server.receive(frame(frames.DATA, 0, 1, b"x\0\0\0\0\1"))
        assert stream.take() == b"x"
    assert not stream.closed
    pair.close()


def test_a_peer_is_not_slow_while_its_handler_is() -> None:
    """The window may be closed: what is taken of the first message opens it for the second."""
    pair = Pair()
    stream = begun(pair)
    pair.server.receive(frame(frames.DATA, 0, 1, b"\0\0\0\0\1x" + PREFIX))
    for _ in range(5):
        pair.server.review()
    assert not stream.closed
    assert stream.take() == b"x"
    for _ in range(2):
        pair.server.review()
    assert stream.error == CALM
    pair.close()


def test_headers_that_do_not_end_are_the_end() -> None:
    pair = Pair()
    pair.server.receive(frames.OPENING + frame(frames.HEADERS, 0, 1, block()))
    pair.server.send()
    assert pair.server.review()
    assert not pair.server.review()
    assert (pair.server.alive, pair.server.reason) == (False, "headers took too long")
    assert pair.server.send() == frame(frames.GOAWAY, 0, 0, bytes([0, 0, 0, 1, 0, 0, 0, CALM]))
    pair.close()


def unread(pair: Pair) -> Stream:
    """A reply that is complete, for whose second half there is no window."""
    stream = begun(pair)
    stream.finish(OK, END, bytes(100_000))
    pair.server.send()
    return stream


def test_a_reply_that_nobody_reads_is_dropped() -> None:
    pair = Pair(patience=10.0, idle=30.0)
    stream = unread(pair)
    assert [pair.server.review() for _ in range(3)] == [True] * 3  # the first sees that bytes went
    assert not stream.closed
    assert not pair.server.review()
    assert (stream.closed, pair.server.queued) == (True, 0)
    pair.close()


def test_a_reply_that_is_read_slowly_is_not() -> None:
    pair = Pair(patience=10.0, idle=30.0)
    stream = unread(pair)
    for _ in range(20):
        assert pair.server.review()
        for of in (0, 1):
            pair.server.receive(frame(frames.WINDOW_UPDATE, 0, of, b"\0\0\0\1"))
        pair.server.send()
    assert not stream.closed
    pair.close()


def test_a_stream_that_goes_on_may_be_paused() -> None:
    """As by a pager."""
    pair = Pair(patience=10.0, idle=30.0)
    stream = begun(pair)
    stream.start(OK)
    stream.send(bytes(100_000))
    pair.server.send()
    assert all(pair.server.review() for _ in range(20))
    assert not stream.closed
    pair.close()


def test_output_that_nobody_reads_is_bounded() -> None:
    """Who holds most unread gives way; who reads what it asked for does not."""
    pair = Pair(output=1 << 20)
    calls = [pair.request(b"/s/%d" % number) for number in range(20)]
    for call in calls:
        call.end(b"")
    pair.settle()
    for stream in pair.seen[:-1]:
        stream.finish(OK, END, bytes(200_000))
        assert pair.server.queued <= 1 << 20
    pair.seen[-1].finish(OK, END, bytes(400_000))
    assert [stream.closed for stream in pair.seen].count(False) == 4  # three of 200 000, and the last
    assert not pair.seen[-1].closed
    pair.settle()
    assert calls[-1].take() == bytes(400_000)
    assert (pair.server.queued, sum(call.error == CALM for call in calls)) == (0, 16)
    pair.close()


def test_a_full_connection_makes_every_stream_wait() -> None:
    pair = Pair(output=100_000)
    streams = []
    for number in range(3):
        call = pair.request(b"/s/%d" % number)
        call.end(b"")
        streams.append(call)
    pair.settle()
    for stream in pair.seen:
        stream.start(OK)
    assert pair.seen[0].send(bytes(40_000)) is None
    assert pair.seen[1].send(bytes(20_000)) is not None
    waiting = pair.seen[2].send(b"little")
    assert waiting is not None
    pair.settle()
    assert waiting.done()
    assert pair.seen[2].send(b"little") is None
    pair.close()


def test_a_message_too_much_for_its_own_stream() -> None:
    pair = Pair(output=100_000)
    stream = begun(pair)
    stream.start(OK)
    stream.send(bytes(90_000))
    with pytest.raises(StreamClosed):
        stream.send(bytes(20_000))
    assert (stream.closed, stream.error, pair.server.queued) == (True, CALM, 0)
    pair.close()


def test_an_announced_size_reserves_nothing() -> None:
    """Memory follows what came."""
    before = resident()
    pairs = [Pair() for _ in range(8)]
    for pair in pairs:
        begun(pair)
        for number in range(3, 100, 2):
            pair.server.receive(
                frame(frames.HEADERS, frames.END_HEADERS, number, block())
                + frame(frames.DATA, 0, number, b"\0\1\xff\xff\xff" + b"x")
            )
    assert resident() - before < 1 << 30  # 12 GiB were announced
    for pair in pairs:
        pair.close()


def resident() -> int:
    """Bytes of address space."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * 4096
