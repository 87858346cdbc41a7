"""A server of ours on a unix socket, with our own client on it."""

import socket
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from core.rpc.client import Channel
from core.rpc.server import Server
from core.rpc.service import Service


@asynccontextmanager
async def served(services: Iterable[Service]) -> AsyncIterator[tuple[Channel, Path]]:
    """A channel to a server of these services, and the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="ichor-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder, "api.sock")
        listener.bind(str(path))
        listener.listen()
        server = Server(services)
        await server.serve(listener)
        try:
            async with Channel(path) as channel:
                yield channel, path
        finally:
            await server.drain(0)
