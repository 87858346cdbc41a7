"""Nodename, KubeletKubeconfig -> NodeStatus: the Node object as the cluster has it, watched with what the kubelet shows
itself. It stays as it was last seen while no API server answers."""

from contextlib import aclosing
from pathlib import Path
from typing import Final

from core.cluster.kubernetes import kubelet
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.follow import follow
from core.cluster.kubernetes.paths import NODES, Object, holds, named
from core.node.controllers.k8s.asking import Asking
from core.node.resources.k8s import KubeletKubeconfig, Nodename, NodeStatus
from core.state import Controller, Scope, exclusive, weak

_NODENAME: Final = Nodename.at("nodename")
_KUBECONFIG: Final = KubeletKubeconfig.at("kubelet")


class NodeStatuses(Controller):
    """Id: the node's name, while there is a Node of that name."""

    name = "k8s.NodeStatusController"
    inputs = (weak(_NODENAME), weak(_KUBECONFIG))
    outputs = (exclusive(NodeStatus),)

    def __init__(self, path: Path = Path(kubelet.KUBECONFIG)) -> None:
        self._path, self._asking = path, Asking()

    async def reconcile(self, scope: Scope) -> None:
        node, known = scope.find(_NODENAME), scope.find(_KUBECONFIG)
        asks = node is not None and not node.spec.skip_node_registration and known is not None
        if node is None or not asks:
            scope.sync(NodeStatus.all(), {})
        self._asking.by(self._path.read_bytes() if asks else b"", node.spec.nodename if node is not None else "")

    async def work(self, scope: Scope) -> None:
        async def watch(kubernetes: Kubernetes, name: str) -> None:
            async with aclosing(follow(kubernetes, NODES, fields=f"metadata.name={name}")) as states:
                async for held in states:
                    scope.sync(NodeStatus.all(), {named(node): status(node) for node in held.values()})

        await self._asking.each(watch)


def status(node: Object) -> NodeStatus:
    """Of a Node object."""
    metadata, spec = node["metadata"], node.get("spec") or {}
    first = spec.get("podCIDR")
    return NodeStatus(
        nodename=named(node),
        node_ready=holds(node, "Ready"),
        unschedulable=bool(spec.get("unschedulable")),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        pod_cidrs=tuple(spec.get("podCIDRs") or ((first,) if first else ())),
    )
