"""The front door: mTLS on :50000, two decisions for each call (may its caller make it, where does it go), then bytes
pass as they are. Owns no answer of its own; what a call means is machined's, here or on another node."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, nullcontext
from functools import lru_cache
from typing import Final

from core.base.clock import Clock
from core.base.errors import Denied
from core.node.api.roles import (
    HEADER,
    IMPERSONATOR,
    MAINTENANCE,
    METRICS_PAGE,
    NOT_AUTHORIZED,
    READER,
    allowed,
)
from core.node.front import metrics
from core.node.front.credentials import Credentials
from core.node.front.fanout import Leg, fan_out
from core.node.front.names import Names
from core.node.front.peers import Limits, Peers
from core.node.front.routing import NODE, NODES, PROXIED, route
from core.pki import der
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.forward import forward
from core.rpc.metadata import Fields, carried, decode, encode
from core.rpc.plain import Body
from core.rpc.server import Server

_log = logging.getLogger("front")
_ROLE: Final = HEADER.encode()
_PROXIED: Final = PROXIED.encode()
_DROPPED: Final = frozenset({_ROLE, NODE.encode(), NODES.encode()})
EXPIRES: Final = "client-certificate-expires"  # in every answer: when the caller's certificate ends, RFC 3339


class Door:
    """Serves `listener` once there are credentials."""

    def __init__(self, machined: Channel, clock: Clock, limits: Limits | None = None) -> None:
        self._machined = machined
        self._peers = Peers(limits)
        self._credentials = Credentials(machined, clock, self._dismiss, self._peers.use)
        self._strangers: set[Context] = set()
        self._names = Names(machined, clock)
        self.server = Server((), fallback=self._forward, guard=self._guard, pages={METRICS_PAGE: self._metrics})

    async def serve(self, listener: socket.socket) -> None:
        """Until cancelled; then calls under way get a moment to end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._credentials.keep(), name="credentials")
            group.create_task(self._names.keep(), name="names")
            group.create_task(self._peers.keep(), name="peers")
            await self.server.serve(listener, await self._credentials.ready())
            _log.info("serving")

    def _guard(self, ctx: Context) -> None:
        """Refuse who may not. Maintenance holds for calls, not for connections: one that was made then is a stranger's
        as soon as the node has a config."""
        if not allowed(ctx.method, self._roles(ctx), self._credentials.maintenance):
            raise Denied(NOT_AUTHORIZED)
        if not self._credentials.maintenance and ctx.peer.certificate is not None:
            ctx.begin_with(_expiry(ctx.peer.certificate))

    def _roles(self, ctx: Context) -> frozenset[str]:
        if self._credentials.maintenance:
            return frozenset({READER})
        if ctx.peer.certificate is None:
            return frozenset()
        own = _organizations(ctx.peer.certificate)
        claimed = frozenset(ctx.metadata.text(HEADER)) if IMPERSONATOR in own else None
        return claimed or own

    async def _metrics(self, ctx: Context) -> Body:
        return await metrics.page(self._machined, self._roles(ctx), self.server, self._credentials)

    async def _forward(self, ctx: Context, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes] | None:
        fields = [field for field in carried(ctx.stream.headers) if field[0] not in _DROPPED]
        if self._credentials.maintenance:  # a stranger has no role; what one may do is machined's to say
            await forward(ctx, self._machined, fields, _left(ctx), self._as_a_stranger(ctx))
            return None
        fields += [(_ROLE, role.encode()) for role in sorted(self._roles(ctx))]
        way = route(ctx.method, ctx.metadata, self._names.__contains__, forwards=self._peers.able)
        if not way.targets:
            await forward(ctx, self._machined, fields, _left(ctx))
            return None
        fields.append((_PROXIED, ctx.stream.authority or b""))
        if not way.many:
            await self._peers.forward(ctx, way.targets[0], fields, _left(ctx))
            return None
        legs = [
            Leg(target, nullcontext(self._machined) if target in self._names else self._peers.hold(target))
            for target in way.targets
        ]
        return fan_out(ctx, requests, legs, decode(fields), self._peers.limits)

    def _as_a_stranger(self, ctx: Context) -> ExitStack:
        """Until the node has a config: a stream that began before must not go on."""
        held = ExitStack()
        if ctx.method not in MAINTENANCE:  # of these one is what ends maintenance, and gets its answer
            self._strangers.add(ctx)
            held.callback(self._strangers.discard, ctx)
        return held

    def _dismiss(self) -> None:
        for ctx in tuple(self._strangers):
            if ctx.task is not None:
                ctx.task.cancel()


@lru_cache(256)
def _organizations(certificate: bytes) -> frozenset[str]:
    """The roles a certificate gives; what cannot travel as metadata is no role."""
    names = der.read(certificate).organizations
    return frozenset(name for name in names if name.strip() and name.isascii() and name.isprintable())


@lru_cache(256)
def _expiry(certificate: bytes) -> Fields:
    """What an answer says of the certificate it is for; of another node's door nothing, for the caller is behind it."""
    facts = der.read(certificate)
    if IMPERSONATOR in facts.organizations:
        return []
    return encode([(EXPIRES, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.not_after)))])


def _left(ctx: Context) -> float | None:
    if ctx.deadline is None:
        return None
    return max(0.0, ctx.deadline - asyncio.get_running_loop().time())
