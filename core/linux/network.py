"""One network namespace as the drivers see it: the rtnetlink socket to ask with, monitors to listen with, sockets for
clients. Everything that touches the network is handed one, so that a test or a provisioner can point it elsewhere."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Self

from core.linux import link
from ext.netlink.socket import Changes, Monitor, Socket, packet_socket, socket_in
from ext.netlink.types import Link, Overrun


class Network:
    """The namespace behind the descriptor `netns`, or the caller's own. Close it, or use `with`."""

    def __init__(self, netns: int | None = None) -> None:
        self._netns = netns
        self.rtnl = Socket(netns=netns)

    def links(self) -> dict[str, Link]:
        """Every link as it is at this moment, by name."""
        return {found.name: found for found in link.links(self.rtnl)}

    async def changes(self, groups: Iterable[int]) -> AsyncIterator[Changes]:
        """Batches of changes, at once an empty one. Empty also says that some were lost: look at everything again."""
        with Monitor(groups, netns=self._netns) as monitor:
            yield Changes()
            # closed before the monitor is, lest the loop forget a descriptor that is somebody else's by then
            async with aclosing(readable(monitor.fileno())) as ready:
                async for _ in ready:
                    try:
                        batch = monitor.changes()
                    except Overrun:
                        yield Changes()
                    else:
                        if batch:
                            yield batch

    def udp(self, family: int = socket.AF_INET) -> socket.socket:
        """A non-blocking UDP socket."""
        made = socket.socket(fileno=socket_in(self._netns, family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        made.setblocking(False)
        return made

    def packet(self, ifindex: int, port: int) -> socket.socket:
        """A non-blocking packet socket on a link that hears UDP to `port` alone, from the IP header on."""
        return socket.socket(fileno=packet_socket(self._netns, ifindex, port))

    def sender(self) -> socket.socket:
        """A packet socket that hears nothing; the kernel makes the link's header."""
        return socket.socket(fileno=socket_in(self._netns, socket.AF_PACKET, socket.SOCK_DGRAM))

    def close(self) -> None:
        self.rtnl.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


async def readable(fd: int) -> AsyncGenerator[None, None]:
    """One item each time that `fd` can be read; the consumer reads before it asks for the next, and closes the
    iterator before the descriptor."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        while True:
            await ready.wait()
            yield
            ready.clear()  # level-triggered: if anything is left, the loop sets it again
    finally:
        loop.remove_reader(fd)
