"""Whether what runs pods for others has all of them as it wants them: the rules of `kubectl rollout status`, of an
object as the API has it. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from core.cluster.kubernetes.paths import Object

KINDS: Final = ("DaemonSet", "Deployment", "StatefulSet")


def lacks(thing: Object) -> str:
    """What a workload of KINDS still lacks; empty when nothing."""
    status: Mapping[str, Any] = thing.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(thing["metadata"].get("generation") or 0):
        return "its change has not been seen yet"
    if thing["kind"] == "DaemonSet":
        wanted = int(status.get("desiredNumberScheduled") or 0)
        counts = {"new": "updatedNumberScheduled", "available": "numberAvailable"}
    else:
        replicas = thing["spec"].get("replicas")
        wanted = 1 if replicas is None else int(replicas)
        ready = "availableReplicas" if thing["kind"] == "Deployment" else "readyReplicas"
        counts = {"new": "updatedReplicas", "available": ready}
    for what, count in counts.items():
        if (there := int(status.get(count) or 0)) < wanted:
            return f"{there} of {wanted} pods are {what}"
    if thing["kind"] == "Deployment" and (old := int(status.get("replicas") or 0) - wanted) > 0:
        return f"{old} old pods are left"
    return ""
