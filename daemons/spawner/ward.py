"""One daemon in the spawner's care: its process, its control socket, its beats and its restarts. Owns these descriptors
and keeps a copy of each with init, by which the next spawner finds a daemon that outlived this one."""

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Final

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.linux.init import Init
from daemons.context import DOOR, GO, Context
from daemons.spawner import port
from daemons.spawner.exits import exit_status
from daemons.spawner.forking import fork
from daemons.spawner.table import Daemon
from ext import reap
from ext import sys as kernel

HUNG_SECONDS: Final = 60.0  # longer than the watchdog, which takes a machine whose machined hangs
_PIPE_BYTES: Final = 1 << 20


class Ward:
    """A daemon's present state. `pid` 0 means that it does not run; then `due` is when to start it (monotonic)."""

    def __init__(self, daemon: Daemon, init: Init, clock: Clock, rename: Callable[[str], None]) -> None:
        self.daemon = daemon
        self.pid = 0
        self.last_pid = 0  # of the process that runs or ran last
        self.start_time = 0
        self.status: int | None = None
        self.pidfd = -1
        self.control: socket.socket | None = None
        self.due: float | None = None if daemon.asked else clock.monotonic()
        self._wanted = not daemon.asked
        self._backoff = Backoff(first_free=True)
        self._init = init
        self._clock = clock
        self._rename = rename
        self._started = 0.0
        self._beaten = 0.0

    @property
    def _control_name(self) -> str:
        return f"spawner.{self.daemon.name}.control"

    @property
    def _process_name(self) -> str:
        return f"spawner.{self.daemon.name}.{self.pid}.{self.start_time}"

    @property
    def _fresh_seconds(self) -> float:
        return 2.5 * self.daemon.beat  # one beat may be lost, the next late

    def descriptors(self) -> Iterator[int]:
        """All that belong here."""
        if self.pidfd >= 0:
            yield self.pidfd
        if self.control is not None:
            yield self.control.fileno()

    def hang_up(self) -> None:
        """It closed its end. Without beats it will be ended, unless it is about to end by itself."""
        if self.control is not None:
            self._init.drop(self._control_name)
            self.control.close()
            self.control = None

    def fresh(self) -> bool:
        """Whether it runs and has beaten in time; its start counts as a beat."""
        return self.pid > 0 and self._clock.monotonic() - self._beaten < self._fresh_seconds

    def want(self, wanted: bool) -> None:
        """Start it now, or end it and do not start it again."""
        if not wanted:
            self._shut_door()
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if self.pid:
            if not wanted:
                kernel.pidfd_send_signal(self.pidfd, signal.SIGTERM)
        else:
            self.due = self._clock.monotonic() if wanted else None

    def beat(self) -> None:
        """It has beaten."""
        self._beaten = self._clock.monotonic()

    def next_change(self) -> float | None:
        """When something is to be done without anybody saying so."""
        if not self.pid:
            return self.due
        return self._beaten + (self._fresh_seconds if self.fresh() else HUNG_SECONDS)

    def kill_if_hung(self) -> None:
        """A daemon without a beat for a minute is ended; it is started again like one that crashed."""
        if self.pid and self._clock.monotonic() - self._beaten >= HUNG_SECONDS:
            kernel.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            self.beat()  # it gets as long again to die

    def start(self) -> None:
        """Fork it. It waits for our word until init holds what a later spawner needs to find it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            output = None if self.daemon.init else self._output()
            keep, given = [0, 1, 2, theirs.fileno()], dict[str, int]()
            try:
                self.pid = fork(
                    self.daemon.rights,
                    keep,
                    lambda: self._prepare(output, keep, given),
                    lambda: self._run(theirs, given),
                )
            finally:
                if output is not None:
                    os.close(output)
        self.last_pid = self.pid
        self.pidfd = kernel.pidfd_open(self.pid)
        self.start_time = reap.start_time(self.pid)
        self.control, self.status, self.due = ours, None, None
        self._started = self._beaten = self._clock.monotonic()
        self._init.put(self._process_name, self.pidfd)
        self._init.put(self._control_name, ours.fileno())
        self._go()

    def adopt(self, pid: int, start_time: int) -> None:
        """Take over a daemon that an earlier spawner forked. Raises FileNotFoundError when init lost it in between."""
        self.pid, self.last_pid, self.start_time = pid, pid, start_time
        self._wanted = True  # somebody asked for it before, and will say so if it is to end
        pidfd, control = self._init.get(self._process_name), self._init.get(self._control_name)
        if pidfd is None:
            raise FileNotFoundError(f"init has no {self._process_name}")
        self.pidfd, self.status, self.due = pidfd, None, None
        self.control = None if control is None else socket.socket(fileno=control)
        self._started = self._beaten = self._clock.monotonic()
        self._go()

    def succeeded(self) -> int | None:
        """It takes no more callers and ends by itself: plan its successor's start. Its pidfd, the caller's from now on;
        None for one that is to have no successor, which stays in care until it has ended."""
        if not self.pid or not self._wanted:
            return None
        self._init.drop(self._process_name)  # a next spawner has no use for it
        self.hang_up()
        pidfd, self.pidfd, self.pid = self.pidfd, -1, 0
        self.last_pid = 0  # no news until there is a successor
        self._plan_restart()
        return pidfd

    def ended(self) -> bool:
        """Its pidfd is readable: note how it ended and plan its restart. False while init has yet to reap it."""
        status = exit_status(self.pidfd, self.pid, self.start_time, self._init)
        if status is None:
            return False
        self.status = status
        self._init.drop(self._process_name)
        os.close(self.pidfd)
        self.hang_up()
        self.pidfd, self.pid = -1, 0
        self._plan_restart()
        if not self._wanted:
            self._shut_door()  # which its start may just have made
        return True

    def _shut_door(self) -> None:
        if self.daemon.port:
            port.give_up(self._init, self.daemon.name)

    def _plan_restart(self) -> None:
        now = self._clock.monotonic()
        delay = self._backoff.failed(now - self._started)
        self.due = now + delay if self._wanted else None

    def _go(self) -> None:
        if self.control is None:
            return  # its first spawner died before init had the socket: it sees that end and exits
        try:
            self.control.send(GO, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            return  # it is gone, which its pidfd tells, or runs and has much unread

    def _prepare(self, output: int | None, keep: list[int], given: dict[str, int]) -> None:
        """In the child, with the spawner's rights: what it prints goes to its pipe, and its door is there."""
        if output is not None:
            os.dup2(output, 1)
            os.dup2(output, 2)
        if self.daemon.port:
            with Init() as init:  # a connection of its own
                given[DOOR] = port.listener(init, self.daemon.name, self.daemon.port)
            keep.append(given[DOOR])

    def _run(self, control: socket.socket, given: dict[str, int]) -> None:
        self._rename(f"ichor-{self.daemon.name}")
        if control.recv(len(GO)) != GO:
            raise SystemExit(3)  # the spawner died before init knew of this process
        module = sys.modules[self.daemon.module]
        init = Init() if self.daemon.init else None
        module.main(Context(self.daemon.name, init, control, self.daemon.beat, given))

    def _output(self) -> int:
        """The write end of the pipe for what it prints. Both ends stay with init, so a crash loses nothing printed; a
        full pipe loses lines rather than block who prints."""
        name = f"log.{self.daemon.name}"
        kept = self._init.get(f"{name}.write")
        if kept is not None:
            return kept
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._init.put(f"{name}.read", reader)
        self._init.put(f"{name}.write", writer)
        os.close(reader)
        return writer
