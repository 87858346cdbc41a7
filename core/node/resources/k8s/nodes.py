"""The node as Kubernetes knows it, and what of its Node object this machine keeps."""

from collections.abc import Mapping
from typing import Final

import msgspec

from core.state import Column, Spec, resource

NAMESPACE: Final = "k8s"


@resource("Nodenames.kubernetes.talos.dev", NAMESPACE, columns=(Column("Nodename", "{.nodename}"),))
class Nodename(Spec, frozen=True):
    """The node's name in the cluster (id `nodename`)."""

    nodename: str
    hostname_version: str = ""
    skip_node_registration: bool = False


@resource("NodeIPConfigs.kubernetes.talos.dev", NAMESPACE)
class NodeIPConfig(Spec, frozen=True):
    """Which of the node's addresses the kubelet may announce (id `kubelet`): prefixes, and those left out."""

    valid_subnets: tuple[str, ...] = ()
    exclude_subnets: tuple[str, ...] = ()


@resource("NodeIPs.kubernetes.talos.dev", NAMESPACE, columns=(Column("Addresses", "{.addresses}"),))
class NodeIP(Spec, frozen=True):
    """The addresses that the kubelet announces (id `kubelet`)."""

    addresses: tuple[str, ...] = ()


@resource(
    "NodeStatuses.kubernetes.talos.dev",
    NAMESPACE,
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


@resource("NodeLabelSpecs.k8s.talos.dev", NAMESPACE, sensitive=True, columns=(Column("Value", "{.value}"),))
class NodeLabelSpec(Spec, frozen=True):
    """The Node object shall have this label (id: its key)."""

    key: str
    value: str = ""


@resource("NodeAnnotationSpecs.k8s.talos.dev", NAMESPACE, sensitive=True, columns=(Column("Value", "{.value}"),))
class NodeAnnotationSpec(Spec, frozen=True):
    """The Node object shall have this annotation (id: its key)."""

    key: str
    value: str = ""


@resource(
    "NodeTaintSpecs.k8s.talos.dev",
    NAMESPACE,
    sensitive=True,
    columns=(Column("Effect", "{.effect}"), Column("Value", "{.value}")),
)
class NodeTaintSpec(Spec, frozen=True):
    """The Node object shall have this taint (id: its key)."""

    key: str
    effect: str = ""
    value: str = ""


@resource("NodeCordonedSpecs.k8s.talos.dev", NAMESPACE, sensitive=True)
class NodeCordonedSpec(Spec, frozen=True):
    """No new pod shall come to this node (id `cordoned`), for as long as this is there."""
