"""Label, annotation, taint and cordon specs, NodeStatus -> the Node object. A control plane asks its own API server; a
worker asks with what its kubelet shows, and so may not change taints, which its kubelet has registered with."""

from pathlib import Path
from typing import Final

from core.base.errors import NotFound
from core.cluster.kubernetes import kubeconfig, kubelet
from core.cluster.kubernetes.nodes import Taint, Wished, change
from core.cluster.kubernetes.paths import NODES
from core.node.controllers.k8s.nodes.specs import CORDONED
from core.node.resources.config import MachineTypeSpec
from core.node.resources.k8s import (
    KubeletKubeconfig,
    NodeAnnotationSpec,
    NodeCordonedSpec,
    NodeLabelSpec,
    Nodename,
    NodeStatus,
    NodeTaintSpec,
)
from core.node.resources.secrets import Kubernetes as Secrets
from core.state import Controller, Scope, weak

_NODENAME: Final = Nodename.at("nodename")
_KUBECONFIG: Final = KubeletKubeconfig.at("kubelet")
_SECRETS: Final = Secrets.at("k8s-certs")
_TYPE: Final = MachineTypeSpec.at("machine-type")


class NodeApply(Controller):
    """The Node, as soon as it is there and whenever it or a wish changes."""

    name = "k8s.NodeApplyController"
    inputs = (
        weak(NodeLabelSpec),
        weak(NodeAnnotationSpec),
        weak(NodeTaintSpec),
        weak(NodeCordonedSpec),
        weak(NodeStatus),
        weak(_NODENAME),
        weak(_KUBECONFIG),
        weak(_SECRETS),
        weak(_TYPE),
    )

    def __init__(self, path: Path = Path(kubelet.KUBECONFIG)) -> None:
        self._path = path

    async def reconcile(self, scope: Scope) -> None:
        node, config = scope.find(_NODENAME), self._config(scope)
        if node is None or not config or scope.find(NodeStatus.at(node.spec.nodename)) is None:
            return
        wished = _wished(scope, leads=_leads(scope))
        async with kubeconfig.connect(config) as kubernetes:
            try:
                found = await kubernetes.get(NODES, node.spec.nodename)
            except NotFound:
                return  # it will be back, and then we are called
            patch = change(found, wished)
            if patch is not None:
                await kubernetes.patch(NODES, node.spec.nodename, patch)

    def _config(self, scope: Scope) -> bytes:
        if _leads(scope):
            secrets = scope.find(_SECRETS)
            return b"" if secrets is None else secrets.spec.localhost_admin_kubeconfig.encode()
        return self._path.read_bytes() if scope.find(_KUBECONFIG) is not None else b""


def _leads(scope: Scope) -> bool:
    machine = scope.find(_TYPE)
    return machine is not None and machine.spec.machine_type.control_plane


def _wished(scope: Scope, *, leads: bool) -> Wished:
    taints = {each.spec.key: Taint(each.spec.value, each.spec.effect) for each in scope.list(NodeTaintSpec.all())}
    return Wished(
        labels={each.spec.key: each.spec.value for each in scope.list(NodeLabelSpec.all())},
        annotations={each.spec.key: each.spec.value for each in scope.list(NodeAnnotationSpec.all())},
        taints=taints if leads else None,
        cordoned=scope.find(CORDONED) is not None,
    )
