"""Partition tables on open disks: read, write so that a crash leaves a good copy, and make the kernel's partitions
agree through BLKPG (include/uapi/linux/blkpg.h), which works on kernels that do not read GPT and on disks in use.
Refuses to shrink or move a partition that the kernel holds."""

import array
import errno
import fcntl
import struct
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.base.errors import Conflict, Invalid
from core.codec import gpt
from core.codec.gpt import Table
from core.linux import disk
from core.linux.disk import Device

_BLKPG: Final = 0x1269
_ADD, _DELETE, _RESIZE = 1, 2, 3
_PARTITION: Final = struct.Struct("@qqi64s64s")
_ARGUMENT: Final = struct.Struct("@iiiP")


def read(fd: int) -> Table | None:
    """The disk's table or None. Raises Invalid when there is one that is broken at both ends."""
    return gpt.decode(disk.reader(fd), disk.size(fd), disk.sector_size(fd))


def write(fd: int, table: Table) -> None:
    """Put the table on the disk: the copy at the end first, flushed between. Raises Invalid, OSError."""
    for offset, data in gpt.encode(table):
        disk.write(fd, offset, data)


def tell_kernel(fd: int, table: Table, known: list[Device]) -> bool:
    """Add the partitions that the kernel lacks and stretch those it has shorter; whether anything was to be done.

    `known` are the kernel's partitions of this disk. Raises Conflict when one lies elsewhere than the table says.
    """
    by_number = {d.partition_number: d for d in known}
    changed = False
    for wanted in table.partitions:
        start, length = wanted.first * table.sector_size, wanted.sectors * table.sector_size
        there = by_number.get(wanted.number)
        if there is None:
            changed |= _add(fd, start, length, wanted.number)
        elif there.partition_start != start or there.size > length:
            raise Conflict(f"the kernel sees partition {wanted.number} elsewhere than the table has it")
        elif there.size < length:
            _blkpg(fd, _RESIZE, start, length, wanted.number)
            changed = True
    return changed


def forget(fd: int, known: list[Device]) -> None:
    """Drop the kernel's partitions. Raises OSError (EBUSY) for one in use."""
    for device in known:
        _blkpg(fd, _DELETE, 0, 0, device.partition_number)


def name(disk_device: Device, number: int) -> str:
    """The kernel's name of a partition: vda1, but nvme0n1p1."""
    return f"{disk_device.name}{'p' if disk_device.name[-1].isdigit() else ''}{number}"


def label(device: Device, tables: dict[str, Table | None]) -> Device:
    """The device with its partition's label, which a kernel that does not read GPT cannot know."""
    table = tables.get(device.parent)
    if device.partition_name or table is None:
        return device
    found = next((p.name for p in table.partitions if p.number == device.partition_number), "")
    return replace(device, partition_name=found)


def tables(dev: Path, known: list[Device]) -> dict[str, Table | None]:
    """The table of every disk among `known` that can be opened; None where there is none or it is broken."""
    found: dict[str, Table | None] = {}
    for device in known:
        if device.parent or device.cdrom:
            continue
        try:
            with disk.opened(dev / device.name) as fd:
                found[device.name] = read(fd)
        except (OSError, Invalid):
            found[device.name] = None
    return found


def _add(fd: int, start: int, length: int, number: int) -> bool:
    try:
        _blkpg(fd, _ADD, start, length, number)
    except OSError as error:
        # the kernel found it by itself in the meantime
        if error.errno == errno.EBUSY:
            return False
        raise
    return True


def _blkpg(fd: int, operation: int, start: int, length: int, number: int) -> None:
    data = array.array("B", _PARTITION.pack(start, length, number, b"", b""))
    address, count = data.buffer_info()
    fcntl.ioctl(fd, _BLKPG, _ARGUMENT.pack(operation, 0, count, address))
