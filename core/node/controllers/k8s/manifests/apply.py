"""Manifest, Kubernetes -> ManifestStatus: the cluster has what the manifests say. One control plane at a time applies
them, by a Lease; each object once for each change, and what none of them names any more is taken away."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from core.base.clock import Clock
from core.base.errors import IchorError, NotReady
from core.cluster.kubernetes import inventory, kubeconfig, lease
from core.cluster.kubernetes.applying import LEASE, Applying
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.lease import Lease
from core.cluster.kubernetes.paths import Object
from core.node.controllers.k8s.manifests.config import BOOTSTRAP, EXTRA
from core.node.resources.k8s import Manifest, ManifestStatus, Nodename
from core.node.resources.secrets import Kubernetes as Secrets
from core.node.resources.services import Service
from core.state import Controller, Scope, exclusive, weak

STATUS: Final = ManifestStatus.at("manifests")
WAIT: Final = 5.0  # seconds until somebody else who applies is looked at again
AGAIN: Final = 30.0  # seconds until what was refused is tried again
_SECRETS: Final = Secrets.at("k8s-certs")
_NODENAME: Final = Nodename.at("nodename")
_ETCD: Final = Service.at("etcd")
_BOUND: Final = lease.SECONDS - 10.0  # seconds for one go, less than the lease is good for
_LOG: Final = logging.getLogger("manifests")


class ManifestApply(Controller):
    """Id `manifests`: which of them have been applied, by their ids."""

    name = "k8s.ManifestApplyController"
    inputs = (weak(_SECRETS), weak(Manifest), weak(_ETCD), weak(BOOTSTRAP), weak(EXTRA), weak(_NODENAME))
    outputs = (exclusive(ManifestStatus),)

    def __init__(self, clock: Clock, wait: float = WAIT) -> None:
        self._clock, self._wait = clock, wait
        self._lease: Lease | None = None
        self._applied = dict[str, bytes]()  # manifests by id, as they were applied
        self._pruned = b""
        self._said = ""

    async def reconcile(self, scope: Scope) -> None:
        secrets, etcd, node = scope.find(_SECRETS), scope.find(_ETCD), scope.find(_NODENAME)
        if scope.find(BOOTSTRAP) is None:
            scope.sync(ManifestStatus.all(), {})
            return
        wanted = {each.md.id: _things(each.spec) for each in scope.list(Manifest.all())}
        if secrets is None or etcd is None or not etcd.spec.ready or node is None or not wanted:
            return
        digests = {id_: _digest(things) for id_, things in wanted.items()}
        whole = _digest(sorted(digests.items()))
        if whole == self._pruned or (digests == self._applied and not self._complete(scope, wanted)):
            return
        self._lease = self._lease or Lease(LEASE, inventory.NAMESPACE, node.spec.nodename, self._clock)
        async with kubeconfig.connect(secrets.spec.localhost_admin_kubeconfig.encode()) as kubernetes:
            if not await self._lease.take(kubernetes):
                scope.later(self._wait)
                return
            try:
                await self._go(scope, kubernetes, wanted, digests)
                if digests == self._applied and self._complete(scope, wanted):
                    await Applying(kubernetes).prune([thing for things in wanted.values() for thing in things])
                    self._pruned = whole
            finally:
                await self._lease.give(kubernetes)

    async def _go(
        self,
        scope: Scope,
        kubernetes: Kubernetes,
        wanted: Mapping[str, Sequence[Object]],
        digests: Mapping[str, bytes],
    ) -> None:
        """Apply what differs from what was applied; what is refused is tried again after a while."""
        self._applied = {id_: digest for id_, digest in self._applied.items() if digests.get(id_) == digest}
        refused = list[IchorError]()
        applying = Applying(kubernetes)
        for id_ in sorted(wanted.keys() - self._applied.keys()):
            try:
                async with asyncio.timeout(_BOUND):
                    failed = await applying.apply(wanted[id_])
            except TimeoutError:
                raise NotReady(f"manifest {id_} took longer than {_BOUND:g} s") from None
            if not failed:
                self._applied[id_] = digests[id_]
                _LOG.info("manifest %s applied", id_)
                scope.put(STATUS.id, ManifestStatus(manifests_applied=tuple(sorted(self._applied))))
            refused += failed
            await self._keep(kubernetes)
        self._report(scope, "; ".join(map(str, refused)))
        scope.put(STATUS.id, ManifestStatus(manifests_applied=tuple(sorted(self._applied))))

    def _report(self, scope: Scope, refused: str) -> None:
        if refused:
            scope.later(AGAIN)
        if refused and refused != self._said:
            _LOG.error("not all manifests can be applied: %s", refused)
        self._said = refused

    async def _keep(self, kubernetes: Kubernetes) -> None:
        if self._lease is not None and not await self._lease.take(kubernetes):
            raise NotReady("another control plane has begun to apply manifests")

    def _complete(self, scope: Scope, wanted: Mapping[str, Sequence[Object]]) -> bool:
        """Whether all that the config asks for is here: what could not be fetched yet must not be taken away."""
        extra = scope.find(EXTRA)
        return extra is not None and all(
            f"{each.priority}-{each.name}" in wanted for each in extra.spec.extra_manifests
        )


def _things(manifest: Manifest) -> list[Object]:
    return [dict(item.object) for item in manifest.items]


def _digest(value: object) -> bytes:
    return hashlib.sha256(msgspec.json.encode(value)).digest()
