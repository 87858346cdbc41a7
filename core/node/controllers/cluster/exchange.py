"""Affiliate (this node's) <-> control planes -> Affiliate (namespace `cluster-raw`), PeerNetwork. Each node leaves with
every control plane that it knows what others may know of it, sealed, and takes what they left: the cluster's endpoint
tells the first time who the others are. On a control plane its own table is one more of them. A node that is reset says
so, and MachineResetSignal is let go when every control plane has heard it or does not answer."""

import asyncio
import logging
from collections.abc import Sequence, Set
from typing import Final

from msgspec.structs import replace

from core.cluster.discovery.known import Known
from core.cluster.discovery.table import Table
from core.cluster.discovery.told import Sealer, Told
from core.node import controlplanes
from core.node.controllers.cluster.affiliates import RAW
from core.node.controllers.cluster.meeting import HERE, PORT, Door, Mail, Own, meet, meet_here
from core.node.resources.cluster import Affiliate, ControlPlane, DiscoveryConfig, Identity, PeerNetwork
from core.node.resources.config import MachineType, MachineTypeSpec
from core.node.resources.k8s import Endpoint, Nodename, NodeStatus
from core.node.resources.network import NodeAddress
from core.node.resources.runtime import MachineResetSignal
from core.node.resources.secrets import OSRoot
from core.state import Controller, Scope, exclusive, shared, strong, weak

_log = logging.getLogger("discovery")
_SETTINGS: Final = DiscoveryConfig.at("cluster")
_IDENTITY: Final = Identity.at("local")
_NODENAME: Final = Nodename.at("nodename")
_ADDRESSES: Final = NodeAddress.at("current")
_ROOT: Final = OSRoot.at("os")
_MACHINE: Final = MachineTypeSpec.at("machine-type")
_SIGNAL: Final = MachineResetSignal.at("machine")


class Exchange(Controller):
    """Runs a conversation with each control plane beside `reconcile`, which begins and ends them and reads what they
    brought. Ids: `service/<node id>`; of PeerNetwork the node id."""

    name = "cluster.DiscoveryServiceController"
    inputs = (
        *(weak(_SETTINGS), weak(_IDENTITY), weak(Affiliate), weak(_NODENAME), weak(NodeStatus), weak(_ADDRESSES)),
        *(weak(Endpoint), weak(_ROOT), weak(_MACHINE), strong(_SIGNAL)),
    )
    outputs = (shared(Affiliate), exclusive(PeerNetwork))

    def __init__(self, table: Table, port: int = PORT) -> None:
        self._table, self._port = table, port
        self._known, self._mail = Known(), Mail()
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[Door | None, asyncio.Task[None]] = {}
        self._said: Told | None = None
        self._stamp = self._now = 0

    async def work(self, scope: Scope) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._mail.wake = scope.wake
                scope.wake()
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._running.clear()

    async def reconcile(self, scope: Scope) -> None:
        settings, root = scope.find(_SETTINGS), scope.find(_ROOT)
        if settings is None or not settings.spec.registry_service_enabled or root is None:
            self._converse(scope, frozenset())
            self._publish(scope, ())
            scope.release(_SIGNAL)
            return
        self._now = int(scope.clock.now() * 1000)
        sealer = Sealer(settings.spec.service_encryption_key, settings.spec.service_cluster_id)
        signal = scope.find(_SIGNAL)
        self._say(sealer, self._own(scope) if signal is None else self._farewell())
        self._converse(scope, self._doors(scope, root.spec))
        self._learn(sealer)
        self._publish(scope, self._known.current(scope.clock.monotonic()))
        if signal is not None and self._heard():
            scope.release(_SIGNAL)
        ends = self._known.ends()
        if ends is not None:
            scope.later(max(ends - scope.clock.monotonic(), 1.0))

    def _own(self, scope: Scope) -> Told | None:
        """What this node tells, as soon as there is something; its stamp is still to come."""
        identity, name = scope.find(_IDENTITY), scope.find(_NODENAME)
        affiliate = None if identity is None else scope.find(Affiliate.at(identity.spec.node_id))
        if affiliate is None:
            return None
        status = None if name is None else scope.find(NodeStatus.at(name.spec.nodename))
        spec = affiliate.spec
        return Told(
            node_id=spec.node_id,
            stamp=0,
            addresses=spec.addresses,
            hostname=spec.hostname,
            nodename=spec.nodename,
            system=spec.operating_system,
            machine=int(spec.machine_type),
            api_server_port=spec.control_plane.api_server_port if spec.control_plane is not None else 0,
            pod_networks=() if status is None else status.spec.pod_cidrs,
        )

    def _farewell(self) -> Told | None:
        """Nothing of a node that has never said anything."""
        said = self._said
        return None if said is None else Told(node_id=said.node_id, stamp=0, nodename=said.nodename, left=True)

    def _heard(self) -> bool:
        """Whether what was said last is with all who are there, or with nobody because there was nothing to say."""
        hosts = {HERE if door is None else door.host for door in self._running}
        return self._said is None or all(self._mail.tried.get(host) == self._stamp for host in hosts)

    def _say(self, sealer: Sealer, own: Told | None) -> None:
        if own is not None and own != self._said:
            self._said = own
            self._leave(sealer, self._now)

    def _leave(self, sealer: Sealer, above: int) -> None:
        """Seal what is to be said under a stamp that counts more than all before."""
        assert self._said is not None
        self._stamp = max(self._stamp, above) + 1
        told = replace(self._said, stamp=self._stamp)
        self._mail.leave(Own(told.node_id, sealer.seal(told), told.stamp))

    def _doors(self, scope: Scope, root: OSRoot) -> set[Door | None]:
        """All control planes but this node; None is its own table."""
        machine, addresses = scope.find(_MACHINE), scope.find(_ADDRESSES)
        own = set() if addresses is None else {text.partition("/")[0] for text in addresses.spec.addresses}
        authorities = b"".join(authority.crt for authority in root.accepted_cas)
        found: set[Door | None] = {
            Door(host, authorities, root.token) for host in controlplanes.known(scope) if host not in own
        }
        if machine is not None and machine.spec.machine_type.control_plane:
            found.add(None)
        return found

    def _converse(self, scope: Scope, wanted: Set[Door | None]) -> None:
        for door in self._running.keys() - wanted:
            self._running.pop(door).cancel()
        if self._group is None:
            return
        for door in wanted - self._running.keys():
            if door is None:
                talk = meet_here(self._table, self._mail, scope.clock)
            else:
                talk = meet(door, self._port, self._mail, scope.clock)
            self._running[door] = self._group.create_task(talk, name="discovery")

    def _learn(self, sealer: Sealer) -> None:
        for node_id, sealed, until in self._mail.read():
            told = sealer.unseal(node_id, sealed)
            if told is None:
                _log.warning("what was left for %s was not sealed with this cluster's secret", node_id)
            elif self._said is None or told.node_id != self._said.node_id:
                self._known.learn(told, until)
            elif told.stamp > self._stamp:  # by this node before its clock went back
                self._leave(sealer, told.stamp)

    def _publish(self, scope: Scope, known: Sequence[Told]) -> None:
        """All but who had this node's name before it was wiped."""
        name = "" if self._said is None else self._said.nodename
        known = [told for told in known if not name or told.nodename != name]
        raw = {f"service/{told.node_id}": _affiliate(told) for told in known}
        scope.sync(Affiliate.all(RAW), raw)
        scope.sync(PeerNetwork.all(), {told.node_id: _network(told) for told in known if told.pod_networks})


def _affiliate(told: Told) -> Affiliate:
    try:
        machine = MachineType(told.machine)
    except ValueError:
        machine = MachineType.UNKNOWN  # one that a later release knows
    return Affiliate(
        node_id=told.node_id,
        addresses=told.addresses,
        hostname=told.hostname,
        nodename=told.nodename,
        operating_system=told.system,
        machine_type=machine,
        control_plane=ControlPlane(api_server_port=told.api_server_port) if told.api_server_port else None,
    )


def _network(told: Told) -> PeerNetwork:
    return PeerNetwork(
        nodename=told.nodename,
        addresses=told.addresses,
        pod_networks=told.pod_networks,
        since=told.stamp / 1000,
    )
