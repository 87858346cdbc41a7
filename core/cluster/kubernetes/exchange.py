"""One request and its answer over HTTP/2: bytes out, bytes in, within a deadline. Owns a stream for as long as it
lasts; the connection is the channel's, which dials again when it was lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from core.base.errors import Invalid, NotReady
from core.cluster.kubernetes.refusal import refused
from core.rpc.client import Channel
from core.rpc.status import RpcError
from ext.http2.framing import FramingError
from ext.http2.session import Stream, StreamClosed

BODY: Final = 64 << 20  # bytes of one answer
_NOT_TAKEN: Final = 7  # HTTP/2 REFUSED_STREAM: the server has not looked at it
Fields = list[tuple[bytes, bytes]]


class Exchange:
    """A request as it is to be made: `path` with its query, `fields` beside those of HTTP/2 itself."""

    def __init__(self, channel: Channel, method: str, path: str, fields: Fields, body: bytes = b"") -> None:
        self._channel, self._method, self._path = channel, method, path
        self._fields, self._body = fields, body

    async def whole(self, seconds: float) -> bytes:
        """The answer's body. Raises what the server refused with, NotReady when it is not reached or not in time."""
        try:
            async with asyncio.timeout(seconds), self.answered() as stream:
                return await _body(stream, self)
        except TimeoutError:
            raise NotReady(f"{self} was not answered within {seconds:g} s") from None

    @asynccontextmanager
    async def answered(self) -> AsyncGenerator[Stream]:
        """The stream, once a good answer has begun on it; whatever is under way is dropped at the end."""
        stream = await self._asked()
        if stream.closed and stream.error == _NOT_TAKEN and not stream.headers_done:
            stream = await self._asked()  # it was on its way out, and did not look
        try:
            if not stream.headers_done:
                raise lost(stream, self)
            code = int(stream.http_status or b"0")
            if not 200 <= code < 300:
                raise refused(code, await _body(stream, self))
            yield stream
        finally:
            if not stream.closed:
                stream.reset()

    async def _asked(self) -> Stream:
        try:
            connection = await self._channel.connection()
            stream = connection.request(
                self._path.encode(),
                self._channel.authority,
                self._channel.scheme,
                self._fields,
                self._method.encode(),
            )
        except (RpcError, StreamClosed) as error:
            raise NotReady(f"{self}: {error}") from error
        try:
            stream.end(self._body or None)
            while not stream.headers_done and not stream.closed:
                await stream.wait()
        except BaseException:
            stream.reset()
            raise
        return stream

    def __str__(self) -> str:
        return f"{self._method} {self._path.partition('?')[0]} at {self._channel.target.authority}"


async def pieces(stream: Stream, exchange: Exchange) -> AsyncGenerator[bytes]:
    """What comes, as it comes, until the server ends it. Raises NotReady when it was cut off."""
    while True:
        try:
            piece = stream.take()
        except FramingError as error:  # more than a connection may hold unread
            raise Invalid(f"{exchange}: {error}") from None
        if piece is not None:
            yield piece
        elif stream.closed or stream.ended:
            break
        else:
            await stream.wait()
    if stream.error or not stream.remote_end:
        raise lost(stream, exchange)


def lost(stream: Stream, exchange: Exchange) -> NotReady:
    """The stream ended before the answer did."""
    why = stream.session.reason or f"HTTP/2 error {stream.error}"
    return NotReady(f"{exchange} was cut off: {why}")


async def _body(stream: Stream, exchange: Exchange) -> bytes:
    parts, size = list[bytes](), 0
    async with aclosing(pieces(stream, exchange)) as came:
        async for piece in came:
            parts.append(piece)
            size += len(piece)
            if size > BODY:
                raise Invalid(f"{exchange}: more than {BODY >> 20} MiB in one answer", remedy="ask for fewer at once")
    return b"".join(parts)
