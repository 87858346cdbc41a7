"""Long runs of damaged and of shuffled bytes against a session; what breaks becomes a test of its own."""

import random

import pytest

from ext.http2.framing import FramingError
from ext.http2.session import live
from tests.ext_http2.pair import Pair

OK = [(b":status", b"200"), (b"content-type", b"application/grpc")]


def recording(rng: random.Random) -> bytes:
    """What a client sends over a few calls."""
    pair, wire = Pair(), b""
    for _ in range(rng.randint(1, 5)):
        call = pair.request(b"/s/%d" % rng.randint(0, 9))
        for _ in range(rng.randint(0, 3)):
            call.send(rng.randbytes(rng.randint(0, 3000)))
        if rng.random() < 0.7:
            call.end()
        elif rng.random() < 0.5:
            call.reset()
        sent = pair.client.send()
        wire += sent
        pair.server.receive(sent)
        pair.client.receive(pair.server.send())
    pair.close()
    return wire


def damage(rng: random.Random, wire: bytes) -> bytes:
    """Bits flipped, pieces cut, doubled or moved behind the preface."""
    data = bytearray(wire)
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(24, len(data))
        size = rng.randint(1, 40)
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and len(data) - size > 30:
            del data[at : at + size]
        elif kind == 2:
            data[at:at] = data[at : at + size]
        else:
            data[at:at] = rng.randbytes(size)
    return bytes(data)


def play(rng: random.Random, wire: bytes) -> None:
    """Feed a server in pieces, with a handler that reads and answers as it likes."""
    pair = Pair()
    while wire:
        size = rng.randint(1, 2000)
        alive = pair.server.receive(wire[:size])
        wire = wire[size:]
        for stream in pair.seen:
            try:
                while rng.random() < 0.8 and stream.take() is not None:
                    pass
            except FramingError:
                stream.reset()
            if rng.random() < 0.2:
                stream.finish(OK, [(b"grpc-status", b"0")], b"answer")
        pair.server.send()
        if not alive:
            break
    pair.close()


@pytest.mark.parametrize(
    "rounds", [pytest.param(300, id="short"), pytest.param(300_000, id="long", marks=pytest.mark.slow)]
)
def test_damaged_recordings(rounds: int) -> None:
    before = live()
    for seed in range(rounds):
        rng = random.Random(seed)
        play(rng, damage(rng, recording(rng)))
    assert live() == before
