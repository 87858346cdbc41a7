"""The front door as a process: listens on :50000, asks machined over its local socket. Unprivileged, without init; it
holds no state, so that the spawner may start it anew at any time."""

import asyncio
import logging
import signal
import socket
from typing import Final

import uvloop

from core.base.clock import SystemClock
from core.node.front import Door
from core.rpc.client import Channel
from daemons.context import Context

_log = logging.getLogger("apid")
PORT: Final = 50000
MACHINED: Final = "/system/run/machined/apid.sock"
DRAIN_SECONDS: Final = 5.0


def main(context: Context) -> None:
    """Serve until SIGTERM."""
    _log.info("starts")
    uvloop.run(_run(context))


async def _run(context: Context) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    door = Door(Channel(MACHINED), SystemClock())
    with _listener() as listener:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(context.keep_beating(), name="beating"),
                group.create_task(door.serve(listener), name="door"),
            ]
            await stop.wait()
            await door.server.drain(DRAIN_SECONDS)
            for task in tasks:
                task.cancel()


def _listener() -> socket.socket:
    """Both families, all addresses; a successor takes over at once."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", PORT))
    sock.listen(512)
    return sock
