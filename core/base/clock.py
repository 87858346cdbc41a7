"""Time as a value that is handed in, so that tests own it. Nothing else in core reads a clock or sleeps."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall and monotonic time in seconds, and waiting."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; counts time suspended."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time; zero or less yields once."""


class SystemClock:
    """The kernel's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def to_next_beat(now: float, every: float) -> float:
    """Seconds to the multiple of `every` that is nearest to a whole beat from the monotonic `now`: a timer that rings a
    little early or late makes no beat more or less. What beats equally often beats at once, and wakes a node once."""
    return (1.5 * every - now) % every + 0.5 * every
