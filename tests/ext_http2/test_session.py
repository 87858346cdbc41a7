"""The session without a socket: two of ours joined in memory, with everything cut into odd pieces."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext.http2.framing import FramingError
from ext.http2.session import Session, Stream, StreamClosed, live
from tests.ext_http2.pair import HEADERS, Pair

OK = [(b":status", b"200"), (b"content-type", b"application/grpc")]
END = [(b"grpc-status", b"0")]
Field = tuple[bytes, bytes]
CALM = 11  # ENHANCE_YOUR_CALM


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    gc.collect()  # what a test before this one left in cycles must not go in the middle of it
    before = live()
    yield
    if live() != before:
        gc.collect()
    assert live() == before


def drain(stream: Stream) -> list[bytes]:
    out = []
    while (message := stream.take()) is not None:
        out.append(message)
    return out


def test_a_unary_call() -> None:
    pair = Pair()
    call = pair.request(b"/s/M")
    call.end(b"question")
    pair.settle()
    [stream] = pair.seen
    assert (stream.method, stream.path, stream.authority) == (b"POST", b"/s/M", b"host")
    assert (stream.content_type, stream.headers) == (b"application/grpc", [(b"te", b"trailers")])
    assert (stream.take(), stream.take(), stream.ended) == (b"question", None, True)
    stream.finish(OK, [*END, (b"more", b"x")], b"answer")
    pair.settle()
    assert (call.http_status, call.take(), call.ended, call.closed) == (b"200", b"answer", True, True)
    assert call.trailers == [*END, (b"more", b"x")]
    assert (pair.client.active, pair.server.active) == (0, 0)
    pair.close()


@pytest.mark.parametrize("body", [b"", b"\0\0\0\0\3abc", b"\0\0\3\0\0" + bytes(3 << 16)])
@pytest.mark.parametrize("ended", [True, False])
def test_a_body_as_it_is(body: bytes, ended: bool) -> None:
    """What is no message goes without framing or trailers; the client here takes it for framing of its own."""
    pair = Pair()
    call = pair.request(b"/page")
    if ended:
        call.end()
    pair.settle()
    [stream] = pair.seen
    stream.answer([(b":status", b"200"), (b"content-type", b"text/plain")], body)
    assert pair.server.queued == len(body)
    pair.settle()
    assert (call.http_status, call.content_type, call.trailers) == (b"200", b"text/plain", None)
    assert drain(call) == ([body[5:]] if body else [])
    assert (call.closed, call.error, pair.server.queued) == (True, 0, 0)  # also for who had not ended: told to stop
    assert (pair.client.active, pair.server.active) == (0, 0)
    pair.close()


@pytest.mark.parametrize("body", [b"", b"x", b"\0\0\0\0\3abc", bytes(range(256)) * 4096])
def test_http_as_it_is_both_ways(body: bytes) -> None:
    """A request with a method of its own is none of gRPC's: nothing is framed, and what came is given back at once."""
    pair = Pair()
    call = pair.client.request(b"/things", b"host", b"http", [(b"accept", b"text/plain")], b"PUT")
    call.end(body or None)
    pair.settle()
    [stream] = pair.seen
    assert (stream.method, stream.headers) == (b"PUT", [(b"accept", b"text/plain")])
    stream.answer([(b":status", b"200")], body)
    came = b""
    while pair.turn() or not call.ended:
        while (piece := call.take()) is not None:
            came += piece
        assert pair.client.buffered == 0
    assert (came, call.http_status, call.closed, call.error) == (body, b"200", True, 0)
    pair.close()


FIELDS = st.lists(
    st.tuples(st.sampled_from([b"a", b"b-bin", b"ab"]), st.sampled_from([b"", b"1", b"2", b"12"])), max_size=4
)
CALLS = st.lists(st.tuples(st.sampled_from([b"/s/A", b"/s/B", b"/s/AB"]), FIELDS, FIELDS), min_size=2, max_size=6)


@given(CALLS)
def test_what_is_said_again_is_taken_for_what_it_is(calls: list[tuple[bytes, list[Field], list[Field]]]) -> None:
    pair = Pair()
    for path, fields, ends in calls:
        call = pair.client.request(path, b"host", b"http", [HEADERS[0], *fields])
        call.end(b"")
        pair.settle()
        stream = pair.seen.pop()
        assert (stream.path, stream.headers, stream.content_type) == (path, fields, b"application/grpc")
        stream.finish([*OK, *fields], [*END, *ends], b"answer")
        pair.settle()
        assert (call.http_status, call.headers, call.trailers) == (b"200", fields, [*END, *ends])
    pair.close()


def test_an_error_before_any_message_is_one_header_frame() -> None:
    pair = Pair()
    call = pair.request()
    call.end(b"")
    pair.settle()
    pair.seen[0].finish(OK, [(b"grpc-status", b"5")])
    pair.settle()
    assert (call.headers, call.trailers, call.ended) == ([(b"grpc-status", b"5")], None, True)
    pair.close()


def test_an_early_end_asks_the_client_to_stop_without_an_error() -> None:
    pair = Pair()
    call = pair.request()
    call.send(b"one of many")
    pair.settle()
    pair.seen[0].finish(OK, END, b"enough")
    pair.settle()
    assert (call.take(), call.trailers, call.closed, call.error) == (b"enough", END, True, 0)
    with pytest.raises(StreamClosed):
        call.send(b"more")
    pair.close()


def test_a_listener_hears_of_what_came_and_of_the_end() -> None:
    heard = []
    pair = Pair()
    call = pair.request()
    call.send(b"one")
    pair.settle()
    stream = pair.seen[0]
    stream.listener = lambda: heard.append((stream.take(), stream.closed))
    call.send(b"two")
    pair.settle()
    assert heard == [(b"one", False)]
    call.reset()
    pair.settle()
    assert heard[-1] == (b"two", True)
    count = len(heard)
    stream.listener = None
    pair.close()
    assert len(heard) == count


def test_reset_reaches_the_owner_once() -> None:
    closed = []

    class Owner:
        def closed(self) -> None:
            closed.append(1)

    pair = Pair()
    call = pair.request()
    call.end(b"x")
    pair.settle()
    pair.seen[0].owner = Owner()
    waiting = pair.seen[0].wait()
    call.reset()
    assert call.closed
    pair.settle()
    assert (closed, waiting.done(), pair.seen[0].closed, pair.seen[0].error) == ([1], True, True, 8)
    pair.close()
    assert closed == [1]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 70_000)), min_size=1, max_size=20),
    st.lists(st.integers(1, 3000), min_size=1, max_size=5),
)
def test_streams_interleave_without_mixing(sends: list[tuple[int, int]], pieces: list[int]) -> None:
    pair = Pair()
    calls = [pair.request(b"/s/%d" % number) for number in range(4)]
    expected: list[list[bytes]] = [[] for _ in calls]
    for turn, (number, size) in enumerate(sends):
        expected[number].append(b"%d" % turn * (size // 2))
        calls[number].send(expected[number][-1])
    for call in calls:
        call.end()
    wire, turn = pair.client.send(), 0
    got: dict[bytes, list[bytes]] = {}
    while wire:
        size = pieces[turn % len(pieces)]
        pair.server.receive(wire[:size])
        wire, turn = wire[size:], turn + 1
        if not wire:
            for stream in pair.seen:
                assert stream.path is not None
                got.setdefault(stream.path, []).extend(drain(stream))
            pair.client.receive(pair.server.send())
            wire = pair.client.send()
    assert got == {b"/s/%d" % number: messages for number, messages in enumerate(expected)}
    assert all(stream.ended for stream in pair.seen)
    assert pair.server.buffered == 0
    pair.close()


def test_untaken_messages_hold_the_sender_to_the_window() -> None:
    pair = Pair()
    call = pair.request()
    for _ in range(400):
        call.send(bytes(16384))
    pair.settle()
    held = pair.server.buffered
    assert 2 << 20 <= held <= (2 << 20) + 65536
    other = pair.request()
    other.end(b"not held up")
    pair.settle()
    assert pair.seen[1].take() == b"not held up"
    got = 0
    while (more := len(drain(pair.seen[0]))) > 0:
        got += more
        pair.settle()
    assert got == 400
    pair.close()


def test_a_message_may_be_larger_than_the_window() -> None:
    pair = Pair()
    call = pair.request()
    call.end(bytes(20 << 20))
    pair.settle()
    message = pair.seen[0].take()
    assert message is not None
    assert len(message) == 20 << 20
    pair.close()


def test_output_comes_in_pieces_however_large_the_window() -> None:
    pair = Pair()
    pair.settle()
    pair.request().end(bytes(2_000_000))
    sizes = []
    while piece := pair.client.send(65536):
        sizes.append(len(piece))
        pair.server.receive(piece)
    assert max(sizes) <= 65536 + 16384 + 9
    assert len(pair.seen[0].take() or b"") == 2_000_000
    pair.close()


def test_a_stream_reset_in_the_middle_of_a_piece() -> None:
    for local in (True, False):
        pair = Pair()
        pair.settle()
        call, other = pair.request(), pair.request()
        call.end(bytes(500_000))
        pair.server.receive(pair.client.send(65536))
        (call if local else pair.seen[0]).reset()
        other.end(b"still here")
        while pair.turn(65536):
            pass
        assert call.closed
        assert pair.seen[-1].take() == b"still here"
        pair.close()


def test_too_many_headers_reset_the_stream_alone() -> None:
    pair = Pair(headers=4096)
    many = [*HEADERS, *((b"k%d" % n, bytes([97]) * 100) for n in range(60))]
    bad = pair.client.request(b"/a/B", b"host", b"http", many)
    bad.end(b"")
    good = pair.request()
    good.end(b"still here")
    pair.settle()
    assert (bad.closed, bad.error) == (True, CALM)
    assert [stream.take() for stream in pair.seen] == [b"still here"]
    pair.close()


def test_streams_beyond_the_limit_wait() -> None:
    pair = Pair(streams=2)
    pair.settle()
    calls = [pair.request() for _ in range(3)]
    for call in calls:
        call.end(b"x")
    pair.settle()
    assert len(pair.seen) == 2
    pair.seen[0].finish(OK, END, b"")
    pair.settle()
    assert len(pair.seen) == 3
    pair.close()


def test_a_waiting_stream_can_be_reset() -> None:
    pair = Pair(streams=1)
    pair.settle()
    calls = [pair.request() for _ in range(3)]
    for call in calls:
        call.end(b"x")
    pair.settle()
    calls[1].reset()
    assert calls[1].closed
    pair.seen[0].finish(OK, END, b"")
    pair.settle()
    assert [stream.id for stream in pair.seen] == [calls[0].id, calls[2].id]
    assert pair.client.active == 1
    pair.close()


def test_drain_refuses_new_streams_and_lets_old_ones_end() -> None:
    pair = Pair()
    call = pair.request()
    call.end(b"x")
    pair.settle()
    pair.server.drain()
    pair.settle()
    assert not pair.client.usable
    with pytest.raises(StreamClosed):
        pair.request()
    pair.seen[0].finish(OK, END, b"done")
    pair.settle()
    assert (call.take(), call.trailers) == (b"done", END)
    assert not pair.server.receive(b"")
    pair.close()


def test_a_stream_that_crosses_the_first_goaway_is_served() -> None:
    pair = Pair()
    pair.settle()
    pair.server.drain()
    notice = pair.server.send()
    pair.request().end(b"x")
    there = pair.client.send()
    pair.client.receive(notice)
    pair.server.receive(there)
    pair.settle()
    assert [stream.take() for stream in pair.seen] == [b"x"]
    pair.close()


def test_a_flood_of_resets_ends_the_session() -> None:
    pair = Pair()
    pair.settle()
    alive = True
    for _ in range(1100):
        call = pair.request()
        call.send(b"x")
        pair.server.receive(pair.client.send())
        call.reset()
        alive = pair.server.receive(pair.client.send())
        pair.client.receive(pair.server.send())
        if not alive or not pair.client.usable:
            break
    assert not pair.client.usable
    pair.close()


def test_a_flood_of_pings_is_cut_off() -> None:
    pair = Pair()
    pair.settle()
    ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + bytes(8)
    assert pair.server.receive(ping * 900)
    assert len(pair.server.send()) == 900 * len(ping)  # answered, every one
    assert not pair.server.receive(ping * 2000)  # unread answers do not pile up
    assert "flood" in pair.server.reason.lower()
    pair.close()


@settings(max_examples=300)
@given(st.data())
def test_damaged_bytes_never_break_the_server(data: st.DataObject) -> None:
    pair = Pair()
    for number in range(3):
        pair.request(b"/s/%d" % number).end(bytes(number * 100))
    wire = bytearray(pair.client.send())
    for _ in range(data.draw(st.integers(0, 6))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(wire)))
    for piece in (bytes(wire[:cut]), bytes(wire[cut:])):
        if pair.server.receive(piece):
            pair.server.send()
    for stream in pair.seen:
        try:
            drain(stream)
        except FramingError:
            continue
        stream.finish(OK, END, b"")
    pair.server.send()
    pair.close()


@given(st.binary(max_size=2000))
def test_noise_is_refused(noise: bytes) -> None:
    server = Session(True)
    server.begin()
    server.receive(b"X" + noise)
    assert not server.receive(b"")
    server.close()


def test_use_after_the_end_is_an_error_and_nothing_more() -> None:
    pair = Pair()
    call = pair.request()
    pair.settle()
    pair.close()
    assert (call.closed, pair.seen[0].closed, pair.client.send(), pair.client.receive(b"x")) == (True, True, b"", False)
    pair.seen[0].finish(OK, END)
    call.reset()
    for act in (lambda: call.send(b""), lambda: pair.seen[0].start(OK), pair.request):
        with pytest.raises(StreamClosed):
            act()


def test_headers_that_http_cannot_carry_raise() -> None:
    pair = Pair()
    with pytest.raises(TypeError):
        pair.client.request(b"/a/B", b"host", b"http", [("text", "x")])  # type: ignore[list-item]  # the mistake
    pair.close()
