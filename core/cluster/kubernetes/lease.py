"""A Lease: one at a time, by agreement (coordination.k8s.io). Clocks of nodes are not compared: who waits believes in a
holder until it has seen nothing new of him for the lease's own time."""

from datetime import UTC, datetime
from typing import Final

from core.base.clock import Clock
from core.base.errors import AlreadyExists, Conflict, NotFound
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import LEASES, Object

SECONDS: Final = 60


class Lease:
    """`holder` is who we are. It may be kept across clients; what was seen of others counts on."""

    def __init__(self, name: str, namespace: str, holder: str, clock: Clock) -> None:
        self._name, self._namespace, self._holder, self._clock = name, namespace, holder, clock
        self._seen: tuple[object, float] = (None, 0.0)

    async def take(self, kubernetes: Kubernetes) -> bool:
        """Hold it for SECONDS from now; False while another does."""
        try:
            found = await kubernetes.get(LEASES, self._name, self._namespace)
        except NotFound:
            return await self._made(kubernetes)
        spec = found.setdefault("spec", {})
        if spec.get("holderIdentity") not in (None, "", self._holder) and not self._silent(spec):
            return False
        found["spec"] = self._spec()
        try:
            await kubernetes.replace(LEASES, found)
        except Conflict:
            return False
        return True

    async def give(self, kubernetes: Kubernetes) -> None:
        """Let others have it at once, if it is ours."""
        try:
            found = await kubernetes.get(LEASES, self._name, self._namespace)
            if found.get("spec", {}).get("holderIdentity") == self._holder:
                found["spec"]["holderIdentity"] = ""
                await kubernetes.replace(LEASES, found)
        except (NotFound, Conflict):
            return  # it is somebody else's by now

    async def _made(self, kubernetes: Kubernetes) -> bool:
        metadata = {"name": self._name, "namespace": self._namespace}
        try:
            await kubernetes.create(LEASES, {"metadata": metadata, "spec": self._spec()})
        except AlreadyExists:
            return False
        return True

    def _spec(self) -> Object:
        now = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"holderIdentity": self._holder, "leaseDurationSeconds": SECONDS, "renewTime": now}

    def _silent(self, spec: Object) -> bool:
        """Whether its holder has not been heard of for longer than the lease is good."""
        told, now = (spec.get("holderIdentity"), spec.get("renewTime")), self._clock.monotonic()
        if told != self._seen[0]:
            self._seen = told, now
        return now - self._seen[1] > int(spec.get("leaseDurationSeconds") or SECONDS)
