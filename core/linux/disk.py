"""Block devices as sysfs tells of them (Documentation/ABI/testing/sysfs-block), read below an explicit root, and open
devices as byte ranges. Owns no policy; missing attributes are empty, a device that goes away while it is read is left
out."""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.codec.gpt import Read

_SECTOR: Final = 512  # sysfs counts in these whatever the device's own sector is
_BLKGETSIZE64: Final = 0x80081272
_BLKSSZGET: Final = 0x1268
_BLKFLSBUF: Final = 0x1261
_BLKDISCARD: Final = 0x1277
_TRANSPORTS: Final = {"virtio": "virtio", "nvme": "nvme", "usb": "usb", "mmc": "mmc", "xen": "xen", "vmbus": "vmbus"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A disk, or a partition (`parent` names its disk). Sizes and offsets in bytes."""

    name: str
    major: int
    minor: int
    kind: str
    size: int
    generation: int
    parent: str = ""
    partition_number: int = 0
    partition_name: str = ""
    partition_start: int = 0
    sector_size: int = 512
    io_size: int = 512
    read_only: bool = False
    removable: bool = False
    rotational: bool = False
    cdrom: bool = False
    model: str = ""
    serial: str = ""
    firmware: str = ""
    wwid: str = ""
    modalias: str = ""
    bus_path: str = ""
    transport: str = ""
    dm_name: str = ""
    # devices that this one is made of
    secondaries: tuple[str, ...] = ()
    # devices made of this one: somebody already uses it
    holders: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"/dev/{self.name}"


def devices(sys: Path) -> list[Device]:
    """All block devices with a size, disks before their partitions, by name. `sys` is the mounted sysfs."""
    found = []
    for entry in sorted((sys / "class/block").iterdir(), key=lambda p: (len(p.name), p.name)):
        try:
            device = _device(sys, entry)
        except FileNotFoundError:
            continue
        if device.size or device.cdrom:
            found.append(device)
    return sorted(found, key=lambda d: (d.parent or d.name, d.partition_number))


@contextmanager
def opened(path: Path, *, write: bool = False, exclusive: bool = False) -> Iterator[int]:
    """The device's fd. `exclusive` raises OSError (EBUSY) while it or a part of it is mounted or held by another."""
    flags = (os.O_RDWR if write else os.O_RDONLY) | (os.O_EXCL if exclusive else 0)
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def reader(fd: int) -> Read:
    """(offset, length) -> bytes, short at the end, as the codecs want it."""
    return lambda offset, length: os.pread(fd, length, offset) if offset >= 0 else b""


def size(fd: int) -> int:
    """Bytes of an open block device."""
    return int(struct.unpack("=Q", fcntl.ioctl(fd, _BLKGETSIZE64, bytes(8)))[0])


def sector_size(fd: int) -> int:
    """Bytes of its logical sector."""
    return int(struct.unpack("=i", fcntl.ioctl(fd, _BLKSSZGET, bytes(4)))[0])


def write(fd: int, offset: int, data: bytes) -> None:
    """All of `data` at `offset`, on the medium when this returns."""
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count
    os.fsync(fd)


def erase(fd: int, offset: int, length: int) -> None:
    """Zeros over the range, on the medium when this returns."""
    end = offset + length
    while offset < end:
        offset += os.pwrite(fd, bytes(min(1 << 20, end - offset)), offset)
    os.fsync(fd)


def discard(fd: int, offset: int, length: int) -> bool:
    """Give a range's content back to the device; whether it takes it. What is read there afterwards is the device's
    to say."""
    try:
        fcntl.ioctl(fd, _BLKDISCARD, struct.pack("=QQ", offset, length))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return False
    return True


def drop_cache(fd: int) -> None:
    """Write back and forget what the kernel caches of the device, so that the next read asks the medium."""
    fcntl.ioctl(fd, _BLKFLSBUF, 0)


def _device(sys: Path, entry: Path) -> Device:
    events = _pairs(entry / "uevent")
    partition = (entry / "partition").exists()
    real = entry.resolve()
    whole = real.parent if partition else real
    hardware = whole / "device"
    bus = hardware.resolve() if hardware.exists() else None
    slaves, holders = entry / "slaves", entry / "holders"
    return Device(
        name=entry.name.replace("!", "/"),
        major=int(events.get("MAJOR", "0")),
        minor=int(events.get("MINOR", "0")),
        kind=events.get("DEVTYPE", "disk"),
        size=_number(entry / "size") * _SECTOR,
        generation=_number(whole / "diskseq"),
        parent=whole.name if partition else "",
        partition_number=_number(entry / "partition"),
        partition_name=events.get("PARTNAME", ""),
        partition_start=_number(entry / "start") * _SECTOR,
        sector_size=_number(whole / "queue/logical_block_size") or _SECTOR,
        io_size=_number(whole / "queue/optimal_io_size") or _number(whole / "queue/minimum_io_size") or _SECTOR,
        read_only=bool(_number(entry / "ro")),
        removable=bool(_number(whole / "removable")),
        rotational=bool(_number(whole / "queue/rotational")),
        cdrom=whole.name.startswith("sr") and _text(hardware / "type") == "5",
        model=_text(hardware / "model"),
        serial=_text(whole / "serial") or _text(hardware / "serial") or _page_80(hardware / "vpd_pg80"),
        firmware=_text(hardware / "firmware_rev") or _text(hardware / "rev"),
        wwid=_text(whole / "wwid") or _text(hardware / "wwid"),
        modalias=_text(hardware / "modalias"),
        bus_path="" if bus is None else str(bus).removeprefix(str(sys.resolve() / "devices")),
        transport="" if bus is None else _transport(bus),
        dm_name=_text(whole / "dm/name"),
        secondaries=tuple(sorted(p.name for p in slaves.iterdir())) if slaves.is_dir() else (),
        holders=tuple(sorted(p.name for p in holders.iterdir())) if holders.is_dir() else (),
    )


def _transport(bus: Path) -> str:
    """Which bus the disk hangs on: the first ancestor that says so."""
    for folder in (bus, *bus.parents):
        if folder.name.startswith("ata") and folder.name[3:].isdigit():
            return "sata"
        if (folder / "sas_address").exists():
            return "sas"
        link = folder / "subsystem"
        kind = link.resolve().name if link.is_symlink() else ""
        if kind in _TRANSPORTS:
            return _TRANSPORTS[kind]
    return ""


def _page_80(path: Path) -> str:
    """The unit's serial number out of SCSI's vital product data."""
    try:
        return path.read_bytes()[4:].decode("ascii", "replace").strip("\0 ")
    except OSError:
        return ""


def _pairs(path: Path) -> dict[str, str]:
    lines = path.read_text(errors="replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdigit() else 0
