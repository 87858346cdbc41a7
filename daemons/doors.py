"""What the daemons with a door to the network have in common: the listening socket that they are given, and a life
until SIGTERM. Then the door is left to a successor at once, and this process ends what it has begun."""

import asyncio
import signal
import socket
from typing import Final, Protocol

from core.rpc.server import Server
from daemons.context import DOOR, Context

DRAIN_SECONDS: Final = 5.0


class Door(Protocol):
    """Serves on a listening socket, until cancelled."""

    @property
    def server(self) -> Server: ...

    async def serve(self, listener: socket.socket) -> None: ...


async def keep_open(context: Context, door: Door) -> None:
    """Serve until SIGTERM, then let calls under way end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(context.keep_beating(), name="beating")
        with socket.socket(fileno=context.fds[DOOR]) as listener:
            serving = group.create_task(door.serve(listener), name="door")
            await stop.wait()
            door.server.stop_accepting()
        beating.cancel()
        context.leave()
        await door.server.drain(DRAIN_SECONDS)
        serving.cancel()
