"""The one way a process is started on a node, and how one is waited for: by pidfd on the running loop, so that neither
SIGCHLD nor a catch-all wait is involved. Owns the pidfd of each Process; refuses nothing that the caller may do."""

import asyncio
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, Self

from core.base.clock import Clock, SystemClock
from core.base.errors import NotFound
from core.linux import ends
from core.linux.init import Exit, Init
from ext import reap
from ext import sys as kernel

ALL_CAPABILITIES: Final = (1 << 64) - 1
PATH: Final = "/usr/bin:/usr/sbin:/opt/cni/bin"
Limit = tuple[int, int, int]  # RLIMIT_*, soft, hard
_RESOURCE: Final = 1 << kernel.CAP_SYS_RESOURCE


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run and with which rights. `stdin`, `stdout`, `stderr` None mean /dev/null; `fds` become 3, 4, ... in the
    child, which gets no other. `procs` are cgroup.procs files to join before exec; `cgroup` a v2 folder to be born in,
    whose cgroup.kill was never written (since Linux 6.14 that kills what is born there). `capabilities` is a mask that
    bounds it and all it starts; `limits` are (RLIMIT_*, soft, hard)."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH})
    directory: str = "/"
    stdin: int | None = None
    stdout: int | None = None
    stderr: int | None = None
    fds: Sequence[int] = ()
    cgroup: Path | None = None
    procs: Sequence[Path] = ()
    uid: int = 0
    gid: int = 0
    groups: Sequence[int] = ()
    capabilities: int = ALL_CAPABILITIES
    no_new_privileges: bool = False
    limits: Sequence[Limit] = ()
    oom_score: int | None = None
    namespaces: int = 0


class Process:
    """A running or ended process. `unapplied` names the limits this kernel did not let us set."""

    def __init__(
        self, pid: int, pidfd: int, start_time: int, *, init: Init | None = None, unapplied: tuple[str, ...] = ()
    ) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.start_time = start_time
        self.unapplied = unapplied
        self._init = init
        self._ended: asyncio.Future[None] | None = None
        self._ends: ends.Ends | None = None
        self._exit: Exit | None = None

    def signal(self, number: int) -> None:
        """Signal this very process. Raises ProcessLookupError once it was reaped."""
        kernel.pidfd_send_signal(self.pidfd, number)

    async def wait(self, clock: Clock | None = None) -> Exit:
        """Its exit; any number of waiters, before or after the end. For an adopted process it is init's record."""
        if self._exit is None:
            await asyncio.shield(self._readable())
        if self._exit is None:  # of several waiters the first one collects
            self._exit = self._collect() or await self._recorded(clock or SystemClock())
        return self._exit

    def close(self) -> None:
        """Let go of the pidfd. The process, if it lives, lives on."""
        if self.pidfd >= 0:
            if self._ends is not None and self._ended is not None:
                self._ends.forget(self.pidfd)
                self._ended.cancel()
            os.close(self.pidfd)
            self.pidfd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _readable(self) -> asyncio.Future[None]:
        if self._ended is None:
            loop = asyncio.get_running_loop()
            ended, everybody = loop.create_future(), ends.on(loop)
            everybody.watch(self.pidfd, partial(ended.set_result, None))
            self._ended, self._ends = ended, everybody  # only now: a later waiter must not wait for what was refused
        return self._ended

    def _collect(self) -> Exit | None:
        try:
            dead = reap.wait(self.pidfd)
        except ChildProcessError:
            return None  # not our child: adopted, or started by an earlier machined
        if dead is None:
            return None
        return Exit(0, dead.pid, self.start_time, dead.status, dead.user, dead.system, dead.max_rss, time.time())

    async def _recorded(self, clock: Clock) -> Exit:
        # the pidfd becomes readable when the process ends, a moment before init reaps and records it
        deadline = clock.monotonic() + 5.0
        while True:
            if self._init is not None and (exit_ := self._init.exit_of(self.pid, self.start_time)):
                return exit_
            if self._init is None or clock.monotonic() >= deadline:
                raise NotFound(f"process {self.pid} ended, but its exit is not in init's journal")
            await clock.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Result:
    """A short program's end and what it wrote to stdout and stderr, in order, at most the last 64 KiB."""

    exit: Exit
    output: bytes

    @property
    def code(self) -> int:
        """Exit code, or minus the signal's number."""
        return os.waitstatus_to_exitcode(self.exit.status)


def spawn(spec: Spec) -> Process:
    """Start a program. Returns when it has been exec'ed; until then every failure is an OSError naming the step."""
    limits, score, unapplied = settable(spec.limits, spec.oom_score)
    opened: list[int] = []
    try:
        null = _open(opened, "/dev/null", os.O_RDWR)
        standard = [null if fd is None else fd for fd in (spec.stdin, spec.stdout, spec.stderr)]
        pid, pidfd = reap.spawn_process(
            spec.argv,
            spec.env,
            directory=spec.directory,
            fds=[*standard, *spec.fds],
            procs=[_open(opened, path, os.O_WRONLY) for path in spec.procs],
            cgroup=-1 if spec.cgroup is None else _open(opened, spec.cgroup, os.O_RDONLY | os.O_DIRECTORY),
            namespaces=spec.namespaces,
            uid=spec.uid,
            gid=spec.gid,
            groups=spec.groups,
            keep=spec.capabilities,
            no_new_privs=spec.no_new_privileges,
            limits=limits,
            oom_score=score,
        )
    finally:
        for fd in opened:
            os.close(fd)
    return Process(pid, pidfd, reap.start_time(pid), unapplied=unapplied)


def adopt(pid: int, pidfd: int, start_time: int, init: Init) -> Process:
    """Take over a process that an earlier machined started and whose pidfd init holds. Takes ownership of `pidfd`."""
    return Process(pid, pidfd, start_time, init=init)


async def run(argv: Sequence[str], *, timeout: float, spec: Spec | None = None, clock: Clock | None = None) -> Result:
    """Run a short program to its end with its output collected; killed at `timeout` seconds, then TimeoutError."""
    base = spec or Spec(argv)
    output = kernel.memfd_create("output", kernel.MFD_CLOEXEC)
    try:
        with spawn(replace(base, argv=argv, stdout=output, stderr=output)) as process:
            try:
                async with asyncio.timeout(timeout):
                    exit_ = await process.wait(clock)
            except (TimeoutError, asyncio.CancelledError):
                process.signal(signal.SIGKILL)
                await asyncio.shield(process.wait(clock))
                raise
        size = os.fstat(output).st_size
        return Result(exit_, os.pread(output, 1 << 16, max(0, size - (1 << 16))))
    finally:
        os.close(output)


def _open(opened: list[int], path: str | Path, flags: int) -> int:
    fd = os.open(path, flags | os.O_CLOEXEC)
    opened.append(fd)
    return fd


def settable(limits: Sequence[Limit], oom_score: int | None) -> tuple[list[Limit], int | None, tuple[str, ...]]:
    """Limits and OOM score as far as this process may set them, and what had to be left out."""
    if kernel.capget()[0] & _RESOURCE:
        return list(limits), oom_score, ()
    able, unapplied = [], []
    for number, soft, hard in limits:
        most = resource.getrlimit(number)[1]
        if most != resource.RLIM_INFINITY and hard > most:
            unapplied.append(f"rlimit {number}")
        else:
            able.append((number, soft, hard))
    if oom_score is not None and oom_score < int(Path("/proc/self/oom_score_adj").read_text()):
        unapplied.append("oom_score_adj")
        oom_score = None
    return able, oom_score, tuple(unapplied)
