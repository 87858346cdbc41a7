"""A small SNTP server (RFC 4330, section 6) over real UDP for tests, written without the product's codec."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from tests.support.netns import Namespace

CLIENT, SERVER, VERSION = 3, 4, 4


def stamp(moment: float) -> bytes:
    """Unix seconds as an NTP timestamp of whatever era."""
    whole, rest = divmod(round((moment + 2_208_988_800) * 2**32), 2**32)
    return struct.pack("!II", whole % 2**32, rest)


def answer(question: bytes, received: float, transmitted: float, *, stratum: int = 1, leap: int = 0) -> bytes:
    """What a server says to `question`."""
    assert len(question) >= 48
    assert question[0] & 7 == CLIENT
    head = struct.pack("!BBbb", leap << 6 | VERSION << 3 | SERVER, stratum, 0, -20)
    return head + bytes(8) + b"TEST" + bytes(8) + question[40:48] + stamp(received) + stamp(transmitted)


class TimeServer(asyncio.DatagramProtocol):
    """Tells `time()`; counts the questions; says nothing while `silent`."""

    def __init__(self, time: Callable[[], float]) -> None:
        self.time, self.asked, self.silent = time, 0, False
        self.was_asked = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        self.was_asked.set()
        if not self.silent:
            self._transport.sendto(b"noise", addr)
            self._transport.sendto(answer(bytes(48 - len(data)) + data, self.time(), self.time()), addr)


@asynccontextmanager
async def serving(where: Namespace, host: str, time: Callable[[], float], port: int = 123) -> AsyncIterator[TimeServer]:
    """Serve time on an address of the namespace."""
    loop = asyncio.get_running_loop()
    sock = where.udp(host, port)
    sock.setblocking(False)
    transport, server = await loop.create_datagram_endpoint(lambda: TimeServer(time), sock=sock)
    try:
        yield server
    finally:
        transport.close()
