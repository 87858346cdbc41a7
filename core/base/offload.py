"""Blocking work (slow disks, dead mounts) beside the event loop, on a few threads of its own. A stream is pulled piece
by piece: a slow consumer holds no thread, and who leaves ends the work at its next item.

A thread stuck in the kernel cannot be ended. After PATIENCE it is written off: another one may work in its place, and
who asks for the same (`key`) is refused at once, so that however often a dead mount is asked for, others go on.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Final, Generic, TypeVar

from core.base.errors import Exhausted, NotReady

T = TypeVar("T")

THREADS: Final = 8  # at work at a time
LIMIT: Final = 32  # with those that were written off
PATIENCE: Final = 3.0  # seconds for one call, or one piece of a stream
ITEMS: Final = 64
SECONDS: Final = 0.02  # a piece ends after this time, so that the first results of a slow walk come at once


async def call(function: Callable[..., T], *arguments: object, key: str = "", seconds: float | None = None) -> T:
    """The result of `function`, run on a thread. Cancelling leaves it to end by itself. Raises NotReady when others
    hang at the same `key`, Exhausted when too many hang, TimeoutError when it takes more than `seconds`."""
    job = await _crew().turn(key)
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(_crew().begin(job, function, *arguments))


async def stream(source: Generator[T], key: str = "") -> AsyncGenerator[T]:
    """The items of `source`, which runs on threads, one at a time. Close the stream to close the source. Raises as
    `call` does."""
    pull, piece = _Pull(source), None
    more = True
    try:
        while more:
            got: list[T] = []
            piece = asyncio.wrap_future(_crew().begin(await _crew().turn(key), pull.take, got))
            await asyncio.wait([piece])
            for item in got:
                yield item
            more = piece.result()  # what the source raised comes behind what it gave
    finally:
        pull.stopped = True
        if piece is not None:
            piece.cancel()
        if more:
            _crew().leave(pull)


class _Job:
    """Something a thread does, since when; `key` says with what."""

    __slots__ = ("key", "since")

    def __init__(self, key: str) -> None:
        self.key, self.since = key, time.monotonic()


class _Crew:
    """The threads, and who waits for one. All but `_end` is called from the loop."""

    def __init__(self) -> None:
        self._idle: list[ThreadPoolExecutor] = []  # of one thread each: there are never more than were needed at once
        self._jobs: set[_Job] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._leaving: set[asyncio.Task[None]] = set()

    async def turn(self, key: str) -> _Job:
        """Wait until there is a thread to work on `key`: until one is free, or one can be written off."""
        while True:
            job, seconds = self._place(key)
            if job is not None:
                return job
            await self._wait(seconds)

    def _place(self, key: str) -> tuple[_Job | None, float]:
        """A job, if there is a thread for it; else the seconds after which another one could be written off."""
        jobs, now = tuple(self._jobs), time.monotonic()
        hung = [job for job in jobs if now - job.since > PATIENCE]
        if key and any(job.key == key for job in hung):
            raise NotReady(f"{key} does not answer")
        if len(jobs) >= LIMIT:
            raise Exhausted("too much of what was asked for does not answer")
        if len(jobs) - len(hung) >= THREADS:
            return None, max(0.0, min(job.since for job in jobs if job not in hung) + PATIENCE - now)
        job = _Job(key)
        self._jobs.add(job)
        return job, 0.0

    def begin(self, job: _Job, function: Callable[..., T], *arguments: object) -> Future[T]:
        """Start a job on a thread."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, "blocking")
        future = thread.submit(function, *arguments)
        future.add_done_callback(lambda _: self._end(job, thread))
        return future

    def leave(self, pull: "_Pull[T]") -> None:
        """Close a source that nobody pulls any more: now, if there is a thread for it, else when there is."""
        with suppress(Exhausted):
            job, _ = self._place("")
            if job is not None:
                self.begin(job, pull.close)
                return
        task = asyncio.get_running_loop().create_task(call(pull.close))
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        if not task.cancelled():
            task.exception()  # Exhausted: it is closed with its last reference

    async def _wait(self, seconds: float) -> None:
        free = asyncio.get_running_loop().create_future()
        self._waiting.append(free)
        try:
            await asyncio.wait([free], timeout=seconds)
        except asyncio.CancelledError:
            if free.done():
                self._call_next()  # it was told to us, who do not go
            raise
        finally:
            with suppress(ValueError):
                self._waiting.remove(free)

    def _end(self, job: _Job, thread: ThreadPoolExecutor) -> None:
        """On that thread: somebody may have its place."""
        self._idle.append(thread)
        self._jobs.discard(job)
        self._call_next()

    def _call_next(self) -> None:
        with suppress(IndexError, RuntimeError):  # nobody waits; or did, on a loop that is closed by now
            free = self._waiting.popleft()
            free.get_loop().call_soon_threadsafe(_tell, free)


def _tell(free: asyncio.Future[None]) -> None:
    if not free.done():
        free.set_result(None)


@cache
def _crew() -> _Crew:
    """Made on first use: a process that only forks never has threads."""
    return _Crew()


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
