"""What trustd serves with and which token it asks for, kept current over its socket to machined and through every
restart of machined. Of the token it knows a digest alone, of any authority nothing."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty

from core.base.clock import Clock
from core.node.hearing import keep_hearing
from core.rpc.client import Channel
from core.rpc.pb.trust import trust_pb2 as pb
from core.rpc.tls import ServerTLS

_log = logging.getLogger("trust")


class Credentials:
    """A change holds from the next connection on; while machined is away the last ones stay in use."""

    def __init__(self, machined: Channel, clock: Clock) -> None:
        self._machined, self._clock = machined, clock
        self._tls: ServerTLS | None = None
        self._digest = b""
        self._first = asyncio.Event()

    def admits(self, token: str) -> bool:
        """Whether this is the token, in a time that tells nothing. Without one nobody is admitted."""
        shown = hashlib.sha256(token.encode()).digest()
        return bool(self._digest) and hmac.compare_digest(shown, self._digest)

    async def ready(self) -> ServerTLS:
        """What to serve with, as soon as there is something."""
        await self._first.wait()
        assert self._tls is not None
        return self._tls

    async def keep(self) -> None:
        """Keep them current, until cancelled."""

        def ask() -> AsyncIterator[pb.CredentialsResponse]:
            return self._machined.server_stream("/ichor.trust.Authority/Credentials", Empty(), pb.CredentialsResponse)

        await keep_hearing(ask, self._clock, self._use, lambda error: _log.info("machined is away: %s", error))

    def _use(self, given: pb.CredentialsResponse) -> None:
        if self._tls is None:
            self._tls = ServerTLS(given.crt, given.key)
        else:
            self._tls.update(given.crt, given.key)
        self._digest = given.token_digest
        self._first.set()
