"""The machine config as a resource, and what kind of machine it makes."""

from core.node.resources.values import Named, Text
from core.state import Column, Spec, resource


class MachineType(Named):
    """What a machine is in its cluster."""

    UNKNOWN = 0
    INIT = 1
    CONTROLPLANE = 2
    WORKER = 3

    @property
    def control_plane(self) -> bool:
        return self in (MachineType.INIT, MachineType.CONTROLPLANE)


@resource("MachineConfigs.config.talos.dev", "config", sensitive=True)
class MachineConfig(Spec, frozen=True):
    """The whole config as the bytes that were applied: id `v1alpha1` is in force, `persistent` is what the next boot
    takes. Controllers get the parsed document from `core.config.load`. In YAML the spec is the text itself."""

    yaml_marshalled: Text

    @property
    def scalar(self) -> bytes:
        return self.yaml_marshalled


@resource("MachineTypes.config.talos.dev", "config", columns=(Column("Type", "{}"),))
class MachineTypeSpec(Spec, frozen=True):
    """The machine's type (id `machine-type`). In YAML the spec is the text itself."""

    machine_type: MachineType

    @property
    def scalar(self) -> MachineType:
        return self.machine_type


@resource("AcquireConfigStatuses.v1alpha1.talos.dev", "runtime")
class AcquireConfigStatus(Spec, frozen=True):
    """Every place where a config can be stored has been looked at (id `config`)."""
