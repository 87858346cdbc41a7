import asyncio
import socket
from collections.abc import Callable

from typing_extensions import disjoint_base

from ext.http2.session import Session, Stream
from ext.http2.tls import TLSContext

def live() -> dict[str, int]: ...
@disjoint_base
class Connection(Session):
    on_close: Callable[[Connection], None] | None
    ready: asyncio.Future[None]
    @property
    def open(self) -> bool: ...
    @property
    def certificate(self) -> bytes | None: ...
    def __init__(
        self,
        server: bool,
        *,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        tls: TLSContext | None = None,
        name: str = "",
        name_is_address: bool = False,
        on_request: Callable[[Stream], None] | None = None,
        on_close: Callable[[Connection], None] | None = None,
        max_streams: int = 1024,
        handshake: float = 10.0,
        idle: float = 0.0,
        message_limit: int = 33554432,
        buffer_limit: int = 134217728,
        header_limit: int = 65536,
    ) -> None: ...
    def readable(self) -> None: ...
    def writable(self) -> None: ...
    def flush_later(self) -> None: ...
    def expired(self) -> None: ...
    def rest(self) -> None: ...
    def close(self, reason: str = "closed") -> None: ...
