"""A proxy's half of a call: what a raw handler does to pass it on, whatever its kind, without decoding."""

import asyncio
from collections.abc import AsyncIterator

from core.rpc.call import Call
from core.rpc.context import Context


async def forward(context: Context, requests: AsyncIterator[bytes], call: Call[bytes, bytes]) -> AsyncIterator[bytes]:
    """Pass requests to `call` and its replies back, with initial and trailing metadata, status and back-pressure."""
    async with call:
        sender = await _pass_on(context, requests, call)
        try:
            context.set_initial(await call.initial())
            async for reply in call:
                yield reply
        finally:
            context.set_trailing(call.trailing)
            if sender is not None:
                sender.cancel()
                await asyncio.wait([sender])
        if sender is not None and not sender.cancelled():
            sender.result()


async def _pass_on(
    context: Context, requests: AsyncIterator[bytes], call: Call[bytes, bytes]
) -> asyncio.Task[None] | None:
    """The usual call has one request that is here already and needs no task; else the task that sends."""
    first = await anext(requests, None)
    if first is None or context.stream.ended:
        await call.end(first)
        return None
    await call.send(first)
    return asyncio.create_task(_pump(requests, call))


async def _pump(requests: AsyncIterator[bytes], call: Call[bytes, bytes]) -> None:
    through = False
    try:
        async for request in requests:
            if not await call.send(request):
                return
        await call.end()
        through = True
    finally:
        if not through:
            call.cancel()
