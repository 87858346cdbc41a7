"""The names of block devices that do not change with the order of their discovery: BlockDevice and DiscoveredVolume ->
links below /dev/disk, and BlockSymlink. Owns every link there; devtmpfs makes the nodes themselves."""

import asyncio
import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from core.linux.disk import Device
from core.node.controllers.block.place import Place
from core.node.resources.block import BlockDevice, BlockSymlink, DiscoveredVolume
from core.state import Controller, Scope, exclusive, weak

_UNSAFE: Final = re.compile(r"[^0-9A-Za-z#+\-.:=@_]")
_PCI: Final = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_BUSES: Final = {"virtio": "virtio", "nvme": "nvme", "sata": "ata", "sas": "scsi", "usb": "usb", "mmc": "mmc"}


class Symlinks(Controller):
    """BlockSymlink by kernel name. Two devices that claim a name: the first by kernel name has it."""

    name = "block.SymlinksController"
    inputs = (weak(BlockDevice), weak(DiscoveredVolume))
    outputs = (exclusive(BlockSymlink),)

    def __init__(self, place: Place) -> None:
        self._place = place

    async def reconcile(self, scope: Scope) -> None:
        volumes = {v.md.id: v.spec for v in scope.list(DiscoveredVolume.all())}
        wanted: dict[str, tuple[str, ...]] = {}
        taken: dict[str, str] = {}
        for device in await asyncio.to_thread(self._place.devices):
            free = [link for link in dict.fromkeys(names(device, volumes.get(device.name))) if link not in taken]
            taken.update(dict.fromkeys(free, device.name))
            if free:
                wanted[device.name] = tuple(f"/dev/disk/{link}" for link in free)
        await asyncio.to_thread(_apply, self._place.links, taken)
        scope.sync(BlockSymlink.all(), {name: BlockSymlink(paths=paths) for name, paths in wanted.items()})


def names(device: Device, volume: DiscoveredVolume | None) -> Iterator[str]:
    """Every name of a device, below /dev/disk."""
    part = f"-part{device.partition_number}" if device.parent else ""
    bus = _BUSES.get(device.transport, "")
    if bus and device.serial:
        middle = f"{device.model}_" if device.model else ""
        yield f"by-id/{bus}-{safe(middle + device.serial)}{part}"
    if device.wwid:
        yield f"by-id/{safe('wwn-' + device.wwid.removeprefix('naa.'))}{part}"
    if device.dm_name:
        yield f"by-id/dm-name-{safe(device.dm_name)}"
    if functions := _PCI.findall(device.bus_path):
        tail = f"-{bus}" if bus in ("nvme", "ata", "scsi", "usb") else ""
        yield f"by-path/pci-{functions[-1]}{tail}{part}"
    if volume is not None:
        for kind, value in (
            ("partlabel", volume.partition_label),
            ("partuuid", volume.partition_uuid),
            ("uuid", volume.uuid if volume.name != "gpt" else ""),
            ("label", volume.label),
        ):
            if value:
                yield f"by-{kind}/{safe(value)}"


def safe(text: str) -> str:
    """As a file name: what may not be in one is written \\xNN, blanks are underscores, as on other systems."""
    text = re.sub(r"\s+", "_", text.strip())
    return _UNSAFE.sub(lambda m: "".join(f"\\x{byte:02x}" for byte in m[0].encode()), text)


def _apply(folder: Path, wanted: Mapping[str, str]) -> None:
    """Make the links that are missing or wrong, remove those that nobody wants."""
    for link, name in wanted.items():
        path, target = folder / link, f"../../{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() and str(path.readlink()) == target:
            continue
        fresh = path.with_name(path.name + ".new")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(target)
        fresh.replace(path)
    for path in folder.glob("by-*/*"):
        if str(path.relative_to(folder)) not in wanted:
            path.unlink()
