"""Short workers: one job, one process, then gone. At most four at once, others wait their turn; 30 s each. The payload
travels between asker and worker over their own socket; the spawner only passes that on and never reads it."""

import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from core.base.clock import Clock
from core.base.errors import Unsupported
from core.linux.cgroup import Tree
from daemons.context import WORK_SECONDS, WORKERS
from daemons.spawner.forking import fork
from daemons.spawner.table import JOBS, Job
from daemons.spawner.timed import Timed
from ext import sys as kernel

QUEUE: Final = 64


class Workers:
    """The queue and those `running`. `rename` shows a child under its job's name."""

    def __init__(self, clock: Clock, rename: Callable[[str], None], jobs: Iterable[Job] = JOBS) -> None:
        self._jobs = {job.function: job for job in jobs}
        self._rename = rename
        self._waiting: deque[tuple[Job, socket.socket]] = deque()
        self.running = Timed(clock)

    def ask(self, caller: str, function: str, theirs: socket.socket) -> None:
        """Take a request; `theirs` is the worker's end and is closed here at the latest when the job has started."""
        job = self._jobs.get(function)
        if job is None or caller not in job.callers or len(self._waiting) >= QUEUE:
            with theirs:
                _answer(theirs, b"D")
            return
        self._waiting.append((job, theirs))

    def descriptors(self) -> Iterator[int]:
        """All that belong here."""
        yield from self.running
        yield from (theirs.fileno() for _, theirs in self._waiting)

    def startable(self) -> bool:
        """Whether `start` would fork."""
        return bool(self._waiting) and len(self.running) < WORKERS

    def start(self) -> int:
        """Fork the next job; its pidfd, readable when it has ended."""
        job, theirs = self._waiting.popleft()
        with theirs:
            name = job.function.rpartition(":")[2]
            pid = fork(
                job.rights,
                (0, 1, 2, theirs.fileno()),
                lambda: self._begin(job, name),
                lambda: _work(job.function, theirs),
                lambda error: _answer(theirs, b"E" + f"{type(error).__name__}: {error}".encode()),
            )
        pidfd = kernel.pidfd_open(pid)
        self.running.add(pidfd, WORK_SECONDS)
        return pidfd

    def _begin(self, job: Job, name: str) -> None:
        self._rename(f"ichor-{name}")
        # one for machined's own first certificate may be asked before machined has made the groups
        with suppress(FileNotFoundError, Unsupported):
            Tree.detect().attach(job.cgroup, os.getpid())

    def end_all(self) -> None:
        """Kill and reap every job at work, turn away those that wait. Returns when all are gone."""
        while self._waiting:
            self._waiting.popleft()[1].close()
        self.running.end_all()


def _work(function: str, theirs: socket.socket) -> None:
    payload = bytearray()
    while piece := theirs.recv(1 << 16):
        payload += piece
    module, _, name = function.partition(":")
    call: Callable[[bytes], bytes] = getattr(sys.modules[module], name)
    _answer(theirs, b"O" + call(bytes(payload)))


def _answer(theirs: socket.socket, answer: bytes) -> None:
    try:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)  # the answer ends here: the kernel undoes a process's mounts before its sockets
    except (BrokenPipeError, ConnectionResetError):
        return  # who asked has gone
