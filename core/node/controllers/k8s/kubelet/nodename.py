"""MachineConfig, HostnameStatus -> Nodename: the name under which Kubernetes knows this node."""

import re
from typing import Final

from core.base.errors import Invalid
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Nodename
from core.node.resources.network import HostnameStatus
from core.state import Controller, Resource, Scope, transform, weak

HOSTNAME: Final = HostnameStatus.at("hostname")
_REFUSED: Final = re.compile(r"[^a-z0-9.-]+")


def nodename() -> Controller:
    """Id `nodename`, once the node has a host name and a config. A name that is none to Kubernetes raises Invalid."""

    def derive(resource: Resource[MachineConfig], scope: Scope) -> Nodename | None:
        host, config = scope.find(HOSTNAME), machineconfig.of(resource)
        if resource.md.id != machineconfig.ACTIVE or not config.complete or host is None:
            return None
        kubelet = config.v1alpha1.machine.kubelet
        return Nodename(
            nodename=acceptable(host.spec.fqdn if kubelet.register_with_fqdn else host.spec.hostname),
            hostname_version=str(host.md.version),
            skip_node_registration=kubelet.skip_node_registration,
        )

    return transform(
        "k8s.NodenameController",
        MachineConfig,
        Nodename,
        derive,
        also=(weak(HOSTNAME),),
        rename=lambda _: "nodename",
    )


def acceptable(host: str) -> str:
    """A host name as Kubernetes takes it (RFC 1123 labels, lower case); other characters are left out."""
    name = _REFUSED.sub("", host.lower()).strip(".-")
    if not name:
        raise Invalid(f"host name {host!r} has nothing that a node name may consist of")
    return name
