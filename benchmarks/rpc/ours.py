"""core.rpc as a peer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from benchmarks.rpc.service import READ, SERVICE, VERSION, asked, chunk, ready, reply
from core.rpc import client as rpc
from core.rpc.context import Context
from core.rpc.pb.common import common_pb2 as common
from core.rpc.pb.machine import machine_pb2 as machine
from core.rpc.server import Server
from core.rpc.service import Service, server_stream, unary
from core.rpc.tls import ClientTLS, ServerTLS


async def serve(address: str, files: list[str]) -> None:
    """Until killed."""

    async def version(ctx: Context, request: Empty) -> machine.VersionResponse:
        return reply()

    async def read(ctx: Context, request: machine.ReadRequest) -> AsyncIterator[common.Data]:
        count, data = asked(request)
        for _ in range(count):
            yield chunk(data)

    listener = socket.socket(socket.AF_INET if files else socket.AF_UNIX)
    listener.bind(("127.0.0.1", 0) if files else address.removeprefix("unix:"))
    listener.listen(128)
    methods = {
        "Version": unary(version, Empty, machine.VersionResponse),
        "Read": server_stream(read, machine.ReadRequest, common.Data),
    }
    ca, certificate, key = (Path(name).read_bytes() for name in files) if files else (b"", b"", b"")
    await Server([Service(SERVICE, methods)]).serve(listener, ServerTLS(certificate, key, ca) if files else None)
    ready(f"127.0.0.1:{listener.getsockname()[1]}" if files else address)
    await asyncio.Event().wait()


class Client:
    """A channel."""

    def __init__(self, channel: rpc.Channel) -> None:
        self._channel = channel

    async def version(self) -> machine.VersionResponse:
        """One unary call."""
        return await self._channel.unary(VERSION, Empty(), machine.VersionResponse)

    async def read(self, request: machine.ReadRequest) -> int:
        """One streaming call: the bytes that came."""
        call = self._channel.server_stream(READ, request, common.Data)
        return sum([len(data.bytes) async for data in call])

    async def close(self) -> None:
        """End it."""
        await self._channel.close()


async def connect(address: str, files: list[str]) -> Client:
    """A client."""
    return Client(rpc.Channel(address, _trust(*files) if files else None))


@cache
def _trust(*files: str) -> ClientTLS:
    return ClientTLS(*(Path(name).read_bytes() for name in files))
