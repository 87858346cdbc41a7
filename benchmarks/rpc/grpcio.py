"""grpcio's asyncio API (the C core) as a peer."""

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from benchmarks.rpc.service import READ, SERVICE, VERSION, asked, chunk, ready, reply
from core.rpc.pb.common import common_pb2 as common
from core.rpc.pb.machine import machine_pb2 as machine


async def serve(address: str, files: list[str]) -> None:
    """Until killed."""

    async def version(request: Empty, context: object) -> machine.VersionResponse:
        return reply()

    async def read(request: machine.ReadRequest, context: object) -> AsyncIterator[common.Data]:
        count, data = asked(request)
        for _ in range(count):
            yield chunk(data)

    methods = {
        "Version": grpc.unary_unary_rpc_method_handler(
            version, Empty.FromString, machine.VersionResponse.SerializeToString
        ),
        "Read": grpc.unary_stream_rpc_method_handler(
            read, machine.ReadRequest.FromString, common.Data.SerializeToString
        ),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, methods)])
    if files:
        ca, certificate, key = (Path(name).read_bytes() for name in files)
        credentials = grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)
        address = f"127.0.0.1:{server.add_secure_port(address, credentials)}"
    else:
        server.add_insecure_port(address)
    await server.start()
    ready(address)
    await server.wait_for_termination()


class Client:
    """A channel; its methods are made once, as generated stubs do."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        serialize = machine.ReadRequest.SerializeToString
        self._version = channel.unary_unary(VERSION, Empty.SerializeToString, machine.VersionResponse.FromString)
        self._read = channel.unary_stream(READ, serialize, common.Data.FromString)

    async def version(self) -> machine.VersionResponse:
        """One unary call."""
        reply: machine.VersionResponse = await self._version(Empty())
        return reply

    async def read(self, request: machine.ReadRequest) -> int:
        """One streaming call: the bytes that came."""
        return sum([len(data.bytes) async for data in self._read(request)])

    async def close(self) -> None:
        """End it."""
        await self._channel.close()


async def connect(address: str, files: list[str]) -> Client:
    """A client; each has a connection of its own, which grpcio would share between channels to one address."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if not files:
        return Client(grpc.aio.insecure_channel(address, options))
    return Client(grpc.aio.secure_channel(address, _credentials(*files), options))


@cache
def _credentials(*files: str) -> Any:
    ca, certificate, key = (Path(name).read_bytes() for name in files)
    return grpc.ssl_channel_credentials(ca, key, certificate)
