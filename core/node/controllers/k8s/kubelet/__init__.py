"""The kubelet of this node: its name and addresses in the cluster, what it is run with, what it has come to."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from core.node.containers.pods import Pods
from core.node.controllers.k8s.kubelet.config import kubelet_config
from core.node.controllers.k8s.kubelet.kubeconfig import Kubeconfig
from core.node.controllers.k8s.kubelet.lifecycle import PodsEnd
from core.node.controllers.k8s.kubelet.nodeip import node_ip, node_ip_config
from core.node.controllers.k8s.kubelet.nodename import nodename
from core.node.controllers.k8s.kubelet.podnetwork import PodNetwork
from core.node.controllers.k8s.kubelet.renewal import Renewal
from core.node.controllers.k8s.kubelet.service import ID, KubeletService, KubeletStatuses
from core.node.controllers.k8s.kubelet.spec import kubelet_spec
from core.node.controllers.k8s.kubelet.staticpods import StaticPodStatuses
from core.node.services.kubelet import Kubelet
from core.node.work import Work
from core.state import Controller

__all__ = ["ID", "controllers"]


class Services(Protocol):
    """Who runs the kubelet."""

    def restart(self, id_: str) -> Awaitable[None]: ...

    def stop(self, *ids: str) -> Awaitable[None]: ...


def controllers(
    kubelet: Kubelet, pods: Pods, work: Work, begin: Callable[[], None], services: Services
) -> list[Controller]:
    """All of them; `begin` starts the service if it was not yet."""
    return [
        nodename(),
        node_ip_config(),
        node_ip(),
        kubelet_config(),
        kubelet_spec(),
        KubeletService(kubelet, begin, lambda: services.restart(ID)),
        KubeletStatuses(kubelet),
        Renewal(kubelet, work),
        Kubeconfig(),
        PodNetwork(),
        StaticPodStatuses(),
        PodsEnd(pods, lambda: services.stop(ID)),
    ]
