"""Coroutines started at once: no Task when they do not wait, and a Task like any other when they do."""

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

import pytest

from ext.http2.eager import start
from tests.rpc.conftest import Run

Main = Coroutine[Any, Any, None]
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")


async def begin(coroutine: Main) -> asyncio.Task[None] | None:
    """Start from a callback, as the reader of a connection does."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[asyncio.Task[None] | None] = loop.create_future()

    def callback() -> None:
        try:
            done.set_result(start(loop, coroutine))
        except Exception as error:  # noqa: BLE001  # handed to the test
            done.set_exception(error)

    loop.call_soon(callback)
    return await done


def test_what_does_not_wait_is_through_at_once(run: Run) -> None:
    ran = []

    async def quick() -> None:
        ran.append(asyncio.current_task() is not None)

    async def main() -> None:
        assert await begin(quick()) is None
        assert ran == [True]

    run(main())


def test_what_waits_goes_on_as_a_task(run: Run) -> None:
    async def slow(gate: asyncio.Future[str], seen: list[str]) -> None:
        seen.append("first")
        seen.append(await gate)
        await asyncio.sleep(0)
        seen.append("last")

    async def main() -> None:
        for early in (True, False):
            gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            seen: list[str] = []
            task = await begin(slow(gate, seen))
            assert task is not None
            assert seen == ["first"]
            if not early:
                await asyncio.sleep(0)
            gate.set_result("second")
            await task
            assert seen == ["first", "second", "last"]

    run(main())


@pytest.mark.parametrize("turns", [0, 1, 2])
@pytest.mark.parametrize("inner", ["future", "task", "sleep", "nothing"])
def test_cancelling_is_heard_inside_and_by_what_is_awaited(run: Run, inner: str, turns: int) -> None:
    async def main() -> None:
        heard: list[str] = []

        async def deep() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard.append("deep")
                raise

        async def outer() -> None:
            try:
                if inner == "task":
                    await asyncio.create_task(deep())
                elif inner == "future":
                    await asyncio.get_running_loop().create_future()
                elif inner == "sleep":
                    await asyncio.sleep(10)
                else:
                    while True:  # noqa: ASYNC110  # a bare yield is what is tested
                        await asyncio.sleep(0)
            except asyncio.CancelledError:
                await asyncio.sleep(0)  # cleaning up may wait
                heard.append("outer")
                raise

        task = await begin(outer())
        assert task is not None
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heard[-1] == "outer"
        assert ("deep" in heard) == (inner == "task")

    run(main())


def test_timeouts_and_groups_opened_in_the_first_step(run: Run) -> None:
    async def main() -> None:
        seen: list[str] = []

        async def limited() -> None:
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()
            except TimeoutError:
                seen.append("timeout")

        async def failing() -> None:
            raise ValueError("inner")

        async def grouped() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(failing())
                    await asyncio.Event().wait()
            except* ValueError:
                seen.append("group")
            current = asyncio.current_task()
            assert current is not None
            assert current.cancelling() == 0

        for coroutine in (limited(), grouped()):
            task = await begin(coroutine)
            assert task is not None
            await task
        assert seen == ["timeout", "group"]

    run(main())


def test_cancelling_oneself_before_the_first_wait(run: Run) -> None:
    async def suicidal() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        raise AssertionError("still here")

    async def main() -> None:
        task = await begin(suicidal())
        assert task is not None
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_a_first_step_that_ends_as_cancelled_is_through(run: Run) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    async def main() -> None:
        assert await begin(cancelled()) is None

    run(main())


def test_context_variables_stay_inside(run: Run) -> None:
    seen: list[str] = []

    async def inside() -> None:
        variable.set("inside")
        await asyncio.sleep(0)
        seen.append(variable.get())

    async def main() -> None:
        task = await begin(inside())
        assert task is not None
        await task
        assert (seen, variable.get()) == (["inside"], "outside")

    run(main())


def test_an_exception_of_the_first_step_is_the_starters(run: Run) -> None:
    async def broken() -> None:
        raise ValueError("at once")

    async def main() -> None:
        with pytest.raises(ValueError, match="at once"):
            await begin(broken())
        assert asyncio.current_task() is not None

    run(main())
