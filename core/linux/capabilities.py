"""What this node may touch: the one table that every driver asks before it reaches past the node. A container node is
root on somebody else's kernel; what is shared with that machine is not its own, whatever the kernel would allow."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from core.base.errors import Unsupported


@dataclass(frozen=True, slots=True)
class Capabilities:
    """True means this node may do it and the kernel can."""

    clock: bool  # set or steer the clock
    modules: bool  # load kernel modules
    watchdog: bool  # open /dev/watchdog
    kmsg: bool  # read and write the kernel's log
    kmsg_clear: bool  # clear it
    efi: bool  # EFI variables
    block: bool  # block devices: partition, format, mount
    device_mapper: bool
    uevents: bool  # cold and hot plug: trigger and act on the kernel's device events
    sysctl_machine: bool  # sysctls that no namespace holds
    sysrq: bool
    kexec: bool
    power: bool  # reboot(2) ends the machine, not only this node's namespaces

    def need(self, name: str) -> None:
        """Raise Unsupported unless the node may do `name`."""
        if not getattr(self, name):
            raise Unsupported(
                f"this node may not use {name.replace('_', ' ')}: it shares its kernel or lacks the support"
            )

    def missing(self) -> list[str]:
        """What is not possible here, for the node's status."""
        return [field.name for field in fields(self) if not getattr(self, field.name)]


CONTAINER: Final = Capabilities(**dict.fromkeys((field.name for field in fields(Capabilities)), False))


def platform(cmdline: str) -> str:
    """The platform that the kernel's command line names (`talos.platform=`); "metal" without one. The last one wins."""
    words = [word.partition("=")[2] for word in cmdline.split() if word.startswith("talos.platform=")]
    return words[-1] if words else "metal"


def detect(root: Path = Path("/")) -> Capabilities:
    """The table for this node: none in a container, else what the kernel under `root` offers."""
    if platform((root / "proc/cmdline").read_text()) == "container":
        return CONTAINER
    return Capabilities(
        clock=True,
        modules=(root / "proc/modules").exists(),
        watchdog=True,  # its driver may come at any time
        kmsg=os.access(root / "dev/kmsg", os.R_OK),
        kmsg_clear=True,
        efi=(root / "sys/firmware/efi").is_dir(),
        block=True,
        device_mapper=(root / "dev/mapper/control").exists(),
        uevents=True,
        sysctl_machine=True,
        sysrq=(root / "proc/sysrq-trigger").exists(),
        kexec=(root / "sys/kernel/kexec_loaded").exists(),
        power=True,
    )
