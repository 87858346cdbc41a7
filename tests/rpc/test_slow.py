"""Peers that do not go on, over real sockets: what each loses, and that calls beside it are answered."""

from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.client import connect
from ext.http2.limits import Limits
from tests.fuzz import frames
from tests.fuzz.frames import frame
from tests.rpc.conftest import Run
from tests.rpc.echo import BOTH, DOWN, UNARY, Echo, serving, until
from tests.rpc.raw import block, opened, rude, said, ssl_context
from tests.rpc.test_tls import server_tls

MESSAGE = BytesValue(value=b"message")
CALM = 11
SOON = Limits(patience=0.1)


def test_headers_that_never_end(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo(), limits=SOON) as (address, server), rude(address) as bad:
            await bad.write(frame(frames.HEADERS, 0, 1, block()[:5]))
            assert await bad.rest() == CALM
            await until(lambda: server.connections == 0)

    run(main())


@pytest.mark.parametrize("part", [b"", b"\0", b"\0\0\0\0\2\x0a"])
def test_a_request_that_never_comes_loses_its_stream(run: Run, tmp_path: Path, part: bytes) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo(), limits=SOON) as (address, _), rude(address) as bad:
            await bad.write(opened(1, BOTH), opened(3), *([frame(frames.DATA, 0, 3, part)] if part else []))
            await bad.until(3)
            assert bad.resets == {3: CALM}
            await bad.write(said(1, b"for a stream between messages there is time"), opened(5), said(5, b"x"))
            await bad.until(1)
            await bad.until(5)
            assert (bad.resets, bad.goaway) == ({3: CALM}, None)

    run(main())


@pytest.mark.parametrize("tls", [True, False])
def test_who_reads_nothing_is_left(run: Run, tmp_path: Path, tls: bool) -> None:
    async def main() -> None:
        echo = Echo()
        where = server_tls(required=False) if tls else tmp_path / "s"
        async with (
            serving(where, echo, limits=SOON) as (address, server),
            rude(address, ssl_context() if tls else None) as bad,
        ):
            wide = frame(frames.SETTINGS, 0, 0, b"\0\4\x7f\xff\xff\xff") + frame(
                frames.WINDOW_UPDATE, 0, 0, b"\x7f\xff\0\0"
            )
            await bad.write(wide, opened(1, DOWN, 4, ("count", "1000000")), said(1, bytes(100)))
            await until(lambda: server.connections == 1)
            await until(lambda: server.connections == 0)
            await echo.ended.wait()
            assert echo.sent * 105 < 16 << 20

    run(main())


def test_who_opens_no_window_costs_little(run: Run, tmp_path: Path) -> None:
    """Its handlers wait; however many they are, what is queued for all of them is bounded."""

    async def main() -> None:
        echo, calls = Echo(), range(1, 101, 2)
        async with serving(tmp_path / "s", echo, limits=Limits(output=1 << 20)) as (address, server):
            async with rude(address) as bad, await connect(address) as good:
                await bad.write(frame(frames.SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
                for number in calls:
                    await bad.write(opened(number, DOWN, 4, ("count", "100000")), said(number, bytes(100)))
                await until(lambda: server.connections == 2 and len(echo.contexts) == len(calls))
                theirs = echo.contexts[0].stream.session
                await until(lambda: theirs.queued >= 1 << 19)
                for _ in range(10):
                    assert await good.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
                assert theirs.queued < 600_000
            await until(lambda: len(echo.cancelled) == len(calls))

    run(main())


def test_pings_alone_keep_no_connection(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            serving(tmp_path / "s", Echo(), limits=Limits(idle=0.05)) as (address, server),
            rude(address) as idler,
        ):
            while await idler.read() is not None:
                await idler.write(frame(frames.PING, 0, 0, bytes(8)))
            assert idler.goaway == 0
            await until(lambda: server.connections == 0)

    run(main())


def test_a_call_that_crossed_the_goaway_is_not_cut_off(run: Run, tmp_path: Path) -> None:
    """By a client, too, that leaves the server's PING unanswered, so that the last GOAWAY comes by time."""

    async def main() -> None:
        async with (
            serving(tmp_path / "s", Echo(), limits=Limits(idle=0.05)) as (address, server),
            rude(address) as client,
        ):
            while client.goaway is None:
                await client.read()
            await client.write(opened(1, BOTH))
            for _ in range(3):
                while await client.read() != frames.GOAWAY:
                    pass
            await client.write(said(1, b"still there"))
            await client.until(1)
            assert client.resets == {}
            assert await client.rest() == 0
            await until(lambda: server.connections == 0)

    run(main())
