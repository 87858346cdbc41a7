"""The node as Kubernetes knows it."""

from collections.abc import Mapping

import msgspec

from core.state import Column, Spec, resource


@resource("Nodenames.kubernetes.talos.dev", "k8s", columns=(Column("Nodename", "{.nodename}"),))
class Nodename(Spec, frozen=True):
    """The node's name in the cluster (id `nodename`)."""

    nodename: str
    hostname_version: str = ""
    skip_node_registration: bool = False


@resource("NodeIPs.kubernetes.talos.dev", "k8s", columns=(Column("Addresses", "{.addresses}"),))
class NodeIP(Spec, frozen=True):
    """The addresses that the kubelet announces (id `kubelet`)."""

    addresses: tuple[str, ...] = ()


@resource(
    "NodeStatuses.kubernetes.talos.dev",
    "k8s",
    columns=(Column("Ready", "{.nodeReady}"), Column("Unschedulable", "{.unschedulable}")),
)
class NodeStatus(Spec, frozen=True):
    """The Node object (id: the node's name)."""

    nodename: str
    node_ready: bool = False
    unschedulable: bool = False
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    pod_cidrs: tuple[str, ...] = msgspec.field(name="podCIDRs", default=())
