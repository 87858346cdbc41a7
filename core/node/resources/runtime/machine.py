"""Where the machine is in its life, and what holds it up."""

import msgspec

from core.node.resources.values import Named, Value
from core.state import Column, Spec, resource


class MachineStage(Named):
    """The sequence that runs or ran last."""

    UNKNOWN = 0
    BOOTING = 1
    INSTALLING = 2
    MAINTENANCE = 3
    RUNNING = 4
    REBOOTING = 5
    SHUTTING_DOWN = 6, "shutting down"
    RESETTING = 7
    UPGRADING = 8


class UnmetCondition(Value, frozen=True):
    """Why the machine is not ready."""

    name: str
    reason: str


class MachineStatusStatus(Value, frozen=True):
    """Ready, or why not."""

    ready: bool = False
    unmet_conditions: tuple[UnmetCondition, ...] = ()


@resource(
    "MachineStatuses.runtime.talos.dev",
    "runtime",
    columns=(Column("Stage", "{.stage}"), Column("Ready", "{.status.ready}")),
)
class MachineStatus(Spec, frozen=True):
    """The machine as a whole (id `machine`)."""

    stage: MachineStage = MachineStage.UNKNOWN
    status: MachineStatusStatus = MachineStatusStatus()


@resource("BootIDs.runtime.talos.dev", "runtime", columns=(Column("Boot ID", "{.bootID}"),))
class BootID(Spec, frozen=True):
    """The kernel's random boot id (id `boot-id`)."""

    boot_id: str = msgspec.field(name="bootID")


@resource("BootedEntries.talos.dev", "runtime", columns=(Column("Booted Entry", "{.bootedEntry}"),))
class BootedEntry(Spec, frozen=True):
    """What the firmware started (id `bootedentry`)."""

    booted_entry: str


@resource("DevicesStatuses.runtime.talos.dev", "runtime", columns=(Column("Ready", "{.ready}"),))
class DevicesStatus(Spec, frozen=True):
    """Cold plug is complete (id `devices`)."""

    ready: bool = False


@resource("Diagnostics.runtime.talos.dev", "runtime", columns=(Column("Message", "{.message}"),))
class Diagnostic(Spec, frozen=True):
    """Something is wrong that only a person can put right (id: what)."""

    message: str
    details: tuple[str, ...] = ()


@resource("Environments.runtime.talos.dev", "runtime", aliases=("env",), columns=(Column("Vars", "{.variables}"),))
class Environment(Spec, frozen=True):
    """Environment variables that services get ("NAME=value")."""

    variables: tuple[str, ...] = ()


@resource("Versions.runtime.talos.dev", "runtime", columns=(Column("Name", "{.name}"), Column("Version", "{.version}")))
class Version(Spec, frozen=True):
    """What runs here (id `version`)."""

    name: str
    version: str


@resource("APIServiceConfigs.runtime.talos.dev", "runtime")
class APIServiceConfig(Spec, frozen=True):
    """How apid serves (id `apid`); in maintenance mode without client certificates and as a reader."""

    listen_address: str
    node_routing_disabled: bool = False
    readonly_role_mode: bool = False
    skip_verifying_client_cert: bool = False


@resource("MaintenanceServiceConfigs.runtime.talos.dev", "runtime")
class MaintenanceServiceConfig(Spec, frozen=True):
    """Where a node without config listens (id `maintenance`)."""

    listen_address: str
    reachable_addresses: tuple[str, ...] = ()


@resource("MaintenanceServiceRequests.runtime.talos.dev", "runtime")
class MaintenanceServiceRequest(Spec, frozen=True):
    """There is no config: serve the maintenance API (id `maintenance`)."""


@resource("MachineResetSignals.runtime.talos.dev", "runtime")
class MachineResetSignal(Spec, frozen=True):
    """The machine is being reset (id `machine`)."""


@resource("RebootRequests.runtime.talos.dev", "runtime")
class RebootRequest(Spec, frozen=True):
    """A controller wants a reboot (id `reboot-request`)."""
