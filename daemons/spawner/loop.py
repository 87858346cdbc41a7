"""The spawner's life: fork what is due, pass beats on, hand out jobs, tell machined the news. One thread, one poll, and
between two of them nothing is held but descriptors."""

import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NoReturn, Protocol

from core.base.clock import Clock
from core.linux.init import Init
from daemons.context import BEAT, LEAVE, NEWS, START, STOP, WORK
from daemons.spawner.forking import check_pure
from daemons.spawner.line import NAME, Line
from daemons.spawner.table import CRASHES, DAEMONS, Daemon
from daemons.spawner.timed import Timed
from daemons.spawner.ward import Ward
from daemons.spawner.workers import Workers

CRASH_LIMIT: Final = 3
CRASH_SECONDS: Final = 600.0
LEAVING_SECONDS: Final = 30.0  # longer than any daemon takes to end what it has begun
_MESSAGE: Final = 256


class Launcher(Protocol):
    """What ext/launch offers to the code it starts."""

    def seal(self) -> None:
        """Refuse from now on whatever brings code in."""

    def rename(self, name: str, /) -> None:
        """Show this process under another name."""

    def trim(self) -> None:
        """Give back the memory that importing took and nothing needs any more."""

    def immortalize(self) -> None:
        """Count no references any more to what exists by now: it stays."""

    def again(self) -> None:
        """Start the whole program anew in this process."""


class Spawner:
    """The daemons in their order; the first with `init` is the one whose beats count and who is told the news."""

    def __init__(self, init: Init, launcher: Launcher, clock: Clock, daemons: tuple[Daemon, ...] = DAEMONS) -> None:
        self._init = init
        self._launcher = launcher
        self._clock = clock
        self._wards = {daemon.name: Ward(daemon, init, clock, launcher.rename) for daemon in daemons}
        self._head = next(ward for ward in self._wards.values() if ward.daemon.init)
        self._workers = Workers(clock, launcher.rename)
        self._leaving = Timed(clock)
        self._line = Line(init)
        self._crashes: deque[float] = deque(maxlen=CRASH_LIMIT)
        self._told: dict[str, bytes] = {}

    def run(self) -> NoReturn:
        """Adopt who lives, then serve for good."""
        self._adopt()
        while True:
            self._tell()  # of the dead, before a start makes them the living
            self._start_due()
            self._tell()
            self.step()
            for ward in self._wards.values():
                ward.kill_if_hung()
            self._workers.running.kill()
            self._leaving.kill()

    def step(self) -> None:
        """Wait for one round of events and act on them."""
        routes = dict(self._routes())
        poller = select.poll()
        for fd in routes:
            poller.register(fd, select.POLLIN)
        for fd, _ in poller.poll(self._timeout()):
            routes[fd]()

    def _adopt(self) -> None:
        self._line.succeed()
        for name in self._init.names():
            parts = name.split(".")
            if parts[0] != "spawner" or len(parts) != 4 or name == self._line.name:
                continue
            ward = self._wards.get(parts[1])
            if ward is None or ward.pid:
                self._init.drop(name)
            else:
                ward.adopt(int(parts[2]), int(parts[3]))

    def _start_due(self) -> None:
        now = self._clock.monotonic()
        for ward in self._wards.values():
            if not ward.pid and ward.due is not None and ward.due <= now:
                self._check_pure()
                end = None if ward.status is None else _news(ward)
                ward.start()
                if ward is self._head:
                    self._told.clear()
                    if end is not None:
                        self._send(end)  # how its predecessor ended
        while self._workers.startable():
            self._check_pure()
            self._workers.start()

    def _check_pure(self) -> None:
        own = {0, 1, 2, self._init.fileno(), *self._workers.descriptors(), *self._leaving}
        for ward in self._wards.values():
            own.update(ward.descriptors())
        check_pure(own)

    def _routes(self) -> Iterator[tuple[int, Callable[[], object]]]:
        for ward in self._wards.values():
            if ward.pidfd >= 0:
                yield ward.pidfd, partial(self._ended, ward)
            if ward.control is not None:
                yield ward.control.fileno(), partial(self._heard, ward)
        for timed in (self._workers.running, self._leaving):
            for pidfd in timed:
                yield pidfd, partial(timed.ended, pidfd)

    def _timeout(self) -> int | None:
        times = [ward.next_change() for ward in self._wards.values()]
        times += [self._workers.running.next_deadline(), self._leaving.next_deadline()]
        soonest = min((time for time in times if time is not None), default=None)
        if soonest is None:
            return None
        return max(0, int((soonest - self._clock.monotonic()) * 1000) + 1)

    def _heard(self, ward: Ward) -> None:
        control = ward.control
        if control is None:
            return  # closed by what came before in the same round
        try:
            data, fds, _, _ = socket.recv_fds(control, _MESSAGE, 1, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:  # it died with words of ours unread
            data, fds = b"", []
        if data == BEAT:
            ward.beat()
            if ward is self._head:
                self._init.beat()
        elif data[:1] == WORK and fds:
            self._workers.ask(ward.daemon.name, data[1:].decode(errors="replace"), socket.socket(fileno=fds.pop()))
        elif data[:1] in (START, STOP) and ward is self._head:
            self._want(data[1:].decode(errors="replace"), data[:1] == START)
        elif data == LEAVE and ward.daemon.port:
            self._leave(ward)
        elif not data:
            ward.hang_up()
        for fd in fds:
            os.close(fd)

    def _want(self, name: str, wanted: bool) -> None:
        ward = self._wards.get(name)
        if ward is not None and ward.daemon.asked:
            ward.want(wanted)

    def _leave(self, ward: Ward) -> None:
        pidfd = ward.succeeded()
        if pidfd is not None:
            self._leaving.add(pidfd, LEAVING_SECONDS)

    def _ended(self, ward: Ward) -> None:
        if not ward.ended():
            return
        status = ward.status or 0
        if ward is not self._head and os.WIFSIGNALED(status) and os.WTERMSIG(status) in CRASHES:
            self._crashed()

    def _crashed(self) -> None:
        """Who makes a daemon crash again and again may be guessing at its memory: give the next one another layout."""
        now = self._clock.monotonic()
        self._crashes.append(now)
        if len(self._crashes) < CRASH_LIMIT or now - self._crashes[0] > CRASH_SECONDS:
            return
        self._workers.end_all()
        self._leaving.end_all()
        self._launcher.again()

    def _tell(self) -> None:
        if self._line.end is not None and self._send(self._line.end):
            self._line.told()
        if self._line.end is None:
            self._tell_once(NAME, self._line.present)
        for name, ward in self._wards.items():
            if ward.last_pid:  # one that nobody has asked for is no news
                self._tell_once(name, _news(ward))

    def _tell_once(self, name: str, news: bytes) -> None:
        if self._told.get(name) != news and self._send(news):
            self._told[name] = news

    def _send(self, news: bytes) -> bool:
        """Tell machined; False when it is behind or gone, and will be told again."""
        control = self._head.control
        if control is None:
            return False
        try:
            return control.send(news, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) > 0
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return False


def _news(ward: Ward) -> bytes:
    status = -1 if ward.status is None else ward.status
    return NEWS.pack(ward.daemon.name.encode(), ward.last_pid, ward.start_time, status, ward.fresh())
