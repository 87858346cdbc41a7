"""Runs a `core.codec.dhcp.Client` on a link: its sockets and its timers. Hears the link layer while there is no
lease to rest on (also when renewing, since a refusal is broadcast), sends from the lease's own address when there
is one. Owns no address: what is won or lost is reported, and others act on it."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address

from core.base.clock import Clock
from core.base.errors import Invalid
from core.codec.dhcp import Bound, Client, Effect, Lost, Send, State
from core.codec.dhcp.frame import CLIENT_PORT, SERVER_PORT, unwrap, wrap
from core.codec.dhcp.message import ANY
from core.linux.network import Network

log = logging.getLogger("dhcp")

_IP = 0x0800
_FREEBIND = 15  # IP_FREEBIND, which Python does not name
_EVERYBODY = b"\xff" * 6


class Runner:
    """One client on one link. `report` is called with each Bound and Lost."""

    def __init__(
        self,
        network: Network,
        ifindex: int,
        name: str,
        client: Client,
        clock: Clock,
        report: Callable[[Bound | Lost], None],
    ) -> None:
        self._network, self._ifindex, self._name = network, ifindex, name
        self._client, self._clock, self._report = client, clock, report
        self._packet: socket.socket | None = None
        self._udp: socket.socket | None = None
        self._woken = asyncio.Event()

    async def run(self, *, release: bool = False) -> None:
        """Keep a lease until cancelled; `release` gives it back then. Raises OSError when the link is gone."""
        try:
            self._listen()
            self._act(self._client.start(self._clock.monotonic()))
            while True:
                await self._wait()
                self._act([*self._received(), *self._client.tick(self._clock.monotonic())])
        finally:
            if release and self._client.state is not State.STOPPED:
                self._act(self._client.stop(self._clock.monotonic()))
            self._deafen()
            self._unbind()

    async def _wait(self) -> None:
        """Until a packet comes or the client's deadline."""
        deadline = self._client.deadline
        if deadline is None:
            await self._woken.wait()
            return
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._ring(deadline - self._clock.monotonic()))
            await self._woken.wait()
            alarm.cancel()

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._woken.set()

    def _received(self) -> list[Effect]:
        self._woken.clear()
        effects: list[Effect] = []
        while self._packet is not None:
            try:
                payload = unwrap(self._packet.recv(65535))
            except BlockingIOError:
                break
            except Invalid:
                continue
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
                continue  # said once when the link goes down; the kernel resumes the socket when it is up again
            effects += self._client.received(payload, self._clock.monotonic())
        return effects

    def _act(self, effects: Iterable[Effect]) -> None:
        if self._client.state in (State.BOUND, State.STOPPED):
            self._deafen()
        else:
            self._listen()  # before anything is sent: an answer may be here at once
        for effect in effects:
            if isinstance(effect, Send):
                self._send(effect)
            else:
                self._unbind()
                self._report(effect)

    def _send(self, effect: Send) -> None:
        """A datagram that cannot leave is as good as one lost on the way: it is said, and sent again in its time."""
        try:
            if effect.source is None:
                self._listen().sendto(wrap(effect.payload, ANY, effect.target), (self._name, _IP, 0, 0, _EVERYBODY))
            else:
                self._bind(effect.source).sendto(effect.payload, (str(effect.target), SERVER_PORT))
        except OSError as error:
            log.warning("%s: cannot send to %s: %s", self._name, effect.target, error)

    def _listen(self) -> socket.socket:
        if self._packet is None:
            self._packet = self._network.packet(self._ifindex, CLIENT_PORT)
            asyncio.get_running_loop().add_reader(self._packet, self._woken.set)
        return self._packet

    def _deafen(self) -> None:
        if self._packet is not None:
            asyncio.get_running_loop().remove_reader(self._packet)
            self._packet.close()
            self._packet = None

    def _bind(self, source: IPv4Address) -> socket.socket:
        """The sending socket of a lease; it also keeps the kernel from answering port unreachable to the server."""
        if self._udp is None:
            self._udp = self._network.udp()
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._name.encode() + b"\0")
            self._udp.setsockopt(socket.SOL_IP, _FREEBIND, 1)
            self._udp.bind((str(source), CLIENT_PORT))
        return self._udp

    def _unbind(self) -> None:
        if self._udp is not None:
            self._udp.close()
            self._udp = None
