"""Calling a table of methods over a unix socket, as apid does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.rpc.call import Call
from core.rpc.client import Channel
from core.rpc.service import Method, Service
from tests.support.wire import served

Res = TypeVar("Res", bound=Message)


class Caller:
    """Calls of one service; a request is empty if none is given."""

    def __init__(self, channel: Channel, service: str) -> None:
        self._channel, self._service = channel, service

    async def one(self, name: str, reply: type[Res], request: Message | None = None) -> Res:
        """A unary call."""
        return await self._channel.unary(f"/{self._service}/{name}", request or Empty(), reply)

    async def all(self, name: str, reply: type[Res], request: Message) -> list[Res]:
        """A whole stream."""
        return [message async for message in self.stream(name, reply, request)]

    def stream(self, name: str, reply: type[Res], request: Message) -> Call[bytes, Res]:
        """A stream, to iterate."""
        return self._channel.server_stream(f"/{self._service}/{name}", request, reply)


@asynccontextmanager
async def calling(methods: dict[str, Method], service: str = "machine.MachineService") -> AsyncIterator[Caller]:
    """A server of these methods and who calls it."""
    async with served([Service(service, methods)]) as (channel, _):
        yield Caller(channel, service)
