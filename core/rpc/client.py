"""The client: a channel to one address that dials when needed, and the kinds of calls on it.

A channel keeps one connection and makes a new one on the first call after it was lost. A unary call is made again only
when the server never looked at it.
"""

import asyncio
import socket
from collections.abc import AsyncIterable, Iterable
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import Message

from core.base.errors import Invalid
from core.rpc import metadata as fields
from core.rpc.call import Call
from core.rpc.metadata import Pairs
from core.rpc.server import keep_alive
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from ext.http2.connection import Connection
from ext.http2.session import Stream, StreamClosed
from ext.http2.tls import TLSError

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Address = tuple[socket.AddressFamily, object]

_ALWAYS = [(b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"user-agent", b"grpc-ichor/0.1")]


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
        self._path, self._host, self._port = _parse(address)
        if (self._path is not None) and tls is not None:
            raise Invalid("unix sockets are dialled in the clear")
        self._tls = tls
        self._timeout = timeout
        self._message_limit = message_limit
        self._connection: Connection | None = None
        self._dialling: asyncio.Task[Connection] | None = None
        self._closed = False
        self.authority = "localhost" if self._path else f"{_bracketed(self._host)}:{self._port}"

    async def unary(
        self, path: str, request: Message, reply: type[Res], metadata: Pairs = (), timeout: float | None = None
    ) -> Res:
        """One request, one reply."""
        pairs = list(metadata)
        call: Call[bytes, Res] = self._call(path, bytes, reply.FromString, pairs, timeout)
        data = request.SerializeToString()
        try:
            return await _unary(call, data)
        except RpcError:
            if not call.refused:
                raise
        return await _unary(self._call(path, bytes, reply.FromString, pairs, timeout), data)

    def server_stream(
        self, path: str, request: Message, reply: type[Res], metadata: Pairs = (), timeout: float | None = None
    ) -> "ServerStream[Res]":
        """One request, many replies: iterate."""
        return ServerStream(request, self._call(path, bytes, reply.FromString, metadata, timeout))

    async def client_stream(
        self,
        path: str,
        requests: AsyncIterable[Message] | Iterable[Message],
        reply: type[Res],
        metadata: Pairs = (),
        timeout: float | None = None,
    ) -> Res:
        """Many requests, one reply."""
        call: Call[Message, Res] = self._call(path, _encode, reply.FromString, metadata, timeout)
        async with call:
            if isinstance(requests, AsyncIterable):
                async for request in requests:
                    await call.send(request)
            else:
                for request in requests:
                    await call.send(request)
            await call.end()
            return await call.only()

    def bidi(
        self, path: str, request: type[Req], reply: type[Res], metadata: Pairs = (), timeout: float | None = None
    ) -> Call[Req, Res]:
        """Many of both: send, end and iterate the call."""
        return self._call(path, _encode, reply.FromString, metadata, timeout)

    def raw(self, path: str, metadata: Pairs = (), timeout: float | None = None) -> Call[bytes, bytes]:
        """Any kind of call on encoded messages."""
        return self._call(path, bytes, bytes, metadata, timeout)

    async def connection(self) -> Connection:
        """The connection in use, made when there is none. Raises RpcError UNAVAILABLE."""
        if self._connection is not None and self._connection.usable:
            return self._connection
        if self._closed:
            raise RpcError(Code.UNAVAILABLE, "channel is closed")
        if self._dialling is None or self._dialling.done():
            self._dialling = asyncio.create_task(self._dial())
        return await asyncio.shield(self._dialling)

    async def close(self) -> None:
        """End the connection and every call on it."""
        self._closed = True
        if self._dialling is not None and not self._dialling.done():
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        if self._connection is not None:
            self._connection.close()

    async def __aenter__(self) -> "Channel":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def _call(self, path, encode, decode, metadata, timeout):  # type: ignore[no-untyped-def]  # inferred by the callers
        headers = _ALWAYS + fields.encode(metadata)
        if timeout is not None:
            headers.append((b"grpc-timeout", fields.format_timeout(timeout)))
        target = path.encode()

        async def open_() -> tuple[Connection, Stream]:
            connection = await self.connection()
            scheme = b"http" if self._tls is None else b"https"
            try:
                return connection, connection.request(target, self.authority.encode(), scheme, headers)
            except StreamClosed as error:
                raise RpcError(Code.UNAVAILABLE, str(error)) from None

        return Call(open_, encode, decode, timeout)

    async def _dial(self) -> Connection:
        try:
            async with asyncio.timeout(self._timeout):
                self._connection = await self._any(await self._addresses())
        except (OSError, TLSError) as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            raise RpcError(Code.UNAVAILABLE, f"cannot connect to {self._path or self.authority}: {reason}") from error
        return self._connection

    async def _addresses(self) -> list[Address]:
        if self._path is not None:
            return [(socket.AF_UNIX, self._path)]
        found = await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    async def _any(self, addresses: list[Address]) -> Connection:
        """The first address that answers; the last failure when none does."""
        for family, address in addresses[:-1]:
            try:
                return await self._open(family, address)
            except (OSError, TLSError):
                continue
        return await self._open(*addresses[-1])

    async def _open(self, family: socket.AddressFamily, address: object) -> Connection:
        loop = asyncio.get_running_loop()
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await loop.sock_connect(sock, address)  # type: ignore[arg-type]  # a path or what getaddrinfo gave
            if family != socket.AF_UNIX:
                keep_alive(sock)
            context = self._tls.context(self._host) if self._tls is not None else None
            connection = Connection(False, loop=loop, sock=sock, tls=context, message_limit=self._message_limit)
        except BaseException:
            sock.close()
            raise
        try:
            await connection.ready
        except BaseException:
            connection.close("dialling was given up")
            raise
        return connection


class ServerStream(Call[bytes, Res]):
    """The replies to one request."""

    def __init__(self, request: Message, call: Call[bytes, Res]) -> None:
        super().__init__(call._open, call._encode, call._decode, call._timeout)
        self._request: Message | None = request

    async def _started(self) -> Stream:
        stream = await super()._started()
        if self._request is not None:
            request, self._request = self._request, None
            stream.end(request.SerializeToString())
        return stream


async def _unary(call: Call[bytes, Res], request: bytes) -> Res:
    async with call:
        await call.end(request)
        return await call.only()


def _encode(message: Message) -> bytes:
    return message.SerializeToString()


def _parse(address: str | Path) -> tuple[str | None, str, int]:
    """(unix path, "", 0) or (None, host, port)."""
    text = str(address).removeprefix("unix://").removeprefix("unix:")
    if isinstance(address, Path) or text.startswith("/") or text != str(address):
        return text, "", 0
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.startswith("[")):
        raise Invalid(f"{address!r} is not an address", remedy="write host:port, [v6 address]:port or a socket's path")
    return None, host.strip("[]"), int(port)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
