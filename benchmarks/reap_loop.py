"""`python -m benchmarks.reap_loop HOW STORM COUNT`: starts children on a uvloop, each awaited by a task, lets all end
at once and prints as JSON what that took: microseconds of processor for each (`cpu`; `start` to start it), milliseconds
of the loop's longest turn (`turn`; `busy` of processor), how many ends were missed or told wrong (`wrong`). HOW: ours,
or uvloop's own subprocesses."""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Coroutine

import uvloop

from core.linux.process import Spec, spawn

Wait = Callable[[], Coroutine[None, None, bool]]  # one child's end, and whether that was as it should be


def ours(argv: list[str], gate: int, alive: int, number: int) -> Wait:
    """A child by the node's own driver."""
    process = spawn(Spec(argv, stdin=gate, stdout=alive))

    async def wait() -> bool:
        exit_ = await process.wait()
        code = os.waitstatus_to_exitcode(exit_.status)
        return code == expected(number) and exit_.pid == process.pid and exit_.system + exit_.user > 0

    return wait


async def theirs(argv: list[str], gate: int, alive: int, number: int) -> Wait:
    """A child by the loop's own means, which tell nothing of its usage."""
    process = await asyncio.create_subprocess_exec(*argv, stdin=gate, stdout=alive)

    async def wait() -> bool:
        return await process.wait() == expected(number)

    return wait


def expected(number: int) -> int:
    """As benchmarks/reap_storm.c ends."""
    return -9 if number % 10 == 9 else number % 200


class Turns:
    """The longest turn of the running loop, in seconds: by the wall, and of processor, as others may take theirs."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self._last = self._now()
        self._next()

    def end(self) -> None:
        """Count no more."""
        self._next()
        self._handle.cancel()

    def _next(self) -> None:
        now = self._now()
        self.wall, self.cpu = max(self.wall, now[0] - self._last[0]), max(self.cpu, now[1] - self._last[1])
        self._last = now
        self._handle = asyncio.get_running_loop().call_soon(self._next)

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.thread_time()


async def measure(how: str, storm: str, count: int) -> dict[str, float]:
    """One storm."""
    gate, opener = os.pipe()
    living, alive = os.pipe()
    began = time.process_time()
    ends = []
    for number in range(count):
        argv = [storm, "1", str(number)]
        wait = ours(argv, gate, alive, number) if how == "ours" else await theirs(argv, gate, alive, number)
        ends.append(asyncio.ensure_future(wait()))
        await asyncio.sleep(0)
    started = time.process_time() - began
    os.close(opener)
    os.close(alive)
    os.read(living, 1)  # until none has it open: all have ended
    before, turns = time.process_time(), Turns()
    right = [await end for end in ends]
    turns.end()
    used = time.process_time() - before
    return {
        "cpu": used / count * 1e6,
        "start": started / count * 1e6,
        "turn": turns.wall * 1e3,
        "busy": turns.cpu * 1e3,
        "wrong": count - sum(right),
    }


def main() -> None:
    """The program."""
    how, storm, count = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (20_000, 20_000))
    print(json.dumps(uvloop.run(measure(how, storm, int(count)))))


if __name__ == "__main__":
    main()
