"""time.TimeService: the node's clock beside a time server's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.base.clock import Clock
from core.base.errors import Invalid, NotReady, Unsupported
from core.codec.ntp import Sample
from core.linux.network import Network
from core.linux.ntp import query
from core.node.api.stamp import timestamp
from core.node.controllers.time.sync import SERVERS
from core.rpc.pb.time import time_pb2 as pb
from core.rpc.service import Service, unary
from core.state import Store


async def ask(server: str, clock: Clock) -> Sample:
    """One question to one server. Raises what `core.linux.ntp.query` raises."""
    with Network() as network:
        return await query(network, server, clock)


@dataclass(frozen=True, slots=True)
class TimeService:
    """The handlers; `query` is how a server is asked."""

    store: Store
    clock: Clock
    query: Callable[[str, Clock], Awaitable[Sample]] = ask

    def service(self) -> Service:
        """time.TimeService."""
        return Service(
            "time.TimeService",
            {
                "Time": unary(self.time, Empty, pb.TimeResponse),
                "TimeCheck": unary(self.check, pb.TimeRequest, pb.TimeResponse),
            },
        )

    async def time(self, ctx: Any, request: Empty) -> pb.TimeResponse:
        """Ask the first server that the node follows."""
        found = self.store.find(SERVERS)
        if found is None or not found.spec.ntp_servers:
            raise NotReady("this node has no time server yet", remedy="name one in machine.time.servers")
        return await self._compared(found.spec.ntp_servers[0])

    async def check(self, ctx: Any, request: pb.TimeRequest) -> pb.TimeResponse:
        """Ask the server named."""
        if not request.server:
            raise Invalid("server is empty", remedy="name a time server")
        return await self._compared(request.server)

    async def _compared(self, server: str) -> pb.TimeResponse:
        if server.startswith("/dev/"):
            raise Unsupported(f"{server} is a clock device, and this node follows NTP servers alone")
        try:
            sample = await self.query(server, self.clock)
        except OSError as error:  # no such name, no way there: the caller's to know, not a failure of this node's
            raise NotReady(f"{server} cannot be asked: {error.strerror or error}") from None
        now = self.clock.now()
        message = pb.Time(server=server, localtime=timestamp(now), remotetime=timestamp(now + sample.offset))
        return pb.TimeResponse(messages=[message])
