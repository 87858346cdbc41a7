"""grpclib (h2, all in Python) on uvloop as a peer."""

import socket
import ssl
from functools import cache
from typing import Any

import grpclib.client
import grpclib.server
from google.protobuf.empty_pb2 import Empty
from grpclib.const import Cardinality, Handler

from benchmarks.rpc.service import READ, VERSION, asked, chunk, ready, reply
from core.rpc.pb.common import common_pb2 as common
from core.rpc.pb.machine import machine_pb2 as machine


class Node:
    """The service as grpclib wants it."""

    async def version(self, stream: Any) -> None:
        """The unary method."""
        await stream.recv_message()
        await stream.send_message(reply())

    async def read(self, stream: Any) -> None:
        """The streaming method."""
        count, data = asked(await stream.recv_message())
        for _ in range(count):
            await stream.send_message(chunk(data))

    def __mapping__(self) -> dict[str, Handler]:
        kinds = Cardinality
        return {
            VERSION: Handler(self.version, kinds.UNARY_UNARY, Empty, machine.VersionResponse),
            READ: Handler(self.read, kinds.UNARY_STREAM, machine.ReadRequest, common.Data),
        }


@cache
def _context(purpose: ssl.Purpose, ca: str, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cafile=ca)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    return context


async def serve(address: str, files: list[str]) -> None:
    """Until killed."""
    server = grpclib.server.Server([Node()])
    if files:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await server.start(sock=listener.dup(), ssl=_context(ssl.Purpose.CLIENT_AUTH, *files))
            ready(f"127.0.0.1:{listener.getsockname()[1]}")
    else:
        await server.start(path=address.removeprefix("unix:"))
        ready(address)
    await server.wait_closed()


class Client:
    """A channel."""

    def __init__(self, channel: grpclib.client.Channel) -> None:
        self._channel = channel
        self._version = grpclib.client.UnaryUnaryMethod(channel, VERSION, Empty, machine.VersionResponse)
        self._read = grpclib.client.UnaryStreamMethod(channel, READ, machine.ReadRequest, common.Data)

    async def version(self) -> machine.VersionResponse:
        """One unary call."""
        reply: machine.VersionResponse = await self._version(Empty())
        return reply

    async def read(self, request: machine.ReadRequest) -> int:
        """One streaming call: the bytes that came."""
        total = 0
        async with self._read.open() as stream:
            await stream.send_message(request, end=True)
            async for data in stream:
                total += len(data.bytes)
        return total

    async def close(self) -> None:
        """End it."""
        self._channel.close()


async def connect(address: str, files: list[str]) -> Client:
    """A client."""
    if not files:
        return Client(grpclib.client.Channel(path=address.removeprefix("unix:")))
    host, _, port = address.rpartition(":")
    return Client(grpclib.client.Channel(host, int(port), ssl=_context(ssl.Purpose.SERVER_AUTH, *files)))
