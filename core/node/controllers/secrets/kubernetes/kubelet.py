"""MachineConfig -> Kubelet: whom a kubelet asks for its certificate, whom it believes, and the token that it shows."""

from core.config.load import Config
from core.node import machineconfig
from core.node.controllers.secrets.kubernetes.root import accepted, local_endpoint
from core.node.resources.config import MachineConfig
from core.node.resources.secrets import Kubelet
from core.state import Controller, Resource, Scope, transform


def kubelet() -> Controller:
    """Id `kubelet`, while there is a config of a cluster."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> Kubelet | None:
        config = machineconfig.of(resource)
        cluster = config.v1alpha1.cluster
        alone = not (cluster.control_plane.endpoint and cluster.token)  # without either no kubelet gets anywhere
        if resource.md.id != machineconfig.ACTIVE or not config.complete or alone:
            return None
        token = cluster.token.partition(".")
        return Kubelet(
            endpoint=_endpoint(config),
            accepted_cas=accepted(cluster.ca, cluster.accepted_cas),
            bootstrap_token_id=token[0],
            bootstrap_token_secret=token[2],
        )

    return transform("secrets.KubeletController", MachineConfig, Kubelet, derive, rename=lambda _: "kubelet")


def _endpoint(config: Config) -> str:
    """The node's own balancer if it has one; else a control plane's own API server, or the cluster's endpoint."""
    prism, cluster = config.v1alpha1.machine.features.kube_prism, config.v1alpha1.cluster
    if prism.enabled:
        return f"https://127.0.0.1:{prism.port}"
    return local_endpoint(cluster) if config.is_control_plane else cluster.control_plane.endpoint
