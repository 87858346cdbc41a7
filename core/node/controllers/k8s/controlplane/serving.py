"""StaticPods -> the list that the kubelet fetches over HTTP at 127.0.0.1 -> StaticPodServerStatus.

The listening socket is in init's table, so that the port stays while the machine is up: the kubelet makes the URL part
of a pod's identity, and would start every pod anew for another one. Nobody is answered before machined knows what there
is to run. The kubelet asks again and again; who has been told on its connection what there is, is answered when that
has changed, or after a while with the same: so a change arrives at once and asking costs next to nothing."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from core.linux.init import FdTable
from core.node.resources.k8s import StaticPod, StaticPodServerStatus
from core.state import Controller, Scope, exclusive, weak

NAME: Final = "listen.static-pods"
ID: Final = "static-pod-server-status"
VISITORS: Final = 8  # at a time; there is one kubelet
HEAD: Final = 8192  # bytes of a request
IDLE: Final = 60.0  # seconds between requests
HOLD: Final = 8.0  # seconds for an answer; the kubelet waits ten
_BACKLOG: Final = 16
_EMPTY: Final = b'{"kind":"PodList","apiVersion":"v1","items":[]}'


def listener(table: FdTable) -> socket.socket:
    """The listening socket: init's, or a new one on a port that is free."""
    held = table.get(NAME)
    if held is not None:
        return socket.socket(fileno=held)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    sock.bind(("127.0.0.1", 0))
    sock.listen(_BACKLOG)
    table.put(NAME, sock.fileno())
    return sock


class StaticPodServer(Controller):
    """Serves on `sock` from when `rested` comes back."""

    name = "k8s.StaticPodServerController"
    inputs = (weak(StaticPod),)
    outputs = (exclusive(StaticPodServerStatus),)

    def __init__(self, sock: socket.socket, rested: Callable[[], Awaitable[None]]) -> None:
        self._sock, self._rested = sock, rested
        self._list = _EMPTY
        self._changed = asyncio.Event()
        self._visitors = 0

    async def reconcile(self, scope: Scope) -> None:
        pods = [resource.spec.pod for resource in scope.list(StaticPod.all()) if not resource.md.tearing_down]
        made = msgspec.json.encode({"kind": "PodList", "apiVersion": "v1", "items": pods})
        if made != self._list:
            self._list = made
            self._changed.set()
            self._changed = asyncio.Event()
        host, port = self._sock.getsockname()
        scope.put(ID, StaticPodServerStatus(url=f"http://{host}:{port}/"))

    async def work(self, scope: Scope) -> None:
        await self._rested()
        async with await asyncio.start_server(self._visit, sock=self._sock.dup(), limit=HEAD) as server:
            await server.serve_forever()

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it is closed, or says what is no request, or nothing for a while."""
        self._visitors += 1
        try:
            if self._visitors <= VISITORS:
                await self._converse(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # it is gone, or it is none that we serve
        finally:
            self._visitors -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said: bytes | None = None
        while True:
            async with asyncio.timeout(IDLE):
                head = await reader.readuntil(b"\r\n\r\n")
            method, target = (*head.partition(b"\r\n")[0].split(b" "), b"", b"")[:2]
            if method != b"GET" or target != b"/":
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                break
            if said is self._list:
                await self._change()
            said = self._list
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said) + said
            )
            async with asyncio.timeout(IDLE):
                await writer.drain()

    async def _change(self) -> None:
        """Come back when there is another list, or after HOLD."""
        try:
            async with asyncio.timeout(HOLD):
                await self._changed.wait()
        except TimeoutError:
            return
