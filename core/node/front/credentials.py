"""What the front door shows and trusts. Owns the one ServerTLS; a change holds from the next connection on. While
machined is away the last credentials stay in use."""

import asyncio
from typing import Final

from core.base.clock import Clock
from core.node.front.follow import follow
from core.rpc.client import Channel
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import APICertsSpec
from core.rpc.tls import ServerTLS

_CERTIFICATES: Final = ("secrets", "ApiCertificates.secrets.talos.dev", "api")


class Credentials:
    """`maintenance` means that no client is asked who it is."""

    def __init__(self, machined: Channel, clock: Clock) -> None:
        self.maintenance = False
        self._machined, self._clock = machined, clock
        self._tls: ServerTLS | None = None
        self._first = asyncio.Event()

    async def ready(self) -> ServerTLS:
        """The credentials, as soon as there are any."""
        await self._first.wait()
        assert self._tls is not None
        return self._tls

    async def keep(self) -> None:
        """Keep them current, until cancelled."""
        await follow(self._machined, self._clock, _CERTIFICATES, self._use)

    def _use(self, encoded: bytes) -> None:
        spec = APICertsSpec.FromString(encoded)
        accepted = None
        if not spec.skip_verifying_client_cert:
            accepted = b"".join(authority.crt for authority in spec.accepted_c_as)
        if self._tls is None:
            self._tls = ServerTLS(spec.server.crt, spec.server.key, accepted)
        else:
            self._tls.update(spec.server.crt, spec.server.key, accepted)
        self.maintenance = spec.skip_verifying_client_cert
        self._first.set()
