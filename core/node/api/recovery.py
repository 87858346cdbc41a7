"""ichor.recovery.Recovery: what a control plane does when etcd has lost its quorum for good. Which of them begins anew
and which give their data up is said by who sees them all; here is what each may do, one thing at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from google.protobuf.empty_pb2 import Empty

from core.base.errors import Conflict, NotReady
from core.cluster.etcd import recover
from core.cluster.etcd.local import Local
from core.cluster.etcd.recover import Report
from core.node.etcd.hosts import Host
from core.node.node import Node
from core.node.services import etcd
from core.rpc.pb.recovery import recovery_pb2 as pb
from core.rpc.service import Service, unary
from core.rpc.status import RpcError

T = TypeVar("T")
SECONDS: Final = 60.0  # etcd ends within 10 s, and its program looks through a database of 8 GB in less than the rest


class Recovery:
    """The handlers. Each raises what `Place.check` does, and Conflict while a quorum serves."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._turn = asyncio.Lock()

    def service(self) -> Service:
        """For apid's socket."""
        return Service(
            "ichor.recovery.Recovery",
            {
                "Report": unary(self.report, Empty, pb.ReportResponse),
                "Survive": unary(self.survive, pb.SurviveRequest, Empty),
                "Forsake": unary(self.forsake, pb.ForsakeRequest, Empty),
            },
        )

    async def report(self, ctx: Any, request: Empty) -> pb.ReportResponse:
        """What this node has, and whom it knows."""
        place = self._node.etcd
        place.check()
        async with self._turn:
            found = await self._report()
        others = [*place.hosts.told(), *(await self._members())]
        data = None if found is None else pb.Data(cluster=found.cluster, member=found.member, revision=found.revision)
        own = place.hosts.own(place.local.me.name)
        return pb.ReportResponse(host=_host(own), data=data, others=map(_host, others))

    async def survive(self, ctx: Any, request: pb.SurviveRequest) -> Empty:
        """This node begins the cluster anew."""
        local = self._with_data()
        async with self._turn:
            await self._report()
            told = _told(local, request.told)
            await self._stopped(lambda: recover.survive(local, self._node.etcd_tool, told))
        return Empty()

    async def forsake(self, ctx: Any, request: pb.ForsakeRequest) -> Empty:
        """This node gives its data up. Whether a quorum serves is not asked: the new cluster has one."""
        local = self._with_data()

        async def forsake() -> None:
            recover.forsake(local, _told(local, request.told))

        async with self._turn:
            await self._stopped(forsake)
        return Empty()

    def _with_data(self) -> Local:
        """This node's end, if there is anything to lose."""
        self._node.etcd.check()
        local = self._node.etcd.local
        if not local.has_data:
            raise Conflict(f"{local.me.name} has no data of etcd", remedy="plan anew")
        return local

    async def _report(self) -> Report | None:
        place, tool = self._node.etcd, self._node.etcd_tool
        async with place.reach() as reach:
            stopped = partial(self._stopped, lambda: recover.read(place.local, tool))
            return await recover.report(place.local, place.own, reach, stopped)

    async def _members(self) -> list[Host]:
        """Those that this node's etcd knows as its members, if it says so."""
        try:
            found = await self._node.etcd.own.members(agreed=False)
        except RpcError:
            return []
        own = found.header.member_id
        return [Host(m.name, frozenset(map(_hostname, m.peerURLs))) for m in found.members if own != m.ID]

    async def _stopped(self, work: Callable[[], Awaitable[T]]) -> T:
        """`work`, done between the end of etcd and its next start, which comes by itself. Raises NotReady."""
        answer = self._node.etcd.gap.ask(work)
        try:
            with suppress(NotReady):  # it does not run: it is between two starts already
                await self._node.services.renew(etcd.ID)
            async with asyncio.timeout(SECONDS):
                return await answer
        except TimeoutError:
            raise NotReady(f"etcd is not about to be started on {self._node.etcd.local.me.name}") from None
        finally:
            answer.cancel()  # who asked is gone: it is not to be done at some start of etcd's much later


def _told(local: Local, data: pb.Data) -> Report:
    return Report(local.me.name, data.cluster, data.member, data.revision)


def _host(host: Host) -> pb.Host:
    return pb.Host(name=host.name, addresses=sorted(host.addresses))


def _hostname(url: str) -> str:
    return urlsplit(url).hostname or ""
