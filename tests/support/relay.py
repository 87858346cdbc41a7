"""A TCP relay in front of a server: a network that stops after so many bytes, until it is let go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE = 1 << 16


class Relay:
    """Passes bytes on; of what the server says only as much as is allowed."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._left = asyncio.Condition()
        self._allowance = 0
        self.port = 0

    async def stop(self, after: int) -> None:
        """Let no more than so many bytes through from now on."""
        async with self._left:
            self._allowance = after
            self._left.notify_all()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, back))
                group.create_task(self._measured(there, writer))
        except* OSError:
            pass  # either side left
        finally:
            back.close()
            writer.close()

    async def _measured(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(PIECE):
            async with self._left:
                await self._left.wait_for(lambda: self._allowance > 0)
                self._allowance -= len(data)
            sink.write(data)
            await sink.drain()
        sink.write_eof()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(PIECE):
        sink.write(data)
        await sink.drain()
    sink.write_eof()


@asynccontextmanager
async def relayed(address: str) -> AsyncIterator[Relay]:
    """A relay to `address` on a port of its own; nothing passes yet."""
    relay = Relay(address)
    server = await asyncio.start_server(relay.serve, "127.0.0.1")
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
