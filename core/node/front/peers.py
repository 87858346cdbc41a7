"""Connections to the doors of other nodes: one for each target, dialled when it is first needed and by one caller for
all, closed when nobody has used it for a while.

When this node's certificate or the authorities change, calls under way keep their connection and every new call gets
a new one. Raises RpcError UNAVAILABLE for who cannot be reached, at once while it is too early to dial again.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from core.base.backoff import Backoff
from core.base.errors import Exhausted
from core.node.front.routing import address
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.forward import forward
from core.rpc.metadata import Fields
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from ext.http2.connection import Connection

_log = logging.getLogger("front")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for a dialling, of it for a call to several nodes, then for each one's answer to a caller who has no
    deadline (`question` where a reader may ask; `order` where more is done than told, as long as stock clients take),
    from one dialling to the next, without calls, and for calls under way when the certificate changes; how many targets
    at a time."""

    connect: float = 20.0
    patience: float = 5.0
    question: float = 30.0
    order: float = 1800.0
    backoff: float = 15.0
    idle: float = 900.0
    drain: float = 1800.0
    targets: int = 512


class Peer(Channel):
    """A channel that remembers why it could not be reached."""

    def __init__(self, target: str, tls: ClientTLS, limits: Limits) -> None:
        super().__init__(address(target), tls, timeout=limits.connect)
        self.limits = limits
        self.failure: RpcError | None = None
        self.users = 0
        self.used = 0.0
        self.retired = asyncio.Event()
        self.free = asyncio.Event()
        self._backoff = Backoff(first=1.0, factor=1.6, cap=limits.backoff)
        self._again = 0.0

    async def connection(self) -> Connection:
        """The connection in use, or a new one when it is time to try."""
        if self.failure is not None and asyncio.get_running_loop().time() < self._again:
            raise RpcError(self.failure.code, self.failure.message)
        return await super().connection()

    async def _dial(self) -> Connection:
        try:
            connection = await super()._dial()
        except RpcError as error:
            self.failure = error
            self._again = asyncio.get_running_loop().time() + self._backoff.failed()
            raise
        self.failure = None
        self._backoff.succeeded()
        return connection


class Peers:
    """Every target in use. Calls are to come only while `keep` runs."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._tls: ClientTLS | None = None
        self._peers: dict[str, Peer] = {}
        self._group: asyncio.TaskGroup | None = None

    async def keep(self) -> None:
        """Close what is not used any more, until cancelled; then everything."""
        async with asyncio.TaskGroup() as self._group:
            await asyncio.Event().wait()

    @property
    def able(self) -> bool:
        """Whether there is a certificate to show."""
        return self._tls is not None

    def use(self, tls: ClientTLS | None) -> None:
        """What to show and whom to trust from the next call on."""
        self._tls = tls
        for target in tuple(self._peers):
            self._retire(target)

    @contextmanager
    def hold(self, target: str) -> Iterator[Peer]:
        """The channel to a target; it is there as long as the block lasts. Raises RpcError INTERNAL, Exhausted."""
        peer = self._peers.get(target) or self._new(target)
        peer.users += 1
        peer.free.clear()
        try:
            yield peer
        finally:
            peer.users -= 1
            peer.used = asyncio.get_running_loop().time()
            if not peer.users:
                peer.free.set()

    async def forward(self, ctx: Context, target: str, fields: Fields, timeout: float | None) -> None:
        """Hand a call over to one other node."""
        held = ExitStack()
        peer = held.enter_context(self.hold(target))
        await forward(ctx, peer, fields, timeout, held)

    def _new(self, target: str) -> Peer:
        if self._tls is None or self._group is None:
            raise RpcError(Code.UNAVAILABLE, "this node has no certificate to forward with")
        if len(self._peers) >= self.limits.targets:
            self._make_room()
        peer = self._peers[target] = Peer(target, self._tls, self.limits)
        peer.used = asyncio.get_running_loop().time()
        peer.free.set()
        self._group.create_task(self._attend(target, peer), name=f"peer {target}")
        return peer

    def _make_room(self) -> None:
        idle = [target for target, peer in self._peers.items() if not peer.users]
        if not idle:
            raise Exhausted(f"calls to {self.limits.targets} nodes are under way")
        self._retire(min(idle, key=lambda target: self._peers[target].used))

    def _retire(self, target: str) -> None:
        self._peers.pop(target).retired.set()

    async def _attend(self, target: str, peer: Peer) -> None:
        """A peer's life: until it has been idle for long, or its last call after it was retired has ended."""
        loop = asyncio.get_running_loop()
        try:
            while not peer.retired.is_set():
                left = self.limits.idle if peer.users else peer.used + self.limits.idle - loop.time()
                if left <= 0:
                    self._retire(target)
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await peer.retired.wait()
            async with asyncio.timeout(self.limits.drain):
                await peer.free.wait()
        except TimeoutError:
            _log.warning("%s: calls that began with an earlier certificate are ended", target)
        finally:
            await peer.close()
