"""Which cluster this is, which node, and who else is in it."""

import msgspec

from core.node.resources.config import MachineType
from core.node.resources.values import Value
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
