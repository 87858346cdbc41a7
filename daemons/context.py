"""What a daemon gets from the spawner, and how it talks back: beats, short workers, news of the other daemons. Owns the
control socket's daemon end. The socket outlives the spawner (init holds its other end): no daemon sees it close."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from core.base.clock import SystemClock, to_next_beat
from core.base.errors import Denied, IchorError
from core.linux.init import Init

WORK_SECONDS: Final = 30.0
WORKERS: Final = 4
BEAT: Final = b"B"
WORK: Final = b"W"
GO: Final = b"G"
START: Final = b"S"
STOP: Final = b"E"
LEAVE: Final = b"L"
DOOR: Final = "door"  # the listening socket among what a daemon is given
NEWS: Final = struct.Struct("=16siQi?3x")


class WorkFailed(IchorError):
    """The function in the worker raised, or the worker died; the message says which."""


@dataclass(frozen=True, slots=True)
class News:
    """A daemon started (`status` None) or ended (`status` as waitpid gives it); `fresh`: it beats in time."""

    name: str
    pid: int
    start_time: int
    status: int | None
    fresh: bool


@dataclass(slots=True)
class Context:
    """Handed to `main` of each daemon. `init` is None for all but machined; it beats every `beat_seconds`; `fds` are
    the descriptors it was given."""

    name: str
    init: Init | None
    control: socket.socket
    beat_seconds: float
    fds: dict[str, int] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WORKERS))
    _unsaid: dict[str, bool] = field(default_factory=dict)  # which daemons are wanted, as far as it is not sent yet
    _room: asyncio.Future[None] | None = None  # while somebody waits for room in the socket

    async def keep_beating(self) -> None:
        """Tell the spawner that this daemon's loop turns, until cancelled. Run it beside the daemon's real work."""
        clock = SystemClock()
        while True:
            self.beat()
            await clock.sleep(to_next_beat(clock.monotonic(), self.beat_seconds))

    def beat(self) -> None:
        """One beat. A full socket means that the spawner is away; its successor reads what is queued."""
        try:
            self.control.send(BEAT, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return

    def leave(self) -> None:
        """Say that this process, which was told to end, takes no more callers, so that another may take its place at
        once. It beats no more. A spawner that is away starts the other one when this one has ended."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self.control.send(LEAVE, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def want(self, name: str, wanted: bool) -> None:
        """Have the spawner start, or end, a daemon that runs only where it is asked for. Asking for what is already so
        changes nothing; ask again when a new spawner tells of itself, for the one before may have died deaf. Said as
        soon as the socket takes it. Call it on a running loop."""
        self._unsaid.pop(name, None)
        self._unsaid[name] = wanted
        self._say()

    async def work(self, function: str, payload: bytes) -> bytes:
        """Run the listed `module:function` (bytes -> bytes) on `payload` in a fresh process, at most four at once.

        Raises Denied when it is not on the list, WorkFailed when it raised or died, TimeoutError after 30 s. The
        payload goes to the worker directly: the spawner never sees it.
        """
        async with self._slots, asyncio.timeout(WORK_SECONDS):
            mine, theirs = socket.socketpair()
            with mine:
                mine.setblocking(False)
                with theirs:
                    while not self._ask(function, theirs):
                        await asyncio.shield(self._roomy())
                return _verdict(function, await _exchange(mine, payload))

    def _ask(self, function: str, theirs: socket.socket) -> bool:
        """Hand a job in; False while the socket is full."""
        message, flags = WORK + function.encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        try:
            return socket.send_fds(self.control, [message], [theirs.fileno()], flags) > 0
        except BlockingIOError:
            return False

    def _say(self) -> None:
        """Send what is unsaid; what the socket does not take, when there is room."""
        for name, wanted in list(self._unsaid.items()):
            message = (START if wanted else STOP) + name.encode()
            try:
                self.control.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:  # the spawner is away; its successor reads what is queued
                self._roomy()
                return
            del self._unsaid[name]

    def _roomy(self) -> asyncio.Future[None]:
        """Done when the socket takes words again, those that are unsaid first."""
        if self._room is None:
            loop = asyncio.get_running_loop()
            self._room = loop.create_future()
            loop.add_writer(self.control.fileno(), self._go_on)
        return self._room

    def _go_on(self) -> None:
        room, self._room = self._room, None
        asyncio.get_running_loop().remove_writer(self.control.fileno())
        if room is not None:
            room.set_result(None)
        self._say()

    async def news(self) -> AsyncIterator[News]:
        """What happens to the daemons, from now on; at start the present state of each."""
        loop = asyncio.get_running_loop()
        self.control.setblocking(False)
        while data := await loop.sock_recv(self.control, NEWS.size):
            if data == GO:
                continue  # a new spawner's greeting
            name, pid, start, status, fresh = NEWS.unpack(data)
            yield News(name.rstrip(b"\0").decode(), pid, start, None if status < 0 else status, fresh)


async def _exchange(mine: socket.socket, payload: bytes) -> bytes:
    """Send all, then read to the end. Whoever refuses or dies does not read to the end first, but may have answered."""
    loop = asyncio.get_running_loop()
    answer = bytearray()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await loop.sock_sendall(mine, payload)
        mine.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionResetError):
        while piece := await loop.sock_recv(mine, 1 << 16):
            answer += piece
    return bytes(answer)


def _verdict(function: str, answer: bytes) -> bytes:
    kind, body = answer[:1], answer[1:]
    if kind == b"O":
        return body
    if kind == b"D":
        raise Denied(f"no worker may run {function}")
    reason = body.decode(errors="replace") if kind == b"E" else "the worker died"
    raise WorkFailed(f"{function}: {reason}")
