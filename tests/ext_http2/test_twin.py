"""Our sessions and the h2 package's, joined in memory: any calls, cut anywhere, say the same at both ends."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from ext.http2.session import Session, Stream
from tests.ext_http2.pair import HEADERS, LOOP
from tests.ext_http2.twin import Peer, framed, split

NAMES = st.from_regex(rb"x-[a-z0-9_.-]{1,20}", fullmatch=True)
VALUES = st.from_regex(rb"(?:[!-~](?:[ -~]{0,60}[!-~])?)?", fullmatch=True)
EXTRA = st.lists(st.tuples(NAMES, VALUES), max_size=6)
MESSAGES = st.lists(st.binary(max_size=300) | st.integers(0, 70_000).map(bytes), max_size=4)
PIECES = st.lists(st.sampled_from([1, 9, 100, 5000, 100_000]), min_size=1, max_size=4)
OK = [(b":status", b"200"), (b"content-type", b"application/grpc")]


def carry(ours: Session, peer: Peer, pieces: list[int]) -> Iterator[None]:
    """Bytes both ways until both are silent, in pieces; a turn for the owner of the streams after each of them."""
    turn = 0
    while wires := [pair for pair in ((ours.send(), peer.receive), (peer.send(), ours.receive)) if pair[0]]:
        for wire, take in wires:
            while wire:
                size = pieces[turn % len(pieces)] if len(wire) < 20_000 else 20_000
                take(wire[:size])
                wire, turn = wire[size:], turn + 1
                yield


def taken(stream: Stream, kept: list[bytes]) -> None:
    while (message := stream.take()) is not None:
        kept.append(message)


@settings(max_examples=60)
@given(st.lists(st.tuples(EXTRA, MESSAGES), min_size=1, max_size=5), PIECES)
def test_what_a_foreign_client_says_is_heard_and_answered(
    calls: list[tuple[list[tuple[bytes, bytes]], list[bytes]]], pieces: list[int]
) -> None:
    ours, peer = Session(True, loop=LOOP), Peer(client=True)
    heard: dict[int, list[bytes]] = {}
    seen: dict[int, Stream] = {}

    def request(stream: Stream) -> None:
        seen[stream.id], heard[stream.id] = stream, []

    ours.on_request = request
    ours.begin()
    said = {}
    for extra, messages in calls:
        head = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a/B"), (b":authority", b"host")]
        said[peer.request([*head, *HEADERS, *extra], framed(*messages))] = (extra, messages)
    answered = set()
    for _ in carry(ours, peer, pieces):
        for number, stream in seen.items():
            taken(stream, heard[number])
            if stream.ended and number not in answered:
                answered.add(number)
                if heard[number]:
                    stream.start(OK)
                for message in heard[number]:
                    stream.send(message)
                stream.finish(OK, [(b"grpc-status", b"0"), *said[number][0]])
    assert heard == {number: messages for number, (_, messages) in said.items()}
    for number, (extra, messages) in said.items():
        assert seen[number].headers == [(b"te", b"trailers"), *extra]
        assert split(peer.data[number], 1 << 20) == (messages, 0)
        end = [(b"grpc-status", b"0"), *extra]
        assert peer.trailers.get(number) == (end if messages else None)
        assert peer.headers[number] == (OK if messages else [*OK, *end])
    assert peer.ended == set(said)
    assert (ours.active, ours.buffered) == (0, 0)
    ours.close()


@settings(max_examples=60)
@given(st.lists(st.tuples(EXTRA, MESSAGES), min_size=1, max_size=5), PIECES)
def test_what_a_foreign_server_answers_is_heard(
    calls: list[tuple[list[tuple[bytes, bytes]], list[bytes]]], pieces: list[int]
) -> None:
    ours, peer = Session(False, loop=LOOP), Peer(client=False)
    ours.begin()
    open_calls: list[tuple[Stream, list[bytes]]] = []
    for extra, messages in calls:
        stream = ours.request(b"/a/B", b"host", b"http", [*HEADERS, *extra])
        for message in messages:
            stream.send(message)
        stream.end()
        open_calls.append((stream, []))
    answered = set[int]()
    for _ in carry(ours, peer, pieces):
        for stream, kept in open_calls:
            taken(stream, kept)
        for number in peer.ended - answered:
            answered.add(number)
            extra = calls[number // 2][0]
            peer.answer(number, [*OK, *extra], peer.data[number], [(b"grpc-status", b"0"), *extra])
    for (stream, kept), (extra, messages) in zip(open_calls, calls, strict=True):
        assert peer.headers[stream.id][4:] == [*HEADERS, *extra]
        assert split(peer.data[stream.id], 1 << 20) == (messages, 0)
        assert (kept, stream.http_status, stream.headers) == (messages, b"200", extra)
        assert (stream.trailers, stream.closed, stream.error) == ([(b"grpc-status", b"0"), *extra], True, 0)
    assert (ours.active, ours.buffered) == (0, 0)
    ours.close()
