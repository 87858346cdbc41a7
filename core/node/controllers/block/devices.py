"""What the kernel says of block devices: sysfs -> BlockDevice and Disk, again at every device event. Contents are not
looked at here."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from core.base.units import format_size
from core.linux.disk import Device
from core.linux.uevents import Listen
from core.node.controllers.block.place import Place
from core.node.resources.block import BlockDevice, BlockSymlink, Disk
from core.state import Controller, Scope, exclusive, weak


class Devices(Controller):
    """BlockDevice by kernel name. Each event of a device makes a new generation of it, so that it is looked at anew."""

    name = "block.DevicesController"
    outputs = (exclusive(BlockDevice),)

    def __init__(self, place: Place, listen: Listen) -> None:
        self._place, self._listen = place, listen
        self._events: Counter[str] = Counter()

    async def reconcile(self, scope: Scope) -> None:
        known = await asyncio.to_thread(self._place.devices)
        scope.sync(BlockDevice.all(), {d.name: self._spec(d) for d in known})

    async def work(self, scope: Scope) -> None:
        async for event in self._listen():
            if event is None:
                scope.wake()
            elif event.subsystem == "block":
                self._events[event.values.get("DEVNAME", "")] += 1
                scope.wake()

    def _spec(self, device: Device) -> BlockDevice:
        return BlockDevice(
            type=device.kind,
            major=device.major,
            minor=device.minor,
            partition_name=device.partition_name,
            partition_number=device.partition_number,
            generation=self._events[device.name] + 1,
            device_path=device.bus_path,
            parent=device.parent,
            secondaries=device.secondaries,
        )


class Disks(Controller):
    """Disk by kernel name: whole disks alone, without what is made of other devices and without empty drives."""

    name = "block.DisksController"
    inputs = (weak(BlockDevice), weak(BlockSymlink))
    outputs = (exclusive(Disk),)

    def __init__(self, place: Place) -> None:
        self._place = place

    async def reconcile(self, scope: Scope) -> None:
        links = {r.md.id: r.spec.paths for r in scope.list(BlockSymlink.all())}
        known = await asyncio.to_thread(self._place.devices)
        wanted = {d.name: _disk(d, links.get(d.name, ())) for d in known if not d.parent and not d.dm_name}
        scope.sync(Disk.all(), wanted)


def _disk(device: Device, symlinks: Iterable[str]) -> Disk:
    return Disk(
        dev_path=device.path,
        size=device.size,
        pretty_size=format_size(device.size),
        io_size=device.io_size,
        sector_size=device.sector_size,
        readonly=device.read_only,
        cdrom=device.cdrom,
        model=device.model,
        firmware_version=device.firmware,
        serial=device.serial,
        modalias=device.modalias,
        wwid=device.wwid,
        bus_path=device.bus_path,
        sub_system="/sys/class/block",
        transport=device.transport,
        rotational=device.rotational,
        secondary_disks=device.secondaries,
        symlinks=tuple(symlinks),
    )
