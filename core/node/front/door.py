"""The front door: mTLS on :50000, one decision for each call (who is it, may it, where does it go), then bytes pass as
they are. Owns no answer of its own; what a call means is machined's."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from core.base.clock import Clock
from core.base.errors import Denied
from core.node.api.roles import HEADER, IMPERSONATOR, MAINTENANCE, NOT_AUTHORIZED, READER, allowed
from core.node.front.credentials import Credentials
from core.node.front.routing import NODE, NODES, Routing
from core.pki import der
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.forward import forward
from core.rpc.server import Server

_log = logging.getLogger("front")
_DROPPED: Final = frozenset({HEADER, NODE, NODES, ":authority"})


class Door:
    """Serves `listener` once there are credentials."""

    def __init__(self, machined: Channel, clock: Clock) -> None:
        self._machined = machined
        self._credentials = Credentials(machined, clock, self._dismiss)
        self._strangers: set[Context] = set()
        self._routing = Routing(machined, clock)
        self.server = Server((), fallback=self._forward, guard=self._guard)

    async def serve(self, listener: socket.socket) -> None:
        """Until cancelled; then calls under way get a moment to end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._credentials.keep(), name="credentials")
            group.create_task(self._routing.keep(), name="routing")
            await self.server.serve(listener, await self._credentials.ready())
            _log.info("serving")

    def _guard(self, ctx: Context) -> None:
        """Refuse who may not. Maintenance holds for calls, not for connections: one that was made then is a stranger's
        as soon as the node has a config."""
        if not allowed(ctx.method, self._roles(ctx), self._credentials.maintenance):
            raise Denied(NOT_AUTHORIZED)
        if not self._credentials.maintenance:
            self._routing.check(ctx.metadata)

    def _roles(self, ctx: Context) -> frozenset[str]:
        if self._credentials.maintenance:
            return frozenset({READER})
        if ctx.peer.certificate is None:
            return frozenset()
        organizations = der.read(ctx.peer.certificate).organizations
        own = frozenset(name for name in organizations if name.strip())
        claimed = frozenset(ctx.metadata.text(HEADER))
        return claimed if IMPERSONATOR in own and claimed else own

    def _forward(self, ctx: Context, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        pairs = [(key, value) for key, value in ctx.metadata if key not in _DROPPED]
        if not self._credentials.maintenance:  # a stranger has no role; what one may do is machined's to say
            pairs += [(HEADER, role) for role in sorted(self._roles(ctx))]
        answers = forward(ctx, requests, self._machined.raw(ctx.method, pairs, _left(ctx)))
        return self._for_a_stranger(ctx, answers) if self._credentials.maintenance else answers

    async def _for_a_stranger(self, ctx: Context, answers: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same, until the node has a config: a stream that began before must not go on."""
        if ctx.method not in MAINTENANCE:  # of these one is what ends maintenance, and gets its answer
            self._strangers.add(ctx)
        try:
            async with aclosing(answers):  # type: ignore[type-var]  # forward is an async generator
                async for answer in answers:
                    yield answer
        finally:
            self._strangers.discard(ctx)

    def _dismiss(self) -> None:
        for ctx in tuple(self._strangers):
            if ctx.task is not None:
                ctx.task.cancel()


def _left(ctx: Context) -> float | None:
    if ctx.deadline is None:
        return None
    return max(0.0, ctx.deadline - asyncio.get_running_loop().time())
