"""One call asked of several nodes: their answers in the envelope, each as it comes; those of a unary call in one reply.

A node that fails is an answer as well, so the call itself ends well. Nobody waits for the dead: a node that is not
connected has a few seconds, one whose last dialling failed has none, and a unary call gives up on the slow, by a bound
of ours where its caller has no deadline, else early enough for the others' answers to arrive. A slow reader slows the
nodes down; nothing piles up here.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from typing import Final

from core.base.errors import IchorError, Invalid
from core.node.api.roles import READER, allowed
from core.node.front import envelope
from core.node.front.peers import Limits, Peer
from core.node.front.routing import is_stream
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.metadata import Pairs
from core.rpc.status import Code, RpcError, from_error

_SPARE: Final = 0.1  # of the time that a unary call has, for its reply to travel; at most a second


@dataclass(frozen=True, slots=True)
class Leg:
    """One node of the call: what the caller named it, and its channel for as long as it is held."""

    node: str
    held: AbstractContextManager[Channel]


async def fan_out(
    ctx: Context, requests: AsyncIterator[bytes], legs: Sequence[Leg], pairs: Pairs, limits: Limits
) -> AsyncGenerator[bytes, None]:
    """The answers. Raises Invalid for many requests to many nodes: nobody uploads to all at the slowest pace."""
    ask = _Ask(ctx, list(pairs), limits)
    if len(legs) == 1:
        answers = [ask.answers(legs[0], requests)]
    else:
        request = await _single(requests)
        answers = [ask.answers(leg, _repeated(request)) for leg in legs]
    if not ask.streaming:
        yield await _joined(answers)
        return
    async with aclosing(_interleaved(answers)) as messages:
        async for message in messages:
            yield message


class _Ask:
    """What every node is asked, and until when."""

    def __init__(self, ctx: Context, pairs: Pairs, limits: Limits) -> None:
        self.streaming = is_stream(ctx.method)
        self._method, self._pairs = ctx.method, pairs
        self._deadline = ctx.deadline
        if self.streaming:
            return
        if ctx.deadline is not None:
            self._deadline = ctx.deadline - min(1.0, max(0.0, ctx.deadline - _now()) * _SPARE)
        else:
            self._deadline = _now() + (limits.question if allowed(ctx.method, (READER,)) else limits.order)

    async def answers(self, leg: Leg, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """What one node says, in the envelope; a failure is the last of it."""
        try:
            with leg.held as channel:
                await self._reach(leg.node, channel)
                async with channel.raw(self._method, self._pairs, self._left()) as call:
                    async for request in requests:
                        if not await call.send(request):
                            break
                    await call.end()
                    if not self.streaming:
                        yield envelope.reply(await call.only(), leg.node)
                        return
                    async for answer in call:
                        yield envelope.message(answer, leg.node)
        except (IchorError, OSError) as error:
            known = from_error(error) or RpcError(Code.UNKNOWN, str(error))
            yield envelope.failure(known, leg.node, streaming=self.streaming)

    async def _reach(self, node: str, channel: Channel) -> None:
        """Have a connection. Raises RpcError UNAVAILABLE; dialling goes on for those who come later."""
        if not isinstance(channel, Peer):
            return
        known = channel.failure
        until = _now() + (channel.limits.patience if known is None else 0)
        try:
            async with asyncio.timeout_at(until if self._deadline is None else min(until, self._deadline)):
                await channel.connection()
        except TimeoutError:
            why = known.message if known is not None else f"cannot connect to {node}: no answer yet"
            raise RpcError(Code.UNAVAILABLE, why) from None

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - _now())


async def _single(requests: AsyncIterator[bytes]) -> bytes:
    request = await anext(requests, None)
    if request is None:
        raise RpcError(Code.INTERNAL, "no request message")
    async for _ in requests:
        raise Invalid("a call with many requests is for one node at a time")
    return request


async def _repeated(request: bytes) -> AsyncIterator[bytes]:
    yield request


async def _joined(answers: Sequence[AsyncIterator[bytes]]) -> bytes:
    """Everybody's reply, in the order in which the nodes were named."""

    async def one(source: AsyncIterator[bytes]) -> bytes:
        return b"".join([reply async for reply in source])

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(source)) for source in answers]
    return b"".join(task.result() for task in tasks)


async def _interleaved(answers: Sequence[AsyncGenerator[bytes, None]]) -> AsyncGenerator[bytes, None]:
    """Messages in the order of their coming; as many as there are sources wait to be taken."""
    arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
    room = asyncio.Semaphore(len(answers))

    async def pump(source: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(source):
            async for message in source:
                await room.acquire()
                arrived.put_nowait(message)

    async def pump_all() -> None:
        async with asyncio.TaskGroup() as group:
            for source in answers:
                group.create_task(pump(source))

    pumping = asyncio.create_task(pump_all())
    pumping.add_done_callback(lambda _: arrived.put_nowait(None))
    try:
        while (message := await arrived.get()) is not None:
            yield message
            room.release()
        pumping.result()
    finally:
        pumping.cancel()
        await asyncio.wait([pumping])


def _now() -> float:
    return asyncio.get_running_loop().time()
