"""A call that is handed over: its caller sees what it would see without the proxy in between, and however it ends, it
ends for both sides and what was held for it is let go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from google.protobuf.wrappers_pb2 import BytesValue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.forward import forward
from core.rpc.metadata import carried
from core.rpc.status import Code, RpcError
from ext.http2.connection import Connection
from ext.http2.limits import Limits
from tests.rpc.conftest import Run
from tests.rpc.echo import BOTH, DOWN, HANG, UNARY, UP, Echo, serving, until

MESSAGE = BytesValue(value=b"message")


class Proxy:
    """What a test sees of a proxy: the calls that were handed over, and how many of them have let go."""

    def __init__(self, upstream: Channel) -> None:
        self._upstream = upstream
        self.contexts: list[Context] = []
        self.ended = 0

    @property
    def upstream(self) -> Connection:
        """Its connection to the server."""
        connection = self._upstream.standing()
        assert connection is not None
        return connection

    def let_go(self) -> None:
        """For the stack that is held."""
        self.ended += 1


@asynccontextmanager
async def proxied(folder: Path, echo: Echo, limits: Limits | None = None) -> AsyncIterator[tuple[Proxy, Channel, str]]:
    """A proxy before a server: what it sees, a channel to it, and the server's address."""
    async with serving(folder / "inner", echo) as (inner, _), Channel(inner) as upstream:
        proxy = Proxy(upstream)

        async def fallback(ctx: Context, requests: AsyncIterator[bytes]) -> None:
            proxy.contexts.append(ctx)
            held = ExitStack()
            held.callback(proxy.let_go)
            await forward(ctx, upstream, carried(ctx.stream.headers), held=held)

        outer = serving(folder / "outer", None, fallback=fallback, limits=limits)
        async with outer as (address, _), Channel(address) as channel:
            yield proxy, channel, inner


@pytest.mark.parametrize("path", [UNARY, DOWN, UP, BOTH])
@pytest.mark.parametrize("code", [None, 5])
def test_a_proxy_passes_everything_on(run: Run, tmp_path: Path, path: str, code: int | None) -> None:
    async def main() -> None:
        async with proxied(tmp_path, Echo()) as (proxy, outer, inner), Channel(inner) as channel:
            assert await _observe(outer, path, code) == await _observe(channel, path, code)
            assert proxy.ended == 1

    run(main())


async def _observe(channel: Channel, path: str, code: int | None) -> list[object]:
    """Everything a client can see of a call."""
    metadata: list[tuple[str, str | bytes]] = [("echo-a", "1"), ("echo-bin", b"\x00")]
    if code is not None:
        metadata += [("code", str(code)), ("message-bin", "weil's ü".encode())]
    seen: list[object] = []
    call = channel.raw(path, metadata)
    for _ in range(3 if path in (UP, BOTH) else 1):
        await call.send(MESSAGE.SerializeToString())
    await call.end()
    try:
        async for message in call:
            seen.append(message)
    except RpcError as error:
        seen += [error.code, error.message, [str(detail) for detail in error.details]]
    return [*seen, await call.initial(), call.trailing]


def test_a_proxy_passes_on_cancelling_both_ways(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with proxied(tmp_path, echo) as (proxy, channel, _):
            call = asyncio.create_task(channel.unary(HANG, MESSAGE, BytesValue))
            await echo.started.wait()
            call.cancel()
            await echo.ended.wait()
            big = BytesValue(value=bytes(65536))
            stream = channel.server_stream(DOWN, big, BytesValue, [("count", "100000")])
            echo.ended.clear()
            await anext(stream)
            before = -1
            while before != echo.sent:
                before = echo.sent
                await asyncio.sleep(0.05)
            assert echo.sent * 65536 < 16 << 20  # the slow reader is felt through the proxy
            await stream.aclose()
            await echo.ended.wait()
            await until(lambda: proxy.ended == 2)

    run(main())


@pytest.mark.parametrize("how", ["deadline", "cancelled", "server"])
def test_an_end_in_the_middle_is_everybodys(run: Run, tmp_path: Path, how: str) -> None:
    """By the caller's deadline, by who handed it over, and because the server is gone."""

    async def main() -> None:
        echo = Echo()
        async with proxied(tmp_path, echo) as (proxy, channel, _):
            connection = await channel.connection()
            fields = [(b"content-type", b"application/grpc")]
            if how == "deadline":  # which this caller does not watch itself
                fields.append((b"grpc-timeout", b"50m"))
            stream = connection.request(HANG.encode(), b"x", b"http", fields)
            stream.end(MESSAGE.SerializeToString())
            if how == "cancelled":
                await echo.started.wait()
                task = proxy.contexts[0].task
                assert task is not None
                task.cancel()
            elif how == "server":
                await echo.started.wait()
                proxy.upstream.close("gone")
            await until(lambda: stream.trailers is not None or stream.closed)
            codes = {"deadline": Code.DEADLINE_EXCEEDED, "cancelled": Code.CANCELLED, "server": Code.UNAVAILABLE}
            assert dict(stream.headers)[b"grpc-status"] == b"%d" % codes[how]
            await until(lambda: not echo.started.is_set() or echo.ended.is_set())
            assert proxy.ended == 1

    run(main())


def test_what_is_no_message_is_told_to_both(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with proxied(tmp_path, Echo(), Limits(message=1000)) as (proxy, channel, _):
            call = channel.bidi(BOTH, BytesValue, BytesValue)
            await call.send(MESSAGE)
            assert await anext(call) == MESSAGE
            await call.send(BytesValue(value=bytes(2000)))
            with pytest.raises(RpcError) as caught:
                await anext(call)
            assert caught.value.code is Code.RESOURCE_EXHAUSTED
            assert proxy.ended == 1

    run(main())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 200_000), max_size=12), together=st.booleans())
def test_any_messages_pass_in_order(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], together: bool) -> None:
    """Both ways at once, or all of one before any of the other is read."""

    async def main() -> None:
        messages = [BytesValue(value=bytes([number]) * size) for number, size in enumerate(sizes)]
        async with proxied(tmp_path_factory.mktemp("proxy"), Echo()) as (proxy, channel, _):
            call = channel.bidi(BOTH, BytesValue, BytesValue)
            got: list[BytesValue] = []
            for message in messages:
                await call.send(message)
                if together:
                    got.append(await anext(call))
            await call.end()
            got += [message async for message in call]
            assert got == messages
            assert proxy.ended == 1

    uvloop.run(main())
