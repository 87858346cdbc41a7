"""Other implementations at the other end: grpcio (C core) both ways, grpclib (h2) both ways, curl."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpclib.client
import grpclib.const
import grpclib.server
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.client import Channel
from core.rpc.status import Code, RpcError
from core.rpc.tls import ServerTLS
from tests.rpc.conftest import Run
from tests.rpc.echo import BOTH, DOWN, UNARY, UP, Echo, serving
from tests.rpc.pki import SERVER, Kind, authority, issue

TEXT = "weil's 100 % ü\n🙂"
MESSAGE = BytesValue(value=bytes(100))
EXPECTED = {
    "unary": True,
    "initial": [["echo-a", "text"], ["echo-b-bin", [0, 255]]],
    "trailing": [["trail", "end"], ["trail-bin", [0, 255]]],
    "down": True,
    "up": 100 * 98 + 3,
    "both": True,
    "error": ["RESOURCE_EXHAUSTED", TEXT, True],
    "stream error": ["RESOURCE_EXHAUSTED", TEXT, True],
    "unknown": "UNIMPLEMENTED",
    "deadline": "DEADLINE_EXCEEDED",
    "at the limit": True,
    "over the limit": "RESOURCE_EXHAUSTED",
    "still alive": True,
    "many": True,
    "compressed": "UNIMPLEMENTED",
}


@pytest.mark.parametrize("run", ["uvloop"], indirect=True)
@pytest.mark.parametrize("kind", [None, "ecdsa", "rsa"])
def test_grpcio_as_client(run: Run, tmp_path: Path, kind: Kind | None) -> None:
    async def main() -> None:
        where: Path | ServerTLS = tmp_path / "s"
        files: list[str] = []
        if kind is not None:
            server, client = issue(authority(kind), kind=kind, usage=(SERVER,)), issue(authority(kind), kind=kind)
            where = ServerTLS(server.pem, server.key, authority(kind).pem)
            for number, content in enumerate((authority(kind).pem, client.pem, client.key)):
                (tmp_path / str(number)).write_bytes(content)
                files.append(str(tmp_path / str(number)))
        echo = Echo()
        async with serving(where, echo) as (address, _):
            command = [sys.executable, "-m", "tests.rpc.grpcio_client", address, *files]
            done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True)
            seen = json.loads(done.stdout)
        wrong = {name: seen[name] for name in EXPECTED if seen[name] != EXPECTED[name]}
        assert wrong == {}
        assert echo.cancelled == ["hang", "hang"]  # the cancelled one and the late one

    run(main())


@asynccontextmanager
async def grpcio_server(path: Path) -> AsyncIterator[None]:
    """grpcio serving at the path, in its own process."""
    command = [sys.executable, "-m", "tests.rpc.grpcio_server", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220  # brief
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"
            yield
        finally:
            process.stdin.close()


def test_grpcio_as_server(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with grpcio_server(tmp_path / "s"), Channel(tmp_path / "s", message_limit=33 << 20) as channel:
            await _play(channel)
            call = channel.raw(DOWN, [("echo-a", "text"), ("echo-b-bin", b"\x00\xff"), ("count", "2000")])
            await call.end(b"x" * 1000)
            assert len([m async for m in call]) == 2000
            assert dict(await call.initial()) == {"echo-a": "text", "echo-b-bin": b"\x00\xff"}
            assert list(call.trailing) == [("trail", "end"), ("trail-bin", b"\x00\xff")]
            with pytest.raises(RpcError) as caught:
                await channel.unary(UNARY, MESSAGE, BytesValue, [("code", "8"), ("message-bin", TEXT.encode())])
            assert (caught.value.code, caught.value.message) == (Code.RESOURCE_EXHAUSTED, TEXT)
            largest = channel.raw(UNARY)
            await largest.end(bytes(32 << 20))
            assert len(await largest.only()) == 32 << 20
            over = channel.raw(UNARY)
            await over.end(bytes((32 << 20) + 1))
            with pytest.raises(RpcError) as caught:
                await over.only()
            assert caught.value.code is Code.RESOURCE_EXHAUSTED
            async with asyncio.TaskGroup() as group:
                for _ in range(200):
                    group.create_task(channel.unary(UNARY, MESSAGE, BytesValue))

    run(main())


class _Handlers:
    """The echo service as grpclib wants it."""

    async def unary(self, stream: Any) -> None:
        await stream.send_message(await stream.recv_message())

    async def down(self, stream: Any) -> None:
        request = await stream.recv_message()
        for _ in range(3):
            await stream.send_message(request)

    async def up(self, stream: Any) -> None:
        joined = b"".join([request.value async for request in stream])
        await stream.send_message(BytesValue(value=joined))

    async def both(self, stream: Any) -> None:
        async for request in stream:
            await stream.send_message(request)

    def __mapping__(self) -> dict[str, Any]:
        kinds = grpclib.const.Cardinality
        return {
            path: grpclib.const.Handler(function, kind, BytesValue, BytesValue)
            for path, function, kind in (
                (UNARY, self.unary, kinds.UNARY_UNARY),
                (DOWN, self.down, kinds.UNARY_STREAM),
                (UP, self.up, kinds.STREAM_UNARY),
                (BOTH, self.both, kinds.STREAM_STREAM),
            )
        }


def test_grpclib_as_server(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        server = grpclib.server.Server([_Handlers()])
        await server.start(path=str(tmp_path / "s"))
        async with Channel(tmp_path / "s") as channel:
            await _play(channel)
        server.close()
        await server.wait_closed()

    run(main())


async def _play(channel: Channel) -> None:
    """The four kinds with our client."""
    assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
    assert [m async for m in channel.server_stream(DOWN, MESSAGE, BytesValue)] == [MESSAGE] * 3
    async with channel.bidi(BOTH, BytesValue, BytesValue) as call:
        for _ in range(20):
            await call.send(MESSAGE)
            assert await anext(call) == MESSAGE
        await call.end()
        assert [m async for m in call] == []
    raw = channel.raw(UP)
    for _ in range(20):
        await raw.send(MESSAGE.SerializeToString())
    await raw.end()
    assert (await raw.only()).startswith(b"\x0a")


def test_grpclib_as_client(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        client = grpclib.client
        async with serving(tmp_path / "s", Echo()), client.Channel(path=str(tmp_path / "s")) as channel:
            assert await client.UnaryUnaryMethod(channel, UNARY, BytesValue, BytesValue)(MESSAGE) == MESSAGE
            assert await client.UnaryStreamMethod(channel, DOWN, BytesValue, BytesValue)(MESSAGE) == [MESSAGE] * 3
            joined = await client.StreamUnaryMethod(channel, UP, BytesValue, BytesValue)([MESSAGE] * 4)
            assert len(joined.value) == 400
            both = client.StreamStreamMethod(channel, BOTH, BytesValue, BytesValue)
            assert await both([MESSAGE] * 4) == [MESSAGE] * 4

    run(main())


def test_curl_as_client(tmp_path: Path) -> None:
    async def main() -> None:
        leaf = issue(authority(), usage=(SERVER,))
        (tmp_path / "ca").write_bytes(authority().pem)
        async with serving(ServerTLS(leaf.pem, leaf.key), Echo()) as (address, _):
            command = ["curl", "-sS", "--http2", "--cacert", str(tmp_path / "ca"), "-D", str(tmp_path / "headers")]
            command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
            command += ["--data-binary", "@-", "-o", str(tmp_path / "body"), f"https://{address}{UNARY}"]
            message = MESSAGE.SerializeToString()
            framed = bytes(1) + len(message).to_bytes(4, "big") + message
            done = await asyncio.to_thread(subprocess.run, command, input=framed, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert (tmp_path / "body").read_bytes() == framed
        headers = (tmp_path / "headers").read_text()
        assert headers.startswith("HTTP/2 200")
        assert "grpc-status: 0" in headers

    asyncio.run(main())
