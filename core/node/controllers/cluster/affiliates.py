"""What this node tells of itself, and what is known of the others: -> Affiliate (namespace `cluster`) -> Member. In
namespace `cluster-raw` is what each source told, under its name."""

from typing import Final

from core.node import machineconfig
from core.node.resources.cluster import Affiliate, ControlPlane, DiscoveryConfig, Identity, Member
from core.node.resources.config import MachineConfig, MachineTypeSpec
from core.node.resources.k8s import Nodename
from core.node.resources.network import HostnameStatus, NodeAddress
from core.state import Controller, Resource, Scope, exclusive, shared, weak

RAW: Final = "cluster-raw"
_SETTINGS: Final = DiscoveryConfig.at("cluster")
_IDENTITY: Final = Identity.at("local")
_MACHINE: Final = MachineTypeSpec.at("machine-type")
_ADDRESSES: Final = NodeAddress.at("routed-no-k8s")
_HOSTNAME: Final = HostnameStatus.at("hostname")
_NODENAME: Final = Nodename.at("nodename")
_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)


class LocalAffiliate(Controller):
    """This node under its id, as soon as it knows its addresses; only while discovery is on. `system` is what it
    runs."""

    name = "cluster.LocalAffiliateController"
    inputs = (
        *(weak(_SETTINGS), weak(_IDENTITY), weak(_MACHINE), weak(_ADDRESSES), weak(_HOSTNAME), weak(_NODENAME)),
        weak(_CONFIG),
    )
    outputs = (shared(Affiliate),)

    def __init__(self, system: str) -> None:
        self._system = system

    async def reconcile(self, scope: Scope) -> None:
        settings, identity, machine = scope.find(_SETTINGS), scope.find(_IDENTITY), scope.find(_MACHINE)
        addresses, config = scope.find(_ADDRESSES), scope.find(_CONFIG)
        known = settings is not None and settings.spec.discovery_enabled
        if not known or identity is None or machine is None or addresses is None or config is None:
            scope.sync(Affiliate.all(), {})
            return
        host, node = scope.find(_HOSTNAME), scope.find(_NODENAME)
        port = machineconfig.of(config).v1alpha1.cluster.control_plane.local_api_server_port
        affiliate = Affiliate(
            node_id=identity.spec.node_id,
            addresses=tuple(text.partition("/")[0] for text in addresses.spec.addresses),
            hostname="" if host is None else host.spec.fqdn,
            nodename="" if node is None else node.spec.nodename,
            operating_system=self._system,
            machine_type=machine.spec.machine_type,
            control_plane=ControlPlane(api_server_port=port) if machine.spec.machine_type.control_plane else None,
        )
        scope.sync(Affiliate.all(), {identity.spec.node_id: affiliate})


class AffiliateMerge(Controller):
    """The others under their ids: of what several sources tell of one, the first source's by name."""

    name = "cluster.AffiliateMergeController"
    inputs = (weak(Affiliate.all(RAW)), weak(_IDENTITY))
    outputs = (shared(Affiliate),)

    async def reconcile(self, scope: Scope) -> None:
        identity = scope.find(_IDENTITY)
        own = "" if identity is None else identity.spec.node_id
        merged: dict[str, Affiliate] = {}
        for resource in scope.list(Affiliate.all(RAW)):
            if resource.spec.node_id != own and not resource.md.tearing_down:
                merged.setdefault(resource.spec.node_id, resource.spec)
        scope.sync(Affiliate.all(), merged)


class Members(Controller):
    """Every affiliate that has a name in the cluster, under that name. Of two with one name this node's own counts,
    else the first."""

    name = "cluster.MemberController"
    inputs = (weak(Affiliate), weak(_IDENTITY))
    outputs = (exclusive(Member),)

    async def reconcile(self, scope: Scope) -> None:
        identity = scope.find(_IDENTITY)
        own = "" if identity is None else identity.spec.node_id
        found: dict[str, Member] = {}
        for resource in sorted(scope.list(Affiliate.all()), key=lambda each: (each.md.id != own, each.md.id)):
            if resource.spec.nodename and not resource.md.tearing_down:
                found.setdefault(resource.spec.nodename, _member(resource))
        scope.sync(Member.all(), found)


def _member(resource: Resource[Affiliate]) -> Member:
    spec = resource.spec
    return Member(
        node_id=spec.node_id,
        addresses=spec.addresses,
        hostname=spec.hostname,
        machine_type=spec.machine_type,
        operating_system=spec.operating_system,
        control_plane=spec.control_plane,
    )
