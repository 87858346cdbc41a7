"""MachineConfig -> MachineType: what kind of machine the config in force makes."""

from core.node import machineconfig
from core.node.resources.config import MachineConfig, MachineType, MachineTypeSpec
from core.state import Controller, Resource, Scope, transform

_TYPES = {"init": MachineType.INIT, "controlplane": MachineType.CONTROLPLANE}


def machine_type() -> Controller:
    """Id `machine-type`; there is none before there is a config."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> MachineTypeSpec | None:
        config = machineconfig.of(resource)
        if resource.md.id != machineconfig.ACTIVE or not config.complete:
            return None
        return MachineTypeSpec(machine_type=_TYPES.get(config.v1alpha1.machine.type, MachineType.WORKER))

    return transform(
        "config.MachineTypeController", MachineConfig, MachineTypeSpec, derive, rename=lambda _: "machine-type"
    )
