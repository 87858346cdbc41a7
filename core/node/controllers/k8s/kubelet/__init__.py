"""The kubelet of this node: its name and addresses in the cluster, what it is run with, what it has come to."""

from collections.abc import Awaitable, Callable

from core.node.controllers.k8s.kubelet.config import kubelet_config
from core.node.controllers.k8s.kubelet.kubeconfig import Kubeconfig
from core.node.controllers.k8s.kubelet.nodeip import node_ip, node_ip_config
from core.node.controllers.k8s.kubelet.nodename import nodename
from core.node.controllers.k8s.kubelet.podnetwork import PodNetwork
from core.node.controllers.k8s.kubelet.service import ID, KubeletService, KubeletStatuses
from core.node.controllers.k8s.kubelet.spec import kubelet_spec
from core.node.services.kubelet import Kubelet
from core.state import Controller

__all__ = ["ID", "controllers"]


def controllers(
    kubelet: Kubelet, start: Callable[[], None], restart: Callable[[], Awaitable[None]]
) -> list[Controller]:
    """All of them; `start` starts the service if it was not yet, `restart` stops and starts it."""
    return [
        nodename(),
        node_ip_config(),
        node_ip(),
        kubelet_config(),
        kubelet_spec(),
        KubeletService(kubelet, start, restart),
        KubeletStatuses(kubelet),
        Kubeconfig(),
        PodNetwork(),
    ]
