"""Processes on a loop: waiting, signals, adoption by init's journal, short programs."""

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from core.base.errors import NotFound
from core.linux.init import Init
from core.linux.process import Spec, adopt, run, spawn
from ext import reap
from ext import sys as kernel
from tests.support.pid1 import Node, node, until

Main = Coroutine[Any, Any, None]
LOOPS: list[Callable[[Main], None]] = [asyncio.run, uvloop.run]


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_many_wait_for_many(loop: Callable[[Main], None]) -> None:
    async def main() -> None:
        processes = [spawn(Spec(["/bin/sh", "-c", f"exit {n}"])) for n in range(50)]
        exits = await asyncio.gather(*(process.wait() for process in processes for _ in range(2)))
        assert [os.waitstatus_to_exitcode(exit_.status) for exit_ in exits] == [n for n in range(50) for _ in range(2)]
        assert all(exit_.max_rss > 0 and exit_.start_time > 0 for exit_ in exits)
        for process in processes:
            assert (await process.wait()).pid == process.pid  # after the end too
            process.close()

    loop(main())


def test_a_cancelled_waiter_does_not_end_the_others() -> None:
    async def main() -> None:
        with spawn(Spec(["/bin/sleep", "30"])) as process:
            first, second = (asyncio.create_task(process.wait()) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.sleep(0)
            process.signal(signal.SIGTERM)
            assert (await second).status == signal.SIGTERM
            with pytest.raises(ProcessLookupError):
                process.signal(signal.SIGTERM)

    asyncio.run(main())


def test_run_collects_output_in_order_and_the_end_of_much() -> None:
    async def main() -> None:
        result = await run(["/bin/sh", "-c", "echo one; echo two >&2; exit 4"], timeout=10)
        assert (result.output, result.code) == (b"one\ntwo\n", 4)
        much = await run(["/bin/sh", "-c", "seq 1 30000"], timeout=10)
        assert len(much.output) == 1 << 16
        assert much.output.endswith(b"30000\n")

    asyncio.run(main())


def test_run_kills_what_takes_too_long() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await run(["/bin/sleep", "30"], timeout=0.05)

    asyncio.run(main())
    assert reap.collect() == []


def test_limits_out_of_reach_are_left_out_and_named() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spec = Spec(["/bin/true"], limits=((resource.RLIMIT_NOFILE, hard + 1, hard + 1),), oom_score=-1000)

    async def main() -> None:
        with spawn(spec) as process:
            await process.wait()
            if kernel.capget()[0] >> kernel.CAP_SYS_RESOURCE & 1:
                assert process.unapplied == ()
            else:
                assert process.unapplied == (f"rlimit {resource.RLIMIT_NOFILE}", "oom_score_adj")

    asyncio.run(main())
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as made:
        yield made


def test_an_adopted_process_ends_by_init_s_record(other: Node) -> None:
    init = other.init()
    outer, pidfd = _orphan_in(other)
    inner = int(_status(outer)["NSpid"].split()[1])
    init.put("pidfd:sleeper", pidfd)
    process = adopt(inner, pidfd, reap.start_time(outer), init)

    async def main() -> None:
        waiting = asyncio.create_task(process.wait())
        await asyncio.sleep(0)
        process.signal(signal.SIGUSR1)
        exit_ = await waiting
        assert (exit_.pid, exit_.status) == (inner, signal.SIGUSR1)
        assert exit_.sequence > 0

    asyncio.run(main())
    process.close()
    until(lambda: init.status().exits)


def test_an_exit_that_nobody_recorded(other: Node) -> None:
    """The journal has exits, but none of this start time."""
    outer, pidfd = _orphan_in(other)
    process = adopt(1, pidfd, 12345, other.init())
    kernel.pidfd_send_signal(pidfd, signal.SIGKILL)

    class Clock:
        time = 0.0

        def now(self) -> float:
            return self.time

        def monotonic(self) -> float:
            return self.time

        async def sleep(self, seconds: float) -> None:
            self.time += seconds

    async def main() -> None:
        with pytest.raises(NotFound, match="not in init's journal"):
            await process.wait(Clock())

    asyncio.run(main())
    process.close()
    assert not Path(f"/proc/{outer}/exe").exists()


def _orphan_in(made: Node) -> tuple[int, int]:
    """A sleeper whose parent is the node's PID 1: its number on this machine, and its pidfd."""
    before = set(made.processes())
    command = ["nsenter", "-t", str(made.pid), "-p", "-m", "--", "/bin/sh", "-c", "sleep 100 &"]
    subprocess.run(command, check=True)

    def sleepers() -> list[int]:
        return [pid for pid, name in made.processes().items() if pid not in before and name == "sleep"]

    until(sleepers, what="the fork to become sleep")
    (inner,) = sleepers()
    outer = made.outside(inner)
    return outer, kernel.pidfd_open(outer)


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_no_init_no_connection(tmp_path: object) -> None:
    with pytest.raises(FileNotFoundError, match="connect to init"):
        Init(f"{tmp_path}/absent")
