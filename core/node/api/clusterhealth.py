"""Whether Kubernetes does well, as its API says: what `health` looks at behind the node itself. Each check answers what
is wrong, or nothing; one that cannot be made says why, which is not the same as well."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from core.base.errors import IchorError
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import DAEMON_SETS, NODES, PODS, Object, holds

PROGRAMS: Final = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
SYSTEM: Final = "kube-system"
_ROLES: Final = tuple(f"node-role.kubernetes.io/{role}" for role in ("control-plane", "master"))
_NO_IMAGE: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})


class Skipped(IchorError):
    """There is nothing to judge, and why."""


class Expected(NamedTuple):
    """Addresses or names of nodes that somebody says there are; none given: any."""

    control_planes: Sequence[str] = ()
    workers: Sequence[str] = ()


Check = Callable[[Kubernetes, Expected], Awaitable[str]]


async def nodes(api: Kubernetes, expected: Expected) -> str:
    """All are ready, and those that are expected are among them."""
    found = (await api.list(NODES))["items"]
    known = {name for node in found for name in _names(node)}
    missing = [name for name in (*expected.control_planes, *expected.workers) if name not in known]
    unready = [node["metadata"]["name"] for node in found if not holds(node, "Ready")]
    said = [f"not known: {', '.join(missing)}"] * bool(missing) + [f"not ready: {', '.join(unready)}"] * bool(unready)
    return "; ".join(said)


async def control_plane(api: Kubernetes, expected: Expected) -> str:
    """Its pods are ready on every node that leads."""
    leading = [node["metadata"]["name"] for node in (await api.list(NODES))["items"] if _leads(node)]
    pods = {pod["metadata"]["name"]: pod for pod in (await api.list(PODS, SYSTEM))["items"]}
    wanted = [f"{program}-{name}" for name in sorted(leading) for program in PROGRAMS]
    return ", ".join(name for name in wanted if name not in pods or not holds(pods[name], "Ready"))


async def proxies(api: Kubernetes, expected: Expected) -> str:
    """kube-proxy runs on every node. Raises Skipped where there is none by design."""
    found = [
        each for each in (await api.list(DAEMON_SETS, SYSTEM))["items"] if each["metadata"]["name"] == "kube-proxy"
    ]
    if not found:
        raise Skipped("this cluster has no kube-proxy")
    status = found[0].get("status", {})
    ready, wanted = status.get("numberReady", 0), status.get("desiredNumberScheduled", 0)
    return "" if ready == wanted and wanted else f"{ready} of {wanted} are ready"


async def names(api: Kubernetes, expected: Expected) -> str:
    """CoreDNS answers. Raises Skipped where there is none, or no image of it."""
    pods = (await api.list(PODS, SYSTEM, labels="k8s-app=kube-dns"))["items"]
    if not pods:
        raise Skipped("this cluster has no CoreDNS")
    if any(_waits_for(pod) in _NO_IMAGE for pod in pods):
        raise Skipped("no image of CoreDNS can be had")
    ready = sum(holds(pod, "Ready") for pod in pods)
    return "" if ready == len(pods) else f"{ready} of {len(pods)} are ready"


CHECKS: Final[dict[str, Check]] = {
    "all nodes to be ready": nodes,
    "the control plane's pods to be ready": control_plane,
    "kube-proxy to run on all nodes": proxies,
    "DNS to run": names,
}


def _names(node: Object) -> list[str]:
    addresses = node.get("status", {}).get("addresses", ())
    return [node["metadata"]["name"], *(each["address"] for each in addresses)]


def _leads(node: Object) -> bool:
    taints = {taint["key"] for taint in node.get("spec", {}).get("taints", ())}
    return not taints.isdisjoint(_ROLES) or not set(_ROLES).isdisjoint(node["metadata"].get("labels", {}))


def _waits_for(pod: Object) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return next((str(each["state"]["waiting"]["reason"]) for each in statuses if "waiting" in each["state"]), "")
