"""A source is one task that asks one node one thing: again with each beat, or as one stream. It rests while nobody
looks or the node does not answer. It never has two calls under way, so that nothing piles up on a slow link: a beat
that comes while an answer is awaited is skipped."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from math import floor
from typing import Any, Final, Generic, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.base.errors import IchorError
from core.base.text import printable
from core.cli.dashboard.sources.attention import Attention, Look
from core.cli.dashboard.sources.reach import Link
from core.rpc.status import Code, RpcError

T = TypeVar("T", bound=Message)
_GONE: Final = frozenset((Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED))
_BITS: Final = 1e-6  # seconds: finer than that, sums of floats do not tell two beats apart


def next_beat(origin: float, now: float, interval: float) -> float:
    """The first beat after `now` of those that follow `origin`."""
    return origin + interval * (floor(max(0.0, now - origin + _BITS) / interval) + 1)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sources of a node have in common. Beats come every `interval` seconds from `origin` (monotonic) on, for
    all sources of all nodes at once: a link then wakes once, and what is seen changes once."""

    link: Link
    attention: Attention
    clock: Clock
    interval: float
    origin: float

    @property
    def patience(self) -> float:
        """How long an answer may take on a link that is slow."""
        return max(10.0, 3 * self.interval)

    def failed(self, what: str, error: IchorError) -> bool:
        """A call ended badly: because the node is gone, and then True; or because it does not do this, or says what
        nobody understands. Neither is a reason to look away from the others."""
        gone = isinstance(error, RpcError) and error.code in _GONE
        if gone:
            self.link.suspect()
        else:
            self.link.node.refused[what] = printable(error.message)
            self.link.heard(0)
        return gone

    def succeeded(self, what: str, message: Message) -> None:
        """It answered."""
        self.link.node.refused.pop(what, None)
        self.link.heard(message.ByteSize())


@dataclass(slots=True)
class Beat:
    """A call again and again: every `every`th beat while somebody looks, and at once when `poke`d."""

    method: str
    reply: type[Any]
    take: Callable[[float, Any], object]  # of when the answer was true (monotonic seconds), and its message
    around: Surroundings
    wanted: Callable[[Look], bool]
    every: int = 1
    _poked: bool = False
    _due: float = field(default=float("-inf"))

    def poke(self) -> None:
        """Something said that the answer is another one now."""
        self._poked = True
        self.around.attention.signal.fire()

    async def run(self) -> None:
        """For ever."""
        around = self.around
        backoff = Backoff(first=around.interval, cap=max(30.0, around.interval))
        while True:
            await around.attention.signal.until(self._open)
            began, self._poked = around.clock.monotonic(), False
            answered = await self._ask(began)
            now = around.clock.monotonic()
            self._due = next_beat(around.origin, now, around.interval * self.every)
            if answered:
                backoff.succeeded()
            else:
                self._due = max(self._due, now + backoff.failed())
            await self._until_due()

    def _open(self) -> bool:
        look = self.around.attention.look
        return self.around.link.up and not look.paused and self.wanted(look)

    async def _ask(self, began: float) -> bool:
        around = self.around
        try:
            path = f"machine.MachineService/{self.method}"
            answer = await around.link.path.unary(path, Empty(), self.reply, around.patience)
            # counters were read somewhere between the question and the answer: the middle halves what a slow link bends
            at = (began + around.clock.monotonic()) / 2
            for message in answer.messages:
                self.take(at, message)
        except IchorError as error:
            around.failed(self.method, error)
            return False
        around.succeeded(self.method, answer)
        return True

    async def _until_due(self) -> None:
        sleeping = asyncio.ensure_future(self.around.clock.sleep(self._due - self.around.clock.monotonic()))
        poked = asyncio.ensure_future(self.around.attention.signal.until(lambda: self._poked and self._open()))
        await first(sleeping, poked)


@dataclass(slots=True)
class Stream(Generic[T]):
    """A stream while somebody looks; begun anew when it ends or breaks."""

    what: str
    begin: Callable[[], AsyncIterator[T]]
    take: Callable[[T], object]
    around: Surroundings
    wanted: Callable[[Look], object]  # what about it is wanted: when that changes, the stream begins anew
    forget: Callable[[], object] = lambda: None  # after a refusal: what it begins behind may be what was wrong

    async def run(self) -> None:
        """For ever."""
        around = self.around
        backoff = Backoff(first=0.25, cap=30.0, forget_after=30.0)
        while True:
            await around.attention.signal.until(self._open)
            began = around.clock.monotonic()
            reading = asyncio.ensure_future(self._read())
            if await first(reading, asyncio.ensure_future(self._shut(self._open()))) is reading:
                await around.clock.sleep(backoff.failed(around.clock.monotonic() - began))

    async def _shut(self, wanted: object) -> None:
        await self.around.attention.signal.until(lambda: self._open() != wanted)

    def _open(self) -> object:
        """What is wanted of it, if anything."""
        return self.around.link.up and self.wanted(self.around.attention.look)

    async def _read(self) -> None:
        try:
            async with aclosing(self.begin()) as messages:  # type: ignore[type-var] # generators, all of them
                async for message in messages:
                    self.take(message)
                    self.around.succeeded(self.what, message)
        except IchorError as error:
            if not self.around.failed(self.what, error):
                self.forget()


async def first(*tasks: "asyncio.Future[None]") -> "asyncio.Future[None]":
    """The task that is done first; the others are ended. What it raised is raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    ended = next(task for task in tasks if task in done)
    ended.result()
    return ended
