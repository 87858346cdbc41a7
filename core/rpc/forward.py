"""A proxy's half of a call: two streams joined, so that what comes on one goes out on the other, of calls of any kind,
without decoding. No task runs meanwhile: each side's connection tells of what came, and in that turn it goes on."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from core.rpc import metadata
from core.rpc.call import failure, opening, trailers
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.metadata import Fields
from core.rpc.status import Code, RpcError, from_error
from ext.http2.framing import FramingError
from ext.http2.session import Stream, StreamClosed

_CANCEL: Final = 8  # HTTP/2's error CANCEL


async def forward(
    context: Context, channel: Channel, fields: Fields, timeout: float | None = None, held: ExitStack | None = None
) -> None:
    """Hand the call over to `channel`, with metadata as `fields`: returns once it has a stream there, and messages,
    metadata, status and back-pressure pass from then on. `held` is closed when the call has ended, however it does."""
    with held or ExitStack() as kept:
        stream = await channel.open(context.stream.path or b"", fields, timeout)
        Relay(context, stream, kept.pop_all().close)


class Relay:
    """A call that was handed over."""

    __slots__ = ("_begun", "_call", "_context", "_done", "_over", "_timer")

    def __init__(self, context: Context, call: Stream, done: Callable[[], None]) -> None:
        self._context, self._call, self._done = context, call, done
        self._begun = self._over = False
        self._timer: asyncio.TimerHandle | None = None
        context.task = context.stream.owner = self
        context.stream.listener, call.listener = self._requests, self._replies
        if context.deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(context.deadline, self._expire)
        self._requests()

    def cancel(self) -> None:
        """End it as cancelled, for both sides."""
        self._end(RpcError(Code.CANCELLED, "call was cancelled"))

    def closed(self) -> None:
        """The caller is gone."""
        self._context.lost()
        self._end()

    def _expire(self) -> None:
        self._end(RpcError(Code.DEADLINE_EXCEEDED, "deadline exceeded"))

    def _requests(self, room: object = None) -> None:
        """Pass on what the caller has said, as fast as it is taken."""
        source, call = self._context.stream, self._call
        if self._over:
            return
        source.listener = self._requests
        try:
            while (message := source.take()) is not None:
                if source.ended:
                    call.end(message)
                    return
                future = call.send(message)
                if future is not None:
                    source.listener = None
                    future.add_done_callback(self._requests)
                    return
            if source.ended:
                call.end()
        except FramingError as error:
            self._end(from_error(error))
        except StreamClosed:
            pass  # the server has ended the call: what it said last is still to come

    def _replies(self, room: object = None) -> None:
        """Pass on what the server has said, as fast as the caller takes it."""
        context, call = self._context, self._call
        if self._over:
            return
        call.listener = self._replies
        if call.headers_done and not self._begun:
            self._begun = True
            context.begin_with(metadata.carried(opening(call)))
        try:
            while (message := call.take()) is not None:
                if call.ended:
                    self._finish(message)
                    return
                future = context.send(message)
                if future is not None:
                    call.listener = None
                    future.add_done_callback(self._replies)
                    return
            if call.ended:
                self._finish(None)
        except FramingError as error:
            self._end(from_error(error))
        except StreamClosed:
            self._end()

    def _finish(self, message: bytes | None) -> None:
        """The server has ended the call, with a last message or without."""
        context, call = self._context, self._call
        context.end_with(metadata.carried(trailers(call)))
        context.finish(failure(call), message)
        self._end()

    def _end(self, error: RpcError | None = None) -> None:
        """Nothing passes any more; `error` is what the caller is told if that is not done."""
        if self._over:
            return
        context, call = self._context, self._call
        self._over = True
        context.stream.listener = call.listener = context.task = None
        if self._timer is not None:
            self._timer.cancel()
        if not call.closed:
            call.reset(0 if error is None and call.ended else _CANCEL)
        if error is not None:
            context.finish(error)
        self._done()
