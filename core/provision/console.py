"""Reading a serial console: did the kernel reach init, and what were its last words."""

import re
from typing import Final

# A kernel that dies before it hands over to init: an accident of emulation (IMAGE.md), not a fault of what is booted.
_OOPS: Final = re.compile(rb"Oops: |\bBUG: |general protection fault|double fault|Kernel panic - not syncing")
_HANDOVER: Final = re.compile(rb"Run \S+ as init process")


def died_before_init(console: bytes) -> bool:
    """Whether the kernel of the last boot on this console oopsed before it ran init."""
    last = console[console.rfind(b"Linux version ") :] if b"Linux version " in console else console
    oops = _OOPS.search(last)
    return oops is not None and _HANDOVER.search(last, 0, oops.start()) is None


def tail(console: bytes, lines: int = 25) -> str:
    """The console's last lines as text for people."""
    return "\n".join(console.decode(errors="replace").splitlines()[-lines:])
