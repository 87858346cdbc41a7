"""Floods over real sockets: each ends its own connection, with the code for it; the call beside it is answered."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from hpack import Encoder

from core.rpc.client import connect
from core.rpc.tls import ClientTLS
from ext.http2.limits import Limits
from tests.fuzz import frames
from tests.fuzz.frames import frame
from tests.fuzz.targets import http2_server
from tests.rpc.conftest import Run
from tests.rpc.echo import HANG, UNARY, Echo, serving, until
from tests.rpc.raw import block, opened, rude, said, ssl_context
from tests.rpc.test_tls import server_tls

MESSAGE = BytesValue(value=b"message")
CALM, PROTOCOL, FRAME_SIZE = 11, 1, 6
LIMITS = Limits(noise=500, noise_rate=0, resets=100, resets_rate=0, streams=50)
MANY = range(1, 2001, 2)
PING = frame(frames.PING, 0, 0, bytes(8))
TOO_MUCH = b"\x7f\xff\xff\xff"
RESET = bytes([0, 0, 0, 8])


def resets() -> bytes:
    """Calls that are taken back at once (CVE-2023-44487)."""
    return b"".join(opened(n, HANG) + frame(frames.RST_STREAM, 0, n, RESET) for n in MANY)


def made_resets() -> bytes:
    """Calls that the server must reset, for a window that grows too large (CVE-2025-8671)."""
    return b"".join(opened(n, HANG) + frame(frames.WINDOW_UPDATE, 0, n, TOO_MUCH) for n in MANY)


FLOODS: dict[str, Callable[[], bytes]] = {
    "resets": resets,
    "resets of nothing": lambda: opened(1) + frame(frames.RST_STREAM, 0, 1, RESET) * 2000,
    "resets made": made_resets,
    "pings": lambda: PING * 5000,
    "answers to no ping": lambda: frame(frames.PING, 1, 0, bytes(8)) * 5000,
    "settings": lambda: frame(frames.SETTINGS, 0, 0) * 5000,
    "windows": lambda: frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 5000,
    "priorities": lambda: frame(frames.PRIORITY, 0, 1, bytes([0, 0, 0, 3, 5])) * 5000,
    "unknown frames": lambda: frame(0xBE, 0, 0, b"?") * 5000,
    "empty data": lambda: opened(1) + frame(frames.DATA, 0, 1) * 5000,
    "data by the byte": lambda: opened(1) + frame(frames.DATA, 0, 1, b"\0") * 5000,
    "continuations": lambda: (frame(frames.HEADERS, 0, 1, block()[:1]) + frame(frames.CONTINUATION, 0, 1, b"") * 100),
    "too large a frame": lambda: frame(frames.DATA, 0, 1, bytes(20_000)),
    "a stream from nowhere": lambda: frame(frames.DATA, 0, 7, b"?"),
    "a preface within": lambda: frames.PREFACE,
}
CODES = {
    "too large a frame": {FRAME_SIZE},
    "a stream from nowhere": {PROTOCOL},
    "a preface within": {PROTOCOL, FRAME_SIZE},
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_ends_its_connection_alone(run: Run, tmp_path: Path, what: str) -> None:
    async def main() -> None:
        echo, flood = Echo(), FLOODS[what]()
        async with (
            serving(tmp_path / "s", echo, limits=LIMITS) as (address, server),
            await connect(address) as good,
            rude(address) as bad,
        ):
            writing = asyncio.create_task(bad.write(flood))
            answers = [await good.unary(UNARY, MESSAGE, BytesValue) for _ in range(10)]
            assert await bad.rest() in CODES.get(what, {CALM})
            await writing
            assert answers == [MESSAGE] * 10
            assert await good.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            await until(lambda: server.connections == 1)
            assert len(echo.cancelled) <= LIMITS.streams + LIMITS.resets

    run(main())


@pytest.mark.parametrize("what", ["resets", "pings", "continuations"])
def test_a_flood_inside_tls(run: Run, tmp_path: Path, what: str) -> None:
    async def main() -> None:
        async with serving(server_tls(required=False), Echo(), limits=LIMITS) as (address, server):
            async with await connect(address, ClientTLS(insecure=True)) as good, rude(address, ssl_context()) as bad:
                writing = asyncio.create_task(bad.write(FLOODS[what]()))
                assert await good.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
                assert await bad.rest() in {CALM, None}  # the socket may be closed on what was not read yet
                await writing
                assert await good.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            await until(lambda: server.connections == 0)

    run(main())


@pytest.mark.parametrize("what", ["pings", "settings", "resets made"])
def test_answers_do_not_pile_up_for_who_does_not_read(run: Run, tmp_path: Path, what: str) -> None:
    limits = Limits(noise=10**9, resets=10**9)  # what is written is the bound here, not what is read
    endless = {
        "pings": lambda n: PING * 3000,
        "settings": lambda n: frame(frames.SETTINGS, 0, 0) * 5000,
        "resets made": lambda n: b"".join(
            opened(2 * k + 1, HANG) + frame(frames.WINDOW_UPDATE, 0, 2 * k + 1, TOO_MUCH) for k in range(n, n + 1000)
        ),
    }

    async def main() -> None:
        async with (
            serving(tmp_path / "s", Echo(), limits=limits) as (address, server),
            await connect(address) as good,
            rude(address) as bad,
        ):
            for turn in range(1000):
                await bad.write(endless[what](1000 * turn))
                if server.connections == 1:
                    break
            assert server.connections == 1
            assert await good.unary(UNARY, MESSAGE, BytesValue) == MESSAGE

    run(main())


def test_pings_of_who_also_calls_are_answered(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo(), limits=LIMITS) as (address, _), rude(address) as client:
            for number in range(1, 4001, 2):  # as grpc-go does: more pings by far than LIMITS allow by themselves
                await client.write(opened(number), said(number, b"x"), PING)
                await client.until(number)
            while client.acks < 2000:
                assert await client.read() is not None
            assert (client.goaway, client.resets) == (None, {})

    run(main())


@pytest.mark.parametrize("pairs", [300, 0])
def test_too_many_headers_end_the_call_alone(run: Run, tmp_path: Path, pairs: int) -> None:
    async def main() -> None:
        more = [(f"k{n}", "v") for n in range(pairs)] or [("k", "v" * 10_000)]
        limits = Limits(headers=8192, fields=100) if not pairs else Limits(fields=100)
        async with serving(tmp_path / "s", Echo(), limits=limits) as (address, _), rude(address) as client:
            await client.write(opened(1, UNARY, frames.END_HEADERS, *more), opened(3), said(3, b"x"))
            await client.until(3)
            await client.until(1)
            assert (client.resets, client.goaway) == ({1: CALM}, None)

    run(main())


def test_a_header_bomb_is_no_memory(run: Run, tmp_path: Path) -> None:
    """One long field in the table, then one byte for each time it is said again (RFC 7541, 7.3)."""

    async def main() -> None:
        stored = b"\x40\x01k\x7f\x81\x1e" + b"v" * 4000  # literal with indexing: 127 + 3841 + ... bytes of value
        async with serving(tmp_path / "s", Echo()) as (address, _), rude(address) as client:
            bomb = http2_server.block(Encoder()) + stored + b"\xbe" * 10_000
            await client.write(frame(frames.HEADERS, frames.END_HEADERS, 1, bomb), opened(3), said(3, b"x"))
            await client.until(1)
            assert client.resets == {1: CALM}

    run(main())


def test_streams_beyond_the_limit_are_refused(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo, limits=Limits(streams=2)) as (address, _), rude(address) as client:
            await client.write(*(opened(n, HANG) + said(n, b"x") for n in (1, 3, 5)))
            await client.until(5)
            assert client.resets == {5: 7}  # REFUSED_STREAM: our SETTINGS are not acknowledged yet
            await client.write(frame(frames.SETTINGS, 1, 0), opened(7, HANG))
            assert await client.rest() == PROTOCOL
            await until(lambda: len(echo.cancelled) == 2)

    run(main())
