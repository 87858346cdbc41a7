"""A connection alone on a socket, its peer the test: how it ends when it cannot go on."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from ext.http2.connection import Connection, live
from ext.http2.limits import Limits
from ext.http2.session import Stream
from tests.fuzz import frames
from tests.rpc.conftest import Run
from tests.rpc.echo import until
from tests.rpc.raw import opened


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[tuple[Connection, socket.socket]]:
    """A server's connection, and the other end of its socket, on which the session was opened."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.sendall(frames.OPENING)
    connection = Connection(True, loop=asyncio.get_running_loop(), sock=here, **options)
    with there:
        try:
            yield connection, there
        finally:
            connection.close()


async def _gone_while_idle() -> None:
    ended = asyncio.Event()
    async with served(limits=Limits(idle=0.05), on_close=lambda _: ended.set()) as (connection, there):
        await until(lambda: connection.settled)  # and has said so
        there.shutdown(socket.SHUT_RD)  # which tells nobody who does not write
        await ended.wait()
        assert not connection.open


def test_an_idle_one_that_cannot_say_so_is_gone_at_once(run: Run) -> None:
    async def main() -> None:
        before = live()["connections"]
        await _gone_while_idle()
        await asyncio.sleep(0)  # who called is still at work in this turn
        gc.collect()
        assert live()["connections"] == before

    run(main())


def test_one_that_cannot_write_on_ends(run: Run) -> None:
    async def main() -> None:
        streams = asyncio.Queue[Stream]()
        async with served(on_request=streams.put_nowait) as (connection, there):
            there.sendall(opened(1))
            stream = await streams.get()
            stream.start([(b":status", b"200")])
            with pytest.raises(TypeError):
                stream.finish([], cast(list[tuple[bytes, bytes]], [("not", "bytes")]))
            assert not connection.open
            assert stream.closed

    run(main())
