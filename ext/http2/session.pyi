import asyncio
from collections.abc import Callable
from typing import Protocol, Self, TypeAlias

from typing_extensions import disjoint_base

from ext.http2.limits import Limits

DEFAULT: Limits
EXCESS: dict[int, str]
_Fields: TypeAlias = list[tuple[bytes, bytes]]

class _Owner(Protocol):
    def closed(self) -> None: ...

class StreamClosed(Exception): ...

def live() -> tuple[int, int]: ...
@disjoint_base
class Heard: ...

@disjoint_base
class Stream:
    session: Session
    id: int
    method: bytes | None
    path: bytes | None
    authority: bytes | None
    content_type: bytes | None
    timeout: bytes | None
    http_status: bytes | None
    headers: _Fields
    trailers: _Fields | None
    closed: bool
    remote_end: bool
    headers_done: bool
    error: int
    owner: _Owner | None
    listener: Callable[[], None] | None
    due: bool
    @property
    def ended(self) -> bool: ...
    def __new__(cls, session: Session) -> Self: ...
    def take(self) -> bytes | None: ...
    def wait(self) -> asyncio.Future[None]: ...
    def start(self, headers: _Fields) -> None: ...
    def send(self, message: bytes) -> asyncio.Future[None] | None: ...
    def end(self, message: bytes | None = None) -> None: ...
    def finish(self, headers: _Fields, trailers: _Fields, message: bytes | None = None) -> None: ...
    def answer(self, headers: _Fields, body: bytes) -> None: ...
    def reset(self, code: int = 8) -> None: ...

@disjoint_base
class Session:
    loop: asyncio.AbstractEventLoop
    server: bool
    draining: bool
    settled: bool
    reason: str
    activity: int
    buffered: int
    queued: int
    limits: Limits
    on_request: Callable[[Stream], None] | None
    @property
    def active(self) -> int: ...
    @property
    def alive(self) -> bool: ...
    @property
    def usable(self) -> bool: ...
    def __new__(
        cls,
        server: bool,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        limits: Limits = ...,
    ) -> Self: ...
    def begin(self) -> None: ...
    def receive(self, data: bytes) -> bool: ...
    def send(self, limit: int = 262144) -> bytes: ...
    def request(
        self, path: bytes, authority: bytes, scheme: bytes, headers: _Fields, method: bytes | None = None
    ) -> Stream: ...
    def drain(self) -> None: ...
    def review(self) -> bool: ...
    def close(self, reason: str = "closed") -> None: ...
