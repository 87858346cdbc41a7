"""Services, network, time, config, the running sequence -> MachineStatus: where the machine is in its life, and whether
it is ready. Every change is an event too, because clients wait for that."""

from collections.abc import Callable, Iterable
from typing import Final

from core.node.events import Publisher
from core.node.machineconfig import ACTIVE
from core.node.resources.config import AcquireConfigStatus, MachineConfig, MachineTypeSpec
from core.node.resources.k8s import Nodename, NodeStatus, StaticPodStatus
from core.node.resources.network import NetworkStatus
from core.node.resources.runtime import MachineStage, MachineStatus, MachineStatusStatus, UnmetCondition
from core.node.resources.secrets import Kubelet
from core.node.resources.services import Service
from core.node.resources.time import TimeStatus
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Controller, Scope, exclusive, weak

NEEDED: Final = frozenset({"apid", "containerd", "machined"})
NEEDED_TO_LEAD: Final = frozenset({"trustd"})
NEEDED_IN_A_CLUSTER: Final = frozenset({"kubelet"})
NEEDED_TO_LEAD_A_CLUSTER: Final = frozenset({"etcd"})
_SEQUENCES: Final = {
    "initialize": MachineStage.BOOTING,
    "boot": MachineStage.BOOTING,
    "install": MachineStage.INSTALLING,
    "reboot": MachineStage.REBOOTING,
    "shutdown": MachineStage.SHUTTING_DOWN,
    "reset": MachineStage.RESETTING,
    "upgrade": MachineStage.UPGRADING,
}


class MachineStatusController(Controller):
    """Id `machine`. `sequence` tells the running sequence's name (empty: none); call `changed` when it does."""

    name = "runtime.MachineStatusController"
    inputs = (
        weak(MachineConfig.at(ACTIVE)),
        weak(AcquireConfigStatus.at("config")),
        weak(MachineTypeSpec.at("machine-type")),
        weak(NetworkStatus.at("status")),
        weak(TimeStatus.at("node")),
        weak(Service),
        weak(Kubelet.at("kubelet")),
        weak(Nodename.at("nodename")),
        weak(NodeStatus),
        weak(StaticPodStatus),
    )
    outputs = (exclusive(MachineStatus),)

    def __init__(self, sequence: Callable[[], str], events: Publisher) -> None:
        self._sequence = sequence
        self._events = events
        self._scope: Scope | None = None

    def changed(self) -> None:
        """The running sequence is another one."""
        if self._scope is not None:
            self._scope.wake()

    async def reconcile(self, scope: Scope) -> None:
        self._scope = scope
        unmet = tuple(_unmet(scope)) if self._stage(scope) in (MachineStage.BOOTING, MachineStage.RUNNING) else ()
        status = MachineStatus(
            stage=self._stage(scope),
            status=MachineStatusStatus(ready=not unmet, unmet_conditions=unmet),
        )
        before = scope.find(MachineStatus.at("machine"))
        if before is None or before.spec != status:
            scope.put("machine", status)
            self._events.publish(_event(status))

    def _stage(self, scope: Scope) -> MachineStage:
        running = _SEQUENCES.get(self._sequence(), MachineStage.RUNNING)
        if running not in (MachineStage.BOOTING, MachineStage.RUNNING):
            return running
        if scope.find(MachineConfig.at(ACTIVE)) is not None:
            return running
        # a node that has not looked yet is no node without a config
        looked = scope.find(AcquireConfigStatus.at("config")) is not None
        return MachineStage.MAINTENANCE if looked else MachineStage.BOOTING


def _unmet(scope: Scope) -> list[UnmetCondition]:
    found = [("time", _time(scope)), ("network", _network(scope)), ("services", _services(scope))]
    if _clustered(scope):
        found += [("staticPods", _static_pods(scope)), ("nodeReady", _node(scope))]
    return [UnmetCondition(name=name, reason=reason) for name, reason in found if reason]


def _time(scope: Scope) -> str:
    time = scope.find(TimeStatus.at("node"))
    known = time is not None and (time.spec.synced or time.spec.sync_disabled)
    return "" if known else "time is not synchronized"


def _network(scope: Scope) -> str:
    network = scope.find(NetworkStatus.at("status"))
    ready = network is not None and network.spec.address_ready and network.spec.hostname_ready
    return "" if ready else "waiting on: address, hostname"


def _services(scope: Scope) -> str:
    services = {service.md.id: service.spec for service in scope.list(Service.all())}
    machine = scope.find(MachineTypeSpec.at("machine-type"))
    leads = machine is not None and machine.spec.machine_type.control_plane
    needed = NEEDED | (NEEDED_TO_LEAD if leads else frozenset())
    if _clustered(scope):
        needed |= NEEDED_IN_A_CLUSTER | (NEEDED_TO_LEAD_A_CLUSTER if leads else frozenset())
    return _waiting(name for name in sorted(needed) if name not in services or not services[name].ready)


def _clustered(scope: Scope) -> bool:
    """Whether the config has a cluster for the node to be in."""
    return scope.find(Kubelet.at("kubelet")) is not None


def _static_pods(scope: Scope) -> str:
    pods = scope.list(StaticPodStatus.all())
    return _waiting(pod.md.id for pod in pods if not pod.spec.ready)


def _node(scope: Scope) -> str:
    name = scope.find(Nodename.at("nodename"))
    if name is None:
        return "the node has no name yet"
    if name.spec.skip_node_registration:
        return ""
    node = scope.find(NodeStatus.at(name.spec.nodename))
    if node is None:
        return f'node "{name.spec.nodename}" status is not available yet'
    return "" if node.spec.node_ready else f'node "{name.spec.nodename}" is not ready'


def _waiting(names: Iterable[str]) -> str:
    text = ", ".join(names)
    return f"waiting on: {text}" if text else ""


def _event(status: MachineStatus) -> pb.MachineStatusEvent:
    unmet = [
        pb.MachineStatusEvent.MachineStatus.UnmetCondition(name=condition.name, reason=condition.reason)
        for condition in status.status.unmet_conditions
    ]
    return pb.MachineStatusEvent(
        stage=status.stage.name,
        status=pb.MachineStatusEvent.MachineStatus(ready=status.status.ready, unmet_conditions=unmet),
    )
