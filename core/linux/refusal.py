"""Which system call a seccomp filter killed a process for: the kernel says so in its log alone (audit record 1326,
AUDIT_SECCOMP in include/uapi/linux/audit.h), and by the machine's pids, which a container node does not know."""

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from core.base import offload
from core.base.clock import Clock
from core.linux import kmsg, syscalls

_SAID: Final = re.compile(rb"audit\((\d+)\.\d+:\d+\):.* comm=\"([^\"]*)\".* sig=31 .*syscall=(\d+) ")
_LATELY: Final = 10.0  # seconds
_LOOKS: Final = 10  # a twentieth of a second apart: the kernel writes its record a little after the death


def refused(device: Path, comm: str, now: float) -> str:
    """The last call for which a process of that short name was killed lately; empty if the log does not say."""
    call = ""
    for record in kmsg.records(device):
        said = _SAID.search(record)
        if said and said[2] == os.fsencode(comm) and abs(now - int(said[1])) < _LATELY:
            call = syscalls.name(int(said[3]))
    return call


def asked(device: Path, clock: Clock) -> Callable[[str], Awaitable[str]]:
    """The same by the short name alone, right after the death; nothing where the log may not be read. The log is read
    beside the loop: it may be megabytes, in records of a line each."""

    async def ask(comm: str) -> str:
        for _ in range(_LOOKS) if os.access(device, os.R_OK) else ():
            if call := await offload.call(refused, device, comm, clock.now()):
                return call
            await clock.sleep(0.05)
        return ""

    return ask
