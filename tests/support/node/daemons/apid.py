"""A stand-in for apid: beats, more often than the real one, and tells who comes to its door its pid. On SIGUSR1 it
calls what its filter forbids; on SIGUSR2 it leaves the door and lives on."""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from typing import Any

from daemons.context import DOOR, Context


def main(context: Context) -> None:
    """Live until killed."""
    signal.signal(signal.SIGUSR1, _offend)
    print("apid stand-in", flush=True)
    context.beat_seconds = 1.0  # so that a test sees within seconds that its beats are not machined's
    asyncio.run(_live(context))


async def _live(context: Context) -> None:
    leaving, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR2, leaving.set)
    beating = asyncio.create_task(context.keep_beating())
    with socket.socket(fileno=context.fds[DOOR]) as door:
        door.setblocking(False)
        loop.add_reader(door, _receive, door)
        await leaving.wait()
        loop.remove_reader(door)
    beating.cancel()
    context.leave()
    await asyncio.Event().wait()


def _receive(door: socket.socket) -> None:
    with suppress(BlockingIOError), door.accept()[0] as caller:
        caller.send(str(os.getpid()).encode())


def _offend(*_: Any) -> None:
    os.memfd_create("forbidden")
