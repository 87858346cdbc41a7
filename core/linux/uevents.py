"""The kernel's device events on an event loop: one socket, any number of listeners. A listener that is told None has
missed events (the kernel or its own queue dropped some) and walks /sys again. Owns the socket while entered."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Self

from core.base.errors import Invalid
from core.codec.uevent import Uevent, decode
from ext.netlink.socket import UeventSocket
from ext.netlink.types import Overrun

_log = logging.getLogger("uevents")
_QUEUE: Final = 4096
Listen = Callable[[], AsyncIterator[Uevent | None]]


class Uevents:
    """`with Uevents() as events: async for event in events.listen(): ...`; entered where a loop runs."""

    def __init__(self, *, netns: int | None = None) -> None:
        self._socket = UeventSocket(netns=netns)
        self._listeners: set[asyncio.Queue[Uevent | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    async def listen(self) -> AsyncIterator[Uevent | None]:
        """Every event from now on; None after a loss."""
        with self._listening() as queue:
            while True:
                yield await queue.get()

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Queue[Uevent | None]]:
        queue: asyncio.Queue[Uevent | None] = asyncio.Queue(_QUEUE)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def _readable(self) -> None:
        try:
            datagrams = self._socket.read()
        except Overrun:
            self._tell(None)
            return
        for datagram in datagrams:
            try:
                self._tell(decode(datagram))
            except Invalid as error:
                _log.warning("ignored: %s", error)

    def _tell(self, event: Uevent | None) -> None:
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                event = None
            queue.put_nowait(event)


async def since(look: Callable[[], Awaitable[None]], listen: Listen) -> AsyncIterator[Uevent | None]:
    """Look once at what is there, then every event from before that look on, so that no device falls between."""
    events = aiter(listen())
    first = asyncio.ensure_future(anext(events))
    try:
        await look()
        yield await first
    finally:
        first.cancel()
    async for event in events:
        yield event
