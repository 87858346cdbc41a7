"""One exchange with a time server over UDP. Owns the socket and the wait; what an answer is worth is
`core.codec.ntp`'s."""

import asyncio
import os
import socket
from contextlib import aclosing

from core.base.clock import Clock
from core.base.errors import Invalid, NotReady
from core.codec import ntp
from core.codec.ntp import Sample
from core.linux.network import Network, readable

TIMEOUT = 5.0


async def query(
    network: Network, server: str, clock: Clock, *, port: int = ntp.PORT, timeout: float = TIMEOUT
) -> Sample:
    """Ask `server` (a name or an address) for the time. Raises NotReady without an answer, Invalid for
    what is no name, Denied if it does not
    want to be asked, OSError."""
    loop = asyncio.get_running_loop()
    try:
        family, _, _, _, address = (await loop.getaddrinfo(server, port, type=socket.SOCK_DGRAM))[0]
    except UnicodeError:
        raise Invalid(f"{server!r} is no name of a time server") from None
    with network.udp(family) as sock:
        sock.connect(address)  # the kernel then drops what comes from anybody else
        nonce = os.urandom(8)
        sent = clock.now()
        sock.send(ntp.request(nonce))
        async with asyncio.TaskGroup() as group:
            answer = group.create_task(_answer(sock, nonce, sent, clock))
            patience = group.create_task(clock.sleep(timeout))
            await asyncio.wait([answer, patience], return_when=asyncio.FIRST_COMPLETED)
            answered = answer.done()
            answer.cancel()
            patience.cancel()
        if not answered:
            raise NotReady(f"{server} does not answer", remedy="name another server in machine.time.servers")
        result = answer.result()
        if isinstance(result, OSError):
            raise result
        return result


async def _answer(sock: socket.socket, nonce: bytes, sent: float, clock: Clock) -> Sample | OSError:
    """The first answer that is one to our question; others are passed over. A refusal of the network is an answer."""
    async with aclosing(readable(sock.fileno())) as ready:
        async for _ in ready:
            try:
                data = sock.recv(512)
            except OSError as error:
                return error
            arrived = clock.now()
            try:
                return ntp.sample(data, nonce, sent, arrived)
            except Invalid:
                continue
    raise AssertionError("unreachable")
