"""The client: a channel to one address that dials when needed, and the kinds of calls on it.

A channel keeps one connection and makes a new one on the first call after it was lost. A unary call is made again only
when the server never looked at it.
"""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import Message

from core.base.errors import Invalid
from core.rpc.call import Call
from core.rpc.dial import Target, dial
from core.rpc.metadata import Fields, Pairs, format_timeout
from core.rpc.metadata import encode as encoded
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from ext.http2.connection import Connection
from ext.http2.session import Stream, StreamClosed

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Out = TypeVar("Out")
In = TypeVar("In")

_ALWAYS: Fields = [(b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"user-agent", b"grpc-ichor/0.1")]


async def connect(
    address: str | Path, tls: ClientTLS | None = None, *, timeout: float = 10.0, message_limit: int = 32 << 20
) -> "Channel":
    """A channel that is connected: to a unix socket's path, or to "host:port". Raises RpcError UNAVAILABLE."""
    channel = Channel(address, tls, timeout=timeout, message_limit=message_limit)
    await channel.connection()
    return channel


class Channel:
    """Calls to one server. `timeout` bounds each dialling; close it when done."""

    def __init__(
        self, address: str | Path, tls: ClientTLS | None = None, *, timeout: float = 10.0, message_limit: int = 32 << 20
    ) -> None:
        self.target = Target.parse(address)
        if self.target.path is not None and tls is not None:
            raise Invalid("unix sockets are dialled in the clear")
        self.authority = self.target.authority.encode()
        self.scheme = b"http" if tls is None else b"https"
        self._tls = tls
        self._timeout = timeout
        self._message_limit = message_limit
        self._connection: Connection | None = None
        self._dialling: asyncio.Task[Connection] | None = None
        self._closed = False

    async def unary(
        self, path: str, request: Message, reply: type[Res], metadata: Pairs = (), timeout: float | None = None
    ) -> Res:
        """One request, one reply."""
        pairs = list(metadata)
        data = request.SerializeToString()
        call = self._call(path, _as_is, reply.FromString, pairs, timeout)
        try:
            return await call.single(data)
        except RpcError:
            if not call.refused:
                raise
        return await self._call(path, _as_is, reply.FromString, pairs, timeout).single(data)

    def server_stream(
        self, path: str, request: Message, reply: type[Res], metadata: Pairs = (), timeout: float | None = None
    ) -> Call[bytes, Res]:
        """One request, many replies: iterate."""
        return self._call(path, _as_is, reply.FromString, metadata, timeout, request.SerializeToString())

    async def client_stream(
        self,
        path: str,
        requests: AsyncIterable[Message] | Iterable[Message],
        reply: type[Res],
        metadata: Pairs = (),
        timeout: float | None = None,
    ) -> Res:
        """Many requests, one reply."""
        async with self._call(path, _encode, reply.FromString, metadata, timeout) as call:
            async for request in _each(requests):
                if not await call.send(request):
                    break
            await call.end()
            return await call.only()

    def bidi(
        self, path: str, request: type[Req], reply: type[Res], metadata: Pairs = (), timeout: float | None = None
    ) -> Call[Req, Res]:
        """Many of both: send, end and iterate the call."""
        encode: Callable[[Req], bytes] = _encode
        return self._call(path, encode, reply.FromString, metadata, timeout)

    def raw(self, path: str, metadata: Pairs = (), timeout: float | None = None) -> Call[bytes, bytes]:
        """Any kind of call on encoded messages."""
        return self._call(path, _as_is, _as_is, metadata, timeout)

    async def open(self, path: bytes, fields: Fields, timeout: float | None = None) -> Stream:
        """A stream for a call with metadata as fields: for who speaks to streams. Raises RpcError UNAVAILABLE."""
        opening = _Opening(self, path, _headers(fields, timeout))
        return opening.now() or await opening.soon()

    async def connection(self) -> Connection:
        """The connection in use, made when there is none. Raises RpcError UNAVAILABLE."""
        connection = self.standing()
        if connection is not None:
            return connection
        if self._closed:
            raise RpcError(Code.UNAVAILABLE, "channel is closed")
        if self._dialling is None or self._dialling.done():
            self._dialling = asyncio.create_task(self._dial())
            self._dialling.add_done_callback(_seen)
        return await asyncio.shield(self._dialling)

    async def close(self) -> None:
        """End the connection and every call on it."""
        self._closed = True
        if self._connection is not None:  # before anything that can be interrupted
            self._connection.close("channel is closed")
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
            self._dialling = None

    async def __aenter__(self) -> "Channel":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _dial(self) -> Connection:
        """Goes on, and its outcome counts, when whoever asked for it no longer waits."""
        self._connection = await dial(self.target, self._tls, self._timeout, self._message_limit)
        if self._closed:
            self._connection.close("channel is closed")
        return self._connection

    def _call(
        self,
        path: str,
        encode: Callable[[Out], bytes],
        decode: Callable[[bytes], In],
        metadata: Pairs,
        timeout: float | None,
        request: bytes | None = None,
    ) -> Call[Out, In]:
        headers = _headers(encoded(metadata), timeout)
        return Call(_Opening(self, path.encode(), headers), encode, decode, timeout, request)

    def standing(self) -> Connection | None:
        """The connection in use, if it takes another call."""
        return self._connection if self._connection is not None and self._connection.usable else None


class _Opening:
    """A call's stream, on the connection that stands or on one to be made."""

    __slots__ = ("_channel", "_headers", "_path")

    def __init__(self, channel: Channel, path: bytes, headers: Fields) -> None:
        self._channel, self._path, self._headers = channel, path, headers

    def now(self) -> Stream | None:
        connection = self._channel.standing()
        return None if connection is None else self._on(connection)

    async def soon(self) -> Stream:
        return self._on(await self._channel.connection())

    def _on(self, connection: Connection) -> Stream:
        try:
            return connection.request(self._path, self._channel.authority, self._channel.scheme, self._headers)
        except StreamClosed as error:
            raise RpcError(Code.UNAVAILABLE, str(error)) from None


def _headers(fields: Fields, timeout: float | None) -> Fields:
    headers = _ALWAYS + fields
    if timeout is not None:
        headers.append((b"grpc-timeout", format_timeout(timeout)))
    return headers


def _seen(dialling: asyncio.Task[Connection]) -> None:
    """A failure that nobody waited for is none to complain of."""
    if not dialling.cancelled():
        dialling.exception()


async def _each(requests: AsyncIterable[Message] | Iterable[Message]) -> AsyncIterable[Message]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request


def _encode(message: Message) -> bytes:
    return message.SerializeToString()


def _as_is(message: bytes) -> bytes:
    return message
