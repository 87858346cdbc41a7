"""Where the control plane is, as controllers of every domain ask for it."""

from typing import Final

from core.node.resources.k8s import Endpoint
from core.state import Scope

STATIC: Final = "kube-apiserver"
DISCOVERED: Final = "discovery"
KUBERNETES: Final = "controlplane"


def known(scope: Scope) -> list[str]:
    """Names and addresses that any source knows, the config's first. `Endpoint` must be among the inputs."""
    found: list[str] = []
    for id_ in (STATIC, DISCOVERED, KUBERNETES):
        resource = scope.find(Endpoint.at(id_))
        if resource is not None:
            found += [*resource.spec.hosts, *resource.spec.addresses]
    return list(dict.fromkeys(found))
