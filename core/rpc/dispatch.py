"""From a stream to a handler and back: routing, decoding, deadlines, and every failure turned into a status.

One of the two places that may catch Exception: what is not in the table of core.rpc.status is a bug, answered with
INTERNAL and logged once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Generic, Self, TypeVar

from google.protobuf.message import Message

from core.rpc.context import Context, Peer
from core.rpc.plain import Page, Visit
from core.rpc.service import Method, Raw, Service
from core.rpc.status import Code, RpcError, from_error
from ext.http2 import eager
from ext.http2.session import Stream, StreamClosed
from ext.http2.tally import Tally

logger = logging.getLogger(__name__)
T = TypeVar("T")
Guard = Callable[[Context], None]


class Dispatcher:
    """Answers the streams of a server's connections, and keeps a tally of how."""

    def __init__(
        self, services: Iterable[Service], fallback: Raw | None, guard: Guard | None, pages: Mapping[str, Page]
    ) -> None:
        self._methods = {
            f"/{service.name}/{name}".encode(): method
            for service in services
            for name, method in service.methods.items()
        }
        self._fallback = fallback
        self._guard = guard
        self._pages = {path.encode(): page for path, page in pages.items()}
        self.tally = Tally(self._methods)
        self.tasks: set[asyncio.Task[None]] = set()

    def dispatch(self, peer: Peer, stream: Stream) -> None:
        """Start answering a stream whose headers have arrived."""
        context: Context
        if stream.method == b"POST" and (stream.content_type or b"").startswith(b"application/grpc"):
            context = Context(stream, peer, self.tally)
        elif stream.method == b"GET" and stream.path in self._pages:
            context = Visit(stream, peer, self.tally)
        else:
            stream.finish([(b":status", b"405" if stream.method != b"POST" else b"415")], [])
            return
        stream.owner = context
        loop = stream.session.loop
        task = eager.start(loop, self._answer(context))
        if task is None:
            return
        context.task = task
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if context.cancelled:
            task.cancel()
        elif context.deadline is not None:
            timer = loop.call_at(context.deadline, _expire, context, task)
            task.add_done_callback(lambda _: timer.cancel())

    async def _answer(self, context: Context) -> None:
        stream = context.stream
        try:
            if stream.timeout is not None:
                context.read_deadline()
            method = self._methods.get(stream.path or b"")
            if self._guard is not None:
                self._guard(context)
            if method is None:
                if not await self._unrouted(context):
                    return
            elif method.many_requests or method.many_replies:
                await _stream(context, method)
            else:
                data = stream.take()  # which mostly came with the headers
                request = method.request.FromString(await _single(context) if data is None else data)
                reply = await method.function(context, request)
                context.finish(message=reply.SerializeToString())
                return
            context.finish()
        except asyncio.CancelledError:
            context.finish(RpcError(Code.CANCELLED, "call was cancelled"))
            raise
        except StreamClosed:
            context.finish(RpcError(Code.CANCELLED, "the caller is gone"))
        except Exception as error:  # noqa: BLE001  # the edge: whatever a handler raises becomes a status
            context.finish(_explain(context, error))

    async def _unrouted(self, context: Context) -> bool:
        """Whether the call is answered, and not handed over."""
        if isinstance(context, Visit):
            context.body = await self._pages[context.stream.path or b""](context)
            return True
        if self._fallback is None:
            raise RpcError(Code.UNIMPLEMENTED, f"unknown method {context.method}")
        replies = await self._fallback(context, _Requests(context.stream, bytes))
        if replies is None:
            return False
        await _reply(context, replies)
        return True


async def _stream(context: Context, method: Method) -> None:
    decode = method.request.FromString
    argument: Any = _Requests(context.stream, decode) if method.many_requests else decode(await _single(context))
    if method.many_replies:
        await _reply(context, method.function(context, argument))
    else:
        reply: Message = await method.function(context, argument)
        context.finish(message=reply.SerializeToString())


async def _reply(context: Context, replies: AsyncIterator[Any]) -> None:
    """Send each reply as it comes; the generator is closed however this ends."""
    async with aclosing(replies) as generator:  # type: ignore[type-var]  # handlers are async generators
        async for reply in generator:
            room = context.send(reply if isinstance(reply, bytes) else reply.SerializeToString())
            if room is not None:
                await room


async def _single(context: Context) -> bytes:
    """The one request of a call that has one."""
    stream = context.stream
    message = stream.take()
    while message is None:
        if stream.ended:
            raise RpcError(Code.INTERNAL, "no request message")
        stream.due = True
        await stream.wait()
        message = stream.take()
    return message


class _Requests(Generic[T]):
    """The requests of a call as they come."""

    __slots__ = ("_decode", "_stream")

    def __init__(self, stream: Stream, decode: Callable[[bytes], T]) -> None:
        self._stream = stream
        self._decode = decode

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            message = self._stream.take()
            if message is not None:
                return self._decode(message)
            if self._stream.ended:
                raise StopAsyncIteration
            await self._stream.wait()


def _expire(context: Context, task: asyncio.Task[None]) -> None:
    context.finish(RpcError(Code.DEADLINE_EXCEEDED, "deadline exceeded"))
    task.cancel()


def _explain(context: Context, error: Exception) -> RpcError:
    known = from_error(error)
    if known is None:
        logger.error("%s failed", context.method, exc_info=error)
        return RpcError(Code.INTERNAL, "internal error")
    return known
