"""What is done between two processes of etcd: in order, each once, and for who still waits."""

import asyncio
from functools import partial

import pytest

from core.base.errors import Conflict
from core.node.etcd.gap import Gap
from tests.support.clock import on_loop


@on_loop
async def test_what_was_asked_is_done_in_order_and_answered() -> None:
    gap, done = Gap(), list[str]()

    async def do(word: str) -> str:
        done.append(word)
        if word == "bad":
            raise Conflict("no")
        return word.upper()

    answers = [asyncio.ensure_future(gap.ask(partial(do, word))) for word in ("one", "bad", "left", "two")]
    answers[2].cancel()
    await gap.work()
    said = await asyncio.gather(*answers, return_exceptions=True)
    assert done == ["one", "bad", "two"]
    assert (said[0], said[3]) == ("ONE", "TWO")
    assert isinstance(said[1], Conflict)
    assert isinstance(said[2], asyncio.CancelledError)
    await gap.work()
    assert done == ["one", "bad", "two"]


@on_loop
async def test_what_was_broken_off_is_done_the_next_time() -> None:
    gap, times = Gap(), list[int]()

    async def slow() -> int:
        times.append(1)
        if len(times) == 1:
            await asyncio.Event().wait()
        return len(times)

    answer = gap.ask(slow)
    working = asyncio.ensure_future(gap.work())
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await gap.work()
    assert await answer == 2
