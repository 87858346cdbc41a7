"""Mapped devices: which there are (sysfs) and what they map (the control device's DM_TABLE_STATUS). Only looks; init
arms dm-verity. On a kernel without device-mapper there are none."""

import fcntl
from pathlib import Path
from typing import Final

from core.base.errors import Invalid
from core.codec import dm
from core.codec.dm import Target, Verity

_TABLE_STATUS: Final = 0xC138FD0C
_SHOW_TABLE: Final = 1 << 4


def names(sys: Path) -> dict[str, str]:
    """Kernel name (dm-0) -> device-mapper's own name, of every mapped device."""
    return {p.parent.parent.name: p.read_text().strip() for p in sorted((sys / "class/block").glob("dm-*/dm/name"))}


def table(control: int, name: str) -> list[Target]:
    """The targets of the device called `name`, with the words of their tables. Raises OSError."""
    return _ask(control, name, _SHOW_TABLE)


def status(control: int, name: str) -> list[Target]:
    """The same with the words of their status: for verity V, or C after a corrupted block was seen."""
    return _ask(control, name, 0)


def verity(control: int, name: str) -> Verity | None:
    """The verity table of the device called `name`, if that is what it is."""
    try:
        (target,) = table(control, name)
        return dm.verity(target)
    except (ValueError, Invalid):
        return None


def _ask(control: int, name: str, flags: int) -> list[Target]:
    buffer = bytearray(dm.request(name, flags))
    fcntl.ioctl(control, _TABLE_STATUS, buffer, True)
    return dm.targets(bytes(buffer))
