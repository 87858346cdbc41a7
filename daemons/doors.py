"""What the daemons with a door to the network have in common: a port on all addresses, and a life until SIGTERM."""

import asyncio
import signal
import socket
from typing import Final, Protocol

from core.rpc.server import Server
from daemons.context import Context

DRAIN_SECONDS: Final = 5.0


class Door(Protocol):
    """Serves on a listening socket, until cancelled."""

    @property
    def server(self) -> Server: ...

    async def serve(self, listener: socket.socket) -> None: ...


async def keep_open(context: Context, door: Door, port: int) -> None:
    """Serve until SIGTERM, then let calls under way end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with _listener(port) as listener:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(context.keep_beating(), name="beating"),
                group.create_task(door.serve(listener), name="door"),
            ]
            await stop.wait()
            await door.server.drain(DRAIN_SECONDS)
            for task in tasks:
                task.cancel()


def _listener(port: int) -> socket.socket:
    """Both families, all addresses; a successor takes over at once."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", port))
    sock.listen(512)
    return sock
