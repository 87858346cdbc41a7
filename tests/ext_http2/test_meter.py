"""What a peer's frames cost: the meter against its slow twin, whatever the frames and wherever the bytes are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ext.http2.session import EXCESS
from tests.ext_http2.pair import Pair
from tests.fuzz import frames
from tests.fuzz.frames import frame
from tests.rpc.raw import block

NOISE, RESETS, WORTH = 20, 5, 3
IDLE = {
    "ping": frame(frames.PING, 0, 0, bytes(8)),
    "pong": frame(frames.PING, 1, 0, bytes(8)),
    "settings": frame(frames.SETTINGS, 0, 0),
    "window": frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
    "unknown": frame(0xBE, 7, 3, b"some"),
    "empty": frame(frames.DATA, 0, 1),
    "byte": frame(frames.DATA, 0, 1, b"\0"),
}
KINDS = [*IDLE, "message", "call", "reset"]


def wire(kinds: list[str]) -> bytes:
    """A client's bytes: one call that stays open, then these; a reset takes back the call before it."""
    out, last = frames.OPENING + frame(frames.HEADERS, frames.END_HEADERS, 1, block()), 1
    for kind in kinds:
        if kind == "call":
            last += 2
            out += frame(frames.HEADERS, frames.END_HEADERS, last, block())
        elif kind == "reset":
            out += frame(frames.RST_STREAM, 0, last, bytes([0, 0, 0, 8])) if last > 1 else b""
        else:
            out += IDLE.get(kind, frame(frames.DATA, 0, 1, bytes(100)))
    return out


def twin(kinds: list[str]) -> str:
    """Why such a client must go, or nothing."""
    noise, resets, open_ = 0, 0, 0
    for kind in kinds:
        if kind in IDLE:
            noise += 1
        elif kind == "reset":
            resets += open_ > 0
        else:
            noise = max(0, noise - WORTH)
            open_ += kind == "call"
        if noise > NOISE or resets > RESETS:
            return EXCESS[3] if noise > NOISE else EXCESS[1]
    return ""


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(KINDS), max_size=80) | st.lists(st.sampled_from([*IDLE, "message"]), max_size=80),
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_frames_are_counted_wherever_they_are_cut(kinds: list[str], pieces: list[int]) -> None:
    pair = Pair(noise=NOISE, noise_rate=0, resets=RESETS, resets_rate=0)
    pair.server.on_request = None
    left, turn, alive = wire(kinds), 0, True
    while left and alive:
        size = pieces[turn % len(pieces)]
        alive = pair.server.receive(left[:size])
        pair.server.send()
        left, turn = left[size:], turn + 1
    assert pair.server.reason == twin(kinds)
    assert alive == (not twin(kinds))
    pair.close()


def test_what_is_sent_pays_too() -> None:
    """A client that reads much has windows to update."""
    pair = Pair(noise=10, noise_rate=0)
    call = pair.request()
    call.end(b"")
    pair.settle()
    stream = pair.seen[0]
    stream.start([(b":status", b"200"), (b"content-type", b"application/grpc")])
    for _ in range(50):
        stream.send(b"line")
        pair.settle()
        assert pair.server.receive(IDLE["window"] * 3)
    assert not pair.server.receive(IDLE["window"] * 20)
    assert pair.server.send()[3:5] == bytes([frames.GOAWAY, 0])
    pair.close()


def test_time_forgives() -> None:
    pair = Pair(noise=10, noise_rate=10**9)
    pair.settle()
    for _ in range(100):
        assert pair.server.receive(IDLE["ping"] * 10)
        pair.server.send()
    pair.close()


def test_a_client_bears_a_server_that_resets() -> None:
    pair = Pair(resets=10**6)
    pair.settle()
    for number in range(1500):
        call = pair.request()
        pair.settle()
        pair.seen[number].reset()
        pair.settle()
        assert call.closed
    assert pair.client.usable
    pair.close()
