"""Blocking work (slow disks, dead mounts) beside the event loop, on a few threads of its own. A stream is pulled piece
by piece: a slow consumer holds no thread, and who leaves ends the work at its next item. A thread stuck in the kernel
cannot be ended; it keeps its place in the pool, never the loop, and others go on while any place is left."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, Generic, TypeVar

T = TypeVar("T")

THREADS: Final = 8
ITEMS: Final = 64
SECONDS: Final = 0.02  # a piece ends after this time, so that the first results of a slow walk come at once


@cache
def _pool() -> ThreadPoolExecutor:
    """Made on first use: a process that only forks never has threads."""
    return ThreadPoolExecutor(THREADS, "blocking")


async def call(function: Callable[..., T], *arguments: object) -> T:
    """The result of `function`, run on a thread. Cancelling leaves it to end by itself."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), function, *arguments)


async def stream(source: Generator[T]) -> AsyncGenerator[T]:
    """The items of `source`, which runs on threads, one at a time. Close the stream to close the source."""
    loop, pull = asyncio.get_running_loop(), _Pull(source)
    piece: asyncio.Future[bool] | None = None
    try:
        more = True
        while more:
            got: list[T] = []
            piece = loop.run_in_executor(_pool(), pull.take, got)
            await asyncio.wait([piece])
            for item in got:
                yield item
            more = piece.result()  # what the source raised comes behind what it gave
    finally:
        pull.stopped = True
        if piece is not None:
            piece.cancel()
        _pool().submit(pull.close)


class _Pull(Generic[T]):
    """One source, pulled by one thread at a time. `stopped` is set from the loop and looked at between items."""

    def __init__(self, source: Generator[T]) -> None:
        self._source = source
        self._lock = threading.Lock()
        self.stopped = False

    def take(self, got: list[T]) -> bool:
        """Add the next items to `got`; whether there may be more."""
        with self._lock:
            more = self._take(got)
        if self.stopped:
            self.close()
        return more

    def _take(self, got: list[T]) -> bool:
        end = time.monotonic() + SECONDS
        for item in self._source:
            got.append(item)
            if self.stopped or len(got) >= ITEMS or time.monotonic() >= end:
                return not self.stopped
        return False

    def close(self) -> None:
        """End the source; a piece under way does that at its end, for a stuck one must not hold a second thread."""
        if self._lock.acquire(blocking=False):
            try:
                self._source.close()
            finally:
                self._lock.release()
