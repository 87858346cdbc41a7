"""Ends told on a loop: some at a turn, so that others get theirs; nothing left behind. Event counters stand for pidfds,
which poll alike."""

import asyncio
import os
import select
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from core.linux import ends
from core.linux.process import Process, Spec, spawn

Main = Coroutine[Any, Any, None]
LOOPS: list[Callable[[Main], None]] = [asyncio.run, uvloop.run]
both = pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])


async def nothing() -> None:
    """Before descriptors are counted: libuv opens two for its whole process with the first loop."""


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    uvloop.run(nothing())
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - the names alone
    yield
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
    assert not ends._busy


class Turns:
    """Counts, in every turn of the running loop, how often `told` was called since the turn before; `total` ends it."""

    def __init__(self, total: int) -> None:
        self.each = [0]
        self._missing = total
        self._loop = asyncio.get_running_loop()
        self.over = self._loop.create_future()
        self._turn()

    def told(self, *_: object) -> None:
        self.each[-1] += 1
        self._missing -= 1
        if not self._missing:
            self.over.set_result(None)

    def _turn(self) -> None:
        self.each.append(0)
        if self._missing:
            self._loop.call_soon(self._turn)


@both
def test_a_thousand_at_once_are_told_in_batches(loop: Callable[[Main], None]) -> None:
    async def main() -> None:
        counters = [os.eventfd(1) for _ in range(1000)]
        turns = Turns(1000)
        for fd in counters:
            ends.on(asyncio.get_running_loop()).watch(fd, turns.told)
        await turns.over
        assert max(turns.each) == ends.BATCH
        for fd in counters:
            os.close(fd)

    loop(main())


@both
def test_waiters_of_children_that_ended_together_run_in_batches(loop: Callable[[Main], None]) -> None:
    async def main() -> None:
        processes = [spawn(Spec(["/bin/true"])) for _ in range(2 * ends.BATCH + 10)]
        for process in processes:
            select.select([process.pidfd], [], [])
        turns = Turns(len(processes))
        waiting = [asyncio.ensure_future(process.wait()) for process in processes]
        for one in waiting:
            one.add_done_callback(turns.told)
        await turns.over
        assert max(turns.each) <= ends.BATCH
        for process in processes:
            assert (await process.wait()).status == 0
            process.close()

    loop(main())


@both
def test_who_is_forgotten_is_not_told(loop: Callable[[Main], None]) -> None:
    async def main() -> None:
        told: list[str] = []
        turns = Turns(1)
        first, second = os.eventfd(0), os.eventfd(0)
        here = ends.on(asyncio.get_running_loop())
        here.watch(first, lambda: told.append("first"))
        here.watch(second, turns.told)
        here.forget(first)
        here.forget(first)
        os.eventfd_write(first, 1)
        os.eventfd_write(second, 1)
        await turns.over
        assert not told
        os.close(first)
        os.close(second)

    loop(main())


@both
def test_one_that_fails_keeps_nothing_from_the_others(loop: Callable[[Main], None]) -> None:
    async def main() -> None:
        turns = Turns(9)
        failures: list[dict[str, Any]] = []
        running = asyncio.get_running_loop()
        running.set_exception_handler(lambda _, context: failures.append(context))

        def fail() -> None:
            raise ZeroDivisionError

        counters = [os.eventfd(1) for _ in range(10)]
        for number, fd in enumerate(counters):
            ends.on(running).watch(fd, fail if number == 3 else turns.told)
        await turns.over
        assert [type(context["exception"]) for context in failures] == [ZeroDivisionError]
        for fd in counters:
            os.close(fd)

    loop(main())


@both
def test_what_cannot_be_watched_is_refused_to_each_who_waits(loop: Callable[[Main], None], tmp_path: Path) -> None:
    async def main() -> None:
        process = Process(1, os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT), 0)  # a file is always readable
        for _ in range(2):
            with pytest.raises(PermissionError):
                await process.wait()
        assert not ends._busy
        process.close()

    loop(main())


@both
def test_a_loop_that_closed_with_waiters_is_left_behind(loop: Callable[[Main], None]) -> None:
    silent, ready = os.eventfd(0), os.eventfd(1)

    async def main(fd: int) -> None:
        told = asyncio.Event()
        ends.on(asyncio.get_running_loop()).watch(fd, told.set)
        if fd == ready:
            await told.wait()

    loop(main(silent))
    loop(main(ready))
    os.close(silent)
    os.close(ready)
