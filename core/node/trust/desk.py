"""Where a node that joins asks for its certificate, and where all leave for each other what others may know of them, on
:50001. Checks the token and how often who asks, then passes the request to machined, which signs or refuses; decides
nothing about names, holds no authority's key, and reads nothing of what is left."""

import asyncio
import logging
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from core.base.clock import Clock
from core.base.errors import Invalid
from core.node.trust.credentials import Credentials
from core.node.trust.rate import Rate
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.discovery import discovery_pb2 as discovery
from core.rpc.pb.security import security_pb2 as security
from core.rpc.pb.trust import trust_pb2 as pb
from core.rpc.server import Server
from core.rpc.service import Service, unary
from core.rpc.status import Code, RpcError
from ext.http2.limits import Limits

_log = logging.getLogger("trust")
TOKEN: Final = "token"
LARGEST: Final = 16 << 10
_SIGN: Final = "/ichor.trust.Authority/Sign"
_SIGN_SECONDS: Final = 30.0
_MEET: Final = "/ichor.discovery.Affiliates/Meet"
_MEET_SECONDS: Final = 90.0
# everybody may connect, so nobody may hold much
_LIMITS: Final = Limits(
    message=2 * LARGEST,
    buffer=1 << 20,
    output=1 << 20,
    headers=8 << 10,
    streams=8,
    connections=256,
    addresses=32,
    handshakes=128,
    handshake=5.0,
    patience=5.0,
    idle=30.0,
)


class Desk:
    """Serves `listener` once there is something to serve with. Asks for no client certificate."""

    def __init__(self, machined: Channel, clock: Clock, rate: Rate | None = None) -> None:
        self._machined = machined
        self._credentials = Credentials(machined, clock)
        self._rate = Rate(clock) if rate is None else rate
        call = unary(self.certificate, security.CertificateRequest, security.CertificateResponse)
        meet = unary(self.meet, discovery.MeetRequest, discovery.MeetResponse)
        services = [
            Service("securityapi.SecurityService", {"Certificate": call}),
            Service("ichor.discovery.Affiliates", {"Meet": meet}),
        ]
        self.server = Server(services, limits=_LIMITS)

    async def serve(self, listener: socket.socket) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._credentials.keep(), name="credentials")
            await self.server.serve(listener, await self._credentials.ready())
            _log.info("serving")

    async def certificate(self, ctx: Context, request: security.CertificateRequest) -> security.CertificateResponse:
        """Certificate: sign a request."""
        self._check(ctx)
        if len(request.csr) > LARGEST:
            raise Invalid(f"a request of {len(request.csr)} bytes is too large")
        source = source_of(ctx.peer.address)
        self._rate.take(source)
        asked = pb.SignRequest(csr=request.csr, source=str(source))
        try:
            signed = await self._machined.unary(_SIGN, asked, pb.SignResponse, timeout=_SIGN_SECONDS)
        except RpcError as error:
            if error.code is Code.UNAVAILABLE:  # machined is away or not ready: a node that waits for it loses nothing
                self._rate.give_back(source)
            raise
        if signed.due:  # as often as certificates end, who has one may ask
            self._rate.give_back(source)
        return security.CertificateResponse(ca=signed.ca, crt=signed.crt)

    async def meet(self, ctx: Context, request: discovery.MeetRequest) -> discovery.MeetResponse:
        """Meet: leave with machined what other nodes may know, and take what they left. It is sealed: not for us."""
        self._check(ctx)
        return await self._machined.unary(_MEET, request, discovery.MeetResponse, timeout=_MEET_SECONDS)

    def _check(self, ctx: Context) -> None:
        tokens = ctx.metadata.text(TOKEN)
        if len(tokens) != 1 or not self._credentials.admits(tokens[0]):
            raise RpcError(Code.UNAUTHENTICATED, "the token is missing or wrong")


def source_of(peer: str) -> IPv4Address | IPv6Address:
    """The address of "host:port" or "[host]:port", as what it is when a socket of both families writes it longer."""
    host = peer.rpartition(":")[0].strip("[]").partition("%")[0]
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
