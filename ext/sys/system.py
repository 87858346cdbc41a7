"""The machine as a whole: its name, modules, clock and end."""

from typing import Final

from ext.sys._sys import ffi, lib
from ext.sys.failure import check, text

_UNKNOWN: Final = -(2**63)


def sethostname(name: str) -> None:
    """The UTS namespace's host name."""
    raw = name.encode()
    check(lib.sethostname(raw, len(raw)), "sethostname", name)


def reboot(command: int) -> None:
    """reboot(2) with an RB_* command: the machine, or in a pid namespace of its own that namespace."""
    check(lib.reboot(command), "reboot")


def init_module(image: bytes, parameters: str = "") -> None:
    """Load a kernel module from memory."""
    check(lib.ichor_init_module(ffi.from_buffer(image), len(image), text(parameters)), "init_module")


def finit_module(fd: int, parameters: str = "", flags: int = 0) -> None:
    """Load a kernel module from a file."""
    check(lib.ichor_finit_module(fd, text(parameters), flags), "finit_module")


def delete_module(name: str, flags: int) -> None:
    """Unload a kernel module."""
    check(lib.ichor_delete_module(text(name), flags), "delete_module", name)


def slew(microseconds: int) -> None:
    """Let the kernel work an offset into the clock, at most 0.5 ms a second."""
    check(lib.ichor_slew(microseconds), "adjtimex")


def slew_left() -> int:
    """Microseconds of the last slew that are still to come."""
    left = int(lib.ichor_slew_left())
    check(-1 if left == _UNKNOWN else 0, "adjtimex")
    return left
