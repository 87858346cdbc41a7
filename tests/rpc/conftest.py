"""Every test here ends with no connection, stream, session, engine, context or descriptor more than it began with."""

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from ext.http2.connection import live

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(scope="session", autouse=True)
def loops_are_warm() -> None:
    """libuv opens two descriptors for the process with its first loop."""
    uvloop.run(asyncio.sleep(0))


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on each of the loops, 20 seconds at most."""
    runner = asyncio.run if request.param == "asyncio" else uvloop.run

    async def bounded(main: Coroutine[Any, Any, None]) -> None:
        async with asyncio.timeout(20):
            await main

    return lambda main: runner(bounded(main))


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Live objects and descriptors return to where they were."""
    gc.collect()  # what a test before this one left in cycles must not go in the middle of it
    objects, descriptors = live(), _descriptors()
    yield
    if live() != objects:
        gc.collect()  # tracebacks of expected failures are cycles
    assert live() == objects
    assert _descriptors() == descriptors


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a Path would open one itself
