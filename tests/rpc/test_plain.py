"""Pages beside calls: what curl gets of a server that speaks gRPC, and that calls are none the worse for it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from core.base.errors import Denied, NotFound, NotReady
from core.rpc.client import connect
from core.rpc.context import Context
from core.rpc.plain import Body
from core.rpc.server import Server
from core.rpc.tls import ClientTLS
from tests.rpc.conftest import Run
from tests.rpc.echo import HANG, UNARY, Echo, until
from tests.rpc.pki import authority, issue
from tests.rpc.test_tls import server_tls
from tests.support.curl import Shown, asked

LEAF = issue(authority("ed25519"))
SHOWN = Shown(authority("ed25519").pem, LEAF.pem, LEAF.key)
MESSAGE = BytesValue(value=b"message")
BIG = bytes(range(256)) * 40_000  # more than every window


class Pages:
    """Some, and what came of them."""

    def __init__(self) -> None:
        self.started, self.ended = asyncio.Event(), asyncio.Event()

    def all(self) -> dict[str, object]:
        return {f"/{name}": getattr(self, name) for name in ("big", "broken", "empty", "missing", "slow", "away")}

    async def big(self, ctx: Context) -> Body:
        ctx.set_initial([("seen", "yes")])
        return Body("application/octet-stream", BIG)

    async def empty(self, ctx: Context) -> Body:
        return Body("text/plain", b"")

    async def missing(self, ctx: Context) -> Body:
        raise NotFound("nothing here")

    async def away(self, ctx: Context) -> Body:
        raise NotReady("not yet")

    async def broken(self, ctx: Context) -> Body:
        raise ZeroDivisionError

    async def slow(self, ctx: Context) -> Body:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        raise AssertionError


@asynccontextmanager
async def served(pages: Pages, echo: Echo | None = None) -> AsyncIterator[tuple[str, Server]]:
    echo = Echo() if echo is None else echo

    def guard(ctx: Context) -> None:
        if "forbidden" in ctx.metadata.text("cookie"):
            raise Denied("not authorized")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server([echo.service()], guard=guard, pages=pages.all())  # type: ignore[arg-type] # all are pages
        await server.serve(listener, server_tls())
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", server
        finally:
            await server.drain(0)


def test_pages_and_statuses(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with served(Pages()) as (address, _):
            big = await asked(tmp_path, address, "/big", SHOWN)
            assert (big.version, big.status, big.body == BIG) == ("HTTP/2", 200, True)
            assert (big.headers["content-type"], big.headers["seen"]) == ("application/octet-stream", "yes")
            assert big.headers["content-length"] == str(len(BIG))
            empty = await asked(tmp_path, address, "/empty", SHOWN)
            assert (empty.status, empty.body, empty.headers["content-length"]) == (200, b"", "0")
            for path, more, status, body in (
                ("/missing", (), 404, b"nothing here\n"),
                ("/away", (), 503, b"not yet\n"),
                ("/broken", (), 500, b"internal error\n"),
                ("/big", ("--header", "cookie: forbidden"), 403, b"not authorized\n"),
                ("/big", ("--request", "PUT"), 405, b""),
                ("/nowhere", (), 405, b""),
                ("/big", ("--request", "POST"), 415, b""),
            ):
                answer = await asked(tmp_path, address, path, SHOWN, *more)
                assert (answer.status, answer.body) == (status, body), path

    run(main())
    assert "/broken failed" in caplog.text
    caplog.clear()  # the traceback holds the connection


def test_who_leaves_ends_the_making_of_a_page(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        pages = Pages()
        async with served(pages) as (address, server):
            arguments = [*SHOWN.arguments(tmp_path), "--silent", "--http2", f"https://{address}/slow"]
            curl = await asyncio.create_subprocess_exec("curl", *arguments)
            await pages.started.wait()
            curl.kill()
            await curl.wait()
            await pages.ended.wait()
            await until(lambda: server.connections == 0)

    run(main())


def test_calls_and_pages_are_counted(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with served(Pages(), echo) as (address, server):
            tls = ClientTLS(authority("ed25519").pem, LEAF.pem, LEAF.key)
            async with await connect(address, tls) as channel:
                for _ in range(3):
                    await channel.unary(UNARY, MESSAGE, BytesValue)
            await asked(tmp_path, address, "/missing", SHOWN)
            await asked(tmp_path, address, "/big", SHOWN)

            def told() -> dict[tuple[bytes, int], int]:
                return {(method, code): sum(counts) for method, code, counts, _ in server.tally.rows()}

            assert told() == {(UNARY.encode(), 0): 3, (b"other", 5): 1, (b"/big", 0): 1}
            async with await connect(address, tls) as channel:
                call = asyncio.create_task(channel.unary(HANG, MESSAGE, BytesValue))
                await echo.started.wait()
                call.cancel()
                await echo.ended.wait()
                connection = await channel.connection()
                headers = [(b"content-type", b"application/grpc"), (b"grpc-timeout", b"1m")]
                stream = connection.request(HANG.encode(), b"x", b"https", headers)
                stream.end(MESSAGE.SerializeToString())
                await until(lambda: stream.closed)
            assert {code: count for (method, code), count in told().items() if method == HANG.encode()} == {1: 1, 4: 1}

    run(main())
