"""Which disk the config asks for, as a pure function of config and disks. What is on it is judged later, with the disk
open."""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from core.base.errors import Invalid, NotFound
from core.base.units import parse_size
from core.config.schema.storage import DiskSelector, Install
from core.node.resources.block import Disk

_COMPARISON: Final = re.compile(r"\s*(<=|>=|==|<|>|)\s*(.+)")
_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "==": lambda a, b: a == b,
    "": lambda a, b: a == b,
}


def named(install: Install | None, disks: Sequence[Disk]) -> Disk | None:
    """The disk that the config asks for; None when it asks for none. Raises NotFound when it is not there."""
    if install is None or (install.disk_selector is None and not install.disk):
        return None
    usable = [disk for disk in disks if not disk.cdrom]
    if install.disk_selector is not None:
        matching = [disk for disk in usable if matches(install.disk_selector, disk)]
        asked = "machine.install.diskSelector"
    else:
        matching = [disk for disk in usable if install.disk in (disk.dev_path, *disk.symlinks)]
        asked = f"machine.install.disk {install.disk}"
    if not matching:
        there = ", ".join(disk.dev_path for disk in usable) or "none"
        raise NotFound(f"{asked} matches no disk (there are: {there})", remedy="name one of them in machine.install")
    return matching[0]


def matches(selector: DiskSelector, disk: Disk) -> bool:
    """Whether every field that the selector sets fits; texts are globs."""
    texts = (
        (selector.name, disk.dev_path.rpartition("/")[2]),
        (selector.model, disk.model),
        (selector.serial, disk.serial),
        (selector.modalias, disk.modalias),
        (selector.uuid, disk.uuid),
        (selector.wwid, disk.wwid),
        (selector.bus_path, disk.bus_path),
    )
    if not all(fnmatchcase(value, pattern) for pattern, value in texts if pattern):
        return False
    if selector.type and selector.type != kind(disk):
        return False
    return not selector.size or _fits(selector.size, disk.size)


def kind(disk: Disk) -> str:
    """nvme, sd (memory card), hdd or ssd."""
    if disk.transport in ("nvme", "mmc"):
        return "nvme" if disk.transport == "nvme" else "sd"
    return "hdd" if disk.rotational else "ssd"


def _fits(comparison: str, size: int) -> bool:
    match = _COMPARISON.fullmatch(comparison)
    if match is None:
        raise Invalid(f"{comparison!r} is no size comparison", remedy="write it like '>= 100GB'")
    return _COMPARE[match[1]](size, parse_size(match[2]))
