"""Which accelerator QEMU can use here, found out by booting a kernel: a /dev/kvm that opens may still refuse to run a
guest, or run it slower than emulation does (nested, or passed through by a hypervisor that traps everything)."""

import os
import tempfile
from pathlib import Path
from typing import Final

from core.provision.qemu import Machine, MachineError, Spec

EMULATION: Final = "tcg"
# a kernel is past its first lines in well under a second on hardware that helps
_BOUND: Final = 5.0


def accelerator(kernel: Path, device: Path = Path("/dev/kvm")) -> str:
    """ "kvm" when `kernel` comes to its first words with it in time, else "tcg"."""
    if not os.access(device, os.R_OK | os.W_OK):
        return EMULATION
    with tempfile.TemporaryDirectory(prefix="ichor-kvm-") as folder:
        machine = Machine(
            Spec(folder=Path(folder), kernel=kernel, accel="kvm", memory_mib=256, network=False, exit_on_reboot=True)
        )
        try:
            machine.start()
            machine.expect("Linux version ", _BOUND)
        except MachineError:
            return EMULATION
        finally:
            machine.kill()
    return "kvm"
