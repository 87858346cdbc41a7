"""Following through losses: begun anew from a known place, not forever, and never from an unknown one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.cli.lasting import PATIENCE, lasting
from core.rpc.status import Code, RpcError
from tests.support.clock import FakeClock, on_loop, settle


def lost() -> RpcError:
    return RpcError(Code.UNAVAILABLE, "connection lost")


async def failing(error: RpcError | None) -> AsyncIterator[int]:
    if error is not None:
        raise error
    yield 0


@on_loop
async def test_it_is_begun_anew_at_once_and_then_more_slowly() -> None:
    clock = FakeClock()
    begun: list[float] = []

    async def begin() -> AsyncIterator[int]:
        begun.append(clock.monotonic())
        if len(begun) in (1, 5):
            yield len(begun)
        if len(begun) < 5:
            raise lost()

    numbers: list[int] = []

    async def collect() -> None:
        numbers.extend([number async for number in lasting("node", begin, lambda: True, clock)])

    task = asyncio.create_task(collect())
    await settle()
    await clock.advance(10)
    await task
    assert numbers == [1, 5]
    assert begun == pytest.approx([0, 0, 0.05, 0.15, 0.35])


@on_loop
async def test_a_node_that_is_gone_is_given_up() -> None:
    clock = FakeClock()
    task = asyncio.ensure_future(anext(lasting("node", lambda: failing(lost()), lambda: True, clock)))
    await settle()
    await clock.advance(PATIENCE - 1)
    assert not task.done()
    await clock.advance(3)
    with pytest.raises(RpcError, match="connection lost"):
        await task


@on_loop
@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED])
async def test_other_failures_and_unknown_places_are_the_end(code: Code) -> None:
    stream = lasting("node", lambda: failing(RpcError(code, "no")), lambda: code is not Code.UNAVAILABLE, FakeClock())
    with pytest.raises(RpcError, match="no"):
        await anext(stream)
