"""The client of init's control socket (ext/init/protocol.h): named descriptors, the exit journal, beats, power. Owns
one connection; synchronous, because init answers at once and from memory, and every call is bounded. Not shared between
processes: a fork makes its own."""

import array
import enum
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol, Self

from core.base.errors import Invalid

SOCKET: Final = "/run/ichor/init.sock"
NAME: Final = 64
PAGE: Final = 512
TIMEOUT: Final = 5.0
REQUEST: Final = struct.Struct("=IIQ64s")
REPLY: Final = struct.Struct("=iI")
EXIT: Final = struct.Struct("=QQQQQqii")
STATUS: Final = struct.Struct("=QQQiIII")
_Fields = tuple[int, int, int, int, int, int, int, int]


class Op(enum.IntEnum):
    """What can be asked."""

    PUT = 1
    GET = 2
    DROP = 3
    NAMES = 4
    EXITS = 5
    BEAT = 6
    REBOOT = 7
    POWEROFF = 8
    HALT = 9
    STATUS = 10


class Action(enum.Enum):
    """How everything can end."""

    REBOOT = "reboot"
    POWEROFF = "poweroff"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a process. `start_time` in clock ticks since boot, in init's journal 0 unless init held a pidfd of it;
    `status` as waitpid gives it, `user` and `system` in seconds of CPU, `max_rss` in bytes, `time` in seconds since the
    epoch; `sequence` 0 when not from a journal."""

    sequence: int
    pid: int
    start_time: int
    status: int
    user: float
    system: float
    max_rss: int
    time: float


@dataclass(frozen=True, slots=True)
class Status:
    """What init says of itself. `beat_age` in seconds; `spawner` is None while it waits for its restart."""

    exits: int
    beat_age: float
    spawner_starts: int
    spawner: int | None
    descriptors: int
    machine: bool
    watchdog: bool


class FdTable(Protocol):
    """The part of init that keeps named descriptors for as long as the machine lives."""

    def get(self, name: str) -> int | None: ...

    def put(self, name: str, fd: int) -> None: ...

    def drop(self, name: str) -> None: ...

    def names(self) -> list[str]: ...


class Init:
    """A connection to PID 1. Failures are OSError with init's errno and the name it was about."""

    def __init__(self, path: str = SOCKET) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._socket.settimeout(TIMEOUT)
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, f"connect to init: {error.strerror}", path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. What was put stays with init."""
        self._socket.close()

    def fileno(self) -> int:
        """The connection's descriptor."""
        return self._socket.fileno()

    def put(self, name: str, fd: int) -> None:
        """Let init keep a duplicate of `fd` under `name` (1 to 63 bytes), in place of an earlier one."""
        self._ask(Op.PUT, name, fds=(fd,))

    def get(self, name: str) -> int | None:
        """A duplicate (close-on-exec) of what is kept under `name`; the caller owns it."""
        try:
            fds = self._ask(Op.GET, name)[2]
        except FileNotFoundError:
            return None
        return fds[0]

    def drop(self, name: str) -> None:
        """Close what is kept under `name`. Raises FileNotFoundError when there is nothing."""
        self._ask(Op.DROP, name)

    def names(self) -> list[str]:
        """All names that hold a descriptor."""
        count, body, _ = self._ask(Op.NAMES)
        return [body[i * NAME : (i + 1) * NAME].rstrip(b"\0").decode() for i in range(count)]

    def journal(self, since: int = 0) -> list[Exit]:
        """The exits after sequence `since`, oldest first; init keeps 4096, older ones show as a jump in sequence."""
        return [_exit(*fields) for fields in self._exits(since)]

    def exit_of(self, pid: int, start_time: int) -> Exit | None:
        """The exit of a process whose pidfd init held; None when it is not reaped yet, or when 4096 ended after it."""
        found = next((exit_ for exit_ in self._exits(0) if exit_[6] == pid and exit_[1] == start_time), None)
        return _exit(*found) if found else None

    def _exits(self, since: int) -> Iterator[_Fields]:
        while True:
            _, body, _ = self._ask(Op.EXITS, argument=since)
            page = list(EXIT.iter_unpack(body))
            yield from page
            if len(page) < PAGE:
                return
            since = page[-1][0]

    def beat(self) -> None:
        """Say that the node is alive; without a beat the watchdog is not petted."""
        self._ask(Op.BEAT)

    def power(self, action: Action, reason: str = "") -> None:
        """End everything. Returns once init has begun; `reason` (cut to 63 bytes) is kept for the next boot."""
        cut = reason.encode()[: NAME - 1].decode(errors="ignore")
        self._ask(Op[action.name], cut)

    def status(self) -> Status:
        """Init's view of itself and the spawner."""
        exits, age, starts, pid, descriptors, machine, watchdog = STATUS.unpack(self._ask(Op.STATUS)[1])
        return Status(exits, age / 1000, starts, pid or None, descriptors, bool(machine), bool(watchdog))

    def _ask(
        self, op: Op, name: str = "", *, argument: int = 0, fds: tuple[int, ...] = ()
    ) -> tuple[int, bytes, list[int]]:
        raw = name.encode()
        if len(raw) >= NAME or b"\0" in raw:
            raise Invalid(f"{name!r} is not a name for init", remedy="use at most 63 bytes")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self._socket.sendmsg([REQUEST.pack(op, 0, argument, raw)], rights)
        # room for the largest answer; an answer that does not fit would be cut, never split
        data, control, _, _ = self._socket.recvmsg(
            REPLY.size + PAGE * EXIT.size, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC
        )
        received = _descriptors(control)
        if len(data) < REPLY.size:
            raise ConnectionResetError("init hung up")
        error, count = REPLY.unpack_from(data)
        if error:
            _fail(error, op, name)
        return count, data[REPLY.size :], received


def _exit(sequence: int, start: int, user: int, system: int, rss: int, time: int, pid: int, status: int) -> Exit:
    return Exit(sequence, pid, start, status, user / 1e6, system / 1e6, rss, time / 1e9)


def _descriptors(control: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return fds.tolist()


def _fail(error: int, op: Op, name: str) -> NoReturn:
    raise OSError(error, f"init, {op.name.lower()}: {os.strerror(error)}", name or None)
