"""What a server bears: half handshakes, idle and noisy peers, too many connections, draining; and a lost server."""

import asyncio
import logging
import os
import resource
import socket
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.client import Channel, connect
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from ext.http2.limits import Limits
from tests.fuzz.frames import OPENING, PING, frame
from tests.rpc.conftest import Run
from tests.rpc.echo import BOTH, HANG, UNARY, Echo, serving, until
from tests.rpc.raw import opened, rude, said
from tests.rpc.test_tls import server_tls

MESSAGE = BytesValue(value=b"message")
ACK = 1  # flag of a PING


async def raw_socket(address: str) -> socket.socket:
    """A bare connection to a server."""
    if address.startswith("unix:"):
        sock, where = socket.socket(socket.AF_UNIX), address.removeprefix("unix:")
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, where)
    else:
        sock = socket.socket()
        sock.setblocking(False)
        host, _, port = address.rpartition(":")
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    return sock


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\n"])
@pytest.mark.parametrize("tls", [True, False])
def test_an_unfinished_handshake_is_ended(run: Run, tmp_path: Path, sent: bytes, tls: bool) -> None:
    async def main() -> None:
        where = server_tls() if tls else tmp_path / "s"
        async with serving(where, Echo(), limits=Limits(handshake=0.05)) as (address, server):
            with await raw_socket(address) as sock:
                await asyncio.get_running_loop().sock_sendall(sock, sent)
                try:
                    while await asyncio.get_running_loop().sock_recv(sock, 1000):
                        pass
                except ConnectionResetError:
                    pass
            await until(lambda: server.connections == 0)

    run(main())


@pytest.mark.parametrize("tls", [True, False])
def test_noise_at_the_socket(run: Run, tmp_path: Path, tls: bool) -> None:
    async def main() -> None:
        where = server_tls(required=False) if tls else tmp_path / "s"
        async with serving(where, Echo()) as (address, server):
            for size in (1, 24, 1000, 70_000):
                with await raw_socket(address) as sock:
                    try:
                        await asyncio.get_running_loop().sock_sendall(sock, b"\xaa" + os.urandom(size))
                        if size >= 24:
                            while await asyncio.get_running_loop().sock_recv(sock, 65536):
                                pass
                    except (ConnectionResetError, BrokenPipeError):
                        pass
            await until(lambda: server.connections == 0)
            async with await connect(address, ClientTLS(insecure=True) if tls else None) as channel:
                assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE

    run(main())


def test_an_idle_connection_is_drained_and_the_channel_dials_again(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo(), limits=Limits(idle=0.05)) as (address, server):
            async with await connect(address) as channel:
                first = await channel.connection()
                call = channel.bidi(BOTH, BytesValue, BytesValue)
                await call.send(MESSAGE)
                await anext(call)
                await asyncio.sleep(0.2)
                assert first.alive  # a call is open
                await call.end()
                assert [m async for m in call] == []
                await until(lambda: not first.alive)
                assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
                assert await channel.connection() is not first
            await until(lambda: server.connections == 0)

    run(main())


def test_connections_beyond_the_limit_wait_in_the_backlog(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo(), limits=Limits(connections=2)) as (address, server):
            first, second = await connect(address), await connect(address)
            third = asyncio.create_task(connect(address))
            await asyncio.sleep(0.05)
            assert (third.done(), server.connections) == (False, 2)
            await first.close()
            channel = await third
            assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            await channel.close()
            await second.close()

    run(main())


def test_without_descriptors_accepting_pauses(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (_, server):
            waiting = socket.socket(socket.AF_UNIX)
            free = os.dup(0)
            os.close(free)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
            try:
                waiting.connect(str(tmp_path / "s"))
                await until(lambda: caplog.records)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await until(lambda: server.connections == 1)
            waiting.close()
            await until(lambda: server.connections == 0)

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "cannot accept connections for now" in caplog.text


def test_drain_lets_calls_end_and_turns_new_ones_away(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, server), await connect(address) as channel:
            call = channel.bidi(BOTH, BytesValue, BytesValue)
            await call.send(MESSAGE)
            await anext(call)
            draining = asyncio.create_task(server.drain(10))
            connection = await channel.connection()
            await until(lambda: not connection.usable)
            with pytest.raises(RpcError) as caught:
                await channel.unary(UNARY, MESSAGE, BytesValue, timeout=0.1)
            assert caught.value.code in {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED}
            await call.send(MESSAGE)
            assert await anext(call) == MESSAGE
            await call.end()
            assert [m async for m in call] == []
            await draining
            assert server.connections == 0

    run(main())


def test_who_was_accepted_before_the_drain_is_still_heard(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            serving(tmp_path / "s", Echo()) as (address, server),
            rude(address, opening=b"") as gone,
            rude(address, opening=b"") as late,
        ):
            await until(lambda: server.connections == 2)
            draining = asyncio.create_task(server.drain(10))
            await gone.read()
            assert server.connections == 2
            await late.write(OPENING, opened(1), said(1, b"message"))
            await late.until(1)
            assert 1 in late.ended
            await late.write(frame(PING, ACK, 0, bytes(8)))
            assert await late.rest() == 0
            await gone.write(OPENING, frame(PING, ACK, 0, bytes(8)))
            assert await gone.rest() == 0
            await draining

    run(main())


def test_drain_cancels_what_does_not_end(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, server), await connect(address) as channel:
            call = asyncio.create_task(channel.unary(HANG, MESSAGE, BytesValue))
            await echo.started.wait()
            await server.drain(0.01)
            assert echo.cancelled == ["hang"]
            with pytest.raises(RpcError) as caught:
                await call
            assert caught.value.code is Code.UNAVAILABLE

    run(main())


def test_a_lost_client_cancels_its_handlers(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, server):
            channel = await connect(address)
            call = asyncio.create_task(channel.unary(HANG, MESSAGE, BytesValue))
            await echo.started.wait()
            await channel.close()
            await echo.ended.wait()
            with pytest.raises(RpcError, match="channel is closed"):
                await call
            await until(lambda: server.connections == 0)

    run(main())


def test_a_channel_outlives_its_server(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "s"
        async with Channel(path, timeout=1) as channel:
            with pytest.raises(RpcError, match="No such file") as caught:
                await channel.unary(UNARY, MESSAGE, BytesValue)
            assert caught.value.code is Code.UNAVAILABLE
            for _ in range(2):
                async with serving(path, Echo()):
                    for _ in range(2):
                        assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
                path.unlink()

    run(main())


def test_calls_that_dial_at_once_share_one_connection(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, server), Channel(address) as channel:
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(channel.unary(UNARY, MESSAGE, BytesValue))
            assert server.connections == 1

    run(main())


def test_a_server_that_never_answers_is_given_up(run: Run) -> None:
    async def main() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            for tls in (None, ClientTLS(insecure=True)):
                with pytest.raises(RpcError, match="no answer in time"):
                    await connect(address, tls, timeout=0.05)

    run(main())


def test_what_is_not_grpc_gets_an_http_status(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:
            connection = await channel.connection()
            for headers, status in (([], b"415"), ([(b"content-type", b"text/html")], b"415")):
                stream = connection.request(UNARY.encode(), b"x", b"http", headers)
                stream.end(b"")
                await until(lambda: stream.closed)  # noqa: B023  # awaited in the same turn of the loop
                assert stream.http_status == status

    run(main())
