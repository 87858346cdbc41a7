"""A clock that the test owns: time stands still until `advance`; `settle` waits until nobody can go on without it."""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from functools import wraps
from itertools import count
from typing import Any, Final, ParamSpec

P = ParamSpec("P")
LIMIT: Final = 100_000


class FakeClock:
    """A core.base.clock.Clock. Sleepers wake in the order of their time, then of their coming."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now, self._passed = now, 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> float:
        return self._now + self._passed

    def monotonic(self) -> float:
        return self._passed

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back; monotonic time does not notice."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed + seconds, next(self._order), future))
        await future

    @property
    def sleeping(self) -> list[float]:
        """How long each sleeper still sleeps, soonest first."""
        return sorted(when - self._passed for when, _, future in self._sleepers if not future.done())

    async def advance(self, seconds: float) -> None:
        """Let time pass, step by step: every sleeper goes on at its own moment, and all settles in between."""
        until = self._passed + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            self._passed, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
                await settle()
        self._passed = until


async def settle() -> None:
    """Yield until every task waits for something other than its turn: time, a descriptor, another process."""
    loop = asyncio.get_running_loop()
    ready = getattr(loop, "_ready")  # noqa: B009 - asyncio's own queue; there is no public way to see it empty
    for _ in range(LIMIT):
        await asyncio.sleep(0)
        if not ready:
            return
    raise AssertionError("the loop never comes to rest")


def on_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on a loop of its own, for at most 30 s."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await test(*args, **kwargs)

        asyncio.run(bounded())

    return run
