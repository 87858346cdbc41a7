"""Plain HTTP beside gRPC, on the same connections and under the same guard: pages by their path, for who asks with GET
and speaks no gRPC. What went wrong is said by the status of HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from core.rpc.context import Context, Peer
from core.rpc.status import Code, RpcError
from ext.http2.session import Stream
from ext.http2.tally import Tally

STATUS: Final = {
    Code.NOT_FOUND: 404,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNAVAILABLE: 503,
    Code.CANCELLED: 503,
    Code.DEADLINE_EXCEEDED: 504,
}
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Body:
    """A page's content and its type."""

    type: str
    content: bytes


Page = Callable[[Context], Awaitable[Body]]
"""Makes a page; what it raises is answered as of any call."""


class Visit(Context):
    """One request for a page. `body` is what there is to see when it ends well."""

    __slots__ = ("body",)

    def __init__(self, stream: Stream, peer: Peer, tally: Tally) -> None:
        super().__init__(stream, peer, tally)
        self.body = Body(_TEXT, b"")
        self._initial = []

    def finish(self, error: RpcError | None = None, message: bytes | None = None) -> None:
        """Complete the answer: the page, or why there is none."""
        self.over(0 if error is None else error.code)
        self.task = None
        status, body = 200, self.body
        if error is not None:
            status, body = STATUS.get(error.code, 500), Body(_TEXT, error.message.encode() + b"\n")
        opening = [(b":status", b"%d" % status), (b"content-type", body.type.encode())]
        length = (b"content-length", b"%d" % len(body.content))
        self.stream.answer([*opening, length, *self._initial], body.content)
