"""Services, network, time, config, the running sequence -> MachineStatus: where the machine is in its life, and whether
it is ready. Every change is an event too, because clients wait for that."""

from collections.abc import Callable
from typing import Final

from core.node.events import Publisher
from core.node.machineconfig import ACTIVE
from core.node.resources.config import AcquireConfigStatus, MachineConfig, MachineTypeSpec
from core.node.resources.network import NetworkStatus
from core.node.resources.runtime import MachineStage, MachineStatus, MachineStatusStatus, UnmetCondition
from core.node.resources.services import Service
from core.node.resources.time import TimeStatus
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Controller, Scope, exclusive, weak

NEEDED: Final = ("apid", "containerd", "machined")
NEEDED_TO_LEAD: Final = (*NEEDED, "trustd")
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
    found = []
    time, network = scope.find(TimeStatus.at("node")), scope.find(NetworkStatus.at("status"))
    if time is None or not (time.spec.synced or time.spec.sync_disabled):
        found.append(UnmetCondition(name="time", reason="time is not synchronized"))
    if network is None or not (network.spec.address_ready and network.spec.hostname_ready):
        found.append(UnmetCondition(name="network", reason="waiting on: address, hostname"))
    services = {service.md.id: service.spec for service in scope.list(Service.all())}
    machine = scope.find(MachineTypeSpec.at("machine-type"))
    needed = NEEDED_TO_LEAD if machine is not None and machine.spec.machine_type.control_plane else NEEDED
    waiting = [name for name in needed if name not in services or not services[name].ready]
    if waiting:
        found.append(UnmetCondition(name="services", reason=f"waiting on: {', '.join(waiting)}"))
    return found


def _event(status: MachineStatus) -> pb.MachineStatusEvent:
    unmet = [
        pb.MachineStatusEvent.MachineStatus.UnmetCondition(name=condition.name, reason=condition.reason)
        for condition in status.status.unmet_conditions
    ]
    return pb.MachineStatusEvent(
        stage=status.stage.name,
        status=pb.MachineStatusEvent.MachineStatus(ready=status.status.ready, unmet_conditions=unmet),
    )
