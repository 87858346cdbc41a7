"""Processes that must have ended by a certain time, known by their pidfds: short workers, and daemons that only end
what they have begun. Owns the pidfds; kills and reaps, and wants to know nothing of how they ended."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress

from core.base.clock import Clock
from ext import reap
from ext import sys as kernel


class Timed:
    """Iterate for the pidfds: each is readable when its process has ended, and then `ended` is to be called."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deadlines: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._deadlines)

    def __iter__(self) -> Iterator[int]:
        return iter(self._deadlines)

    def add(self, pidfd: int, seconds: float) -> None:
        """It may run for that long."""
        self._deadlines[pidfd] = self._clock.monotonic() + seconds

    def ended(self, pidfd: int) -> bool:
        """Reap the process behind `pidfd`, if it is one of these and has ended."""
        if pidfd not in self._deadlines or not _over(pidfd):
            return False
        del self._deadlines[pidfd]
        os.close(pidfd)
        return True

    def next_deadline(self) -> float | None:
        """When the first of them is over its time."""
        return min(self._deadlines.values(), default=None)

    def kill(self) -> None:
        """Kill those over their time; they end by their pidfd like any other."""
        now = self._clock.monotonic()
        for pidfd, deadline in self._deadlines.items():
            if deadline <= now:
                _kill(pidfd)

    def end_all(self) -> None:
        """Kill and reap every one. Returns when all are gone."""
        for pidfd in list(self._deadlines):
            _kill(pidfd)
            select.select([pidfd], [], [])
            self.ended(pidfd)


def _kill(pidfd: int) -> None:
    with suppress(ProcessLookupError):  # init was faster
        kernel.pidfd_send_signal(pidfd, signal.SIGKILL)


def _over(pidfd: int) -> bool:
    try:
        return reap.wait(pidfd) is not None
    except ChildProcessError:  # a spawner before this one forked it: init reaps it
        return True
