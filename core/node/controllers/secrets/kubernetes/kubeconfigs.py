"""KubernetesRoot -> Kubernetes: the kubeconfigs by which the control plane's programs and the node itself ask
kube-apiserver."""

import logging
from typing import Final, NamedTuple

from core.cluster.kubernetes.access import Access, kubeconfig
from core.node.controllers.secrets.leaves import Leaves, Memory, Use, Wish
from core.node.resources.k8s import trust
from core.node.resources.secrets import Kubernetes, KubernetesRoot
from core.node.resources.time import TimeStatus
from core.node.work import Work
from core.pki.types import KUBERNETES_LIFETIME, Pair
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("secrets")
_ROOT: Final = KubernetesRoot.at("k8s")
_ID: Final = "k8s-certs"


class _User(NamedTuple):
    name: str
    organization: str


_USERS: Final = {
    "scheduler": _User("system:kube-scheduler", "system:kube-scheduler"),
    "controller-manager": _User("system:kube-controller-manager", "system:kube-controller-manager"),
    "admin": _User("talos:admin", "system:masters"),
}


class Kubeconfigs(Controller):
    """Id `k8s-certs`, on a control plane. Lifetime in seconds."""

    name = "secrets.KubernetesController"
    inputs = (weak(_ROOT), weak(TimeStatus.at("node")))
    outputs = (exclusive(Kubernetes),)

    def __init__(self, work: Work, memory: Memory, lifetime: int = KUBERNETES_LIFETIME) -> None:
        self._leaves, self._lifetime = Leaves(work, memory), lifetime

    async def reconcile(self, scope: Scope) -> None:
        found = scope.find(_ROOT)
        if found is None:
            scope.remove(Kubernetes.at(_ID))
            return
        root, now = found.spec, scope.clock.now()
        wishes = self._wishes(Pair(root.issuing_ca.crt, root.issuing_ca.key))
        if made := await self._leaves.keep(now, wishes):
            _log.info("kubeconfigs issued: %s", ", ".join(made))
        scope.put(
            _ID,
            Kubernetes(
                scheduler_kubeconfig=self._kubeconfig(root, "scheduler", root.local_endpoint),
                controller_manager_kubeconfig=self._kubeconfig(root, "controller-manager", root.local_endpoint),
                localhost_admin_kubeconfig=self._kubeconfig(root, "admin", root.local_endpoint),
                admin_kubeconfig=self._kubeconfig(root, "admin", root.endpoint),
            ),
            labels=trust(root.accepted_cas, root.issuing_ca.crt).labels,
        )
        scope.later(self._leaves.due(wishes) - now)

    def _wishes(self, ca: Pair) -> dict[str, Wish]:
        return {
            role: Wish(use=Use.CLIENT, ca=ca, name=user.name, organization=user.organization, lifetime=self._lifetime)
            for role, user in _USERS.items()
        }

    def _kubeconfig(self, root: KubernetesRoot, role: str, server: str) -> str:
        shown = self._leaves[role]
        authorities = b"".join(ca.crt for ca in root.accepted_cas)
        return kubeconfig(Access(root.name, server, authorities, _USERS[role].name, shown.crt, shown.key)).decode()
