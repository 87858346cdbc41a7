"""What the system stands on: mounts, security state, the watchdog, who is who among our processes."""

import msgspec

from core.node.resources.values import Named, Seconds
from core.state import Column, Spec, resource


class SELinuxState(Named):
    """Whether SELinux decides."""

    DISABLED = 0
    PERMISSIVE = 1
    ENFORCING = 2


class FIPSState(Named):
    """Whether only FIPS algorithms are allowed."""

    DISABLED = 0
    ENABLED = 1
    STRICT = 2


@resource(
    "MountStatuses.runtime.talos.dev",
    "runtime",
    aliases=("mounts",),
    columns=(
        Column("Source", "{.source}"),
        Column("Target", "{.target}"),
        Column("Filesystem Type", "{.filesystemType}"),
    ),
)
class MountStatus(Spec, frozen=True):
    """A volume is mounted (id: the volume's)."""

    source: str
    target: str
    filesystem_type: str
    options: tuple[str, ...] = ()
    encrypted: bool = False
    encryption_providers: tuple[str, ...] = ()


@resource(
    "SecurityStates.talos.dev",
    "runtime",
    columns=(
        Column("SecureBoot", "{.secureBoot}"),
        Column("BootedWithUKI", "{.bootedWithUKI}"),
        Column("SELinux", "{.selinuxState}"),
    ),
)
class SecurityState(Spec, frozen=True):
    """How this boot is protected (id `securitystate`)."""

    secure_boot: bool = False
    uki_signing_key_fingerprint: str = ""
    pcr_signing_key_fingerprint: str = ""
    selinux_state: SELinuxState = SELinuxState.DISABLED
    booted_with_uki: bool = msgspec.field(name="bootedWithUKI", default=False)
    fips_state: FIPSState = FIPSState.DISABLED
    module_signature_enforced: bool = False


@resource("WatchdogTimerConfigs.runtime.talos.dev", "runtime")
class WatchdogTimerConfig(Spec, frozen=True):
    """A hardware watchdog shall guard the machine (id `timer`)."""

    device: str
    timeout: Seconds = 60.0


@resource(
    "WatchdogTimerStatuses.runtime.talos.dev",
    "runtime",
    columns=(Column("Device", "{.device}"), Column("Timeout", "{.timeout}")),
)
class WatchdogTimerStatus(Spec, frozen=True):
    """A hardware watchdog guards the machine (id `timer`)."""

    device: str
    timeout: Seconds
    feed_interval: Seconds


@resource("ServicePIDs.runtime.talos.dev", "runtime", columns=(Column("PID", "{.pid}"),))
class ServicePID(Spec, frozen=True):
    """The process of a service (id: the service's); `mount_namespace` as /proc/PID/ns/mnt links."""

    pid: int
    mount_namespace: str = ""
