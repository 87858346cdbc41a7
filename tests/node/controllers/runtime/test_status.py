"""The machine's stage: what clients are told while config, sequences and services come and go."""

from typing import Any

from core.node.controllers.runtime.status import MachineStatusController
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.resources.runtime import MachineStage, MachineStatus
from core.rpc.pb.machine import machine_pb2 as pb
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle


class Told:
    """The event bus."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def publish(self, event: Any, actor_id: str = "") -> None:
        self.stages.append(pb.MachineStatusEvent.MachineStage.Name(event.stage))


@on_loop
async def test_a_node_that_has_not_looked_for_its_config_is_not_in_maintenance() -> None:
    told, sequence = Told(), ["initialize"]
    controller = MachineStatusController(lambda: sequence[0], told)
    house = House(FakeClock(), [controller])
    async with house.running():
        await settle()
        assert told.stages == ["BOOTING"]
        house.put("config", AcquireConfigStatus())
        await settle()
        house.put("v1alpha1", MachineConfig(yaml_marshalled=b"version: v1alpha1"))
        await settle()
        for name in ("boot", "", "reboot", "shutdown"):
            sequence[0] = name
            controller.changed()
            await settle()
        assert told.stages == ["BOOTING", "MAINTENANCE", "BOOTING", "RUNNING", "REBOOTING", "SHUTTING_DOWN"]
        status = house.one(MachineStatus, "machine")
        assert status is not None
        assert (status.stage, status.status.ready) == (MachineStage.SHUTTING_DOWN, True)
