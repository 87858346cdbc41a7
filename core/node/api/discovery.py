"""ichor.discovery.Affiliates on trustd's socket: what nodes leave for each other at a control plane. Takes only what
was sealed with this cluster's secret, so that who has the token alone leaves nothing."""

import asyncio
from typing import Final

from core.base.clock import Clock
from core.base.errors import Denied, Invalid, NotReady
from core.cluster.discovery.table import Table
from core.cluster.discovery.told import LARGEST, Sealer
from core.node.resources.cluster import DiscoveryConfig
from core.rpc.context import Context
from core.rpc.pb.discovery import discovery_pb2 as pb
from core.rpc.service import Service, unary
from core.state import Store

HOLD_SECONDS: Final = 60.0
_SETTINGS: Final = DiscoveryConfig.at("cluster")


class Affiliates:
    """Over `table`, which this control plane's own controller reads and writes too."""

    def __init__(self, store: Store, table: Table, clock: Clock) -> None:
        self._store, self._table, self._clock = store, table, clock

    def service(self) -> Service:
        """For trustd's server."""
        return Service("ichor.discovery.Affiliates", {"Meet": unary(self.meet, pb.MeetRequest, pb.MeetResponse)})

    async def meet(self, ctx: Context, request: pb.MeetRequest) -> pb.MeetResponse:
        """Raises NotReady where discovery is off, Denied for what is not this cluster's, Invalid, Exhausted."""
        settings = self._store.find(_SETTINGS)
        if settings is None or not settings.spec.registry_service_enabled:
            raise NotReady("this node keeps no affiliates")
        if request.HasField("own"):
            sealer = Sealer(settings.spec.service_encryption_key, settings.spec.service_cluster_id)
            self._take(sealer, request.own)
        await self._differs(request.revision)
        return answer(self._table)

    def _take(self, sealer: Sealer, own: pb.Entry) -> None:
        if len(own.sealed) > LARGEST:
            raise Invalid(f"{len(own.sealed)} bytes are too many to be left")
        told = sealer.unseal(own.node_id, own.sealed)
        if told is None:
            raise Denied("this was not sealed with the secret of this cluster")
        self._table.leave(told.node_id, own.sealed, told.stamp)

    async def _differs(self, revision: int) -> None:
        changed = asyncio.ensure_future(self._table.beyond(revision))
        late = asyncio.ensure_future(self._clock.sleep(HOLD_SECONDS))
        try:
            await asyncio.wait([changed, late], return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            late.cancel()


def answer(table: Table) -> pb.MeetResponse:
    """All there is."""
    entries = [pb.Entry(node_id=each.node_id, sealed=each.sealed, left=int(each.left)) for each in table.entries()]
    return pb.MeetResponse(entries=entries, revision=table.revision)
