"""A storm of 10000 exits: what init takes to reap them as PID 1 against tini and dumb-init, each with the same orphans
in a pid namespace of its own; then what a loop takes that awaits as many children (`benchmarks.reap_loop`)."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from benchmarks import page
from benchmarks.figures import Figure
from benchmarks.run import Run
from ext import reap
from ext import sys as kernel

COUNT: Final = 10_000
PROGRAMS: Final = 1_000
LAUNCH: Final = "/usr/libexec/ichor/launch"  # the one program that init starts
FIRST: Final = {
    "init": (str(page.ROOT / "_out/programs/init"),),
    "tini": ("tini", "--", LAUNCH),
    "dumb-init": ("dumb-init", LAUNCH),
}
_ENTER: Final = f"""
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /usr/libexec
mkdir -p {Path(LAUNCH).parent}
cp "$STORM" {LAUNCH}
exec "$@"
"""


def figures(run: Run) -> Iterator[Figure]:
    """Microseconds of processor for each child, of its reaper alone: dead before that looks, and while they die."""
    with tempfile.TemporaryDirectory() as name:
        storm, floor = compiled("reap_storm", Path(name)), compiled("reap_floor", Path(name))
        rounds = run.rounds(3, 25)
        for what, at_once in (("init: an orphan of 10k dead at once", True), ("- of 10k as they die", False)):
            cost = orphans(storm, rounds, at_once=at_once)
            budget = 1.5 if at_once else None
            for peer in ("tini", "dumb-init"):
                yield Figure(what, "us", cost["init"], peer=(peer, cost[peer]), ratio_budget=budget)
                what = "- the same"
        yield from on_a_loop(str(storm), str(floor), run.rounds(3, 5))


def on_a_loop(storm: str, floor: str, rounds: int) -> Iterator[Figure]:
    """Ours and C with a storm; ours and uvloop's own subprocesses with fewer programs, for each takes 1 ms to start."""
    told: dict[str, list[dict[str, float]]] = {"storm": [], "ours": [], "uvloop": []}
    least, longest = [], []
    for _ in range(rounds):
        for how, each in told.items():
            count = COUNT if how == "storm" else PROGRAMS
            each.append(json.loads(_output(sys.executable, "-m", "benchmarks.reap_loop", how, storm, str(count))))
        seconds, most = map(float, _output(floor, str(COUNT)).split())
        least.append(seconds / COUNT * 1e6)
        longest.append(most * 1e3)

    def of(how: str, what: str) -> list[float]:
        return [each[what] for each in told[how]]

    yield Figure("loop: a child of 10k, awaited by pidfd", "us", of("storm", "cpu"), peer=("C, waitid", least))
    yield Figure("- longest turn", "ms", of("storm", "turn"), 5, peer=("C, one waitid", longest))
    yield Figure("- its processor", "ms", of("storm", "busy"), 5)
    yield Figure("- missed, or told wrong", "", of("storm", "wrong"), 0)
    for name, what in (("loop: a program of 1k, awaited", "cpu"), ("- one started", "start")):
        yield Figure(name, "us", of("ours", what), peer=("uvloop's process", of("uvloop", what)))


def orphans(storm: Path, rounds: int, *, at_once: bool) -> dict[str, list[float]]:
    """Every reaper's rounds, one after the other."""
    with ExitStack() as stack:
        reapers = {name: stack.enter_context(first(argv, storm)) for name, argv in FIRST.items()}
        costs: dict[str, list[float]] = {name: [] for name in reapers}
        for _ in range(rounds):
            for name, reaper in reapers.items():
                costs[name].append(reaper.cost(at_once=at_once))
        return costs


class First:
    """A running PID 1 of a namespace, whose one child makes storms."""

    def __init__(self, pid: int, orders: int, answers: IO[bytes]) -> None:
        self._pid, self._orders, self._answers = pid, orders, answers

    def cost(self, *, at_once: bool) -> float:
        """Microseconds a child of one storm. `at_once`: it sleeps until all are dead."""
        self._order()
        while self._answers.readline() != b"ready\n":
            pass  # what init says of itself goes the same way
        before = self._used()
        if at_once:
            os.kill(self._pid, signal.SIGSTOP)
        self._order()
        if at_once:
            self._until(lambda: self._states().count("Z") == COUNT)
            os.kill(self._pid, signal.SIGCONT)
        self._until(lambda: len(self._children()) == 1)
        return (self._used() - before) / COUNT * 1e6

    def _order(self) -> None:
        os.write(self._orders, b"\n")

    def _used(self) -> float:
        return time.clock_gettime(~self._pid << 3 | 2)  # the processor clock of another process, clock_getcpuclockid(3)

    def _children(self) -> list[str]:
        return Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()

    def _states(self) -> list[str]:
        return [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in self._children()]

    def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("a storm of exits did not end")
            time.sleep(0.02)


@contextmanager
def first(argv: Sequence[str], storm: Path) -> Iterator[First]:
    """The program as PID 1 of pid and mount namespaces, killed at the end."""
    orders, to = os.pipe()
    answers, reply = os.pipe()
    spaces = kernel.CLONE_NEWPID | kernel.CLONE_NEWNS
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "STORM": str(storm)}
    command = ["/bin/sh", "-c", _ENTER, "sh", *argv]
    try:
        pid, pidfd = reap.spawn_process(
            command, env, fds=(orders, reply, reply), namespaces=spaces, keep=(1 << 64) - 1, oom_score=0
        )
    finally:
        os.close(orders)
        os.close(reply)
    with open(answers, "rb", buffering=0) as told:
        try:
            yield First(pid, to, told)
        finally:
            os.close(to)
            kernel.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [])
            reap.wait(pidfd)
            os.close(pidfd)


def compiled(name: str, folder: Path) -> Path:
    """The program of benchmarks/`name`.c."""
    target = folder / name
    subprocess.run(["gcc", "-O2", "-static", "-o", target, page.ROOT / f"benchmarks/{name}.c"], check=True)
    return target


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=page.ROOT, text=True).stdout
