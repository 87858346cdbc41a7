"""What the front door shows and trusts, towards callers and other nodes' doors. Owns the one ServerTLS; a change holds
from the next connection on. While machined is away the last credentials stay in use. Who is asked for a certificate
changes with the certificates; that strangers are served no more is known at once, however long the next ones take."""

import asyncio
from collections.abc import Callable
from typing import Final

from core.base.clock import Clock
from core.node.front.follow import follow
from core.rpc.client import Channel
from core.rpc.pb.resource.definitions.runtime.runtime_pb2 import APIServiceConfigSpec
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import APICertsSpec
from core.rpc.tls import ClientTLS, ServerTLS

_CERTIFICATES: Final = ("secrets", "ApiCertificates.secrets.talos.dev", "api")
_SERVICE: Final = ("runtime", "APIServiceConfigs.runtime.talos.dev", "apid")


class Credentials:
    """`maintenance` means that strangers are served; `closed` is called when it ends. `changed` is called with what to
    show other nodes, None while this one has no certificate for it."""

    def __init__(
        self,
        machined: Channel,
        clock: Clock,
        closed: Callable[[], None],
        changed: Callable[[ClientTLS | None], None],
    ) -> None:
        self.maintenance = False
        self.certificate = b""  # what is shown to callers, PEM
        self._closed, self._changed = closed, changed
        self._shown: tuple[bytes, ...] = ()
        self._machined, self._clock = machined, clock
        self._tls: ServerTLS | None = None
        self._first, self._known = asyncio.Event(), asyncio.Event()

    async def ready(self) -> ServerTLS:
        """The credentials, as soon as there are any and it is known who is served."""
        await self._known.wait()
        await self._first.wait()
        assert self._tls is not None
        return self._tls

    async def keep(self) -> None:
        """Keep them current, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(self._machined, self._clock, _SERVICE, self._serve))
            group.create_task(follow(self._machined, self._clock, _CERTIFICATES, self._use))

    def _serve(self, encoded: bytes) -> None:
        before, self.maintenance = self.maintenance, APIServiceConfigSpec.FromString(encoded).readonly_role_mode
        self._known.set()
        if before and not self.maintenance:
            self._closed()

    def _use(self, encoded: bytes) -> None:
        spec = APICertsSpec.FromString(encoded)
        authorities = b"".join(authority.crt for authority in spec.accepted_c_as)
        accepted = None if spec.skip_verifying_client_cert else authorities
        self.certificate = spec.server.crt
        if self._tls is None:
            self._tls = ServerTLS(spec.server.crt, spec.server.key, accepted)
        else:
            self._tls.update(spec.server.crt, spec.server.key, accepted)
        shown = (authorities, spec.client.crt, spec.client.key) if spec.client.crt else ()
        if shown != self._shown:
            self._shown = shown
            self._changed(ClientTLS(*shown) if shown else None)
        self._first.set()
