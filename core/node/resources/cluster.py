"""Which cluster this is, which node, and who else is in it."""

import msgspec

from core.node.resources.config import MachineType
from core.node.resources.values import Base64, Moment, Value
from core.state import Column, Spec, resource


@resource("Identities.cluster.talos.dev", "cluster", columns=(Column("ID", "{.nodeId}"),))
class Identity(Spec, frozen=True):
    """This node (id `local`)."""

    node_id: str


@resource(
    "Infos.cluster.talos.dev",
    "cluster",
    columns=(Column("Cluster ID", "{.clusterId}"), Column("Cluster Name", "{.clusterName}")),
)
class Info(Spec, frozen=True):
    """This cluster (id `current`)."""

    cluster_id: str = ""
    cluster_name: str = ""


class ControlPlane(Value, frozen=True):
    """What a control-plane member offers."""

    api_server_port: int = 6443


class KubeSpanAffiliate(Value, frozen=True):
    """How a node is reached in the mesh; `endpoints` are address:port."""

    public_key: str = ""
    address: str = ""
    additional_addresses: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    exclude_advertised_networks: tuple[str, ...] = ()


@resource(
    "Affiliates.cluster.talos.dev",
    "cluster",
    columns=(
        Column("Hostname", "{.hostname}"),
        Column("Machine Type", "{.machineType}"),
        Column("Addresses", "{.addresses}"),
    ),
)
class Affiliate(Spec, frozen=True):
    """A node that one source told of (id: its node id; in namespace `cluster-raw` with the source in front)."""

    node_id: str
    addresses: tuple[str, ...] = ()
    hostname: str = ""
    nodename: str = ""
    operating_system: str = ""
    machine_type: MachineType = MachineType.UNKNOWN
    kube_span: KubeSpanAffiliate | None = msgspec.field(name="kubespan", default=None)
    control_plane: ControlPlane | None = msgspec.field(name="controlPlane", default=None)


class ServiceEndpoint(Value, frozen=True):
    """A discovery service."""

    name: str
    endpoint: str
    insecure: bool = False


@resource("DiscoveryConfigs.cluster.talos.dev", "config", sensitive=True)
class DiscoveryConfig(Spec, frozen=True):
    """By which registries nodes find each other (id `cluster`); `service_encryption_key` is the cluster's secret."""

    discovery_enabled: bool = False
    registry_kubernetes_enabled: bool = False
    registry_service_enabled: bool = False
    service_endpoint: str = ""
    service_endpoint_insecure: bool = False
    service_encryption_key: Base64 = b""
    service_cluster_id: str = msgspec.field(name="serviceClusterID", default="")
    service_endpoints: tuple[ServiceEndpoint, ...] = ()


@resource(
    "Members.cluster.talos.dev",
    "cluster",
    columns=(
        Column("Hostname", "{.hostname}"),
        Column("Machine Type", "{.machineType}"),
        Column("OS", "{.operatingSystem}"),
        Column("Addresses", "{.addresses}"),
    ),
)
class Member(Spec, frozen=True):
    """A node of the cluster (id: its node name)."""

    node_id: str
    addresses: tuple[str, ...] = ()
    hostname: str = ""
    machine_type: MachineType = MachineType.UNKNOWN
    operating_system: str = ""
    control_plane: ControlPlane | None = msgspec.field(name="controlPlane", default=None)


@resource(
    "PeerNetworks.cluster.ichor.dev",
    "cluster",
    columns=(Column("Node", "{.nodename}"), Column("Pods", "{.podNetworks}"), Column("Addresses", "{.addresses}")),
)
class PeerNetwork(Spec, frozen=True):
    """Which addresses Kubernetes gave to another node's pods, and where that node is (id: its node id); `since` it has
    told so."""

    nodename: str
    addresses: tuple[str, ...] = ()
    pod_networks: tuple[str, ...] = ()
    since: Moment = 0.0


@resource(
    "PeerRoutes.cluster.ichor.dev",
    "cluster",
    columns=(
        Column("Node", "{.nodename}"),
        Column("Gateway", "{.gateway}"),
        Column("Link", "{.linkName}"),
        Column("Problem", "{.problem}"),
    ),
)
class PeerRoute(Spec, frozen=True):
    """The way to the pods of another node (id: their prefix), or why there is none."""

    nodename: str
    gateway: str = ""
    link_name: str = ""
    problem: str = ""
