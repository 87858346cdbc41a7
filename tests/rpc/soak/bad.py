"""Peers that a server must bear: they break off anywhere, do not read, dribble, flood, and speak nonsense."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.ext_http2.test_fuzz import damage, recording
from tests.fuzz import frames
from tests.fuzz.frames import frame, message
from tests.rpc.echo import BOTH, DOWN, HANG
from tests.rpc.raw import Rude, block, opened, rude, said
from tests.rpc.test_floods import FLOODS

LONGEST: Final = 15.0  # seconds that one of them stays: longer than the server's patience
HELLO: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@dataclass(frozen=True)
class Places:
    """Where the server is, and TLS with a certificate that it takes and with one that it does not."""

    local: str
    front: str
    good: ssl.SSLContext
    foreign: ssl.SSLContext


async def _leave(peer: Rude, chance: random.Random) -> None:
    """In the middle of anything."""
    wire = b"".join(opened(n, chance.choice([DOWN, BOTH, HANG])) + said(n, b"x" * 100) for n in range(1, 40, 2))
    await peer.write(wire[: chance.randrange(len(wire))])
    if chance.random() < 0.5:
        await peer.read()


async def _damaged(peer: Rude, chance: random.Random) -> None:
    await peer.write(damage(chance, recording(chance))[len(frames.PREFACE) :])
    async with asyncio.timeout(1):
        await peer.rest()


async def _flood(peer: Rude, chance: random.Random) -> None:
    flood = FLOODS[chance.choice(list(FLOODS))]()
    await peer.write(*[flood] * 10)
    await peer.rest()


async def _nonsense(peer: Rude, chance: random.Random) -> None:
    """Frames in order, and what is in them not: methods, protobuf, compression, lengths."""
    for number in range(1, 60, 2):
        body = message(chance.randbytes(chance.randrange(200)))
        body = chance.choice([body, b"\1" + body[1:], b"\0\xff\xff\xff\xff", body[:-1], b""])
        await peer.write(
            opened(number, chance.choice(["/", "/test.Echo/Unary", DOWN, BOTH, "/test.Echo/Up", "\x7f"])),
            frame(frames.DATA, chance.choice([0, frames.END_STREAM]), number, body),
        )
    async with asyncio.timeout(1):
        await peer.rest()


async def _slow_headers(peer: Rude, chance: random.Random) -> None:
    await peer.write(frame(frames.HEADERS, 0, 1, block()[:5]))
    await peer.rest()


async def _slow_message(peer: Rude, chance: random.Random) -> None:
    await peer.write(opened(1), frame(frames.DATA, 0, 1, b"\0\0\1\0\0"))
    while not peer.resets:
        await peer.write(frame(frames.DATA, 0, 1, b"\0" * 8))
        await asyncio.sleep(0.1)


async def _slow_reader(peer: Rude, chance: random.Random) -> None:
    """Asks for much and reads nothing, or opens no window."""
    if chance.random() < 0.5:
        await peer.write(frame(frames.SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
    for number in range(1, 2 * chance.randrange(2, 60), 2):
        await peer.write(opened(number, DOWN, 4, ("count", "100000")), said(number, b"x" * 120))
    await asyncio.sleep(chance.random() * LONGEST)


SPOKEN: Final[list[Callable[[Rude, random.Random], Awaitable[None]]]] = [
    _leave, _leave, _leave, _damaged, _damaged, _flood, _flood, _nonsense, _slow_headers, _slow_message, _slow_reader,
]  # fmt: skip


async def _without_words(places: Places, chance: random.Random) -> None:
    """TCP alone: nothing, noise, or a hello that is never finished; for a moment or until the server has enough."""
    said = chance.choice([b"", chance.randbytes(chance.randrange(1, 3000)), HELLO, HELLO + chance.randbytes(507)])
    async with rude(places.front, opening=said) as peer:
        if chance.random() < 0.3:
            await peer.rest()


async def _foreign(places: Places, chance: random.Random) -> None:
    async with rude(places.front, places.foreign) as peer:
        await peer.rest()


async def peer(places: Places, seed: int, done: list[int]) -> None:
    """One after the other until cancelled; none stays longer than LONGEST."""
    chance = random.Random(f"bad {seed}")
    while True:
        try:
            async with asyncio.timeout(LONGEST):
                await _one(places, chance)
        except (TimeoutError, OSError, ssl.SSLError):
            pass  # the server is expected to hang up; that it stands is what good clients see
        done[seed] += 1
        await asyncio.sleep(chance.random() / 20)


async def _one(places: Places, chance: random.Random) -> None:
    draw = chance.random()
    if draw < 0.15:
        await _without_words(places, chance)
    elif draw < 0.2:
        await _foreign(places, chance)
    else:
        where = (places.local, None) if draw < 0.6 else (places.front, places.good)
        async with rude(*where) as connection:
            await chance.choice(SPOKEN)(connection, chance)
