import asyncio
import socket
from collections.abc import Callable

from typing_extensions import disjoint_base

from ext.http2.limits import Limits
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
    @property
    def admitted(self) -> list[bytes]: ...
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
        limits: Limits = ...,
    ) -> None: ...
    def readable(self) -> None: ...
    def writable(self) -> None: ...
    def flush_later(self) -> None: ...
    def look(self) -> None: ...
    def expired(self) -> None: ...
    def rest(self) -> None: ...
    def close(self, reason: str = "closed") -> None: ...
