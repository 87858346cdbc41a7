"""Work on threads: what it gives comes in order, what it raises comes behind that, and who leaves ends it."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import aclosing

import pytest

from core.base import offload
from core.base.errors import Exhausted, NotReady
from tests.support.clock import on_loop


class Source:
    """Numbers without end, up to `fails_at`; says when it was closed."""

    def __init__(self, fails_at: int = -1) -> None:
        self.given, self.closed, self._fails_at = 0, threading.Event(), fails_at

    def numbers(self) -> Generator[int]:
        try:
            while self.given != self._fails_at:
                self.given += 1
                yield self.given
            raise FileNotFoundError("the end")
        finally:
            self.closed.set()


@on_loop
async def test_items_in_order_then_the_error() -> None:
    source, got = Source(fails_at=3 * offload.ITEMS + 1), []
    with pytest.raises(FileNotFoundError):
        async with aclosing(offload.stream(source.numbers())) as items:
            async for item in items:
                got.append(item)
    assert got == list(range(1, 3 * offload.ITEMS + 2))
    assert source.closed.wait(10)


@on_loop
async def test_a_slow_consumer_stops_the_source_and_one_that_leaves_ends_it() -> None:
    source = Source()
    async with aclosing(offload.stream(source.numbers())) as items:
        assert await anext(items) == 1
        assert source.given <= offload.ITEMS
    assert source.closed.wait(10)


@on_loop
async def test_a_source_that_gives_nothing_can_be_left() -> None:
    going, stuck = threading.Event(), offload.THREADS - 1  # all but one
    begun, closed = threading.Semaphore(0), threading.Semaphore(0)

    def hang() -> Generator[int]:
        try:
            begun.release()
            going.wait()
            yield 1
        finally:
            closed.release()

    async def consume() -> None:
        async with aclosing(offload.stream(hang())) as items:
            await anext(items)

    tasks = [asyncio.create_task(consume()) for _ in range(stuck)]
    for _ in tasks:
        await asyncio.to_thread(begun.acquire)
    for task in tasks:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task  # at once, though the thread hangs
    try:
        async with asyncio.timeout(10):
            assert await offload.call(sum, (1, 2)) == 3  # and others go on: each holds one thread
    finally:
        going.set()
    assert all(closed.acquire(timeout=10) for _ in range(stuck))


class Stuck:
    """Work that hangs until it is let go; a call and its thread."""

    def __init__(self) -> None:
        self._begun, self._going = threading.Semaphore(0), threading.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def hang(self, key: str) -> None:
        """One more, which has a thread when this returns."""
        self._tasks.append(asyncio.create_task(offload.call(self._work, key=key)))
        await asyncio.to_thread(self._begun.acquire)

    def _work(self) -> None:
        self._begun.release()
        self._going.wait()

    async def let_go(self) -> None:
        """End all of it."""
        self._going.set()
        await asyncio.gather(*self._tasks)


@on_loop
async def test_many_at_once_share_few_threads() -> None:
    async def count() -> int:
        async with aclosing(offload.stream(Source().numbers())) as items:
            async for item in items:
                if item == 1000:
                    return item
        return 0

    assert await asyncio.gather(*(count() for _ in range(30))) == [1000] * 30
    assert sum(thread.name.startswith("blocking") for thread in threading.enumerate()) <= offload.THREADS


@on_loop
async def test_the_stuck_are_written_off_and_others_work_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "PATIENCE", 0.1)
    stuck = Stuck()
    try:
        async with asyncio.timeout(30):
            for number in range(2 * offload.THREADS):
                await stuck.hang(f"/dead/{number}")
            assert await offload.call(sum, (1, 2)) == 3
            with pytest.raises(NotReady, match=r"^/dead/0 does not answer$"):
                await offload.call(sum, (1, 2), key="/dead/0")
            async with aclosing(offload.stream(Source().numbers(), "/dead/1")) as items:
                with pytest.raises(NotReady):
                    await anext(items)
            assert await offload.call(sum, (1, 2), key="/alive") == 3
    finally:
        await stuck.let_go()
    assert await offload.call(sum, (1, 2), key="/dead/0") == 3


@on_loop
async def test_there_is_an_end_to_the_stuck_and_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "PATIENCE", 0.05)
    stuck = Stuck()
    try:
        async with asyncio.timeout(30):
            for number in range(offload.LIMIT):
                await stuck.hang(f"/dead/{number}")
            with pytest.raises(Exhausted):
                await offload.call(sum, (1, 2))
    finally:
        await stuck.let_go()
    assert await offload.call(sum, (1, 2)) == 3


@on_loop
async def test_what_takes_too_long_for_its_caller_ends_for_him_alone() -> None:
    stuck = threading.Event()
    with pytest.raises(TimeoutError):
        await offload.call(stuck.wait, seconds=0.01)
    stuck.set()
    assert await offload.call(sum, (1, 2), seconds=10) == 3
