"""A server that sends calls away, played by the h2 package: what it never looked at is made again, nothing else is."""

import asyncio
import socket
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.client import Channel
from core.rpc.status import Code, RpcError
from tests.rpc.conftest import Run
from tests.rpc.echo import UNARY

MESSAGE = BytesValue(value=b"message")


class Puppet:
    """Serves one connection after the other; each is told by a letter what to do with its first call."""

    def __init__(self, path: Path, script: str) -> None:
        self.script = list(script)
        self.calls = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.setblocking(False)

    async def run(self) -> None:
        """Until the script is done."""
        loop = asyncio.get_running_loop()
        with self.listener:
            while self.script:
                sock, _ = await loop.sock_accept(self.listener)
                with sock:
                    await self._serve(sock, self.script.pop(0))

    async def _serve(self, sock: socket.socket, act: str) -> None:
        loop = asyncio.get_running_loop()
        peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        peer.initiate_connection()
        await loop.sock_sendall(sock, peer.data_to_send())
        while data := await loop.sock_recv(sock, 65536):
            for event in peer.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.calls += 1
                    self._act(peer, event.stream_id, act)
            await loop.sock_sendall(sock, peer.data_to_send())
            if act == "d" and self.calls:
                return

    @staticmethod
    def _act(peer: h2.connection.H2Connection, stream: int, act: str) -> None:
        if act == "g":  # GOAWAY: I looked at none
            peer.close_connection(last_stream_id=0)
        elif act == "r":  # REFUSED_STREAM
            peer.reset_stream(stream, 7)
        elif act == "c":  # CANCEL
            peer.reset_stream(stream, 8)
        elif act == "o":
            peer.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
            message = MESSAGE.SerializeToString()
            peer.send_data(stream, bytes(1) + len(message).to_bytes(4, "big") + message)
            peer.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        elif act == "h":
            peer.send_headers(stream, [(":status", "503")], end_stream=True)
        elif act == "n":
            peer.send_headers(stream, [(":status", "200")], end_stream=True)


@pytest.mark.parametrize(
    ("script", "calls", "code"),
    [
        ("o", 1, None),
        ("go", 2, None),
        ("gg", 2, Code.UNAVAILABLE),
        ("r", 2, Code.UNAVAILABLE),
        ("c", 1, Code.CANCELLED),
        ("d", 1, Code.UNAVAILABLE),
        ("h", 1, Code.UNAVAILABLE),
        ("n", 1, Code.INTERNAL),
    ],
)
def test_what_the_server_never_looked_at_is_made_again(
    run: Run, tmp_path: Path, script: str, calls: int, code: Code | None
) -> None:
    async def main() -> None:
        puppet = Puppet(tmp_path / "s", script)
        serving = asyncio.create_task(puppet.run())
        async with Channel(tmp_path / "s") as channel:
            if code is None:
                assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            else:
                with pytest.raises(RpcError) as caught:
                    await channel.unary(UNARY, MESSAGE, BytesValue)
                assert caught.value.code is code
        await serving
        assert puppet.calls == calls

    run(main())
