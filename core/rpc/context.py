"""What a handler knows of the call it answers: method, metadata, peer, deadline; and what it may add to the reply."""

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from core.rpc import metadata
from core.rpc.metadata import Fields, Metadata, Pairs
from core.rpc.status import Code, RpcError
from ext.http2.connection import Connection
from ext.http2.session import Stream
from ext.http2.tally import Tally

_OPENING: Fields = [(b":status", b"200"), (b"content-type", b"application/grpc")]
_SUCCESS: Fields = [(b"grpc-status", b"0")]


@dataclass(frozen=True)
class Peer:
    """Who is at the other end: `address` is host:port, or the path of the unix socket that was dialled, whose pid, uid
    and gid are those of the process that connected."""

    address: str
    pid: int | None = None
    uid: int | None = None
    gid: int | None = None
    connection: Connection | None = field(default=None, repr=False, compare=False)

    @cached_property
    def certificate(self) -> bytes | None:
        """The verified client certificate as DER."""
        return self.connection.certificate if self.connection is not None else None


class Work(Protocol):
    """Who answers a call: a Task, or what took it over."""

    def cancel(self) -> object:
        """End the call as cancelled."""


class Context:
    """One call on the server. Handlers read it; the dispatcher alone calls `finish` and `closed`."""

    __slots__ = (
        "_initial",
        "_metadata",
        "_started",
        "_tally",
        "_trailing",
        "cancelled",
        "deadline",
        "peer",
        "stream",
        "task",
    )

    def __init__(self, stream: Stream, peer: Peer, tally: Tally) -> None:
        self.stream = stream
        self.peer = peer
        self._tally = tally
        self.task: Work | None = None
        self.cancelled = False
        self.deadline: float | None = None
        self._metadata: Metadata | None = None
        self._initial = _OPENING
        self._trailing: Fields | None = None
        self._started = False

    @property
    def method(self) -> str:
        """Its path, such as "/machine.MachineService/Version"."""
        return (self.stream.path or b"").decode("latin-1")

    def read_deadline(self) -> None:
        """Set `deadline`, in the loop's time, from the request. Raises Invalid."""
        if self.stream.timeout is not None:
            self.deadline = self.stream.session.loop.time() + metadata.parse_timeout(self.stream.timeout)

    @property
    def metadata(self) -> Metadata:
        """The request's metadata."""
        if self._metadata is None:
            self._metadata = metadata.decode(self.stream.headers)
        return self._metadata

    @property
    def authority(self) -> str:
        """The request's :authority."""
        return (self.stream.authority or b"").decode("latin-1")

    def set_initial(self, pairs: Pairs) -> None:
        """Add metadata to the reply's headers. Raises RpcError once they are sent."""
        self.begin_with(metadata.encode(pairs))

    def set_trailing(self, pairs: Pairs) -> None:
        """Add metadata to the reply's end."""
        self.end_with(metadata.encode(pairs))

    def begin_with(self, fields: Fields) -> None:
        """`set_initial` of fields that travelled before."""
        if self._started:
            raise RpcError(Code.INTERNAL, "the reply's headers are sent already")
        self._initial = self._initial + fields

    def end_with(self, fields: Fields) -> None:
        """`set_trailing` of fields that travelled before."""
        if fields:
            self._trailing = (self._trailing or []) + fields

    def send(self, message: bytes) -> asyncio.Future[None] | None:
        """Send one message; a future to await when the peer is slow. Raises StreamClosed."""
        if not self._started:
            self._started = True
            self.stream.start(self._initial)
        return self.stream.send(message)

    def finish(self, error: RpcError | None = None, message: bytes | None = None) -> None:
        """Complete the reply: well, with a last message if there is one; or badly."""
        self.over(0 if error is None else error.code)
        self.task = None
        if error is None and self._trailing is None:
            self.stream.finish(self._initial, _SUCCESS, message)
        else:
            trailers = list(_SUCCESS) if error is None else _failure(error)
            self.stream.finish(self._initial, trailers + (self._trailing or []), message)

    def over(self, code: int) -> None:
        """Count how it ended, the first time that it does."""
        if self.stream.owner is not None:
            self.stream.owner = None
            self._tally.ended(self.stream, code)

    def lost(self) -> None:
        """The peer reset the stream or is gone, and the stream has told its owner: count that."""
        self._tally.ended(self.stream, Code.CANCELLED)

    def closed(self) -> None:
        """The peer reset the stream or is gone: stop the handler."""
        self.lost()
        self.cancelled = True
        if self.task is not None:
            self.task.cancel()


def _failure(error: RpcError) -> Fields:
    trailers = [(b"grpc-status", b"%d" % error.code), (b"grpc-message", metadata.escape(error.message))]
    if error.details:
        trailers.append((b"grpc-status-details-bin", metadata.pack(error.packed())))
    return trailers
