"""A service for tests, told by metadata what to do, and the places to run it in."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from google.protobuf.wrappers_pb2 import BytesValue, StringValue

from core.rpc.context import Context
from core.rpc.server import Server
from core.rpc.service import Raw, Service, bidi, client_stream, server_stream, unary
from core.rpc.status import RpcError, code_of
from core.rpc.tls import ServerTLS
from ext.http2.limits import Limits

UNARY, DOWN, UP, BOTH, HANG = (f"/test.Echo/{name}" for name in ("Unary", "Down", "Up", "Both", "Hang"))


class Echo:
    """Answers with what it was sent; remembers cancelled and closed handlers."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.ended = asyncio.Event()
        self.started = asyncio.Event()
        self.contexts: list[Context] = []
        self.sent = 0

    def service(self) -> Service:
        """The service's table."""
        methods = {
            "Unary": unary(self.unary, BytesValue, BytesValue),
            "Down": server_stream(self.down, BytesValue, BytesValue),
            "Up": client_stream(self.up, BytesValue, BytesValue),
            "Both": bidi(self.both, BytesValue, BytesValue),
            "Hang": unary(self.hang, BytesValue, BytesValue),
        }
        return Service("test.Echo", methods)

    async def unary(self, ctx: Context, request: BytesValue) -> BytesValue:
        """The request, after what the metadata asks for."""
        await self._obey(ctx)
        return request

    async def down(self, ctx: Context, request: BytesValue) -> AsyncIterator[BytesValue]:
        """The request as often as the metadata `count` says."""
        await self._obey(ctx)
        try:
            for _ in range(int(_text(ctx, "count", "3"))):
                yield request
                self.sent += 1
        except BaseException as error:
            self.cancelled.append(type(error).__name__)
            raise
        finally:
            self.ended.set()

    async def up(self, ctx: Context, requests: AsyncIterator[BytesValue]) -> BytesValue:
        """The requests joined; with metadata `slow`, only after the event `started` is set by the test."""
        if ctx.metadata.get("slow"):
            await self.started.wait()
        return BytesValue(value=b"".join([request.value async for request in requests]))

    async def both(self, ctx: Context, requests: AsyncIterator[BytesValue]) -> AsyncIterator[BytesValue]:
        """Each request as it comes."""
        await self._obey(ctx)
        async for request in requests:
            yield request

    async def hang(self, ctx: Context, request: BytesValue) -> BytesValue:
        """Never, unless cancelled."""
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append("hang")
            raise
        finally:
            self.ended.set()
        raise AssertionError("unreachable")

    async def _obey(self, ctx: Context) -> None:
        self.contexts.append(ctx)
        echo = [pair for pair in ctx.metadata if pair[0].startswith("echo-")]
        ctx.set_initial(echo)
        ctx.set_trailing([("trail", "end"), ("trail-bin", b"\x00\xff")])
        if ctx.metadata.get("wait"):
            await asyncio.sleep(0)
        code = ctx.metadata.get("code")
        if isinstance(code, str):
            text = ctx.metadata.get("message-bin") or b""
            assert isinstance(text, bytes)
            raise RpcError(code_of(int(code)), text.decode(), [StringValue(value="detail")])


def _text(ctx: Context, key: str, default: str) -> str:
    value = ctx.metadata.get(key)
    return value if isinstance(value, str) else default


@asynccontextmanager
async def serving(
    where: Path | ServerTLS | None, echo: Echo | None, *, limits: Limits | None = None, fallback: Raw | None = None
) -> AsyncIterator[tuple[str, Server]]:
    """A server on a unix socket, or on TCP with TLS or (None) in the clear; yields its address."""
    if isinstance(where, Path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(where))
        address = f"unix:{where}"
    else:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with listener:
        listener.listen(128)
        server = Server([echo.service()] if echo else [], limits=limits, fallback=fallback)
        await server.serve(listener, where if isinstance(where, ServerTLS) else None)
        try:
            yield address, server
        finally:
            await server.drain(0)


async def until(condition: object) -> None:
    """Let the loop turn until the callable is true; the test's time limit ends a wait that is in vain."""
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is waited for is in C and tells nobody
            await asyncio.sleep(0.001)
