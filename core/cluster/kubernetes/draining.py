"""Having a node's pods go elsewhere before it does: evictions, as disruption budgets allow them, for as long as there
is time. What belongs to the node itself stays: static pods, those of DaemonSets, and those that have ended."""

from typing import Final

from core.base.clock import Clock
from core.base.errors import Conflict, NotFound, Unsupported
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import PODS, Object, named, within
from core.cluster.kubernetes.refusal import TooMany

PAUSE: Final = 1.0  # seconds between two looks
_MIRROR: Final = "kubernetes.io/config.mirror"


async def drain(kubernetes: Kubernetes, node: str, seconds: float, clock: Clock) -> list[str]:
    """Return once nothing is left that has to go, or after `seconds`; what is left, as namespace/name."""
    api = await _evictions(kubernetes)
    until = clock.monotonic() + seconds
    while True:
        listed = await kubernetes.list(PODS, fields=f"spec.nodeName={node}")
        left = [pod for pod in listed["items"] or () if goes(pod)]
        if not left or clock.monotonic() >= until:
            return [f"{within(pod)}/{named(pod)}" for pod in left]
        for pod in left:
            if "deletionTimestamp" not in pod["metadata"]:
                await _evict(kubernetes, pod, api)
        await clock.sleep(PAUSE)


def goes(pod: Object) -> bool:
    """Whether a pod is to leave its node."""
    metadata = pod["metadata"]
    owners = metadata.get("ownerReferences") or ()
    if _MIRROR in (metadata.get("annotations") or {}):
        return False
    if any(owner.get("controller") and owner["kind"] == "DaemonSet" for owner in owners):
        return False
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")


async def _evict(kubernetes: Kubernetes, pod: Object, api: str) -> None:
    try:
        await kubernetes.evict(named(pod), within(pod), api)
    except (TooMany, NotFound, Conflict):
        return  # not now, or there is nothing left to do: the next look tells


async def _evictions(kubernetes: Kubernetes) -> str:
    """The version of Eviction that this server knows."""
    listed = await kubernetes.ask("GET", "/api/v1")
    for each in listed["resources"]:
        if each["name"] == "pods/eviction":
            return f"{each['group']}/{each['version']}"
    raise Unsupported("the API server evicts no pods")
