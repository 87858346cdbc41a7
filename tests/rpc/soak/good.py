"""Clients whose every call must be answered, and rightly: all kinds of calls, each checked against what was sent."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.client import Channel
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.rpc.echo import BOTH, DOWN, HANG, UNARY, UP

LARGEST: Final = 4 << 20
_CALLS_EACH: Final = 300  # on one connection; then the next one


def _message(chance: random.Random, largest: int = 3000) -> BytesValue:
    return BytesValue(value=chance.randbytes(chance.randrange(largest)))


async def _unary(channel: Channel, chance: random.Random) -> None:
    sent = _message(chance)
    wait = [("wait", "1")] if chance.random() < 0.5 else []
    assert await channel.unary(UNARY, sent, BytesValue, wait, timeout=60) == sent


async def _large(channel: Channel, chance: random.Random) -> None:
    sent = _message(chance, LARGEST)
    assert await channel.unary(UNARY, sent, BytesValue, timeout=60) == sent


async def _metadata(channel: Channel, chance: random.Random) -> None:
    pairs: list[tuple[str, str | bytes]] = [("echo-text", "a b~"), ("echo-x-bin", chance.randbytes(40))]
    async with channel.server_stream(DOWN, _message(chance), BytesValue, [*pairs, ("count", "1")], timeout=60) as call:
        assert list(await call.initial()) == pairs
        assert len([message async for message in call]) == 1
        assert list(call.trailing) == [("trail", "end"), ("trail-bin", b"\x00\xff")]


async def _down(channel: Channel, chance: random.Random) -> None:
    sent, count = _message(chance, 30_000), chance.randrange(100)
    got = [m async for m in channel.server_stream(DOWN, sent, BytesValue, [("count", str(count))], timeout=60)]
    assert got == [sent] * count


async def _up(channel: Channel, chance: random.Random) -> None:
    sent = [_message(chance, 20_000) for _ in range(chance.randrange(50))]
    reply = await channel.client_stream(UP, sent, BytesValue, timeout=60)
    assert reply.value == b"".join(message.value for message in sent)


async def _both(channel: Channel, chance: random.Random) -> None:
    async with channel.bidi(BOTH, BytesValue, BytesValue, timeout=60) as call:
        for _ in range(chance.randrange(1, 20)):
            sent = _message(chance)
            assert await call.send(sent)
            assert await anext(call) == sent
        await call.end()
        assert [message async for message in call] == []


async def _error(channel: Channel, chance: random.Random) -> None:
    code = chance.choice([code for code in Code if code is not Code.OK])
    text = "100 % größer 🙂"
    try:
        await channel.unary(
            UNARY, _message(chance), BytesValue, [("code", str(int(code))), ("message-bin", text.encode())]
        )
    except RpcError as error:
        assert (error.code, error.message) == (code, text)
    else:
        raise AssertionError("no error")


async def _deadline(channel: Channel, chance: random.Random) -> None:
    try:
        await channel.unary(HANG, _message(chance), BytesValue, timeout=0.01 + chance.random() / 10)
    except RpcError as error:
        assert error.code is Code.DEADLINE_EXCEEDED, error
    else:
        raise AssertionError("no deadline")


async def _cancel(channel: Channel, chance: random.Random) -> None:
    if chance.random() < 0.5:
        async with channel.server_stream(DOWN, _message(chance, 60_000), BytesValue, [("count", "100000")]) as call:
            for _ in range(chance.randrange(5)):
                await anext(call)
        return
    task = asyncio.create_task(channel.unary(HANG, _message(chance), BytesValue))
    await asyncio.sleep(chance.random() / 100)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def _at_once(channel: Channel, chance: random.Random) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(chance.randrange(2, 32)):
            group.create_task(_unary(channel, chance))


KINDS: Final[list[tuple[int, Callable[[Channel, random.Random], Awaitable[None]]]]] = [
    (40, _unary), (1, _large), (5, _metadata), (5, _down), (5, _up), (5, _both), (5, _error), (2, _deadline),
    (3, _cancel), (3, _at_once),
]  # fmt: skip


async def client(address: str, tls: ClientTLS | None, seed: int, stop: asyncio.Event, done: list[int]) -> None:
    """Call until `stop`; `done[seed]` counts. Raises what is answered wrongly, or not."""
    chance = random.Random(seed)
    weights, kinds = zip(*KINDS, strict=True)
    while not stop.is_set():
        async with Channel(address, tls, timeout=60) as channel:
            for kind in chance.choices(kinds, weights, k=chance.randrange(1, _CALLS_EACH)):
                await kind(channel, chance)
                done[seed] += 1
                await asyncio.sleep(chance.random() / 100)
                if stop.is_set():
                    break
