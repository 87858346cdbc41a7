"""What machined does for trustd, on trustd's socket alone: says what to serve with, has requests signed by a worker.
Serves nothing else there, so that whoever takes trustd over reads no resource and calls no method."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.base.clock import Clock
from core.base.errors import Invalid, NotReady
from core.node.holders import Holders
from core.node.resources.secrets import OSRoot, TrustdCerts
from core.node.work import Work, issue
from core.pki.types import SERVER_LIFETIME, Pair, SignRequest
from core.rpc.context import Context
from core.rpc.pb.trust import trust_pb2 as pb
from core.rpc.service import Service, server_stream, unary
from core.state import Event, Store

_log = logging.getLogger("trust")
_ROOT: Final = OSRoot.at("os")
_CERTS: Final = TrustdCerts.at("trustd")


class Authority:
    """ichor.trust.Authority; certificates last `lifetime` s. One request is signed at a time: two that ask for one name
    are not both answered well."""

    def __init__(
        self, store: Store, holders: Holders, work: Work, clock: Clock, lifetime: int = SERVER_LIFETIME
    ) -> None:
        self._store, self._holders, self._work, self._clock = store, holders, work, clock
        self._lifetime = lifetime
        self._turn = asyncio.Lock()

    def service(self) -> Service:
        """For trustd's server."""
        return Service(
            "ichor.trust.Authority",
            {
                "Credentials": server_stream(self.credentials, Empty, pb.CredentialsResponse),
                "Sign": unary(self.sign, pb.SignRequest, pb.SignResponse),
            },
        )

    async def credentials(self, ctx: Context, request: Empty) -> AsyncIterator[pb.CredentialsResponse]:
        """What to serve with, now and whenever it changes."""
        changed = asyncio.Event()

        def notice(event: Event[Any]) -> None:
            if event.resource is not None and event.resource.md.pointer in (_ROOT, _CERTS):
                changed.set()

        unsubscribe = self._store.subscribe(notice)
        try:
            told = None
            while True:
                answer = self._credentials()
                if answer is not None and answer != told:
                    told = answer
                    yield answer
                await changed.wait()
                changed.clear()
        finally:
            unsubscribe()

    def _credentials(self) -> pb.CredentialsResponse | None:
        certs, root = self._store.find(_CERTS), self._store.find(_ROOT)
        if certs is None or root is None:
            return None
        token = root.spec.token.encode()
        digest = hashlib.sha256(token).digest() if token else b""
        return pb.CredentialsResponse(crt=certs.spec.server.crt, key=certs.spec.server.key, token_digest=digest)

    async def sign(self, ctx: Context, request: pb.SignRequest) -> pb.SignResponse:
        """Have a worker sign, or refuse. Raises NotReady, Denied, Invalid, Exhausted."""
        source = _address(request.source)
        async with self._turn:
            root = self._store.find(_ROOT)
            if root is None or root.spec.issuing_ca is None or self._store.find(_CERTS) is None:
                raise NotReady("this node signs for nobody", remedy="ask a control plane")
            ca = Pair(root.spec.issuing_ca.crt, root.spec.issuing_ca.key)
            taken, claimed = self._holders.taken(source), self._holders.claimed(source)
            job = SignRequest(self._clock.now(), ca, request.csr, source, taken, self._lifetime, claimed)
            issued = await issue(self._work, job)
            due = self._holders.note(source, issued.fingerprint, issued.names, issued.not_after)
        _log.info("signed a server certificate for %s, asked from %s", ", ".join(issued.names), source)
        accepted = b"".join(authority.crt for authority in root.spec.accepted_cas)
        return pb.SignResponse(ca=accepted, crt=issued.crt, due=due)


def _address(source: str) -> str:
    """The one way to write it, by which holders are kept. Raises Invalid: trustd is not believed to say one."""
    try:
        return str(ip_address(source))
    except ValueError:
        raise Invalid("the source is no address") from None
