"""What the cluster is given: from the config to objects, and from objects to the cluster."""

from core.base.clock import Clock
from core.config import images
from core.node.controllers.k8s.manifests.apply import ManifestApply
from core.node.controllers.k8s.manifests.config import bootstrap_config, extra_config
from core.node.controllers.k8s.manifests.extra import ExtraManifests
from core.node.controllers.k8s.manifests.render import Manifests
from core.state import Controller

__all__ = ["ExtraManifests", "ManifestApply", "Manifests", "bootstrap_config", "extra_config", "manifests"]
DNS = "registry.k8s.io/coredns/coredns:v1.14.7"
FLANNEL = "ghcr.io/siderolabs/flannel:v0.28.9"


def manifests(clock: Clock) -> list[Controller]:
    """All controllers of this part."""
    return [
        bootstrap_config(images.program("kube-proxy"), DNS, FLANNEL),
        extra_config(),
        Manifests(),
        ExtraManifests(),
        ManifestApply(clock),
    ]
