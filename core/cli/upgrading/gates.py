"""What each part of an upgrade waits for: that the node runs the image which its config names, by the node's word, and
that Kubernetes finds it well. Each look answers with what is lacking, in words; empty when nothing is."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from core.cli.upgrading.cluster import Cluster
from core.cli.upgrading.components import Component, Kind
from core.cli.upgrading.plan import Change, Member
from core.cluster.kubernetes import rollout, upgrades
from core.cluster.kubernetes.paths import DAEMON_SETS, NODES, PODS, Object, holds, named, within
from core.cluster.kubernetes.pods import NAMESPACE
from core.rpc.pb.resource.definitions.k8s.k8s_pb2 import KubeletStatusSpec, StaticPodSpec

_PODS: Final = ("k8s", "StaticPods.kubernetes.talos.dev")
_KUBELETS: Final = ("k8s", "KubeletStatuses.kubernetes.talos.dev")


class Gates:
    """Of one cluster. Every look raises RpcError, NotReady and NotFound as well, which is a lack, too."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def stands(self, change: Change) -> str:
        """What a part of a node lacks as its config has it now; nobody else is touched before that is nothing."""
        return await self._lacks(change, change.before, new=False)

    async def taken(self, change: Change) -> str:
        """What it lacks of being what it is to be."""
        return await self._lacks(change, change.after, new=True)

    async def rolled_out(self, component: Component, images: set[str]) -> str:
        """What the pods of a manifest lack of being of one of these images, on every node."""
        daemons = await self._cluster.kubernetes.get(DAEMON_SETS, component.name, NAMESPACE)
        if not images & _images(daemons["spec"]["template"]):
            return "the cluster has not been given it yet"
        return rollout.lacks({"kind": "DaemonSet", **daemons})

    async def ready_pods(self, member: Member) -> dict[str, str]:
        """The pods of a node that are ready: namespace/name by what each is known by for as long as it lives."""
        return {uid: name for uid, (name, ready) in (await self._pods(member)).items() if ready}

    async def unready(self, member: Member, pods: Mapping[str, str]) -> str:
        """Which of these is still there and not ready."""
        found = (await self._pods(member)).items()
        names = sorted(name for uid, (name, ready) in found if uid in pods and not ready)
        return f"not ready: {', '.join(names)}" if names else ""

    async def _pods(self, member: Member) -> dict[str, tuple[str, bool]]:
        listed = await self._cluster.kubernetes.list(PODS, fields=f"spec.nodeName={member.name}")
        pods = listed["items"] or ()
        return {pod["metadata"]["uid"]: (f"{within(pod)}/{named(pod)}", holds(pod, "Ready")) for pod in pods}

    async def _lacks(self, change: Change, image: str, *, new: bool) -> str:
        match change.component.kind:
            case Kind.POD:
                return await self._pod(change.component.name, change.member, image)
            case Kind.SERVICE:
                return await self._kubelet(change.member, image, new=new)
            case Kind.MANIFEST:
                return await self._manifest(change.component.name, change.member, image)

    async def _pod(self, name: str, member: Member, image: str) -> str:
        served = MessageToDict((await self._cluster.resource(member, _PODS, name, StaticPodSpec)).pod)
        if image not in _images(served):
            return "the node does not serve it to its kubelet yet"
        shown = await self._cluster.kubernetes.get(PODS, f"{name}-{member.name}", NAMESPACE)
        if image not in _images(shown) or "deletionTimestamp" in shown["metadata"]:
            return "the kubelet does not show it yet"
        return "" if holds(shown, "Ready") else f"the pod is not ready: {_told(shown)}"

    async def _kubelet(self, member: Member, image: str, *, new: bool) -> str:
        runs = await self._cluster.resource(member, _KUBELETS, "kubelet", KubeletStatusSpec)
        if runs.image != image:
            return f"it runs {runs.image}"
        node = await self._cluster.kubernetes.get(NODES, member.name)
        says, wanted = node["status"]["nodeInfo"]["kubeletVersion"], upgrades.tagged(image)
        if new and says != f"v{wanted}":
            return f"it says to be {says}"
        return "" if holds(node, "Ready") else "the node is not ready"

    async def _manifest(self, name: str, member: Member, image: str) -> str:
        for things in (await self._cluster.manifests(member)).values():
            for thing in things:
                if thing["kind"] == "DaemonSet" and thing["metadata"]["name"] == name:
                    named = image in _images(thing["spec"]["template"])
                    return "" if named else "the node's manifests do not name it yet"
        return "the node has no manifest of it yet"


def _images(pod: Object | dict[str, Any]) -> set[str]:
    return {str(container["image"]) for container in pod["spec"]["containers"]}


def _told(pod: Object) -> str:
    """Why not, by its container's state."""
    for container in pod.get("status", {}).get("containerStatuses") or ():
        for state, told in (container.get("state") or {}).items():
            return " ".join(filter(None, (state, told.get("reason", ""))))
    return str(pod.get("status", {}).get("phase") or "it has not begun")
