"""`python -m benchmarks.reap_loop HOW STORM COUNT`: on a uvloop as many children, each awaited by a task; all end, and
as JSON it says what that took: microseconds of processor for each (`cpu`; `start` to start it), milliseconds of the
loop's longest turn (`turn`; `busy` of processor), how many ends were missed or told wrong (`wrong`). HOW: ours, or
uvloop's own subprocesses; or a storm of orphans that come to us, which are forked in a tenth of the time."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import uvloop

from core.linux.process import Process, Spec, spawn
from ext import reap
from ext import sys as kernel

Wait = Callable[[], Coroutine[None, None, bool]]  # one child's end, and whether that was as it should be


def ours(argv: list[str], gate: int, alive: int, number: int) -> Wait:
    """A child by the node's own driver."""
    return awaited(spawn(Spec(argv, stdin=gate, stdout=alive)), number)


def awaited(process: Process, number: int) -> Wait:
    """The whole truth of a child's end, by the node's own driver."""

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


def orphans(storm: str, count: int) -> tuple[list[Wait], int, int]:
    """Children that are ours as their mother is dead; what to close that they end, what then ends when all have."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    helper = subprocess.Popen([storm, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert helper.stdin is not None and helper.stdout is not None
    helper.stdin.write(b"\n")
    helper.stdout.read(len(b"ready\n"))
    pids = {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()} - {helper.pid}
    processes = [Process(pid, os.pidfd_open(pid), reap.start_time(pid)) for pid in pids]
    opener, living = os.dup(helper.stdin.fileno()), os.dup(helper.stdout.fileno())
    helper.stdin.close()
    helper.stdout.close()
    return [awaited(process, process.pid) for process in processes], opener, living


async def started(how: str, storm: str, count: int) -> tuple[list[Wait], int, int]:
    """The same of children that are programs of their own."""
    gate, opener = os.pipe()
    living, alive = os.pipe()
    waits = []
    for number in range(count):
        argv = [storm, "1", str(number)]
        waits.append(ours(argv, gate, alive, number) if how == "ours" else await theirs(argv, gate, alive, number))
    os.close(alive)
    return waits, opener, living


async def measure(how: str, storm: str, count: int) -> dict[str, float]:
    """One storm."""
    began = time.process_time()
    waits, opener, living = orphans(storm, count) if how == "storm" else await started(how, storm, count)
    ends = [asyncio.ensure_future(wait()) for wait in waits]
    await asyncio.sleep(0)
    start = time.process_time() - began
    os.close(opener)
    os.read(living, 1)  # until none has it open: all have ended
    before, turns = time.process_time(), Turns()
    right = [await end for end in ends]
    turns.end()
    used = time.process_time() - before
    return {
        "cpu": used / count * 1e6,
        "start": start / count * 1e6,
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
