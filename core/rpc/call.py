"""One call as its client sees it: messages out, messages in, metadata, and the status it ended with."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

from google.protobuf.message import DecodeError

from core.base.errors import Invalid
from core.rpc import metadata
from core.rpc.metadata import Fields, Metadata
from core.rpc.pb.google.rpc.status_pb2 import Status
from core.rpc.status import Code, RpcError, code_of
from ext.http2.framing import FramingError
from ext.http2.session import Stream, StreamClosed

Out = TypeVar("Out")
In = TypeVar("In")

REFUSED: Final = 7  # HTTP/2 REFUSED_STREAM: the server has not looked at the request
_GOOD: Final = [(b"grpc-status", b"0")]
_RESETS: Final = {REFUSED: Code.UNAVAILABLE, 8: Code.CANCELLED, 11: Code.RESOURCE_EXHAUSTED, 12: Code.PERMISSION_DENIED}
_HTTP: Final = {
    b"400": Code.INTERNAL,
    b"401": Code.UNAUTHENTICATED,
    b"403": Code.PERMISSION_DENIED,
    b"404": Code.UNIMPLEMENTED,
    b"429": Code.UNAVAILABLE,
    b"502": Code.UNAVAILABLE,
    b"503": Code.UNAVAILABLE,
    b"504": Code.UNAVAILABLE,
}


class Opening(Protocol):
    """How a call gets its stream. Both raise RpcError UNAVAILABLE."""

    def now(self) -> Stream | None:
        """A stream of the connection that stands, if one does."""

    async def soon(self) -> Stream:
        """A stream of a connection made for it if need be."""


class Call(Generic[Out, In]):
    """A running call: `send`, `end`, iterate, `aclose`. It opens its stream with the first of these.

    Iteration ends with the call's status: RpcError unless it is OK. A call that is left early, as by leaving its `async
    with` block, is cancelled at the server.
    """

    def __init__(
        self,
        opening: Opening,
        encode: Callable[[Out], bytes],
        decode: Callable[[bytes], In],
        timeout: float | None,
        request: bytes | None = None,
    ) -> None:
        self._opening = opening
        self._encode = encode
        self._decode = decode
        self._timeout = timeout
        self._request = request
        self._stream: Stream | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False
        self._done = False

    async def send(self, message: Out) -> bool:
        """Send one message; waits while the server reads slower than we write.

        False once the server has ended the call: the status is what iteration ends with.
        """
        stream = await self._started()
        try:
            room = stream.send(self._encode(message))
        except StreamClosed:
            return False
        if room is not None:
            await room
        return not stream.closed

    async def end(self, message: Out | None = None) -> None:
        """Send a last message, if given: no more come from this side."""
        (await self._started()).end(None if message is None else self._encode(message))

    async def initial(self) -> Metadata:
        """The server's first metadata, as soon as it is there. Raises RpcError when the call fails before."""
        stream = await self._started()
        while not stream.headers_done and not stream.closed:
            await stream.wait()
        if not stream.headers_done:
            raise self._failure(stream) or RpcError(Code.INTERNAL, "no headers")
        return metadata.decode(opening(stream))

    @property
    def trailing(self) -> Metadata:
        """The server's last metadata; complete once the call has ended."""
        return Metadata() if self._stream is None else metadata.decode(trailers(self._stream))

    @property
    def refused(self) -> bool:
        """Did the call fail before the server looked at it, so that it may safely be made again?"""
        stream = self._stream
        return stream is not None and stream.closed and stream.error == REFUSED and not stream.headers_done

    async def only(self) -> In:
        """The one reply of a call that has one."""
        reply = await anext(self, None)
        if reply is None:
            raise RpcError(Code.INTERNAL, "no reply message")
        async for _ in self:
            raise RpcError(Code.INTERNAL, "more than one reply message")
        return reply

    async def single(self, request: Out) -> In:
        """The whole of a unary call: one request, one reply. Beside iteration, because it is what most calls are."""
        reply: bytes | None = None
        try:
            stream = self._stream = await self._begin()
            stream.end(self._encode(request))
            while True:
                message = stream.take()
                if message is not None:
                    if reply is not None:
                        raise RpcError(Code.INTERNAL, "more than one reply message")
                    reply = message
                elif stream.closed or stream.ended:
                    break
                else:
                    await stream.wait()
            self._finish(stream)
            if reply is None:
                raise RpcError(Code.INTERNAL, "no reply message")
            return self._decode(reply)
        except FramingError as error:
            raise RpcError(code_of(error.code), error.message) from None
        except DecodeError:
            raise RpcError(Code.INTERNAL, "reply is not the message that this method gives") from None
        finally:
            self.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> In:
        stream = await self._started()
        while not self._done:
            try:
                message = stream.take()
            except FramingError as error:
                self.cancel()
                raise RpcError(code_of(error.code), error.message) from None
            if message is not None and not self._expired:
                try:
                    return self._decode(message)
                except DecodeError:
                    self.cancel()
                    raise RpcError(Code.INTERNAL, "reply is not the message that this method gives") from None
            if stream.closed or stream.ended:
                self._finish(stream)
            else:
                await stream.wait()
        raise StopAsyncIteration

    def cancel(self) -> None:
        """Give up: the server is told, what is under way is dropped."""
        self._done = True
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None and not self._stream.closed:
            self._stream.reset()

    async def aclose(self) -> None:
        """End the call; it counts as cancelled unless it was through."""
        self.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def __del__(self) -> None:
        self.cancel()

    async def _started(self) -> Stream:
        if self._stream is None:
            self._stream = await self._begin()
            if self._request is not None:
                self._stream.end(self._request)
        return self._stream

    async def _begin(self) -> Stream:
        stream = self._opening.now()
        if self._timeout is None:
            return stream or await self._opening.soon()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        if stream is None:
            try:
                async with asyncio.timeout_at(deadline):
                    stream = await self._opening.soon()
            except TimeoutError:
                raise RpcError(Code.DEADLINE_EXCEEDED, "deadline exceeded before the server was reached") from None
        self._timer = loop.call_at(deadline, self._expire)
        return stream

    def _expire(self) -> None:
        self._expired = True
        if self._stream is not None:
            self._stream.reset()

    def _finish(self, stream: Stream) -> None:
        """Nothing more comes: raise unless the status is OK."""
        self._done = True
        if self._timer is not None:
            self._timer.cancel()
        failure = self._failure(stream)
        if not stream.closed:
            stream.reset(0)  # we may still send, and there is no use in it
        if failure is not None:
            raise failure

    def _failure(self, stream: Stream) -> RpcError | None:
        return RpcError(Code.DEADLINE_EXCEEDED, "deadline exceeded") if self._expired else failure(stream)


def failure(stream: Stream) -> RpcError | None:
    """The status with which a server ended a call; None when it is OK."""
    fields = trailers(stream)
    if fields == _GOOD:
        return None
    named = dict(fields)
    if b"grpc-status" in named:
        return _status(named)
    if stream.headers_done and stream.http_status != b"200":
        code = _HTTP.get(stream.http_status or b"", Code.UNKNOWN)
        return RpcError(code, f"server answered with HTTP status {(stream.http_status or b'?').decode('latin-1')}")
    if not stream.session.alive:
        return RpcError(Code.UNAVAILABLE, f"connection lost: {stream.session.reason}")
    if stream.error:
        return RpcError(
            _RESETS.get(stream.error, Code.INTERNAL), f"server reset the call (HTTP/2 error {stream.error})"
        )
    return RpcError(Code.INTERNAL, "server ended the call without a status")


def opening(stream: Stream) -> Fields:
    """The server's first fields, without those that came with the status because there was nothing else to say."""
    return [] if any(name == b"grpc-status" for name, _ in stream.headers) else stream.headers


def trailers(stream: Stream) -> Fields:
    """The server's last fields, which are its first ones when the call ended before a message."""
    return stream.trailers if stream.trailers is not None else stream.headers


def _status(fields: dict[bytes, bytes]) -> RpcError | None:
    number = fields[b"grpc-status"]
    code = code_of(int(number)) if number.isdigit() and len(number) <= 2 else Code.UNKNOWN
    if code is Code.OK:
        return None
    status = Status()
    try:
        status.MergeFromString(metadata.unpack(fields.get(b"grpc-status-details-bin", b"")))
    except (Invalid, DecodeError):
        status.Clear()  # details are an extra: the status itself stands
    return RpcError(code, metadata.unescape(fields.get(b"grpc-message", b"")), list(status.details))
