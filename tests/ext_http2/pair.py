"""Two sessions joined in memory, and the h2 package as the other end: no socket, no loop."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from ext.http2.limits import Limits
from ext.http2.session import Session, Stream

LOOP = cast(asyncio.AbstractEventLoop, SimpleNamespace(create_future=lambda: _Future()))
HEADERS = [(b"content-type", b"application/grpc"), (b"te", b"trailers")]


class _Future:
    """What a session does to a future, without a loop."""

    def __init__(self) -> None:
        self.set = False

    def done(self) -> bool:
        return self.set

    def set_result(self, _: None) -> None:
        self.set = True


class Pair:
    """A client's and a server's session, and the streams the server was told of."""

    def __init__(self, **server: Any) -> None:
        self.client = Session(False, loop=LOOP)
        self.server = Session(True, loop=LOOP, limits=Limits(streams=100)._replace(**server))
        self.seen: list[Stream] = []
        self.server.on_request = self.seen.append
        self.client.begin()
        self.server.begin()

    def request(self, path: bytes = b"/a/B") -> Stream:
        """A call of the client."""
        return self.client.request(path, b"host", b"http", list(HEADERS))

    def turn(self, limit: int = 262144) -> bool:
        """Carry bytes both ways once; was there anything?"""
        there, back = self.client.send(limit), self.server.send(limit)
        if there:
            self.server.receive(there)
        if back:
            self.client.receive(back)
        return bool(there or back)

    def settle(self) -> None:
        """Carry until both are silent."""
        while self.turn():
            pass

    def close(self) -> None:
        """End both."""
        self.client.close()
        self.server.close()
