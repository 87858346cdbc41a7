"""A gRPC server on listening sockets: accepts, bounds and drains connections; calls go to the dispatcher.

Owns the connections it accepted, not the listening sockets, which are the caller's to make and to close.
"""

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Iterable, Mapping
from functools import partial

from core.rpc.admission import Admission
from core.rpc.context import Peer
from core.rpc.dispatch import Dispatcher, Guard
from core.rpc.plain import Page
from core.rpc.service import Raw, Service
from core.rpc.sockets import keep_alive
from core.rpc.tls import ServerTLS
from ext.http2.connection import Connection
from ext.http2.limits import Limits
from ext.http2.tally import Tally

logger = logging.getLogger(__name__)

_GONE = frozenset(
    {errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENETDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH}
)
_BATCH = 16  # connections accepted in one turn
_PAUSE = 0.1  # seconds without accepting after the kernel refused a descriptor


class Server:
    """Serves `services` on any number of sockets; methods of nobody go to `fallback`, which sees bytes. Once it has
    stopped accepting it never begins again.

    `guard` is asked before every call and raises what the caller is to be told. `pages` are what a plain GET may see,
    by path.
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        fallback: Raw | None = None,
        guard: Guard | None = None,
        pages: Mapping[str, Page] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._dispatcher = Dispatcher(services, fallback, guard, pages or {})
        self._limits = limits or Limits()
        self._listeners: dict[int, tuple[socket.socket, ServerTLS | None]] = {}
        self._crowd = Admission(self._limits)
        self._left = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def serve(self, listener: socket.socket, tls: ServerTLS | None = None) -> None:
        """Accept on a listening socket from now on; returns at once. Unix sockets go without TLS."""
        if listener.family == socket.AF_UNIX and tls is not None:
            raise ValueError("unix sockets are served in the clear")
        if self._left:
            return
        listener.setblocking(False)
        self._listeners[listener.fileno()] = (listener, tls)
        self._watch(listener.fileno())

    async def drain(self, seconds: float) -> None:
        """Stop accepting, tell peers to go elsewhere, let calls end for that long, then cancel what is left. Who has
        not shaken hands yet may still do so, and call: a client that is sent away before counts that as a failure."""
        self.stop_accepting()
        for connection in self._crowd.connections:
            connection.drain()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            for connection in self._crowd.connections:
                connection.close("server is shutting down")
        if self._dispatcher.tasks:
            await asyncio.wait(self._dispatcher.tasks)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._crowd)

    @property
    def tally(self) -> Tally:
        """The calls that have ended."""
        return self._dispatcher.tally

    def stop_accepting(self) -> None:
        """Leave the listening sockets alone from now on; who waits there is another's."""
        self._left = True
        loop = asyncio.get_running_loop()
        for fd in self._listeners:
            loop.remove_reader(fd)
        self._listeners.clear()

    def _watch(self, fd: int) -> None:
        if fd in self._listeners and len(self._crowd) < self._limits.connections:
            asyncio.get_running_loop().add_reader(fd, self._accept, fd)

    def _accept(self, fd: int) -> None:
        listener, tls = self._listeners[fd]
        for _ in range(_BATCH):
            if len(self._crowd) >= self._limits.connections:
                asyncio.get_running_loop().remove_reader(fd)  # until one closes
                return
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _GONE:
                    continue
                self._pause(fd, error)
                return
            if self._crowd.admits(address):
                self._open(sock, address, tls)
            else:
                sock.close()

    def _pause(self, fd: int, error: OSError) -> None:
        """No descriptor or memory left: accepting at once again would only spin."""
        logger.error("cannot accept connections for now: %s", error)
        loop = asyncio.get_running_loop()
        loop.remove_reader(fd)
        loop.call_later(_PAUSE, self._watch, fd)

    def _open(self, sock: socket.socket, address: object, tls: ServerTLS | None) -> None:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            keep_alive(sock)
        connection = Connection(
            True,
            loop=asyncio.get_running_loop(),
            sock=sock,
            tls=tls.context if tls is not None else None,
            on_close=self._closed,
            limits=self._limits,
        )
        if connection.open:
            connection.on_request = partial(self._dispatcher.dispatch, _peer(sock, address, connection))
            self._empty.clear()
            self._crowd.add(connection, address)

    def _closed(self, connection: Connection) -> None:
        self._crowd.remove(connection)
        if not len(self._crowd):
            self._empty.set()
        if len(self._crowd) == self._limits.connections - 1:
            for fd in self._listeners:
                self._watch(fd)


def _peer(sock: socket.socket, address: object, connection: Connection) -> Peer:
    if sock.family == socket.AF_UNIX:
        pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return Peer(str(sock.getsockname()), pid, uid, gid, connection)
    host, port = address[0], address[1]  # type: ignore[index]  # accept() gives a tuple for TCP
    return Peer(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", connection=connection)
