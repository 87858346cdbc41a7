"""EtcdSpec, PKIStatus, Service -> etcd's own list of members: this node has a vote as soon as it has caught up, and its
peers know it at the addresses that it has."""

import asyncio

from core.cluster.etcd.join import settle
from core.node.etcd.place import Place
from core.node.resources.etcd import EtcdSpec, PKIStatus
from core.node.resources.services import Service
from core.state import Controller, Scope, weak

_SPEC = EtcdSpec.at("etcd")
_SERVICE = Service.at("etcd")
_PKI = PKIStatus.at("etcd")


class AdvertisedPeer(Controller):
    """Acts when etcd has been started, and when addresses or certificates change while it runs."""

    name = "etcd.AdvertisedPeerController"
    inputs = (weak(_SPEC), weak(_PKI), weak(_SERVICE))

    def __init__(self, place: Place) -> None:
        self._place = place
        self._done: object = None
        self._due = asyncio.Event()

    async def reconcile(self, scope: Scope) -> None:
        if self._wanted(scope) is None:
            self._done = None
        self._due.set()

    async def work(self, scope: Scope) -> None:
        """Beside the store: to be promoted may take minutes."""
        while True:
            self._due.clear()
            wanted = self._wanted(scope)
            if wanted is None or wanted == self._done:
                await self._due.wait()
                continue
            async with self._place.reach() as reach:
                await settle(self._place.local, self._place.own, reach, scope.clock)
            self._done = wanted

    def _wanted(self, scope: Scope) -> object:
        """What is to be told to the others, while etcd runs."""
        spec, pki, service = scope.find(_SPEC), scope.find(_PKI), scope.find(_SERVICE)
        if spec is None or pki is None or service is None or not (pki.spec.ready and service.spec.running):
            return None
        return spec.spec.name, spec.spec.advertised_addresses, pki.spec.version
